//! The exact integer product: the quantised digital reference, and the ideal output a layer is compared with.

use super::requantize::requantize_products;
use super::{SpareTensors, View, run_steps, tally};
use crate::engine::{IntegerImages, Stop};
use crate::network::convolution::convolve;
use crate::network::matmul::{Packed, Pair};
use crate::network::shape;
use crate::quantize::{IntegerNetwork, MatrixPart};
use rayon::prelude::*;

/// A part's weights, packed for the product: of two neighbouring channels in one.
pub struct Exact<'a> {
    part: &'a MatrixPart,
    packed: [Packed<Pair>; 1],
    window: shape::Window,
}

impl<'a> Exact<'a> {
    /// Packs the weights of a part.
    fn new(part: &'a MatrixPart) -> Self {
        let w = &part.window;
        let taps = w.kernel[0] * w.kernel[1];
        let pairs: Vec<Pair> = part.weights.chunks_exact(w.rows()).flat_map(|row| pairs(row, taps, |&weight| weight)).collect();
        let packed = [Packed::new(&pairs, part.outputs, w.channels.div_ceil(2) * taps)];
        // The output's size is given, so what the window needs below and to the right follows from it.
        Exact { part, packed, window: shape::Window { kernel: w.kernel, stride: w.stride, pad: [w.pad[0], w.pad[1], 0, 0], dilation: w.dilation } }
    }

    /// Exact products `[output][position]`. They fit 32 bits: the network's scales are refused otherwise.
    pub fn product(&self, zero: u32, input: View) -> Vec<i32> {
        let w = &self.part.window;
        let [_, height, width] = input.shape;
        let plane = height * width;
        let channels = &input.values[w.first_channel * plane..(w.first_channel + w.channels) * plane];
        let values = pairs(channels, plane, |&value| value as i32);
        let after = |axis: usize, size: usize| ((w.out[axis] - 1) * w.stride[axis] + (w.kernel[axis] - 1) * w.dilation[axis] + 1).saturating_sub(size + w.pad[axis]);
        let pad = [w.pad[0], w.pad[1], after(0, height), after(1, width)];
        let mut out = vec![0; self.part.outputs * w.positions()];
        let shape = [w.channels.div_ceil(2), height, width];
        convolve(&values, shape, &self.packed, &shape::Window { pad, ..self.window }, Pair::new(zero as i32, zero as i32), &mut out);
        out
    }

    /// Products, requantised into the layer's output.
    pub fn run(&self, zero: u32, input: View, output: &mut [u32]) {
        let positions = self.part.window.positions();
        let output = &mut output[self.part.first_output * positions..][..self.part.outputs * positions];
        requantize_products(&self.part.requantize, &self.product(zero, input), output);
    }
}

/// Channels of `len` values, two and two; a last one alone has zeros beside it.
fn pairs<V>(channels: &[V], len: usize, value: impl Fn(&V) -> i32) -> Vec<Pair> {
    let mut out = Vec::with_capacity((channels.len() / len).div_ceil(2) * len);
    for two in channels.chunks(2 * len) {
        match two.split_at(len) {
            (last, []) => out.extend(last.iter().map(|a| Pair::new(value(a), 0))),
            (first, second) => out.extend(first.iter().zip(second).map(|(a, b)| Pair::new(value(a), value(b)))),
        }
    }
    out
}

/// The packed weights of every part of every layer.
///
/// # Panics
/// If inputs have more than 15 bits; the configuration allows 12.
pub fn pack(network: &IntegerNetwork) -> Vec<Vec<Exact<'_>>> {
    assert!(network.matrices().all(|(_, matrix)| matrix.input_bits <= 15), "inputs of at most 15 bits");
    network.matrices().map(|(_, matrix)| matrix.parts.iter().map(Exact::new).collect()).collect()
}

/// Logits `[image][class]` of the quantised network in plain digital arithmetic, no crossbar.
pub fn logits(network: &IntegerNetwork, images: &IntegerImages) -> Vec<u32> {
    logits_until(network, images, &|| false).unwrap_or_default()
}

/// The same; `None` once `stop` was true.
pub fn logits_until(network: &IntegerNetwork, images: &IntegerImages, stop: &Stop) -> Option<Vec<u32>> {
    let packed = pack(network);
    let run = |spare: &mut SpareTensors, i: usize| {
        (!stop()).then(|| {
            run_steps(network, &images.image(i), spare, &mut |layer, matrix, input, output| {
                packed[layer].iter().for_each(|part| part.run(matrix.input_zero as u32, input, output));
            })
        })
    };
    (0..images.len()).into_par_iter().map_init(SpareTensors::default, run).collect::<Option<Vec<_>>>().map(|of_images| of_images.concat())
}

/// Images classified as labelled, from logits `[image][class]`.
pub fn correct(logits: &[u32], labels: &[u32]) -> u64 {
    let classes = logits.len() / labels.len().max(1);
    logits.chunks(classes.max(1)).zip(labels).filter(|(l, label)| tally::is_correct(l, **label)).count() as u64
}
