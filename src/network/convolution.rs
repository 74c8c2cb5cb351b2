//! Convolution as a product of the weights with the image's windows, for f32 and pairs of integers.
//!
//! Nothing is unfolded: the outputs of a row are neighbours whose windows are neighbours too, tap by tap, so
//! [`super::matmul`] reads the image itself, or a copy with its padding. Where windows are further apart, the copy has the
//! columns (and rows) by their remainder modulo the stride: then neighbours are neighbours again.
//! An output is a sum over (channel, tap row, tap column), ascending.

use super::matmul::{Element, MARGIN, Outputs, Packed, Taps};
use super::shape::Window;

/// Convolves one image [C, H, W] (`input`, of `shape`) into `out` [out channels, OH, OW].
///
/// `weights` holds one matrix per group: rows = output channels of the group, columns = (C / groups) x taps. Padding has
/// the value `padding` (a zero point, for integers).
///
/// # Panics
/// If lengths do not fit the shapes, or the window does not fit the image: see [`Window::output`].
pub fn convolve<T: Element>(
    input: &[T], shape: [usize; 3], weights: &[Packed<T>], window: &Window, padding: T, out: &mut [T::Sum],
) {
    let [channels, h, w] = shape;
    let sizes = window.output([h, w]).ok().zip(window.padded([h, w]));
    let Some(([oh, ow], padded)) = sizes else { panic!("a window {window:?} that does not fit {h} x {w}") };
    let per_group = channels / weights.len();
    assert_eq!(input.len(), channels * h * w, "length of the input");

    // Windows of one pixel that leave none out: all of a plane is one line.
    let as_it_is = window.kernel == [1, 1] && window.stride == [1, 1] && window.pad == [0; 4] && h * w > MARGIN;
    let layout = Layout::new(window.stride, padded);
    let lines = if as_it_is { Outputs::new([1, h * w], h * w, false) } else { Outputs::new([oh, ow], layout.columns, true) };
    let taps = layout.taps(window, per_group);

    // Channels of one group at a time; padding stays.
    let mut copy = vec![padding; if as_it_is { 0 } else { per_group * layout.channel() + MARGIN }];
    let mut rest = out;
    for (input, weights) in input.chunks_exact(per_group * h * w).zip(weights) {
        let (out, after) = rest.split_at_mut(weights.rows() * oh * ow);
        rest = after;
        if !as_it_is {
            layout.copy(input, [h, w], window.pad, &mut copy);
        }
        let numbers = if as_it_is { input } else { &copy };
        if oh * ow == 1 {
            weights.times_vector(&taps.of_first(numbers), out);
        } else {
            weights.product(numbers, &taps, &lines, out);
        }
    }
    assert!(rest.is_empty(), "length of the output");
}

/// Where the pixels of padded channels lie: `[channel][y % stride][x % stride][y / stride][x / stride]`.
struct Layout {
    stride: [usize; 2],
    /// Of a remainder.
    rows: usize,
    columns: usize,
}

impl Layout {
    fn new(stride: [usize; 2], padded: [usize; 2]) -> Self {
        Layout { stride, rows: padded[0].div_ceil(stride[0]), columns: padded[1].div_ceil(stride[1]) }
    }

    fn channel(&self) -> usize {
        self.stride[0] * self.stride[1] * self.rows * self.columns
    }

    fn at(&self, channel: usize, y: usize, x: usize) -> usize {
        let [sy, sx] = self.stride;
        channel * self.channel() + ((y % sy * sx + x % sx) * self.rows + y / sy) * self.columns + x / sx
    }

    /// The taps of a window over some channels.
    fn taps(&self, window: &Window, channels: usize) -> Taps {
        let [kh, kw] = window.kernel;
        let mut taps = Vec::with_capacity(channels * kh * kw);
        for ky in 0..kh {
            taps.extend((0..kw).map(|kx| self.at(0, ky * window.dilation[0], kx * window.dilation[1])));
        }
        for tap in kh * kw..channels * kh * kw {
            taps.push(taps[tap - kh * kw] + self.channel());
        }
        Taps::new(taps)
    }

    /// Copies channels of `size` to where they lie in numbers laid out so; what else is there is padding.
    fn copy<T: Element>(&self, input: &[T], [h, w]: [usize; 2], [top, left, ..]: [usize; 4], numbers: &mut [T]) {
        let [sy, sx] = self.stride;
        for (from, to) in input.chunks_exact(h * w).zip(numbers.chunks_exact_mut(self.channel())) {
            for first in 0..sx.min(w) {
                let column = self.at(0, 0, first + left);
                for (y, from) in from.chunks_exact(w).enumerate() {
                    let y = y + top;
                    let line = if sy == 1 { y * self.columns } else { self.at(0, y, 0) };
                    pick(&from[first..], sx, &mut to[line + column..]);
                }
            }
        }
    }
}

/// Every `step`-th number, from the first on.
fn pick<T: Element>(from: &[T], step: usize, to: &mut [T]) {
    match step {
        1 => to[..from.len()].copy_from_slice(from),
        2 => {
            // A fixed distance becomes vector instructions.
            let (pairs, last) = from.as_chunks::<2>();
            to.iter_mut().zip(pairs).for_each(|(to, pair)| *to = pair[0]);
            last.iter().for_each(|&last| to[pairs.len()] = last);
        }
        _ => to.iter_mut().zip(from.iter().step_by(step)).for_each(|(to, &from)| *to = from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::matmul::Pair;

    /// The definition, tap by tap.
    fn plain(x: &[i32], [c, h, w]: [usize; 3], weight: &[i32], out_channels: usize, groups: usize, win: &Window, padding: i32) -> Vec<i32> {
        let [oh, ow] = win.output([h, w]).expect("a window that fits");
        let (per_group, mut out) = (c / groups, Vec::new());
        for o in 0..out_channels {
            for (y, x0) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
                let mut sum = 0;
                for i in 0..per_group {
                    for (ky, kx) in (0..win.kernel[0]).flat_map(|ky| (0..win.kernel[1]).map(move |kx| (ky, kx))) {
                        let (py, px) = (y * win.stride[0] + ky * win.dilation[0], x0 * win.stride[1] + kx * win.dilation[1]);
                        let inside = py >= win.pad[0] && px >= win.pad[1] && py - win.pad[0] < h && px - win.pad[1] < w;
                        let channel = o / (out_channels / groups) * per_group + i;
                        let pixel = if inside { x[(channel * h + py - win.pad[0]) * w + px - win.pad[1]] } else { padding };
                        sum += pixel * weight[((o * per_group + i) * win.kernel[0] + ky) * win.kernel[1] + kx];
                    }
                }
                out.push(sum);
            }
        }
        out
    }

    #[test]
    fn equals_the_definition() {
        let cases = [
            ([2, 5, 7], 3, 1, Window { kernel: [3, 3], stride: [1, 1], pad: [1, 1, 1, 1], dilation: [1, 1] }),
            ([4, 9, 8], 6, 2, Window { kernel: [2, 3], stride: [2, 3], pad: [0, 2, 1, 0], dilation: [2, 1] }),
            ([3, 8, 32], 3, 3, Window { kernel: [1, 1], stride: [1, 1], pad: [0; 4], dilation: [1, 1] }),
            ([8, 8, 8], 20, 1, Window { kernel: [3, 3], stride: [1, 1], pad: [1; 4], dilation: [1, 1] }),
            ([1, 7, 70], 9, 1, Window { kernel: [7, 5], stride: [1, 2], pad: [0, 0, 0, 1], dilation: [1, 3] }),
            ([2, 4, 4], 2, 1, Window { kernel: [3, 3], stride: [2, 2], pad: [0, 0, 1, 1], dilation: [1, 1] }),
            ([5, 7, 7], 5, 5, Window { kernel: [3, 3], stride: [1, 1], pad: [1; 4], dilation: [1, 1] }),
            ([3, 19, 20], 3, 3, Window { kernel: [3, 3], stride: [2, 2], pad: [1; 4], dilation: [1, 1] }),
            ([6, 5, 5], 12, 1, Window { kernel: [1, 1], stride: [1, 1], pad: [0; 4], dilation: [1, 1] }),
            ([6, 2, 3], 9, 1, Window { kernel: [1, 1], stride: [1, 1], pad: [0; 4], dilation: [1, 1] }),
            ([6, 9, 5], 11, 1, Window { kernel: [1, 1], stride: [2, 2], pad: [0; 4], dilation: [1, 1] }),
            ([4, 3, 3], 7, 1, Window { kernel: [3, 3], stride: [1, 1], pad: [0; 4], dilation: [1, 1] }),
            ([1, 1, 1], 1, 1, Window { kernel: [1, 1], stride: [3, 3], pad: [0, 5, 0, 0], dilation: [1, 1] }),
            ([2, 16, 16], 17, 1, Window { kernel: [3, 3], stride: [1, 1], pad: [1; 4], dilation: [1, 1] }),
        ];
        for (shape, out_channels, groups, window) in cases {
            let per_group = shape[0] / groups;
            let k = per_group * window.kernel[0] * window.kernel[1];
            let x: Vec<i32> = (0..shape.iter().product::<usize>() as i32).map(|i| i * 37 % 101 - 50).collect();
            let weight: Vec<i32> = (0..(out_channels * k) as i32).map(|i| i * 53 % 97 - 48).collect();
            let rows = out_channels / groups;
            let expected = plain(&x, shape, &weight, out_channels, groups, &window, 7);
            // Integers of this size are exact as floats; as pairs, with nothing beside each.
            let float = |v: &[i32]| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
            let packed: Vec<_> = float(&weight).chunks(rows * k).map(|w| Packed::new(w, rows, k)).collect();
            let mut out = vec![0.0; expected.len()];
            convolve(&float(&x), shape, &packed, &window, 7.0, &mut out);
            assert_eq!(out, float(&expected), "{shape:?} {window:?}");
            let pairs = |v: &[i32]| v.iter().map(|&v| Pair::new(v, 0)).collect::<Vec<_>>();
            let packed: Vec<_> = pairs(&weight).chunks(rows * k).map(|w| Packed::new(w, rows, k)).collect();
            let mut out = vec![0; expected.len()];
            convolve(&pairs(&x), shape, &packed, &window, Pair::new(7, 0), &mut out);
            assert_eq!(out, expected, "{shape:?} {window:?}");
        }
    }
}
