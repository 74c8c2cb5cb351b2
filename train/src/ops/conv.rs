//! Convolution: outputs, and the gradients of inputs and weights.
//!
//! The gradient of the input is again a convolution, of the output's gradient (spread over the grid of the strides) with the
//! kernel turned around; that of the weights is a correlation, see [`super::correlate`].

use super::correlate::{LANES, add_correlations};
use super::{SHARE, for_images, sum_of_shares};
use bwq::network::convolution::convolve;
use bwq::network::matmul::Packed;
use bwq::network::shape::Window;

/// Length up to which images stand side by side in a row of the weights' gradient: a tile of rows stays in the first-level cache.
const LONG_ROW: usize = 1024;

/// A convolution's geometry.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv {
    /// [C, H, W] of an input image.
    pub input: [usize; 3],
    /// [C, H, W] of an output image.
    pub output: [usize; 3],
    /// Kernel, stride, padding, dilation.
    pub window: Window,
    /// Channel groups.
    pub groups: usize,
}

impl Conv {
    /// Weights of one group and output: (C / groups) x taps.
    pub fn rows(&self) -> usize {
        self.input[0] / self.groups * self.window.kernel[0] * self.window.kernel[1]
    }

    /// Rows and columns that the kernel reaches beyond its first tap.
    fn reach(&self) -> [usize; 2] {
        std::array::from_fn(|axis| (self.window.kernel[axis] - 1) * self.window.dilation[axis])
    }

    /// Whether the gradients can be computed: a padding must not be larger than the kernel's reach.
    pub fn is_supported(&self) -> bool {
        let [top, left, bottom, right] = self.window.pad;
        let [y, x] = self.reach();
        top.max(bottom) <= y && left.max(right) <= x
    }

    /// Outputs of a batch `x` into `out`; `weight` is [out, C / groups, kh, kw].
    pub fn forward(&self, weight: &[f32], bias: Option<&[f32]>, x: &[f32], out: &mut [f32]) {
        let (per_group, rows) = (self.output[0] / self.groups, self.rows());
        let packed: Vec<Packed<f32>> = weight.chunks_exact(per_group * rows).map(|w| Packed::new(w, per_group, rows)).collect();
        let (len, plane) = (self.input.iter().product::<usize>(), self.output[1] * self.output[2]);
        for_images(out, self.output.iter().product(), |image, out| {
            convolve(&x[image * len..][..len], self.input, &packed, &self.window, 0.0, out);
            for (out, b) in out.chunks_exact_mut(plane).zip(bias.into_iter().flatten()) {
                out.iter_mut().for_each(|y| *y += b);
            }
        });
    }

    /// The gradient of the inputs of a batch into `dx`, given that of the outputs.
    pub fn backward_input(&self, weight: &[f32], dy: &[f32], dx: &mut [f32]) {
        let Conv { input: [c, h, w], output: [o, oh, ow], window, groups } = self;
        let [kh, kw] = window.kernel;
        let (per_in, per_out, taps) = (c / groups, o / groups, kh * kw);
        // Turned around: [in, out, taps from the last to the first].
        let turned = |group: &[f32]| {
            let mut turned = vec![0.0; group.len()];
            for out in 0..per_out {
                for (channel, kernel) in group[out * per_in * taps..][..per_in * taps].chunks_exact(taps).enumerate() {
                    let to = &mut turned[(channel * per_out + out) * taps..][..taps];
                    to.iter_mut().zip(kernel.iter().rev()).for_each(|(to, from)| *to = *from);
                }
            }
            Packed::new(&turned, per_in, per_out * taps)
        };
        let packed: Vec<Packed<f32>> = weight.chunks_exact(per_out * per_in * taps).map(turned).collect();
        let spread = [(oh - 1) * window.stride[0] + 1, (ow - 1) * window.stride[1] + 1];
        let reach = self.reach();
        let before = [reach[0] - window.pad[0], reach[1] - window.pad[1]];
        let after = [h + window.pad[0] - spread[0], w + window.pad[1] - spread[1]];
        let full = Window { kernel: window.kernel, stride: [1, 1], pad: [before[0], before[1], after[0], after[1]], dilation: window.dilation };
        let len = o * oh * ow;
        for_images(dx, c * h * w, |image, dx| {
            let dy = &dy[image * len..][..len];
            if window.stride == [1, 1] {
                return convolve(dy, self.output, &packed, &full, 0.0, dx);
            }
            let mut wide = vec![0.0; o * spread[0] * spread[1]];
            for (wide, dy) in wide.chunks_exact_mut(spread[0] * spread[1]).zip(dy.chunks_exact(oh * ow)) {
                self.spread(dy, wide, spread[1]);
            }
            convolve(&wide, [*o, spread[0], spread[1]], &packed, &full, 0.0, dx);
        });
    }

    /// Lays one plane of output gradients on a grid with rows of `row` values.
    fn spread(&self, dy: &[f32], to: &mut [f32], row: usize) {
        let [sy, sx] = self.window.stride;
        for (y, dy) in dy.chunks_exact(self.output[2]).enumerate() {
            let to = &mut to[y * sy * row..];
            to.iter_mut().step_by(sx).zip(dy).for_each(|(to, from)| *to = *from);
        }
    }

    /// The gradient of the weights, [out, C / groups, kh, kw], summed over the batch.
    pub fn backward_weight(&self, x: &[f32], dy: &[f32], images: usize) -> Vec<f32> {
        let Conv { input: [c, h, w], output: [o, oh, ow], window, groups } = self;
        let [ph, pw] = [h + window.pad[0] + window.pad[2], w + window.pad[1] + window.pad[3]];
        let offsets: Vec<usize> = (0..window.kernel[0])
            .flat_map(|ky| (0..window.kernel[1]).map(move |kx| ky * window.dilation[0] * pw + kx * window.dilation[1]))
            .collect();
        let (per_in, per_out) = (c / groups, o / groups);
        let weights = per_out * per_in * offsets.len();
        // Small images stand side by side in a row, so that rows are long; what lies between them is zero in `grid`.
        let together = (LONG_ROW / (ph * pw)).clamp(1, SHARE);
        let length = (together * ph * pw).next_multiple_of(LANES);
        sum_of_shares(images, weights * groups, |first, count, sum| {
            let mut padded = vec![0.0; c * length + offsets.last().copied().unwrap_or(0)];
            let mut grid = vec![0.0; o * length];
            for first_of_row in (first..first + count).step_by(together) {
                let in_row = together.min(first + count - first_of_row);
                if in_row < together {
                    // A last row with fewer images.
                    grid.fill(0.0);
                }
                for (place, image) in (first_of_row..first_of_row + in_row).enumerate() {
                    for (to, from) in padded.chunks_exact_mut(length).zip(x[image * c * h * w..][..c * h * w].chunks_exact(h * w)) {
                        for (to, from) in to[place * ph * pw..].chunks_exact_mut(pw).skip(window.pad[0]).zip(from.chunks_exact(*w)) {
                            to[window.pad[1]..][..*w].copy_from_slice(from);
                        }
                    }
                    for (to, from) in grid.chunks_exact_mut(length).zip(dy[image * o * oh * ow..][..o * oh * ow].chunks_exact(oh * ow)) {
                        self.spread(from, &mut to[place * ph * pw..], pw);
                    }
                }
                for group in 0..*groups {
                    let grid = &grid[group * per_out * length..][..per_out * length];
                    add_correlations(grid, length, &padded[group * per_in * length..], length, per_in, &offsets, &mut sum[group * weights..][..weights]);
                }
            }
        })
    }
}

/// The gradient of a bias: sums over images and positions, per output channel.
pub fn backward_bias(dy: &[f32], channels: usize, images: usize) -> Vec<f32> {
    let plane = dy.len() / (images * channels);
    sum_of_shares(images, channels, |first, count, sum| {
        for image in first..first + count {
            for (sum, dy) in sum.iter_mut().zip(dy[image * channels * plane..][..channels * plane].chunks_exact(plane)) {
                *sum += dy.iter().fold(0.0, |a, b| a + b);
            }
        }
    })
}
