//! Read noise: what a conversion's current is off by at one read, in integers.
//!
//! Every driven cell's current gets a normal error of its own at each read, so a bitline's gets one normal error whose
//! variance is the sum of theirs. Cells keep the *square* of their standard deviation (but for sigma), so that a
//! conversion adds up squares as it adds up conductances:
//!
//! ```text
//!  square of a cell    (G or g_on)^2 / 2^(2 k), in units of 2^-F of g_on; k so that 32 bits hold a row group's sum
//!  root of a sum v     the whole number nearest to sqrt(v) 2^8
//!  error of a read     root x (sigma z) x 2^k, sigma z from a table of quantiles in units of 2^-28, rounded half up
//! ```
//!
//! How near that is to the real number: a square is off by 1/2, so a sum of n cells (at a full DAC step x) by n x^2 / 2,
//! and the current's standard deviation by less than sigma x sqrt(n / 2) 2^k, if all are off to one side; 2^k is about
//! 2^-12 of g_on at 9 wordlines. The root is off by 2^-9 of sqrt(v), and the table by 1e-4 of sigma. All of that is below
//! a thousandth of an ADC step at a sigma of 5 %; a test holds it there.

use super::normal::upper_quantile;
use super::quantile_table::{interpolate, knot_and_place, tabulate};
use super::{Quantile, saturation};
use crate::config::{DeviceConfig, ReadNoise, ReadNoiseModel};

/// Fraction bits of sigma z: 31 bits hold 6.3 at the largest sigma, 1.
const QUANTILE_BITS: u32 = 28;
/// Fraction bits of a root.
const ROOT_BITS: u32 = 8;
/// Squares are cut at that of a cell with so many doublings above g_on, if it is not cut before.
const DOUBLINGS: u32 = 2;

/// The law of read noise for cells of one precision.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadNoiseLaw {
    /// How the engine computes it.
    pub model: ReadNoiseModel,
    /// Standard deviation as a fraction of the cell's conductance, or of g_on.
    pub sigma_rel: f64,
    /// The square that every cell has, where it does not depend on the conductance.
    of_every_cell: Option<u32>,
    /// Largest conductance whose square is told from larger ones.
    largest: i32,
    /// k: squares are in units of 2^(2 k).
    pub half_shift: u32,
    /// Quantiles of sigma z.
    knots: Vec<[i32; 2]>,
}

impl ReadNoiseLaw {
    /// The law of `device`, if its reads differ at all, for row groups of `ou_wordlines`.
    pub fn new(device: &DeviceConfig, ou_wordlines: usize, dac_bits: u32, fraction_bits: u32) -> Option<Self> {
        let (sigma_rel, model, proportional) = match device.read_noise {
            ReadNoise::None => return None,
            ReadNoise::NormalProportional { sigma_rel, model } => (sigma_rel, model, true),
            ReadNoise::NormalIndependent { sigma_rel, model } => (sigma_rel, model, false),
        };
        if sigma_rel == 0.0 {
            return None;
        }
        let largest = saturation(ou_wordlines, dac_bits).min(1u32.checked_shl(fraction_bits + DOUBLINGS).unwrap_or(u32::MAX)).min(i32::MAX as u32);
        let step = (1u128 << dac_bits) - 1;
        // Both cells of a pair may be at the largest conductance.
        let fits = |k: &u32| 2 * ou_wordlines as u128 * step * step * ((u128::from(largest).pow(2) >> (2 * k)) + 1) <= u128::from(u32::MAX);
        let half_shift = (0..32).find(fits).unwrap_or(31);
        let unit = sigma_rel * f64::from(1 << QUANTILE_BITS);
        let quantile = |at: Quantile| (if at.upper { unit } else { -unit } * upper_quantile(at.tail)).round_ties_even() as i32;
        let mut law = ReadNoiseLaw { model, sigma_rel, of_every_cell: None, largest: largest as i32, half_shift, knots: tabulate(quantile) };
        if !proportional {
            law.of_every_cell = Some(law.square(1 << fraction_bits));
        }
        Some(law)
    }

    /// The square of a cell's standard deviation, but for sigma^2, from the conductance it has in the end.
    #[inline(always)]
    pub fn square(&self, conductance: i32) -> u32 {
        if let Some(square) = self.of_every_cell {
            return square;
        }
        let g = i64::from(conductance.clamp(0, self.largest)) as u64;
        ((g * g + (1u64 << (2 * self.half_shift) >> 1)) >> (2 * self.half_shift)) as u32
    }

    /// Where a random word falls among the quantiles: (base and rise of the segment, place in it).
    #[inline(always)]
    pub fn segment(&self, knot: u32) -> [i32; 2] {
        self.knots[knot as usize]
    }

    /// What a current is off by whose squares add up to `variance`, at sigma z = `quantile`.
    #[inline(always)]
    pub fn error(&self, variance: u32, quantile: i32) -> i64 {
        let shift = QUANTILE_BITS + ROOT_BITS - self.half_shift;
        (i64::from(root(variance)) * i64::from(quantile) + (1 << (shift - 1))) >> shift
    }

    /// The same at the quantile of a random word.
    pub fn draw(&self, variance: u32, word: u32) -> i64 {
        let (knot, place) = knot_and_place(word);
        let [base, rise] = self.segment(knot);
        self.error(variance, interpolate(base, rise, place))
    }

    /// Standard deviation of a current whose squares add up to 1, in units of 2^-F of g_on.
    pub fn unit_sd(&self) -> f64 {
        self.sigma_rel * f64::from(1u32 << self.half_shift)
    }

    /// Every integer that floats decided.
    pub fn integers(&self) -> impl Iterator<Item = i64> {
        let fixed = [i64::from(self.half_shift), i64::from(self.largest), self.of_every_cell.map_or(-1, i64::from)];
        fixed.into_iter().chain(self.knots.iter().flatten().map(|&v| i64::from(v)))
    }
}

/// The whole number nearest to sqrt(`v`) 2^8, which has at most 24 bits.
///
/// sqrt(v 2^16) is never halfway between two whole numbers, and nearer than 2^-27 to no such place; its exactly rounded
/// f64 is off by less than 2^-29. So this is the integer, on every processor.
#[inline(always)]
pub fn root(v: u32) -> i32 {
    let scaled = f64::from(v).sqrt() * f64::from(1 << ROOT_BITS);
    (scaled + crate::crossbar::adc::ROUNDER).to_bits() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn law(read_noise: ReadNoise, rows: usize, dac_bits: u32, fraction_bits: Option<u32>) -> (ReadNoiseLaw, u32) {
        let device = DeviceConfig { read_noise, fraction_bits, ..DeviceConfig::default() };
        let bits = super::super::fraction_bits(&device, rows, dac_bits);
        (ReadNoiseLaw::new(&device, rows, dac_bits, bits).unwrap(), bits)
    }

    fn proportional(sigma_rel: f64) -> ReadNoise {
        ReadNoise::NormalProportional { sigma_rel, model: ReadNoiseModel::Exact }
    }

    /// Against the integer definition: r is nearest to sqrt(n) where (2 r - 1)^2 < 4 n < (2 r + 1)^2.
    #[test]
    fn roots_are_the_nearest_whole_numbers() {
        let words = (0..200_000u32).map(|i| crate::rng::philox4x32([i, 0, 0, 0], [3, 0])[0]);
        let squares = (0..65_536u32).flat_map(|r| [r * r, (r * r).wrapping_sub(1), r * r + 1]);
        let near_half = (0..65_535u64).flat_map(|r| [r * r + r, r * r + r + 1]).map(|v| v as u32);
        for v in words.clone().chain(words.map(|w| w >> (w & 31))).chain(squares).chain(near_half).chain([0, 1, u32::MAX]) {
            let (r, n) = (i128::from(root(v)), i128::from(v) << 16);
            assert!(4 * n < (2 * r + 1).pow(2) && (r == 0 || 4 * n > (2 * r - 1).pow(2)), "{v}");
        }
    }

    /// No row group overflows, and a cell at g_on has many units.
    #[test]
    fn squares_fit() {
        for rows in [1, 2, 9, 12, 32, 128, 1024] {
            for dac_bits in 1..=4 {
                for given in [None, Some(7)] {
                    let (law, bits) = law(proportional(0.1), rows, dac_bits, given);
                    let x = (1u64 << dac_bits) - 1;
                    assert!(2 * rows as u64 * x * x * u64::from(law.square(i32::MAX)) <= u64::from(u32::MAX), "{rows} {dac_bits}");
                    // Its square is hundreds of units, or as fine as its conductance.
                    assert!(law.square(1 << bits) >= 250 || law.half_shift == 0, "{rows} rows, {dac_bits} bits: {}", law.square(1 << bits));
                }
            }
        }
    }

    /// Standard deviation, mean and shape of the error against the real law, in ADC steps: the bound of the module doc.
    #[test]
    fn errors_follow_the_law() {
        let sigma = 0.05;
        for (rows, dac_bits, g) in [(9, 1, 1.0), (9, 1, 0.01), (128, 1, 0.9), (128, 1, 0.01), (3, 4, 1.0), (1, 1, 0.01)] {
            let (law, bits) = law(proportional(sigma), rows, dac_bits, None);
            let unit = f64::from(1u32 << bits);
            let (cell, x) = ((g * unit) as i32, (1u32 << dac_bits) - 1);
            let v = rows as u32 * x * x * law.square(cell);
            let sd = sigma * g * (rows as f64).sqrt() * f64::from(x);
            let n = 1 << 16;
            let errors: Vec<f64> = (0..n).map(|i| law.draw(v, (i << 16) + (1 << 15)) as f64 / unit).collect();
            let mean = errors.iter().sum::<f64>() / f64::from(n);
            let got = (errors.iter().map(|e| e * e).sum::<f64>() / f64::from(n)).sqrt();
            assert!(mean.abs() < 1e-3 && (got - sd).abs() < 1e-3, "{rows} rows of {g}: mean {mean}, sd {got}, law {sd}");
            let fourth = errors.iter().map(|e| e.powi(4)).sum::<f64>() / f64::from(n) / got.powi(4);
            assert!((fourth - 3.0).abs() < 0.01, "kurtosis {fourth}");
        }
    }

    #[test]
    fn independent_noise_is_that_of_a_cell_at_g_on() {
        let (independent, bits) = law(ReadNoise::NormalIndependent { sigma_rel: 0.02, model: ReadNoiseModel::Exact }, 9, 1, None);
        let (of_cell, _) = law(proportional(0.02), 9, 1, None);
        assert_eq!(independent.square(0), of_cell.square(1 << bits));
        assert_eq!(independent.draw(9 * independent.square(5), 77), of_cell.draw(9 * of_cell.square(1 << bits), 77));
        assert!(ReadNoiseLaw::new(&DeviceConfig { read_noise: proportional(0.0), ..DeviceConfig::default() }, 9, 1, 26).is_none());
    }
}
