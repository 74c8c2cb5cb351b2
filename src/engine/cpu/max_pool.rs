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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::{pool_rows::cases, window::inside};
    use crate::rng::PhiloxStream;

    #[test]
    fn every_element_is_the_maximum_of_its_window() {
        let mut rng = PhiloxStream::new(2);
        for case in 0..500 {
            let (window, shape, values) = cases::random(&mut rng);
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
}
