//! Every element becomes the integer that stands for zero. Twin of `shaders/fill_zero.wgsl`.

/// Sets all of `out` to `zero`.
pub fn fill_zero(out: &mut [u32], zero: u32) {
    out.fill(zero);
}
