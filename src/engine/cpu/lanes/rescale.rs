//! Accumulators to integers of an output tensor, 16 outputs at a time.

use super::INTS;
use crate::quantize::fixed_point::shift_round;
#[cfg(doc)]
use crate::quantize::Requantize;

/// What [`Requantize`] does to 16 outputs whose accumulators need no prescaling.
pub struct Rescale {
    /// Factors of 32 bits.
    pub multiplier: [i64; INTS],
    /// Added to the product.
    pub bias: [i64; INTS],
    /// Right shift, rounding half away from zero; at least 1.
    pub shift: u32,
    /// Integer that stands for zero.
    pub zero: i32,
    /// Least output.
    pub low: i32,
    /// Largest output.
    pub high: i32,
}

impl Rescale {
    /// One output of a scaled accumulator, as [`Requantize::apply`] has it.
    #[inline(always)]
    pub fn rounded(&self, v: i64) -> i32 {
        (i64::from(self.zero) + shift_round(v, self.shift)).clamp(i64::from(self.low), i64::from(self.high)) as i32
    }
}
