//! Maximum over a window; positions outside the input are left out. Twin of `shaders/max_pool.wgsl`.

use super::View;
use super::window::inside;
use crate::quantize::Window;

/// out[c][y][x] = max over the window of input[c].
pub fn max_pool(input: View, out: &mut [u32], window: &Window) {
    let [channels, h, w] = input.shape;
    let [out_h, out_w] = window.out;
    for c in 0..channels {
        for y in 0..out_h {
            for x in 0..out_w {
                let mut largest = 0;
                for ky in 0..window.kernel[0] {
                    for kx in 0..window.kernel[1] {
                        if let Some([iy, ix]) = inside(window, [y, x], [ky, kx], [h, w]) {
                            largest = largest.max(input.values[(c * h + iy) * w + ix]);
                        }
                    }
                }
                out[(c * out_h + y) * out_w + x] = largest;
            }
        }
    }
}
