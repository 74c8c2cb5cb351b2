//! A layer's weights as trainable bit planes (BSQ, ICLR'21), masked per weight block and bit (BWQ).
//!
//! `W = step * q`, `q = clip(round(sum_b (P_b - N_b) 2^b), -(2^p - 1), 2^p - 1)`: planes P and N of a positive and a negative part,
//! trainable and in [0, 2]; p, the bits that are left of the weight's block, is where its mask ends (`m_b = 1` for b < p);
//! rounding is passed straight through, and a weight that is clipped gets no gradient. The paper clips when it re-quantises;
//! clipping in every step is our choice: re-quantisation then changes no weight, only how planes hold it, and the integers
//! that are exported are the trained ones. One `step` per layer (the paper's s / (2^n - 1)), learned; the paper does not say. A
//! training that goes on from integers keeps one step per output where they have that.

use crate::blocks::Blocks;
use bwq::quantize::weights::magnitude_bits;
use bwq::rng::training::{self as random, Purpose};
use serde::{Deserialize, Serialize};

/// The norm's constant, as BSQ has it.
const EPS: f32 = 1e-8;
/// Where planes are clamped.
const LARGEST: f32 = 2.0;

/// A layer with weights. Per weight in the order of the network's tensor: output first, then (channel, kh, kw).
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Name of its node.
    pub name: String,
    /// Its blocks.
    pub blocks: Blocks,
    /// What the integer 1 is worth: one value for the layer, or one for each output.
    pub step: Vec<f32>,
    /// `[bit][weight]` of the positive and the negative part, bit 0 first. What is masked is 0.
    pub planes: [Vec<Vec<f32>>; 2],
    /// Bits that are left of every block.
    pub bits: Vec<u8>,
    /// Momentum of the planes.
    pub momentum: [Vec<Vec<f32>>; 2],
    /// Momentum of the step.
    pub step_momentum: Vec<f32>,
}

/// The weights of one training step.
pub struct Weights {
    /// `step * q`, times the errors of the cells.
    pub values: Vec<f32>,
    /// q.
    pub integers: Vec<f32>,
    /// What the gradient of a value is multiplied with to be that of the weight's sum of planes: the step and the errors of the
    /// cells, 0 where the sum is clipped.
    slope: Vec<f32>,
}

/// Errors of the cells in a step: every cell that conducts, a set bit of a magnitude, is multiplied with exp(sigma_ln N(0, 1)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CellErrors {
    /// Standard deviation of the logarithm.
    pub sigma_ln: f64,
    /// Seed.
    pub seed: u64,
    /// Number of the step, counted through the whole training.
    pub step: u32,
    /// First random index of the layer.
    pub first: u32,
}

/// How planes are changed by a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Learning rate of planes.
    pub rate: f32,
    /// Momentum.
    pub momentum: f32,
    /// Weight decay.
    pub decay: f32,
    /// alpha x #Param(r) #Bit(r) / #Param(all): the strength of the lasso in this layer.
    pub lasso: f32,
}

impl Layer {
    /// A layer whose blocks have `bits` bits each, from float weights. The step is the one, of a hundred, with the least squared error.
    pub fn from_floats(name: &str, weights: &[f32], blocks: Blocks, bits: u8) -> Self {
        let top = f64::from((1u32 << bits) - 1);
        let largest = weights.iter().fold(0.0f64, |a, &b| a.max(f64::from(b).abs()));
        let error = |step: f64| -> f64 {
            weights.iter().map(|&w| f64::from(w) - (f64::from(w) / step).round_ties_even().clamp(-top, top) * step).map(|e| e * e).sum()
        };
        let candidates = (1..=100).rev().map(|share| largest / top * f64::from(share) / 100.0);
        let best = candidates.filter(|&step| step > 0.0).map(|step| (error(step), step)).min_by(|a, b| a.0.total_cmp(&b.0));
        let step = best.map_or(1.0, |(_, step)| step);
        let integers: Vec<i32> = weights.iter().map(|&w| (f64::from(w) / step).round_ties_even().clamp(-top, top) as i32).collect();
        Self::from_integers(name, &integers, vec![step as f32], blocks, bits)
    }

    /// A layer from integers and what they are worth (one value, or one per output); every block has `bits` bits.
    pub fn from_integers(name: &str, integers: &[i32], step: Vec<f32>, blocks: Blocks, bits: u8) -> Self {
        let empty = || vec![vec![0.0; integers.len()]; usize::from(bits)];
        let bits = vec![bits; blocks.len()];
        let mut layer = Layer { name: name.into(), step_momentum: vec![0.0; step.len()], step, planes: [empty(), empty()], bits, momentum: [empty(), empty()], blocks };
        layer.set(integers);
        layer
    }

    /// Planes of exactly 0 and 1 that hold `integers`.
    fn set(&mut self, integers: &[i32]) {
        for (sign, planes) in [1, -1].into_iter().zip(&mut self.planes) {
            for (bit, plane) in planes.iter_mut().enumerate() {
                plane.iter_mut().zip(integers).for_each(|(p, &q)| *p = ((sign * q).max(0) >> bit & 1) as f32);
            }
        }
    }

    /// Largest integer of every weight, 2^p - 1.
    fn tops(&self) -> Vec<f32> {
        let mut tops = vec![0.0; self.blocks.weights()];
        for (block, piece) in self.blocks.pieces() {
            tops[piece].fill(((1u32 << self.bits[block]) - 1) as f32);
        }
        tops
    }

    /// Weights that share a step.
    fn weights_per_step(&self) -> usize {
        (self.blocks.weights() / self.step.len().max(1)).max(1)
    }

    /// What the integer 1 is worth in each weight.
    fn steps(&self) -> Vec<f32> {
        let each = self.weights_per_step();
        (0..self.blocks.weights()).map(|weight| self.step[weight / each]).collect()
    }

    /// Planes that any block has.
    fn depth(&self) -> usize {
        self.bits.iter().max().map_or(0, |&b| usize::from(b))
    }

    /// The weights of a step, with or without errors of the cells.
    pub fn weights(&self, errors: Option<CellErrors>) -> Weights {
        let count = self.blocks.weights();
        let mut sums = vec![0.0f32; count];
        for bit in 0..self.depth() {
            let worth = (1u32 << bit) as f32;
            for ((sum, p), n) in sums.iter_mut().zip(&self.planes[0][bit]).zip(&self.planes[1][bit]) {
                *sum += (p - n) * worth;
            }
        }
        let mut integers = sums;
        let steps = self.steps();
        let mut slope = steps.clone();
        for ((sum, slope), top) in integers.iter_mut().zip(&mut slope).zip(self.tops()) {
            let rounded = sum.round_ties_even();
            *sum = rounded.max(-top).min(top);
            if *sum != rounded {
                *slope = 0.0;
            }
        }
        let mut values: Vec<f32> = integers.iter().zip(&steps).map(|(q, step)| q * step).collect();
        if let Some(errors) = errors {
            for (i, (value, slope)) in values.iter_mut().zip(&mut slope).enumerate() {
                let factor = errors.factor(i, integers[i] as i32);
                *value *= factor;
                *slope *= factor;
            }
        }
        Weights { values, integers, slope }
    }

    /// The trained integers.
    pub fn integers(&self) -> Vec<i32> {
        self.weights(None).integers.iter().map(|&q| q as i32).collect()
    }

    /// The lasso: the sum over blocks and bits of the norm of a bit plane, positive and negative part together.
    pub fn lasso(&self) -> f64 {
        self.norms().iter().flatten().map(|&norm| f64::from(norm)).sum()
    }

    /// `[bit][block]`; 0 where a block does not have the bit.
    fn norms(&self) -> Vec<Vec<f32>> {
        let of_bit = |bit: usize| {
            let mut squares = vec![0.0f32; self.blocks.len()];
            for (block, piece) in self.blocks.pieces() {
                let square = |plane: &[f32]| plane[piece.clone()].iter().fold(0.0, |sum, x| sum + x * x);
                squares[block] += square(&self.planes[0][bit]) + square(&self.planes[1][bit]);
            }
            let norm = |(block, square): (usize, &f32)| if usize::from(self.bits[block]) > bit { (square + EPS).sqrt() } else { 0.0 };
            squares.iter().enumerate().map(norm).collect()
        };
        (0..self.depth()).map(of_bit).collect()
    }

    /// The gradient of the loss with respect to the planes, `[sign][bit][weight]`, given that with respect to the weights' values.
    /// Weight decay is not in it. What is masked has none.
    pub fn gradient(&self, of: &Weights, values: &[f32], lasso: f32) -> [Vec<Vec<f32>>; 2] {
        let (norms, count) = (self.norms(), self.blocks.weights());
        let mut gradient = [vec![vec![0.0; count]; self.depth()], vec![vec![0.0; count]; self.depth()]];
        for (part, sign) in [1.0f32, -1.0].into_iter().enumerate() {
            for (bit, gradient) in gradient[part].iter_mut().enumerate() {
                let worth = sign * (1u32 << bit) as f32;
                for (block, piece) in self.blocks.pieces().filter(|(block, _)| usize::from(self.bits[*block]) > bit) {
                    let shrink = lasso / norms[bit][block];
                    let plane = &self.planes[part][bit][piece.clone()];
                    let from = values[piece.clone()].iter().zip(&of.slope[piece.clone()]).zip(plane);
                    for (g, ((value, slope), p)) in gradient[piece].iter_mut().zip(from) {
                        *g = value * slope * worth + shrink * p;
                    }
                }
            }
        }
        gradient
    }

    /// The gradient of the step, value by value.
    pub fn step_gradient(&self, of: &Weights, values: &[f32]) -> Vec<f32> {
        let each = self.weights_per_step();
        let sum = |(values, integers): (&[f32], &[f32])| values.iter().zip(integers).map(|(g, q)| f64::from(*g) * f64::from(*q)).sum::<f64>() as f32;
        values.chunks(each).zip(of.integers.chunks(each)).map(sum).collect()
    }

    /// One step of gradient descent with momentum. The step's own gradient is scaled as LSQ (ICLR'20) does, by
    /// 1 / sqrt(weights x largest integer), and moves by a share of itself.
    pub fn update(&mut self, of: &Weights, values: &[f32], rule: &Rule) {
        let gradient = self.gradient(of, values, rule.lasso);
        for part in 0..2 {
            for (bit, gradient) in gradient[part].iter().enumerate() {
                let (plane, momentum) = (&mut self.planes[part][bit], &mut self.momentum[part][bit]);
                for ((p, m), g) in plane.iter_mut().zip(momentum).zip(gradient) {
                    *m = rule.momentum * *m + (g + rule.decay * *p);
                    *p = (*p - rule.rate * *m).clamp(0.0, LARGEST);
                }
            }
        }
        let top = f64::from((1u32 << self.depth()) - 1).max(1.0);
        let scale = 1.0 / (self.weights_per_step() as f64 * top).sqrt();
        let gradient = self.step_gradient(of, values);
        for ((step, momentum), gradient) in self.step.iter_mut().zip(&mut self.step_momentum).zip(gradient) {
            *momentum = rule.momentum * *momentum + (f64::from(gradient) * scale) as f32;
            *step -= (rule.rate * *momentum).clamp(-0.02 * *step, 0.02 * *step);
        }
    }

    /// Re-quantisation and precision adjustment: planes become exactly 0 or 1; every block loses its leading bits while they
    /// are zero in all its weights, up to the first that is not. Where the layer is one block, trailing zero bits go too
    /// (BSQ), and the step doubles.
    pub fn adjust(&mut self) {
        let mut integers = self.integers();
        if self.blocks.len() == 1 {
            while integers.iter().all(|q| q % 2 == 0) && integers.iter().any(|&q| q != 0) {
                integers.iter_mut().for_each(|q| *q /= 2);
                self.step.iter_mut().for_each(|step| *step *= 2.0);
            }
        }
        self.set(&integers);
        let mut largest = vec![0; self.blocks.len()];
        for (block, piece) in self.blocks.pieces() {
            largest[block] = integers[piece].iter().fold(largest[block], |a: i32, q| a.max(q.abs()));
        }
        self.bits = largest.iter().map(|&q| magnitude_bits(q) as u8).collect();
        self.momentum.iter_mut().flatten().for_each(|plane| plane.fill(0.0));
    }

    /// Magnitude bits of all weights together.
    pub fn total_bits(&self) -> u64 {
        self.blocks.sizes().iter().zip(&self.bits).map(|(&size, &bits)| size as u64 * u64::from(bits)).sum()
    }
}

impl CellErrors {
    /// What the weight with this number and integer is multiplied with.
    fn factor(&self, weight: usize, integer: i32) -> f32 {
        let magnitude = integer.unsigned_abs();
        if magnitude == 0 {
            return 1.0;
        }
        let mut sum = 0.0f64;
        for quad in 0..2u32 {
            if magnitude >> (4 * quad) == 0 {
                break;
            }
            let index = (self.first + weight as u32) * 2 + quad;
            let normals = random::normals(random::words(self.seed, Purpose::Cells, self.step, index));
            for (bit, normal) in normals.iter().enumerate().filter(|(bit, _)| magnitude >> (4 * quad + *bit as u32) & 1 == 1) {
                sum += f64::from(1u32 << (4 * quad + bit as u32)) * libm::exp(self.sigma_ln * f64::from(*normal));
            }
        }
        (sum / f64::from(magnitude)) as f32
    }
}
