//! Some chips on some images: tensors, cells and counters on the device, and one method per kind of step.

use super::GpuEngine;
use super::batch::Batch;
use super::device::{Device, ReadBack};
use super::layout::{Add, AveragePool, CopyChannels, FillZero, MaxPool, Tally, TrialCounters, Window};
use super::recorder::Recorder;
use super::product::{Buffers, Extent, Product, Scale, View};
use crate::engine::cpu::program_cells::{Cells, program_cells};
use crate::engine::{IntegerImages, PlacedPart, Plan};
use crate::error::{Error, Result};
use crate::quantize::{Matrix, Step};
use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::Range;
use wgpu::{Buffer, SubmissionIndex};

/// What stays on the device for all chips of a run.
pub struct Loaded<'a> {
    device: &'a Device,
    /// Per layer and part.
    layers: Vec<Vec<(Product<'a>, Scale)>>,
    knots: Buffer,
    ideal_knots: Buffer,
    input: Buffer,
    labels: Buffer,
    /// Images that are there.
    images: RefCell<Range<usize>>,
    slots: Vec<Buffer>,
    inputs: Buffer,
    cells: Buffer,
    tables: Buffer,
    clips: Buffer,
    accumulators: Buffer,
}

impl<'a> Loaded<'a> {
    /// Uploads the layers of `plan` and makes room for a batch.
    pub fn new(device: &'a Device, plan: &'a Plan, batch: &Batch) -> Result<Self> {
        let part = |layer: usize, part: usize, matrix: &'a Matrix| {
            let (placed, of_network) = (&plan.layers[layer][part], &matrix.parts[part]);
            let size = batch.parts[layer][part];
            let product = Product::upload(device, &placed.crossbar, &of_network.window, matrix.input_zero as u32, size, batch.resident)?;
            let scale = Scale::upload(device, &placed.requantize, &placed.crossbar, &of_network.window, of_network.first_output)?;
            Ok((product, scale))
        };
        let layers = plan.network.matrices().map(|(_, matrix)| (0..matrix.parts.len()).map(|p| part(matrix.layer, p, matrix)).collect());
        let each = (batch.images * batch.trials) as u64;
        let loaded = Loaded {
            device,
            layers: layers.collect::<Result<_>>()?,
            knots: device.upload("quantiles", &plan.table.knots)?,
            ideal_knots: device.upload("quantiles of digital layers", &plan.ideal_table.knots)?,
            input: device.reuse("images", (batch.images * plan.network.tensors[0].len() * 4) as u64)?,
            labels: device.reuse("labels", (batch.images * 4) as u64)?,
            images: RefCell::new(0..0),
            slots: batch.slots.elements.iter().map(|&elements| device.reuse("tensors", each * elements as u64 * 4)).collect::<Result<_>>()?,
            inputs: device.reuse("inputs of every row", batch.inputs_bytes)?,
            cells: device.reuse("cells", (batch.cells * batch.trials * 4) as u64)?,
            tables: device.reuse("tables", batch.tables_bytes[0] * batch.trials as u64)?,
            clips: device.reuse("clipped conversions of patterns", batch.tables_bytes[1] * batch.trials as u64)?,
            accumulators: device.reuse("accumulators", each * batch.accumulators as u64 * 8)?,
        };
        device.forget_spare();
        Ok(loaded)
    }
}

impl Drop for Loaded<'_> {
    fn drop(&mut self) {
        let others = [&self.input, &self.labels, &self.inputs, &self.cells, &self.tables, &self.clips, &self.accumulators];
        self.device.keep(self.slots.iter().chain(others).cloned());
    }
}

/// Chips at work.
pub struct Chips<'a> {
    /// The device and its passes.
    pub engine: &'a GpuEngine,
    /// What they compute.
    pub plan: &'a Plan,
    /// Sizes.
    pub batch: &'a Batch,
    /// Buffers.
    pub loaded: &'a Loaded<'a>,
    /// Which chips.
    pub trials: Range<u32>,
    /// Counts per chip.
    pub counters: Buffer,
    /// Images of the current batch.
    pub images: Range<usize>,
    /// Cells that the host programs, `[layer][part][trial]`; empty where the device draws them.
    host_cells: Vec<Vec<Vec<Cells>>>,
    /// The end of the former batch.
    in_flight: Option<SubmissionIndex>,
}

impl<'a> Chips<'a> {
    /// Chips `trials`, at most as many as a batch takes.
    pub fn new(engine: &'a GpuEngine, plan: &'a Plan, batch: &'a Batch, loaded: &'a Loaded<'a>, trials: Range<u32>) -> Result<Self> {
        let counters = engine.device.storage("counters", (trials.len() * size_of::<TrialCounters>()) as u64)?;
        let host_cells = if plan.host_cells { host_cells(plan, trials.clone()) } else { Vec::new() };
        Ok(Chips { engine, plan, batch, loaded, trials, counters, images: 0..0, host_cells, in_flight: None })
    }

    /// Puts the images `range` of `images` on the device, if the chips before these have not left them there.
    pub fn load_images(&mut self, images: &IntegerImages, range: Range<usize>) -> Result<()> {
        self.images = range.clone();
        if self.loaded.images.replace(range.clone()) == range {
            return Ok(());
        }
        let values: Vec<u32> = images.integers(range.clone()).iter().map(|&v| u32::from(v)).collect();
        let device = &self.engine.device;
        device.queue.write_buffer(&self.loaded.input, 0, bytemuck::cast_slice(&values));
        device.queue.write_buffer(&self.loaded.labels, 0, bytemuck::cast_slice(&images.labels[range]));
        device.check("images")
    }

    /// Records one step of the network.
    pub fn run(&self, step: &Step, recorder: &mut Recorder) -> Result<()> {
        match step {
            Step::Matrix { input, output, matrix } => self.matrix(recorder, *input, *output, matrix)?,
            Step::Add { inputs, output, shift, low, high } => self.add(recorder, inputs, *output, *shift, [*low, *high])?,
            Step::MaxPool { input, output, window } => {
                let view = self.view(*input)?;
                let uniform = MaxPool {
                    window: Window::new(window, view.shape),
                    images: self.images.len() as u32,
                    trials: self.trials.len() as u32,
                    input_trial_stride: view.trial_stride as u32,
                    channels: view.shape[0] as u32,
                };
                self.engine.passes.max_pool.record_folded(&self.engine.device, recorder, &uniform, &[view.buffer, self.out(*output)?], self.elements(*output));
            }
            Step::AveragePool { input, output, window, multiplier, shift, low, high } => {
                let view = self.view(*input)?;
                let uniform = AveragePool {
                    window: Window::new(window, view.shape),
                    images: self.images.len() as u32,
                    trials: self.trials.len() as u32,
                    input_trial_stride: view.trial_stride as u32,
                    channels: view.shape[0] as u32,
                    input_zero: self.zero(*input),
                    zero: self.zero(*output),
                    multiplier: *multiplier,
                    shift: *shift,
                    low: *low,
                    high: *high,
                };
                self.engine.passes.average_pool.record_folded(&self.engine.device, recorder, &uniform, &[view.buffer, self.out(*output)?], self.elements(*output));
            }
            Step::CopyChannels { input, output, first_channel, stride } => {
                let (view, out_shape) = (self.view(*input)?, self.plan.network.tensors[*output].shape);
                let uniform = CopyChannels {
                    first_channel: *first_channel as u32,
                    images: self.images.len() as u32,
                    trials: self.trials.len() as u32,
                    input_trial_stride: view.trial_stride as u32,
                    ..CopyChannels::sizes(view.shape, out_shape, *stride)
                };
                let copied = self.elements(*output) / out_shape[0] as u64 * view.shape[0] as u64;
                self.engine.passes.copy_channels.record_folded(&self.engine.device, recorder, &uniform, &[view.buffer, self.out(*output)?], copied);
            }
            Step::FillZero { output } => {
                let uniform = FillZero { zero: self.zero(*output) as u32, elements: self.elements(*output) as u32 };
                self.engine.passes.fill_zero.record_folded(&self.engine.device, recorder, &uniform, &[self.out(*output)?], self.elements(*output));
            }
        }
        Ok(())
    }

    /// A layer with weights: for every part, cells and product tile by tile, then outputs.
    fn matrix(&self, recorder: &mut Recorder, input: usize, output: usize, matrix: &Matrix) -> Result<()> {
        let (device, passes, loaded) = (&self.engine.device, &self.engine.passes, self.loaded);
        let extent = Extent { images: self.images.len(), trials: self.trials.clone(), antithetic: self.plan.antithetic, count_cells: self.images.start == 0 };
        let view = self.view(input)?;
        for (part, ((product, scale), placed)) in loaded.layers[matrix.layer].iter().zip(&self.plan.layers[matrix.layer]).enumerate() {
            let buffers = Buffers {
                knots: if placed.crossbar.digital { &loaded.ideal_knots } else { &loaded.knots },
                inputs: &loaded.inputs,
                inputs_bytes: self.batch.inputs_bytes,
                cells: &loaded.cells,
                tables: &loaded.tables,
                clips: &loaded.clips,
                accumulators: &loaded.accumulators,
                counters: &self.counters,
            };
            product.for_each_tile(device, recorder, |tile, recorder| {
                match self.host_cells.get(matrix.layer) {
                    Some(parts) => {
                        recorder.submit(&matrix.name)?; // what reads the former cells
                        product.load_cells(device, tile, &parts[part], &loaded.cells);
                    }
                    None => product.program_cells(device, passes, recorder, tile, self.plan.seed, &extent, &buffers),
                }
                product.multiply(device, passes, recorder, tile, view, &extent, &buffers)?;
                recorder.did(product.work(tile, &extent), &matrix.name)
            })?;
            let out_elements = self.plan.network.tensors[output].len();
            scale.requantize(device, passes, recorder, self.trials.len() * self.images.len(), out_elements, &loaded.accumulators, self.out(output)?);
        }
        Ok(())
    }

    /// Cells of chip `trial` (counted from the first) that were cut on the host.
    pub fn cut_on_host(&self, trial: usize) -> u64 {
        self.host_cells.iter().flatten().map(|chips| chips[trial].saturated).sum()
    }

    fn add(&self, recorder: &mut Recorder, inputs: &[(usize, i32)], output: usize, shift: u32, [low, high]: [i32; 2]) -> Result<()> {
        let &[(first, first_multiplier), ref more @ ..] = inputs else { return Err(Error::internal("a sum of nothing")) };
        // A single term: the second is bound, but not read.
        let (second, second_multiplier) = *more.first().unwrap_or(&(first, 0));
        if more.len() > 1 {
            return Err(Error::internal(format!("a sum of {} tensors; the shader takes two", inputs.len())));
        }
        let (a, b) = (self.view(first)?, self.view(second)?);
        let uniform = Add {
            terms: inputs.len() as u32,
            shift,
            zero: self.zero(output),
            low,
            high,
            first_multiplier,
            first_zero: self.zero(first),
            first_trial_stride: a.trial_stride as u32,
            second_multiplier,
            second_zero: self.zero(second),
            second_trial_stride: b.trial_stride as u32,
            of_trial: (self.images.len() * self.plan.network.tensors[output].len()) as u32,
            trials: self.trials.len() as u32,
        };
        self.engine.passes.add.record_folded(&self.engine.device, recorder, &uniform, &[a.buffer, b.buffer, self.out(output)?], self.elements(output));
        Ok(())
    }

    /// Counts the images classified as labelled, and hands over what is recorded. The device goes on with the next images while they are prepared; only
    /// the batch before this one must be done, so that what is on its way stays bounded.
    pub fn tally(&mut self, mut recorder: Recorder) -> Result<()> {
        let logits = self.view(self.plan.network.output)?;
        let uniform = Tally {
            classes: logits.shape.iter().product::<usize>() as u32,
            images: self.images.len() as u32,
            trials: self.trials.len() as u32,
            trial_stride: logits.trial_stride as u32,
        };
        let invocations = (self.trials.len() * self.images.len()) as u64;
        self.engine.passes.tally.record_folded(&self.engine.device, &mut recorder, &uniform, &[logits.buffer, &self.loaded.labels, &self.counters], invocations);
        let submission = recorder.submit("tally")?;
        match self.in_flight.replace(submission) {
            Some(former) => self.engine.device.wait_for(former, "tally"),
            None => Ok(()),
        }
    }

    /// Logits of the current images, `[trial][image][class]`, or those of one chip where all have the same.
    pub fn read_logits(&self) -> Result<ReadBack> {
        let logits = self.view(self.plan.network.output)?;
        let chips = if logits.trial_stride == 0 { 1 } else { self.trials.len() };
        let elements = chips * self.images.len() * logits.shape.iter().product::<usize>();
        self.engine.device.read_later(logits.buffer, elements as u64 * 4, "logits")
    }

    /// A tensor of one of the current images, of the first chip.
    pub fn read_tensor(&self, tensor: usize, image: usize) -> Result<Vec<u32>> {
        let view = self.view(tensor)?;
        let of_image = view.shape.iter().product::<usize>();
        Ok(self.engine.device.read::<u32>(view.buffer, (image + 1) * of_image, "a tensor")?.split_off(image * of_image))
    }

    /// Counts per chip, once all is done that was handed over so far.
    pub fn read_counters(&self) -> Result<ReadBack> {
        self.engine.device.read_later(&self.counters, (self.trials.len() * size_of::<TrialCounters>()) as u64, "counters")
    }

    fn slot(&self, tensor: usize) -> Result<&'a Buffer> {
        let slot = self.batch.slots.of[tensor].ok_or_else(|| Error::internal(format!("tensor {tensor} is read before it is written")))?;
        Ok(&self.loaded.slots[slot])
    }

    /// A tensor to read. The input is the same for all chips.
    fn view(&self, tensor: usize) -> Result<View<'a>> {
        let shape = self.plan.network.tensors[tensor].shape;
        if tensor == 0 {
            return Ok(View { buffer: &self.loaded.input, shape, trial_stride: 0 });
        }
        Ok(View { buffer: self.slot(tensor)?, shape, trial_stride: self.images.len() * shape.iter().product::<usize>() })
    }

    /// A tensor to write.
    fn out(&self, tensor: usize) -> Result<&'a Buffer> {
        self.slot(tensor)
    }

    fn zero(&self, tensor: usize) -> i32 {
        self.plan.network.tensors[tensor].zero_point
    }

    /// Elements of a tensor, of all chips and images.
    fn elements(&self, tensor: usize) -> u64 {
        (self.trials.len() * self.images.len() * self.plan.network.tensors[tensor].len()) as u64
    }
}

/// The cells of some chips, programmed by the CPU engine.
fn host_cells(plan: &Plan, trials: Range<u32>) -> Vec<Vec<Vec<Cells>>> {
    let of_part = |part: &PlacedPart| {
        let (table, effects) = plan.laws_of(&part.crossbar);
        trials.clone().map(|trial| program_cells(&part.crossbar, table, effects, plan.seed, plan.chip(trial))).collect()
    };
    plan.layers.par_iter().map(|parts| parts.iter().map(of_part).collect()).collect()
}
