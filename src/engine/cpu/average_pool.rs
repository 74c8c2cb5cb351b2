//! Mean over a window on the output's scale; positions outside the input count as zero.
//! Twin of `shaders/average_pool.wgsl`.

use super::View;
use super::pool_rows::pool_rows;
use super::rows::zip_rows;
use super::simd::multiversion;
use crate::quantize::Window;
use crate::quantize::fixed_point::shift_round;

multiversion! {
    /// out[c][y][x] = clamp(zeros[1] + round(multiplier sum over the window of (q - zeros[0]) / 2^shift), low, high);
    /// the multiplier holds 1 / (window size).
    pub fn average_pool(input: View, out: &mut [u32], window: &Window, zeros: [i32; 2], multiplier: i32, shift: u32, clamp: [i32; 2]) = average_pool_inlined
}

#[inline(always)]
fn average_pool_inlined(input: View, out: &mut [u32], window: &Window, zeros: [i32; 2], multiplier: i32, shift: u32, clamp: [i32; 2]) {
    let [_, h, w] = input.shape;
    let ([input_zero, zero], [low, high]) = (zeros.map(i64::from), clamp.map(i64::from));
    let mean = |_: u32, sum: i64| (zero + shift_round(sum * i64::from(multiplier), shift)).clamp(low, high) as u32;
    let take = |sum: i64, value: u32| sum + (i64::from(value) - input_zero);
    if window.kernel == [h, w] && window.out == [1, 1] && window.pad == [0, 0] && window.dilation == [1, 1] {
        // The whole channel: one long row.
        for (out, channel) in out.iter_mut().zip(input.values.chunks_exact((h * w).max(1))) {
            *out = mean(0, channel.iter().fold(0, |sum, &value| take(sum, value)));
        }
        return;
    }
    pool_rows(input, out, window, 0, take, |a, b| a + b, |sums, out| zip_rows(out, sums, mean));
}
