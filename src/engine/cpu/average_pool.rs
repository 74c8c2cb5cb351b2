//! Mean over a window on the output's scale; positions outside the input count as zero.
//! Twin of `shaders/average_pool.wgsl`.

use super::View;
use super::window::inside;
use crate::quantize::Window;
use crate::quantize::fixed_point::shift_round;

/// out[c][y][x] = clamp(zeros[1] + round(multiplier sum over the window of (q - zeros[0]) / 2^shift), low, high);
/// the multiplier holds 1 / (window size).
pub fn average_pool(input: View, out: &mut [u32], window: &Window, zeros: [i32; 2], multiplier: i32, shift: u32, clamp: [i32; 2]) {
    let [channels, h, w] = input.shape;
    let [out_h, out_w] = window.out;
    for c in 0..channels {
        for y in 0..out_h {
            for x in 0..out_w {
                let mut sum = 0i64;
                for ky in 0..window.kernel[0] {
                    for kx in 0..window.kernel[1] {
                        if let Some([iy, ix]) = inside(window, [y, x], [ky, kx], [h, w]) {
                            sum += i64::from(input.values[(c * h + iy) * w + ix]) - i64::from(zeros[0]);
                        }
                    }
                }
                let mean = shift_round(sum * i64::from(multiplier), shift);
                out[(c * out_h + y) * out_w + x] = (i64::from(zeros[1]) + mean).clamp(i64::from(clamp[0]), i64::from(clamp[1])) as u32;
            }
        }
    }
}
