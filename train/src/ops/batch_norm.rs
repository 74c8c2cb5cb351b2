//! Batch normalisation with the statistics of the batch, and its gradients.
//!
//! y = gamma (x - mean) / sqrt(var + eps) + beta, where mean and variance (not corrected for the sample's size) are over
//! images and positions of the batch. Sums are taken in f32 lanes per plane and in f64 beyond.

use super::wide::wide;
use super::{SHARE, for_images};
use rayon::prelude::*;

/// What the forward pass keeps: per channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Statistics {
    /// Mean of the batch.
    pub mean: Vec<f32>,
    /// Variance of the batch.
    pub var: Vec<f32>,
}

/// Two sums per channel over a batch, of what `of_plane(image, channel)` gives for a plane, in fixed order.
fn sums(images: usize, channels: usize, of_plane: impl Fn(usize, usize) -> [f32; 2] + Sync) -> Vec<[f64; 2]> {
    let shares: Vec<Vec<[f64; 2]>> = (0..images.div_ceil(SHARE))
        .into_par_iter()
        .map(|share| {
            let mut sums = vec![[0.0; 2]; channels];
            for image in share * SHARE..images.min((share + 1) * SHARE) {
                for (channel, sum) in sums.iter_mut().enumerate() {
                    let [a, b] = of_plane(image, channel);
                    *sum = [sum[0] + f64::from(a), sum[1] + f64::from(b)];
                }
            }
            sums
        })
        .collect();
    let mut total = vec![[0.0; 2]; channels];
    for share in shares {
        total.iter_mut().zip(share).for_each(|(t, s)| *t = [t[0] + s[0], t[1] + s[1]]);
    }
    total
}

/// Sums of two products over a plane, in lanes.
#[inline(always)]
fn lanes(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> [f32; 2]) -> [f32; 2] {
    let mut sums = [[0.0f32; 16]; 2];
    for (x, y) in x.chunks(16).zip(y.chunks(16)) {
        for (l, (&x, &y)) in x.iter().zip(y).enumerate() {
            let [a, b] = f(x, y);
            sums[0][l] += a;
            sums[1][l] += b;
        }
    }
    sums.map(|lanes| lanes.iter().fold(0.0, |a, b| a + b))
}

wide! {
    /// Normalises a batch by its own statistics.
    pub fn forward(gamma: &[f32], beta: &[f32], eps: f64, x: &[f32], images: usize, out: &mut [f32]) -> Statistics {
        let channels = gamma.len();
        let plane = x.len() / (images * channels);
        let count = (images * plane) as f64;
        let at = |image: usize, channel: usize| &x[(image * channels + channel) * plane..][..plane];
        let mean: Vec<f32> = sums(images, channels, |i, c| lanes(at(i, c), at(i, c), |x, _| [x, 0.0])).iter().map(|s| (s[0] / count) as f32).collect();
        let centred = |i: usize, c: usize| {
            let mean = mean[c];
            lanes(at(i, c), at(i, c), move |x, _| [(x - mean) * (x - mean), 0.0])
        };
        let var: Vec<f32> = sums(images, channels, centred).iter().map(|s| (s[0] / count) as f32).collect();
        apply(gamma, beta, &mean, &var, eps, x, images, out);
        Statistics { mean, var }
    }
}

wide! {
    /// Normalises a batch by given statistics.
    pub fn apply(gamma: &[f32], beta: &[f32], mean: &[f32], var: &[f32], eps: f64, x: &[f32], images: usize, out: &mut [f32]) {
        let channels = gamma.len();
        let plane = x.len() / (images * channels);
        let line = |c: usize| {
            let scale = f64::from(gamma[c]) / (f64::from(var[c]) + eps).sqrt();
            [scale as f32, (f64::from(beta[c]) - f64::from(mean[c]) * scale) as f32]
        };
        let lines: Vec<[f32; 2]> = (0..channels).map(line).collect();
        for_images(out, channels * plane, |image, out| {
            for (c, out) in out.chunks_exact_mut(plane).enumerate() {
                let [scale, shift] = lines[c];
                let x = &x[(image * channels + c) * plane..][..plane];
                out.iter_mut().zip(x).for_each(|(y, x)| *y = x * scale + shift);
            }
        });
    }
}

wide! {
    /// The gradients of gamma and beta, and that of the inputs into `dx`, where the batch was normalised by its own statistics.
    pub fn backward(gamma: &[f32], of: &Statistics, eps: f64, x: &[f32], dy: &[f32], images: usize, dx: &mut [f32]) -> [Vec<f32>; 2] {
        let channels = gamma.len();
        let plane = x.len() / (images * channels);
        let count = (images * plane) as f64;
        let inverse: Vec<f64> = of.var.iter().map(|&v| 1.0 / (f64::from(v) + eps).sqrt()).collect();
        let at = |of: &'_ [f32], image: usize, channel: usize| -> std::ops::Range<usize> {
            let from = (image * channels + channel) * plane;
            debug_assert!(from + plane <= of.len());
            from..from + plane
        };
        let products = sums(images, channels, |i, c| {
            let mean = of.mean[c];
            lanes(&x[at(x, i, c)], &dy[at(dy, i, c)], move |x, dy| [dy, dy * (x - mean)])
        });
        let lines: Vec<[f32; 3]> = (0..channels)
            .map(|c| {
                let scale = f64::from(gamma[c]) * inverse[c];
                let slope = products[c][1] * inverse[c] * inverse[c] / count;
                [scale as f32, (products[c][0] / count) as f32, slope as f32]
            })
            .collect();
        for_images(dx, channels * plane, |image, dx| {
            for (c, dx) in dx.chunks_exact_mut(plane).enumerate() {
                let ([scale, shift, slope], mean) = (lines[c], of.mean[c]);
                let span = at(x, image, c);
                for ((dx, &x), &dy) in dx.iter_mut().zip(&x[span.clone()]).zip(&dy[span]) {
                    *dx = scale * (dy - shift - (x - mean) * slope);
                }
            }
        });
        [(0..channels).map(|c| (products[c][1] * inverse[c]) as f32).collect(), products.iter().map(|p| p[0] as f32).collect()]
    }
}
