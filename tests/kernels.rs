//! Every kernel gives the integers of the direct one, whatever the configuration.

use bwq::bench::cases::{Case, Fraction, Product as Standard};
use bwq::config::{self, Overrides};
use bwq::engine::Kernel;
use bwq::engine::cpu::View;
use bwq::engine::cpu::crossbar_mvm::Counts;
use bwq::engine::cpu::product::{Product, VECTORS, Work};
use bwq::engine::cpu::program_cells::program_cells;
use bwq::mvm::{Operands, mvm};
use bwq::quantize::Window;
use bwq::rng::PhiloxStream;
use proptest::prelude::*;
use rand::RngExt;

const ENCODINGS: [&str; 4] = [
    "encoding = \"differential\"\nsubtraction = \"analog\"",
    "encoding = \"differential\"\nsubtraction = \"digital\"",
    "encoding = \"offset\"\noffset_removal = \"digital\"",
    "encoding = \"offset\"\noffset_removal = \"unit-column\"",
];
const LAWS: [&str; 6] = [
    "{ law = \"none\" }",
    "{ law = \"lognormal\", sigma_ln = 0.1 }",
    "{ law = \"lognormal\", sigma_ln = 0.8 }",
    "{ law = \"normal-proportional\", sigma_rel = 0.3 }",
    "{ law = \"normal-independent\", sigma_rel = 0.05 }",
    "{ law = \"none\" }\ntime_s = 1e4\ndrift = { nu = 0.05 }\nspread = { sigma_chip_ln = 0.2 }\nstuck_at = { on_frac = 0.1 }",
];
const ADCS: [&str; 8] = [
    "bits = \"lossless\"",
    "bits = 4",
    "bits = 2",
    "bits = 3\nrange = [-3.3, 4.1]",
    "bits = 5\nrange = [0.4, 9.0]",
    "bits = 8",
    "bits = \"lossless\"\noffset_sigma_steps = 0.5\ngain_sigma_rel = 0.05",
    "bits = 4\noffset_sigma_steps = 0.3\nthreshold_sigma_steps = 0.4",
];
const WIRES: [&str; 4] = ["0.0", "3.0", "2.0\nwire_topology = \"gated\"", "300.0\nwire_topology = \"gated\""];
const RATIOS: [&str; 3] = ["\"infinite\"", "100", "7.3"];

fn operands(shape: [usize; 2], vectors: usize, weight_top: i64, input_top: i64, sparse: bool, seed: u64) -> Operands {
    let mut rng = PhiloxStream::new(seed);
    let weights = (0..shape[0] * shape[1]).map(|_| rng.random_range(-weight_top..=weight_top)).collect();
    let input = |rng: &mut PhiloxStream| if sparse && rng.random_range(0..2) == 0 { 0 } else { rng.random_range(0..=input_top) };
    let inputs = (0..shape[1] * vectors).map(|_| input(&mut rng)).collect();
    Operands { shape, weights, vectors, inputs, conductances: None, pre_adc: false, kernel: None }
}

/// Every kernel, and the cheapest, against the direct one; false if the configuration is refused.
fn compare(toml: &str, o: &Operands) -> Result<bool, TestCaseError> {
    let Ok(p) = config::parse_mvm(toml, "test", &Overrides::default()) else { return Ok(false) };
    let run = |kernel| mvm(&p, &Operands { kernel, weights: o.weights.clone(), inputs: o.inputs.clone(), conductances: None, ..*o });
    let Ok(direct) = run(Some(Kernel::Direct)) else { return Ok(false) };
    for kernel in [Some(Kernel::Table), Some(Kernel::Split), None] {
        let other = run(kernel).expect("what the direct kernel takes");
        prop_assert_eq!(other.clipped, direct.clipped, "{:?}\n{}", kernel, toml);
        prop_assert_eq!(&other.outputs, &direct.outputs, "{:?}\n{}", kernel, toml);
    }
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]
    #[test]
    fn all_kernels_agree(
        n in 1usize..70, k in 1usize..150, vectors in 1usize..6, seed in 0u64..1 << 40, sparse in any::<bool>(),
        weight_bits in 2u32..=9, activation_bits in 1u32..=12, cell_bits in 1u32..=4, dac_bits in 1u32..=4,
        short in any::<bool>(), usual in any::<bool>(), ou in 1usize..=140, border in 0usize..60, ou_bitlines in 1usize..=16,
        encoding in 0usize..4, law in 0usize..6, adc in 0usize..8, ratio in 0usize..3, fraction_bits in 0u32..2, wires in 0usize..8,
    ) {
        let activation_bits = if usual { 8 } else { activation_bits };
        let (dac_bits, cell_bits) = if short { (dac_bits, cell_bits) } else { (1, 1) };
        let ou = if short { 1 + ou % 12 } else { ou };
        // Half of the cases have no wires, and gated cells take inputs bit by bit on few wordlines.
        let wires = wires.saturating_sub(4);
        let (ou, dac_bits) = if wires < 2 { (ou, dac_bits) } else { (1 + ou % 12, 1) };
        let fraction = if fraction_bits == 0 { "\"max\"" } else { "7" };
        let toml = format!(
            "[quantization]\nweight_bits = {weight_bits}\nactivation_bits = {activation_bits}\n[crossbar]\nrows = {}\nou_wordlines = {ou}\nou_bitlines = {ou_bitlines}\ncell_bits = {cell_bits}\ndac_bits = {dac_bits}\n{}\n[adc]\n{}\n[device]\non_off_ratio = {}\nfraction_bits = {fraction}\nprogramming_error = {}\nwire_ohm = {}\n[monte_carlo]\ntrials = 2\nseed = {seed}\n",
            ou + border, ENCODINGS[encoding], ADCS[adc], RATIOS[ratio], LAWS[law], WIRES[wires]
        );
        compare(&toml, &operands([n, k], vectors, (1 << (weight_bits - 1)) - 1, (1 << activation_bits) - 1, sparse, seed))?;
    }
}

/// A row of vectors that is cut into pieces, the last one short, with a converter that clips and one whose range leaves
/// zero out: what is not there must not be counted.
#[test]
fn long_rows_of_vectors() {
    for (ou, adc, bits) in [(9, ADCS[1], 8), (32, ADCS[4], 12), (9, ADCS[4], 5)] {
        let toml = format!("[quantization]\nactivation_bits = {bits}\n[crossbar]\nou_wordlines = {ou}\n{}\n[adc]\n{adc}\n[device]\nprogramming_error = {}\n[monte_carlo]\ntrials = 1\n", ENCODINGS[2], LAWS[1]);
        assert!(compare(&toml, &operands([20, 40], 4500, 127, (1 << bits) - 1, true, 7)).expect("equal"));
    }
}

/// Row groups whose tables of eight index bits would not fit a block, so that they have fewer.
#[test]
fn tall_row_groups() {
    for (ou, k) in [(256, 300), (257, 300), (500, 1100), (1024, 1100)] {
        let toml = format!(
            "[crossbar]\nrows = 2048\nou_wordlines = {ou}\n{}\n[adc]\n{}\n[device]\nprogramming_error = {}\n[monte_carlo]\ntrials = 1\n",
            ENCODINGS[0], ADCS[0], LAWS[1]
        );
        assert!(compare(&toml, &operands([20, k], 4, 127, 255, false, 9)).expect("equal"), "refused");
    }
}

/// A long row of vectors with padding after its end, which a window does not tell but by its width.
#[test]
fn a_long_row_with_padding() {
    let width = VECTORS + 100;
    let standard = Standard::new(&Case { ou_wordlines: 9, vectors: width, fraction: Fraction::Max }).expect("a layer");
    let window = Window { out: [1, width + 1], ..standard.window };
    let cells = program_cells(&standard.layer, &standard.table, None, 1, 0);
    let input = View { values: &standard.inputs, shape: standard.shape };
    let by = |kernel| {
        let product = Product::new(&standard.layer, &window, 8, 3, Some(kernel), width + 1);
        product.accumulators(&product.on_chip(cells.clone()), input, 0, &mut Work::default(), &mut Counts::default())
    };
    assert!(by(Kernel::Table) == by(Kernel::Direct), "the last vector is padding");
}

/// The same on the instruction sets that this processor would not choose.
#[test]
fn on_other_instruction_sets() {
    let program = std::env::current_exe().expect("this program");
    for set in ["avx2", "portable"] {
        let run = std::process::Command::new(&program).args(["all_kernels_agree", "--exact"]).env("BWQ_INSTRUCTION_SET", set).output().expect("a run");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("1 passed"), "{set}: {said}\n{}", String::from_utf8_lossy(&run.stderr));
    }
}
