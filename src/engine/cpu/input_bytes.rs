//! Inputs of a layer as bytes, padded, so that each row of the matrix reads a run of neighbouring bytes.
//!
//! A row of the matrix is one channel and place of the kernel. Along an output row its inputs are `stride` apart, so
//! columns are kept by their remainder modulo the stride: then they are neighbours, whatever the stride.

use super::View;
use super::lanes::bytes::{Bytes, PIECE, with_bytes};
use crate::quantize::Window;
use std::ops::Range;

/// Most bits of an input: two bytes.
pub const MOST_BITS: u32 = 16;

/// Bytes of a long row.
const LONG: usize = 512;

/// The inputs of some images under a window.
pub struct InputBytes {
    /// `[image][channel][padded row][remainder][column / stride]`
    low: Vec<u8>,
    /// The same for bits 8 and up; empty where there are none.
    high: Vec<u8>,
    /// Where each row of the matrix begins, from `first_row` on.
    offsets: Vec<usize>,
    /// The first row that is here.
    first_row: usize,
    window: Window,
    /// Padded rows of a channel.
    height: usize,
    /// Bytes of one remainder of a row.
    width: usize,
}

impl InputBytes {
    /// Bytes of `input` (some images); padding is `zero`.
    pub fn new(window: &Window, input: View, zero: u32, bits: u32) -> Self {
        Self::in_memory(window, input, zero, bits, [Vec::new(), Vec::new()])
    }

    /// The same in the memory of former ones ([`Self::into_memory`]): fresh memory costs more than what is written to it.
    pub fn in_memory(window: &Window, input: View, zero: u32, bits: u32, [low, high]: [Vec<u8>; 2]) -> Self {
        let [_, h, w] = input.shape;
        let reach = |axis: usize| (window.out[axis] - 1) * window.stride[axis] + (window.kernel[axis] - 1) * window.dilation[axis] + 1;
        let (stride, height, needed) = (window.stride[1], reach(0), reach(1).div_ceil(window.stride[1]));
        let width = spaced(needed);
        let size = input.images() * window.channels * height * stride * width;
        let padded = window.pad != [0, 0] || reach(0) > h || reach(1) > w;
        let plane = |shift: u32, mut bytes: Vec<u8>| {
            if padded {
                bytes.clear(); // what is not written below is padding
            }
            bytes.resize(size + PIECE, if padded { (zero >> shift) as u8 } else { 0 });
            copy_rows(input, window, [height, width], shift, &mut bytes[..size]);
            bytes
        };
        let mut offsets = Vec::with_capacity(window.rows());
        for ky in 0..window.kernel[0] {
            for x in (0..window.kernel[1]).map(|kx| kx * window.dilation[1]) {
                offsets.push((ky * window.dilation[0] * stride + x % stride) * width + x / stride);
            }
        }
        for row in offsets.len()..window.rows() {
            offsets.push(offsets[row - window.kernel[0] * window.kernel[1]] + height * stride * width);
        }
        InputBytes { low: plane(0, low), high: if bits > 8 { plane(8, high) } else { Vec::new() }, offsets, first_row: 0, window: *window, height, width }
    }

    /// Its memory, for the next.
    pub fn into_memory(self) -> [Vec<u8>; 2] {
        [self.low, self.high]
    }

    /// The inputs of some `rows` of the matrix at the positions `piece` of one image with a single output row, under a window
    /// that reads one element and has stride 1.
    pub fn of_piece(window: &Window, input: View, bits: u32, rows: Range<usize>, piece: Range<usize>, [low, high]: [Vec<u8>; 2]) -> Self {
        let width = spaced(piece.len());
        let plane = |shift: u32, mut bytes: Vec<u8>| {
            bytes.resize(rows.len() * width + PIECE, 0);
            copy_piece(input, window.first_channel + rows.start, &piece, shift, width, &mut bytes[..rows.len() * width]);
            bytes
        };
        let offsets = (0..rows.len()).map(|row| row * width).collect();
        let window = Window { out: [1, piece.len()], ..*window };
        InputBytes { low: plane(0, low), high: if bits > 8 { plane(8, high) } else { Vec::new() }, offsets, first_row: rows.start, window, height: 1, width }
    }

    /// What reads them.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// True if inputs have bits 8 and up.
    pub fn is_wide(&self) -> bool {
        !self.high.is_empty()
    }

    /// Low bytes. The inputs of a matrix row along output row `y` begin at `line(image, y)` and its offset; from each
    /// of them on 16 bytes can be read.
    pub fn low(&self) -> &[u8] {
        &self.low
    }

    /// Where an output row begins, for the first row of the matrix.
    #[inline]
    pub fn line(&self, image: usize, y: usize) -> usize {
        let w = &self.window;
        (image * w.channels * self.height + y * w.stride[0]) * w.stride[1] * self.width
    }

    /// Where some rows of the matrix begin, counted from the first row's.
    pub fn offsets(&self, rows: Range<usize>) -> &[usize] {
        &self.offsets[rows.start - self.first_row..rows.end - self.first_row]
    }

    /// Inputs of matrix row `row` along output row `y` of `image`: low bytes, and high bytes if there are any.
    #[inline]
    pub fn row(&self, image: usize, row: usize, y: usize) -> [&[u8]; 2] {
        let at = self.line(image, y) + self.offsets[row - self.first_row];
        let end = at + self.window.out[1];
        [&self.low[at..end], if self.high.is_empty() { &[] } else { &self.high[at..end] }]
    }
}

/// Long rows are an odd number of cache lines apart: at a power of two they would share few places of a cache.
fn spaced(bytes: usize) -> usize {
    if bytes < LONG { bytes } else { 64 * (bytes.div_ceil(64) | 1) }
}

with_bytes! {
    /// Writes the bytes `shift` bits up of the channels from `first` on, at some positions, to rows of `width`.
    pub fn copy_piece(input: View, first: usize, piece: &Range<usize>, shift: u32, width: usize, to: &mut [u8]) = copy_piece_inlined
}

#[inline(always)]
fn copy_piece_inlined<L: Bytes>(lanes: L, input: View, first: usize, piece: &Range<usize>, shift: u32, width: usize, to: &mut [u8]) {
    let [_, h, w] = input.shape;
    for (from, to) in input.values[first * h * w..].chunks_exact(h * w).zip(to.chunks_exact_mut(width)) {
        lanes.narrow(&from[piece.clone()], shift, to);
    }
}

with_bytes! {
    /// Writes the bytes `shift` bits up of the values under `window` to padded rows: `size` rows a channel, columns a remainder.
    pub fn copy_rows(input: View, window: &Window, size: [usize; 2], shift: u32, to: &mut [u8]) = copy_rows_inlined
}

#[inline(always)]
fn copy_rows_inlined<L: Bytes>(lanes: L, input: View, window: &Window, [height, width]: [usize; 2], shift: u32, to: &mut [u8]) {
    let [_, h, w] = input.shape;
    let ([top, left], stride) = (window.pad, window.stride[1]);
    let line = stride * width;
    // Columns beyond are never read.
    let kept = w.min((stride * width).saturating_sub(left));
    if kept == 0 {
        return;
    }
    for remainder in 0..stride {
        // The first column x with (x + left) % stride = remainder.
        let x = ((remainder + stride - left % stride) % stride).min(kept);
        let first = remainder * width + (x + left) / stride;
        for image in 0..input.images() {
            let channels = input.image(image).chunks_exact(h * w).skip(window.first_channel);
            let padded = to[image * window.channels * height * line..].chunks_exact_mut(height * line);
            for (from, to) in channels.zip(padded).take(window.channels) {
                for (from, to) in from.chunks_exact(w).zip(to.chunks_exact_mut(line).skip(top)) {
                    let (from, to) = (&from[x..kept], &mut to[first..(remainder + 1) * width]);
                    match stride {
                        1 => lanes.narrow(from, shift, to),
                        2 => lanes.narrow_even(from, shift, to),
                        _ => from.iter().step_by(stride).zip(to).for_each(|(&v, to)| *to = (v >> shift) as u8),
                    }
                }
            }
        }
    }
}
