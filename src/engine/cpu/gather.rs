//! The inputs of every row of a layer at a position. Twin of `shaders/gather.wgsl`.

use super::View;
use super::window::inside;
use crate::quantize::Window;

/// The inputs of all rows at output position `position` (row-major), row order (channel, kh, kw); padding is `zero`.
pub fn gather(window: &Window, input: View, zero: u32, position: usize, out: &mut [u32]) {
    let [_, h, w] = input.shape;
    let at = [position / window.out[1], position % window.out[1]];
    let mut row = 0;
    for c in window.first_channel..window.first_channel + window.channels {
        for ky in 0..window.kernel[0] {
            for kx in 0..window.kernel[1] {
                out[row] = inside(window, at, [ky, kx], [h, w]).map_or(zero, |[y, x]| input.values[(c * h + y) * w + x]);
                row += 1;
            }
        }
    }
}
