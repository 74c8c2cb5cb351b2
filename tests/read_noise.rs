//! Read noise: the exact model against closed forms, the model by flips against its plain twin and the exact one.

#[path = "../experiments/read_noise/compare.rs"]
mod compare;
mod support;

use bwq::config::{self, Overrides, PointConfig};
use bwq::crossbar::CrossbarLayer;
use bwq::crossbar::layer::{Build, Weights};
use bwq::device::{self, QuantileTable, ReadNoiseLaw};
use bwq::engine::Kernel;
use bwq::engine::cpu::View;
use bwq::engine::cpu::crossbar_mvm::Counts;
use bwq::engine::cpu::plain::flips;
use bwq::engine::cpu::product::{Product, Work};
use bwq::engine::cpu::program_cells::program_cells;
use bwq::mvm::{Operands, mvm};
use bwq::quantize::Window;
use bwq::rng::{PhiloxStream, Reads};
use proptest::prelude::*;
use rand::RngExt;
use std::sync::Arc;

fn point(toml: &str) -> PointConfig {
    config::parse_mvm(toml, "test", &Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{toml}"))
}

const ENCODINGS: [&str; 4] = [
    "encoding = \"differential\"\nsubtraction = \"analog\"",
    "encoding = \"differential\"\nsubtraction = \"digital\"",
    "encoding = \"offset\"\noffset_removal = \"digital\"",
    "encoding = \"offset\"\noffset_removal = \"unit-column\"",
];

/// The products `[draw]` of one weight matrix and input, as reads of one error-free chip: a vector is a read.
fn reads(toml: &str, weights: &[i64], inputs: &[i64], draws: usize) -> Vec<Vec<f64>> {
    let (k, n) = (inputs.len(), weights.len() / inputs.len());
    let repeated = inputs.iter().flat_map(|&x| vec![x; draws]).collect();
    let o = Operands { shape: [n, k], weights: weights.to_vec(), vectors: draws, inputs: repeated, conductances: None, pre_adc: false, kernel: None };
    mvm(&point(toml), &o).unwrap().outputs.chunks(draws).map(<[f64]>::to_vec).collect()
}

fn mean_and_variance(y: &[f64]) -> (f64, f64) {
    let mean = y.iter().sum::<f64>() / y.len() as f64;
    (mean, y.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / y.len() as f64)
}

/// With an ideal ADC the variance of an output is the sum over its conversions of weight^2 sum (sigma g x)^2: both laws, all
/// encodings, g_off, cells and steps of several bits.
#[test]
fn the_variance_is_that_of_independent_reads() {
    let (weights, inputs) = ([93i64, -77, 0, 5, -127, 64, 31, -1, 100, 12, -3, 0], [255i64, 3, 77, 128, 0, 200]);
    let draws = 20_000;
    for (case, encoding) in ENCODINGS.iter().enumerate() {
        for (law, cell_bits, dac_bits, ratio) in [("normal-proportional", 1, 1, 10.0), ("normal-independent", 1, 1, 10.0), ("normal-proportional", 2, 2, 5.0), ("normal-independent", 2, 4, 50.0), ("normal-proportional", 4, 1, 3.0)] {
            let toml = format!(
                "[crossbar]\nou_wordlines = 4\ncell_bits = {cell_bits}\ndac_bits = {dac_bits}\n{encoding}\n[adc]\nbits = \"ideal\"\n[device]\non_off_ratio = {ratio:?}\nread_noise = {{ law = \"{law}\", sigma_rel = 0.1 }}\n[monte_carlo]\ntrials = 1\nseed = {case}\n"
            );
            let got = reads(&toml, &weights, &inputs, draws);
            for (n, y) in got.iter().enumerate() {
                let expected = variance(&weights[n * 6..(n + 1) * 6], &inputs, case, law, cell_bits, dac_bits, 1.0 / ratio);
                let (_, v) = mean_and_variance(y);
                // Five standard errors of a normal sample's variance.
                assert!((v / expected - 1.0).abs() < 5.0 * (2.0 / draws as f64).sqrt(), "{encoding} {law} {cell_bits} {dac_bits}, output {n}: {v} {expected}");
            }
        }
    }
}

/// The closed form, in multiply-accumulates (rule 7 of the reference simulator).
fn variance(weights: &[i64], inputs: &[i64], encoding: usize, law: &str, cell_bits: u32, dac_bits: u32, g_off: f64) -> f64 {
    let levels = f64::from((1u32 << cell_bits) - 1);
    let (bits, mask) = (if encoding < 2 { 7 } else { 8u32 }, (1i64 << cell_bits) - 1);
    let mut total = 0.0;
    for (w, &x) in weights.iter().zip(inputs) {
        // Cells of the weight, and of the reference column, which is read at every step, too.
        let mut planes = if encoding < 2 { vec![w.max(&0).abs(), (-w).max(0)] } else { vec![w + 128] };
        if encoding == 3 {
            planes.push(128);
        }
        for plane in planes {
            for s in 0..bits.div_ceil(cell_bits) {
                let g = g_off + (1.0 - g_off) * (plane >> (s * cell_bits) & mask) as f64 / levels;
                let sd = if law == "normal-proportional" { 0.1 * g } else { 0.1 };
                for t in 0..8u32.div_ceil(dac_bits) {
                    let step = (x >> (t * dac_bits) & ((1 << dac_bits) - 1)) as f64;
                    total += (sd * step / (1.0 - g_off) * levels * f64::from(1u32 << (s * cell_bits + t * dac_bits))).powi(2);
                }
            }
        }
    }
    total
}

/// Reads differ from vector to vector and from chip to chip, and hang on nothing else: more vectors, other columns or
/// kernels change no read. Programming errors stay.
#[test]
fn a_read_is_its_key() {
    let toml = |error: &str, sigma: f64, trials: usize| format!("[crossbar]\nou_wordlines = 4\n[adc]\nbits = \"ideal\"\n[device]\nprogramming_error = {{ law = \"lognormal\", sigma_ln = {error} }}\nread_noise = {{ law = \"normal-proportional\", sigma_rel = {sigma:?} }}\n[monte_carlo]\ntrials = {trials}\n");
    let mut rng = PhiloxStream::new(3);
    let weights: Vec<i64> = (0..6 * 20).map(|_| rng.random_range(-127..=127)).collect();
    let inputs: Vec<i64> = (0..20).map(|_| rng.random_range(0..=255)).collect();
    let few = reads(&toml("0.1", 0.05, 1), &weights, &inputs, 3);
    let many = reads(&toml("0.1", 0.05, 1), &weights, &inputs, 50);
    for (a, b) in few.iter().zip(&many) {
        assert_eq!(a[..], b[..3]);
        assert!(a[0] != a[1] && a[1] != a[2]);
    }
    let narrow = reads(&toml("0.1", 0.05, 1), &weights[..3 * 20], &inputs, 3);
    assert_eq!(narrow[..], few[..3]);
    let quiet = reads(&toml("0.1", 0.0, 1), &weights, &inputs, 3);
    assert!(quiet.iter().all(|y| y[0] == y[1] && y[1] == y[2]), "programming errors are drawn once");
    // Without programming error only reads tell two chips apart.
    let chips = reads(&toml("0.0", 0.05, 2), &weights, &inputs, 3);
    assert_ne!(chips[..6], chips[6..]);
}

/// Reads of neighbouring vectors, columns, input bits, slices and row groups are uncorrelated.
#[test]
fn reads_are_independent() {
    let toml = "[crossbar]\nou_wordlines = 1\n[adc]\nbits = \"ideal\"\n[device]\non_off_ratio = \"infinite\"\nread_noise = { law = \"normal-proportional\", sigma_rel = 0.1 }\n[monte_carlo]\ntrials = 1\n";
    let draws = 20_000;
    // Columns: slice 0, slice 0 again, slice 1 of a row; slice 0 and both of two rows. Inputs drive one bit or two.
    let of = |weights: &[i64], inputs: &[i64]| reads(toml, weights, inputs, draws);
    let correlation = |a: &[f64], b: &[f64]| {
        let ((m, v), (n, w)) = (mean_and_variance(a), mean_and_variance(b));
        a.iter().zip(b).map(|(x, y)| (x - m) * (y - n)).sum::<f64>() / a.len() as f64 / (v * w).sqrt()
    };
    let columns = of(&[1, 1, 2], &[1]);
    let steps = of(&[1], &[2]);
    let first_of_two = of(&[1, 0], &[1, 1]);
    let second_of_two = of(&[0, 1], &[1, 1]);
    let limit = 5.0 / (draws as f64).sqrt();
    for (name, a, b) in [
        ("columns", &columns[0], &columns[1]),
        ("slices", &columns[0], &columns[2]),
        ("steps", &columns[0], &steps[0]),
        ("groups", &first_of_two[0], &second_of_two[0]),
    ] {
        let c = correlation(a, b);
        assert!(c.abs() < limit, "{name}: {c}");
    }
    let neighbours = correlation(&columns[0][1..], &columns[0][..draws - 1]);
    assert!(neighbours.abs() < limit, "vectors: {neighbours}");
    // A column's read is the same whatever stands beside it.
    assert_eq!(first_of_two[0], columns[0]);
}

/// A random layer with the model by flips, run by the engine and by its plain twin: the same integers and counts.
fn flips_agree(n: usize, k: usize, seed: u64, weight_bits: u32, cell_bits: u32, dac_bits: u32, encoding: usize, ou: usize, adc: &str, law: &str, sigma: f64) -> Result<(), TestCaseError> {
    let ou = ou.min(12 / dac_bits as usize).max(1);
    let toml = format!(
        "[quantization]\nweight_bits = {weight_bits}\n[crossbar]\nou_wordlines = {ou}\ncell_bits = {cell_bits}\ndac_bits = {dac_bits}\n{}\n[adc]\n{adc}\n[device]\non_off_ratio = 20\nprogramming_error = {{ law = \"lognormal\", sigma_ln = 0.1 }}\nread_noise = {{ law = \"{law}\", sigma_rel = {sigma:?}, model = \"flips\" }}\n",
        ENCODINGS[encoding]
    );
    let Ok(p) = config::parse_mvm(&toml, "test", &Overrides::default()) else { return Ok(()) };
    let fraction_bits = device::fraction_bits(&p.device, ou, dac_bits);
    let mut rng = PhiloxStream::new(seed);
    let top = (1i32 << (weight_bits - 1)) - 1;
    let weights: Vec<i32> = (0..n * k).map(|_| rng.random_range(-top..=top)).collect();
    let kept: Vec<u32> = (0..n * k).map(|_| rng.random_range(0..weight_bits)).collect();
    let ragged = encoding < 2 && seed % 2 == 0;
    let g_off = device::g_off(p.device.on_off_ratio);
    let build = Build { name: "random", layer: 3, first_output: 5, weight_bits, input_bits: 8, crossbar: &p.crossbar, adc: &p.adc, g_off, fraction_bits, calibrated_multiple: 1, digital: false };
    let bits = |row: usize, output: usize| if ragged { kept[row * n + output] } else { weight_bits - 1 };
    let Ok(layer) = CrossbarLayer::new(&build, &Weights { rows: k, outputs: n, values: &weights, magnitude_bits: &bits }) else { return Ok(()) };
    let layer = layer.with_read_noise(ReadNoiseLaw::new(&p.device, ou, dac_bits, fraction_bits).map(Arc::new).as_ref());
    if !Kernel::Table.can(&layer) {
        return Ok(());
    }
    let vectors = 5;
    let window = Window { first_channel: 0, channels: k, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, vectors] };
    let inputs: Vec<u32> = (0..k * vectors).map(|_| rng.random_range(0..256)).collect();
    let cells = program_cells(&layer, &QuantileTable::new(&p.device, cell_bits, fraction_bits), None, seed, 1);
    let reads = Reads::new(seed, 1, layer.layer);
    let product = Product::new(&layer, &window, 8, 0, None, vectors);
    let mut counts = Counts::default();
    let part = product.on_chip(cells.clone()).reading(reads);
    let got = product.accumulators(&part, View { values: &inputs, shape: [k, 1, vectors] }, 0, &mut Work::default(), &mut counts);
    let (mut expected, mut clipped) = (Vec::new(), 0);
    for vector in 0..vectors {
        let of_vector: Vec<u32> = (0..k).map(|row| inputs[row * vectors + vector]).collect();
        let (accumulators, clips) = flips::look_up_flips(&layer, &cells, &of_vector, &reads.stream(0, vector as u32));
        expected.extend(accumulators);
        clipped += clips;
    }
    prop_assert_eq!(got, expected, "{}", toml);
    prop_assert_eq!(counts.clipped, clipped, "{}", toml);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn flips_are_those_of_the_plain_twin(
        n in 1usize..70, k in 1usize..40, seed in 0u64..1 << 40, weight_bits in 2u32..=9, cell_bits in 1u32..=3, dac_bits in 1u32..=3, narrow in any::<bool>(),
        encoding in 0usize..4, ou in 1usize..=9, adc in 0usize..4, independent in any::<bool>(), sigma in 0usize..4,
    ) {
        let (cell_bits, dac_bits) = if narrow { (1, 1) } else { (cell_bits, dac_bits) };
        let law = if independent { "normal-independent" } else { "normal-proportional" };
        let adc = ["bits = \"lossless\"", "bits = 3", "bits = 3\nrange = [-3.3, 4.1]", "bits = 5\nrange = [0.4, 9.0]"][adc];
        flips_agree(n, k, seed, weight_bits, cell_bits, dac_bits, encoding, ou, adc, law, [0.001, 0.01, 0.02, 0.05][sigma])?;
    }
}

/// The same on the instruction sets that this processor would not choose, and the exact model, whose numbers are golden here.
#[test]
fn on_other_instruction_sets() {
    let program = std::env::current_exe().expect("this program");
    for set in ["avx2", "portable"] {
        let run = std::process::Command::new(&program).args(["flips_are_those", "exact_reads_are"]).env("BWQ_INSTRUCTION_SET", set).output().expect("a run");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("2 passed"), "{set}: {said}\n{}", String::from_utf8_lossy(&run.stderr));
    }
}

/// The first products with exact read noise. A change here changes every user's results: it needs a line under "Values" in
/// CHANGELOG. `UPDATE_GOLDEN=1` rewrites the file.
#[test]
fn exact_reads_are_what_they_were() {
    let mut text = String::from("# encoding, ADC: six reads of the product of three weights and three inputs\n");
    for encoding in ENCODINGS {
        for adc in ["lossless", "ideal"] {
            let toml = format!("[crossbar]\n{encoding}\n[adc]\nbits = \"{adc}\"\n[device]\nread_noise = {{ law = \"normal-proportional\", sigma_rel = 0.1 }}\n[monte_carlo]\ntrials = 1\nseed = 4\n");
            text += &format!("{}, {adc}: {:?}\n", encoding.replace('\n', ", "), reads(&toml, &[93, -77, 5], &[255, 31, 200], 6)[0]);
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/exact_reads.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap());
}

/// The models' distributions, output by output: each distance of two samples is below what chance gives in one of twenty
/// such comparisons, and about one in twenty is above what it gives alone; so are means.
#[test]
fn flips_are_distributed_as_exact_reads() {
    let (draws, outputs, sigmas): (usize, usize, &[f64]) = if support::slow() { (100_000, 16, &[0.01, 0.02, 0.05]) } else { (20_000, 4, &[0.02, 0.05]) };
    for &sigma in sigmas {
        let all = compare::compare(outputs, "normal-proportional", sigma, draws, 1);
        let largest = all.iter().map(|d| d.ks).fold(0.0, f64::max);
        assert!(largest < compare::critical_of_all(draws, outputs), "sigma {sigma}: KS {largest}");
        let (above, expected) = (all.iter().filter(|d| d.ks > compare::critical(draws)).count(), 0.05 * outputs as f64);
        assert!(above as f64 <= expected + 3.0 * expected.sqrt(), "sigma {sigma}: {above} of {outputs} outputs are above {}", compare::critical(draws));
        let shift = all.iter().map(|d| (d.mean[1] - d.mean[0]) / d.sd[0]).fold(0.0, |a: f64, b| a.max(b.abs()));
        assert!(shift < 5.0 * (2.0 / draws as f64).sqrt(), "sigma {sigma}: a mean is off by {shift} standard deviations");
    }
}

/// The models' laws themselves, without samples, of every output: nearer than 100,000 draws can tell.
#[test]
fn the_law_of_flips_is_that_of_exact_reads() {
    let (outputs, inputs) = if support::slow() { (64, 4) } else { (16, 1) };
    for law in ["normal-proportional", "normal-independent"] {
        for sigma in [0.005, 0.01, 0.02, 0.05] {
            if law == "normal-independent" && sigma > 0.02 {
                continue; // as in the experiment
            }
            let layer = compare::Layer::new(outputs, &compare::read_noise(law, sigma, "flips"));
            for input in 0..inputs {
                let largest = layer.distances(input).into_iter().fold(0.0, f64::max);
                assert!(largest < compare::critical(100_000), "{law} {sigma}, input {input}: {largest}");
            }
        }
    }
}

/// A sweep with both models on the tiny network: the same bytes with any number of threads and shards; several row groups,
/// channel groups, encodings.
#[test]
fn threads_and_shards_make_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a folder");
    let d = dir.path();
    support::tiny::write(d, 12);
    let sweep = "[network]\nmodel = \"net.json\"\ndataset = \"data\"\nimages = 11\n[crossbar]\nou_wordlines = [5, 9]\nrows = 32\nencoding = [\"differential\", \"offset\"]\n[adc]\nbits = [\"lossless\", 4]\n[device]\nprogramming_error = { law = \"lognormal\", sigma_ln = 0.1 }\nread_noise = [\n  { law = \"none\" },\n  { law = \"normal-proportional\", sigma_rel = [0.02, 0.05], model = [\"exact\", \"flips\"] },\n]\n[monte_carlo]\ntrials = 5\n";
    std::fs::write(d.join("sweep.toml"), sweep).expect("written");
    let run = |out: &str, extra: &[&str]| {
        let mut args = vec!["run", "sweep.toml", "--out", out, "--quiet", "--engine", "cpu"];
        args.extend(extra);
        support::bwq_ok(d, &args);
    };
    let tables = |out: &str| ["summary.csv", "trials.csv", "layers.csv"].map(|t| std::fs::read(d.join(out).join(t)).expect("a table"));
    run("one", &["--threads", "1"]);
    run("two", &["--threads", "2"]);
    assert!(tables("one") == tables("two"));
    for shard in ["1/2", "0/2"] {
        run("shards", &["--shard", shard]);
    }
    support::bwq_ok(d, &["merge", "shards"]);
    assert!(tables("one") == tables("shards"));
    let quiet = String::from_utf8(tables("one")[1].clone()).expect("text");
    assert!(quiet.lines().count() > 5);
    // The GPU engine cannot do read noise: refused where it is insisted on, told where it is not.
    let (code, _, said) = support::bwq(d, &["run", "sweep.toml", "--out", "gpu", "--engine", "gpu"]);
    assert!(code == 2 && said.contains("read noise") && said.contains("--engine cpu"), "{code}: {said}");
    let (code, _, said) = support::bwq(d, &["run", "sweep.toml", "--out", "one", "--engine", "auto"]);
    assert!(code == 0 && said.contains("read noise"), "{code}: {said}");
}

/// The engine's images are the test set's: what an image reads does not hang on which others run beside it.
#[test]
fn an_image_is_its_number_in_the_test_set() {
    for model in ["exact", "flips"] {
        let noise = compare::read_noise("normal-proportional", 0.05, model);
        let layer = compare::Layer::new(20, &noise);
        let (few, many) = (layer.images(0..2), layer.images(0..5));
        assert_eq!(many[..few.len()], few[..]);
        assert_eq!(layer.images(3..5), many[3 * many.len() / 5..]);
        assert_ne!(many[..many.len() / 5], many[many.len() / 5..2 * many.len() / 5], "{model}: every image is the same, its reads are not");
    }
}
