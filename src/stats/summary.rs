//! From counts of correct images to mean, spread, quantiles, paired drop and yield.
//!
//! A trial is one chip; its count says how many of the point's images it classified correctly. Sums,
//! sums of squares and quantiles are integers, and each result is one correctly rounded division (and a
//! square root): neither the order of the trials nor the machine can change a bit.

use super::CONFIDENCE;
use super::interval::{Interval, clopper_pearson};
use super::sample::Sample;
use crate::error::{Error, Result};

/// How the chips of a point were drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chips {
    /// Each on its own.
    Independent,
    /// Chip 2k + 1 is the antithetic partner of chip 2k. The mean is that of pairs; whatever hangs on the law of one
    /// chip (spread, quantiles, yield) is taken from the first chip of each.
    AntitheticPairs,
}

impl Chips {
    /// What independent values there are to average: a count per chip or per pair, and how many chips each sums.
    pub fn independent<'a>(self, counts: &'a [u64]) -> (impl Iterator<Item = i64> + Clone + 'a, u64) {
        let each = self.in_one();
        (counts.chunks_exact(each).map(|c| c.iter().sum::<u64>() as i64), each as u64)
    }

    /// The chips that have the law of one chip and are independent.
    pub fn of_the_law<'a>(self, counts: &'a [u64]) -> impl Iterator<Item = u64> + Clone + 'a {
        counts.iter().copied().step_by(self.in_one())
    }

    /// Chips that hang together.
    pub fn in_one(self) -> usize {
        match self {
            Chips::Independent => 1,
            Chips::AntitheticPairs => 2,
        }
    }
}

/// Accuracy over the trials of a point, as fractions of the images.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n - 1); None for one trial.
    pub sd: Option<f64>,
    /// Its standard error; see [`Sample::sd_standard_error`].
    pub sd_standard_error: Option<f64>,
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
    /// 95 % interval of the mean, within [0, 1]; None for one trial.
    pub mean_interval: Option<Interval>,
    /// Antithetic pairs: the mean's variance against that of as many independent chips; below 1 they pay.
    pub antithetic_variance_ratio: Option<f64>,
}

/// Quantised accuracy minus accuracy on the same images; positive = the chips are worse.
#[derive(Debug, Clone, PartialEq)]
pub struct AccuracyDrop {
    /// Arithmetic mean.
    pub mean: f64,
    /// 95 % interval of the mean; None for one trial.
    pub mean_interval: Option<Interval>,
}

/// Share of chips that keep the accuracy, for this test set.
#[derive(Debug, Clone, PartialEq)]
pub struct ChipYield {
    /// Chips that pass.
    pub passing: u64,
    /// Passing chips over those that count: all, or the first ones of antithetic pairs.
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
pub fn summarize(correct: &[u64], images: u64, quantised_correct: u64, max_drop: f64, chips: Chips) -> Result<Summary> {
    let most = correct.iter().copied().chain([quantised_correct]).max().unwrap_or(0);
    let refused = || Error::internal(format!("no statistics of {} trials with up to {most} correct out of {images} images", correct.len()));
    if images == 0 || most > images || i32::try_from(images).is_err() {
        return Err(refused());
    }
    let (values, in_each) = chips.independent(correct);
    let of_mean = Sample::of(values).ok_or_else(refused)?;
    let of_law = Sample::of(chips.of_the_law(correct).map(|c| c as i64)).ok_or_else(refused)?;
    let n = of_mean.n * in_each;
    let sum: i128 = correct[..n as usize].iter().map(|&c| i128::from(c)).sum();
    let answers = i128::from(n * images);
    let unit = (in_each * images) as f64;
    let quantised = ratio(u128::from(quantised_correct), u128::from(images));
    let drop_mean = (i128::from(n * quantised_correct) - sum) as f64 / answers as f64;
    // The same spread seen from the quantised accuracy: what is skewed to the left there is to the right here.
    let drop = Sample { mean: drop_mean * unit, skewness: -of_mean.skewness, ..of_mean };

    let mut sorted: Vec<u64> = chips.of_the_law(correct).collect();
    sorted.sort_unstable();
    let allowed = allowed_loss(max_drop, images);
    let passing = sorted.iter().filter(|&&c| c.saturating_add(allowed) >= quantised_correct).count() as u64;
    let judged = sorted.len() as u64;
    let pair_against_two = |pair: f64, one: f64| (one > 0.0).then(|| pair * pair / (2.0 * one * one));
    Ok(Summary {
        trials: n,
        accuracy: Distribution {
            mean: sum as f64 / answers as f64,
            sd: of_law.sd.map(|sd| sd / images as f64),
            sd_standard_error: of_law.sd_standard_error().map(|e| e / images as f64),
            min: ratio(u128::from(sorted[0]), u128::from(images)),
            p1: percentile(&sorted, 1, images),
            p5: percentile(&sorted, 5, images),
            p50: percentile(&sorted, 50, images),
            p95: percentile(&sorted, 95, images),
            mean_interval: of_mean.mean_interval(unit, 0.0, 1.0),
            antithetic_variance_ratio: match (chips, of_mean.sd, of_law.sd) {
                (Chips::AntitheticPairs, Some(pair), Some(one)) => pair_against_two(pair, one),
                _ => None,
            },
        },
        drop: AccuracyDrop { mean: drop_mean, mean_interval: drop.mean_interval(unit, quantised - 1.0, quantised) },
        chip_yield: ChipYield {
            passing,
            frac: ratio(u128::from(passing), u128::from(judged)),
            interval: clopper_pearson(passing, judged, CONFIDENCE),
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
        // x = np.array([...]) / 1000; np.percentile(x, q); x.std(ddof=1); scipy.stats.t.interval (upper end)
        let s = summarize(&[911, 905, 918, 890, 902, 915, 899, 908], 1000, 920, 0.01, Chips::Independent).unwrap();
        assert_eq!(s.trials, 8);
        assert_eq!(s.accuracy.mean, 0.906);
        near(s.accuracy.sd.unwrap(), 0.009071147);
        assert_eq!((s.accuracy.min, s.accuracy.p50), (0.89, 0.9065));
        near(s.accuracy.p1, 0.89063);
        near(s.accuracy.p5, 0.89315);
        near(s.accuracy.p95, 0.91695);
        let i = s.accuracy.mean_interval.unwrap();
        near(i.lo, 0.897298138); // Hall's formula, by hand: the skewness is -0.3916; Student's end is 0.898416331
        near(i.hi, 0.913583669);
        assert_eq!(s.drop.mean, 0.014);
        let drop = s.drop.mean_interval.unwrap();
        near(0.92 - drop.hi, i.lo);
        near(0.92 - drop.lo, i.hi);
        // 911, 918 and 915 lose at most 10 images
        assert_eq!((s.chip_yield.passing, s.chip_yield.frac), (3, 0.375));
        near(s.chip_yield.interval.lo, 0.085233414);
        near(s.chip_yield.interval.hi, 0.755136784);
    }

    /// Two pairs: the mean and its interval are those of the pairs, all else is that of the first chips.
    #[test]
    fn antithetic_pairs() {
        let counts = [910, 890, 896, 908];
        let s = summarize(&counts, 1000, 915, 0.01, Chips::AntitheticPairs).unwrap();
        let pairs = summarize(&[1800, 1804], 2000, 1830, 0.01, Chips::Independent).unwrap();
        let firsts = summarize(&[910, 896], 1000, 915, 0.01, Chips::Independent).unwrap();
        assert_eq!((s.trials, s.accuracy.mean), (4, 0.901));
        assert_eq!(s.accuracy.mean_interval, pairs.accuracy.mean_interval);
        assert_eq!(s.drop, pairs.drop);
        assert_eq!(s.chip_yield, firsts.chip_yield);
        assert_eq!((s.accuracy.sd, s.accuracy.p5, s.accuracy.min), (firsts.accuracy.sd, firsts.accuracy.p5, firsts.accuracy.min));
        // Pair sums 1800 and 1804 have a variance of 8, two independent chips 2 x 98.
        near(s.accuracy.antithetic_variance_ratio.unwrap(), 8.0 / 196.0);
        assert_eq!(firsts.accuracy.antithetic_variance_ratio, None);
        // A chip without its partner does not count.
        assert_eq!(summarize(&[910, 890, 896, 908, 3], 1000, 915, 0.01, Chips::AntitheticPairs).unwrap().trials, 4);
    }

    #[test]
    fn one_trial_has_no_spread() {
        let s = summarize(&[7], 10, 8, 0.1, Chips::Independent).unwrap();
        assert_eq!((s.accuracy.sd, s.accuracy.mean_interval, s.drop.mean_interval), (None, None, None));
        assert_eq!((s.accuracy.min, s.accuracy.p1, s.accuracy.p95), (0.7, 0.7, 0.7));
        assert_eq!(s.chip_yield.passing, 1);
        assert_eq!(s.chip_yield.interval.hi, 1.0);
    }

    #[test]
    fn the_border_is_exact() {
        let loses = |lost: u64, images, max_drop| summarize(&[images - lost], images, images, max_drop, Chips::Independent).unwrap();
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
        let s = summarize(&[10, 10], 10, 9, 0.0, Chips::Independent).unwrap();
        assert_eq!((s.drop.mean, s.chip_yield.frac), (-0.1, 1.0));
        assert_eq!(s.accuracy.sd, Some(0.0));
    }

    #[test]
    fn order_does_not_matter() {
        let counts: Vec<u64> = (0..997).map(|i| 4000 + i * i % 1013).collect();
        let backwards: Vec<u64> = counts.iter().rev().copied().collect();
        let of = |c: &[u64]| summarize(c, 10_000, 4600, 0.01, Chips::Independent).unwrap();
        assert_eq!(of(&counts), of(&backwards));
    }

    #[test]
    fn impossible_counts_are_refused() {
        assert!(summarize(&[], 10, 9, 0.0, Chips::Independent).is_err());
        assert!(summarize(&[11], 10, 9, 0.0, Chips::Independent).is_err());
        assert!(summarize(&[1], 10, 11, 0.0, Chips::Independent).is_err());
        assert!(summarize(&[0], 0, 0, 0.0, Chips::Independent).is_err());
    }
}
