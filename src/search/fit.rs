//! One layer at one price: the worth of the last bit, the integers and their bits, what an integer is worth for each output,
//! and the bias.
//!
//! The weights aimed at are not those of the float network: the layer's inputs come from layers that are quantised already, and
//! the wanted outputs are the float network's, so they are the solution of that linear regression, drawn to the float weights by
//! the damping. All outputs of a layer share one worth of the last bit while bits are chosen; afterwards each output's is set to
//! the best for its integers, which costs no cell: it is a factor in the requantisation.

use super::layer::Layer;
use super::linear::{cholesky, dot, solve};
use super::refine;
use super::rounding::{Order, Rounded, Task, damped, round};
use super::statistics::Statistics;
use super::walk::Replacement;
use crate::error::{Error, Result};
use crate::network::Tensor;
use rayon::prelude::*;

/// Share of the mean variance of the inputs that is added to each (Frantar et al. 2023 take 0.01 for layers of language
/// models). Measured on ResNet-20 with 256 to 512 calibration images, see `experiments/search`.
const DAMPING: f64 = 0.03;
/// Worths of the last bit that are tried: from this share of the weights' root mean square on, each so many times the one before.
const FIRST_STEP: f64 = 0.05;
const STEP_RATIO: f64 = 1.18;
const STEPS: i32 = 28;
/// Rounds of choosing blocks again and setting the outputs' steps again.
const REFINEMENTS: usize = 2;

/// How a layer's bits are chosen.
pub struct Choice<'a> {
    /// Rows and columns that share a number of bits.
    pub block: [usize; 2],
    /// Most magnitude bits.
    pub most_bits: u32,
    /// Exactly that many bits for each block, or the best for each.
    pub fixed_bits: Option<u32>,
    /// Price of a block of so many rows and columns, in units of the output error: `(rows, columns, bits)`.
    pub price: &'a (dyn Fn(usize, usize, u32) -> f64 + Sync),
}

/// A layer in integers.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Integers, `[output][row]`.
    pub integers: Vec<i32>,
    /// Magnitude bits, `[block row][block column]`.
    pub bits: Vec<Vec<u8>>,
    /// What an integer is worth, per output.
    pub step: Vec<f64>,
    /// Per output.
    pub bias: Vec<f64>,
    /// Sum over the outputs of the variance of their error.
    pub error: f64,
}

impl Fitted {
    /// What takes the place of the layer's weight and bias.
    pub fn replacement(&self, layer: &Layer) -> Replacement {
        let weight = Tensor::of_integers(layer.weight.shape.clone(), &self.integers, self.step.clone());
        Replacement { weight, bias: self.bias.iter().map(|&b| b as f32).collect() }
    }
}

/// Chooses everything for a layer. `statistics` has one entry for each channel group.
///
/// # Errors
/// Inputs whose covariance cannot be inverted: they are not finite.
pub fn fit(layer: &Layer, statistics: &[Statistics], choice: &Choice) -> Result<Fitted> {
    let (h, delta) = damped(statistics, DAMPING);
    let failed = || Error::input(format!("layer `{}`", layer.name), "the calibration images give inputs whose covariance cannot be inverted").hint("look for activations that are not finite");
    let target = wanted_weights(layer, statistics, &h, &delta).ok_or_else(failed)?;
    let order = Order::new(layer.rows, choice.block[0], &h).ok_or_else(failed)?;
    let at = |step: &[f64], bits| round(&Task { layer, order: &order, target: &target, step, block_width: choice.block[1], price: choice.price, bits });
    let tries = tries(&target, choice);
    let rounded: Vec<Rounded> = tries.par_iter().map(|(step, bits)| at(&vec![*step; layer.outputs], bits.clone())).collect();
    let cost = |r: &Rounded| r.error + r.price;
    // The first of the best, so that the choice does not depend on threads.
    let best = (0..tries.len()).min_by(|&a, &b| cost(&rounded[a]).total_cmp(&cost(&rounded[b]))).ok_or_else(|| Error::internal("no step to try"))?;
    let mut chosen = rounded[best].clone();
    let mut step = best_steps(layer, &h, &target, &chosen.integers, tries[best].0);
    for _ in 0..REFINEMENTS {
        let task = refine::Task { layer, h: &h, target: &target, step: &step, block: choice.block, price: choice.price, bits: tries[best].1.clone() };
        chosen = refine::refine(&task, chosen).ok_or_else(failed)?;
        step = best_steps(layer, &h, &target, &chosen.integers, tries[best].0);
    }
    let error = error_of(layer, &h, &target, &chosen.integers, &step);
    Ok(Fitted { bias: bias(layer, statistics, &chosen.integers, &step), integers: chosen.integers, bits: chosen.bits, step, error })
}

/// The pairs of last bit's worth and numbers of bits to try.
fn tries(target: &[f64], choice: &Choice) -> Vec<(f64, std::ops::Range<u32>)> {
    let rms = (target.iter().map(|w| w * w).sum::<f64>() / target.len().max(1) as f64).sqrt().max(f64::from(f32::MIN_POSITIVE));
    let largest = target.iter().fold(rms, |a, w| a.max(w.abs()));
    match choice.fixed_bits {
        None => (0..STEPS).map(|i| (rms * FIRST_STEP * STEP_RATIO.powi(i), 0..choice.most_bits + 1)).collect(),
        // From the largest weight as the largest integer downwards: what lies beyond is clipped.
        Some(bits) => (0..STEPS).map(|i| (largest / f64::from((1u32 << bits.max(1)) - 1) * STEP_RATIO.powi(-i / 2), bits..bits + 1)).collect(),
    }
}

/// The weights that give the targets best; `h` is damped by `delta`.
fn wanted_weights(layer: &Layer, statistics: &[Statistics], h: &[Vec<f64>], delta: &[f64]) -> Option<Vec<f64>> {
    let factors = h.par_iter().map(|h| cholesky(h, layer.rows)).collect::<Option<Vec<_>>>()?;
    let one = |output: usize| {
        let (group, local) = (output / layer.group_outputs(), output % layer.group_outputs());
        let float = &layer.weight.values[output * layer.rows..][..layer.rows];
        let cross = &statistics[group].cross[local * layer.rows..][..layer.rows];
        let mut w: Vec<f64> = cross.iter().zip(float).map(|(c, &w)| c + delta[group] * f64::from(w)).collect();
        solve(&factors[group], layer.rows, &mut w);
        w
    };
    Some((0..layer.outputs).into_par_iter().flat_map_iter(one).collect())
}

/// For each output the step with the least error for its integers; `step` where they are all zero.
fn best_steps(layer: &Layer, h: &[Vec<f64>], target: &[f64], integers: &[i32], step: f64) -> Vec<f64> {
    let one = |output: usize| {
        let (n, hn) = with_product(layer, h, integers, output);
        let (squared, projected) = (dot(&hn, &n), dot(&hn, &target[output * layer.rows..][..layer.rows]));
        if squared > 0.0 && projected > 0.0 { projected / squared } else { step }
    };
    (0..layer.outputs).into_par_iter().map(one).collect()
}

/// An output's integers n, and H n.
fn with_product(layer: &Layer, h: &[Vec<f64>], integers: &[i32], output: usize) -> (Vec<f64>, Vec<f64>) {
    let n: Vec<f64> = integers[output * layer.rows..][..layer.rows].iter().map(|&n| f64::from(n)).collect();
    let product = h[output / layer.group_outputs()].chunks_exact(layer.rows).map(|row| dot(row, &n)).collect();
    (n, product)
}

/// Sum over the outputs of e H e^T with e = integers x step - target.
fn error_of(layer: &Layer, h: &[Vec<f64>], target: &[f64], integers: &[i32], step: &[f64]) -> f64 {
    let one = |output: usize| {
        let of = output * layer.rows..(output + 1) * layer.rows;
        let e: Vec<f64> = integers[of.clone()].iter().zip(&target[of]).map(|(&n, w)| f64::from(n) * step[output] - w).collect();
        h[output / layer.group_outputs()].chunks_exact(layer.rows).zip(&e).map(|(row, e_i)| e_i * dot(row, &e)).sum::<f64>()
    };
    (0..layer.outputs).into_par_iter().map(one).collect::<Vec<f64>>().iter().sum()
}

/// The bias that gives each output the mean of its target.
fn bias(layer: &Layer, statistics: &[Statistics], integers: &[i32], step: &[f64]) -> Vec<f64> {
    let one = |output: usize| {
        let s = &statistics[output / layer.group_outputs()];
        let of_inputs: f64 = integers[output * layer.rows..][..layer.rows].iter().zip(&s.mean_input).map(|(&n, x)| f64::from(n) * x).sum();
        s.mean_target[output % layer.group_outputs()] - step[output] * of_inputs
    };
    (0..layer.outputs).map(one).collect()
}
