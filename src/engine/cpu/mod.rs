//! The CPU engine: one file per pass, each the twin of the shader of the same name; no GPU library in it.
//!
//! A trial programs the whole chip, then every image runs through the network on its own, images in parallel, while
//! the next chip is programmed. So memory does not grow with the number of images or trials.
//!
//! To add a pass: `NAME.rs` here, `shaders/NAME.wgsl` with the same bindings in the same order, its place in
//! `run_steps` and in `gpu::passes`, a case in `tests/twin.rs`.

pub mod add;
pub mod average_pool;
pub mod calibrate;
mod cell_block;
mod code_table;
pub mod code_tables;
pub mod compensate;
pub mod copy_channels;
pub mod crossbar_mvm;
pub mod digital;
mod effective_cells;
mod estimates;
pub mod fill_zero;
pub mod gated_currents;
pub mod gather;
pub mod input_bytes;
pub mod lanes;
pub mod look_up_codes;
pub mod look_up_narrow_sums;
pub mod look_up_sums;
pub mod max_pool;
pub mod noise;
pub mod patterns;
pub mod part_of_chip;
pub mod plain;
pub mod plane_cells;
pub mod product;
mod pool_rows;
pub mod program_cells;
pub mod requantize;
mod row_cells;
mod rows;
mod shares;
pub(crate) mod simd;
pub mod sum_tables;
pub mod tally;
mod tally_layers;
pub mod window;

pub use simd::instruction_set;
pub use tally_layers::tally_layers;

use super::{IntegerImages, Plan, Stop, TrialCounts};
use crate::quantize::{IntegerNetwork, Matrix, Requantize, Step};
use crossbar_mvm::Counts;
use lanes::INTS;
use part_of_chip::PartOfChip;
use product::{Product, VECTORS, Work};
use program_cells::Cells;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use shares::Shares;

/// A point made ready for this engine: per layer and part, how its product is computed.
pub struct Prepared<'a> {
    plan: &'a Plan,
    products: Vec<Vec<Product<'a>>>,
    /// True if the tables of a whole chip fit memory.
    keep_tables: bool,
    /// True if two chips do.
    has_two: bool,
}

/// Bytes of a chip, cells and tables, up to which there are two at a time. Of larger ones there is one, and cells that are in
/// tables are forgotten.
const BYTES_OF_TWO: usize = 128 << 20;
/// Bytes of tables that a chip may keep; a larger one builds them anew for every batch of images.
const TABLE_BYTES: usize = 512 << 20;
/// Bytes of one tensor of a batch of images.
const TENSOR_BYTES: usize = 4 << 20;
/// Most images of a batch: so many that building or loading a table is little beside its use.
const BATCH: usize = 32;

impl<'a> Prepared<'a> {
    /// Chooses kernels for `images` images per chip.
    pub fn new(plan: &'a Plan, images: usize) -> Self {
        let product = |matrix: &'a Matrix, i: usize| {
            let (layer, window) = (&plan.layers[matrix.layer][i].crossbar, &matrix.parts[i].window);
            Product::new(layer, window, matrix.input_bits, matrix.input_zero as u32, plan.kernel, images * window.positions())
        };
        let products: Vec<Vec<Product>> = plan.network.matrices().map(|(_, m)| (0..m.parts.len()).map(|i| product(m, i)).collect()).collect();
        let keep_tables = products.iter().flatten().map(Product::table_bytes).sum::<usize>() <= TABLE_BYTES;
        let prepared = Prepared { plan, products, keep_tables, has_two: false };
        let has_two = prepared.cell_bytes(|_| true) + prepared.table_bytes() <= BYTES_OF_TWO;
        Prepared { has_two, ..prepared }
    }

    /// Per layer and part, how its product is computed.
    pub fn products(&self) -> &[Vec<Product<'a>>] {
        &self.products
    }

    /// Bytes of the tables that a chip keeps.
    pub fn table_bytes(&self) -> usize {
        if self.keep_tables { self.products.iter().flatten().map(Product::table_bytes).sum() } else { 0 }
    }

    /// Whether a chip is so small that the next one is programmed beside its images, in memory of its own.
    pub fn has_two(&self) -> bool {
        self.has_two
    }

    fn cell_bytes(&self, of: impl Fn(&Product) -> bool) -> usize {
        self.products.iter().flatten().filter(|p| of(p)).map(|product| Cells::bytes(product.layer)).sum()
    }

    /// Bytes that running chips takes, about: chips, and what each thread has of a batch of images.
    pub fn bytes(&self) -> usize {
        let threads = rayon::current_num_threads();
        let chips = if self.has_two() {
            threads.min(2) * (self.cell_bytes(|_| true) + self.table_bytes())
        } else {
            let largest = self.products.iter().map(|parts| parts.iter().map(|p| Cells::bytes(p.layer)).max().unwrap_or(0)).max().unwrap_or(0);
            self.table_bytes() + self.cell_bytes(|p| !(self.keep_tables && p.keeps_tables())) + threads * largest
        };
        let of_batch = self.batch() * self.plan.network.most_elements() * size_of::<u32>();
        let sums = |product: &Product| product.layer.columns.next_multiple_of(INTS) * VECTORS.max(product.positions()) * size_of::<i32>();
        let work = self.products.iter().flatten().map(sums).max().unwrap_or(0);
        chips + threads * (of_batch + work)
    }

    /// Most images that run through the network together.
    fn batch(&self) -> usize {
        let largest = self.plan.network.tensors.iter().map(|t| t.len() * 4).max().unwrap_or(1);
        BATCH.min(TENSOR_BYTES / largest.max(1)).max(1)
    }
}

/// A stop that is remembered: once it was seen, what was computed means nothing.
struct Halt<'a> {
    stop: &'a Stop<'a>,
    seen: AtomicBool,
}

impl<'a> Halt<'a> {
    fn new(stop: &'a Stop<'a>) -> Self {
        Halt { stop, seen: AtomicBool::new(false) }
    }

    fn now(&self) -> bool {
        if !self.happened() && (self.stop)() {
            self.seen.store(true, Relaxed);
        }
        self.happened()
    }

    fn happened(&self) -> bool {
        self.seen.load(Relaxed)
    }
}

/// A programmed chip: per layer and part, its cells and tables.
pub struct Chip {
    parts: Vec<Vec<PartOfChip>>,
    /// Per layer and part, accumulators to outputs as the chip corrects them; empty where it does not.
    scales: Vec<Vec<Requantize>>,
    /// Cells cut at the largest representable conductance.
    pub saturated_cells: u64,
}

impl Chip {
    /// A chip that is not programmed yet.
    pub fn blank(prepared: &Prepared) -> Self {
        let parts = prepared.products.iter().map(|products| products.iter().map(|_| PartOfChip::default()).collect());
        Chip { parts: parts.collect(), scales: Vec::new(), saturated_cells: 0 }
    }

    /// Programs the chip `trial` in the place of another; the same chip for every point with the same cells. Once `stop` is
    /// true what is left out means nothing.
    pub fn program(&mut self, prepared: &Prepared, trial: u32, stop: &Stop) {
        let plan = prepared.plan;
        self.parts.par_iter_mut().zip(&prepared.products).for_each(|(parts, products)| {
            for (part, product) in parts.iter_mut().zip(products) {
                if stop() {
                    return;
                }
                part.program(plan, product.layer, trial);
                if prepared.keep_tables {
                    product.build_tables(part);
                    if !prepared.has_two() && product.keeps_tables() {
                        part.cells.forget();
                    }
                }
            }
        });
        self.saturated_cells = self.parts.iter().flatten().map(|p| p.cells.saturated).sum();
        if let Some(reference) = &plan.compensation {
            self.scales = compensate::compensate(prepared, self, reference, stop);
        }
    }

    /// Accumulators to outputs.
    fn scale<'b>(&'b self, plan: &'b Plan, layer: usize, part: usize) -> &'b Requantize {
        self.scales.get(layer).map_or(&plan.layers[layer][part].requantize, |parts| &parts[part])
    }

    /// Runs some images, of which the first has the number `first` in the test set; returns their logits. Once `halt` is true the products are left out: the logits mean nothing.
    fn run(&self, prepared: &Prepared, first: usize, pixels: &[u16], spare: &mut SpareTensors, work: &mut Work, counts: &mut Counts, halt: &Stop) -> Vec<u32> {
        run_steps(&prepared.plan.network, pixels, spare, &mut |layer, matrix, input, output| {
            if halt() {
                return;
            }
            for i in 0..matrix.parts.len() {
                let (product, part) = (&prepared.products[layer][i], &self.parts[layer][i]);
                product.run(part, input, first as u32, self.scale(prepared.plan, layer, i), matrix.parts[i].first_output, output, work, counts);
            }
        })
    }
}

/// Runs the chips `trials` of `plan` on the test images.
pub fn run(plan: &Plan, images: &IntegerImages, trials: Range<u32>, keep_logits: bool) -> Vec<TrialCounts> {
    run_until(plan, images, trials, keep_logits, &|| false).unwrap_or_default()
}

/// The same; `None` once `stop` was true. With several threads the next chip is programmed beside the images of the
/// present one, by threads that have none, unless two are too large.
pub fn run_until(plan: &Plan, images: &IntegerImages, trials: Range<u32>, keep_logits: bool, stop: &Stop) -> Option<Vec<TrialCounts>> {
    let prepared = Prepared::new(plan, images.len());
    let ahead = rayon::current_num_threads() > 1 && prepared.has_two();
    let (mut chip, mut next) = (Chip::blank(&prepared), Chip::blank(&prepared));
    let mut counts = Vec::with_capacity(trials.len());
    for trial in trials.clone() {
        if !ahead || trial == trials.start {
            chip.program(&prepared, trial, stop);
        }
        let run = || run_chip_until(&prepared, &chip, images, keep_logits, stop);
        if ahead && trial + 1 < trials.end {
            counts.push(rayon::join(run, || next.program(&prepared, trial + 1, stop)).0?);
            std::mem::swap(&mut chip, &mut next);
        } else {
            counts.push(run()?);
        }
    }
    Some(counts)
}

/// Runs a programmed chip on the test images.
pub fn run_chip(prepared: &Prepared, chip: &Chip, images: &IntegerImages, keep_logits: bool) -> TrialCounts {
    run_chip_until(prepared, chip, images, keep_logits, &|| false).unwrap_or_default()
}

/// The same; `None` once `stop` was true, which is looked at before every layer of every batch of images.
fn run_chip_until(prepared: &Prepared, chip: &Chip, images: &IntegerImages, keep_logits: bool, stop: &Stop) -> Option<TrialCounts> {
    let threads = rayon::current_num_threads();
    let shares = Shares { next: AtomicUsize::new(0), images: images.len(), batch: prepared.batch(), threads };
    let halt = Halt::new(stop);
    let work_off = |_| {
        let (mut spare, mut work, mut results) = (SpareTensors::default(), Work::default(), Vec::new());
        while let Some(range) = shares.take().filter(|_| !halt.now()) {
            let mut counts = Counts::default();
            let logits = chip.run(prepared, range.start, &images.integers(range.clone()), &mut spare, &mut work, &mut counts, &|| halt.now());
            results.push((range, logits, counts));
        }
        results
    };
    let mut results: Vec<(Range<usize>, Vec<u32>, Counts)> = (0..threads).into_par_iter().with_max_len(1).flat_map_iter(work_off).collect();
    if halt.happened() {
        return None;
    }
    results.sort_unstable_by_key(|(range, ..)| range.start);
    let mut out = TrialCounts { saturated_cells: chip.saturated_cells, ..TrialCounts::default() };
    for (range, logits, counts) in results {
        let labels = &images.labels[range];
        out.correct += digital::correct(&logits, labels);
        out.clipped += counts.clipped;
        if keep_logits {
            out.logits.extend(logits);
        }
    }
    Some(out)
}

/// A tensor of one image or more, as a pass reads it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Elements, `[image][channel][row][column]`.
    pub values: &'a [u32],
    /// [C, H, W] of one image.
    pub shape: [usize; 3],
}

impl<'a> View<'a> {
    /// Images.
    pub fn images(&self) -> usize {
        self.values.len() / self.shape.iter().product::<usize>().max(1)
    }

    /// Elements of one image.
    pub fn image(&self, index: usize) -> &'a [u32] {
        let size = self.shape.iter().product::<usize>();
        &self.values[index * size..(index + 1) * size]
    }

    /// One image as a view of its own, with its part of `output`.
    fn each<'b>(self, output: &'b mut [u32]) -> impl Iterator<Item = (View<'a>, &'b mut [u32])> {
        let of_image = output.len() / self.images().max(1);
        let shape = self.shape;
        output.chunks_mut(of_image.max(1)).enumerate().map(move |(i, out)| (View { values: self.image(i), shape }, out))
    }
}

/// How a layer with weights is computed: (layer, matrix, input, output).
pub type MatrixProduct<'a> = dyn FnMut(usize, &Matrix, View, &mut [u32]) + 'a;

/// Memory of tensors that nobody reads any more, for the next ones: fresh memory costs more than what is written to it.
#[derive(Default)]
pub struct SpareTensors(Vec<Vec<u32>>);

impl SpareTensors {
    /// Memory of at least `elements`, whose values mean nothing: the shortest that will do, or what is there made longer.
    fn take(&mut self, elements: usize) -> Vec<u32> {
        let best = (0..self.0.len()).min_by_key(|&i| (self.0[i].len() < elements, self.0[i].len().abs_diff(elements)));
        let mut memory = best.map(|i| self.0.swap_remove(i)).unwrap_or_default();
        if memory.len() < elements {
            memory.resize(elements, 0);
        }
        memory
    }

    fn keep(&mut self, memory: Vec<u32>) {
        if !memory.is_empty() {
            self.0.push(memory);
        }
    }
}

/// Runs one image or more, `[image][element]`, through the steps; `product` computes the layers with weights. Returns
/// the logits `[image][class]`.
pub fn run_steps(network: &IntegerNetwork, pixels: &[u16], spare: &mut SpareTensors, product: &mut MatrixProduct) -> Vec<u32> {
    let images = pixels.len() / network.tensors[0].len();
    let last_use = network.last_uses();
    let elements = |t: usize| images * network.tensors[t].len();
    let mut tensors: Vec<Vec<u32>> = vec![Vec::new(); network.tensors.len()];
    tensors[0] = spare.take(pixels.len());
    tensors[0].iter_mut().zip(pixels).for_each(|(to, &v)| *to = u32::from(v));
    for (i, step) in network.steps.iter().enumerate() {
        let out = step.output();
        // A tensor can be written in several steps: concatenation.
        let mut memory = std::mem::take(&mut tensors[out]);
        if memory.is_empty() {
            memory = spare.take(elements(out));
        }
        let output = &mut memory[..elements(out)];
        let view = |t: usize| View { values: &tensors[t][..elements(t)], shape: network.tensors[t].shape };
        let zero = |t: usize| network.tensors[t].zero_point;
        match step {
            Step::Matrix { input, matrix, .. } => product(matrix.layer, matrix, view(*input), output),
            Step::Add { inputs, shift, low, high, .. } => {
                let terms: Vec<_> = inputs.iter().map(|&(t, m)| (view(t), m, zero(t))).collect();
                add::add(&terms, output, *shift, zero(out), [*low, *high]);
            }
            Step::MaxPool { input, window, .. } => view(*input).each(output).for_each(|(input, out)| max_pool::max_pool(input, out, window)),
            Step::AveragePool { input, window, multiplier, shift, low, high, .. } => {
                let zeros = [zero(*input), zero(out)];
                view(*input).each(output).for_each(|(input, out)| average_pool::average_pool(input, out, window, zeros, *multiplier, *shift, [*low, *high]));
            }
            Step::CopyChannels { input, first_channel, stride, .. } => {
                let shape = network.tensors[out].shape;
                view(*input).each(output).for_each(|(input, out)| copy_channels::copy_channels(input, out, shape, *first_channel, *stride));
            }
            Step::FillZero { .. } => fill_zero::fill_zero(output, zero(out) as u32),
        }
        tensors[out] = memory;
        // The memory of a tensor that nobody reads again is free, so that memory is that of the widest place.
        for t in step.inputs() {
            if last_use[t] == i && t != network.output {
                spare.keep(std::mem::take(&mut tensors[t]));
            }
        }
    }
    let logits = tensors[network.output][..elements(network.output)].to_vec();
    tensors.into_iter().for_each(|memory| spare.keep(memory));
    logits
}
