//! The converter's rule in the forms that vectors of sums are converted by: the fastest exact one, single precision for sums of
//! 16 bits, and estimates of any sums that know when they are not certain.

use crate::crossbar::Adc;
use crate::crossbar::adc::{ROUNDER, Rounding};
use crate::engine::cpu::simd::instruction_set;

/// Inverse step in single precision, and the distance from a whole number up to which [`super::Lanes::estimate`] is certain.
/// A sum and the inverse are each off by 2^-24 of themselves, so their product, half more than the highest index at most, by
/// 2^-23 (top + 1/2); twice that is left out. `None` if the rule is not that of one rounding.
pub fn estimate_rule(adc: &Adc, rule: &Rounding) -> Option<(f32, f32)> {
    // Beyond it eight steps' codes, 255 times the index, would come near the 24 bits of a single precision number, and more
    // and more would be uncertain.
    const HIGHEST_INDEX: u32 = 4096;
    let Rounding::Fused(inverse, _) = rule else { return None };
    (adc.top <= HIGHEST_INDEX).then(|| (*inverse as f32, (0.5 - (f64::from(adc.top) + 2.0) / f64::from(1 << 22)) as f32))
}

/// The rule of `adc` in the form that is fastest here.
pub fn fastest_rule(adc: &Adc) -> Rounding {
    let inverse = 1.0 / adc.step;
    let fused = Rounding::Fused(inverse, ROUNDER + f64::from(adc.zero_index));
    let product = Rounding::Product(adc.lo, inverse);
    // On x86 without the instruction a fused product is a slow call.
    if cfg!(target_arch = "x86_64") && instruction_set() == "portable" {
        return adc.same_rule([product, Rounding::Quotient(adc.lo, adc.step)]);
    }
    adc.same_rule([fused, product])
}

/// 1.5 x 2^23, the [`ROUNDER`] of single precision, and its bits.
pub const SMALL_ROUNDER: f32 = 12_582_912.0;
/// See [`super::Lanes::small_indices`].
pub const SMALL_START: i32 = SMALL_ROUNDER.to_bits() as i32;

/// Inverse step and start of a fused multiplication in single precision, if that gives the index of every sum that fits
/// 16 bits: as in [`Adc::same_rule`], it is enough to look at the thresholds.
pub fn single_rule(adc: &Adc) -> Option<(f32, f32)> {
    if cfg!(target_arch = "x86_64") && instruction_set() == "portable" {
        return None; // a fused product is a slow call there
    }
    let start = SMALL_ROUNDER + adc.zero_index as f32;
    let near = |t: i32| [t, t.saturating_sub(1)].into_iter().filter(|sum| i16::try_from(*sum).is_ok());
    let right = |inverse: f32, sum: i32| {
        let index = (sum as f32).mul_add(inverse, start).to_bits() as i32 - SMALL_START;
        f64::from(index) == adc.index(sum)
    };
    // A sum that lies halfway falls to the side on which the inverse errs, so its neighbours are tried as well.
    let inverse = (1.0 / adc.step) as f32;
    let inverses = [inverse, inverse.next_up(), inverse.next_down()];
    inverses.into_iter().find(|&inverse| adc.thresholds.iter().all(|&t| near(t).all(|sum| right(inverse, sum)))).map(|inverse| (inverse, start))
}
