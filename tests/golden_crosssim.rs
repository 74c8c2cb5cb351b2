//! Results of an independent simulator (CrossSim 3.2.0), through `bwq mvm`: all checks of its README.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::{Array, bwq_ok, npy, npz, shared, write_npy};

/// A case and its directory for arrays.
struct Case {
    name: String,
    arrays: BTreeMap<String, Array>,
    config: Value,
    dir: tempfile::TempDir,
}

fn cases(check: &str) -> Vec<Case> {
    let Some(folder) = shared("golden/crosssim") else { return Vec::new() };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|p| p.file_name().unwrap().to_string_lossy().starts_with(&format!("case_{check}")));
    files.sort();
    assert!(!files.is_empty(), "no case of check {check}");
    let case = |p: &PathBuf| {
        let (arrays, config) = npz(p);
        Case { name: p.file_stem().unwrap().to_string_lossy().into_owned(), arrays, config, dir: tempfile::tempdir().unwrap() }
    };
    files.iter().map(case).collect()
}

impl Case {
    fn number(&self, key: &str) -> f64 {
        self.config[key].as_f64().unwrap()
    }

    fn word(&self, key: &str) -> &str {
        self.config[key].as_str().unwrap()
    }

    /// The case's rules as our configuration.
    fn toml(&self) -> String {
        let n = |key: &str| self.number(key);
        let magnitude = if self.word("style") == "differential" { n("weight_bits") - 1.0 } else { n("weight_bits") };
        let cell_bits = (magnitude / n("slices")).ceil();
        let ou = self.config["groups"][0].as_u64().unwrap();
        let adc = if n("adc_bits") == 0.0 { "bits = \"ideal\"".to_string() } else { format!("bits = {}\nrange = [{:?}, {:?}]", n("adc_bits"), n("adc_lo"), n("adc_hi")) };
        let ways = if self.word("style") == "differential" {
            format!("subtraction = \"{}\"", self.word("subtract"))
        } else {
            format!("offset_removal = \"{}\"", self.word("offset").replace('_', "-"))
        };
        let ratio = if n("on_off") == 0.0 { "\"infinite\"".to_string() } else { format!("{:?}", n("on_off")) };
        let clip = self.config["clip"].as_bool().unwrap();
        let sampled = !self.arrays.contains_key("conductance");
        let error = match self.word("error") {
            "proportional" if sampled => format!("{{ law = \"normal-proportional\", sigma_rel = {:?}, clip = {clip} }}", n("sigma")),
            "independent" if sampled => format!("{{ law = \"normal-independent\", sigma_rel = {:?}, clip = {clip} }}", n("sigma")),
            "lognormal" if sampled => format!("{{ law = \"lognormal\", sigma_ln = {:?}, clip = {clip} }}", n("sigma")),
            _ => "{ law = \"none\" }".to_string(),
        };
        let read_noise = match self.word("read") {
            "proportional" => format!("{{ law = \"normal-proportional\", sigma_rel = {:?} }}", n("read_sigma")),
            _ => "{ law = \"none\" }".to_string(),
        };
        let topology = if self.config["gated"].as_bool().unwrap() { "gated" } else { "plain" };
        let trials = if sampled { self.config["trials"].as_u64().unwrap_or(1) } else { 1 };
        format!(
            "[quantization]\nweight_bits = {}\nactivation_bits = {}\n[crossbar]\nrows = {}\nou_wordlines = {ou}\ncell_bits = {cell_bits}\ndac_bits = {}\nencoding = \"{}\"\n{ways}\n[adc]\n{adc}\n[device]\non_off_ratio = {ratio}\nprogramming_error = {error}\nread_noise = {read_noise}\nwire_ohm = {:?}\nwire_topology = \"{topology}\"\n[monte_carlo]\ntrials = {trials}\nseed = 6\n",
            n("weight_bits"),
            n("input_bits"),
            ou.max(128),
            n("input_slice"),
            self.word("style"),
            n("rp"),
        )
    }

    /// Runs the case; returns outputs and, if asked for, currents before the ADC.
    fn run(&self, extra: &[&str]) -> Array {
        let d = self.dir.path();
        write_npy(&d.join("w.npy"), &self.arrays["weights"], "i2");
        write_npy(&d.join("x.npy"), &self.arrays["inputs"], "i2");
        std::fs::write(d.join("c.toml"), self.toml()).unwrap();
        let mut args = vec!["mvm", "--weights", "w.npy", "--inputs", "x.npy", "--config", "c.toml", "--out", "y.npy"];
        args.extend(extra);
        bwq_ok(d, &args);
        read(&d.join("y.npy"))
    }

    fn largest(&self) -> f64 {
        self.arrays["output"].values.iter().fold(0.0, |a: f64, v| a.max(v.abs()))
    }

    /// Outputs equal to within `tolerance` of the largest, but for at most a share `few`.
    fn expect(&self, y: &Array, tolerance: f64, few: f64) {
        let expected = &self.arrays["output"];
        assert_eq!(y.values.len(), expected.values.len(), "{}", self.name);
        let off = y.values.iter().zip(&expected.values).filter(|(a, b)| (**a - **b).abs() > tolerance * self.largest()).count();
        assert!(off as f64 <= few * y.values.len() as f64, "{}: {off} of {} outputs differ", self.name, y.values.len());
    }
}

fn read(path: &Path) -> Array {
    npy(&std::fs::read(path).unwrap())
}

#[test]
fn check_1_exact() {
    for case in cases("01") {
        let y = case.run(&[]);
        // Cells of 2 bits have levels of thirds, which no binary fraction holds: the README asks for 1e-7 there.
        case.expect(&y, if case.toml().contains("cell_bits = 1\n") { 1e-12 } else { 1e-7 }, 0.0);
        let ideal = &case.arrays["ideal"];
        assert!(y.values.iter().zip(&ideal.values).all(|(a, b)| (a - b).abs() <= 1e-7 * case.largest()), "{}", case.name);
    }
}

#[test]
fn check_2_saturation() {
    for case in cases("02") {
        let y = case.run(&["--pre-adc", "p.npy"]);
        case.expect(&y, 1e-9, 0.0);
        if let Some(expected) = case.arrays.get("pre_adc") {
            let p = read(&case.dir.path().join("p.npy"));
            assert_eq!(p.shape, expected.shape, "{}", case.name);
            assert!(p.values.iter().zip(&expected.values).all(|(a, b)| (a - b).abs() < 1e-6), "{}", case.name);
        }
    }
}

#[test]
fn check_3_coarse_adc() {
    for case in cases("03") {
        let y = case.run(&[]);
        case.expect(&y, 1e-9, 0.0);
    }
}

#[test]
fn check_4_on_off_ratio() {
    for case in cases("04") {
        let y = case.run(&[]);
        // With an ideal ADC g_off is rounded to 2^-F; the README asks for 1e-7 of fixed-point tools there.
        case.expect(&y, if case.number("adc_bits") == 0.0 { 1e-7 } else { 1e-9 }, 0.0);
    }
}

#[test]
fn check_5_given_conductances() {
    for case in cases("05") {
        write_npy(&case.dir.path().join("g.npy"), &case.arrays["conductance"], "f4");
        let y = case.run(&["--conductances", "g.npy"]);
        case.expect(&y, 1e-5, 1e-3);
    }
}

/// Nodal analysis of both topologies. Conductances and effective ones are fixed-point numbers, so 1e-7 of the largest
/// output would be no surprise; the README asks for 1e-6.
#[test]
fn check_8_wire_resistance() {
    for case in cases("08") {
        let y = case.run(&[]);
        case.expect(&y, 1e-6, 0.0);
        let ideal = &case.arrays["ideal"];
        let lost = y.values.iter().zip(&ideal.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / case.largest();
        assert!(lost > 1e-3, "{}: wires change nothing", case.name);
    }
}

/// Mean and standard deviation of a sample, and the relative standard error of the latter (from the kurtosis:
/// with an ADC the tails are heavy).
fn moments(y: &[f64]) -> (f64, f64, f64) {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    let variance = y.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    let fourth = y.iter().map(|v| (v - mean).powi(4)).sum::<f64>() / n;
    (mean, variance.sqrt(), ((fourth / (variance * variance) - 1.0) / (4.0 * n)).sqrt())
}

fn ks(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let below = |s: &[f64], v: f64| s.partition_point(|x| *x <= v) as f64 / s.len() as f64;
    a.iter().chain(&b).map(|&v| (below(&a, v) - below(&b, v)).abs()).fold(0.0, f64::max)
}

/// Critical KS distance of two samples of `n` at p = 0.001, with the README's room for many outputs.
fn critical(n: usize) -> f64 {
    1.95 * (2.0 / n as f64).sqrt() * 1.25
}

#[test]
fn check_6_distributions() {
    for case in cases("06") {
        same_distributions(&case, 2000);
    }
}

/// Drawn anew for every row group, slice, input step, plane and vector.
#[test]
fn check_7_read_noise() {
    for case in cases("07") {
        same_distributions(&case, 1000);
    }
}

/// Mean, standard deviation and shape of every output over the trials, and closed forms where there are any.
fn same_distributions(case: &Case, of_trials: usize) {
    let y = case.run(&[]);
    let expected = &case.arrays["output"];
    let (trials, outputs) = (y.shape[0], y.shape[1] * y.shape[2]);
    assert_eq!((trials, y.shape.len()), (of_trials, 3));
    let column = |a: &Array, i: usize| -> Vec<f64> { (0..trials).map(|t| a.values[t * outputs + i]).collect() };
    for i in 0..outputs {
        let (own, theirs) = (column(&y, i), column(expected, i));
        let (m1, s1, e1) = moments(&own);
        let (m2, s2, e2) = moments(&theirs);
        assert!((m1 - m2).abs() < 4.5 * s2 * (2.0 / trials as f64).sqrt(), "{} output {i}: means {m1} {m2}", case.name);
        assert!((s1 - s2).abs() / s2 < 5.0 * e1.hypot(e2), "{} output {i}: sd {s1} {s2}", case.name);
        let distance = ks(own.clone(), theirs);
        assert!(distance < critical(trials), "{} output {i}: KS {distance}", case.name);
        if let Some((mean, variance)) = closed_form(case, i) {
            assert!((m1 - mean).abs() < 4.5 * (variance / trials as f64).sqrt(), "{} output {i}: mean {m1}, closed form {mean}", case.name);
            assert!((s1 / variance.sqrt() - 1.0).abs() < 5.0 * e1, "{} output {i}: sd {s1}, closed form {}", case.name, variance.sqrt());
        }
    }
}

/// Mean and variance of output `i` for an ideal ADC (formulas of the README, 1-bit cells).
fn closed_form(case: &Case, i: usize) -> Option<(f64, f64)> {
    if case.number("adc_bits") != 0.0 {
        return None;
    }
    let (w, x) = (&case.arrays["weights"], &case.arrays["inputs"]);
    let (k, b) = (w.shape[1], x.shape[1]);
    let (n, v) = (i / b, i % b);
    let s2 = case.number("sigma").powi(2);
    let all: f64 = (0..case.number("slices") as i32).map(|s| 4f64.powi(s)).sum();
    let (mut product, mut on, mut off, mut read) = (0.0, 0.0, 0.0, 0.0);
    for row in 0..k {
        let (weight, input) = (w.values[n * k + row], x.values[row * b + v]);
        let set: f64 = (0..7).filter(|s| (weight.abs() as i64) >> s & 1 == 1).map(|s| 4f64.powi(s)).sum();
        product += weight * input;
        on += set * input * input;
        read += set * (0..8).filter(|t| (input as i64) >> t & 1 == 1).map(|t| 4f64.powi(t)).sum::<f64>();
        off += (2.0 * all - set) * input * input; // both planes have cells
    }
    let pi = std::f64::consts::PI;
    match case.word("error") {
        "proportional" => Some((product, s2 * on)),
        "lognormal" => Some((product * (s2 / 2.0).exp(), (s2.exp() - 1.0) * s2.exp() * on)),
        "independent" => Some((product * (1.0 - case.number("sigma") / (2.0 * pi).sqrt()), s2 * on + s2 * (0.5 - 0.5 / pi) * off)),
        _ if case.word("read") == "proportional" => Some((product, case.number("read_sigma").powi(2) * read)),
        _ => None,
    }
}
