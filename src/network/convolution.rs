//! Convolution as a product of the weights with the image's windows, for f32 and i32.
//!
//! The windows of 32 outputs at a time are laid out as the columns of a panel, rows in the order of the weights
//! (channel, tap row, tap column); the panel stays in the first-level cache and no whole unfolded image is ever held.
//! So each output is a sum over ascending rows, as [`super::matmul`] promises.

use super::matmul::{COLS, Element, Packed, panel};
use super::shape::Window;

/// Convolves one image [C, H, W] (`input`, of `shape`) into `out` [out channels, OH, OW].
///
/// `weights` holds one matrix per group: rows = output channels of the group, columns = (C / groups) x taps. Padding has
/// the value `padding` (a zero point, for integers).
///
/// # Panics
/// If lengths do not fit the shapes, or the window does not fit the image: see [`Window::output`].
pub fn convolve<T: Element>(
    input: &[T], shape: [usize; 3], weights: &[Packed<T>], window: &Window, padding: T, out: &mut [T],
) {
    let [channels, h, w] = shape;
    let sizes = window.output([h, w]).ok().zip(window.padded([h, w]));
    let Some(([oh, ow], [ph, pw])) = sizes else { panic!("a window {window:?} that does not fit {h} x {w}") };
    let pixels = oh * ow;
    let per_group = channels / weights.len();
    assert_eq!(input.len(), channels * h * w, "length of the input");

    let padded;
    let input = if window.pad == [0; 4] {
        input
    } else {
        padded = with_border(input, [h, w], [ph, pw], window.pad, padding);
        &padded
    };
    // Where the first window meets its taps, in the order of the weights.
    let taps = |c: usize| {
        let at = move |ky: usize, kx: usize| (c * ph + ky * window.dilation[0]) * pw + kx * window.dilation[1];
        (0..window.kernel[0]).flat_map(move |ky| (0..window.kernel[1]).map(move |kx| at(ky, kx)))
    };
    let taps: Vec<usize> = (0..per_group).flat_map(taps).collect();
    let mut columns = vec![[padding; COLS]; taps.len()];

    let mut rest = out;
    for (group, weights) in weights.iter().enumerate() {
        let (out, after) = rest.split_at_mut(weights.rows() * pixels);
        rest = after;
        let input = &input[group * per_group * ph * pw..][..per_group * ph * pw];
        for first in (0..pixels).step_by(COLS) {
            let width = COLS.min(pixels - first);
            unfold(input, &taps, &runs(first, width, ow, pw, window.stride), window.stride[1], &mut columns);
            panel(weights, &columns, out, pixels, first, width);
        }
    }
    assert!(rest.is_empty(), "length of the output");
}

/// Neighbouring outputs of one row: columns `to..to + len` of the panel begin at `from` in the padded image.
struct Run {
    to: usize,
    from: usize,
    len: usize,
}

fn runs(first: usize, width: usize, ow: usize, pw: usize, stride: [usize; 2]) -> Vec<Run> {
    let mut runs = Vec::with_capacity(width / ow + 2);
    let mut to = 0;
    while to < width {
        let (y, x) = ((first + to) / ow, (first + to) % ow);
        let len = (ow - x).min(width - to);
        runs.push(Run { to, from: y * stride[0] * pw + x * stride[1], len });
        to += len;
    }
    runs
}

/// Fills the panel: columns[row][i] = the pixel that window i has under tap `row`.
fn unfold<T: Element>(input: &[T], taps: &[usize], runs: &[Run], step: usize, columns: &mut [[T; COLS]]) {
    for run in runs {
        // Fixed lengths become plain vector moves.
        match (step, run.len) {
            (1, 32) => copy::<T, 32>(input, taps, run, columns),
            (1, 16) => copy::<T, 16>(input, taps, run, columns),
            (1, 8) => copy::<T, 8>(input, taps, run, columns),
            (1, 4) => copy::<T, 4>(input, taps, run, columns),
            _ => {
                for (column, &tap) in columns.iter_mut().zip(taps) {
                    let from = input[run.from + tap..].iter().step_by(step);
                    column[run.to..run.to + run.len].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
}

fn copy<T: Element, const LEN: usize>(input: &[T], taps: &[usize], run: &Run, columns: &mut [[T; COLS]]) {
    for (column, &tap) in columns.iter_mut().zip(taps) {
        let from = &input[run.from + tap..][..LEN];
        column[run.to..run.to + LEN].copy_from_slice(from);
    }
}

fn with_border<T: Element>(input: &[T], size: [usize; 2], padded: [usize; 2], pad: [usize; 4], padding: T) -> Vec<T> {
    let channels = input.len() / (size[0] * size[1]);
    let mut out = vec![padding; channels * padded[0] * padded[1]];
    for (from, to) in input.chunks_exact(size[0] * size[1]).zip(out.chunks_exact_mut(padded[0] * padded[1])) {
        for (from, to) in from.chunks_exact(size[1]).zip(to.chunks_exact_mut(padded[1]).skip(pad[0])) {
            to[pad[1]..pad[1] + size[1]].copy_from_slice(from);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ];
        for (shape, out_channels, groups, window) in cases {
            let per_group = shape[0] / groups;
            let k = per_group * window.kernel[0] * window.kernel[1];
            let x: Vec<i32> = (0..shape.iter().product::<usize>() as i32).map(|i| i * 37 % 101 - 50).collect();
            let weight: Vec<i32> = (0..(out_channels * k) as i32).map(|i| i * 53 % 97 - 48).collect();
            let rows = out_channels / groups;
            let packed: Vec<_> = weight.chunks(rows * k).map(|w| Packed::new(w, rows, k)).collect();
            let expected = plain(&x, shape, &weight, out_channels, groups, &window, 7);
            let mut out = vec![0; expected.len()];
            convolve(&x, shape, &packed, &window, 7, &mut out);
            assert_eq!(out, expected, "{shape:?} {window:?}");
        }
    }
}
