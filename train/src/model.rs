//! What is trained: layers of bit planes, vectors, running statistics of batch norms.

use crate::blocks::Blocks;
use crate::graph::{Graph, can_be_negative};
use crate::ops::pact::Pact;
use crate::planes::Layer;
use crate::vectors::Vector;
use bwq::config::Clipping;
use bwq::dataset::Pixels;
use bwq::error::{Error, Result};
use bwq::network::{Network, Op, Source, fold};
use bwq::quantize::activations::{histograms, range};
use bwq::quantize::weights::magnitude_bits;

/// Running mean and variance of a batch norm.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    /// Per channel.
    pub mean: Vec<f32>,
    /// Per channel.
    pub var: Vec<f32>,
}

/// The state that a training step changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Weight layers, in the order of [`Graph::layers`].
    pub layers: Vec<Layer>,
    /// Vectors, in the order of [`Graph::vectors`].
    pub vectors: Vec<Vector>,
    /// In the order of [`Graph::statistics`].
    pub running: Vec<Running>,
    /// Bits of an activation that enters a crossbar.
    pub activation_bits: u32,
}

/// How weights are grouped and how many bits they start with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// [rows, columns] of a block; `None` = a layer is one block.
    pub block: Option<[usize; 2]>,
    /// Magnitude bits of a weight.
    pub weight_bits: u8,
    /// Bits of an activation.
    pub activation_bits: u32,
}

/// Shares of a range below this are too small for a step of float32.
const LEAST_RANGE: f32 = 1e-3;

impl Model {
    /// A model from a trained network: floats, which are rounded, or integers, which are gone on from. Ranges of activations start where the rounding and clipping of `calibration` cost least.
    pub fn new(network: &Network, graph: &Graph, start: &Start, calibration: &Pixels) -> Result<Self> {
        let images = calibration.len() / network.input_len();
        let folded = fold::fold_batchnorm(network)?;
        let histograms = histograms(&folded, calibration, images);
        let initial_range = |index: usize| {
            // Folding takes nodes away; names stay, but for a normalisation's, which goes by its layer's.
            let name = match (&network.nodes[index].op, network.nodes[index].inputs[0]) {
                (Op::BatchNorm { .. }, Source::Node(layer)) => &network.nodes[layer].name,
                _ => &network.nodes[index].name,
            };
            let at = folded.nodes.iter().position(|n| n.name == *name).unwrap_or(0);
            let found = range(&histograms[at + 1], start.activation_bits, Clipping::Mse);
            let top = f64::from((1u32 << start.activation_bits) - 1);
            let (low, high) = (f64::from(found.zero_point) * found.scale, (top - f64::from(found.zero_point)) * found.scale);
            (low.max(high) as f32).max(LEAST_RANGE)
        };
        let layer = |&index: &usize| {
            let node = &network.nodes[index];
            let (Op::Conv2d { weight, .. } | Op::Linear { weight, .. }) = &node.op else {
                return Err(Error::internal(format!("`{}` is no layer with weights", node.name)));
            };
            let (outputs, rows) = (weight.shape[0], weight.shape[1..].iter().product());
            let blocks = Blocks { rows, outputs, size: start.block.unwrap_or([rows, outputs]) };
            let (Some(integers), Some(step)) = (weight.integers(), &weight.step) else {
                return Ok(Layer::from_floats(&node.name, &weight.values, blocks, start.weight_bits));
            };
            let bits = integers.iter().map(|&q| magnitude_bits(q)).max().unwrap_or(0);
            if bits > u32::from(start.weight_bits) {
                return Err(Error::input(format!("layer `{}`", node.name), format!("the network's integers have {bits} magnitude bits, and quantization.weight_bits leaves {}", start.weight_bits))
                    .hint(format!("--set quantization.weight_bits={}", bits + 1)));
            }
            let mut layer = Layer::from_integers(&node.name, &integers, step.iter().map(|&s| s as f32).collect(), blocks, start.weight_bits);
            layer.adjust(); // blocks begin with the bits that their integers need
            Ok(layer)
        };
        let layers = graph.layers.iter().map(layer).collect::<Result<_>>()?;
        let vectors = graph.vectors.iter().map(|&(index, role)| {
            let node = &network.nodes[index];
            let values = match (&node.op, role) {
                (_, "range") => vec![initial_range(index)],
                (Op::Conv2d { bias: Some(bias), .. } | Op::Linear { bias: Some(bias), .. }, _) => bias.clone(),
                (Op::BatchNorm { gamma, .. }, "gamma") => gamma.clone(),
                (Op::BatchNorm { beta, .. }, _) => beta.clone(),
                _ => Vec::new(),
            };
            let mut vector = Vector::new(format!("{}.{role}", node.name), values);
            if role == "range" {
                vector.within = [LEAST_RANGE, if let Op::ClippedRelu { high } = node.op { high } else { f32::INFINITY }];
            }
            vector
        });
        let running = graph.statistics.iter().map(|&index| match &network.nodes[index].op {
            Op::BatchNorm { mean, var, .. } => Running { mean: mean.clone(), var: var.clone() },
            _ => Running { mean: Vec::new(), var: Vec::new() },
        });
        Ok(Model { layers, vectors: vectors.collect(), running: running.collect(), activation_bits: start.activation_bits })
    }

    /// The quantiser with the range in `vector`.
    pub fn pact(&self, vector: usize, signed: bool) -> Pact {
        Pact { beta: self.vectors[vector].values[0], bits: self.activation_bits, signed }
    }

    /// Weights of all layers.
    pub fn weights(&self) -> usize {
        self.layers.iter().map(|l| l.blocks.weights()).sum()
    }

    /// Mean magnitude bits of a weight.
    pub fn mean_bits(&self) -> f64 {
        self.layers.iter().map(Layer::total_bits).sum::<u64>() as f64 / self.weights() as f64
    }

    /// The lasso's strength in a layer: alpha x #Param(r) #Bit(r) / #Param(all).
    pub fn lasso_strength(&self, layer: usize, alpha: f64) -> f64 {
        alpha * self.layers[layer].total_bits() as f64 / self.weights() as f64
    }

    /// The network as it was trained: integers with their step, batch norms with their running statistics, ranges of activations.
    pub fn network(&self, network: &Network, graph: &Graph) -> Network {
        let mut trained = network.clone();
        for (layer, &index) in self.layers.iter().zip(&graph.layers) {
            if let Op::Conv2d { weight, .. } | Op::Linear { weight, .. } = &mut trained.nodes[index].op {
                let step = (0..weight.shape[0]).map(|output| f64::from(layer.step[output % layer.step.len()])).collect();
                *weight = bwq::network::Tensor::of_integers(weight.shape.clone(), &layer.integers(), step);
            }
        }
        for (vector, &(index, role)) in self.vectors.iter().zip(&graph.vectors) {
            let signed = can_be_negative(network, index + 1);
            let node = &mut trained.nodes[index];
            match (&mut node.op, role) {
                (_, "range") => {
                    let high = f64::from(vector.values[0]);
                    node.range = Some([if signed { -high } else { 0.0 }, high]);
                }
                (Op::Conv2d { bias: Some(to), .. } | Op::Linear { bias: Some(to), .. }, _) => to.clone_from(&vector.values),
                (Op::BatchNorm { gamma, .. }, "gamma") => gamma.clone_from(&vector.values),
                (Op::BatchNorm { beta, .. }, _) => beta.clone_from(&vector.values),
                _ => {}
            }
        }
        for (running, &index) in self.running.iter().zip(&graph.statistics) {
            if let Op::BatchNorm { mean, var, .. } = &mut trained.nodes[index].op {
                mean.clone_from(&running.mean);
                var.clone_from(&running.var);
            }
        }
        trained
    }
}
