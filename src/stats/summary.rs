//! From counts of correct images to mean, spread, quantiles, paired drop and yield.
//!
//! A trial is one chip; its count says how many of the point's images it classified correctly. Sums,
//! sums of squares and quantiles are integers, and each result is one correctly rounded division (and a
//! square root): neither the order of the trials nor the machine can change a bit.

use super::interval::{Interval, clopper_pearson, student_t};
use crate::error::{Error, Result};

/// Confidence of the intervals in the CSV.
const CONFIDENCE: f64 = 0.95;

/// Accuracy over the trials of a point, as fractions of the images.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n - 1); None for one trial.
    pub sd: Option<f64>,
    /// Worst chip.
    pub min: f64,
    /// 1st percentile; see [`summarize`] for the rule of all percentiles.
    pub p1: f64,
    /// 5th percentile.
    pub p5: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 95 % Student t interval of the mean, within [0, 1]; None for one trial.
    pub mean_interval: Option<Interval>,
}

/// Quantised accuracy minus accuracy on the same images; positive = the chips are worse.
#[derive(Debug, Clone, PartialEq)]
pub struct AccuracyDrop {
    /// Arithmetic mean.
    pub mean: f64,
    /// 95 % Student t interval of the mean; None for one trial.
    pub mean_interval: Option<Interval>,
}

/// Share of chips that keep the accuracy, for this test set.
#[derive(Debug, Clone, PartialEq)]
pub struct ChipYield {
    /// Chips that pass.
    pub passing: u64,
    /// Passing chips over trials.
    pub frac: f64,
    /// 95 % Clopper-Pearson interval of the share.
    pub interval: Interval,
}

/// All statistics of a point's trials.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Number of trials (chips).
    pub trials: u64,
    /// Accuracy.
    pub accuracy: Distribution,
    /// Paired drop from the quantised network.
    pub drop: AccuracyDrop,
    /// Yield.
    pub chip_yield: ChipYield,
}

/// Statistics of `correct`, one count of correct images per trial, out of `images`.
///
/// `quantised_correct` is the count of the quantised network on the same images; a chip passes if it
/// loses at most [`allowed_loss`] images against it. Percentiles interpolate linearly between order
/// statistics: with trials sorted from 0, the value at (n - 1) p (type 7 of Hyndman and Fan 1996, the
/// default of NumPy and R).
pub fn summarize(correct: &[u64], images: u64, quantised_correct: u64, max_drop: f64) -> Result<Summary> {
    let most = correct.iter().copied().chain([quantised_correct]).max().unwrap_or(0);
    if correct.is_empty() || images == 0 || most > images {
        return Err(Error::internal(format!(
            "no statistics of {} trials with up to {most} correct out of {images} images",
            correct.len()
        )));
    }
    let n = correct.len() as u64;
    let trials = n as u128;
    let sum: u128 = correct.iter().map(|&c| c as u128).sum();
    let squares: u128 = correct.iter().map(|&c| c as u128 * c as u128).sum();
    let answers = trials * images as u128;

    let mean = ratio(sum, answers);
    // sum of (c - mean)^2 = (n sum c^2 - (sum c)^2) / n, without cancellation in integers
    let spread = trials * squares - sum * sum;
    let sd = (n > 1).then(|| ratio(spread, trials * (trials - 1)).sqrt() / images as f64);
    let quantised = ratio(quantised_correct as u128, images as u128);
    let drop_mean = (trials * quantised_correct as u128) as i128 - sum as i128;
    let drop_mean = drop_mean as f64 / answers as f64;

    let mut sorted = correct.to_vec();
    sorted.sort_unstable();
    let allowed = allowed_loss(max_drop, images);
    let passing = correct.iter().filter(|&&c| c.saturating_add(allowed) >= quantised_correct).count() as u64;
    Ok(Summary {
        trials: n,
        accuracy: Distribution {
            mean,
            sd,
            min: ratio(sorted[0] as u128, images as u128),
            p1: percentile(&sorted, 1, images),
            p5: percentile(&sorted, 5, images),
            p50: percentile(&sorted, 50, images),
            p95: percentile(&sorted, 95, images),
            mean_interval: sd.and_then(|sd| student_t(mean, sd, n, CONFIDENCE, 0.0, 1.0)),
        },
        drop: AccuracyDrop {
            mean: drop_mean,
            mean_interval: sd.and_then(|sd| student_t(drop_mean, sd, n, CONFIDENCE, quantised - 1.0, quantised)),
        },
        chip_yield: ChipYield {
            passing,
            frac: ratio(passing as u128, trials),
            interval: clopper_pearson(passing, n, CONFIDENCE),
        },
    })
}

/// The most images a chip may lose and still pass: floor(max_drop x images).
///
/// `max_drop` counts as the decimal number that its shortest form shows, so 0.29 of 100 images is 29,
/// though the nearest float lies a little below 0.29. At most `images`; 0 for what is not positive.
pub fn allowed_loss(max_drop: f64, images: u64) -> u64 {
    if max_drop >= 1.0 {
        return images;
    }
    if max_drop.is_nan() || max_drop <= 0.0 {
        return 0;
    }
    // `2.9e-1` -> 29 / 10^2. At most 17 digits, so the product fits; a larger power leaves nothing.
    let text = format!("{max_drop:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let decimals = mantissa.split_once('.').map_or(0, |(_, tail)| tail.len() as i32);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).fold(0u128, |n, d| 10 * n + (d - b'0') as u128);
    let power = decimals - exponent.parse::<i32>().unwrap_or(0);
    10u128.checked_pow(power as u32).map_or(0, |scale| (digits * images as u128 / scale) as u64)
}

/// The percentile `percent` of sorted counts, as a fraction of `images`; the rule is in [`summarize`].
fn percentile(sorted: &[u64], percent: u64, images: u64) -> f64 {
    let position = (sorted.len() as u64 - 1) * percent;
    let (below, part) = ((position / 100) as usize, (position % 100) as u128);
    let above = (below + 1).min(sorted.len() - 1);
    ratio((100 - part) * sorted[below] as u128 + part * sorted[above] as u128, 100 * images as u128)
}

/// a / b as a float: conversion and division are correctly rounded, the same on every machine.
fn ratio(a: u128, b: u128) -> f64 {
    a as f64 / b as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 2e-9, "{a} is not {b}");
    }

    #[test]
    fn agrees_with_numpy_and_scipy() {
        // x = np.array([...]) / 1000; np.percentile(x, q); x.std(ddof=1); scipy.stats.t.interval
        let s = summarize(&[911, 905, 918, 890, 902, 915, 899, 908], 1000, 920, 0.01).unwrap();
        assert_eq!(s.trials, 8);
        assert_eq!(s.accuracy.mean, 0.906);
        near(s.accuracy.sd.unwrap(), 0.009071147);
        assert_eq!((s.accuracy.min, s.accuracy.p50), (0.89, 0.9065));
        near(s.accuracy.p1, 0.89063);
        near(s.accuracy.p5, 0.89315);
        near(s.accuracy.p95, 0.91695);
        let i = s.accuracy.mean_interval.unwrap();
        near(i.lo, 0.898416331);
        near(i.hi, 0.913583669);
        assert_eq!(s.drop.mean, 0.014);
        let i = s.drop.mean_interval.unwrap();
        near(i.lo, 0.006416331);
        near(i.hi, 0.021583669);
        // 911, 918 and 915 lose at most 10 images
        assert_eq!((s.chip_yield.passing, s.chip_yield.frac), (3, 0.375));
        near(s.chip_yield.interval.lo, 0.085233414);
        near(s.chip_yield.interval.hi, 0.755136784);
    }

    #[test]
    fn one_trial_has_no_spread() {
        let s = summarize(&[7], 10, 8, 0.1).unwrap();
        assert_eq!((s.accuracy.sd, s.accuracy.mean_interval, s.drop.mean_interval), (None, None, None));
        assert_eq!((s.accuracy.min, s.accuracy.p1, s.accuracy.p95), (0.7, 0.7, 0.7));
        assert_eq!(s.chip_yield.passing, 1);
        assert_eq!(s.chip_yield.interval.hi, 1.0);
    }

    #[test]
    fn the_border_is_exact() {
        let loses = |lost: u64, images, max_drop| summarize(&[images - lost], images, images, max_drop).unwrap();
        for (max_drop, images, allowed) in
            [(0.01, 1000, 10), (0.29, 100, 29), (0.07, 100, 7), (0.1, 10, 1), (0.015, 1000, 15), (0.019, 100, 1)]
        {
            assert_eq!(allowed_loss(max_drop, images), allowed);
            assert_eq!(loses(allowed, images, max_drop).chip_yield.passing, 1);
            assert_eq!(loses(allowed + 1, images, max_drop).chip_yield.passing, 0);
        }
        for (max_drop, allowed) in [(0.0, 0), (1e-300, 0), (-0.5, 0), (f64::NAN, 0), (1.0, 500), (7.0, 500)] {
            assert_eq!(allowed_loss(max_drop, 500), allowed);
        }
        assert_eq!(allowed_loss(0.5, u64::MAX), u64::MAX / 2);
    }

    #[test]
    fn better_chips_have_a_negative_drop_and_pass() {
        let s = summarize(&[10, 10], 10, 9, 0.0).unwrap();
        assert_eq!((s.drop.mean, s.chip_yield.frac), (-0.1, 1.0));
        assert_eq!(s.accuracy.sd, Some(0.0));
    }

    #[test]
    fn order_does_not_matter() {
        let counts: Vec<u64> = (0..997).map(|i| 4000 + i * i % 1013).collect();
        let backwards: Vec<u64> = counts.iter().rev().copied().collect();
        let of = |c: &[u64]| summarize(c, 10_000, 4600, 0.01).unwrap();
        assert_eq!(of(&counts), of(&backwards));
    }

    #[test]
    fn impossible_counts_are_refused() {
        assert!(summarize(&[], 10, 9, 0.0).is_err());
        assert!(summarize(&[11], 10, 9, 0.0).is_err());
        assert!(summarize(&[1], 10, 11, 0.0).is_err());
        assert!(summarize(&[0], 0, 0, 0.0).is_err());
    }

    /// The interval of the mean covers the true mean in about 95 % of repetitions.
    #[test]
    fn mean_interval_covers() {
        let mut state = 1u64;
        let mut bit = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 63
        };
        let covered = (0..2000)
            .filter(|_| {
                let counts: Vec<u64> = (0..12).map(|_| (0..100).map(|_| bit()).sum()).collect();
                let i = summarize(&counts, 100, 50, 0.0).unwrap().accuracy.mean_interval.unwrap();
                i.lo <= 0.5 && 0.5 <= i.hi
            })
            .count();
        assert!((1870..=1930).contains(&covered), "{covered} of 2000");
    }
}
