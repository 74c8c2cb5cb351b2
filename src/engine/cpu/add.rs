//! Sum of one or two tensors on a common scale, with a ReLU's clamp. Twin of `shaders/add.wgsl`.

use super::View;
use super::simd::multiversion;
use crate::quantize::fixed_point::shift_round;

multiversion! {
    /// out = clamp(zero + round(sum over terms of (q - zero_t) multiplier_t / 2^shift), low, high).
    /// `terms`: (tensor, multiplier, zero point).
    pub fn add(terms: &[(View, i32, i32)], out: &mut [u32], shift: u32, zero: i32, clamp: [i32; 2]) = add_inlined
}

#[inline(always)]
fn add_inlined(terms: &[(View, i32, i32)], out: &mut [u32], shift: u32, zero: i32, clamp: [i32; 2]) {
    let (zero, [low, high]) = (i64::from(zero), clamp.map(i64::from));
    let round = |sum: i64| (zero + shift_round(sum, shift)).clamp(low, high) as u32;
    // The difference fits 32 bits, so the product is one instruction for a vector of them.
    let term = |value: u32, multiplier: i32, zero: i32| i64::from(value as i32 - zero) * i64::from(multiplier);
    match *terms {
        [(a, ma, za)] => {
            for (out, &a) in out.iter_mut().zip(a.values) {
                *out = round(term(a, ma, za));
            }
        }
        [(a, ma, za), (b, mb, zb)] => {
            for ((out, &a), &b) in out.iter_mut().zip(a.values).zip(b.values) {
                *out = round(term(a, ma, za) + term(b, mb, zb));
            }
        }
        _ => {
            for (i, out) in out.iter_mut().enumerate() {
                *out = round(terms.iter().map(|&(t, m, z)| term(t.values[i], m, z)).sum());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::PhiloxStream;
    use rand::RngExt;

    #[test]
    fn every_element_is_the_rounded_sum() {
        let mut rng = PhiloxStream::new(1);
        for case in 0..300 {
            let count = [1, 2, 2, 3][case % 4];
            let size = rng.random_range(0..100);
            let tensors: Vec<Vec<u32>> = (0..count).map(|_| (0..size).map(|_| rng.random_range(0..1 << 20)).collect()).collect();
            let terms: Vec<(View, i32, i32)> = tensors
                .iter()
                .map(|values| (View { values, shape: [size, 1, 1] }, rng.random_range(-(1 << 24)..=1 << 24), rng.random_range(0..1 << 20)))
                .collect();
            let (shift, zero, low) = (rng.random_range(1..=40), rng.random_range(0..1 << 19), rng.random_range(0..1 << 10));
            let mut out = vec![7; size];
            add(&terms, &mut out, shift, zero, [low, (1 << 20) - 1]);
            for i in 0..size {
                let sum: i64 = terms.iter().map(|(t, m, z)| (i64::from(t.values[i]) - i64::from(*z)) * i64::from(*m)).sum();
                let expected = (i64::from(zero) + shift_round(sum, shift)).clamp(i64::from(low), (1 << 20) - 1) as u32;
                assert_eq!(out[i], expected, "case {case}, element {i}");
            }
        }
    }
}
