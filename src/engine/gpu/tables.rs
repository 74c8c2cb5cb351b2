//! The table kernels of a part of a layer: patterns, the tables of a tile, and the products looked up in them.

use super::device::Device;
use super::layout::{CodeTables, LookUpCodes, LookUpSums, Patterns, SumTables, Window};
use super::passes::Passes;
use super::recorder::Recorder;
use super::product::{Buffers, Extent, Product, Tile, View};
use super::selection::TableShape;
use crate::crossbar::CrossbarLayer;
use crate::engine::Kernel;
use crate::engine::cpu::plain::units::{LARGEST_ENTRY, largest_entry};
use crate::error::Result;
use wgpu::Buffer;

/// Constants of a part's tables on the device.
pub struct Tables {
    /// Sizes.
    pub shape: TableShape,
    units: Buffer,
    unit_groups: Buffer,
    /// Units whose packed entries can be added.
    units_at_once: usize,
}

impl Tables {
    /// Uploads what `kernel` needs for `layer`; `None` for the direct one.
    pub fn upload(device: &Device, layer: &CrossbarLayer, kernel: Kernel) -> Result<Option<Self>> {
        let Some(shape) = TableShape::new(layer, kernel) else { return Ok(None) };
        Ok(Some(Tables {
            units: device.upload("units", &shape.units.rows)?,
            unit_groups: device.upload("units of row groups", &shape.units.of_group)?,
            units_at_once: (LARGEST_ENTRY / largest_entry(layer).unwrap_or(LARGEST_ENTRY).max(1)) as usize,
            shape,
        }))
    }
}

impl Product<'_> {
    /// Makes the tables of `tile` from its cells.
    pub fn make_tables(&self, device: &Device, passes: &Passes, recorder: &mut Recorder, tile: &Tile, extent: &Extent, buffers: &Buffers) -> Result<()> {
        let Some(tables) = &self.tables else { return Ok(()) };
        let (layer, shape, columns) = (self.layer, &tables.shape, tile.columns.len());
        let (slices, trials, units) = (layer.planes.converted * layer.planes.slices, extent.trials.len(), shape.units.len());
        let width = columns.next_multiple_of(shape.padding);
        if self.kernel == Kernel::Split {
            let uniform = SumTables {
                rows: layer.rows as u32,
                units: units as u32,
                index_bits: shape.units.index_bits,
                dac_bits: layer.dac_bits,
                columns: columns as u32,
                width: width as u32,
                slices: slices as u32,
                trials: trials as u32,
            };
            let bound = [&tables.units, buffers.cells, buffers.tables];
            passes.sum_tables.record_folded(device, recorder, &uniform, &bound, (trials * units * slices * width) as u64);
            return Ok(());
        }
        recorder.encoder().clear_buffer(buffers.clips, 0, Some(trials as u64 * shape.clips_bytes()));
        let uniform = CodeTables {
            adc: self.adc,
            rows: layer.rows as u32,
            units: units as u32,
            index_bits: shape.units.index_bits,
            dac_bits: layer.dac_bits,
            columns: columns as u32,
            pairs: (width / 2) as u32,
            slices: slices as u32,
            trials: trials as u32,
            flags: (trials * shape.rows()) as u32,
            count: u32::from(!layer.digital),
            unused: [0; 2],
        };
        let bound = [&tables.units, &tile.column_weights, &self.thresholds, buffers.cells, buffers.tables, buffers.clips];
        let invocations = trials * units * shape.units.entries().div_ceil(16) * width / 2;
        passes.code_tables.get(device, self.variant)?.record_folded(device, recorder, &uniform, &bound, invocations as u64);
        Ok(())
    }

    /// The product of `tile` from its tables, some vectors at a time. The patterns of the first tile serve the others
    /// where the buffer holds them all.
    pub fn look_up(&self, device: &Device, passes: &Passes, recorder: &mut Recorder, tile: &Tile, input: View, extent: &Extent, buffers: &Buffers) -> Result<()> {
        let Some(tables) = &self.tables else { return Ok(()) };
        let (layer, shape, columns) = (self.layer, &tables.shape, tile.columns.len());
        let positions = self.window.positions();
        let vectors = extent.trials.len() * extent.images * positions;
        let patterns = passes.patterns.get(device, self.variant)?;
        let blocks = columns.div_ceil(shape.padding);
        let at_once = self.vectors_at_once(buffers.inputs_bytes);
        for first in (0..vectors).step_by(at_once) {
            let some = at_once.min(vectors - first);
            if tile.columns.start == 0 || some < vectors {
                let uniform = Patterns {
                    window: Window::new(self.window, input.shape),
                    units: shape.units.len() as u32,
                    zero: self.zero,
                    images: extent.images as u32,
                    positions: positions as u32,
                    input_trial_stride: input.trial_stride as u32,
                    input_image_stride: input.shape.iter().product::<usize>() as u32,
                    first_vector: first as u32,
                    vectors: some as u32,
                };
                patterns.record_folded(device, recorder, &uniform, &[&tables.units, input.buffer, buffers.inputs], (some * shape.units.len()) as u64);
            }
            if self.kernel == Kernel::Split {
                let mut uniform = LookUpSums {
                    adc: self.adc,
                    units: shape.units.len() as u32,
                    index_bits: shape.units.index_bits,
                    columns: columns as u32,
                    first_column: tile.columns.start as u32,
                    blocks: blocks as u32,
                    slices: (layer.planes.converted * layer.planes.slices) as u32,
                    accumulators: layer.accumulators() as u32,
                    input_sum: u32::from(layer.planes.input_sum),
                    count: u32::from(!layer.digital),
                    of_trial: (extent.images * positions) as u32,
                    first_vector: first as u32,
                    vectors: some as u32,
                    ..LookUpSums::default()
                };
                let bound = [&tables.units, &tables.unit_groups, &tile.column_weights, &self.thresholds, buffers.tables, buffers.inputs, buffers.accumulators, buffers.counters];
                let pass = passes.look_up_sums.get(device, self.variant)?;
                for groups in self.group_ranges(columns) {
                    (uniform.first_group, uniform.end_group) = (groups.start as u32, groups.end as u32);
                    pass.record_folded(device, recorder, &uniform, &bound, (some * blocks) as u64);
                }
            } else {
                let mut uniform = LookUpCodes {
                    units: shape.units.len() as u32,
                    index_bits: shape.units.index_bits,
                    columns: columns as u32,
                    first_column: tile.columns.start as u32,
                    blocks: blocks as u32,
                    units_at_once: tables.units_at_once as u32,
                    accumulators: layer.accumulators() as u32,
                    input_sum: u32::from(layer.planes.input_sum),
                    flags: (extent.trials.len() * shape.rows()) as u32,
                    of_trial: (extent.images * positions) as u32,
                    first_vector: first as u32,
                    vectors: some as u32,
                    ..LookUpCodes::default()
                };
                let bound = [&tables.units, buffers.tables, buffers.clips, buffers.inputs, buffers.accumulators, buffers.counters];
                let pass = passes.look_up_codes.get(device, self.variant)?;
                for units in self.group_ranges(columns) {
                    (uniform.first_unit, uniform.end_unit) = (units.start as u32, units.end as u32);
                    pass.record_folded(device, recorder, &uniform, &bound, (some * blocks) as u64);
                }
            }
        }
        Ok(())
    }
}
