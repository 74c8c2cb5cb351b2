//! Ranges of activations, from the float network on the calibration images.
//!
//! A tensor's values are counted in bins of their leading 16 bits (sign, exponent, 7 bits of mantissa: 0.8 %
//! wide), so counts are integers and do not depend on the order of images or threads.

use crate::config::Clipping;
use crate::dataset::Pixels;
use crate::network::{Network, float};
use rayon::prelude::*;

/// Counts of a tensor's values by their leading 16 bits, and the extremes.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    /// Least value seen.
    pub least: f32,
    /// Largest value seen.
    pub largest: f32,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; 1 << 16], least: f32::INFINITY, largest: f32::NEG_INFINITY }
    }
}

impl Histogram {
    fn add(&mut self, values: &[f32]) {
        for &v in values {
            self.counts[(v.to_bits() >> 16) as usize] += 1;
            self.least = self.least.min(v);
            self.largest = self.largest.max(v);
        }
    }

    /// The counts of both.
    pub fn merged(mut self, other: &Histogram) -> Self {
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        self.least = self.least.min(other.least);
        self.largest = self.largest.max(other.largest);
        self
    }

    /// (middle of the bin, count), in order of the bits.
    fn bins(&self) -> Vec<(f64, f64)> {
        let middle = |bits: usize| f64::from(f32::from_bits((bits as u32) << 16 | 0x8000));
        self.counts.iter().enumerate().filter(|(_, c)| **c > 0).map(|(bits, &c)| (middle(bits), c as f64)).collect()
    }
}

/// Histograms of every node's output (index i + 1) and of the input (index 0) over the calibration images.
pub fn histograms(network: &Network, images: &Pixels, count: usize) -> Vec<Histogram> {
    let empty = || vec![Histogram::default(); network.nodes.len() + 1];
    // Few accumulators: a histogram per tensor is half a megabyte.
    let runner = float::Runner::new(network);
    let share = count.div_ceil(rayon::current_num_threads()).max(1);
    let parts: Vec<Vec<Histogram>> = (0..count.div_ceil(share))
        .into_par_iter()
        .map(|part| {
            let mut sums = empty();
            for image in part * share..((part + 1) * share).min(count) {
                let input = float::normalise(network, images, image);
                let (of_input, of_nodes) = sums.split_at_mut(1);
                of_input[0].add(&input);
                runner.visit(&input, &mut |node, values| of_nodes[node].add(values));
            }
            sums
        })
        .collect();
    parts.into_iter().fold(empty(), |a, b| a.into_iter().zip(&b).map(|(a, b)| a.merged(b)).collect())
}

/// A range [low, high] that holds 0, and its integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// What one step is worth.
    pub scale: f64,
    /// Integer that stands for zero.
    pub zero_point: i32,
}

impl Range {
    /// `bits` bits over [low, high]; low <= 0 <= high.
    pub fn new(low: f64, high: f64, bits: u32) -> Self {
        let top = f64::from((1u32 << bits) - 1);
        let span = high - low;
        if span <= 0.0 || !span.is_finite() {
            return Range { scale: 1.0, zero_point: 0 };
        }
        let scale = span / top;
        Range { scale, zero_point: (-low / scale).round_ties_even() as i32 }
    }

    /// The integer nearest to a real value, clipped to `bits` bits.
    pub fn integer(&self, value: f64, bits: u32) -> u32 {
        (value / self.scale + f64::from(self.zero_point)).round_ties_even().clamp(0.0, f64::from((1u32 << bits) - 1)) as u32
    }
}

/// The range of raw pixels after normalisation: it is known, nothing is clipped.
pub fn pixel_range(network: &Network, bits: u32) -> Range {
    let ends = (0..network.input_shape[0]).flat_map(|c| [0.0, 255.0].map(|raw| network.preprocess.value(c, raw)));
    let (low, high) = ends.fold((0.0f64, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    Range::new(low, high, bits)
}

/// Candidates for the share of the extremes that is kept.
const CANDIDATES: u32 = 100;

/// The range of a tensor that enters a crossbar with `bits` bits.
pub fn range(histogram: &Histogram, bits: u32, clipping: Clipping) -> Range {
    let low = f64::from(histogram.least.min(0.0));
    let high = f64::from(histogram.largest.max(0.0));
    let full = Range::new(low, high, bits);
    if clipping == Clipping::Max {
        return full;
    }
    let bins = histogram.bins();
    let top = f64::from((1u32 << bits) - 1);
    let error = |r: &Range| -> f64 {
        bins.iter()
            .map(|&(x, count)| {
                let q = (x / r.scale + f64::from(r.zero_point)).round_ties_even().clamp(0.0, top);
                let e = (q - f64::from(r.zero_point)) * r.scale - x;
                count * e * e
            })
            .sum()
    };
    let mut best = (error(&full), full);
    for candidate in (1..CANDIDATES).rev() {
        let keep = f64::from(candidate) / f64::from(CANDIDATES);
        let r = Range::new(low * keep, high * keep, bits);
        let e = error(&r);
        if e < best.0 {
            best = (e, r);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[f32]) -> Histogram {
        let mut h = Histogram::default();
        h.add(values);
        h
    }

    #[test]
    fn after_relu_zero_is_zero() {
        let r = range(&histogram(&[0.0, 1.0, 2.55]), 8, Clipping::Max);
        assert_eq!(r.zero_point, 0);
        assert!((r.scale - 0.01).abs() < 1e-6);
    }

    #[test]
    fn a_signed_tensor_has_a_zero_point() {
        let r = range(&histogram(&[-1.0, 3.0]), 8, Clipping::Max);
        assert_eq!(r.zero_point, 64);
        assert_eq!(r.integer(0.0, 8), 64);
        assert_eq!([r.integer(-9.0, 8), r.integer(9.0, 8)], [0, 255]);
    }

    /// One value in ten thousand far out: with few bits it is worth clipping, and never worse than not clipping.
    #[test]
    fn outliers_are_clipped_at_low_precision() {
        let mut values: Vec<f32> = (0..10_000).map(|i| i as f32 / 10_000.0).collect();
        values.push(20.0);
        let h = histogram(&values);
        assert!(range(&h, 3, Clipping::Mse).scale < range(&h, 3, Clipping::Max).scale / 3.0);
        assert_eq!(range(&h, 3, Clipping::Max).scale, 20.0 / 7.0);
    }
}
