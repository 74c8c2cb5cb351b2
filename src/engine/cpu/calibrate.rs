//! ADC ranges from data: the step, per layer, with the least squared error on the calibration images.

use super::digital::{Exact, pack};
use super::gather::gather;
use super::{SpareTensors, run_steps};
use crate::config::AdcBits;
use crate::engine::{IntegerImages, Plan};
use rayon::prelude::*;

/// Per layer, the step in level steps of a converter with `bits` bits, from the nominal sums (infinite on/off
/// ratio) of `images`. Sums are whole level steps there, so their histogram is exact and the choice the same everywhere.
pub fn calibrate_adc(plan: &Plan, images: &IntegerImages, bits: AdcBits) -> Vec<u64> {
    let AdcBits::Bits(bits) = bits else { return vec![1; plan.layers.len()] };
    let exact = pack(&plan.network);
    let histograms = (0..images.len())
        .into_par_iter()
        .map(|i| histograms_of(plan, &exact, images.image(i)))
        .reduce(|| vec![Vec::new(); plan.layers.len()], |a, b| a.into_iter().zip(b).map(|(a, b)| added(a, b)).collect());
    plan.layers.iter().zip(histograms).map(|(parts, histogram)| best_multiple(&histogram, bits, parts[0].crossbar.planes.signed())).collect()
}

/// Counts by magnitude of the sum, in level steps.
fn histograms_of(plan: &Plan, exact: &[Vec<Exact>], image: &[u16]) -> Vec<Vec<u64>> {
    let mut histograms = vec![Vec::new(); plan.layers.len()];
    run_steps(&plan.network, image, &mut SpareTensors::default(), &mut |layer, matrix, input, output| {
        for (index, (part, placed)) in matrix.parts.iter().zip(&plan.layers[layer]).enumerate() {
            let l = &placed.crossbar;
            let (positions, mut inputs) = (part.window.positions(), vec![0; l.rows]);
            for position in 0..positions {
                gather(&part.window, input, matrix.input_zero as u32, position, &mut inputs);
                count_sums(l, &inputs, &mut histograms[layer]);
            }
            exact[layer][index].run(matrix.input_zero as u32, input, output);
        }
    });
    histograms
}

fn count_sums(l: &crate::crossbar::CrossbarLayer, inputs: &[u32], histogram: &mut Vec<u64>) {
    let planes = &l.planes;
    for group in &l.groups {
        for step in 0..l.input_steps {
            for column in 0..l.columns {
                for slice in 0..planes.slices {
                    let mut sums = [0i64; 2];
                    for row in group[0] as usize..group[1] as usize {
                        let x = i64::from(inputs[row] >> (step * l.dac_bits) & ((1 << l.dac_bits) - 1));
                        for plane in 0..planes.programmed {
                            let level = l.level(l.cells[row * l.columns + column], plane, slice).unwrap_or(0);
                            sums[plane] += x * i64::from(level);
                        }
                    }
                    let converted = if planes.signed() { vec![sums[0] - sums[1]] } else { sums[..planes.converted].to_vec() };
                    for sum in converted {
                        let magnitude = sum.unsigned_abs() as usize;
                        if histogram.len() <= magnitude {
                            histogram.resize(magnitude + 1, 0);
                        }
                        histogram[magnitude] += 1;
                    }
                }
            }
        }
    }
}

fn added(mut a: Vec<u64>, b: Vec<u64>) -> Vec<u64> {
    if a.len() < b.len() {
        a.resize(b.len(), 0);
    }
    a.iter_mut().zip(&b).for_each(|(a, b)| *a += b);
    a
}

/// The whole step with the least sum of squared errors of rounding and clipping; the smallest of equals.
fn best_multiple(histogram: &[u64], bits: u32, signed: bool) -> u64 {
    let top = if signed { (1i128 << (bits - 1)) - 1 } else { (1i128 << bits) - 1 };
    let error = |multiple: i128| -> i128 {
        let of = |(sum, &count): (usize, &u64)| {
            // Twice the code, so that a tie (an error of half a step either way) stays a whole number.
            let code = ((2 * sum as i128 + multiple) / (2 * multiple)).min(top);
            let e = sum as i128 - code * multiple;
            i128::from(count) * e * e
        };
        histogram.iter().enumerate().map(of).sum()
    };
    (1..=histogram.len().max(1) as i128).min_by_key(|&m| (error(m), m)).unwrap_or(1) as u64
}

#[cfg(test)]
mod tests {
    use super::best_multiple;

    #[test]
    fn a_range_that_fits_needs_no_coarser_step() {
        assert_eq!(best_multiple(&[100, 50, 20, 5, 1], 4, true), 1);
    }

    #[test]
    fn coarse_bits_trade_clipping_for_rounding() {
        // Three codes above zero; large sums are common, so a step of 1 would clip them all.
        let m = best_multiple(&[10, 0, 0, 0, 0, 0, 50, 0, 0, 60], 3, true);
        assert_eq!(m, 3);
        // Large sums are rare: clip them.
        assert_eq!(best_multiple(&[10, 1000, 1000, 1000, 0, 0, 1], 3, true), 1);
    }
}
