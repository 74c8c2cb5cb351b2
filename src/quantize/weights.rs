//! Symmetric weight quantisation: qmax = 2^(bits - 1) - 1, scale = max |w| / qmax, round half to even; and weights that
//! are integers already.

use crate::config::WeightScale;
use crate::network::{Network, Op, Tensor};

/// Integer weights and what one step of each output is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizedWeights {
    /// Same order as the float weights (output first).
    pub values: Vec<i32>,
    /// One scale per output.
    pub scale: Vec<f64>,
}

/// The integers of a layer's weights: its own if it was made of integers, else rounded.
///
/// # Errors
/// An integer of its own that `bits` bits do not hold; with the bits it needs.
pub fn integers_of(weight: &Tensor, bits: u32, granularity: WeightScale) -> Result<QuantizedWeights, (i32, u32)> {
    let (Some(values), Some(scale)) = (weight.integers(), &weight.step) else {
        return Ok(quantize(&weight.values, weight.shape[0], bits, granularity));
    };
    match values.iter().copied().max_by_key(|n| n.abs()) {
        Some(n) if magnitude_bits(n) + 1 > bits => Err((n, magnitude_bits(n) + 1)),
        _ => Ok(QuantizedWeights { values, scale: scale.clone() }),
    }
}

/// Bits of a magnitude: 0 for 0, 8 for 255.
pub fn magnitude_bits(integer: i32) -> u32 {
    i32::BITS - integer.abs().leading_zeros()
}

/// Quantises `weights`, `outputs` rows of equal length, to `bits` bits (sign included).
pub fn quantize(weights: &[f32], outputs: usize, bits: u32, granularity: WeightScale) -> QuantizedWeights {
    let top = f64::from((1i32 << (bits - 1)) - 1);
    let largest = |w: &[f32]| w.iter().fold(0.0f64, |a, &b| a.max(f64::from(b).abs()));
    let scale_of = |w: &[f32]| match largest(w) {
        0.0 => 1.0, // all weights are zero, so any scale will do
        max => max / top,
    };
    let length = weights.len() / outputs.max(1);
    let scale: Vec<f64> = match granularity {
        WeightScale::PerLayer => vec![scale_of(weights); outputs],
        WeightScale::PerChannel => weights.chunks(length.max(1)).map(scale_of).collect(),
    };
    let values = weights
        .iter()
        .enumerate()
        .map(|(i, &w)| (f64::from(w) / scale[i / length]).round_ties_even().clamp(-top, top) as i32)
        .collect();
    QuantizedWeights { values, scale }
}

/// The network with its weights rounded to `bits` bits but kept as floats: post-training quantisation of the
/// weights alone, activations and biases untouched.
pub fn rounded(network: &Network, bits: u32, granularity: WeightScale) -> Network {
    let mut network = network.clone();
    for node in &mut network.nodes {
        if let Op::Conv2d { weight, .. } | Op::Linear { weight, .. } = &mut node.op {
            round_tensor(weight, bits, granularity);
        }
    }
    network
}

fn round_tensor(weight: &mut Tensor, bits: u32, granularity: WeightScale) {
    let quantized = quantize(&weight.values, weight.shape[0], bits, granularity);
    let length = weight.values.len() / weight.shape[0].max(1);
    for (i, value) in weight.values.iter_mut().enumerate() {
        *value = (f64::from(quantized.values[i]) * quantized.scale[i / length]) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_weight_is_the_largest_integer() {
        let q = quantize(&[0.5, -1.0, 0.25, 0.1], 2, 8, WeightScale::PerLayer);
        assert_eq!(q.values, [64, -127, 32, 13]);
        let q = quantize(&[0.5, -1.0, 0.25, 0.1], 2, 8, WeightScale::PerChannel);
        assert_eq!(q.values, [64, -127, 127, 51]);
        assert_eq!(quantize(&[0.0, 0.0], 1, 4, WeightScale::PerLayer).values, [0, 0]);
    }
}
