//! How much the network's output suffers from an error of each layer's output.

use super::Problem;
use super::fit::{Choice, fit};
use super::layer::layers;
use super::walk::{Replacement, put, walk};
use crate::error::Result;
use crate::network::{Network, float};
use rayon::prelude::*;

/// Magnitude bits of the probes: coarse enough for an error that stands out, near enough to what a search ends with.
const PROBE_BITS: u32 = 2;

/// What the probes tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// Per layer, mean squared change of the logits for a unit of output error: sum over the outputs of the error's variance.
    pub per_error: Vec<f64>,
    /// The price of one unit of cost at which two bits for each weight would be about right: a bit halves an error, so its square
    /// falls by 2 ln 2 per bit, relatively.
    pub first_price: f64,
}

/// Quantises each layer alone, and sees what becomes of the logits of the calibration images.
///
/// # Errors
/// Inputs that are not finite.
pub fn sensitivity(problem: &Problem) -> Result<Sensitivity> {
    let network = problem.network;
    let mut probes: Vec<(usize, Replacement, f64)> = Vec::new();
    walk(network, problem.images, &mut |layer, statistics| {
        let choice = Choice { block: problem.block, most_bits: PROBE_BITS, fixed_bits: Some(PROBE_BITS), price: &|_, _, _| 0.0 };
        let fitted = fit(layer, statistics, &choice)?;
        probes.push((layer.node, fitted.replacement(layer), fitted.error));
        Ok(None)
    })?;
    let wanted = logits(network, problem.images);
    let mut changes = Vec::new();
    for (node, replacement, error) in probes {
        let mut changed = network.clone();
        put(&mut changed, node, replacement);
        let got = logits(&changed, problem.images);
        let squared: f64 = wanted.iter().zip(&got).flat_map(|(a, b)| a.iter().zip(b)).map(|(a, b)| f64::from(a - b) * f64::from(a - b)).sum();
        changes.push((squared / problem.images.len() as f64, error));
    }
    let per_error = changes.iter().map(|(change, error)| (change / error.max(f64::MIN_POSITIVE)).max(f64::MIN_POSITIVE)).collect();
    let cost: f64 = layers(network).iter().map(|layer| problem.layer_cost(layer, 1)).sum();
    let first_price = 2.0 * std::f64::consts::LN_2 * changes.iter().map(|c| c.0).sum::<f64>() / cost.max(1.0);
    Ok(Sensitivity { per_error, first_price })
}

fn logits(network: &Network, images: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let runner = float::Runner::new(network);
    images.par_iter().map(|image| runner.logits(image)).collect()
}
