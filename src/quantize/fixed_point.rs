//! Integer scaling: a real factor becomes multiplier / 2^shift, and every digital rounding is half away from zero.
//!
//! Mirror: `shaders/shared/fixed_point.wgsl`.

use crate::error::{Error, Result};

/// Bits of a multiplier. A product with an accumulator of up to [`ACCUMULATOR_BITS`] bits stays below 2^62.
const MULTIPLIER_BITS: i32 = 24;
/// Bits of an accumulator's magnitude.
pub const ACCUMULATOR_BITS: u32 = 37;

/// Fraction bits kept of one multiply-accumulate unit when an ideal ADC's sum is scaled.
pub const IDEAL_FRACTION_BITS: u32 = 8;

/// v / 2^shift, rounded half away from zero. `shift` >= 1, |v| < 2^62.
#[inline(always)]
pub fn shift_round(v: i64, shift: u32) -> i64 {
    let magnitude = (v.unsigned_abs() + (1 << (shift - 1))) >> shift;
    if v < 0 { -(magnitude as i64) } else { magnitude as i64 }
}

/// v / 2^by, rounded half up: how accumulators of an ideal converter lose their spare bits.
#[inline(always)]
pub fn prescaled(v: i64, by: u32) -> i64 {
    if by == 0 { v } else { (v + (1 << (by - 1))) >> by }
}

/// The largest shift at which all `factors` fit a multiplier of 24 bits.
pub fn common_shift(factors: impl Iterator<Item = f64>, place: &str) -> Result<u32> {
    let largest = factors.fold(0.0f64, |a, b| a.max(b.abs()));
    if !largest.is_finite() {
        return Err(Error::input(place, "a scale is not finite").hint("look for NaN or infinite weights or activations"));
    }
    // A layer of zero weights: any shift will do.
    let exponent = if largest == 0.0 { 0 } else { libm::frexp(largest).1 };
    let shift = MULTIPLIER_BITS - exponent;
    if !(1..=62).contains(&shift) {
        return Err(Error::input(place, format!("its scale factor {largest:e} does not fit the fixed-point range 2^-38 to 2^23"))
            .hint("weights and activations of very different magnitude: check the network's scales"));
    }
    Ok(shift as u32)
}

/// factor x 2^shift, rounded to nearest (ties to even).
pub fn multiplier(factor: f64, shift: u32) -> i64 {
    (factor * (1u64 << shift) as f64).round_ties_even() as i64
}

/// Accumulators of a matrix -> the integers of its output tensor, all in integers:
/// `out = clamp(zero_point + round((acc[n] m[n] + extra e[n] + bias[n]) / 2^shift), low, high)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Requantize {
    /// Accumulators are divided by 2^prescale first, rounding half up; 0 but for an ideal ADC.
    pub prescale: u32,
    /// Prescale of the extra accumulator.
    pub extra_prescale: u32,
    /// Right shift.
    pub shift: u32,
    /// Per output.
    pub multiplier: Vec<i32>,
    /// Per output, factor of the extra accumulator (reference column or sum of inputs); 0 without one.
    pub extra_multiplier: Vec<i64>,
    /// Per output, in units of 2^-shift of the output.
    pub bias: Vec<i64>,
    /// Integer that stands for zero.
    pub zero_point: i32,
    /// Least output: the zero point after a ReLU.
    pub low: i32,
    /// Largest output.
    pub high: i32,
}

impl Requantize {
    /// One output from its accumulator and the extra one (0 if there is none).
    ///
    /// Mirror: `shaders/requantize.wgsl`.
    #[inline]
    pub fn apply(&self, output: usize, accumulator: i64, extra: i64) -> u32 {
        let v = prescaled(accumulator, self.prescale) * i64::from(self.multiplier[output])
            + prescaled(extra, self.extra_prescale) * self.extra_multiplier[output]
            + self.bias[output];
        (i64::from(self.zero_point) + shift_round(v, self.shift)).clamp(i64::from(self.low), i64::from(self.high)) as u32
    }
}

/// How accumulators stand for multiply-accumulates: exact products, codes of an ADC, or unrounded sums.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoding {
    /// Multiply-accumulates that one unit of an accumulator stands for.
    pub unit: f64,
    /// Largest magnitude an accumulator can have.
    pub largest: f64,
    /// Bits shifted out of accumulators that would otherwise be too wide; at least this many.
    pub prescale: u32,
    /// Multiply-accumulates added to every output, per output.
    pub offset: Vec<f64>,
    /// The extra accumulator: multiply-accumulates per unit, its largest magnitude, and whether it is a
    /// reference column (an accumulator like the others) or the sum of the inputs.
    pub extra: Option<Extra>,
}

/// The extra accumulator of an offset encoding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Extra {
    /// Subtracted, scaled like the others.
    ReferenceColumn,
    /// Sum of the inputs: multiply-accumulates per unit (negative), largest sum.
    InputSum(f64, f64),
}

impl Decoding {
    /// Accumulators that are the exact integer product.
    pub fn exact(outputs: usize, largest: f64) -> Self {
        Decoding { unit: 1.0, largest, prescale: 0, offset: vec![0.0; outputs], extra: None }
    }
}

/// What a matrix needs of its network to be requantised.
pub struct Scales<'a> {
    /// Real factor from multiply-accumulates to output integers, per output.
    pub factor: &'a [f64],
    /// Bias in output integers, per output.
    pub bias: &'a [f64],
    /// Zero point of the input times the sum of the weights, per output.
    pub zero_sum: &'a [f64],
    /// Zero point of the output, least and largest output.
    pub output: [i32; 3],
}

impl Requantize {
    /// The integers that turn accumulators into outputs. `place` names the layer in a refusal.
    pub fn new(scales: &Scales, decoding: &Decoding, place: &str) -> Result<Self> {
        let wide = libm::frexp(decoding.largest.max(1.0)).1 as u32;
        let prescale = decoding.prescale.max(wide.saturating_sub(ACCUMULATOR_BITS));
        let unit = decoding.unit * (1u64 << prescale) as f64;
        let shift = common_shift(scales.factor.iter().map(|f| f * unit), place)?;
        let (coefficient, extra_largest, extra_prescale) = match decoding.extra {
            None => (0.0, 0.0, 0),
            Some(Extra::ReferenceColumn) => (-unit, decoding.largest / (1u64 << prescale) as f64, prescale),
            Some(Extra::InputSum(coefficient, largest)) => (coefficient, largest, 0),
        };
        let mut out = Requantize {
            prescale,
            extra_prescale,
            shift,
            multiplier: Vec::new(),
            extra_multiplier: Vec::new(),
            bias: Vec::new(),
            zero_point: scales.output[0],
            low: scales.output[1],
            high: scales.output[2],
        };
        for (n, &factor) in scales.factor.iter().enumerate() {
            let m = multiplier(factor * unit, shift);
            let per_mac = m as f64 / unit;
            let extra = (coefficient * per_mac).round_ties_even();
            let bias = (scales.bias[n] * (1u64 << shift) as f64).round_ties_even() + ((decoding.offset[n] - scales.zero_sum[n]) * per_mac).round_ties_even();
            let largest = decoding.largest / (1u64 << prescale) as f64 * m.abs() as f64 + extra_largest * extra.abs() + bias.abs();
            if largest.is_nan() || largest >= 4.6e18 {
                return Err(Error::input(place, format!("output {n}: a sum of {largest:.1e} does not fit 62 bits"))
                    .hint("the bias or the number of inputs is far out of proportion to the activations' range"));
            }
            out.multiplier.push(m as i32);
            out.extra_multiplier.push(extra as i64);
            out.bias.push(bias as i64);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_away_from_zero() {
        assert_eq!([5, 6, 7, -5, -6, -7].map(|v| shift_round(v, 2)), [1, 2, 2, -1, -2, -2]);
        assert_eq!(shift_round(-2, 2), -1);
    }

    #[test]
    fn multipliers_use_24_bits() {
        for factor in [1.0, 0.9999, 1e-3, 3.7e-9, 123.0] {
            let shift = common_shift([factor, factor / 3.0].into_iter(), "x").unwrap();
            let m = multiplier(factor, shift);
            assert!((1 << 23..=1 << 24).contains(&m), "{factor}: {m}");
            assert!((m as f64 / (1u64 << shift) as f64 / factor - 1.0).abs() < 1e-7);
        }
        assert!(common_shift([1e9].into_iter(), "x").is_err());
        assert!(common_shift([f64::NAN].into_iter(), "x").is_ok_and(|_| false) || common_shift([f64::INFINITY].into_iter(), "x").is_err());
    }
}
