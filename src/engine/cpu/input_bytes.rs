//! Inputs of a layer as bytes, padded, so that each row of the matrix reads a run of neighbouring bytes.
//!
//! A row of the matrix is one channel and place of the kernel. Along an output row its inputs are `stride` apart, so
//! columns are kept by their remainder modulo the stride: then they are neighbours, whatever the stride.

use super::View;
use crate::quantize::Window;

/// Most bits of an input: two bytes.
pub const MOST_BITS: u32 = 16;

/// The inputs of some images under a window.
pub struct InputBytes {
    /// `[image][channel][padded row][remainder][column / stride]`
    low: Vec<u8>,
    /// The same for bits 8 and up; empty where there are none.
    high: Vec<u8>,
    window: Window,
    /// Padded rows of a channel.
    height: usize,
    /// Bytes of one remainder of a row.
    width: usize,
}

impl InputBytes {
    /// Bytes of `input` (some images); padding is `zero`.
    pub fn new(window: &Window, input: View, zero: u32, bits: u32) -> Self {
        let [_, h, w] = input.shape;
        let reach = |axis: usize| (window.out[axis] - 1) * window.stride[axis] + (window.kernel[axis] - 1) * window.dilation[axis] + 1;
        let (stride, height, width) = (window.stride[1], reach(0), reach(1).div_ceil(window.stride[1]));
        let size = input.images() * window.channels * height * stride * width;
        let mut bytes = InputBytes { low: vec![zero as u8; size], high: Vec::new(), window: *window, height, width };
        if bits > 8 {
            bytes.high = vec![(zero >> 8) as u8; size];
        }
        for image in 0..input.images() {
            let values = input.image(image);
            for channel in 0..window.channels {
                let from = &values[(window.first_channel + channel) * h * w..][..h * w];
                for y in 0..h.min(height.saturating_sub(window.pad[0])) {
                    let row = ((image * window.channels + channel) * height + y + window.pad[0]) * stride * width;
                    bytes.copy_row(&from[y * w..(y + 1) * w], row, reach(1));
                }
            }
        }
        bytes
    }

    /// Copies a row of the tensor to the padded row that starts at byte `row`; columns beyond `reach` are never read.
    fn copy_row(&mut self, from: &[u32], row: usize, reach: usize) {
        let (stride, pad) = (self.window.stride[1], self.window.pad[1]);
        let kept = &from[..from.len().min(reach.saturating_sub(pad))];
        if stride == 1 {
            let to = row + pad;
            self.low[to..to + kept.len()].iter_mut().zip(kept).for_each(|(to, &v)| *to = v as u8);
            if !self.high.is_empty() {
                self.high[to..to + kept.len()].iter_mut().zip(kept).for_each(|(to, &v)| *to = (v >> 8) as u8);
            }
            return;
        }
        for (x, &v) in kept.iter().enumerate() {
            let at = row + (x + pad) % stride * self.width + (x + pad) / stride;
            self.low[at] = v as u8;
            if !self.high.is_empty() {
                self.high[at] = (v >> 8) as u8;
            }
        }
    }

    /// True if inputs have bits 8 and up.
    pub fn is_wide(&self) -> bool {
        !self.high.is_empty()
    }

    /// Inputs of matrix row `row` along output row `y` of `image`: low bytes, and high bytes if there are any.
    #[inline]
    pub fn row(&self, image: usize, row: usize, y: usize) -> [&[u8]; 2] {
        let w = &self.window;
        let area = w.kernel[0] * w.kernel[1];
        let (channel, ky, kx) = (row / area, row % area / w.kernel[1], row % w.kernel[1]);
        let x = kx * w.dilation[1];
        let line = (image * w.channels + channel) * self.height + y * w.stride[0] + ky * w.dilation[0];
        let at = (line * w.stride[1] + x % w.stride[1]) * self.width + x / w.stride[1];
        [&self.low[at..at + w.out[1]], if self.high.is_empty() { &[] } else { &self.high[at..at + w.out[1]] }]
    }
}
