//! Every law of a cell against its closed form: moments within four standard errors, Kolmogorov-Smirnov at a million
//! draws, and independence between cells, levels, slices, planes and chips.

use bwq::config::{self, Overrides, PointConfig};
use bwq::crossbar::CrossbarLayer;
use bwq::crossbar::layer::{Build, Weights};
use bwq::device::normal::upper_tail;
use bwq::device::{Effects, QuantileTable, fraction_bits, g_off};
use bwq::engine::cpu::plane_cells::PlaneCells;
use std::io::Write;

/// Distribution function of the standard normal law.
fn phi(z: f64) -> f64 {
    1.0 - upper_tail(z)
}

fn point(device: &str, cell_bits: u32) -> PointConfig {
    let text = format!("[quantization]\nweight_bits = {}\n[crossbar]\ncell_bits = {cell_bits}\n[device]\n{device}\n", 2 * cell_bits + 1);
    config::parse_mvm(&text, "test", &Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// A layer of weights that are all `weight`: two slices of `cell_bits`.
fn layer(point: &PointConfig, rows: usize, outputs: usize, weight: i32) -> CrossbarLayer {
    let values = vec![weight; rows * outputs];
    let bits = point.quantization.weight_bits;
    let build = Build {
        name: "law",
        layer: 0,
        first_output: 0,
        weight_bits: bits,
        input_bits: 8,
        crossbar: &point.crossbar,
        adc: &point.adc,
        g_off: g_off(point.device.on_off_ratio),
        fraction_bits: fraction_bits(&point.device, 9, 1),
        calibrated_multiple: 1,
        digital: false,
    };
    CrossbarLayer::new(&build, &Weights { rows, outputs, values: &values, magnitude_bits: &|_, _| bits - 1 }).expect("a layer")
}

fn draw(point: &PointConfig, layer: &CrossbarLayer, trial: u32) -> PlaneCells {
    let table = QuantileTable::new(&point.device, layer.cell_bits, fraction_bits(&point.device, 9, 1));
    let effects = Effects::new(&point.device, &table);
    PlaneCells::draw(layer, &table, effects.as_ref(), 5, trial)
}

fn unit(point: &PointConfig) -> f64 {
    f64::from(1u32 << fraction_bits(&point.device, 9, 1))
}

/// Conductances (in g_on) of a million cells at `level`, in the lower slice of the plus plane.
fn million(device: &str, cell_bits: u32, level: u32) -> Vec<f64> {
    let p = point(device, cell_bits);
    let layer = layer(&p, 1000, 1000, level as i32);
    let cells = draw(&p, &layer, 7);
    (0..1000).flat_map(|row| (0..1000).map(move |column| (row, column))).map(|(row, column)| f64::from(cells.values[cells.at(row, 0, 0, column)]) / unit(&p)).collect()
}

/// Mean and variance within four standard errors (of the sample's own moments), and the KS distance below its 0.1 %
/// critical value. `cdf`: (below x, up to x), which differ where the law has an atom.
fn follows(name: &str, mut values: Vec<f64>, mean: f64, variance: f64, cdf: impl Fn(f64) -> (f64, f64)) {
    let n = values.len() as f64;
    let m = values.iter().sum::<f64>() / n;
    let moment = |k: i32| values.iter().map(|v| (v - m).powi(k)).sum::<f64>() / n;
    let (second, fourth) = (moment(2), moment(4));
    assert!((m - mean).abs() < 4.0 * (second / n).sqrt(), "{name}: mean {m}, not {mean}");
    assert!((second - variance).abs() < 4.0 * ((fourth - second * second) / n).sqrt(), "{name}: variance {second}, not {variance}");
    values.sort_by(f64::total_cmp);
    let mut distance: f64 = 0.0;
    let mut first = 0;
    while first < values.len() {
        // Equal values are one step of the sample's distribution.
        let next = first + values[first..].partition_point(|v| *v == values[first]);
        let (below, up_to) = cdf(values[first]);
        distance = distance.max((first as f64 / n - below).abs()).max((next as f64 / n - up_to).abs());
        first = next;
    }
    assert!(distance < 1.95 / n.sqrt(), "{name}: KS distance {distance}");
}

/// A law without atoms.
fn smooth(cdf: impl Fn(f64) -> f64) -> impl Fn(f64) -> (f64, f64) {
    move |x| (cdf(x), cdf(x))
}

#[test]
fn lognormal_with_a_sigma_for_each_state() {
    for (level, g, sigma) in [(3u32, 1.0, 0.18f64), (0, 0.02, 0.45), (1, 0.02 + 0.98 / 3.0, 0.36)] {
        let values = million("on_off_ratio = 50\nprogramming_error = { law = \"lognormal\", sigma_ln = 0.18, sigma_ln_off = 0.45 }", 2, level);
        let (mean, variance) = (g * (sigma * sigma / 2.0).exp(), g * g * ((sigma * sigma).exp() - 1.0) * (sigma * sigma).exp());
        follows("lognormal", values, mean, variance, smooth(|x| phi((x / g).ln() / sigma)));
    }
}

#[test]
fn normal_laws() {
    let values = million("programming_error = { law = \"normal-proportional\", sigma_rel = 0.1 }", 1, 1);
    follows("proportional", values, 1.0, 0.01, smooth(|x| phi((x - 1.0) / 0.1)));
    let values = million("on_off_ratio = 10\nprogramming_error = { law = \"normal-independent\", sigma_rel = 0.05 }", 1, 1);
    follows("independent", values, 1.0, 0.0025, smooth(|x| phi((x - 1.0) / 0.05)));
    // An off cell at 0 is cut there: half of them.
    let values = million("on_off_ratio = \"infinite\"\nprogramming_error = { law = \"normal-independent\", sigma_rel = 0.05 }", 1, 0);
    let (mean, square) = (0.05 / (2.0 * std::f64::consts::PI).sqrt(), 0.00125);
    follows("cut at 0", values, mean, square - mean * mean, |x| (if x == 0.0 { 0.0 } else { phi(x / 0.05) }, phi(x / 0.05)));
}

#[test]
fn write_and_verify() {
    let (sigma, tolerance, attempts) = (0.05f64, 0.03f64, 3);
    let values = million("programming_error = { law = \"write-verify\", sigma_rel = 0.05, tolerance_rel = 0.03, attempts = 3 }", 1, 1);
    let t = tolerance / sigma;
    let accepted = 1.0 - 2.0 * upper_tail(t);
    let left = (1.0 - accepted).powi(attempts);
    // Variances of the truncated normal law and of what lies outside.
    let density = (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let (inside, outside) = (1.0 - 2.0 * t * density / accepted, 1.0 + 2.0 * t * density / (1.0 - accepted));
    let variance = sigma * sigma * ((1.0 - left) * inside + left * outside);
    let cdf = move |x: f64| {
        let z = (x - 1.0) / sigma;
        let (all, low) = (phi(z), phi(-t));
        let of_accepted = ((all - low) / accepted).clamp(0.0, 1.0);
        let of_left = (all.min(low) + (all - (1.0 - low)).max(0.0)) / (1.0 - accepted);
        (1.0 - left) * of_accepted + left * of_left
    };
    follows("write-verify", values, 1.0, variance, smooth(cdf));
}

#[test]
fn measured_cells() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "level,probability,conductance_siemens\n0,0,1e-6\n0,1,3e-6\n1,0,0.8e-4\n1,0.25,0.9e-4\n1,1,1.2e-4").expect("written");
    let device = format!("programming_error = {{ law = \"table\", file = '{}' }}", file.path().display());
    let values = million(&device, 1, 1);
    // Two uniform pieces: a quarter in 0.8..0.9, the rest in 0.9..1.2.
    let mean = 0.25 * 0.85 + 0.75 * 1.05;
    let square = 0.25 * (0.85f64.powi(2) + 0.01 / 12.0) + 0.75 * (1.05f64.powi(2) + 0.09 / 12.0);
    follows("table", values, mean, square - mean * mean, smooth(|x| if x < 0.9 { 2.5 * (x - 0.8) } else { 0.25 + 2.5 * (x - 0.9) }));
}

#[test]
fn relaxation_and_drift() {
    let values = million("relaxation = { sigma_rel = 0.07 }", 1, 1);
    follows("relaxation", values, 1.0, 0.0049, smooth(|x| phi((x - 1.0) / 0.07)));
    let values = million("time_s = 1e6\ndrift = { nu = 0.02, sigma_nu = 0.01 }", 1, 1);
    let (mu, sigma) = (-0.02 * 1e6f64.ln(), 0.01 * 1e6f64.ln());
    let (mean, variance) = ((mu + sigma * sigma / 2.0).exp(), ((sigma * sigma).exp() - 1.0) * (2.0 * mu + sigma * sigma).exp());
    follows("drift", values, mean, variance, smooth(|x| phi((x.ln() - mu) / sigma)));
    let early = million("drift = { nu = 0.02, sigma_nu = 0.01, t0_s = 100.0 }\ntime_s = 10.0", 1, 1);
    assert!(early.iter().all(|&g| g == 1.0), "nothing drifts before t0");
}

#[test]
fn spread_of_chips_and_bitlines() {
    let chips: Vec<[f64; 3]> = (0..1_000_000).map(|trial| Effects::chip(5, trial)).map(|c| [c.chip, c.along_rows, c.along_columns]).collect();
    for i in 0..3 {
        follows("chip", chips.iter().map(|c| c[i]).collect(), 0.0, 1.0, smooth(phi));
    }
    // The program's own bitlines: 2 planes, 2 slices and 50 columns of 5000 chips; each chip's 4 rows share them.
    let p = point("spread = { sigma_column_ln = 0.1 }", 1);
    let layer = layer(&p, 4, 50, 3);
    let mut factors = Vec::new();
    for trial in 0..5000 {
        let cells = draw(&p, &layer, trial);
        for (slice, column) in (0..2).flat_map(|s| (0..50).map(move |c| (s, c))) {
            let of_row = |row| cells.values[cells.at(row, 0, slice, column)];
            assert!((1..4).all(|row| of_row(row) == of_row(0)));
            factors.push(f64::from(of_row(0)) / unit(&p));
        }
    }
    follows("column", factors, 0.005f64.exp(), (0.01f64.exp() - 1.0) * 0.01f64.exp(), smooth(|x| phi(x.ln() / 0.1)));
}

#[test]
fn stuck_cells_are_as_many_as_asked_for() {
    for (clustering, lines) in [("none", 1_000_000.0), ("rows", 128.0), ("columns", 128.0)] {
        let device = format!("on_off_ratio = \"infinite\"\nprogramming_error = {{ law = \"normal-proportional\", sigma_rel = 0.1 }}\nstuck_at = {{ on_frac = 0.01, off_frac = 0.03, clustering = \"{clustering}\" }}");
        let p = point(&device, 1);
        let layer = layer(&p, 1000, 1000, 1);
        let cells = draw(&p, &layer, 1);
        let values: Vec<i32> = (0..1000).flat_map(|row| (0..1000).map(move |c| (row, c))).map(|(row, c)| cells.values[cells.at(row, 0, 0, c)]).collect();
        let one = unit(&p) as i32;
        let share = |stuck: i32| values.iter().filter(|&&v| v == stuck).count() as f64 / 1e6;
        // Cells of a line are stuck together, so there are fewer independent ones.
        let independent: f64 = if clustering == "none" { lines } else { 1e6 / lines };
        for (stuck, asked) in [(one, 0.01f64), (0, 0.03)] {
            let error = (asked * (1.0 - asked) / independent).sqrt();
            assert!((share(stuck) - asked).abs() < 4.0 * error, "{clustering}: {} of {asked}", share(stuck));
        }
    }
}

/// Correlations of cells' conductances with their neighbours' in every direction of the key, at 250,000 pairs.
#[test]
fn cells_are_independent_whatever_the_effect() {
    let effects = [
        "programming_error = { law = \"lognormal\", sigma_ln = 0.1 }",
        "programming_error = { law = \"write-verify\", sigma_rel = 0.05, tolerance_rel = 0.03, attempts = 2 }",
        "relaxation = { sigma_rel = 0.05 }",
        "time_s = 1e6\ndrift = { nu = 0.02, sigma_nu = 0.01 }",
        "stuck_at = { on_frac = 0.1, off_frac = 0.3 }",
        "programming_error = { law = \"normal-proportional\", sigma_rel = 0.1 }\nrelaxation = { sigma_rel = 0.1 }",
    ];
    for device in effects {
        let p = point(&format!("on_off_ratio = 2\n{device}"), 1);
        let plus = layer(&p, 500, 500, 3);
        let (a, b) = (draw(&p, &plus, 0), draw(&p, &plus, 1));
        let z = |cells: &PlaneCells, row: usize, plane: usize, slice: usize, column: usize| f64::from(cells.values[cells.at(row % 500, plane, slice, column % 500)]);
        let pairs = |name: &str, other: &dyn Fn(usize, usize) -> f64| {
            let values: Vec<(f64, f64)> = (0..500).flat_map(|r| (0..500).map(move |c| (r, c))).map(|(r, c)| (z(&a, r, 0, 0, c), other(r, c))).collect();
            let r = correlation(&values);
            assert!(r.abs() < 4.5 / 500.0, "{device}: {name}: {r}");
        };
        pairs("rows", &|r, c| z(&a, r + 1, 0, 0, c));
        pairs("columns", &|r, c| z(&a, r, 0, 0, c + 1));
        pairs("slices", &|r, c| z(&a, r, 0, 1, c));
        pairs("planes, so levels", &|r, c| z(&a, r, 1, 0, c));
        pairs("chips", &|r, c| z(&b, r, 0, 0, c));
    }
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (x, y) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
    sum(&|p| (p.0 - x) * (p.1 - y)) / (sum(&|p| (p.0 - x).powi(2)) * sum(&|p| (p.1 - y).powi(2))).sqrt()
}

/// Points that differ in sigma, ratio or effect see the same draws: a cell that is high stays high.
#[test]
fn effects_leave_the_same_chips() {
    let base = point("programming_error = { law = \"lognormal\", sigma_ln = 0.1 }", 1);
    let more = point("programming_error = { law = \"lognormal\", sigma_ln = 0.1 }\ntime_s = 1e4\ndrift = { nu = 0.05 }\nspread = { sigma_chip_ln = 0.1 }", 1);
    let [a, b] = [&base, &more].map(|p| draw(p, &layer(p, 100, 100, 1), 3));
    let at = |row, column| (f64::from(a.values[a.at(row, 0, 0, column)]), f64::from(b.values[b.at(row, 0, 0, column)]));
    let pairs: Vec<_> = (0..100).flat_map(|r| (0..100).map(move |c| (r, c))).map(|(r, c)| at(r, c)).collect();
    assert!(correlation(&pairs) > 0.999_999);
}
