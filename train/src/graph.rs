//! A network as steps over batches: what a training step runs forwards and backwards.
//!
//! A value is a batch of tensors: number 0 is the quantised input, number i + 1 the output of step i. Quantisers stand where
//! `bwq::quantize::lower` gives a tensor `activation_bits`: on what enters a crossbar, tensors that only move values
//! (maximum pooling, concatenation, strided copies) sharing the range of what they move.

use crate::ops::{conv::Conv, moves::Copy, pool::Pool};
use bwq::error::{Error, Result};
use bwq::network::shape::Window;
use bwq::network::{Network, Node, Op};
use bwq::quantize::sharing::{Sharing, moves_only};

/// What a step computes. `layer`, `bias` and their like are numbers of the model's layers, vectors and statistics.
#[allow(missing_docs, reason = "the fields are named in the variants' texts")]
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Convolution with the weights of a layer, and maybe a bias (a vector).
    Conv { conv: Conv, layer: usize, bias: Option<usize> },
    /// Fully connected layer.
    Linear { inputs: usize, layer: usize, bias: Option<usize> },
    /// Batch normalisation: vectors gamma and beta, running statistics.
    BatchNorm { gamma: usize, beta: usize, statistics: usize, eps: f64 },
    /// Clip to [0, top] without quantising.
    Relu { top: f32 },
    /// Quantise to `activation_bits`; the range is a vector of one value.
    Pact { range: usize, signed: bool },
    /// Maximum pooling.
    MaxPool(Pool),
    /// Mean pooling.
    MeanPool(Pool),
    /// Another shape for the same values.
    Flatten,
    /// Sum of two values.
    Add,
    /// Copies of channels, one per input; what no copy writes is zero.
    Copies(Vec<Copy>),
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What it computes.
    pub kind: Kind,
    /// The values it reads.
    pub inputs: Vec<usize>,
    /// Elements of one image of its output.
    pub len: usize,
}

/// The steps of a network, and which nodes their parameters come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// In execution order; the last one's output are the logits.
    pub steps: Vec<Step>,
    /// Elements of one input image.
    pub input_len: usize,
    /// Nodes with weights, in order.
    pub layers: Vec<usize>,
    /// (node, role) of every vector, in order: `bias`, `gamma`, `beta`, `range`.
    pub vectors: Vec<(usize, &'static str)>,
    /// Batch norms, in order.
    pub statistics: Vec<usize>,
}

impl Graph {
    /// The steps of a network.
    ///
    /// # Errors
    /// A padding larger than its kernel's reach.
    pub fn new(network: &Network) -> Result<Self> {
        let mut graph = Graph { steps: Vec::new(), input_len: network.input_len(), layers: Vec::new(), vectors: Vec::new(), statistics: Vec::new() };
        let quantised = quantised(network);
        // Per position, the value that stands for it; per group of positions, the vector with its range.
        let mut values = vec![0];
        let mut ranges: Vec<Option<usize>> = vec![None; network.nodes.len() + 1];
        for (index, node) in network.nodes.iter().enumerate() {
            let inputs: Vec<usize> = node.inputs.iter().map(|s| values[s.position()]).collect();
            let mut value = graph.push(network, index, inputs)?;
            let group = quantised[index + 1].filter(|_| !moves_only(&node.op));
            if let Some(group) = group {
                let range = *ranges[group].get_or_insert_with(|| {
                    graph.vectors.push((index, "range"));
                    graph.vectors.len() - 1
                });
                let signed = can_be_negative(network, index + 1);
                let len = node.out_shape.iter().product();
                // PACT clips at zero itself.
                match graph.steps.last_mut() {
                    Some(step @ Step { kind: Kind::Relu { .. }, .. }) => step.kind = Kind::Pact { range, signed },
                    _ => {
                        graph.steps.push(Step { kind: Kind::Pact { range, signed }, inputs: vec![value], len });
                        value += 1;
                    }
                }
            }
            values.push(value);
        }
        Ok(graph)
    }

    /// Adds the step of a node; returns the number of its value.
    fn push(&mut self, network: &Network, index: usize, inputs: Vec<usize>) -> Result<usize> {
        let node = &network.nodes[index];
        let shapes: Vec<[usize; 3]> = node.inputs.iter().map(|s| image(network.shape_of(*s))).collect();
        let (input, output) = (shapes[0], image(&node.out_shape));
        let mut vector = |role| {
            self.vectors.push((index, role));
            self.vectors.len() - 1
        };
        let kind = match &node.op {
            Op::Conv2d { weight, bias, stride, pad, dilation, groups } => {
                let window = Window { kernel: [weight.shape[2], weight.shape[3]], stride: *stride, pad: *pad, dilation: *dilation };
                let conv = Conv { input, output, window, groups: *groups };
                if !conv.is_supported() {
                    return Err(at(network, node, "the padding is larger than the kernel's reach; training has no gradient for that"));
                }
                let bias = bias.as_ref().map(|_| vector("bias"));
                self.layers.push(index);
                Kind::Conv { conv, layer: self.layers.len() - 1, bias }
            }
            Op::Linear { weight, bias } => {
                let bias = bias.as_ref().map(|_| vector("bias"));
                self.layers.push(index);
                Kind::Linear { inputs: weight.shape[1], layer: self.layers.len() - 1, bias }
            }
            Op::BatchNorm { eps, .. } => {
                let (gamma, beta) = (vector("gamma"), vector("beta"));
                self.statistics.push(index);
                Kind::BatchNorm { gamma, beta, statistics: self.statistics.len() - 1, eps: *eps }
            }
            Op::Relu => Kind::Relu { top: f32::INFINITY },
            Op::ClippedRelu { high } => Kind::Relu { top: *high },
            Op::MaxPool { kernel, stride, pad } => Kind::MaxPool(Pool { input, output, kernel: *kernel, stride: *stride, pad: [pad[0], pad[1]] }),
            Op::AvgPool { kernel, stride, pad } => Kind::MeanPool(Pool { input, output, kernel: *kernel, stride: *stride, pad: [pad[0], pad[1]] }),
            Op::GlobalAvgPool => Kind::MeanPool(Pool { input, output, kernel: [input[1], input[2]], stride: [1, 1], pad: [0, 0] }),
            Op::Flatten => Kind::Flatten,
            Op::Add => Kind::Add,
            Op::Concat => {
                let mut first_channel = 0;
                let copies = shapes.iter().map(|&input| {
                    first_channel += input[0];
                    Copy { input, output, first_channel: first_channel - input[0], stride: [1, 1] }
                });
                Kind::Copies(copies.collect())
            }
            Op::Subsample { stride } => Kind::Copies(vec![Copy { input, output, first_channel: 0, stride: *stride }]),
            Op::PadChannels { before, .. } => Kind::Copies(vec![Copy { input, output, first_channel: *before, stride: [1, 1] }]),
        };
        self.steps.push(Step { kind, inputs, len: output.iter().product() });
        Ok(self.steps.len())
    }

    /// Per vector, whether weight decay pulls at it.
    pub fn decays(&self, vector: usize) -> bool {
        self.vectors[vector].1 == "range"
    }
}

fn at(network: &Network, node: &Node, message: &str) -> Error {
    Error::input(format!("{}: node `{}`", network.name, node.name), message)
}

/// [C, H, W] of a shape.
fn image(shape: &[usize]) -> [usize; 3] {
    match shape {
        &[c, h, w] => [c, h, w],
        _ => [shape.iter().product(), 1, 1],
    }
}

/// Per position, the group of positions whose range it shares, if it enters a crossbar and is not the input's.
fn quantised(network: &Network) -> Vec<Option<usize>> {
    let Sharing { group, enters_crossbar } = Sharing::new(network);
    group.iter().map(|&g| (g != group[0] && enters_crossbar[g]).then_some(g)).collect()
}

/// Whether a value can be below zero.
pub fn can_be_negative(network: &Network, position_of_value: usize) -> bool {
    let Some(index) = position_of_value.checked_sub(1) else { return true };
    let node = &network.nodes[index];
    match node.op {
        Op::Relu | Op::ClippedRelu { .. } => false,
        Op::Conv2d { .. } | Op::Linear { .. } | Op::BatchNorm { .. } => true,
        _ => node.inputs.iter().any(|s| can_be_negative(network, s.position())),
    }
}
