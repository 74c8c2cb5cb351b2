//! One part of a layer on the device: its cells and constants, and the passes of its product, tile by tile.

use super::batch::{PartSize, cells_per_column, tiles};
use super::device::Device;
use super::layout::{Converter, CrossbarMvm, Gather, ProgramCells, Requantize, Window};
use super::passes::{Passes, Variant};
use super::recorder::Recorder;
use super::selection::TableShape;
use super::tables::Tables;
use crate::crossbar::CrossbarLayer;
use crate::engine::Kernel;
use crate::engine::cpu::plain::patterns;
use crate::engine::cpu::program_cells::Cells;
use crate::error::Result;
use crate::quantize;
use std::ops::Range;
use wgpu::Buffer;

/// Rounds of all loops of an invocation: a quarter of lavapipe's limit, as the estimates count no more than the inner ones.
const ROUNDS: usize = 1 << 14;

/// A tensor on the device, `[trial][image][element]`.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Its buffer.
    pub buffer: &'a Buffer,
    /// [C, H, W].
    pub shape: [usize; 3],
    /// Elements from one trial to the next; 0 where all trials read the same.
    pub trial_stride: usize,
}

/// What a product runs over.
#[derive(Clone)]
pub struct Extent {
    /// Images.
    pub images: usize,
    /// Chips.
    pub trials: Range<u32>,
    /// Whether chip 2k + 1 is the antithetic partner of chip 2k.
    pub antithetic: bool,
    /// Whether saturated cells are counted: they are, for the first images of a chip.
    pub count_cells: bool,
}

/// What a product works on.
#[derive(Clone, Copy)]
pub struct Buffers<'a> {
    /// Quantiles that cells are drawn from.
    pub knots: &'a Buffer,
    /// Inputs of every row, or patterns, of some vectors.
    pub inputs: &'a Buffer,
    /// What of it is used: the buffer can be a larger one of a former run.
    pub inputs_bytes: u64,
    /// Cells of a tile.
    pub cells: &'a Buffer,
    /// Tables of a tile.
    pub tables: &'a Buffer,
    /// Clipped conversions of patterns.
    pub clips: &'a Buffer,
    /// Results.
    pub accumulators: &'a Buffer,
    /// Counts per chip.
    pub counters: &'a Buffer,
}

/// Columns of a part whose constants are on the device.
pub struct Tile {
    /// The columns.
    pub columns: Range<usize>,
    packed: Buffer,
    /// What codes count.
    pub column_weights: Buffer,
}

impl Tile {
    /// Uploads the weights of `columns`.
    pub fn upload(device: &Device, layer: &CrossbarLayer, columns: Range<usize>) -> Result<Self> {
        let packed = device.upload("weights", &of_columns(&layer.cells, layer.columns, &columns))?;
        let column_weights = device.upload("column weights", &of_columns(&layer.column_weights, layer.columns, &columns))?;
        Ok(Tile { columns, packed, column_weights })
    }
}

/// Columns `tile` of a matrix of rows of `columns` entries.
pub fn of_columns<T: Copy>(values: &[T], columns: usize, tile: &Range<usize>) -> Vec<T> {
    values.chunks_exact(columns).flat_map(|row| &row[tile.clone()]).copied().collect()
}

/// Bytes of what drives the rows for one vector: the inputs of every row, or the patterns of every unit.
pub fn inputs_of_vector(layer: &CrossbarLayer, tables: Option<&TableShape>) -> u64 {
    4 * tables.map_or(layer.rows, |t| t.units.len() * patterns::step_words(layer)) as u64
}

/// One part of a layer, its constants on the device.
pub struct Product<'a> {
    /// The part.
    pub layer: &'a CrossbarLayer,
    /// Inputs of a position.
    pub window: &'a quantize::Window,
    /// Input that stands for zero.
    pub zero: u32,
    /// How it is computed.
    pub kernel: Kernel,
    /// What its tables need.
    pub tables: Option<Tables>,
    /// The converter.
    pub adc: Converter,
    /// What pipelines are compiled for.
    pub variant: Variant,
    /// Thresholds of the converter.
    pub thresholds: Buffer,
    groups: Buffer,
    size: PartSize,
    tiles: Option<Vec<Tile>>,
}

impl<'a> Product<'a> {
    /// Uploads what all tiles read and, if `resident`, the tiles.
    pub fn upload(device: &Device, layer: &'a CrossbarLayer, window: &'a quantize::Window, zero: u32, size: PartSize, resident: bool) -> Result<Self> {
        let (adc, rule, thresholds) = Converter::new(&layer.conversion);
        let mut product = Product {
            layer,
            window,
            zero,
            kernel: size.kernel,
            tables: Tables::upload(device, layer, size.kernel)?,
            adc,
            variant: Variant { input_steps: layer.input_steps, dac_bits: layer.dac_bits, rule },
            thresholds: device.upload("thresholds", &thresholds)?,
            groups: device.upload("row groups", &layer.groups)?,
            size,
            tiles: None,
        };
        if resident {
            product.tiles = Some(product.ranges().map(|columns| Tile::upload(device, layer, columns)).collect::<Result<_>>()?);
        }
        Ok(product)
    }

    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        tiles(self.layer.columns, self.size.columns)
    }

    /// Calls `run` for every tile; one that is not resident is uploaded for the call.
    pub fn for_each_tile(&self, device: &Device, recorder: &mut Recorder, mut run: impl FnMut(&Tile, &mut Recorder) -> Result<()>) -> Result<()> {
        match &self.tiles {
            Some(tiles) => tiles.iter().try_for_each(|tile| run(tile, recorder)),
            None => self.ranges().try_for_each(|columns| {
                run(&Tile::upload(device, self.layer, columns)?, recorder)?;
                recorder.submit(&self.layer.name)?;
                device.wait(&self.layer.name) // so that its memory is free for the next
            }),
        }
    }

    /// Cell reads times input steps of the product of a tile.
    pub fn work(&self, tile: &Tile, extent: &Extent) -> u64 {
        (tile.columns.len() * cells_per_column(self.layer)) as u64 * u64::from(self.layer.input_steps) * (extent.trials.len() * extent.images * self.window.positions()) as u64
    }

    /// Draws the cells of `tile`.
    pub fn program_cells(&self, device: &Device, passes: &Passes, recorder: &mut Recorder, tile: &Tile, seed: u64, extent: &Extent, buffers: &Buffers) {
        let (layer, planes) = (self.layer, &self.layer.planes);
        let uniform = ProgramCells {
            rows: layer.rows as u32,
            columns: tile.columns.len() as u32,
            first_column: tile.columns.start as u32,
            outputs: layer.outputs as u32,
            programmed: planes.programmed as u32,
            converted: planes.converted as u32,
            slices: planes.slices as u32,
            offset: planes.offset,
            cell_bits: layer.cell_bits,
            layer: layer.layer,
            first_output: layer.first_output,
            saturation: layer.saturation,
            seed: [seed as u32, (seed >> 32) as u32],
            first_trial: extent.trials.start,
            trials: extent.trials.len() as u32,
            count: u32::from(extent.count_cells),
            antithetic: u32::from(extent.antithetic),
        };
        let invocations = extent.trials.len() * layer.rows * tile.columns.len();
        passes.program_cells.record_folded(device, recorder, &uniform, &[&tile.packed, buffers.knots, buffers.cells, buffers.counters], invocations as u64);
    }

    /// Uploads the cells of `tile` that the host programmed, chip after chip, in the place of drawn ones. What is submitted
    /// before reads the former ones.
    pub fn load_cells(&self, device: &Device, tile: &Tile, chips: &[Cells], buffer: &Buffer) {
        let columns = self.layer.converted_columns();
        let rows = chips.iter().flat_map(|cells| cells.values.chunks_exact(cells.stride));
        let values: Vec<i32> = rows.flat_map(|row| of_columns(&row[..columns], self.layer.columns, &tile.columns)).collect();
        device.queue.write_buffer(buffer, 0, bytemuck::cast_slice(&values));
    }

    /// The product of `tile`'s cells with `input`, by the part's kernel.
    pub fn multiply(&self, device: &Device, passes: &Passes, recorder: &mut Recorder, tile: &Tile, input: View, extent: &Extent, buffers: &Buffers) -> Result<()> {
        if self.kernel == Kernel::Direct {
            return self.crossbar_mvm(device, passes, recorder, tile, input, extent, buffers);
        }
        self.make_tables(device, passes, recorder, tile, extent, buffers)?;
        self.look_up(device, passes, recorder, tile, input, extent, buffers)
    }

    /// Vectors of a dispatch: as many as are short enough and have room for their inputs in a buffer of `inputs_bytes` bytes.
    pub fn vectors_at_once(&self, inputs_bytes: u64) -> usize {
        let by_inputs = inputs_bytes / inputs_of_vector(self.layer, self.tables.as_ref().map(|t| &t.shape)).max(1);
        self.size.vectors.min(by_inputs as usize).max(1)
    }

    /// Row groups of one dispatch after another. A dispatch loops a limited number of times, since lavapipe leaves all
    /// loops of an invocation after 65,536 rounds together, without a word; and it reads a limited part of the tables,
    /// so that they stay in a cache.
    pub fn group_ranges(&self, columns: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let layer = self.layer;
        let (slices, highest) = (layer.planes.converted * layer.planes.slices, layer.groups.iter().map(|[start, end]| end - start).max().unwrap_or(1) as usize);
        let steps = (layer.input_steps * layer.dac_bits) as usize;
        let at_once = match (&self.tables, self.kernel) {
            (Some(_), Kernel::Table) => ROUNDS / (2 * steps + 2),
            (Some(tables), _) => {
                let units = tables.shape.units.len().div_ceil(layer.groups.len().max(1));
                let bytes = tables.shape.bytes(columns) as usize / tables.shape.units.len().max(1) * units;
                (ROUNDS / (slices * (3 * units + 4) + units * steps)).min(self.size.cached_tables / bytes.max(1))
            }
            _ => ROUNDS / (slices * (highest + 1)),
        };
        tiles(layer.groups.len(), at_once.max(1))
    }

    fn crossbar_mvm(&self, device: &Device, passes: &Passes, recorder: &mut Recorder, tile: &Tile, input: View, extent: &Extent, buffers: &Buffers) -> Result<()> {
        let layer = self.layer;
        let (positions, columns) = (self.window.positions(), tile.columns.len());
        let vectors = extent.trials.len() * extent.images * positions;
        let mut gather = Gather {
            window: Window::new(self.window, input.shape),
            rows: layer.rows as u32,
            zero: self.zero,
            images: extent.images as u32,
            positions: positions as u32,
            input_trial_stride: input.trial_stride as u32,
            input_image_stride: input.shape.iter().product::<usize>() as u32,
            ..Gather::default()
        };
        let mut product = CrossbarMvm {
            adc: self.adc,
            rows: layer.rows as u32,
            columns: columns as u32,
            first_column: tile.columns.start as u32,
            slices: (layer.planes.converted * layer.planes.slices) as u32,
            accumulators: layer.accumulators() as u32,
            input_sum: u32::from(layer.planes.input_sum),
            count: u32::from(!layer.digital),
            of_trial: (extent.images * positions) as u32,
            ..CrossbarMvm::default()
        };
        let pass = passes.crossbar_mvm.get(device, self.variant)?;
        let at_once = self.vectors_at_once(buffers.inputs_bytes);
        for first in (0..vectors).step_by(at_once) {
            let some = at_once.min(vectors - first);
            (gather.first_vector, gather.vectors) = (first as u32, some as u32);
            (product.first_vector, product.vectors) = (first as u32, some as u32);
            passes.gather.record_folded(device, recorder, &gather, &[input.buffer, buffers.inputs], (some * layer.rows) as u64);
            let bound = [&self.groups, &tile.column_weights, &self.thresholds, buffers.cells, buffers.inputs, buffers.accumulators, buffers.counters];
            for groups in self.group_ranges(columns) {
                (product.first_group, product.end_group) = (groups.start as u32, groups.end as u32);
                pass.record_folded(device, recorder, &product, &bound, (some * columns) as u64);
            }
        }
        Ok(())
    }
}

/// Requantisation of a part, its constants on the device.
pub struct Scale {
    uniform: Requantize,
    multiplier: Buffer,
    extra_multiplier: Buffer,
    bias: Buffer,
}

impl Scale {
    /// Uploads `scale` of a part that writes from output `first_output` on.
    pub fn upload(device: &Device, scale: &quantize::Requantize, layer: &CrossbarLayer, window: &quantize::Window, first_output: usize) -> Result<Self> {
        let uniform = Requantize {
            prescale: scale.prescale,
            extra_prescale: scale.extra_prescale,
            shift: scale.shift,
            zero_point: scale.zero_point,
            low: scale.low,
            high: scale.high,
            outputs: layer.outputs as u32,
            first_output: first_output as u32,
            positions: window.positions() as u32,
            accumulators: layer.accumulators() as u32,
            ..Requantize::default()
        };
        Ok(Scale {
            uniform,
            multiplier: device.upload("multipliers", &scale.multiplier)?,
            extra_multiplier: device.upload("extra multipliers", &scale.extra_multiplier)?,
            bias: device.upload("biases", &scale.bias)?,
        })
    }

    /// Accumulators of `images` images (of all trials) to tensors of `out_elements` elements.
    pub fn requantize(&self, device: &Device, passes: &Passes, recorder: &mut Recorder, images: usize, out_elements: usize, accumulators: &Buffer, out: &Buffer) {
        let uniform = Requantize { images: images as u32, out_stride: out_elements as u32, ..self.uniform };
        let invocations = images as u64 * u64::from(uniform.outputs) * u64::from(uniform.positions);
        passes.requantize.record_folded(device, recorder, &uniform, &[&self.multiplier, &self.extra_multiplier, &self.bias, accumulators, out], invocations);
    }
}
