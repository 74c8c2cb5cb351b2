//! Device and periphery models through the whole program: what they do to a network, the error budget that tells them
//! apart, and the same bytes whatever the way.

mod support;

use std::path::Path;
use support::{bwq, bwq_ok, column, folder};

const EVERYTHING: &str = r#"
[network]
images = 3

[crossbar]
ou_wordlines = 9

[adc]
bits = 5
offset_sigma_steps = 0.1
gain_sigma_rel = 0.01
threshold_sigma_steps = 0.05

[device]
on_off_ratio = 30
programming_error = { law = "write-verify", sigma_rel = 0.1, tolerance_rel = 0.05, attempts = 3 }
relaxation = { sigma_rel = 0.02 }
spread = { sigma_chip_ln = 0.02, sigma_column_ln = 0.02, sigma_gradient_ln = 0.02 }
stuck_at = { on_frac = 0.001, off_frac = 0.005, clustering = "columns" }
drift = { nu = 0.01, sigma_nu = 0.002 }
time_s = 1000.0
read_noise = { law = "normal-proportional", sigma_rel = 0.01 }
wire_ohm = 0.5

[monte_carlo]
trials = 2
seed = 4
"#;

fn numbers(path: &Path, name: &str) -> Vec<f64> {
    column(path, name).iter().map(|v| v.parse().unwrap_or(f64::NAN)).collect()
}

#[test]
fn all_models_together_are_the_same_on_any_number_of_threads() {
    let dir = folder(EVERYTHING);
    let d = dir.path();
    let read = |out: &str| std::fs::read(d.join(out).join("trials.csv")).expect("a table");
    for (out, more) in [("one", ["--threads", "1"]), ("two", ["--threads", "2"])] {
        let mut args = vec!["run", "sweep.toml", "--out", out, "--engine", "cpu", "--quiet"];
        args.extend(more);
        bwq_ok(d, &args);
    }
    assert!(read("one") == read("two"));
}

/// Drift makes all conductances smaller; a chip that corrects its gain, or its channels, wins most of that back.
#[test]
fn compensation_wins_back_what_drift_takes() {
    let dir = folder("[network]\nimages = 100\n[crossbar]\ncompensation = [\"none\", \"gain\", \"batchnorm\"]\n[device]\ntime_s = 1e5\ndrift = { nu = 0.03, sigma_nu = 0.005 }\n[monte_carlo]\ntrials = 2\n");
    let d = dir.path();
    for threads in ["1", "2"] {
        bwq_ok(d, &["run", "sweep.toml", "--out", threads, "--engine", "cpu", "--quiet", "--threads", threads]);
    }
    let summary = |out: &str| d.join(out).join("summary.csv");
    assert_eq!(std::fs::read(summary("1")).expect("a table"), std::fs::read(summary("2")).expect("a table"));
    let mean = numbers(&summary("1"), "accuracy_mean_frac");
    let quantised = numbers(&summary("1"), "quantised_accuracy_frac")[0];
    assert!(mean[0] < quantised - 0.05, "drift costs nothing: {mean:?} of {quantised}");
    assert!(mean[2] > mean[0] + 0.05 && mean[2] > quantised - 0.04, "{mean:?} of {quantised}");
    assert!(mean[1] > mean[0] + 0.01, "{mean:?}");
}

/// The parts of a budget sum to the whole loss, and the whole is what `run` gives.
#[test]
fn a_budget_adds_up() {
    let toml = EVERYTHING.replace("wire_ohm = 0.5", "").replace("read_noise = { law = \"normal-proportional\", sigma_rel = 0.01 }", "").replace("images = 3", "images = 20");
    let dir = folder(&toml);
    let d = dir.path();
    bwq_ok(d, &["run", "sweep.toml", "--out", "run", "--engine", "cpu", "--quiet"]);
    let said = bwq_ok(d, &["explain", "sweep.toml", "--out", "budget", "--engine", "cpu", "--quiet", "--no-layers"]);
    let table = d.join("budget/explain.csv");
    let causes = column(&table, "cause");
    let wanted = [
        "quantization", "on_off_ratio", "programming_error", "spread_of_chips", "spread_over_array", "spread_of_bitlines", "relaxation", "drift", "stuck_at", "adc_resolution",
        "adc_clipping", "adc_spread",
    ];
    assert_eq!(causes, wanted);
    assert!(wanted.iter().all(|cause| said.contains(cause)), "{said}");
    let (after, added) = (numbers(&table, "accuracy_after_frac"), numbers(&table, "loss_added_frac"));
    for i in 1..after.len() {
        assert!((after[i - 1] - after[i] - added[i]).abs() < 1e-9);
    }
    let run = numbers(&d.join("run/summary.csv"), "accuracy_mean_frac")[0];
    assert!((after[after.len() - 1] - run).abs() < 1e-12, "{after:?} {run}");
    for file in ["explain.svg", "explain.png", "explain_layers.csv", "explain.provenance.json", "explain_layers.provenance.json"] {
        assert!(d.join("budget").join(file).exists(), "{file}");
    }
}

/// What does not go together is refused with its place and a hint.
#[test]
fn contradictions_are_refused() {
    let cases = [
        ("[adc]\nbits = \"ideal\"\ngain_sigma_rel = 0.1\n", "an ideal converter has no steps"),
        ("[device]\nstuck_at = { on_frac = 0.7, off_frac = 0.7 }\n", "more than all cells"),
        ("[device]\nwire_ohm = 1.0\nwire_topology = \"gated\"\nread_noise = { law = \"normal-proportional\", sigma_rel = 0.01 }\n", "not modelled"),
        ("[device]\nwire_ohm = 1.0\nwire_topology = \"gated\"\n[crossbar]\nou_wordlines = 64\n", "ou_wordlines"),
    ];
    for (text, part) in cases {
        let dir = folder(text);
        let (code, _, said) = bwq(dir.path(), &["run", "sweep.toml", "--out", "out"]);
        assert!(code == 2 && said.contains(part) && said.contains("sweep.toml:") && said.contains("hint: "), "{code}: {said}");
    }
    for (key, text) in [("adc", "[adc]\noffset_sigma_steps = 0.1\n"), ("compensation", "[crossbar]\ncompensation = \"gain\"\n"), ("read_noise", "[device]\nread_noise = { law = \"normal-independent\", sigma_rel = 0.01 }\n")] {
        let dir = folder(text);
        let (code, _, said) = bwq(dir.path(), &["run", "sweep.toml", "--out", "out", "--engine", "gpu"]);
        assert!(code == 2 && said.contains(key) && said.contains("--engine cpu"), "{code}: {said}");
    }
}
