//! Maximum over a window; positions outside the input are left out. Twin of `shaders/max_pool.wgsl`.

use super::View;
use super::pool_rows::pool_rows;
use super::simd::multiversion;
use crate::quantize::Window;

multiversion! {
    /// out[c][y][x] = max over the window of input[c].
    pub fn max_pool(input: View, out: &mut [u32], window: &Window) = max_pool_inlined
}

#[inline(always)]
fn max_pool_inlined(input: View, out: &mut [u32], window: &Window) {
    pool_rows(input, out, window, 0, u32::max, u32::max, |row, out| out.copy_from_slice(row));
}
