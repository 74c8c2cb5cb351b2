//! Second moments of a layer's inputs: what decides how much an error of its weights changes its outputs.
//!
//! An error e of an output's weights (a row of the matrix) changes that output by e . x. Over the calibration images its
//! variance is e H e^T with H the covariance of the inputs x; the mean of the change is taken away by the bias.

use crate::network::matmul::matmul;
use rayon::prelude::*;

/// Inputs `[row][sample]` and wanted outputs `[output][sample]` of some images.
pub struct Samples {
    /// What enters the layer.
    pub inputs: Vec<f32>,
    /// What should leave it.
    pub targets: Vec<f32>,
}

/// Moments of one channel group of a layer, per sample.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// Covariance of the inputs, `[row][row]`.
    pub covariance: Vec<f64>,
    /// Covariance of targets and inputs, `[output][row]`.
    pub cross: Vec<f64>,
    /// Mean of the inputs.
    pub mean_input: Vec<f64>,
    /// Mean of the targets.
    pub mean_target: Vec<f64>,
}

/// Portions at work at a time: each holds a matrix of rows x rows.
const AT_A_TIME: usize = 8;

impl Statistics {
    /// The moments over `portions` portions of the samples. Sums of a portion are f32, in the order of its samples; portions
    /// are added in f64, in order.
    pub fn new(rows: usize, outputs: usize, portions: usize, samples: &(dyn Fn(usize) -> Samples + Sync)) -> Self {
        let mut sums = Sums { count: 0.0, gram: vec![0.0; rows * rows], cross: vec![0.0; outputs * rows], inputs: vec![0.0; rows], targets: vec![0.0; outputs] };
        for first in (0..portions).step_by(AT_A_TIME) {
            let parts: Vec<Portion> = (first..portions.min(first + AT_A_TIME)).into_par_iter().map(|i| Portion::new(rows, outputs, &samples(i))).collect();
            parts.iter().for_each(|part| sums.add(part));
        }
        sums.moments()
    }
}

/// Sums over one portion.
struct Portion {
    count: usize,
    gram: Vec<f32>,
    cross: Vec<f32>,
    inputs: Vec<f64>,
    targets: Vec<f64>,
}

impl Portion {
    fn new(rows: usize, outputs: usize, samples: &Samples) -> Self {
        let count = samples.inputs.len() / rows;
        let mut transposed = vec![0.0; samples.inputs.len()];
        for (row, values) in samples.inputs.chunks_exact(count).enumerate() {
            values.iter().enumerate().for_each(|(sample, &x)| transposed[sample * rows + row] = x);
        }
        let times_inputs = |left: &[f32], lines: usize| {
            let mut product = vec![0.0; lines * rows];
            matmul(left, &transposed, &mut product, lines, count, rows);
            product
        };
        let sums = |of: &[f32]| of.chunks_exact(count).map(|line| line.iter().map(|&x| f64::from(x)).sum()).collect();
        Portion { count, gram: times_inputs(&samples.inputs, rows), cross: times_inputs(&samples.targets, outputs), inputs: sums(&samples.inputs), targets: sums(&samples.targets) }
    }
}

struct Sums {
    count: f64,
    gram: Vec<f64>,
    cross: Vec<f64>,
    inputs: Vec<f64>,
    targets: Vec<f64>,
}

impl Sums {
    fn add(&mut self, part: &Portion) {
        self.count += part.count as f64;
        self.gram.iter_mut().zip(&part.gram).for_each(|(sum, &x)| *sum += f64::from(x));
        self.cross.iter_mut().zip(&part.cross).for_each(|(sum, &x)| *sum += f64::from(x));
        self.inputs.iter_mut().zip(&part.inputs).for_each(|(sum, x)| *sum += x);
        self.targets.iter_mut().zip(&part.targets).for_each(|(sum, x)| *sum += x);
    }

    fn moments(self) -> Statistics {
        let n = self.count.max(1.0);
        let mean = |sums: Vec<f64>| sums.into_iter().map(|sum| sum / n).collect::<Vec<f64>>();
        let (mean_input, mean_target) = (mean(self.inputs), mean(self.targets));
        let centred = |sums: Vec<f64>, left: &[f64]| {
            let columns = mean_input.len();
            sums.into_iter().enumerate().map(|(i, sum)| sum / n - left[i / columns] * mean_input[i % columns]).collect()
        };
        let (covariance, cross) = (centred(self.gram, &mean_input), centred(self.cross, &mean_target));
        Statistics { covariance, cross, mean_input, mean_target }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_samples_however_they_are_cut() {
        let value = |i: usize| ((i * 37 % 101) as f32 - 50.0) / 10.0;
        let (rows, outputs, all) = (3, 2, 60);
        let of = |line: usize, sample: usize| value(line * 61 + sample * sample);
        let moments = |portions: usize| {
            let each = all / portions;
            Statistics::new(rows, outputs, portions, &|p| {
                let lines = |range: std::ops::Range<usize>| range.flat_map(|l| (p * each..(p + 1) * each).map(move |s| of(l, s))).collect();
                Samples { inputs: lines(0..rows), targets: lines(rows..rows + outputs) }
            })
        };
        let plain = |a: usize, b: usize| {
            let mean = |l: usize| (0..all).map(|s| f64::from(of(l, s))).sum::<f64>() / all as f64;
            (0..all).map(|s| (f64::from(of(a, s)) - mean(a)) * (f64::from(of(b, s)) - mean(b))).sum::<f64>() / all as f64
        };
        for portions in [1, 5, 20] {
            let m = moments(portions);
            for (a, b) in (0..rows).flat_map(|a| (0..rows).map(move |b| (a, b))) {
                assert!((m.covariance[a * rows + b] - plain(a, b)).abs() < 1e-4, "{portions} {a} {b}");
            }
            for (o, b) in (0..outputs).flat_map(|o| (0..rows).map(move |b| (o, b))) {
                assert!((m.cross[o * rows + b] - plain(rows + o, b)).abs() < 1e-4, "{portions} {o} {b}");
            }
        }
    }
}
