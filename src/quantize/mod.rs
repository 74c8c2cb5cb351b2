//! Float network -> integer network: weights, activations, scales and zero points.
//!
//! The integer network is a list of [`Step`]s over tensors of unsigned integers; nothing in it is a float that
//! an engine would read. Its rules:
//! - a tensor that enters a crossbar has `activation_bits` bits; one that only meets digital logic (a residual
//!   branch, a sum to be averaged, the logits) has [`WIDE_BITS`] bits, as the registers of digital logic do;
//! - a tensor that can be negative has a zero point; padding is the zero point;
//! - every rounding of digital logic is half away from zero; arg-max takes the lowest index.
//!
//! The data's way: [`activations`] (ranges) -> [`weights`] -> [`lower`] (steps). [`precision_map`] reads bits per block.

pub mod activations;
pub mod fixed_point;
pub mod lower;
pub mod precision_map;
pub mod sharing;
pub mod weights;

pub use fixed_point::Requantize;
pub use precision_map::PrecisionMap;

/// Bits of a tensor that enters no crossbar.
pub const WIDE_BITS: u32 = 20;
/// How far beyond the calibrated range a wide tensor reaches: chips with errors overshoot.
pub const WIDE_MARGIN: f64 = 8.0;

/// One tensor of the integer network.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorInfo {
    /// Name of the node that makes it, `input` for the first.
    pub name: String,
    /// [C, H, W]; a flat tensor is [N, 1, 1].
    pub shape: [usize; 3],
    /// Bits of an element.
    pub bits: u32,
    /// Integer that stands for zero.
    pub zero_point: i32,
    /// What one integer step is worth.
    pub scale: f64,
}

impl TensorInfo {
    /// Elements of one image.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
    /// True for a tensor without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Largest integer.
    pub fn high(&self) -> i32 {
        (1 << self.bits) - 1
    }
}

/// Where the rows of a matrix come from: a window over the input. Row order: (channel, kh, kw), kw fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First input channel (channel groups).
    pub first_channel: usize,
    /// Input channels of the window.
    pub channels: usize,
    /// [kh, kw].
    pub kernel: [usize; 2],
    /// [vertical, horizontal].
    pub stride: [usize; 2],
    /// [top, left].
    pub pad: [usize; 2],
    /// [vertical, horizontal].
    pub dilation: [usize; 2],
    /// [H, W] of the output.
    pub out: [usize; 2],
}

impl Window {
    /// Rows of the matrix.
    pub fn rows(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }
    /// Positions of the window.
    pub fn positions(&self) -> usize {
        self.out[0] * self.out[1]
    }
}

/// A matrix of integer weights: one channel group of a convolution, or a fully connected layer.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixPart {
    /// Input of each position.
    pub window: Window,
    /// First output channel.
    pub first_output: usize,
    /// Outputs.
    pub outputs: usize,
    /// `[output][row]`.
    pub weights: Vec<i32>,
    /// Real factor from multiply-accumulates to output integers, per output.
    pub factor: Vec<f64>,
    /// Bias in output integers, per output.
    pub bias: Vec<f64>,
    /// Digital requantisation of the exact integer product.
    pub requantize: Requantize,
}

/// A layer with weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Name of the node.
    pub name: String,
    /// Number of the layer, from 0, in execution order; part of every cell's random key.
    pub layer: usize,
    /// Bits of an input.
    pub input_bits: u32,
    /// Integer that stands for zero at the input.
    pub input_zero: i32,
    /// One part per channel group.
    pub parts: Vec<MatrixPart>,
}

/// An integer step. Numbers index [`IntegerNetwork::tensors`]; `input` and `output` are tensors, `low` and `high`
/// the clamps of the output.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields are named in the variants' formulas")]
pub enum Step {
    /// Crossbar (or digital) matrix product with requantisation.
    Matrix { input: usize, output: usize, matrix: Box<Matrix> },
    /// Sum of one or two tensors on a common scale: out = clamp(z + round(sum((q - z_i) m_i) / 2^shift), low, high);
    /// `inputs` are (tensor, m_i).
    Add { inputs: Vec<(usize, i32)>, output: usize, shift: u32, low: i32, high: i32 },
    /// Maximum over a window; padding is left out.
    MaxPool { input: usize, output: usize, window: Window },
    /// Mean over a window (padding counts as zero), on the output's scale; the multiplier holds 1 / (window size).
    AveragePool { input: usize, output: usize, window: Window, multiplier: i32, shift: u32, low: i32, high: i32 },
    /// Channels of the input, strided in space, copied to channels of the output from `first_channel` on.
    CopyChannels { input: usize, output: usize, first_channel: usize, stride: [usize; 2] },
    /// All elements set to the zero point (before channels are copied into a larger tensor).
    FillZero { output: usize },
}

/// A network in integers.
#[derive(Debug, Clone, PartialEq)]
pub struct IntegerNetwork {
    /// Name of the network.
    pub name: String,
    /// Tensors.
    pub tensors: Vec<TensorInfo>,
    /// Steps in execution order.
    pub steps: Vec<Step>,
    /// Tensor of the logits.
    pub output: usize,
    /// Per channel, the integer of each raw pixel value.
    pub pixel_table: Vec<[u16; 256]>,
    /// Bits of a weight, sign included.
    pub weight_bits: u32,
    /// Bits per weight block; `None` = uniform.
    pub precision_map: Option<PrecisionMap>,
    /// How activations were calibrated, in words.
    pub calibration: String,
}

impl IntegerNetwork {
    /// The layers with weights, in order.
    pub fn matrices(&self) -> impl Iterator<Item = (usize, &Matrix)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Matrix { input, matrix, .. } => Some((*input, matrix.as_ref())),
            _ => None,
        })
    }

    /// Per tensor, the last step that reads it (the first step, if none does).
    pub fn last_uses(&self) -> Vec<usize> {
        let mut last_use = vec![0; self.tensors.len()];
        for (i, step) in self.steps.iter().enumerate() {
            step.inputs().iter().for_each(|&t| last_use[t] = i);
        }
        last_use
    }

    /// Elements of one image's tensors that are there together, at most.
    pub fn most_elements(&self) -> usize {
        let last_use = self.last_uses();
        let mut there = vec![false; self.tensors.len()];
        there[0] = true;
        let mut most = 0;
        for (i, step) in self.steps.iter().enumerate() {
            there[step.output()] = true;
            most = most.max(self.tensors.iter().zip(&there).filter(|(_, there)| **there).map(|(tensor, _)| tensor.len()).sum());
            step.inputs().into_iter().filter(|&t| last_use[t] == i && t != self.output).for_each(|t| there[t] = false);
        }
        most
    }

    /// Multiply-accumulates per image.
    pub fn macs(&self) -> u64 {
        self.matrices().flat_map(|(_, m)| &m.parts).map(|p| (p.weights.len() * p.window.positions()) as u64).sum()
    }
}

impl Step {
    /// Tensors the step reads.
    pub fn inputs(&self) -> Vec<usize> {
        match self {
            Step::Matrix { input, .. } | Step::MaxPool { input, .. } | Step::AveragePool { input, .. } | Step::CopyChannels { input, .. } => vec![*input],
            Step::Add { inputs, .. } => inputs.iter().map(|i| i.0).collect(),
            Step::FillZero { .. } => Vec::new(),
        }
    }

    /// The tensor the step writes.
    pub fn output(&self) -> usize {
        match self {
            Step::Matrix { output, .. }
            | Step::Add { output, .. }
            | Step::MaxPool { output, .. }
            | Step::AveragePool { output, .. }
            | Step::CopyChannels { output, .. }
            | Step::FillZero { output } => *output,
        }
    }
}
