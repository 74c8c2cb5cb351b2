//! The CPU engine: one file per pass, each the twin of the shader of the same name; no GPU library in it.
//!
//! A trial programs the whole chip, then every image runs through the network on its own, images in parallel.
//! So memory does not grow with the number of images or trials.
//!
//! To add a pass: `NAME.rs` here, `shaders/NAME.wgsl` with the same bindings in the same order, its place in
//! `run_steps` and in `gpu::passes`, a case in `tests/twin.rs`.

pub mod add;
pub mod average_pool;
pub mod calibrate;
pub mod code_tables;
pub mod copy_channels;
pub mod crossbar_mvm;
pub mod digital;
pub mod fill_zero;
pub mod gather;
pub mod look_up_codes;
pub mod look_up_sums;
pub mod max_pool;
pub mod patterns;
pub mod program_cells;
pub mod requantize;
mod simd;
pub mod sum_tables;
pub mod tally;
pub mod window;

pub use simd::instruction_set;

use super::{IntegerImages, LayerTally, Plan, TrialCounts};
use crate::quantize::{IntegerNetwork, Matrix, Step};
use crossbar_mvm::{Counts, Mvm};
use program_cells::Cells;
use rayon::prelude::*;

/// A programmed chip: the cells of every part of every layer.
pub struct Chip {
    /// Per layer and part.
    pub layers: Vec<Vec<Cells>>,
    /// Cells cut at the largest representable conductance.
    pub saturated_cells: u64,
}

impl Chip {
    /// Programs the chip `trial`; the same chip for every point with the same cells.
    pub fn program(plan: &Plan, trial: u32) -> Self {
        let layers: Vec<Vec<Cells>> = plan
            .layers
            .iter()
            .map(|parts| {
                let table = |digital: bool| if digital { &plan.ideal_table } else { &plan.table };
                parts.iter().map(|p| program_cells::program_cells(&p.crossbar, table(p.crossbar.digital), plan.seed, trial)).collect()
            })
            .collect();
        let saturated_cells = layers.iter().flatten().map(|c| c.saturated).sum();
        Chip { layers, saturated_cells }
    }
}

/// Runs chip `trial` on the test images.
pub fn run_trial(plan: &Plan, images: &IntegerImages, trial: u32, keep_logits: bool) -> TrialCounts {
    let chip = Chip::program(plan, trial);
    let results: Vec<(Vec<u32>, Counts)> = (0..images.len())
        .into_par_iter()
        .map(|i| {
            let mut counts = Counts::default();
            let logits = run_steps(&plan.network, images.image(i), &mut |layer, matrix, input, output| {
                for (part, (placed, cells)) in plan.layers[layer].iter().zip(&chip.layers[layer]).enumerate() {
                    let window = &matrix.parts[part].window;
                    let mut mvm = Mvm::new(&placed.crossbar, window, matrix.input_zero as u32);
                    mvm.run(cells, input.values, input.shape, &mut counts);
                    requantize::requantize(&placed.requantize, &mvm, matrix.parts[part].first_output, output);
                }
            });
            (logits, counts)
        })
        .collect();
    let mut out = TrialCounts { saturated_cells: chip.saturated_cells, ..TrialCounts::default() };
    for (i, (logits, counts)) in results.iter().enumerate() {
        out.correct += u64::from(tally::is_correct(logits, images.labels[i]));
        out.clipped += counts.clipped;
        if keep_logits {
            out.logits.extend(logits);
        }
    }
    out
}

/// The chip `trial` on the first images, layer by layer: where does it break?
pub fn tally_layers(plan: &Plan, images: &IntegerImages, trial: u32) -> Vec<LayerTally> {
    let chip = Chip::program(plan, trial);
    let error_free: Vec<Vec<Cells>> = plan
        .layers
        .iter()
        .map(|parts| parts.iter().map(|p| program_cells::nominal_cells(&p.crossbar, if p.crossbar.digital { &plan.ideal_table } else { &plan.table })).collect())
        .collect();
    let exact = digital::pack(&plan.network);
    let sums: Vec<Vec<LayerTally>> = (0..images.len())
        .into_par_iter()
        .map(|i| {
            let mut tallies = vec![LayerTally::default(); plan.layers.len()];
            run_steps(&plan.network, images.image(i), &mut |layer, matrix, input, output| {
                for (part, (placed, cells)) in plan.layers[layer].iter().zip(&chip.layers[layer]).enumerate() {
                    let of_part = &matrix.parts[part];
                    let mut counts = Counts::default();
                    let mut mvm = Mvm::new(&placed.crossbar, &of_part.window, matrix.input_zero as u32);
                    mvm.compare(&error_free[layer][part]);
                    mvm.run(cells, input.values, input.shape, &mut counts);
                    requantize::requantize(&placed.requantize, &mvm, of_part.first_output, output);
                    let exact = exact[layer][part].product(matrix.input_zero as u32, input);
                    tallies[layer].add(placed, &counts, &mvm, &exact, of_part.window.positions());
                }
            });
            tallies
        })
        .collect();
    sums.iter().fold(vec![LayerTally::default(); plan.layers.len()], |mut total, tallies| {
        total.iter_mut().zip(tallies).for_each(|(a, b)| a.merge(b));
        total
    })
}

/// A tensor of one image as a pass reads it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Elements, `[channel][row][column]`.
    pub values: &'a [u32],
    /// [C, H, W].
    pub shape: [usize; 3],
}

/// How a layer with weights is computed: (layer, matrix, input, output).
pub type MatrixProduct<'a> = dyn FnMut(usize, &Matrix, View, &mut [u32]) + 'a;

/// Runs one image through the steps; `product` computes the layers with weights. Returns the logits.
pub fn run_steps(network: &IntegerNetwork, image: &[u16], product: &mut MatrixProduct) -> Vec<u32> {
    let mut last_use = vec![0; network.tensors.len()];
    for (i, step) in network.steps.iter().enumerate() {
        step.inputs().iter().for_each(|&t| last_use[t] = i);
    }
    let mut tensors: Vec<Vec<u32>> = vec![Vec::new(); network.tensors.len()];
    tensors[0] = image.iter().map(|&v| u32::from(v)).collect();
    for (i, step) in network.steps.iter().enumerate() {
        let out = step.output();
        let mut output = std::mem::take(&mut tensors[out]);
        output.resize(network.tensors[out].len(), 0);
        let view = |t: usize| View { values: &tensors[t], shape: network.tensors[t].shape };
        let zero = |t: usize| network.tensors[t].zero_point;
        match step {
            Step::Matrix { input, matrix, .. } => product(matrix.layer, matrix, view(*input), &mut output),
            Step::Add { inputs, shift, low, high, .. } => {
                let terms: Vec<_> = inputs.iter().map(|&(t, m)| (view(t), m, zero(t))).collect();
                add::add(&terms, &mut output, *shift, zero(out), [*low, *high]);
            }
            Step::MaxPool { input, window, .. } => max_pool::max_pool(view(*input), &mut output, window),
            Step::AveragePool { input, window, multiplier, shift, low, high, .. } => {
                average_pool::average_pool(view(*input), &mut output, window, [zero(*input), zero(out)], *multiplier, *shift, [*low, *high]);
            }
            Step::CopyChannels { input, first_channel, stride, .. } => {
                copy_channels::copy_channels(view(*input), &mut output, network.tensors[out].shape, *first_channel, *stride);
            }
            Step::FillZero { .. } => fill_zero::fill_zero(&mut output, zero(out) as u32),
        }
        tensors[out] = output;
        // A tensor that nobody reads again is dropped, so that memory is that of the widest place.
        for t in step.inputs() {
            if last_use[t] == i && t != network.output {
                tensors[t] = Vec::new();
            }
        }
    }
    std::mem::take(&mut tensors[network.output])
}
