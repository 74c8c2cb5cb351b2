//! Activations of few bits: PACT (Choi et al., 2018), y = round(clip(x, 0, beta) / step) step, step = beta / (2^k - 1).
//!
//! The range beta is learned: dy/dx = 1 inside (0, beta), dy/dbeta = 1 from beta on, rounding passed straight through.
//! A tensor that can be negative, which the paper does not have, is clipped to [-beta, beta] in the same way.

use super::wide::wide;
use super::{for_images, sum_of_shares};

/// A quantiser at work: range, bits, sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pact {
    /// Largest value.
    pub beta: f32,
    /// Bits of a value.
    pub bits: u32,
    /// Whether values go down to -beta instead of 0.
    pub signed: bool,
}

/// Values of a share of the work.
const PIECE: usize = 4096;

impl Pact {
    /// Least value that is passed.
    pub fn low(&self) -> f32 {
        if self.signed { -self.beta } else { 0.0 }
    }

    /// Quantised values of a tensor.
    pub fn forward(&self, x: &[f32], out: &mut [f32]) {
        quantise(self, x, out);
    }

    /// The gradient of the inputs into `dx`; returns that of beta.
    pub fn backward(&self, x: &[f32], dy: &[f32], dx: &mut [f32]) -> f32 {
        pass_inside(self, x, dy, dx);
        sum_outside(self, x, dy)
    }
}

wide! {
    fn quantise(of: &Pact, x: &[f32], out: &mut [f32]) {
        // As the integer network has it: a step of f64, a zero point that is a whole number.
        let range = bwq::quantize::activations::Range::new(f64::from(of.low()), f64::from(of.beta), of.bits);
        let (step, zero, top) = (range.scale as f32, range.zero_point as f32, ((1u32 << of.bits) - 1) as f32);
        let inverse = 1.0 / step;
        for_images(out, PIECE, |piece, out| {
            for (y, x) in out.iter_mut().zip(&x[piece * PIECE..]) {
                // Half up, which is half away from zero where values are not negative.
                // Half up, which is half away from zero where values are not negative.
                let q = (x * inverse + zero + 0.5).floor().max(0.0).min(top);
                *y = (q - zero) * step;
            }
        });
    }
}

wide! {
    fn pass_inside(of: &Pact, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let (low, beta) = (of.low(), of.beta);
        for_images(dx, PIECE, |piece, dx| {
            let at = piece * PIECE;
            for ((dx, &x), &dy) in dx.iter_mut().zip(&x[at..]).zip(&dy[at..]) {
                *dx = if x > low && x < beta { dy } else { 0.0 };
            }
        });
    }
}

wide! {
    fn sum_outside(of: &Pact, x: &[f32], dy: &[f32]) -> f32 {
        let (beta, lowest) = (of.beta, if of.signed { of.low() } else { f32::NEG_INFINITY });
        sum_of_shares(x.len().div_ceil(PIECE), 1, |first, count, sum| {
            let span = first * PIECE..x.len().min((first + count) * PIECE);
            let mut lanes = [0.0f32; 16];
            for (x, dy) in x[span.clone()].chunks(16).zip(dy[span].chunks(16)) {
                for (lane, (&x, &dy)) in lanes.iter_mut().zip(x.iter().zip(dy)) {
                    *lane += if x >= beta { dy } else { 0.0 };
                    *lane -= if x <= lowest { dy } else { 0.0 };
                }
            }
            sum[0] += lanes.iter().fold(0.0, |a, b| a + b);
        })[0]
    }
}

wide! {
    /// max(x, 0), and at most `top`.
    pub fn relu(x: &[f32], top: f32, out: &mut [f32]) {
        for_images(out, PIECE, |piece, out| {
            out.iter_mut().zip(&x[piece * PIECE..]).for_each(|(y, &x)| *y = x.max(0.0).min(top));
        });
    }
}

wide! {
    /// The gradient of the inputs of [`relu`].
    pub fn relu_backward(x: &[f32], top: f32, dy: &[f32], dx: &mut [f32]) {
        for_images(dx, PIECE, |piece, dx| {
            let at = piece * PIECE;
            for ((dx, &x), &dy) in dx.iter_mut().zip(&x[at..]).zip(&dy[at..]) {
                *dx = if x > 0.0 && x < top { dy } else { 0.0 };
            }
        });
    }
}
