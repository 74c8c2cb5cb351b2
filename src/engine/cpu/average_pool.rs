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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::{pool_rows::cases, window::inside};
    use crate::rng::PhiloxStream;
    use rand::RngExt;

    #[test]
    fn every_element_is_the_rounded_mean_of_its_window() {
        let mut rng = PhiloxStream::new(3);
        for case in 0..500 {
            let (window, shape, values) = cases::random(&mut rng);
            let ([channels, h, w], [out_h, out_w]) = (shape, window.out);
            let zeros = [rng.random_range(0..1 << 20), rng.random_range(0..1 << 19)];
            let (multiplier, shift, clamp) = (rng.random_range(0..=1 << 24), rng.random_range(1..=40), [rng.random_range(0..1 << 10), (1 << 20) - 1]);
            let mut out = vec![7; channels * out_h * out_w];
            average_pool(View { values: &values, shape }, &mut out, &window, zeros, multiplier, shift, clamp);
            for (i, &got) in out.iter().enumerate() {
                let (c, position) = (i / (out_h * out_w), [i / out_w % out_h, i % out_w]);
                let places = (0..window.kernel[0]).flat_map(|ky| (0..window.kernel[1]).map(move |kx| [ky, kx]));
                let read = places.filter_map(|place| inside(&window, position, place, [h, w]));
                let sum: i64 = read.map(|[y, x]| i64::from(values[(c * h + y) * w + x]) - i64::from(zeros[0])).sum();
                let mean = i64::from(zeros[1]) + shift_round(sum * i64::from(multiplier), shift);
                assert_eq!(got, mean.clamp(i64::from(clamp[0]), i64::from(clamp[1])) as u32, "case {case}: {window:?}, element {i}");
            }
        }
    }
}
