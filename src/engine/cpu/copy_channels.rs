//! Channels of a tensor, strided in space, copied to channels of another: concatenation, subsampling and
//! padding of channels. Twin of `shaders/copy_channels.wgsl`.

use super::View;
use super::rows::zip_strided;
use super::simd::multiversion;

multiversion! {
    /// out[first_channel + c][y][x] = input[c][y stride][x stride].
    pub fn copy_channels(input: View, out: &mut [u32], out_shape: [usize; 3], first_channel: usize, stride: [usize; 2]) = copy_channels_inlined
}

#[inline(always)]
fn copy_channels_inlined(input: View, out: &mut [u32], out_shape: [usize; 3], first_channel: usize, stride: [usize; 2]) {
    let ([channels, h, w], [_, out_h, out_w]) = (input.shape, out_shape);
    if channels * out_h * out_w == 0 {
        return;
    }
    let out = &mut out[first_channel * out_h * out_w..][..channels * out_h * out_w];
    if stride == [1, 1] && [h, w] == [out_h, out_w] {
        out.copy_from_slice(&input.values[..out.len()]);
        return;
    }
    for (c, out) in out.chunks_exact_mut(out_h * out_w).enumerate() {
        for (y, out) in out.chunks_exact_mut(out_w).enumerate() {
            let row = &input.values[(c * h + y * stride[0]) * w..][..w];
            zip_strided(out, row, stride[1], |_, value| value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::PhiloxStream;
    use rand::RngExt;

    #[test]
    fn every_element_is_copied_and_no_other_touched() {
        let mut rng = PhiloxStream::new(4);
        for case in 0..500 {
            let mut below = |n: usize| rng.random_range(0..n);
            let (stride, out_size) = ([below(3) + 1, below(3) + 1], [below(9) + 1, below(40) + 1]);
            let (channels, first, after) = (below(4) + 1, below(3), below(3));
            // The input ends anywhere between the last element that is read and the next one that would be.
            let [h, w] = [0, 1].map(|axis| (out_size[axis] - 1) * stride[axis] + 1 + below(stride[axis]));
            let values: Vec<u32> = (0..channels * h * w).map(|_| rng.random_range(0..1 << 20)).collect();
            let [out_h, out_w] = out_size;
            let mut expected = vec![7; (first + channels + after) * out_h * out_w];
            let mut out = expected.clone();
            for c in 0..channels {
                for y in 0..out_h {
                    for x in 0..out_w {
                        expected[((first + c) * out_h + y) * out_w + x] = values[(c * h + y * stride[0]) * w + x * stride[1]];
                    }
                }
            }
            copy_channels(View { values: &values, shape: [channels, h, w] }, &mut out, [first + channels + after, out_h, out_w], first, stride);
            assert_eq!(out, expected, "case {case}");
        }
    }
}
