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

/// Windows of all kinds, for the tests of both poolings.
#[cfg(test)]
pub mod cases {
    use crate::quantize::Window;
    use crate::rng::PhiloxStream;
    use rand::RngExt;

    /// A random window, the shape of its input and the input. Windows may reach beyond the input, or miss it.
    pub fn random(rng: &mut PhiloxStream) -> (Window, [usize; 3], Vec<u32>) {
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
}
