//! How much is computed at once: images, trials and columns of a layer, so that every buffer fits the adapter and
//! all of them a budget. Results never depend on it.

use super::adapter::AdapterReport;
use super::device::Device;
use super::product::inputs_of_vector;
use super::selection::{TableShape, select};
use crate::crossbar::CrossbarLayer;
use crate::engine::{Kernel, PlacedPart, Plan};
use crate::error::Result;
use crate::quantize::{IntegerNetwork, Window};
use std::ops::Range;

/// Memory that a run may take on the device by default.
pub const DEFAULT_MEMORY_BYTES: u64 = 1 << 30;

/// The same on a card with memory of its own: half of what the smallest have.
const DISCRETE_MEMORY_BYTES: u64 = 2 << 30;

/// Cell reads times input steps of a dispatch by default: short enough for the patience of any driver's watchdog.
pub const DISPATCH_WORK: u64 = 1 << 34;

/// What a core of a processor holds near.
const SOFTWARE_CACHE: usize = 1 << 19;
/// On a GPU a dispatch of fewer tables costs more than reading them from farther away (NVIDIA H200: 7.7 against 12.9 ms at
/// 128 wordlines, 11.4 against 13.2 at 32; `cargo bench --bench gpu_kernels`, 65536 vectors).
const GPU_CACHE: usize = 1 << 26;

/// Upper limits of a batch, beside those of the adapter, and the kernel. The defaults bind nothing but the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Images at once.
    pub images: usize,
    /// Trials at once.
    pub trials: usize,
    /// Columns of a layer (outputs and reference column) at once.
    pub columns: usize,
    /// All buffers, in bytes.
    pub memory_bytes: u64,
    /// Cell reads times input steps of a dispatch.
    pub dispatch_work: u64,
    /// Bytes of tables of sums that a dispatch reads, so that a cache holds them.
    pub cached_tables: usize,
    /// How layers are computed, where this kernel can and its tables have room; `None`: the fastest way for each.
    pub kernel: Option<Kernel>,
}

impl Default for BatchLimits {
    fn default() -> Self {
        BatchLimits { images: usize::MAX, trials: usize::MAX, columns: usize::MAX, memory_bytes: DEFAULT_MEMORY_BYTES, dispatch_work: DISPATCH_WORK, cached_tables: SOFTWARE_CACHE, kernel: None }
    }
}

impl BatchLimits {
    /// The defaults that suit an adapter.
    pub fn of(adapter: &AdapterReport) -> Self {
        let memory_bytes = if adapter.is_discrete { DISCRETE_MEMORY_BYTES } else { DEFAULT_MEMORY_BYTES };
        BatchLimits { memory_bytes, cached_tables: if adapter.is_software { SOFTWARE_CACHE } else { GPU_CACHE }, ..Self::default() }
    }
}

/// The sizes of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Images at once.
    pub images: usize,
    /// Trials at once; 1 unless all images fit at once.
    pub trials: usize,
    /// Kernel and columns at once, per layer and part.
    pub parts: Vec<Vec<PartSize>>,
    /// Cells of the largest tile of columns, per trial.
    pub cells: usize,
    /// Bytes of the largest tables of a tile, and of what counts clipped conversions in them; per trial.
    pub tables_bytes: [u64; 2],
    /// Accumulators of the largest part, per trial and image.
    pub accumulators: usize,
    /// The buffer of inputs of every row: of all vectors, or of as many as fit.
    pub inputs_bytes: u64,
    /// True if all layers' weights stay on the device; else they are uploaded when they are needed.
    pub resident: bool,
    /// Where tensors lie.
    pub slots: TensorSlots,
}

impl Batch {
    /// Sizes for `plan` on `images` images and `trials` trials. Refuses a network of which not even one image fits.
    pub fn new(plan: &Plan, images: usize, trials: usize, limits: &BatchLimits, device: &Device) -> Result<Self> {
        let limits = &BatchLimits { kernel: limits.kernel.or(plan.kernel), ..*limits };
        let slots = TensorSlots::new(&plan.network);
        let placed = || plan.layers.iter().flatten().zip(network_windows(plan));
        let accumulators = placed().map(|(p, w)| w.positions() * p.crossbar.accumulators()).max().unwrap_or(0);

        // What one image of one trial takes: in its largest buffer, and in all of them. Images are there twice: those
        // at work and those on their way.
        let (tensors, input) = (slots.elements.iter().sum::<usize>() * 4, plan.network.tensors[0].len() * 4);
        let largest = (slots.elements.iter().copied().max().unwrap_or(0) * 4).max(accumulators * 8).max(input) as u64;
        let each = (tensors + accumulators * 8 + 2 * input) as u64;
        if largest > device.binding_bytes {
            return Err(device.too_large(&format!("one image of network `{}`", plan.network.name), largest));
        }
        let fit = |one: u64, all: u64| (all / one.max(1)) as usize;
        let at_once = fit(largest, device.binding_bytes).min(fit(each, limits.memory_bytes / TENSORS[1] * TENSORS[0])).max(1);
        let images_at_once = images.min(limits.images).min(at_once).max(1);

        // The kernel that is best for so many images of one trial, then as many trials as there is room for.
        let size = |p: &PlacedPart, w: &Window| PartSize::new(&p.crossbar, w.positions() * images_at_once, limits, device);
        let sizes = placed().map(|(p, w)| size(p, &w)).collect::<Result<Vec<_>>>()?;
        let cells = placed().zip(&sizes).map(|((p, _), size)| size.columns * cells_per_column(&p.crossbar)).max().unwrap_or(0);
        let largest = |bytes: &dyn Fn(&TableShape, usize) -> u64| {
            let of_part = |((p, _), size): ((&PlacedPart, Window), &PartSize)| TableShape::new(&p.crossbar, size.kernel).map_or(0, |t| bytes(&t, size.columns));
            placed().zip(&sizes).map(of_part).max().unwrap_or(0)
        };
        let tables_bytes = [largest(&|t, columns| t.bytes(columns)), largest(&|t, _| t.clips_bytes())];
        let trials_at_once = if images_at_once < images {
            1
        } else {
            let by_cells = fit(cells as u64 * 4, device.binding_bytes.min(limits.memory_bytes / CELLS));
            let by_tables = fit(tables_bytes[0].max(tables_bytes[1]), device.binding_bytes.min(limits.memory_bytes / TABLES));
            trials.min(limits.trials).min(at_once / images_at_once).min(by_cells).min(by_tables).max(1)
        };
        let vectors = images_at_once * trials_at_once;
        let inputs = placed().zip(&sizes).map(|((p, w), size)| inputs_bytes(&p.crossbar, size.kernel, &w, vectors, limits, device));
        let inputs_bytes = inputs.collect::<Result<Vec<u64>>>()?.into_iter().max().unwrap_or(0);
        let resident = stays(plan.layers.iter().flatten().map(|p| &p.crossbar), limits);
        let mut sizes = sizes.into_iter();
        let parts = plan.layers.iter().map(|parts| sizes.by_ref().take(parts.len()).collect()).collect();
        Ok(Batch { images: images_at_once, trials: trials_at_once, parts, cells, tables_bytes, accumulators, inputs_bytes, resident, slots })
    }
}

/// Shares of the memory: 3/8 for tensors, 1/4 for tables, 1/8 each for cells, inputs of every row, and weights that stay.
const TENSORS: [u64; 2] = [3, 8];
const TABLES: u64 = 4;
const CELLS: u64 = 8;
const INPUTS: u64 = 8;
const WEIGHTS: u64 = 8;

/// Fewest columns of a tile with tables of sums, unless there is no room for them: a line of a cache.
const LEAST_SPLIT_COLUMNS: usize = 16;

/// How one part of a layer is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartSize {
    /// By which kernel.
    pub kernel: Kernel,
    /// Columns at once.
    pub columns: usize,
    /// Vectors of a dispatch at most, so that it stays short. Every tile of columns has the same, so that those after the
    /// first find the patterns of all vectors, or know that they are not there.
    pub vectors: usize,
    /// Bytes of tables of sums that a dispatch reads.
    pub cached_tables: usize,
}

impl PartSize {
    /// The kernel for `vectors` vectors per chip, and as many columns as have room; the direct kernel where tables
    /// of the fewest columns have none.
    pub fn new(layer: &CrossbarLayer, vectors: usize, limits: &BatchLimits, device: &Device) -> Result<Self> {
        let (kernel, columns) = Self::kernel_and_columns(layer, vectors, limits, device)?;
        let work = (columns * cells_per_column(layer)) as u64 * u64::from(layer.input_steps);
        Ok(PartSize { kernel, columns, vectors: (limits.dispatch_work / work.max(1)).max(1) as usize, cached_tables: limits.cached_tables })
    }

    fn kernel_and_columns(layer: &CrossbarLayer, vectors: usize, limits: &BatchLimits, device: &Device) -> Result<(Kernel, usize)> {
        let columns = tile_columns(layer, limits, device)?;
        let kernel = select(layer, vectors, limits.kernel);
        let Some(tables) = TableShape::new(layer, kernel) else { return Ok((kernel, columns)) };
        let room = device.binding_bytes.min(limits.memory_bytes / TABLES);
        let padded = (room / tables.bytes(1).max(1)) as usize * tables.padding;
        if padded == 0 || tables.clips_bytes() > room {
            return Ok((Kernel::Direct, columns));
        }
        // Whole blocks of columns, as tables are padded to them.
        let whole = if columns < layer.columns && columns > tables.padding { columns / tables.padding * tables.padding } else { columns };
        // Tables of sums of one row group in a cache, if that leaves enough columns for a row of it.
        let cached = if kernel == Kernel::Split { tables.columns_in(limits.cached_tables, layer.groups.len()).max(LEAST_SPLIT_COLUMNS) } else { usize::MAX };
        Ok((kernel, whole.min(padded).min(cached)))
    }
}

/// Tiles of `columns` columns at a time.
pub fn tiles(columns: usize, at_once: usize) -> impl Iterator<Item = Range<usize>> {
    (0..columns).step_by(at_once).map(move |first| first..(first + at_once).min(columns))
}

/// Columns of a layer at once: all of them unless their cells do not fit.
fn tile_columns(layer: &CrossbarLayer, limits: &BatchLimits, device: &Device) -> Result<usize> {
    let one = cells_per_column(layer) as u64 * 4;
    if one > device.binding_bytes {
        return Err(device.too_large(&format!("one column of layer `{}`", layer.name), one));
    }
    let at_once = (device.binding_bytes.min(limits.memory_bytes / CELLS) / one.max(1)) as usize;
    Ok(at_once.min(limits.columns).min(layer.columns).max(1))
}

/// Bytes for the inputs of every row (or their patterns), of all vectors of `images` images (of all trials), or of as
/// many as fit.
pub fn inputs_bytes(layer: &CrossbarLayer, kernel: Kernel, window: &Window, images: usize, limits: &BatchLimits, device: &Device) -> Result<u64> {
    let one = inputs_of_vector(layer, TableShape::new(layer, kernel).as_ref());
    if one > device.binding_bytes {
        return Err(device.too_large(&format!("the inputs of layer `{}`", layer.name), one));
    }
    let all = one * (window.positions() * images) as u64;
    Ok(all.min(device.binding_bytes).min((limits.memory_bytes / INPUTS).max(one)))
}

fn network_windows(plan: &Plan) -> impl Iterator<Item = Window> {
    plan.network.matrices().flat_map(|(_, m)| &m.parts).map(|p| p.window)
}

/// Cells of a column, all its planes and slices.
pub fn cells_per_column(layer: &CrossbarLayer) -> usize {
    layer.rows * layer.planes.converted * layer.planes.slices
}

/// Whether the weights of `layers`, and what counts them, stay on the device.
pub fn stays<'a>(layers: impl Iterator<Item = &'a CrossbarLayer>, limits: &BatchLimits) -> bool {
    let bytes = |layer: &CrossbarLayer| 4 * (layer.cells.len() + layer.column_weights.len() + 2 * layer.groups.len() + 5 * layer.outputs) as u64;
    layers.map(bytes).sum::<u64>() <= limits.memory_bytes / WEIGHTS
}

/// Tensors share buffers: a slot is free again after the last step that touches its tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorSlots {
    /// Slot of each tensor; `None` for the input, which has a buffer of its own, and for tensors no step writes.
    pub of: Vec<Option<usize>>,
    /// Elements of each slot, per trial and image.
    pub elements: Vec<usize>,
}

impl TensorSlots {
    fn new(network: &IntegerNetwork) -> Self {
        let mut last_use = vec![0; network.tensors.len()];
        for (i, step) in network.steps.iter().enumerate() {
            step.inputs().into_iter().chain([step.output()]).for_each(|t| last_use[t] = i);
        }
        let mut slots = TensorSlots { of: vec![None; network.tensors.len()], elements: Vec::new() };
        let mut free: Vec<usize> = Vec::new();
        for (i, step) in network.steps.iter().enumerate() {
            let out = step.output();
            if slots.of[out].is_none() {
                slots.of[out] = Some(slots.take(&mut free, network.tensors[out].len()));
            }
            let mut touched: Vec<usize> = step.inputs().into_iter().chain([out]).filter(|&t| last_use[t] == i && t != network.output).collect();
            touched.dedup(); // a tensor added to itself
            free.extend(touched.iter().filter_map(|&t| slots.of[t]));
        }
        slots
    }

    /// The smallest free slot that is large enough, else the largest, grown, else a new one.
    fn take(&mut self, free: &mut Vec<usize>, elements: usize) -> usize {
        let enough = (0..free.len()).filter(|&i| self.elements[free[i]] >= elements).min_by_key(|&i| self.elements[free[i]]);
        match enough.or_else(|| (0..free.len()).max_by_key(|&i| self.elements[free[i]])) {
            Some(i) => {
                let slot = free.swap_remove(i);
                self.elements[slot] = self.elements[slot].max(elements);
                slot
            }
            None => {
                self.elements.push(elements);
                self.elements.len() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::{Step, TensorInfo};

    /// Tensors that are needed together never share a slot, and those that are not do.
    #[test]
    fn tensors_share_what_is_free() {
        let tensor = |channels| TensorInfo { name: String::new(), shape: [channels, 1, 1], bits: 8, zero_point: 0, scale: 1.0 };
        let add = |inputs: &[usize], output| Step::Add { inputs: inputs.iter().map(|&t| (t, 1)).collect(), output, shift: 1, low: 0, high: 255 };
        let network = IntegerNetwork {
            name: "chain".into(),
            tensors: [4, 4, 8, 2, 8, 3].map(tensor).into(),
            // 1 is needed until the third step; 2 is free after the second.
            steps: vec![add(&[0], 1), add(&[1], 2), add(&[2], 3), add(&[1, 3], 4), add(&[4, 4], 5)],
            output: 5,
            pixel_table: Vec::new(),
            weight_bits: 8,
            precision_map: None,
            calibration: String::new(),
        };
        let slots = TensorSlots::new(&network);
        assert_eq!(slots.of[0], None);
        let s: Vec<usize> = slots.of[1..].iter().map(|s| s.expect("a slot")).collect();
        assert_ne!(s[0], s[1]);
        assert_ne!(s[0], s[2]);
        assert_ne!(s[1], s[2]);
        assert_eq!(s[3], s[1], "the tensor of the fourth step takes the place of the second's");
        assert_eq!(slots.elements.len(), 3);
        assert_ne!(s[4], s[3]);
    }

    #[test]
    fn tiles_cover_all_columns_once() {
        let cut: Vec<_> = tiles(10, 4).collect();
        assert_eq!(cut, [0..4, 4..8, 8..10]);
        assert_eq!(tiles(10, 10).count(), 1);
    }
}
