//! Sum of one or two tensors on a common scale, with a ReLU's clamp. Twin of `shaders/add.wgsl`.

use super::View;
use crate::quantize::fixed_point::shift_round;

/// out = clamp(zero + round(sum over terms of (q - zero_t) multiplier_t / 2^shift), low, high).
/// `terms`: (tensor, multiplier, zero point).
pub fn add(terms: &[(View, i32, i32)], out: &mut [u32], shift: u32, zero: i32, clamp: [i32; 2]) {
    for (i, out) in out.iter_mut().enumerate() {
        let sum: i64 = terms.iter().map(|(t, m, z)| (i64::from(t.values[i]) - i64::from(*z)) * i64::from(*m)).sum();
        *out = (i64::from(zero) + shift_round(sum, shift)).clamp(i64::from(clamp[0]), i64::from(clamp[1])) as u32;
    }
}
