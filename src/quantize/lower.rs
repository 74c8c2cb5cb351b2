//! Graph of float nodes -> list of integer steps.
//!
//! A ReLU that alone follows a convolution, a fully connected layer or a sum becomes the lower clamp of its
//! requantisation. Tensors that only move values (pooling by maximum, strided copies, concatenation) share one
//! scale, so that moving is exact.

use super::activations::{Histogram, Range, histograms, pixel_range, range};
use super::fixed_point::{Decoding, Scales, common_shift, multiplier};
use super::sharing::Sharing;
use super::weights::integers_of;
use super::{IntegerNetwork, Matrix, MatrixPart, PrecisionMap, Requantize, Step, TensorInfo, WIDE_BITS, WIDE_MARGIN, Window};
use crate::config::QuantizationConfig;
use crate::dataset::{Dataset, Pixels};
use crate::error::{Error, Result};
use crate::network::{Network, Node, Op, Source};

/// Lowers a network whose batch norms are folded. Ranges come from `dataset.calibration`.
pub fn lower(network: &Network, dataset: &Dataset, config: &QuantizationConfig, map: Option<PrecisionMap>) -> Result<IntegerNetwork> {
    let images = dataset.calibration_len();
    let histograms = histograms(network, &dataset.calibration, images);
    let mut lowering = Lowering { network, config, fused: fused_into(network), tensors: Vec::new(), tensor_of: Vec::new(), steps: Vec::new(), layers: 0 };
    lowering.assign_tensors(&histograms, dataset);
    for index in 0..network.nodes.len() {
        if lowering.fused[index] == index {
            lowering.step(index, map.as_ref())?;
        }
    }
    if let Some(map) = &map {
        map.check_names(lowering.matrix_names().into_iter(), "precision map")?;
    }
    Ok(IntegerNetwork {
        name: network.name.clone(),
        output: lowering.tensor_of[network.nodes.len()],
        pixel_table: pixel_table(network, &lowering.tensors[0]),
        tensors: lowering.tensors,
        steps: lowering.steps,
        weight_bits: config.weight_bits,
        precision_map: map,
        calibration: dataset.calibration_source.clone(),
    })
}

/// For each node, the node whose output it shares: a ReLU after its only producer, else itself.
fn fused_into(network: &Network) -> Vec<usize> {
    let mut consumers = vec![0; network.nodes.len() + 1];
    for source in network.nodes.iter().flat_map(|n| &n.inputs) {
        consumers[source.position()] += 1;
    }
    let mut fused: Vec<usize> = (0..network.nodes.len()).collect();
    for (index, node) in network.nodes.iter().enumerate() {
        if let (Op::Relu | Op::ClippedRelu { .. }, Source::Node(producer)) = (&node.op, node.inputs[0]) {
            let makes = matches!(network.nodes[producer].op, Op::Conv2d { .. } | Op::Linear { .. } | Op::Add);
            if makes && consumers[producer + 1] == 1 {
                fused[producer] = index; // the producer's step writes the ReLU's output
            }
        }
    }
    fused
}

struct Lowering<'a> {
    network: &'a Network,
    config: &'a QuantizationConfig,
    fused: Vec<usize>,
    tensors: Vec<TensorInfo>,
    /// Tensor of each value; position as in [`position`].
    tensor_of: Vec<usize>,
    steps: Vec<Step>,
    layers: usize,
}

impl Lowering<'_> {
    fn matrix_names(&self) -> Vec<&str> {
        self.steps.iter().filter_map(|s| if let Step::Matrix { matrix, .. } = s { Some(matrix.name.as_str()) } else { None }).collect()
    }

    /// The node that makes the value a (possibly fused) node writes, seen from the ReLU.
    fn producer(&self, index: usize) -> usize {
        (0..index).find(|&p| self.fused[p] == index && p != index).unwrap_or(index)
    }

    /// Gives every value a tensor, and every tensor its range.
    fn assign_tensors(&mut self, histograms: &[Histogram], dataset: &Dataset) {
        let nodes = &self.network.nodes;
        let Sharing { group, enters_crossbar } = Sharing::new(self.network);
        for position_of_value in 0..=nodes.len() {
            // A producer fused into its ReLU, and a flattened tensor, have no tensor of their own.
            let index = position_of_value.wrapping_sub(1);
            if position_of_value > 0 {
                if self.fused[index] != index {
                    self.tensor_of.push(usize::MAX);
                    continue;
                }
                if nodes[index].op == Op::Flatten {
                    let source = self.tensor_of[nodes[index].inputs[0].position()];
                    self.tensor_of.push(source);
                    continue;
                }
            }
            let g = group[position_of_value];
            let members = (0..=nodes.len()).filter(|&p| group[p] == g && (p == 0 || self.fused[p - 1] == p - 1));
            let histogram = members.fold(Histogram::default(), |sum, p| sum.merged(&histograms[p]));
            let bits = if enters_crossbar[g] { self.config.activation_bits } else { WIDE_BITS };
            let given = (1..=nodes.len()).filter(|&p| group[p] == g).filter_map(|p| nodes[p - 1].range).reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
            let tensor_range = if let (Some([low, high]), true) = (given, enters_crossbar[g]) {
                Range::new(low, high, bits)
            } else if g == 0 && matches!(*dataset.images, Pixels::U8(_)) {
                pixel_range(self.network, bits)
            } else if enters_crossbar[g] {
                range(&histogram, bits, self.config.clipping)
            } else {
                wide_range(&histogram)
            };
            let (name, shape) = match position_of_value {
                0 => ("input".to_string(), self.network.input_shape),
                _ => (nodes[index].name.clone(), image_shape(&nodes[index])),
            };
            self.tensor_of.push(self.tensors.len());
            self.tensors.push(TensorInfo { name, shape, bits, zero_point: tensor_range.zero_point, scale: tensor_range.scale });
        }
    }

    fn tensor(&self, source: &Source) -> usize {
        self.tensor_of[source.position()]
    }

    /// Clamps of the output tensor: a ReLU's lower end is zero.
    fn clamps(&self, output: usize, activation: &Op) -> (i32, i32) {
        let t = &self.tensors[output];
        match activation {
            Op::Relu => (t.zero_point, t.high()),
            Op::ClippedRelu { high } => (t.zero_point, t.high().min(t.zero_point + (f64::from(*high) / t.scale).round_ties_even().min(1e9) as i32)),
            _ => (0, t.high()),
        }
    }

    /// Emits the step(s) that write the value of node `index`.
    fn step(&mut self, index: usize, map: Option<&PrecisionMap>) -> Result<()> {
        let network = self.network;
        let activation = &network.nodes[index].op;
        let node = &network.nodes[self.producer(index)];
        let output = self.tensor_of[index + 1];
        let input = self.tensor(&node.inputs[0]);
        let (low, high) = self.clamps(output, activation);
        match &node.op {
            Op::Conv2d { .. } | Op::Linear { .. } => {
                let matrix = self.matrix(node, input, output, [low, high], map)?;
                self.steps.push(Step::Matrix { input, output, matrix: Box::new(matrix) });
            }
            Op::Add | Op::Relu | Op::ClippedRelu { .. } => {
                let to = self.tensors[output].scale;
                let factors: Vec<f64> = node.inputs.iter().map(|s| self.tensors[self.tensor(s)].scale / to).collect();
                let shift = common_shift(factors.iter().copied(), &format!("node `{}`", node.name))?;
                let inputs = node.inputs.iter().zip(&factors).map(|(s, &f)| (self.tensor(s), multiplier(f, shift) as i32)).collect();
                self.steps.push(Step::Add { inputs, output, shift, low, high });
            }
            Op::MaxPool { kernel, stride, pad } => {
                let window = self.window(input, *kernel, *stride, *pad, output);
                self.steps.push(Step::MaxPool { input, output, window });
            }
            Op::AvgPool { kernel, stride, pad } => self.average(node, input, output, *kernel, *stride, *pad)?,
            Op::GlobalAvgPool => {
                let [_, h, w] = self.tensors[input].shape;
                self.average(node, input, output, [h, w], [1, 1], [0; 4])?;
            }
            Op::Concat => {
                let mut first_channel = 0;
                for source in &node.inputs {
                    let input = self.tensor(source);
                    self.steps.push(Step::CopyChannels { input, output, first_channel, stride: [1, 1] });
                    first_channel += self.tensors[input].shape[0];
                }
            }
            Op::Subsample { stride } => self.steps.push(Step::CopyChannels { input, output, first_channel: 0, stride: *stride }),
            Op::PadChannels { before, .. } => {
                self.steps.push(Step::FillZero { output });
                self.steps.push(Step::CopyChannels { input, output, first_channel: *before, stride: [1, 1] });
            }
            Op::Flatten => {}
            Op::BatchNorm { .. } => return Err(Error::internal(format!("batch norm `{}` was not folded", node.name))),
        }
        Ok(())
    }

    fn window(&self, input: usize, kernel: [usize; 2], stride: [usize; 2], pad: [usize; 4], output: usize) -> Window {
        let [_, h, w] = self.tensors[output].shape;
        Window { first_channel: 0, channels: self.tensors[input].shape[0], kernel, stride, pad: [pad[0], pad[1]], dilation: [1, 1], out: [h, w] }
    }

    fn average(&mut self, node: &Node, input: usize, output: usize, kernel: [usize; 2], stride: [usize; 2], pad: [usize; 4]) -> Result<()> {
        let factor = self.tensors[input].scale / self.tensors[output].scale / (kernel[0] * kernel[1]) as f64;
        let shift = common_shift([factor].into_iter(), &format!("node `{}`", node.name))?;
        let window = self.window(input, kernel, stride, pad, output);
        let multiplier = multiplier(factor, shift) as i32;
        self.steps.push(Step::AveragePool { input, output, window, multiplier, shift, low: 0, high: self.tensors[output].high() });
        Ok(())
    }

    fn matrix(&mut self, node: &Node, input: usize, output: usize, clamps: [i32; 2], map: Option<&PrecisionMap>) -> Result<Matrix> {
        let [channels, h, w] = self.tensors[input].shape;
        let (weight, bias, window, groups) = match &node.op {
            Op::Conv2d { weight, bias, stride, pad, dilation, groups } => {
                let mut window = self.window(input, [weight.shape[2], weight.shape[3]], *stride, *pad, output);
                window.channels = channels / groups;
                window.dilation = *dilation;
                (weight, bias, window, *groups)
            }
            // A fully connected layer reads the whole tensor: a window of its size, in the order of flattening.
            Op::Linear { weight, bias } => {
                (weight, bias, Window { first_channel: 0, channels, kernel: [h, w], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, 1] }, 1)
            }
            _ => return Err(Error::internal(format!("node `{}` has no weights", node.name))),
        };
        let outputs = weight.shape[0];
        let rows = window.rows();
        let place = format!("layer `{}`", node.name);
        let mut quantized = integers_of(weight, self.config.weight_bits, self.config.weight_scale).map_err(|(integer, bits)| {
            Error::input(&place, format!("the file's integer weight {integer} needs {bits} bits, and quantization.weight_bits is {}", self.config.weight_bits))
                .hint(format!("--set quantization.weight_bits={bits} (the sign is one of them)"))
        })?;
        if let Some(map) = map {
            map.check_layer(&node.name, rows, outputs, self.config.weight_bits - 1, "precision map")?;
            for (i, value) in quantized.values.iter_mut().enumerate() {
                let top = (1i32 << map.bits(&node.name, i % rows, i / rows)) - 1;
                *value = (*value).clamp(-top, top);
            }
        }
        let (from, to) = (&self.tensors[input], &self.tensors[output]);
        let layer = self.layers;
        let per_group = outputs / groups;
        let mut parts = Vec::with_capacity(groups);
        for group in 0..groups {
            let range = group * per_group..(group + 1) * per_group;
            let weights = quantized.values[range.start * rows..range.end * rows].to_vec();
            let factor: Vec<f64> = range.clone().map(|n| quantized.scale[n] * from.scale / to.scale).collect();
            let bias: Vec<f64> = range.clone().map(|n| bias.as_ref().map_or(0.0, |b| f64::from(b[n])) / to.scale).collect();
            let mut part = MatrixPart {
                window: Window { first_channel: group * window.channels, ..window },
                first_output: range.start,
                outputs: per_group,
                weights,
                factor,
                bias,
                requantize: Requantize {
                    prescale: 0,
                    extra_prescale: 0,
                    shift: 1,
                    multiplier: Vec::new(),
                    extra_multiplier: Vec::new(),
                    bias: Vec::new(),
                    zero_point: to.zero_point,
                    low: clamps[0],
                    high: clamps[1],
                },
            };
            let largest = part.largest_product(from.high());
            part.requantize = part.requantize_for(from.zero_point, &Decoding::exact(per_group, largest), &place)?;
            parts.push(part);
        }
        self.layers += 1;
        Ok(Matrix { name: node.name.clone(), layer, input_bits: from.bits, input_zero: from.zero_point, parts })
    }
}

impl MatrixPart {
    /// Largest magnitude of an exact product with inputs up to `high`.
    pub fn largest_product(&self, high: i32) -> f64 {
        let rows = self.window.rows();
        let largest = |w: &[i32]| w.iter().map(|&w| f64::from(w.abs())).sum::<f64>();
        self.weights.chunks(rows.max(1)).map(largest).fold(0.0, f64::max) * f64::from(high)
    }

    /// Requantisation of accumulators that stand for products as `decoding` says, onto the same output tensor.
    pub fn requantize_for(&self, input_zero: i32, decoding: &Decoding, place: &str) -> Result<Requantize> {
        let rows = self.window.rows();
        let zero_sum: Vec<f64> = self.weights.chunks(rows.max(1)).map(|w| w.iter().map(|&w| f64::from(w)).sum::<f64>() * f64::from(input_zero)).collect();
        let output = [self.requantize.zero_point, self.requantize.low, self.requantize.high];
        Requantize::new(&Scales { factor: &self.factor, bias: &self.bias, zero_sum: &zero_sum, output }, decoding, place)
    }
}

/// [C, H, W] of a node's output.
fn image_shape(node: &Node) -> [usize; 3] {
    match node.out_shape[..] {
        [c, h, w] => [c, h, w],
        [n] => [n, 1, 1],
        _ => [node.out_shape.iter().product(), 1, 1],
    }
}

/// A tensor of digital logic: [`WIDE_MARGIN`] times the range seen.
fn wide_range(histogram: &Histogram) -> Range {
    let (low, high) = (f64::from(histogram.least), f64::from(histogram.largest));
    if low >= 0.0 { Range::new(0.0, high * WIDE_MARGIN, WIDE_BITS) } else { Range::new(-high.max(-low) * WIDE_MARGIN, high.max(-low) * WIDE_MARGIN, WIDE_BITS) }
}

/// The integer of each raw pixel value, per channel.
fn pixel_table(network: &Network, input: &TensorInfo) -> Vec<[u16; 256]> {
    let range = Range { scale: input.scale, zero_point: input.zero_point };
    (0..network.input_shape[0])
        .map(|c| std::array::from_fn(|u| range.integer(network.preprocess.value(c, u as f64), input.bits) as u16))
        .collect()
}
