//! Pooling. Padding counts as minus infinity for maxima, as zero for means; a mean counts it in its divisor.

use super::for_images;

/// A window over [C, H, W] images.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// [C, H, W] of an input image.
    pub input: [usize; 3],
    /// [C, H, W] of an output image.
    pub output: [usize; 3],
    /// [vertical, horizontal].
    pub kernel: [usize; 2],
    /// [vertical, horizontal].
    pub stride: [usize; 2],
    /// [top, left].
    pub pad: [usize; 2],
}

impl Pool {
    /// Per output of a plane, the positions in the input's plane under its window, row by row, without padding.
    fn windows(&self) -> Vec<Vec<usize>> {
        let ([_, h, w], [_, oh, ow]) = (self.input, self.output);
        let inside = |begin: usize, taps: usize, pad: usize, size: usize| begin.max(pad) - pad..(begin + taps).clamp(pad, pad + size) - pad;
        let under = |at: usize| {
            let (top, left) = (at / ow * self.stride[0], at % ow * self.stride[1]);
            let columns = inside(left, self.kernel[1], self.pad[1], w);
            inside(top, self.kernel[0], self.pad[0], h).flat_map(|row| columns.clone().map(move |column| row * w + column)).collect()
        };
        (0..oh * ow).map(under).collect()
    }

    fn planes(&self) -> [usize; 2] {
        [self.input[1] * self.input[2], self.output[1] * self.output[2]]
    }

    /// Maxima of a batch.
    pub fn max_forward(&self, x: &[f32], out: &mut [f32]) {
        let ([from, to], windows) = (self.planes(), self.windows());
        for_images(out, self.output[0] * to, |image, out| {
            for (c, out) in out.chunks_exact_mut(to).enumerate() {
                let x = &x[(image * self.input[0] + c) * from..][..from];
                for (y, window) in out.iter_mut().zip(&windows) {
                    *y = window.iter().fold(f32::NEG_INFINITY, |a, &i| if x[i] > a { x[i] } else { a });
                }
            }
        });
    }

    /// The gradient of the inputs: that of an output goes to the first input that equals the maximum.
    pub fn max_backward(&self, x: &[f32], y: &[f32], dy: &[f32], dx: &mut [f32]) {
        let ([from, to], windows) = (self.planes(), self.windows());
        for_images(dx, self.input[0] * from, |image, dx| {
            dx.fill(0.0);
            for (c, dx) in dx.chunks_exact_mut(from).enumerate() {
                let channel = image * self.input[0] + c;
                let x = &x[channel * from..][..from];
                for ((window, y), dy) in windows.iter().zip(&y[channel * to..]).zip(&dy[channel * to..]) {
                    if let Some(&i) = window.iter().find(|&&i| x[i] == *y) {
                        dx[i] += dy;
                    }
                }
            }
        });
    }

    /// Means of a batch.
    pub fn mean_forward(&self, x: &[f32], out: &mut [f32]) {
        let ([from, to], windows) = (self.planes(), self.windows());
        let taps = (self.kernel[0] * self.kernel[1]) as f32;
        for_images(out, self.output[0] * to, |image, out| {
            for (c, out) in out.chunks_exact_mut(to).enumerate() {
                let x = &x[(image * self.input[0] + c) * from..][..from];
                for (y, window) in out.iter_mut().zip(&windows) {
                    *y = window.iter().fold(0.0, |sum, &i| sum + x[i]) / taps;
                }
            }
        });
    }

    /// The gradient of the inputs of means.
    pub fn mean_backward(&self, dy: &[f32], dx: &mut [f32]) {
        let ([from, to], windows) = (self.planes(), self.windows());
        let taps = (self.kernel[0] * self.kernel[1]) as f32;
        for_images(dx, self.input[0] * from, |image, dx| {
            dx.fill(0.0);
            for (c, dx) in dx.chunks_exact_mut(from).enumerate() {
                for (window, dy) in windows.iter().zip(&dy[(image * self.input[0] + c) * to..]) {
                    window.iter().for_each(|&i| dx[i] += dy / taps);
                }
            }
        });
    }
}
