//! Small matrices, counted by hand; and what must hold for any.

use super::*;
use crate::cost::count::count;
use crate::cost::blocks::Bits;
use crate::cost::designs;
use crate::cost::shape::{Builder, square};
use proptest::prelude::*;

fn linear(rows: u64, outputs: u64) -> Layer {
    let mut net = Builder::new("n", [rows, 1, 1]);
    net.linear("fc", outputs, false);
    net.finish().expect("a layer").layers.remove(0)
}

fn how(design: &str) -> Squeeze {
    designs::find(design).and_then(|d| d.squeeze).expect("squeezes")
}

/// OUs of 2 x 2 in crossbars of 4 x 4, two bits of a weight.
fn small(design: &str) -> Scheme {
    Scheme { rows: 4, cols: 4, ou_wordlines: 2, ou_bitlines: 2, weight_bits: 2, activation_bits: 2, ..Scheme::of(designs::find(design).expect("is there"), true) }
}

/// Two outputs of two bits beside each other, `[output][row]` = [3 0 1 0 2], [0 0 1 0 0]. A column of OUs is one output: of the first
/// four rows it keeps 0 and 2, and 2; of the fifth the first output keeps its one row. 1 + 1 + 1 OUs, 2 + 1 + 1 entries.
#[test]
fn rows_of_an_ou() {
    let (layer, cells) = (linear(5, 2), Cells::Weights(vec![3, 0, 1, 0, 2, 0, 0, 1, 0, 0]));
    let got = squeeze(&layer, &cells, None, &how("sre"), &small("sre"));
    assert_eq!((got.load.ous, got.index_entries, got.load.crossbars, got.load.row_bands, got.load.fullest), (3, 4, 2, 2, 2));
    assert_eq!((got.load.ou_rows, got.load.cells, got.load.crossbar_rows, got.load.sums), (4, 8, 2 + 1, 3));
    assert_eq!(got.reads, Reads::ALL);
}

/// The same with its bit planes in crossbars of their own: the most significant has rows 0 and 4 of the first output, the other one
/// rows 0 and 2, as both outputs have a bit in row 2.
#[test]
fn rows_of_a_crossbar() {
    let (layer, cells) = (linear(5, 2), Cells::Weights(vec![3, 0, 1, 0, 2, 0, 0, 1, 0, 0]));
    let got = squeeze(&layer, &cells, None, &how("sme"), &small("sme"));
    assert_eq!((got.load.ous, got.index_entries, got.load.crossbars, got.load.fullest), (3, 1 + 1 + 2, 3, 1));
    assert_eq!(got.load.row_bands, 2 + 1, "two crossbars of the first plane and one of the second give a sum each");
}

/// Of the two OUs of rows 0 and 2, and of row 1, the first has an input in steps 0 and 1 of the first position and in none of the
/// second, the other one in one step of each.
#[test]
fn ous_without_an_input() {
    let (layer, cells) = (linear(3, 2), Cells::Weights(vec![1, 0, 1, 0, 3, 0]));
    let inputs = Inputs::new(3, 2, vec![0b01, 0b00, 0b01, 0b10, 0b10, 0b00]);
    let got = squeeze(&layer, &cells, Some(&inputs), &how("sre"), &small("sre"));
    assert_eq!((got.load.ous, got.load.fullest), (2, 2));
    assert_eq!(got.reads, Reads::counted([4, 2 * 4], [4, 2 * 4]));
    assert_eq!(squeeze(&layer, &cells, Some(&inputs), &how("sme"), &small("sme")).reads, Reads::ALL, "SME skips none");
}

/// A depthwise convolution: each channel has rows of its own, and zeros of its own.
#[test]
fn groups_are_matrices() {
    let mut net = Builder::new("n", [2, 4, 4]);
    net.conv("dw", 2, square(3, 1, 1), 2, false).expect("fits");
    let layer = net.finish().expect("a layer").layers.remove(0);
    let mut weights = vec![0; 18];
    (weights[0], weights[3]) = (1, 2);
    let got = squeeze(&layer, &Cells::Weights(weights), None, &how("sre"), &Scheme { rows: 16, ..small("sre") });
    assert_eq!((got.load.ous, got.index_entries, got.load.crossbars), (1, 2, 1));
}

/// Where nothing is known, one row in so many is left of each crossbar: 39 of 128 at 3.3, which are 5 OUs of 9 rows instead of 15.
#[test]
fn an_assumed_share() {
    let scheme = Scheme::of(designs::find("sre").expect("is there"), true);
    let got = squeeze(&linear(128, 8), &Cells::Assumed(3.3), None, &how("sre"), &scheme);
    assert_eq!((got.load.ous, got.index_entries, got.load.crossbars), (5 * 16, 39 * 16, 1));
}

fn any_case() -> impl Strategy<Value = (Vec<u32>, [u64; 2], Scheme, bool)> {
    (1u64..30, 1u64..12, 1u32..5, [1u64..5, 1u64..5], any::<bool>(), any::<bool>()).prop_flat_map(|(rows, outputs, bits, [height, width], is_sre, in_parallel)| {
        let design = if is_sre { "sre" } else { "sme" };
        let scheme = Scheme { rows: 8, cols: 8, ou_wordlines: height, ou_bitlines: width, weight_bits: bits, ..small(design) };
        let scheme = if is_sre && in_parallel { Scheme { bit_planes: BitPlanes::InParallel, ..scheme } } else { scheme };
        (prop::collection::vec(prop_oneof![Just(0u32), 0u32..1 << bits], (rows * outputs) as usize), Just([rows, outputs]), Just(scheme), Just(is_sre))
    })
}

proptest! {
    /// Squeezing takes nothing from a dense matrix, everything from one of zeros, and never adds.
    #[test]
    fn never_more_than_all((weights, [rows, outputs], scheme, is_sre) in any_case()) {
        let (layer, how) = (linear(rows, outputs), how(if is_sre { "sre" } else { "sme" }));
        let of = |weights: Vec<u32>| squeeze(&layer, &Cells::Weights(weights), None, &how, &scheme);
        let (whole, _) = count(&layer, &Bits::Uniform(scheme.weight_bits), &scheme);
        let dense = of(vec![(1 << scheme.weight_bits) - 1; weights.len()]);
        prop_assert_eq!((dense.load.ous, dense.load.crossbars, dense.load.cells, dense.load.fullest, dense.load.row_bands), (whole.ous, whole.crossbars, whole.cells, whole.fullest, whole.row_bands));
        let none = of(vec![0; weights.len()]);
        prop_assert_eq!((none.load, none.index_entries), (Load::default(), 0));
        let some = of(weights);
        prop_assert!(some.load.ous <= whole.ous && some.load.crossbars <= whole.crossbars && some.load.fullest <= whole.fullest && some.load.cells <= whole.cells);
        prop_assert!(some.index_entries <= dense.index_entries && some.load.crossbar_rows <= whole.crossbar_rows);
    }

    /// An OU never needs to be read more often than at every step.
    #[test]
    fn inputs_only_ever_save((weights, [rows, outputs], scheme, _) in any_case(), seed in prop::collection::vec(0u32..4, 64)) {
        let values = (0..rows as usize * 2).map(|i| seed[i % 64]).collect();
        let got = squeeze(&linear(rows, outputs), &Cells::Weights(weights), Some(&Inputs::new(rows as usize, 2, values)), &how("sre"), &Scheme { bit_planes: BitPlanes::InTurn, ..scheme });
        prop_assert!((0.0..=1.0).contains(&got.reads.skipped_frac()));
        prop_assert!(got.reads.of(got.load.ous) <= got.load.ous && got.reads.of_fullest(got.load.fullest) <= got.load.fullest);
    }
}
