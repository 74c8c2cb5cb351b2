//! Statistics through the program: runs that stop at a half-width, differences of points, antithetic chips.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use support::{bwq, bwq_ok};

const SWEEP: &str = r#"
[network]
model = "net.json"
dataset = "data"
images = 40

[crossbar]
ou_wordlines = [9, 20]

[adc]
bits = 3

[device]
programming_error = { law = "lognormal", sigma_ln = [0.1, 0.3] }

[monte_carlo]
trials = 6
"#;

fn folder() -> tempfile::TempDir {
    support::folder_with_network(SWEEP, 40)
}

fn run(dir: &Path, out: &str, more: &[&str]) -> (i32, String, String) {
    bwq(dir, &[&["run", "sweep.toml", "--engine", "cpu", "--out", out][..], more].concat())
}

fn run_ok(dir: &Path, out: &str, more: &[&str]) {
    let (code, _, stderr) = run(dir, out, more);
    assert_eq!(code, 0, "{stderr}");
}

/// Rows of a table as name -> value.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_string).collect();
    reader.records().map(|r| names.iter().cloned().zip(r.unwrap().iter().map(str::to_string)).collect()).collect()
}

fn number(row: &BTreeMap<String, String>, name: &str) -> f64 {
    row[name].parse().unwrap_or_else(|_| panic!("{name}: `{}`", row[name]))
}

#[test]
fn a_run_stops_where_means_are_known() {
    let dir = folder();
    let d = dir.path();
    let rule = ["--half-width", "0.004", "--trials", "4000"];
    run_ok(d, "whole", &rule);
    let summary = rows(&d.join("whole/summary.csv"));
    for row in &summary {
        let chips = number(row, "trials");
        let half = (number(row, "accuracy_mean_hi95_frac") - number(row, "accuracy_mean_lo95_frac")) / 2.0;
        assert!((64.0..4000.0).contains(&chips) && chips % 16.0 == 0.0 && half <= 0.004 + 1e-8, "{chips} chips, {half}");
    }
    assert!(summary.iter().any(|r| r["trials"] != summary[0]["trials"]), "each point has its own number");
    // Whatever way there: threads, blocks of an earlier run, blocks that are missing.
    let files = ["summary.csv", "trials.csv", "differences.csv"];
    let bytes = |out: &str| files.map(|f| std::fs::read(d.join(out).join(f)).unwrap());
    run_ok(d, "resumed", &["--trials", "200", "--threads", "1"]);
    let removed = std::fs::read_dir(d.join("resumed/blocks")).unwrap().map(|e| e.unwrap().path()).step_by(3);
    removed.for_each(|path| std::fs::remove_file(path).unwrap());
    assert_eq!(bwq(d, &["status", "resumed"]).0, 3);
    run_ok(d, "resumed", &[&rule[..], &["--threads", "1"]].concat());
    assert_eq!(bytes("resumed"), bytes("whole"));
    // Afterwards the folder is complete as it is.
    bwq_ok(d, &["status", "whole"]);
    bwq_ok(d, &["merge", "whole"]);
    assert_eq!(bytes("resumed"), bytes("whole"));
}

#[test]
fn a_mean_that_stays_wide_is_said() {
    let dir = folder();
    let d = dir.path();
    let (code, stdout, stderr) = run(d, "out", &["--half-width", "0.0001", "--trials", "64"]);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("at 4 of 4 points") && stderr.contains("raise --trials") && !stdout.is_empty(), "{stderr}");
    for (more, wanted) in [
        (&["--half-width", "0.02", "--shard", "0/2"][..], "by all chips in order"),
        (&["--half-width", "5"], "0.2 % is 0.002"),
        (&["--half-width", "0.2"], "any 64 chips know a mean that well"),
        (&["--half-width", "0"], "above 0"),
        (&["--half-width", "0.01"], "at least 64"),
        (&["--half-width", "0.01", "--trials", "100", "--set", "monte_carlo.antithetic=true"], "at least 128"),
    ] {
        let (code, stdout, stderr) = run(d, "refused", more);
        assert!(code == 2 && stdout.is_empty() && stderr.contains(wanted) && stderr.contains("hint: "), "{more:?}: {stderr}");
    }
    assert!(!d.join("refused").exists());
}

/// A row for each pair of neighbours along each axis; means are those of the summary.
#[test]
fn neighbours_are_compared() {
    let dir = folder();
    let d = dir.path();
    run_ok(d, "out", &["--trials", "40"]);
    let summary = rows(&d.join("out/summary.csv"));
    let mean = |hash: &str| number(summary.iter().find(|r| r["config_hash"] == hash).unwrap(), "accuracy_mean_frac");
    let differences = rows(&d.join("out/differences.csv"));
    let axes: Vec<(&str, &str, &str)> = differences.iter().map(|r| (r["axis"].as_str(), r["from"].as_str(), r["to"].as_str())).collect();
    assert_eq!(axes, [("sigma_ln", "0.1", "0.3"), ("ou_wordlines", "9", "20"), ("ou_wordlines", "9", "20"), ("sigma_ln", "0.1", "0.3")]);
    for row in &differences {
        let diff = number(row, "accuracy_diff_mean_frac");
        assert!((diff - (mean(&row["to_config_hash"]) - mean(&row["config_hash"]))).abs() < 1e-12);
        assert!(number(row, "accuracy_diff_mean_lo95_frac") <= diff && diff <= number(row, "accuracy_diff_mean_hi95_frac"));
        assert!(number(row, "yield_diff_lo95_frac") <= number(row, "yield_diff_frac"));
        assert!(number(row, "variance_ratio") > 0.0);
    }
    // The next value only, and a law's own columns are no axis of theirs.
    let laws = "device.programming_error=[{law=\"none\"},{law=\"lognormal\",sigma_ln=[0.1,0.2]}]";
    run_ok(d, "laws", &["--set", laws, "--set", "crossbar.ou_wordlines=9", "--set", "adc.bits=[\"lossless\",3]"]);
    let differences = rows(&d.join("laws/differences.csv"));
    let count = |axis: &str| differences.iter().filter(|r| r["axis"] == axis).count();
    assert_eq!((count("adc_bits"), count("programming_error_law"), count("sigma_ln"), differences.len()), (3, 2, 2, 7));
}

#[test]
fn antithetic_chips() {
    let dir = folder();
    let d = dir.path();
    let one = ["--set", "crossbar.ou_wordlines=9", "--set", "device.programming_error.sigma_ln=0.3", "--trials", "600"];
    let antithetic = [&one[..], &["--set", "monte_carlo.antithetic=true"]].concat();
    run_ok(d, "plain", &one);
    run_ok(d, "same", &[&one[..], &["--set", "monte_carlo.antithetic=false"]].concat());
    run_ok(d, "pairs", &antithetic);
    let trials = |out: &str| rows(&d.join(out).join("trials.csv"));
    let (plain, pairs) = (trials("plain"), trials("pairs"));
    assert_eq!(plain, trials("same"), "switched off it is not there");
    assert_ne!(plain[0]["config_hash"], pairs[0]["config_hash"]);
    // The first of each pair is the chip of that number, the second is another.
    assert!(plain.iter().zip(&pairs).step_by(2).all(|(a, b)| a["correct"] == b["correct"]));
    assert!(plain.iter().zip(&pairs).skip(1).step_by(2).filter(|(a, b)| a["correct"] == b["correct"]).count() < 200);
    let summary = |out: &str| rows(&d.join(out).join("summary.csv")).remove(0);
    let (plain, pairs) = (summary("plain"), summary("pairs"));
    // Unbiased: the means agree within four standard errors.
    let error = number(&plain, "accuracy_sd_frac") * (2.0f64 / 600.0).sqrt();
    let apart = number(&plain, "accuracy_mean_frac") - number(&pairs, "accuracy_mean_frac");
    assert!(apart.abs() < 4.0 * error, "{apart} {error}");
    let ratio = number(&pairs, "antithetic_variance_ratio");
    assert!(ratio > 0.2 && ratio < 1.3 && plain["antithetic_variance_ratio"].is_empty(), "{ratio}");
    assert!(number(&plain, "accuracy_sd_se_frac") > 0.0);
    let (code, _, stderr) = run(d, "odd", &["--trials", "5", "--set", "monte_carlo.antithetic=true"]);
    assert!(code == 2 && stderr.contains("chips come in pairs") && stderr.contains("6 say"), "{stderr}");
}
