//! ADC ranges from data: the step, per layer, with the least squared error on the calibration images.
//!
//! Sums are nominal: levels times input steps, whole numbers. They are made from words of bits, 64 rows to a word.

use super::digital::{Exact, pack};
use super::gather::gather;
use super::{SpareTensors, run_steps};
use crate::config::AdcBits;
use crate::crossbar::CrossbarLayer;
use crate::engine::{IntegerImages, Plan};
use rayon::prelude::*;

/// Per layer, the step in level steps of a converter with `bits` bits, from the nominal sums (infinite on/off
/// ratio) of `images`. Sums are whole level steps there, so their histogram is exact and the choice the same everywhere.
pub fn calibrate_adc(plan: &Plan, images: &IntegerImages, bits: AdcBits) -> Vec<u64> {
    let AdcBits::Bits(bits) = bits else { return vec![1; plan.layers.len()] };
    let exact = pack(&plan.network);
    let levels: Vec<Vec<LevelBits>> = plan.layers.iter().map(|parts| parts.iter().map(|part| LevelBits::new(&part.crossbar)).collect()).collect();
    let histograms = (0..images.len())
        .into_par_iter()
        .map(|i| histograms_of(plan, &exact, &levels, &images.image(i)))
        .reduce(|| vec![Vec::new(); plan.layers.len()], |a, b| a.into_iter().zip(b).map(|(a, b)| added(a, b)).collect());
    plan.layers.iter().zip(histograms).map(|(parts, histogram)| best_multiple(&histogram, bits, parts[0].crossbar.planes.signed())).collect()
}

/// Counts by magnitude of the sum, in level steps.
fn histograms_of(plan: &Plan, exact: &[Vec<Exact>], levels: &[Vec<LevelBits>], image: &[u16]) -> Vec<Vec<u64>> {
    let mut histograms = vec![Vec::new(); plan.layers.len()];
    run_steps(&plan.network, image, &mut SpareTensors::default(), &mut |layer, matrix, input, output| {
        for (index, (part, placed)) in matrix.parts.iter().zip(&plan.layers[layer]).enumerate() {
            let l = &placed.crossbar;
            let (positions, mut inputs) = (part.window.positions(), vec![0; l.rows]);
            for position in 0..positions {
                gather(&part.window, input, matrix.input_zero as u32, position, &mut inputs);
                count_sums(l, &levels[layer][index], &inputs, &mut histograms[layer]);
            }
            exact[layer][index].run(matrix.input_zero as u32, input, output);
        }
    });
    histograms
}

/// Bits of the cells' levels, rows side by side: per row group `[column][slice][plane][bit of the level][word]`, row r of the group at
/// bit r % 64 of word r / 64. A cell that is not there has none.
struct LevelBits {
    groups: Vec<Vec<u64>>,
}

/// Words of so many rows.
fn words(rows: usize) -> usize {
    rows.div_ceil(64)
}

impl LevelBits {
    fn new(l: &CrossbarLayer) -> Self {
        let (planes, slices) = (l.planes.programmed, l.planes.slices);
        let of_group = |[start, end]: [usize; 2]| {
            let words = words(end - start);
            let mut bits = vec![0u64; l.columns * slices * planes * l.cell_bits as usize * words];
            for (place, of_plane) in bits.chunks_exact_mut(l.cell_bits as usize * words).enumerate() {
                let (plane, slice, column) = (place % planes, place / planes % slices, place / planes / slices);
                for row in start..end {
                    let level = l.level(l.cells[row * l.columns + column], plane, slice).unwrap_or(0);
                    for bit in 0..l.cell_bits as usize {
                        of_plane[bit * words + (row - start) / 64] |= u64::from(level >> bit & 1) << ((row - start) % 64);
                    }
                }
            }
            bits
        };
        LevelBits { groups: l.groups.iter().map(|g| of_group(g.map(|row| row as usize))).collect() }
    }
}

/// Adds the sums of every conversion of one input vector.
fn count_sums(l: &CrossbarLayer, levels: &LevelBits, inputs: &[u32], histogram: &mut Vec<u64>) {
    let planes = &l.planes;
    let mut count = |magnitude: u64, times: u64| {
        let magnitude = magnitude as usize;
        if histogram.len() <= magnitude {
            histogram.resize(magnitude + 1, 0);
        }
        histogram[magnitude] += times;
    };
    for (group, bits) in l.groups.iter().zip(&levels.groups) {
        let inputs = &inputs[group[0] as usize..group[1] as usize];
        let words = words(inputs.len());
        let of_plane = l.cell_bits as usize * words;
        let conversions = (l.columns * planes.slices * if planes.signed() { 1 } else { planes.converted }) as u64;
        for step in 0..l.input_steps {
            // `[bit of the step][word]`, as the levels' bits.
            let mut driven = vec![0u64; l.dac_bits as usize * words];
            for (row, input) in inputs.iter().enumerate() {
                for bit in 0..l.dac_bits as usize {
                    driven[bit * words + row / 64] |= u64::from(input >> (step * l.dac_bits + bit as u32) & 1) << (row % 64);
                }
            }
            if driven.iter().all(|&word| word == 0) {
                count(0, conversions);
                continue;
            }
            let sum = |plane: &[u64]| -> i64 {
                let of = |(bit, level): (usize, &[u64])| -> i64 {
                    let ones = |d: &[u64]| i64::from(d.iter().zip(level).map(|(a, b)| (a & b).count_ones()).sum::<u32>());
                    driven.chunks_exact(words).enumerate().map(|(dac, d)| ones(d) << (dac + bit)).sum()
                };
                plane.chunks_exact(words).enumerate().map(of).sum()
            };
            for converted in bits.chunks_exact(planes.programmed * of_plane) {
                let mut sums = converted.chunks_exact(of_plane).map(sum);
                if planes.signed() {
                    count((sums.next().unwrap_or(0) - sums.next().unwrap_or(0)).unsigned_abs(), 1);
                } else {
                    sums.take(planes.converted).for_each(|sum| count(sum.unsigned_abs(), 1));
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
    use super::*;
    use crate::config::*;
    use crate::crossbar::layer::{Build, Weights};
    use crate::rng::PhiloxStream;
    use rand::RngExt;

    /// Sums cell by cell.
    fn plainly(l: &CrossbarLayer, inputs: &[u32]) -> Vec<u64> {
        let mut histogram = Vec::new();
        for (group, step) in l.groups.iter().flat_map(|g| (0..l.input_steps).map(move |step| (g, step))) {
            for (column, slice) in (0..l.columns).flat_map(|c| (0..l.planes.slices).map(move |s| (c, s))) {
                let mut sums = [0i64; 2];
                for row in group[0] as usize..group[1] as usize {
                    let x = i64::from(inputs[row] >> (step * l.dac_bits) & ((1 << l.dac_bits) - 1));
                    for plane in 0..l.planes.programmed {
                        sums[plane] += x * i64::from(l.level(l.cells[row * l.columns + column], plane, slice).unwrap_or(0));
                    }
                }
                for sum in if l.planes.signed() { vec![sums[0] - sums[1]] } else { sums[..l.planes.converted].to_vec() } {
                    let magnitude = sum.unsigned_abs() as usize;
                    histogram.resize(histogram.len().max(magnitude + 1), 0);
                    histogram[magnitude] += 1;
                }
            }
        }
        histogram
    }

    #[test]
    fn words_of_rows_have_the_sums_of_cells() {
        let mut rng = PhiloxStream::new(5);
        let encodings = [Encoding::Differential(Subtraction::Analog), Encoding::Differential(Subtraction::Digital), Encoding::Offset(OffsetRemoval::Digital), Encoding::Offset(OffsetRemoval::UnitColumn)];
        for case in 0..200 {
            let [rows, outputs] = [rng.random_range(1..300), rng.random_range(1..12)];
            let (weight_bits, input_bits) = (rng.random_range(2..=9u32), rng.random_range(1..9));
            let crossbar = CrossbarConfig {
                rows: 128,
                cols: 128,
                ou_bitlines: 8,
                row_cut: RowCut::BlockAligned,
                digital_layers: DigitalLayers::None,
                ou_wordlines: [9, 64, 65, 128][case % 4],
                cell_bits: rng.random_range(1..4),
                dac_bits: rng.random_range(1..4),
                encoding: encodings[rng.random_range(0..4)],
            };
            let adc = AdcConfig { bits: AdcBits::Ideal, range: AdcRange::Full };
            let build = Build {
                name: "random", layer: 0, first_output: 0, weight_bits, input_bits, crossbar: &crossbar, adc: &adc, g_off: 0.0, fraction_bits: 12, calibrated_multiple: 1, digital: false,
            };
            let top = (1 << (weight_bits - 1)) - 1;
            let values: Vec<i32> = (0..rows * outputs).map(|_| rng.random_range(-top..=top)).collect();
            let bits = |row: usize, output: usize| if (row + output) % 3 == 0 { 0 } else { weight_bits - 1 };
            let layer = CrossbarLayer::new(&build, &Weights { rows, outputs, values: &values, magnitude_bits: &bits }).expect("a layer");
            let (levels, mut histogram) = (LevelBits::new(&layer), Vec::new());
            let mut plain = Vec::new();
            for _ in 0..3 {
                let zeros = rng.random_range(0..2) == 0;
                let inputs: Vec<u32> = (0..rows).map(|_| if zeros { 0 } else { rng.random_range(0..1 << input_bits) }).collect();
                count_sums(&layer, &levels, &inputs, &mut histogram);
                plain = added(plain, plainly(&layer, &inputs));
            }
            assert_eq!(histogram, plain, "case {case}");
        }
    }

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
