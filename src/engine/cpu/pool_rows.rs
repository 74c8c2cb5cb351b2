//! A pooled tensor row by row, down the window's columns first and across them after, so that every loop runs along a
//! row and nothing asks in it what lies inside the input.

use super::View;
use super::rows::{zip_rows, zip_strided};
use crate::quantize::Window;

/// Pools every row of the output: `take` adds an input element to what `start` began, `join` two such results;
/// their order must not matter. `finish` gets the results of a row and the row to write.
#[inline(always)]
pub fn pool_rows<T: Copy>(
    input: View,
    out: &mut [u32],
    window: &Window,
    start: T,
    take: impl Fn(T, u32) -> T + Copy,
    join: impl Fn(T, T) -> T + Copy,
    finish: impl Fn(&[T], &mut [u32]),
) {
    let [_, h, w] = input.shape;
    let ([out_h, out_w], [pad_y, pad_x], [stride_y, stride_x]) = (window.out, window.pad, window.stride);
    if out_h * out_w == 0 || h * w == 0 {
        return;
    }
    let mut results = vec![start; out_w];
    let read = out_w * stride_x + (window.kernel[1] - 1) * window.dilation[1];
    let mut columns = vec![start; read.max(pad_x + w)];
    for (channel, out) in input.values.chunks_exact(h * w).zip(out.chunks_exact_mut(out_h * out_w)) {
        for (y, out) in out.chunks_exact_mut(out_w).enumerate() {
            let columns_inside = &mut columns[pad_x..pad_x + w];
            columns_inside.fill(start);
            for ky in 0..window.kernel[0] {
                if let Some(iy) = (y * stride_y + ky * window.dilation[0]).checked_sub(pad_y).filter(|&iy| iy < h) {
                    zip_rows(columns_inside, &channel[iy * w..(iy + 1) * w], take);
                }
            }
            results.fill(start);
            for kx in 0..window.kernel[1] {
                zip_strided(&mut results, &columns[kx * window.dilation[1]..], stride_x, join);
            }
            finish(&results, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::cpu::{View, average_pool::average_pool, max_pool::max_pool, window::inside};
    use crate::quantize::{Window, fixed_point::shift_round};
    use crate::rng::PhiloxStream;
    use rand::RngExt;

    /// A random window, the shape of its input and the input. Windows may reach beyond the input, or miss it.
    fn random(rng: &mut PhiloxStream) -> (Window, [usize; 3], Vec<u32>) {
        let mut below = |n: usize| rng.random_range(0..n);
        let shape = [below(4) + 1, below(12) + 1, below(40) + 1];
        let global = below(4) == 0;
        let window = Window {
            first_channel: 0,
            channels: shape[0],
            kernel: if global { [shape[1], shape[2]] } else { [below(4) + 1, below(4) + 1] },
            stride: [below(3) + 1, below(3) + 1],
            pad: if global { [0, 0] } else { [below(3), below(3)] },
            dilation: if global { [1, 1] } else { [below(2) + 1, below(2) + 1] },
            out: if global { [1, 1] } else { [below(14) + 1, below(44) + 1] },
        };
        let values = (0..shape.iter().product()).map(|_| rng.random_range(0..1 << 20)).collect();
        (window, shape, values)
    }

    #[test]
    fn every_element_is_the_maximum_of_its_window() {
        let mut rng = PhiloxStream::new(2);
        for case in 0..500 {
            let (window, shape, values) = random(&mut rng);
            let ([channels, h, w], [out_h, out_w]) = (shape, window.out);
            let mut out = vec![7; channels * out_h * out_w];
            max_pool(View { values: &values, shape }, &mut out, &window);
            for (i, &got) in out.iter().enumerate() {
                let (c, position) = (i / (out_h * out_w), [i / out_w % out_h, i % out_w]);
                let places = (0..window.kernel[0]).flat_map(|ky| (0..window.kernel[1]).map(move |kx| [ky, kx]));
                let read = places.filter_map(|place| inside(&window, position, place, [h, w]));
                let largest = read.map(|[y, x]| values[(c * h + y) * w + x]).max().unwrap_or(0);
                assert_eq!(got, largest, "case {case}: {window:?}, element {i}");
            }
        }
    }

    #[test]
    fn every_element_is_the_rounded_mean_of_its_window() {
        let mut rng = PhiloxStream::new(3);
        for case in 0..500 {
            let (window, shape, values) = random(&mut rng);
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
