//! Networks as they come from training: a graph of named nodes with float weights.
//!
//! The data's way: [`read`] (JSON graph + safetensors; [`write`] is its reverse) -> [`fold`] (batch norm into weights) ->
//! `quantize`. [`float`] runs a network in f32, in fixed order, for the reference accuracy and for calibration.
//! [`shape`] holds the rules by which shapes follow from one another, [`hash`] what counts as the same network,
//! [`convolution`] and [`matmul`] the products, for f32 and for i32 alike.
//!
//! To add an operation: a variant of [`Op`], its name in [`Op::NAMES`], its fields in [`read`], its shape rule in
//! [`shape`], its bytes in [`hash`], its arithmetic in [`float`], and what [`write`] says of it.

pub mod convolution;
mod fields;
pub(crate) use fields::clipped;
pub mod float;
pub mod fold;
pub mod hash;
pub mod matmul;
pub mod read;
pub mod shape;
mod tile;
pub(crate) mod weights;
pub mod write;

/// Weights, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Values, last axis fastest.
    pub values: Vec<f32>,
    /// Of weights that were made as integers: what one is worth, per output (first axis). Every value is then a whole number of
    /// it, and quantisation takes that number as it is.
    pub step: Option<Vec<f64>>,
}

/// Largest magnitude of an integer weight: as many bits as a weight block may have.
pub const LARGEST_INTEGER: i32 = 255;

impl Tensor {
    /// Values that are no more than themselves.
    pub fn of_floats(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Tensor { shape, values, step: None }
    }

    /// Weights from integers of at most [`LARGEST_INTEGER`] and what one is worth for each output.
    pub fn of_integers(shape: Vec<usize>, integers: &[i32], step: Vec<f64>) -> Self {
        let length = integers.len() / step.len().max(1);
        let values = integers.iter().enumerate().map(|(i, &n)| (f64::from(n) * step[i / length.max(1)]) as f32).collect();
        Tensor { shape, values, step: Some(step) }
    }

    /// The integers of weights that were made as such. A value's rounding to float32 is far below half a step.
    pub fn integers(&self) -> Option<Vec<i32>> {
        let step = self.step.as_ref()?;
        let length = self.values.len() / step.len().max(1);
        Some(self.values.iter().enumerate().map(|(i, &v)| (f64::from(v) / step[i / length.max(1)]).round_ties_even() as i32).collect())
    }
}

/// What a node computes. Spatial pairs are [vertical, horizontal]; paddings [top, left, bottom, right].
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the fields are described at their variants
pub enum Op {
    /// Convolution; weight [out, in / groups, kh, kw].
    Conv2d { weight: Tensor, bias: Option<Vec<f32>>, stride: [usize; 2], pad: [usize; 4], dilation: [usize; 2], groups: usize },
    /// Batch normalisation with fixed statistics, per channel.
    BatchNorm { gamma: Vec<f32>, beta: Vec<f32>, mean: Vec<f32>, var: Vec<f32>, eps: f64 },
    /// Fully connected; weight [out, in].
    Linear { weight: Tensor, bias: Option<Vec<f32>> },
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), high); `relu6` where it ends at 6.
    ClippedRelu { high: f32 },
    /// Maximum over a window; padding counts as minus infinity.
    MaxPool { kernel: [usize; 2], stride: [usize; 2], pad: [usize; 4] },
    /// Mean over a window; padding counts as zero and is counted in the divisor.
    AvgPool { kernel: [usize; 2], stride: [usize; 2], pad: [usize; 4] },
    /// Mean over all positions, keeps 1 x 1.
    GlobalAvgPool,
    /// [C, H, W] -> [C * H * W].
    Flatten,
    /// Sum of two tensors.
    Add,
    /// Concatenation along channels.
    Concat,
    /// `x[:, :, ::stride[0], ::stride[1]]`.
    Subsample { stride: [usize; 2] },
    /// Zero channels before and after.
    PadChannels { before: usize, after: usize },
}

/// Where a node's input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The network's input.
    Input,
    /// Output of the node with this index (always an earlier one).
    Node(usize),
}

impl Source {
    /// Position of the value among all of a network: 0 is the input, i + 1 the output of node i.
    pub fn position(self) -> usize {
        match self {
            Source::Input => 0,
            Source::Node(index) => index + 1,
        }
    }
}

/// One node of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique name, for messages and tables.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Its inputs, in order.
    pub inputs: Vec<Source>,
    /// Shape of its output for one image: [C, H, W], or `[N]` after flattening.
    pub out_shape: Vec<usize>,
    /// [lowest, highest] value of its output, which is clipped there where it is made an integer; `None` = calibration decides.
    pub range: Option<[f64; 2]>,
}

/// `x = (u8 * scale - mean[c]) / std[c]`
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocess {
    /// Factor of the raw pixel.
    pub scale: f64,
    /// Per channel.
    pub mean: Vec<f64>,
    /// Per channel.
    pub std: Vec<f64>,
}

impl Preprocess {
    /// A raw pixel of a channel, normalised.
    pub fn value(&self, channel: usize, raw: f64) -> f64 {
        (raw * self.scale - self.mean[channel]) / self.std[channel]
    }
}

/// A network: nodes in execution order; the last node's output are the logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Name from the file.
    pub name: String,
    /// [C, H, W] of one image.
    pub input_shape: [usize; 3],
    /// Normalisation of raw pixels.
    pub preprocess: Preprocess,
    /// Nodes in execution order.
    pub nodes: Vec<Node>,
}

impl Op {
    /// Names of all operations, as the file format spells them.
    pub const NAMES: [&'static str; 14] = [
        "conv2d", "batchnorm", "linear", "relu", "relu6", "clipped_relu", "maxpool", "avgpool", "global_avgpool", "flatten", "add",
        "concat", "subsample", "pad_channels",
    ];

    /// Name of the operation, as the file format spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Conv2d { .. } => "conv2d",
            Op::BatchNorm { .. } => "batchnorm",
            Op::Linear { .. } => "linear",
            Op::Relu => "relu",
            Op::ClippedRelu { high: 6.0 } => "relu6",
            Op::ClippedRelu { .. } => "clipped_relu",
            Op::MaxPool { .. } => "maxpool",
            Op::AvgPool { .. } => "avgpool",
            Op::GlobalAvgPool => "global_avgpool",
            Op::Flatten => "flatten",
            Op::Add => "add",
            Op::Concat => "concat",
            Op::Subsample { .. } => "subsample",
            Op::PadChannels { .. } => "pad_channels",
        }
    }
}

impl Network {
    /// Number of values of one input image.
    pub fn input_len(&self) -> usize {
        self.input_shape.iter().product()
    }

    /// Number of logits.
    pub fn classes(&self) -> usize {
        self.nodes.last().map_or(0, |node| node.out_shape.iter().product())
    }

    /// Shape of what `source` delivers, for one image.
    pub fn shape_of(&self, source: Source) -> &[usize] {
        match source {
            Source::Input => &self.input_shape,
            Source::Node(index) => &self.nodes[index].out_shape,
        }
    }

    /// For every node, how many inputs of other nodes it feeds.
    pub fn consumers(&self) -> Vec<usize> {
        let mut counts = vec![0; self.nodes.len()];
        for source in self.nodes.iter().flat_map(|node| &node.inputs) {
            if let Source::Node(index) = source {
                counts[*index] += 1;
            }
        }
        counts
    }

    /// Weights of the convolutions and linear layers.
    pub fn weights(&self) -> usize {
        let weights = |node: &Node| match &node.op {
            Op::Conv2d { weight, .. } | Op::Linear { weight, .. } => weight.values.len(),
            _ => 0,
        };
        self.nodes.iter().map(weights).sum()
    }

    /// Multiply-accumulate operations of the convolutions and linear layers for one image.
    pub fn macs(&self) -> u64 {
        let macs = |node: &Node| match &node.op {
            Op::Conv2d { weight, .. } => {
                let rows: usize = weight.shape[1..].iter().product();
                rows as u64 * node.out_shape.iter().product::<usize>() as u64
            }
            Op::Linear { weight, .. } => weight.values.len() as u64,
            _ => 0,
        };
        self.nodes.iter().map(macs).sum()
    }
}

#[cfg(test)]
mod tests;
