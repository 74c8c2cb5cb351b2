//! What re-quantisation and training may never break, for random layers, gradients and strengths of the lasso.

use bwq_train::blocks::Blocks;
use bwq_train::planes::{CellErrors, Layer, Rule};
use proptest::prelude::*;

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    (0..count as u32).map(|i| bwq::rng::philox4x32([i, seed, 0, 0], [7, 7])[0] as f32 / 2f32.powi(31) - 1.0).collect()
}

fn largest(layer: &Layer) -> Vec<i32> {
    let (mut largest, integers) = (vec![0; layer.blocks.len()], layer.integers());
    layer.blocks.pieces().for_each(|(block, piece)| largest[block] = integers[piece].iter().fold(largest[block], |a, q| a.max(q.abs())));
    largest
}

/// Planes within [0, 2]; none beyond its block's bits; integers that those bits hold.
fn assert_sound(layer: &Layer) {
    for (block, piece) in layer.blocks.pieces() {
        for (bit, plane) in layer.planes.iter().flat_map(|planes| planes.iter().enumerate()) {
            let masked = bit >= usize::from(layer.bits[block]);
            assert!(plane[piece.clone()].iter().all(|&p| if masked { p == 0.0 } else { (0.0..=2.0).contains(&p) }));
        }
    }
    for (largest, bits) in largest(layer).iter().zip(&layer.bits) {
        assert!(*largest < 1 << bits, "{largest} in a block of {bits} bits");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn precision_only_falls_and_masked_bits_stay_zero(
        rows in 1usize..24, outputs in 1usize..20, size in (1usize..10, 1usize..9), bits in 1u8..9,
        rate in 0.01f32..2.0, lasso in 0.0f32..0.5, seed in 0u32..1000, whole in any::<bool>(),
    ) {
        let size = if whole { [rows, outputs] } else { [size.0, size.1] };
        let weights = numbers(rows * outputs, seed);
        let mut layer = Layer::from_floats("l", &weights, Blocks { rows, outputs, size }, bits);
        prop_assert!(layer.bits.iter().all(|&b| b == bits));
        let rule = Rule { rate, momentum: 0.9, decay: 1e-4, lasso };
        for round in 0..4 {
            for step in 0..6 {
                let errors = CellErrors { sigma_ln: 0.1, seed: 1, step, first: 0 };
                let of = layer.weights((step % 2 == 1).then_some(errors));
                layer.update(&of, &numbers(rows * outputs, seed + 7 * round + step), &rule);
                assert_sound(&layer);
            }
            let (before, integers, step) = (layer.bits.clone(), layer.integers(), layer.step[0]);
            layer.adjust();
            assert_sound(&layer);
            // Bits never come back.
            prop_assert!(layer.bits.iter().zip(&before).all(|(now, before)| now <= before));
            // The walk from the top stops at the first bit that any weight of the block has.
            for (&bits, &largest) in layer.bits.iter().zip(&largest(&layer)) {
                prop_assert_eq!(u32::from(bits), i32::BITS - largest.leading_zeros());
            }
            // No weight changes: the same integers, or, where a layer lost trailing bits, the same values.
            let doubled = (layer.step[0] / step).round() as i32;
            prop_assert!(layer.step[0] == step * doubled as f32 && (layer.blocks.len() == 1 || doubled == 1));
            prop_assert_eq!(layer.integers().iter().map(|q| q * doubled).collect::<Vec<_>>(), integers);
            // Every plane is 0 or 1, and none has both signs.
            for bit in 0..layer.planes[0].len() {
                let pairs = layer.planes[0][bit].iter().zip(&layer.planes[1][bit]);
                prop_assert!(pairs.clone().all(|(p, n)| [0.0, 1.0].contains(p) && [0.0, 1.0].contains(n) && p * n == 0.0));
            }
            // Doing it again changes nothing.
            let again = layer.clone();
            layer.adjust();
            prop_assert_eq!(&layer, &again);
        }
    }
}

#[test]
fn a_block_of_zeros_has_no_bits_and_stays_so() {
    let blocks = Blocks { rows: 18, outputs: 8, size: [9, 8] };
    let integers: Vec<i32> = (0..144).map(|i| if i % 18 < 9 { 0 } else { i % 7 - 3 }).collect();
    let mut layer = Layer::from_integers("l", &integers, vec![0.1], blocks, 8);
    layer.adjust();
    assert_eq!(layer.bits, [0, 2]);
    for step in 0..50 {
        let of = layer.weights(None);
        layer.update(&of, &numbers(144, step), &Rule { rate: 1.0, momentum: 0.9, decay: 0.0, lasso: 0.0 });
        assert!(layer.blocks.pieces().filter(|(block, _)| *block == 0).all(|(_, piece)| layer.integers()[piece].iter().all(|&q| q == 0)));
    }
    assert!(layer.integers().iter().any(|&q| q != 0));
}

/// Cells of zeros do not conduct, so only the others have errors; the median is kept.
#[test]
fn errors_of_cells_are_lognormal() {
    let integers: Vec<i32> = (0..20_000).map(|i| i % 3 - 1).collect();
    let layer = Layer::from_integers("l", &integers, vec![0.5], Blocks { rows: 20, outputs: 1000, size: [9, 8] }, 1);
    let values = layer.weights(Some(CellErrors { sigma_ln: 0.2, seed: 3, step: 5, first: 0 })).values;
    assert!(integers.iter().zip(&values).all(|(&q, &v)| if q == 0 { v == 0.0 } else { v * q as f32 > 0.0 }));
    let logs: Vec<f64> = values.iter().filter(|v| **v != 0.0).map(|&v| f64::from(v.abs() / 0.5).ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let sd = (logs.iter().map(|l| l * l).sum::<f64>() / logs.len() as f64).sqrt();
    assert!(mean.abs() < 0.006 && (sd - 0.2).abs() < 0.006, "{mean} {sd}");
}

/// What BSQ does beyond: a layer of even numbers loses its last bit, and its step doubles.
#[test]
fn a_whole_layer_loses_trailing_bits_too() {
    let mut layer = Layer::from_integers("l", &[4, -12, 0, 8], vec![0.25], Blocks { rows: 2, outputs: 2, size: [2, 2] }, 8);
    layer.adjust();
    assert_eq!((layer.integers(), layer.step.clone(), layer.bits.clone()), (vec![1, -3, 0, 2], vec![1.0], vec![2]));
}
