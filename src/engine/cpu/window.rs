//! Windows over a tensor: which element a window's place reads. Mirror: `shaders/shared/window.wgsl`.

use super::View;
use crate::quantize::Window;

/// The input's [row, column] under `place` of the window at `position`; `None` in the padding.
#[inline]
pub fn inside(window: &Window, position: [usize; 2], place: [usize; 2], size: [usize; 2]) -> Option<[usize; 2]> {
    let at = |axis: usize| (position[axis] * window.stride[axis] + place[axis] * window.dilation[axis]).checked_sub(window.pad[axis]).filter(|&i| i < size[axis]);
    Some([at(0)?, at(1)?])
}

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
