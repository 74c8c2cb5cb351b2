//! `bwq check`: verdicts and exit codes, the sequence of heights, blocks that are reused, what is refused.

mod support;

use serde_json::Value;
use std::path::Path;
use support::{bwq, bwq_ok};

/// At 9 and 16 wordlines every chip keeps the accuracy on these images, at 32 hardly one does.
const SWEEP: &str = r#"
[network]
images = 10

[crossbar]
ou_wordlines = [32, 9, 64, 16]

[adc]
bits = 6

[device]
programming_error = { law = "lognormal", sigma_ln = 0.05 }
"#;

const QUESTION: [&str; 10] = ["check", "sweep.toml", "--engine", "cpu", "--max-drop", "0.1", "--yield", "0.9", "--confidence", "0.9"];

fn folder() -> tempfile::TempDir {
    support::folder(SWEEP)
}

/// Asks the question with more flags; returns (exit code, stdout, stderr).
fn ask(dir: &Path, more: &[&str]) -> (i32, String, String) {
    bwq(dir, &[&QUESTION[..], more].concat())
}

/// A column of check.csv.
fn column(dir: &Path, name: &str) -> Vec<String> {
    support::column(&dir.join("sweep-results/check.csv"), name)
}

#[test]
fn heights_are_tested_from_the_lowest_up() {
    let dir = folder();
    let d = dir.path();
    let (code, stdout, stderr) = ask(d, &[]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stderr.contains("a height passes after 29 chips at the earliest (a number fixed beforehand would need 22); at most 580 are drawn"), "{stderr}");
    assert!(stdout.contains("largest safe ou_wordlines: 16; ruled out: 32; not reached: 64"), "{stdout}");
    assert!(stdout.contains("PASS: at the lowest height") && stdout.contains("loses at most 1 of these 10 images"), "{stdout}");
    assert!(stdout.contains("at most 10 %") && stdout.contains("Robbins 1970"), "{stdout}");
    assert_eq!(column(d, "ou_wordlines"), ["9", "16", "32", "64"]);
    assert_eq!(column(d, "verdict"), ["pass", "pass", "fail", "not-reached"]);
    assert_eq!(column(d, "largest_safe_ou_wordlines"), ["16"; 4]);
    assert_eq!(column(d, "chips")[..2], ["29", "29"]);
    assert_eq!(column(d, "chips")[3], "");
    let out = d.join("sweep-results");
    assert!(out.join("check.provenance.json").exists() && !out.join("manifest.json").exists(), "the manifest is `run`'s");
    // Again, with other threads: nothing is computed, and the same bytes come out.
    let bytes = std::fs::read(out.join("check.csv")).unwrap();
    let (_, again, stderr) = ask(d, &["--threads", "1"]);
    assert!(stderr.contains("0 blocks made, 5 found"), "{stderr}");
    assert_eq!((again, std::fs::read(out.join("check.csv")).unwrap()), (stdout, bytes));
    // Blocks serve `run`, too.
    let (code, _, stderr) = bwq(d, &["run", "sweep.toml", "--engine", "cpu", "--trials", "16", "--set", "crossbar.ou_wordlines=[9,16,32]"]);
    assert!(code == 0 && stderr.contains("0 blocks made, 3 found"), "{stderr}");
}

#[test]
fn the_exit_code_is_the_verdict() {
    let dir = folder();
    let d = dir.path();
    let (code, stdout, stderr) = ask(d, &["--set", "crossbar.ou_wordlines=32", "--json"]);
    assert_eq!(code, 4, "{stdout}{stderr}");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&json["format"], &json["verdict"]), (&"bwq-check-1".into(), &"fail".into()));
    assert_eq!((json["fewest_chips"].as_u64(), json["fewest_chips_fixed_sample"].as_u64()), (Some(29), Some(22)));
    let group = &json["groups"][0];
    assert!(group["largest_safe_ou_wordlines"].is_null());
    let answer = &group["points"][0]["answer"];
    assert!(answer["chips_failed"].as_u64() > Some(0) && answer["yield_hi_frac"].as_f64() < Some(0.9), "{stdout}");
    // Too few chips for any PASS: a warning before, and no verdict.
    let few = ["--set", "crossbar.ou_wordlines=9", "--trials", "20"];
    let (code, stdout, stderr) = ask(d, &few);
    assert_eq!(code, 3, "{stdout}{stderr}");
    assert!(stderr.contains("warning: at most 20 chips cannot show") && stderr.contains("it takes 29"), "{stderr}");
    assert!(stdout.contains("UNDECIDED") && column(d, "chips") == ["20"], "{stdout}");
    // The file's number counts as well; more chips go on from the blocks that are there.
    std::fs::write(d.join("sweep.toml"), format!("{SWEEP}\n[monte_carlo]\ntrials = 40\n")).unwrap();
    let (code, _, stderr) = ask(d, &few[..2]);
    assert!(code == 0 && stderr.contains("at most 40 are drawn") && stderr.contains("0 blocks made, 2 found"), "{stderr}");
}

/// A group for each combination of the other values; all must have a safe height. A point without randomness is decided
/// by one chip.
#[test]
fn groups_are_answered_each_on_its_own() {
    let dir = folder();
    let d = dir.path();
    let (code, stdout, stderr) = ask(d, &["--set", "crossbar.ou_wordlines=[9,32]", "--set", "device.programming_error={law=\"none\"}", "--set", "adc.bits=[2,6]"]);
    assert_eq!(code, 4, "{stdout}{stderr}");
    assert!(stdout.contains("adc_bits 2\n") && stdout.contains("adc_bits 6\n") && stdout.contains("every chip is the same"), "{stdout}");
    assert!(stdout.contains("no ou_wordlines is shown to be safe; ruled out: 9; not reached: 32"), "{stdout}");
    assert!(stdout.contains("largest safe ou_wordlines: 9; ruled out: 32"), "{stdout}");
    assert!(stdout.contains("each of the 2 groups on its own"), "{stdout}");
    assert!(!stderr.contains("chips at the earliest") && stderr.contains("0 blocks made"), "{stderr}");
    assert_eq!(column(d, "chips"), ["1", "", "1", "1"]);
}

#[test]
fn questions_without_an_answer_are_refused() {
    let dir = folder();
    let d = dir.path();
    for (more, wanted) in [
        (&["--yield", "1"][..], "above 0 to below 1"),
        (&["--yield", "0"], "above 0 to below 1"),
        (&["--yield", "NaN"], "above 0 to below 1"),
        (&["--yield", "0.9999999"], "chips are needed at least"),
        (&["--confidence", "0.5"], "0.8 to 0.999999"),
        (&["--confidence", "95"], "95 % is 0.95"),
        (&["--max-drop", "1"], "--max-drop 1"),
        (&["--trials", "0"], "--trials 0"),
        (&["--set", "monte_carlo.antithetic=true", "--trials", "60"], "antithetic=false"),
    ] {
        // The last of two is the one that counts.
        let kept: Vec<&str> = QUESTION.chunks(2).filter(|pair| pair[0] != more[0]).flatten().copied().collect();
        let (code, stdout, stderr) = bwq(d, &[&kept[..], more].concat());
        assert!(code == 2 && stdout.is_empty() && stderr.contains(wanted) && stderr.contains("hint: "), "{more:?}: {code} {stderr}");
        assert!(!stderr.contains("bug in bwq"), "{stderr}");
    }
    assert!(!d.join("sweep-results/check.csv").exists());
    assert!(bwq_ok(d, &["check", "--help"]).contains("Exit codes: 0"));
}
