//! Windows over a tensor: which element a window's place reads. Mirror: `shaders/shared/window.wgsl`.

use crate::quantize::Window;

/// The input's [row, column] under `place` of the window at `position`; `None` in the padding.
#[inline]
pub fn inside(window: &Window, position: [usize; 2], place: [usize; 2], size: [usize; 2]) -> Option<[usize; 2]> {
    let at = |axis: usize| (position[axis] * window.stride[axis] + place[axis] * window.dilation[axis]).checked_sub(window.pad[axis]).filter(|&i| i < size[axis]);
    Some([at(0)?, at(1)?])
}
