//! What a chip corrects digitally: a line through its products, measured on calibration images, layer after layer.
//!
//! `gain`: one factor per layer, the inverse slope of its products against the exact products of the same inputs, as a
//! tester measures it. `batchnorm`: per channel of a convolution, mean and variance are brought to those of the quantised
//! network, as when a network's batch norms are measured again on the chip; other layers get a gain. Earlier layers
//! are corrected when a later one is measured. Sums are integers, so the order of adding does not matter.

use super::crossbar_mvm::Counts;
use super::digital::{Exact, pack};
use super::product::Work;
use super::{Chip, Prepared, SpareTensors, View, run_steps};
use crate::config::Compensation;
use crate::engine::{IntegerImages, PlacedPart, Stop, multiply_accumulates};
use crate::quantize::{IntegerNetwork, Matrix, MatrixPart, Requantize};
use rayon::prelude::*;

/// Calibration images a chip is measured on.
pub const IMAGES: usize = 32;
/// Their numbers, as read noise knows them, begin here: beyond those of any test set.
const FIRST_IMAGE: u32 = 1 << 31;
/// Bytes that a tensor of them may take; with larger tensors there are fewer images.
const TENSOR_BYTES: usize = 64 << 20;
/// Fraction bits of a product in a sum.
const FRACTION_BITS: u32 = 8;
/// A channel's factor is between one over this and this: a dead one is left alone.
const LARGEST_FACTOR: f64 = 4.0;

/// What chips are compared with; the same for all.
#[derive(Debug, Clone)]
pub struct Reference {
    kind: Compensation,
    images: IntegerImages,
    /// Mean and standard deviation of the exact products, `[layer][part][output]`.
    targets: Vec<Vec<Vec<[f64; 2]>>>,
}

/// Sums over the products of one output, in 2^-[`FRACTION_BITS`] multiply-accumulates.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: i128,
    chip: i128,
    chip_squared: i128,
    exact: i128,
    exact_squared: i128,
    both: i128,
}

impl Sums {
    fn add(&mut self, chip: f64, exact: i64) {
        let (chip, exact) = ((chip * f64::from(1 << FRACTION_BITS)).round_ties_even() as i128, i128::from(exact) << FRACTION_BITS);
        self.count += 1;
        self.chip += chip;
        self.chip_squared += chip * chip;
        self.exact += exact;
        self.exact_squared += exact * exact;
        self.both += chip * exact;
    }

    fn merge(&mut self, other: &Sums) {
        self.count += other.count;
        self.chip += other.chip;
        self.chip_squared += other.chip_squared;
        self.exact += other.exact;
        self.exact_squared += other.exact_squared;
        self.both += other.both;
    }

    /// `count^2` times a covariance.
    fn covariance(&self, both: i128, a: i128, b: i128) -> f64 {
        (self.count * both - a * b) as f64
    }

    /// Mean and standard deviation of the chip's products.
    fn moments(&self) -> [f64; 2] {
        let (n, unit) = (self.count.max(1) as f64, f64::from(1 << FRACTION_BITS));
        [self.chip as f64 / n / unit, libm::sqrt(self.covariance(self.chip_squared, self.chip, self.chip)) / n / unit]
    }
}

impl Reference {
    /// Measures the quantised network on the first of `images`, if `kind` needs that.
    pub fn new(kind: Compensation, network: &IntegerNetwork, images: &IntegerImages) -> Self {
        let largest = network.tensors.iter().map(|t| t.len() * 4).max().unwrap_or(1);
        let images = images.first(IMAGES.min(TENSOR_BYTES / largest.max(1)).max(1).min(images.len()));
        let mut targets = Vec::new();
        if kind == Compensation::Batchnorm {
            let exact = pack(network);
            run_steps(network, &images.integers(0..images.len()), &mut SpareTensors::default(), &mut |layer, matrix, input, output| {
                targets.push(matrix.parts.iter().zip(&exact[layer]).map(|(part, exact)| targets_of(matrix, part, exact, input, output)).collect());
            });
        }
        Reference { kind, images, targets }
    }
}

/// Runs one part exactly; returns its products' moments.
fn targets_of(matrix: &Matrix, part: &MatrixPart, exact: &Exact, input: View, output: &mut [u32]) -> Vec<[f64; 2]> {
    let of_image = output.len() / input.images().max(1);
    let measure = |(image, output): (usize, &mut [u32])| {
        let input = View { values: input.image(image), ..input };
        exact.run(matrix.input_zero as u32, input, output);
        let products = exact.product(matrix.input_zero as u32, input);
        products.chunks(part.window.positions()).map(|row| row.iter().fold(Sums::default(), |mut s, &y| { s.add(f64::from(y), i64::from(y)); s })).collect::<Vec<_>>()
    };
    let of_images: Vec<Vec<Sums>> = output.par_chunks_mut(of_image).enumerate().map(measure).collect();
    merged(of_images, part.outputs).iter().map(Sums::moments).collect()
}

fn merged(of_images: Vec<Vec<Sums>>, outputs: usize) -> Vec<Sums> {
    of_images.iter().fold(vec![Sums::default(); outputs], |mut total, some| {
        total.iter_mut().zip(some).for_each(|(a, b)| a.merge(b));
        total
    })
}

/// The requantisation of every part as `chip` corrects it; fewer layers once `stop` is true.
pub fn compensate(prepared: &Prepared, chip: &Chip, reference: &Reference, stop: &Stop) -> Vec<Vec<Requantize>> {
    let plan = prepared.plan;
    let exact = if reference.kind == Compensation::Gain { pack(&plan.network) } else { Vec::new() };
    let mut scales: Vec<Vec<Requantize>> = Vec::new();
    run_steps(&plan.network, &reference.images.integers(0..reference.images.len()), &mut SpareTensors::default(), &mut |layer, matrix, input, output| {
        if stop() {
            return;
        }
        let of_part = |i: usize| {
            let (placed, part) = (&plan.layers[layer][i], &matrix.parts[i]);
            let target = reference.targets.get(layer).map(|parts| parts[i].as_slice());
            let measured = measure(prepared, chip, [layer, i], matrix, input, exact.get(layer).map(|parts| &parts[i]));
            let scale = corrected(matrix, part, placed, &measured.sums, target);
            measured.write(placed, part, &scale, output);
            scale
        };
        scales.push((0..matrix.parts.len()).map(of_part).collect());
    });
    scales
}

/// A part's accumulators of all images, and sums over its products.
struct Measured {
    /// `[some images][vector][accumulator]`.
    accumulators: Vec<Vec<i64>>,
    sums: Vec<Sums>,
}

fn measure(prepared: &Prepared, chip: &Chip, [layer, i]: [usize; 2], matrix: &Matrix, input: View, exact: Option<&Exact>) -> Measured {
    let (placed, product, part) = (&prepared.plan.layers[layer][i], &prepared.products[layer][i], &chip.parts[layer][i]);
    let (positions, width) = (matrix.parts[i].window.positions(), placed.crossbar.accumulators());
    let size = input.shape.iter().product::<usize>();
    let share = input.images().div_ceil(rayon::current_num_threads()).max(1);
    let of_images = |(number, values): (usize, &[u32])| {
        let some = View { values, ..input };
        let first_image = FIRST_IMAGE + (number * share) as u32;
        let accumulators = product.accumulators(part, some, first_image, &mut Work::default(), &mut Counts::default());
        let mut sums = vec![Sums::default(); placed.crossbar.outputs];
        for (image, rows) in accumulators.chunks(positions * width).enumerate() {
            let exact = exact.map(|e| e.product(matrix.input_zero as u32, View { values: some.image(image), ..input }));
            for (position, row) in rows.chunks(width).enumerate() {
                for (n, sums) in sums.iter_mut().enumerate() {
                    let exact = exact.as_ref().map_or(0, |e| i64::from(e[n * positions + position]));
                    sums.add(multiply_accumulates(&placed.crossbar, &placed.decoding, row, n), exact);
                }
            }
        }
        (accumulators, sums)
    };
    let (accumulators, sums): (Vec<_>, Vec<_>) = input.values.par_chunks(share * size).enumerate().map(of_images).unzip();
    Measured { accumulators, sums: merged(sums, placed.crossbar.outputs) }
}

impl Measured {
    /// The part's outputs for all images.
    fn write(&self, placed: &PlacedPart, part: &MatrixPart, scale: &Requantize, output: &mut [u32]) {
        let (positions, width) = (part.window.positions(), placed.crossbar.accumulators());
        let images = self.accumulators.iter().map(Vec::len).sum::<usize>() / (positions * width);
        let of_image = output.len() / images.max(1);
        for (vector, row) in self.accumulators.iter().flat_map(|a| a.chunks(width)).enumerate() {
            let out = &mut output[vector / positions * of_image..];
            let extra = if width > placed.crossbar.outputs { row[placed.crossbar.outputs] } else { 0 };
            for n in 0..placed.crossbar.outputs {
                out[(part.first_output + n) * positions + vector % positions] = scale.apply(n, row[n], extra);
            }
        }
    }
}

/// The requantisation that puts the measured products on a line of slope 1, or gives them the moments of `target`.
fn corrected(matrix: &Matrix, part: &MatrixPart, placed: &PlacedPart, sums: &[Sums], target: Option<&[[f64; 2]]>) -> Requantize {
    let rows = part.window.rows().max(1);
    let zero_sum = |n: usize| part.weights[n * rows..(n + 1) * rows].iter().map(|&w| f64::from(w)).sum::<f64>() * f64::from(matrix.input_zero);
    let bounded = |factor: f64| if factor.is_finite() && factor > 0.0 { factor.clamp(1.0 / LARGEST_FACTOR, LARGEST_FACTOR) } else { 1.0 };
    // y becomes factor y + more, of which the part's own zero is to keep its place.
    let lines: Vec<(f64, f64)> = match target {
        Some(target) if part.window.positions() > 1 => {
            let of_output = |(n, (sums, [mean, sd])): (usize, (&Sums, &[f64; 2]))| {
                let [chip_mean, chip_sd] = sums.moments();
                let factor = bounded(sd / chip_sd);
                (factor, mean - factor * chip_mean - zero_sum(n) * (1.0 - factor))
            };
            sums.iter().zip(target).enumerate().map(of_output).collect()
        }
        Some(target) => {
            // Few products per output: one factor for all of them.
            let [chip, wanted] = sums.iter().zip(target).fold([0.0; 2], |[c, w], (s, t)| [c + s.moments()[1].powi(2), w + t[1].powi(2)]);
            vec![(bounded(libm::sqrt(wanted / chip)), 0.0); sums.len()]
        }
        None => {
            let both: f64 = sums.iter().map(|s| s.covariance(s.both, s.chip, s.exact)).sum();
            let exact: f64 = sums.iter().map(|s| s.covariance(s.exact_squared, s.exact, s.exact)).sum();
            vec![(bounded(exact / both), 0.0); sums.len()]
        }
    };
    let mut part = part.clone();
    for (n, (factor, more)) in lines.into_iter().enumerate() {
        part.bias[n] += part.factor[n] * more;
        part.factor[n] *= factor;
    }
    // A line of these factors fits wherever the layer's own scale does, but for scales at the very end of the range:
    // such a layer stays as it is.
    part.requantize_for(matrix.input_zero, &placed.decoding, &matrix.name).unwrap_or_else(|_| placed.requantize.clone())
}
