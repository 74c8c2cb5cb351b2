//! One layer's product on its own: for `bwq mvm`, benchmarks and the tests against the twin.

use super::GpuEngine;
use super::batch::{BatchLimits, PartSize, inputs_bytes, stays};
use super::device::ReadBack;
use super::layout::TrialCounters;
use super::product::{Buffers, Extent, Product, View, inputs_of_vector, of_columns};
use super::recorder::Recorder;
use super::selection::TableShape;
use crate::crossbar::CrossbarLayer;
use crate::device::QuantileTable;
use crate::engine::Kernel;
use crate::error::{Error, Result};
use crate::quantize::Window;
use std::ops::Range;

/// What a layer is multiplied with.
#[derive(Debug, Clone, Copy)]
pub struct MvmInput<'a> {
    /// Cells, groups, converter.
    pub layer: &'a CrossbarLayer,
    /// Inputs of a position.
    pub window: &'a Window,
    /// Input that stands for zero (padding).
    pub zero: u32,
    /// Input tensors, `[image][channel][row][column]`.
    pub input: &'a [u32],
    /// [C, H, W] of one.
    pub shape: [usize; 3],
}

/// Where conductances come from.
#[derive(Debug, Clone)]
pub enum Cells<'a> {
    /// Drawn for chips: table, seed, trials.
    Drawn(&'a QuantileTable, u64, Range<u32>),
    /// Given, `[row][converted column]`, as of one chip.
    Given(&'a [i32]),
}

/// A product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MvmOutput {
    /// How it was computed.
    pub kernel: Kernel,
    /// Columns of a tile.
    pub tile: usize,
    /// `[trial][image][position][accumulator]`.
    pub accumulators: Vec<i64>,
    /// Conductances of drawn cells, `[trial][row][converted column]`; empty for given ones and unless asked for.
    pub cells: Vec<i32>,
    /// Patterns `[unit][vector][step]` as the table kernels read them; empty unless kept, and if not all are there at once.
    pub patterns: Vec<u32>,
    /// Tables of trial after trial, tile of columns after tile, as the table kernels make them; empty unless kept.
    pub tables: Vec<u32>,
    /// Clipped conversions of patterns, in the same order; empty unless kept.
    pub clips: Vec<u32>,
    /// Clipped conversions, per trial.
    pub clipped: Vec<u64>,
    /// Cells cut at the largest representable conductance, per trial.
    pub saturated_cells: Vec<u64>,
}

impl GpuEngine {
    /// Runs the product of one layer, chip by chip, by the kernel of the limits; `keep` also returns the conductances
    /// drawn, the patterns and the tables.
    pub fn mvm(&self, given: &MvmInput, cells: &Cells, keep: bool) -> Result<MvmOutput> {
        self.mvm_by(self.limits.kernel, given, cells, keep)
    }

    /// The same by a given kernel, or the fastest.
    pub fn mvm_by(&self, kernel: Option<Kernel>, given: &MvmInput, cells: &Cells, keep: bool) -> Result<MvmOutput> {
        let limits = BatchLimits { kernel, ..self.limits };
        let (device, layer) = (&self.device, given.layer);
        let elements = given.shape.iter().product::<usize>().max(1);
        let images = given.input.len() / elements;
        let expected = layer.rows * layer.converted_columns();
        if let Cells::Given(values) = cells
            && values.len() != expected
        {
            return Err(Error::internal(format!("{} cells given, {expected} expected", values.len())));
        }
        if layer.wires.is_some() && matches!(cells, Cells::Drawn(..)) {
            return Err(Error::internal("cells on wires are programmed by the host, and then given"));
        }
        let positions = given.window.positions();
        let per_image = positions * layer.accumulators();
        let at_once = (device.binding_bytes / (per_image.max(elements) * 8) as u64).min(self.limits.images as u64) as usize;
        if at_once == 0 {
            return Err(device.too_large(&format!("one image of layer `{}`", layer.name), per_image as u64 * 8));
        }
        let at_once = at_once.min(images.max(1));
        let size = PartSize::new(layer, at_once * positions, &limits, device)?;
        let product = Product::upload(device, layer, given.window, given.zero, size, stays(std::iter::once(layer), &limits))?;
        let shape = TableShape::new(layer, size.kernel);
        let (knots, seed, trials) = match cells {
            Cells::Drawn(table, seed, trials) => (device.upload("quantiles", &table.knots)?, *seed, trials.clone()),
            Cells::Given(_) => (device.storage("quantiles", 0)?, 0, 0..1),
        };
        let mut out = MvmOutput {
            kernel: size.kernel,
            tile: size.columns,
            accumulators: Vec::new(),
            cells: Vec::new(),
            patterns: Vec::new(),
            tables: Vec::new(),
            clips: Vec::new(),
            clipped: Vec::new(),
            saturated_cells: Vec::new(),
        };
        let tables = device.storage("tables", shape.as_ref().map_or(0, |t| t.bytes(size.columns)))?;
        let clips = device.storage("clipped conversions of patterns", shape.as_ref().map_or(0, TableShape::clips_bytes))?;
        let inputs_bytes = inputs_bytes(layer, size.kernel, given.window, at_once, &limits, device)?;
        let inputs = device.storage("inputs of every row", inputs_bytes)?;
        let accumulators = device.storage("accumulators", (at_once * per_image * 8) as u64)?;
        let cells_of_tile = device.storage("cells", (expected / layer.columns * size.columns.min(layer.columns) * 4) as u64)?;
        // Uploaded once where all images fit at once.
        let upload = |some: &Range<usize>| device.upload("input", &given.input[some.start * elements..some.end * elements]);
        let all = if at_once == images { Some(upload(&(0..images))?) } else { None };
        // What is read back while the device goes on: accumulators, and after the last images of a chip its counters.
        let mut former: Option<(ReadBack, Option<ReadBack>)> = None;
        let read = |out: &mut MvmOutput, (accumulators, counters): (ReadBack, Option<ReadBack>)| -> Result<()> {
            out.accumulators.extend(accumulators.wait::<i64>(device, &layer.name)?);
            if let Some(counters) = counters {
                let counted: Vec<TrialCounters> = counters.wait(device, &layer.name)?;
                out.clipped.extend(counted.iter().map(TrialCounters::clipped));
                out.saturated_cells.extend(counted.iter().map(TrialCounters::saturated));
            }
            Ok(())
        };
        for trial in trials {
            let counters = device.storage("counters", size_of::<TrialCounters>() as u64)?;
            let mut kept = if keep && matches!(cells, Cells::Drawn(..)) { vec![0; expected] } else { Vec::new() };
            for first in (0..images).step_by(at_once) {
                let some = first..(first + at_once).min(images);
                let input = match &all {
                    Some(all) => all,
                    None => &upload(&some)?,
                };
                let view = View { buffer: input, shape: given.shape, trial_stride: 0 };
                let extent = Extent { images: some.len(), trials: trial..trial + 1, antithetic: false, count_cells: first == 0 };
                product.for_each_tile(device, &mut Recorder::new(device), |tile, recorder| {
                    let buffers = Buffers { knots: &knots, inputs: &inputs, inputs_bytes, cells: &cells_of_tile, tables: &tables, clips: &clips, accumulators: &accumulators, counters: &counters };
                    match cells {
                        Cells::Given(values) => device.queue.write_buffer(&cells_of_tile, 0, bytemuck::cast_slice(&of_columns(values, layer.columns, &tile.columns))),
                        Cells::Drawn(..) => product.program_cells(device, &self.passes, recorder, tile, seed, &extent, &buffers),
                    }
                    product.multiply(device, &self.passes, recorder, tile, view, &extent, &buffers)?;
                    recorder.submit(&layer.name)?;
                    if !kept.is_empty() {
                        let values: Vec<i32> = device.read(&cells_of_tile, expected / layer.columns * tile.columns.len(), &layer.name)?;
                        let rows = kept.chunks_exact_mut(layer.columns).zip(values.chunks_exact(tile.columns.len()));
                        rows.for_each(|(row, values)| row[tile.columns.clone()].copy_from_slice(values));
                    }
                    let (Some(shape), true) = (&shape, keep && first == 0) else { return Ok(()) };
                    out.tables.extend(device.read::<u32>(&tables, shape.bytes(tile.columns.len()) as usize / 4, &layer.name)?);
                    out.clips.extend(device.read::<u32>(&clips, shape.rows(), &layer.name)?);
                    let vectors = some.len() * positions;
                    if out.patterns.is_empty() && vectors <= product.vectors_at_once(inputs_bytes) {
                        out.patterns = device.read(&inputs, vectors * inputs_of_vector(layer, Some(shape)) as usize / 4, &layer.name)?;
                    }
                    Ok(())
                })?;
                let of_images = device.read_later(&accumulators, (some.len() * per_image * 8) as u64, &layer.name)?;
                let of_chip = (some.end == images).then(|| device.read_later(&counters, size_of::<TrialCounters>() as u64, &layer.name)).transpose()?;
                if let Some(former) = former.replace((of_images, of_chip)) {
                    read(&mut out, former)?;
                }
            }
            out.cells.extend(kept);
        }
        if let Some(former) = former {
            read(&mut out, former)?;
        }
        Ok(out)
    }
}
