//! Channels of a tensor, strided in space, copied to channels of another: concatenation, subsampling and
//! padding of channels. Twin of `shaders/copy_channels.wgsl`.

use super::View;

/// out[first_channel + c][y][x] = input[c][y stride][x stride].
pub fn copy_channels(input: View, out: &mut [u32], out_shape: [usize; 3], first_channel: usize, stride: [usize; 2]) {
    let [channels, h, w] = input.shape;
    let [_, out_h, out_w] = out_shape;
    for c in 0..channels {
        for y in 0..out_h {
            for x in 0..out_w {
                out[((first_channel + c) * out_h + y) * out_w + x] = input.values[(c * h + y * stride[0]) * w + x * stride[1]];
            }
        }
    }
}
