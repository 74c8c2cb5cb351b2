//! The network in f32, one image at a time: the reference accuracy, and the activations that set clipping ranges.
//!
//! Every sum is taken in one fixed order, a multiplication and an addition at a time; only IEEE operations that are
//! exactly rounded are used (+ - * / sqrt). So the bits are the same on every machine and with any number of threads.

use super::convolution::convolve;
use super::matmul::Packed;
use super::shape::Window;
use super::{Network, Node, Op, Source};
use crate::dataset::{Dataset, Pixels};
use rayon::prelude::*;

/// A network with its weights packed for the product; make one for many images.
pub struct Runner<'n> {
    network: &'n Network,
    /// Per node: one matrix per group of a convolution, one of a linear layer, none elsewhere.
    packed: Vec<Vec<Packed<f32>>>,
    /// Per node: the last node that reads its output (itself, if nobody does).
    last_use: Vec<usize>,
}

impl<'n> Runner<'n> {
    /// Packs the weights.
    pub fn new(network: &'n Network) -> Self {
        let packed = network.nodes.iter().map(pack);
        let mut last_use: Vec<usize> = (0..network.nodes.len()).collect();
        for (index, node) in network.nodes.iter().enumerate() {
            for source in &node.inputs {
                if let Source::Node(earlier) = source {
                    last_use[*earlier] = index;
                }
            }
        }
        Runner { network, packed: packed.collect(), last_use }
    }

    /// Outputs of all nodes for one normalised image [C, H, W], each in the order of the node's shape.
    ///
    /// # Panics
    /// If the image has another length.
    pub fn forward(&self, image: &[f32]) -> Vec<Vec<f32>> {
        let mut outputs = Vec::with_capacity(self.network.nodes.len());
        self.visit(image, &mut |_, values| outputs.push(values.to_vec()));
        outputs
    }

    /// The logits for one normalised image [C, H, W].
    ///
    /// # Panics
    /// If the image has another length.
    pub fn logits(&self, image: &[f32]) -> Vec<f32> {
        self.visit(image, &mut |_, _| ())
    }

    /// Shows the output of every node for one normalised image [C, H, W], in order; returns the logits. What nobody reads any
    /// more is freed, or becomes the next output, so memory is that of the widest place.
    ///
    /// # Panics
    /// If the image has another length.
    pub fn visit(&self, image: &[f32], see: &mut dyn FnMut(usize, &[f32])) -> Vec<f32> {
        assert_eq!(image.len(), self.network.input_len(), "length of an image for {:?}", self.network.input_shape);
        let mut outputs: Vec<Vec<f32>> = Vec::with_capacity(self.network.nodes.len());
        // Memory that nobody reads any more, for the next outputs: fresh memory costs more than what is written to it.
        let mut spare: Vec<Vec<f32>> = Vec::new();
        for (index, node) in self.network.nodes.iter().enumerate() {
            let is_read_later = |source: &Source| match source {
                Source::Input => true,
                Source::Node(earlier) => self.last_use[*earlier] != index,
            };
            let own = match node.inputs.as_slice() {
                [Source::Node(first), others @ ..] if changes_values(node) && !is_read_later(&node.inputs[0]) && !others.contains(&node.inputs[0]) => {
                    Some(std::mem::take(&mut outputs[*first]))
                }
                _ => None,
            };
            let input = |source: &Source| match source {
                Source::Input => (image, self.network.input_shape.as_slice()),
                Source::Node(i) => (outputs[*i].as_slice(), self.network.nodes[*i].out_shape.as_slice()),
            };
            let inputs: Vec<_> = node.inputs.iter().map(input).collect();
            let output = match own {
                Some(mut values) => {
                    change_values(node, &mut values, &inputs);
                    values
                }
                None => compute_in(node, &inputs, &self.packed[index], smallest_for(node.out_shape.iter().product(), &mut spare)),
            };
            see(index, &output);
            outputs.push(output);
            for source in node.inputs.iter().filter(|source| !is_read_later(source)) {
                if let Source::Node(earlier) = source {
                    spare.push(std::mem::take(&mut outputs[*earlier]));
                }
            }
        }
        outputs.pop().unwrap_or_default()
    }
}

/// The smallest memory that holds `elements`, taken out; none, if there is none so large.
fn smallest_for(elements: usize, spare: &mut Vec<Vec<f32>>) -> Vec<f32> {
    let large = (0..spare.len()).filter(|&i| spare[i].capacity() >= elements);
    let best = large.min_by_key(|&i| spare[i].capacity());
    best.map(|i| spare.swap_remove(i)).unwrap_or_default()
}

/// Outputs of all nodes for one normalised image; see [`Runner::forward`], which is faster for many.
pub fn forward(network: &Network, image: &[f32]) -> Vec<Vec<f32>> {
    Runner::new(network).forward(image)
}

/// The logits for one normalised image; see [`Runner::logits`], which is faster for many.
pub fn logits(network: &Network, image: &[f32]) -> Vec<f32> {
    Runner::new(network).logits(image)
}

/// Image `index` of `pixels` as the network takes it: raw pixels through the network's normalisation (in f64, rounded
/// once), normalised ones as they are.
///
/// # Panics
/// If there is no such image.
pub fn normalise(network: &Network, pixels: &Pixels, index: usize) -> Vec<f32> {
    let span = index * network.input_len()..(index + 1) * network.input_len();
    match pixels {
        Pixels::F32(values) => values[span].to_vec(),
        Pixels::U8(values) => {
            let plane = network.input_shape[1] * network.input_shape[2];
            let preprocess = &network.preprocess;
            let mut image = Vec::with_capacity(span.len());
            for (c, plane) in values[span].chunks_exact(plane).enumerate() {
                let value = |raw: u8| ((f64::from(raw) * preprocess.scale - preprocess.mean[c]) / preprocess.std[c]) as f32;
                let table: [f32; 256] = std::array::from_fn(|raw| value(raw as u8));
                image.extend(plane.iter().map(|&raw| table[usize::from(raw)]));
            }
            image
        }
    }
}

/// Class with the largest logit; the lowest index on ties.
pub fn argmax(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = class;
        }
    }
    best
}

/// Number of test images that are classified rightly, on all threads.
///
/// # Panics
/// If the images have another shape than the network's input: see [`Dataset::check_fits`].
pub fn accuracy(network: &Network, dataset: &Dataset) -> usize {
    accuracy_until(network, dataset, &|| false).unwrap_or_default()
}

/// The same; `None` once `stop` was true.
///
/// # Panics
/// As [`accuracy`].
pub fn accuracy_until(network: &Network, dataset: &Dataset, stop: &(dyn Fn() -> bool + Sync)) -> Option<usize> {
    let runner = Runner::new(network);
    let right = |index: usize| {
        let logits = runner.logits(&normalise(network, &dataset.images, index));
        argmax(&logits) == dataset.labels[index] as usize
    };
    let all = (0..dataset.len()).into_par_iter().map(|index| (!stop()).then(|| right(index))).collect::<Option<Vec<bool>>>();
    all.map(|all| all.into_iter().filter(|&right| right).count())
}

/// The weights of one node for [`compute`]: one matrix per group of a convolution, one of a linear layer, none elsewhere.
pub fn pack(node: &Node) -> Vec<Packed<f32>> {
    match &node.op {
        Op::Conv2d { weight, groups, .. } => {
            let (rows, depth) = (weight.shape[0] / groups, weight.shape[1..].iter().product());
            weight.values.chunks_exact(rows * depth).map(|group| Packed::new(group, rows, depth)).collect()
        }
        Op::Linear { weight, .. } => vec![Packed::new(&weight.values, weight.shape[0], weight.shape[1])],
        _ => Vec::new(),
    }
}

/// The output of one node for one image; every input comes with its shape, `packed` is what [`pack`] made of the node.
pub fn compute(node: &Node, inputs: &[(&[f32], &[usize])], packed: &[Packed<f32>]) -> Vec<f32> {
    compute_in(node, inputs, packed, Vec::new())
}

/// The same in the memory of `out`, whose values mean nothing.
fn compute_in(node: &Node, inputs: &[(&[f32], &[usize])], packed: &[Packed<f32>], mut out: Vec<f32>) -> Vec<f32> {
    let (x, shape) = inputs[0];
    let image = || [shape[0], shape[1], shape[2]];
    let plane = |shape: &[usize]| shape[1..].iter().product::<usize>();
    out.resize(node.out_shape.iter().product(), 0.0);
    match &node.op {
        Op::Conv2d { weight, bias, stride, pad, dilation, .. } => {
            let window = Window { kernel: [weight.shape[2], weight.shape[3]], stride: *stride, pad: *pad, dilation: *dilation };
            convolve(x, image(), packed, &window, 0.0, &mut out);
            if let Some(bias) = bias {
                for (out, b) in out.chunks_exact_mut(plane(&node.out_shape)).zip(bias) {
                    out.iter_mut().for_each(|y| *y += b);
                }
            }
        }
        Op::Linear { bias, .. } => {
            packed[0].times_vector(x, &mut out);
            out.iter_mut().zip(bias.iter().flatten()).for_each(|(y, b)| *y += b);
        }
        Op::MaxPool { kernel, stride, pad } => {
            let larger = |a: f32, b: f32| if b > a { b } else { a };
            pool(x, image(), [*kernel, *stride], *pad, &mut out, f32::NEG_INFINITY, larger);
        }
        Op::AvgPool { kernel, stride, pad } => {
            pool(x, image(), [*kernel, *stride], *pad, &mut out, 0.0, |a, b| a + b);
            let taps = (kernel[0] * kernel[1]) as f32;
            out.iter_mut().for_each(|y| *y /= taps);
        }
        Op::GlobalAvgPool => {
            let count = plane(shape) as f32;
            x.chunks_exact(plane(shape)).zip(&mut out).for_each(|(x, y)| *y = x.iter().fold(0.0, |sum, x| sum + x) / count);
        }
        Op::Concat => {
            out.clear();
            inputs.iter().for_each(|(x, _)| out.extend_from_slice(x));
        }
        Op::Subsample { stride } => {
            out.clear();
            for plane in x.chunks_exact(plane(shape)) {
                plane.chunks_exact(shape[2]).step_by(stride[0]).for_each(|row| out.extend(row.iter().step_by(stride[1])));
            }
        }
        Op::PadChannels { before, .. } => {
            out.fill(0.0);
            out[before * plane(shape)..][..x.len()].copy_from_slice(x);
        }
        Op::BatchNorm { .. } | Op::Relu | Op::ClippedRelu { .. } | Op::Flatten | Op::Add => {
            out.copy_from_slice(x);
            change_values(node, &mut out, inputs);
        }
    }
    out
}

/// Whether an output has the values of the (first) input, each changed on its own.
fn changes_values(node: &Node) -> bool {
    matches!(node.op, Op::BatchNorm { .. } | Op::Relu | Op::ClippedRelu { .. } | Op::Flatten | Op::Add)
}

/// Makes the output of such a node from its first input, in place; the values of `inputs[0]` are not looked at.
fn change_values(node: &Node, values: &mut [f32], inputs: &[(&[f32], &[usize])]) {
    match &node.op {
        Op::BatchNorm { gamma, beta, mean, var, eps } => {
            let plane = node.out_shape[1..].iter().product();
            for (c, plane) in values.chunks_exact_mut(plane).enumerate() {
                let scale = f64::from(gamma[c]) / (f64::from(var[c]) + eps).sqrt();
                let shift = (f64::from(beta[c]) - f64::from(mean[c]) * scale) as f32;
                let scale = scale as f32;
                plane.iter_mut().for_each(|x| *x = *x * scale + shift);
            }
        }
        Op::Relu => values.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { 0.0 }),
        Op::ClippedRelu { high } => values.iter_mut().for_each(|x| *x = if *x > *high { *high } else if *x > 0.0 { *x } else { 0.0 }),
        Op::Add => values.iter_mut().zip(inputs[1].0).for_each(|(x, b)| *x += b),
        _ => {} // flattening changes the shape only
    }
}

/// Combines the pixels under a window, row by row, from `start`; padding is skipped.
fn pool(
    x: &[f32], [_, h, w]: [usize; 3], [kernel, stride]: [[usize; 2]; 2], pad: [usize; 4], out: &mut [f32], start: f32,
    combine: impl Fn(f32, f32) -> f32,
) {
    let [oh, ow] = [(h + pad[0] + pad[2] - kernel[0]) / stride[0] + 1, (w + pad[1] + pad[3] - kernel[1]) / stride[1] + 1];
    for (x, out) in x.chunks_exact(h * w).zip(out.chunks_exact_mut(oh * ow)) {
        for (at, y) in out.iter_mut().enumerate() {
            // Positions in the padded image; the part inside the image is what counts.
            let (top, left) = (at / ow * stride[0], at % ow * stride[1]);
            let inside = |begin: usize, taps: usize, pad: usize, size: usize| begin.max(pad) - pad..(begin + taps).clamp(pad, pad + size) - pad;
            *y = start;
            for row in inside(top, kernel[0], pad[0], h) {
                for col in inside(left, kernel[1], pad[1], w) {
                    *y = combine(*y, x[row * w + col]);
                }
            }
        }
    }
}
