//! A law of conductance as a table of quantiles that engines read with integers only.
//!
//! A random word is read as: top bit = side of the median; leading zeros of the other 31 bits = octave of the
//! tail probability; the next 5 bits = segment of the octave; the next 12 bits = place in the segment, for
//! linear interpolation. So the tails are as fine as the middle (down to a probability of 2^-32, 6.2 sigma),
//! and any law, smooth or measured, is only another table.
//!
//! Mirror: `sample_conductance` in `shaders/shared/conductance.wgsl`.

use super::{Quantile, Target, conductance_at};
use crate::config::{DeviceConfig, ProgrammingError};

/// Octaves of the tail probability.
pub const OCTAVES: usize = 32;
/// Segments of an octave.
pub const SEGMENTS: usize = 32;
/// Knots of one side of the median of one level.
const SIDE: usize = OCTAVES * SEGMENTS;

/// Quantiles of the conductance of every level: `[level][side][octave][segment]` of (base, rise to the next knot).
/// Unit: 2^-F of g_on, where F = `fraction_bits`.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileTable {
    /// Fraction bits F.
    pub fraction_bits: u32,
    /// (base, rise) pairs.
    pub knots: Vec<[i32; 2]>,
    /// Nominal conductance of each level, rounded to the unit.
    pub nominal: Vec<i32>,
    /// Standard deviation of the highest level's conductance under the law, unit g_on.
    pub on_sd: f64,
}

impl QuantileTable {
    /// Tabulates the law of `device` for cells of `cell_bits` bits.
    pub fn new(device: &DeviceConfig, cell_bits: u32, fraction_bits: u32) -> Self {
        let mut table = QuantileTable { fraction_bits, knots: Vec::with_capacity(KNOTS << cell_bits), nominal: Vec::new(), on_sd: 0.0 };
        for level in 0..1u32 << cell_bits {
            let cell = Target::new(device, level, cell_bits);
            let law = |at: Quantile| conductance_at(&device.programming_error, &cell, at);
            table.nominal.push(table.fixed(cell.nominal));
            let knots = tabulate(|at| table.fixed(law(at)));
            table.knots.extend(knots);
            if level + 1 == 1 << cell_bits {
                table.on_sd = standard_deviation(law);
            }
        }
        table
    }

    /// Tabulates a single law, such as that of a factor or of a change, which may be negative.
    pub fn of_law(fraction_bits: u32, law: impl Fn(Quantile) -> f64) -> Self {
        let mut table = QuantileTable { fraction_bits, knots: Vec::with_capacity(KNOTS), nominal: Vec::new(), on_sd: standard_deviation(&law) };
        table.nominal.push(table.fixed(law(Quantile { tail: 0.5, upper: false })));
        table.knots = tabulate(|at| table.fixed(law(at)));
        table
    }

    fn fixed(&self, value: f64) -> i32 {
        (value * (1u64 << self.fraction_bits) as f64).round_ties_even().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
    }

    /// A table for cells without programming error, whatever the law of `device`.
    pub fn nominal(device: &DeviceConfig, cell_bits: u32, fraction_bits: u32) -> Self {
        Self::new(&DeviceConfig { programming_error: ProgrammingError::None, ..device.clone() }, cell_bits, fraction_bits)
    }

    /// The conductance of a cell at `level` for the random word `word`, before saturation.
    #[inline]
    pub fn sample(&self, level: u32, word: u32) -> i32 {
        let (knot, place) = knot_and_place(word);
        let [base, rise] = self.knots[level as usize * KNOTS + knot as usize];
        interpolate(base, rise, place)
    }
}

/// The knots of one law: its quantiles at the segments' starts, and how far it is to the next.
pub fn tabulate(quantile: impl Fn(Quantile) -> i32) -> Vec<[i32; 2]> {
    let mut knots = Vec::with_capacity(KNOTS);
    for upper in [false, true] {
        let knot = |tail: f64| quantile(Quantile { tail, upper });
        for octave in 0..OCTAVES {
            for segment in 0..SEGMENTS {
                let base = knot(tail_probability(octave, segment));
                let next = if segment + 1 < SEGMENTS {
                    knot(tail_probability(octave, segment + 1))
                } else if octave > 0 {
                    knot(tail_probability(octave - 1, 0))
                } else {
                    knot(0.5)
                };
                knots.push([base, next - base]);
            }
        }
    }
    knots
}

/// Knots of one level: its number times this, plus [`knot_and_place`]'s knot, is an index into [`QuantileTable::knots`].
pub const KNOTS: usize = 2 * SIDE;

/// Where a random word falls: (knot among those of a level, place in the segment after it).
#[inline(always)]
pub fn knot_and_place(word: u32) -> (u32, i32) {
    let tail = word & 0x7fff_ffff;
    let octave = tail.leading_zeros() - 1;
    let bits = (tail << octave) << 1;
    let segment = bits >> 26 & 31;
    ((word >> 31) * SIDE as u32 + octave * SEGMENTS as u32 + segment, (bits >> 14 & 0xfff) as i32)
}

/// The conductance at `place` of a segment.
#[inline(always)]
pub fn interpolate(base: i32, rise: i32, place: i32) -> i32 {
    // rise * place / 4096, rounded, in 32 bits: the high and the low 12 bits of the rise apart.
    base + (rise >> 12) * place + (((rise & 0xfff) * place + 2048) >> 12)
}

/// Tail probability at the start of a segment: (v + 1/2) / 2^32 where v is the least 31-bit number of the segment.
fn tail_probability(octave: usize, segment: usize) -> f64 {
    if octave == OCTAVES - 1 {
        return 0.5 / 4294967296.0; // v = 0, the only number of the last octave
    }
    let v = (1u64 << (30 - octave)) as f64 * (1.0 + segment as f64 / SEGMENTS as f64);
    (v + 0.5) / 4294967296.0
}

/// Standard deviation of a law by the midpoint rule in probability.
fn standard_deviation(g: impl Fn(Quantile) -> f64) -> f64 {
    let n = 4096;
    let (mut sum, mut squares) = (0.0, 0.0);
    for i in 0..n {
        let tail = (f64::from(i) + 0.5) / (2.0 * f64::from(n));
        for upper in [false, true] {
            let g = g(Quantile { tail, upper });
            sum += g;
            squares += g * g;
        }
    }
    let count = 2.0 * f64::from(n);
    libm::sqrt((squares / count - (sum / count) * (sum / count)).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(error: ProgrammingError) -> DeviceConfig {
        DeviceConfig { on_off_ratio: Some(10.0), programming_error: error, ..DeviceConfig::default() }
    }

    /// Every law against its formula at many words: the interpolated table is within 2e-5 of g_on.
    #[test]
    fn the_table_follows_the_law() {
        let laws = [
            ProgrammingError::Lognormal { sigma_ln: 0.2, sigma_ln_off: None, clip: false },
            ProgrammingError::NormalProportional { sigma_rel: 0.1, clip: false },
            ProgrammingError::NormalIndependent { sigma_rel: 0.05, clip: false },
        ];
        for law in laws {
            let device = device(law.clone());
            let table = QuantileTable::new(&device, 2, 24);
            for level in 0..4 {
                let cell = Target::new(&device, level, 2);
                for i in 0..4096u32 {
                    let word = i.wrapping_mul(0x9E37_79B9).wrapping_add(i);
                    let v = f64::from(word & 0x7fff_ffff) + 0.5;
                    let exact = conductance_at(&law, &cell, Quantile { tail: v / 4294967296.0, upper: word >> 31 == 1 });
                    let got = f64::from(table.sample(level, word)) / f64::from(1 << 24);
                    // Where the law is clipped at 0 it has a corner, and a segment that holds it is off by more.
                    let corner = exact < 0.01 && matches!(law, ProgrammingError::NormalIndependent { .. });
                    assert!((got - exact).abs() < if corner { 2e-3 } else { 2e-5 }, "{law:?} level {level} word {word:08x}: {got} {exact}");
                }
            }
        }
    }

    /// Mean and variance over evenly spread words against closed forms.
    #[test]
    fn moments() {
        let table = QuantileTable::new(&device(ProgrammingError::Lognormal { sigma_ln: 0.1, sigma_ln_off: None, clip: false }), 1, 26);
        let n = 1 << 20;
        let values: Vec<f64> = (0..n).map(|i| f64::from(table.sample(1, (i << 12) + 2048)) / f64::from(1 << 26)).collect();
        let mean = values.iter().sum::<f64>() / f64::from(n as i32);
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / f64::from(n as i32);
        let exact_mean = (0.005f64).exp();
        let exact_variance = ((0.01f64).exp() - 1.0) * (0.01f64).exp();
        assert!((mean / exact_mean - 1.0).abs() < 1e-5, "{mean} {exact_mean}");
        assert!((variance / exact_variance - 1.0).abs() < 2e-4, "{variance} {exact_variance}");
        assert!((table.on_sd / exact_variance.sqrt() - 1.0).abs() < 1e-3);
    }

    /// Pairs of words that differ in the top bit alone take each stratum of the one half together with its mirror image: the
    /// mean over pairs is the plain mean exactly, and varies far less.
    #[test]
    fn antithetic_pairs_have_the_same_mean() {
        for law in [ProgrammingError::Lognormal { sigma_ln: 0.2, sigma_ln_off: None, clip: false }, ProgrammingError::NormalIndependent { sigma_rel: 0.3, clip: false }] {
            let table = QuantileTable::new(&device(law), 1, 26);
            let draw = |word: u32| i64::from(table.sample(1, word));
            // One word of each of 2^20 strata.
            let words: Vec<u32> = (0..1u32 << 20).map(|i| (i << 12) + 2048).collect();
            let plain: i64 = words.iter().map(|w| draw(*w)).sum();
            let lower = &words[..words.len() / 2];
            let pairs: Vec<i64> = lower.iter().map(|w| draw(*w) + draw(w ^ 1 << 31)).collect();
            assert_eq!(pairs.iter().sum::<i64>(), plain);
            let variance = |values: &mut dyn Iterator<Item = f64>, mean: f64, n: usize| values.map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
            let mean = plain as f64 / words.len() as f64;
            let single = variance(&mut words.iter().map(|w| draw(*w) as f64), mean, words.len());
            let pair = variance(&mut pairs.iter().map(|p| *p as f64 / 2.0), mean, pairs.len());
            assert!(pair < 0.1 * single / 2.0, "{pair} {single}");
        }
    }

    #[test]
    fn no_error_is_the_nominal_conductance_at_every_word() {
        let table = QuantileTable::new(&device(ProgrammingError::None), 2, 26);
        for level in 0..4 {
            for word in [0, 1, 2, 0x7fff_ffff, 0x8000_0000, u32::MAX, 12345] {
                assert_eq!(table.sample(level, word), table.nominal[level as usize]);
            }
        }
    }

    #[test]
    fn quantiles_rise_with_the_variate() {
        let table = QuantileTable::new(&device(ProgrammingError::Lognormal { sigma_ln: 0.3, sigma_ln_off: None, clip: false }), 1, 22);
        // Lower half: the word 0 is the far lower tail, 0x7fffffff the median; upper half: 0x80000000 is the far upper tail.
        let lower: Vec<i32> = (0..=1000u32).map(|i| table.sample(1, i * 2_147_483)).collect();
        let upper: Vec<i32> = (0..=1000u32).map(|i| table.sample(1, 0x8000_0000 + i * 2_147_483)).collect();
        assert!(lower.windows(2).all(|w| w[0] <= w[1]));
        assert!(upper.windows(2).all(|w| w[0] >= w[1]));
        assert!(*lower.last().unwrap() <= *upper.last().unwrap());
    }
}
