//! The crossbar against integers and closed forms, and the checks against the errors that other tools make.

use bwq::config::{self, Overrides, PointConfig};
use bwq::mvm::{Operands, conductance_shape, mvm};
use bwq::rng::PhiloxStream;
use proptest::prelude::*;
use rand::RngExt;

fn point(toml: &str) -> PointConfig {
    config::parse_mvm(toml, "test", &Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{toml}"))
}

fn operands(shape: [usize; 2], vectors: usize, weight_top: i64, input_top: i64, seed: u64) -> Operands {
    let mut rng = PhiloxStream::new(seed);
    let weights = (0..shape[0] * shape[1]).map(|_| rng.random_range(-weight_top..=weight_top)).collect();
    let inputs = (0..shape[1] * vectors).map(|_| rng.random_range(0..=input_top)).collect();
    Operands { shape, weights, vectors, inputs, conductances: None, pre_adc: false, kernel: None }
}

fn product(o: &Operands) -> Vec<f64> {
    let [n, k] = o.shape;
    let at = |i: usize, v: usize| (0..k).map(|row| o.weights[i * k + row] * o.inputs[row * o.vectors + v]).sum::<i64>() as f64;
    (0..n).flat_map(|i| (0..o.vectors).map(move |v| (i, v))).map(|(i, v)| at(i, v)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    /// Without errors, with an infinite on/off ratio and a lossless ADC the crossbar is the integer product, exactly,
    /// whatever the shape, the bits, the encoding, the operation unit and its ragged last group.
    #[test]
    fn the_ideal_crossbar_is_the_integer_product(
        n in 1usize..20, k in 1usize..200, vectors in 1usize..4, seed in 0u64..1 << 40,
        weight_bits in 2u32..=9, activation_bits in 1u32..=12, cell_bits in 1u32..=8, dac_bits in 1u32..=8,
        ou in 1usize..=140, border in 0usize..60, ou_bitlines in 1usize..=16,
        physical in any::<bool>(), way in 0usize..4,
    ) {
        let ways = ["encoding = \"differential\"\nsubtraction = \"analog\"", "encoding = \"differential\"\nsubtraction = \"digital\"",
            "encoding = \"offset\"\noffset_removal = \"digital\"", "encoding = \"offset\"\noffset_removal = \"unit-column\""];
        let cut = if physical { "physical" } else { "block-aligned" };
        let toml = format!(
            "[quantization]\nweight_bits = {weight_bits}\nactivation_bits = {activation_bits}\n[crossbar]\nrows = {}\nou_wordlines = {ou}\nou_bitlines = {ou_bitlines}\ncell_bits = {cell_bits}\ndac_bits = {dac_bits}\nrow_cut = \"{cut}\"\n{}\n[device]\non_off_ratio = \"infinite\"\n[monte_carlo]\ntrials = 1\n",
            ou + border, ways[way]
        );
        let p = match config::parse_mvm(&toml, "test", &Overrides::default()) {
            Ok(p) => p,
            // The one reason to refuse: more levels than the fixed point can keep apart.
            Err(e) => {
                prop_assert!(cell_bits > 1 && e.message.contains("cannot keep them apart"), "{}", e);
                return Ok(());
            }
        };
        let o = operands([n, k], vectors, (1 << (weight_bits - 1)) - 1, (1 << activation_bits) - 1, seed);
        let y = mvm(&p, &o).unwrap();
        prop_assert_eq!(y.clipped, 0);
        prop_assert_eq!(y.outputs, product(&o));
    }
}

const IDEAL_ADC: &str = "[crossbar]\nou_wordlines = 9\n[adc]\nbits = \"ideal\"\n[device]\non_off_ratio = \"infinite\"\n";

fn with_law(law: &str, trials: u32) -> PointConfig {
    point(&format!("{IDEAL_ADC}programming_error = {law}\n[monte_carlo]\ntrials = {trials}\nseed = 3\n"))
}

/// Variance of the outputs over trials divided by its closed form for independent proportional errors that are
/// drawn once per cell and trial: sigma^2 sum_s 4^s sum_k b x^2. Right: 1.
fn variance_ratio(o: &Operands, outputs: &[f64], trials: usize, sigma: f64) -> f64 {
    let [n, k] = o.shape;
    let size = n * o.vectors;
    let mut ratios = 0.0;
    for i in 0..size {
        let values: Vec<f64> = (0..trials).map(|t| outputs[t * size + i]).collect();
        let mean = values.iter().sum::<f64>() / trials as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (trials - 1) as f64;
        let (out, v) = (i / o.vectors, i % o.vectors);
        let closed: f64 = (0..k)
            .map(|row| {
                let set: f64 = (0..7).filter(|s| o.weights[out * k + row].unsigned_abs() >> s & 1 == 1).map(|s| 4f64.powi(s)).sum();
                sigma * sigma * set * (o.inputs[row * o.vectors + v] as f64).powi(2)
            })
            .sum();
        ratios += variance / closed;
    }
    ratios / size as f64
}

/// Half width within which the ratio above must lie: 32 outputs of 1000 trials, five standard errors.
const TOLERANCE: f64 = 0.04;

fn sample() -> Operands {
    operands([8, 63], 4, 127, 255, 11)
}

#[test]
fn the_variance_is_that_of_independent_cells_drawn_once() {
    let o = sample();
    let p = with_law("{ law = \"normal-proportional\", sigma_rel = 0.1 }", 1000);
    let y = mvm(&p, &o).unwrap();
    let ratio = variance_ratio(&o, &y.outputs, 1000, 0.1);
    assert!((ratio - 1.0).abs() < TOLERANCE, "{ratio}");
}

/// Conductances made wrong on purpose: the check above must see it.
#[test]
fn one_draw_per_level_is_seen() {
    let o = sample();
    let p = with_law("{ law = \"none\" }", 1);
    let [planes, slices, k, n] = conductance_shape(&p, o.shape);
    let mut rng = PhiloxStream::new(5);
    let mut outputs = Vec::new();
    for _ in 0..1000 {
        let on = 1.0 + 0.1 * normal(&mut rng);
        let mut g = vec![0.0; planes * slices * k * n];
        for_each_cell(&o, [planes, slices, k, n], |at, level| g[at] = if level == 1 { on } else { 0.0 });
        let one = Operands { conductances: Some((1, g)), weights: o.weights.clone(), inputs: o.inputs.clone(), ..o };
        outputs.extend(mvm(&p, &one).unwrap().outputs);
    }
    let ratio = variance_ratio(&o, &outputs, 1000, 0.1);
    assert!((ratio - 1.0).abs() > 5.0 * TOLERANCE, "one draw per level passes for independent cells: {ratio}");
}

#[test]
fn a_redraw_for_every_input_bit_is_seen() {
    let o = sample();
    let trials = 1000;
    let p = with_law("{ law = \"normal-proportional\", sigma_rel = 0.1 }", trials * 8);
    // Each input bit alone, on chips of its own, as if the cells were drawn anew for every bit.
    let mut outputs = vec![0.0; trials as usize * o.shape[0] * o.vectors];
    for bit in 0..8 {
        let inputs = o.inputs.iter().map(|x| x & 1 << bit).collect();
        let one = Operands { inputs, weights: o.weights.clone(), conductances: None, ..o };
        let y = mvm(&p, &one).unwrap().outputs;
        let size = o.shape[0] * o.vectors;
        for t in 0..trials as usize {
            for i in 0..size {
                outputs[t * size + i] += y[(t * 8 + bit) * size + i];
            }
        }
    }
    let ratio = variance_ratio(&o, &outputs, trials as usize, 0.1);
    assert!((ratio - 1.0).abs() > 5.0 * TOLERANCE, "redrawn bits pass for a chip: {ratio}");
    assert!(ratio < 0.7, "a redraw makes the variance too small, not {ratio}");
}

/// A chip is a chip: with an ideal ADC its product is linear in the inputs, so bits and vectors see the same cells.
#[test]
fn every_input_bit_and_vector_sees_the_same_chip() {
    let p = with_law("{ law = \"lognormal\", sigma_ln = 0.2 }", 3);
    let o = operands([5, 40], 1, 127, 127, 4);
    let other = operands([5, 40], 1, 127, 127, 9);
    let with = |inputs: Vec<i64>, vectors| mvm(&p, &Operands { inputs, vectors, weights: o.weights.clone(), conductances: None, ..o }).unwrap().outputs;
    let (a, b) = (with(o.inputs.clone(), 1), with(other.inputs.clone(), 1));
    let sum = with(o.inputs.iter().zip(&other.inputs).map(|(x, y)| x + y).collect(), 1);
    for i in 0..sum.len() {
        assert!((sum[i] - a[i] - b[i]).abs() < 1e-6 * sum[i].abs().max(1.0), "{} {}", sum[i], a[i] + b[i]);
    }
    let both = with(o.inputs.iter().zip(&other.inputs).flat_map(|(x, y)| [*x, *y]).collect(), 2);
    let columns: Vec<f64> = a.iter().zip(&b).flat_map(|(x, y)| [*x, *y]).collect();
    assert_eq!(both, columns);
}

/// Rows of a ragged last group count: without them the product is another one, and the exactness test sees it.
#[test]
fn dropped_remainder_rows_are_seen() {
    let p = point("[crossbar]\nou_wordlines = 9\n[device]\non_off_ratio = \"infinite\"\n[monte_carlo]\ntrials = 1\n");
    let o = operands([4, 66], 2, 127, 255, 8);
    let whole = mvm(&p, &o).unwrap().outputs;
    assert_eq!(whole, product(&o));
    let rows = 66 / 9 * 9;
    let cut = Operands {
        shape: [4, rows],
        weights: o.weights.chunks(66).flat_map(|w| w[..rows].to_vec()).collect(),
        inputs: o.inputs[..rows * 2].to_vec(),
        conductances: None,
        ..o
    };
    assert_ne!(mvm(&p, &cut).unwrap().outputs, product(&o));
}

/// The sampler against the table's law: mean, variance and KS distance of single cells.
#[test]
fn cells_follow_the_law() {
    // The independent law also moves the off cell of the other plane: its closed form is in the golden test.
    for (law, sigma) in [("lognormal", 0.2), ("normal-proportional", 0.1)] {
        let key = if law == "lognormal" { "sigma_ln" } else { "sigma_rel" };
        let p = with_law(&format!("{{ law = \"{law}\", {key} = {sigma} }}"), 4000);
        // One row, one weight of 1, one input of 1: the output is the cell itself (the other plane is off).
        let o = Operands { shape: [1, 1], weights: vec![1], vectors: 1, inputs: vec![1], conductances: None, pre_adc: false, kernel: None };
        let mut g = mvm(&p, &o).unwrap().outputs;
        g.sort_by(f64::total_cmp);
        let n = g.len() as f64;
        let cdf = |x: f64| {
            use statrs::distribution::{ContinuousCDF, Normal};
            let z = if law == "lognormal" { x.ln() / sigma } else { (x - 1.0) / sigma };
            Normal::standard().cdf(z)
        };
        let distance = g.iter().enumerate().map(|(i, &x)| (cdf(x) - i as f64 / n).abs().max((cdf(x) - (i + 1) as f64 / n).abs())).fold(0.0, f64::max);
        assert!(distance < 1.95 / n.sqrt(), "{law}: KS {distance}"); // p = 0.001
    }
}

/// Cells of one chip vary independently: neighbours in row, column, slice and plane are uncorrelated.
#[test]
fn cells_are_independent() {
    use bwq::rng::{Purpose, cell_words};
    let uniform = |w: u32| f64::from(w) / 4294967296.0 - 0.5;
    let base = |i: u32| [0, i, i % 97, i / 97, 0, 0];
    let draw = |k: [u32; 6], slice: usize| uniform(cell_words(1, k[0], Purpose::ProgrammingError, 0, k[2], k[3], k[4], k[5])[slice]);
    let n = 20_000u32;
    for axis in 0..5 {
        let mut sum = 0.0;
        for i in 0..n {
            let here = base(i);
            let mut there = here;
            let (a, b) = match axis {
                0 => { there[0] = 1; (draw(here, 0), draw(there, 0)) } // another trial
                1 => { there[2] += 1; (draw(here, 0), draw(there, 0)) } // the next row
                2 => { there[3] += 1; (draw(here, 0), draw(there, 0)) } // the next column
                3 => { there[4] = 1; (draw(here, 0), draw(there, 0)) } // the other plane
                _ => (draw(here, 0), draw(here, 1)), // the next slice
            };
            sum += a * b * 12.0;
        }
        let correlation = sum / f64::from(n);
        assert!(correlation.abs() < 4.5 / f64::from(n).sqrt(), "axis {axis}: {correlation}");
    }
}

fn normal(rng: &mut PhiloxStream) -> f64 {
    let (u, v): (f64, f64) = (rng.random_range(1e-12..1.0), rng.random_range(0.0..1.0));
    (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos()
}

fn for_each_cell(o: &Operands, [planes, slices, k, n]: [usize; 4], mut set: impl FnMut(usize, u64)) {
    for plane in 0..planes {
        for slice in 0..slices {
            for row in 0..k {
                for out in 0..n {
                    let w = o.weights[out * k + row];
                    let level = if (w < 0) == (plane == 1) { w.unsigned_abs() >> slice & 1 } else { 0 };
                    set(((plane * slices + slice) * k + row) * n + out, level);
                }
            }
        }
    }
}
