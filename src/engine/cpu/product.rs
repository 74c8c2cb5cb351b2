//! A layer's part at work: its kernel, its tables, and the way from input tensors to output tensors.

use super::View;
use super::code_table::CodeTable;
use super::code_tables::{Converter, Source};
use super::crossbar_mvm::{Counts, Mvm};
use super::input_bytes::InputBytes;
use super::lanes::{HalfWords, INTS, Ints, WORDS, Words};
use super::look_up_narrow_sums::{Side, look_up_narrow_sums, join, takes};
use super::look_up_codes::{Patterns, clipped, look_up_codes, look_up_half_codes};
use super::look_up_sums::look_up_sums;
use super::noise::flip_tables::{FlipRow, Held, flip_tables};
use super::noise::look_up_flips::{FlipReads, flip_columns, look_up_flips};
use super::patterns::patterns;
use super::part_of_chip::PartOfChip;
use super::program_cells::Cells;
use super::requantize::{requantize, requantize_rows};
use super::sum_tables::{Columns, Place, sum_tables};
use crate::crossbar::{Conversion, CrossbarLayer};
use crate::engine::kernel::Kernel;
use crate::engine::units::Block;
use crate::quantize::{Requantize, Window};
use crate::rng::ReadStream;
use rayon::prelude::*;
use std::ops::Range;

/// Vectors whose patterns and accumulators are held at a time, unless one image has more.
pub const VECTORS: usize = 2048;

/// A part and how it is computed; the same for all chips.
pub struct Product<'a> {
    /// The layer.
    pub layer: &'a CrossbarLayer,
    window: &'a Window,
    /// Input that stands for zero.
    zero: u32,
    /// Bits of an input.
    input_bits: u32,
    /// The kernel in use.
    pub kernel: Kernel,
    blocks: Vec<Block>,
    converter: Option<Converter>,
}

/// Working memory of one thread.
#[derive(Default)]
pub struct Work {
    inputs: [Vec<u8>; 2],
    patterns: Vec<u16>,
    accumulators: Vec<Ints>,
    sums: Vec<Ints>,
    first_sums: Vec<Ints>,
    narrow: Vec<Words>,
    codes: Vec<CodeTable>,
    extra: Vec<i32>,
    streams: Vec<ReadStream>,
}

/// Inputs of a product.
enum Inputs<'a> {
    /// As bytes.
    Whole(InputBytes),
    /// One long row of vectors, which becomes bytes piece by piece: all its bytes would not stay in a cache.
    Row(View<'a>),
}

impl Inputs<'_> {
    /// Leaves the memory for the next.
    fn leave(self, work: &mut Work) {
        if let Inputs::Whole(bytes) = self {
            work.inputs = bytes.into_memory();
        }
    }
}

impl<'a> Product<'a> {
    /// The product of `layer` over `window` for `vectors` input vectors per chip, by the `wanted` kernel or the cheapest.
    /// Inputs have `input_bits` bits; padding drives `zero`.
    pub fn new(layer: &'a CrossbarLayer, window: &'a Window, input_bits: u32, zero: u32, wanted: Option<Kernel>, vectors: usize) -> Self {
        let kernel = Kernel::choose(wanted, layer, vectors);
        let converter = match &layer.conversion {
            Conversion::Rounding(adc) => Some(Converter::new(adc)),
            Conversion::Ideal => None,
        };
        Product { layer, window, zero, input_bits, kernel, blocks: kernel.blocks(layer), converter }
    }

    /// Bytes of the tables of codes of one chip; 0 for other kernels.
    pub fn table_bytes(&self) -> usize {
        if self.kernel != Kernel::Table {
            return 0;
        }
        let half = self.layer.columns % WORDS;
        let (whole, last) = match (1..=INTS).contains(&half) {
            _ if self.layer.read_noise.is_some() => (self.tiles() * size_of::<FlipRow>(), 0),
            true => ((self.tiles() - 1) * size_of::<Words>(), size_of::<HalfWords>()),
            false => (self.tiles() * size_of::<Words>(), 0),
        };
        self.blocks.iter().map(|b| b.table_rows).sum::<usize>() * (whole + last)
    }

    /// Input vectors of an image.
    pub fn positions(&self) -> usize {
        self.window.positions()
    }

    fn tiles(&self) -> usize {
        self.layer.columns.div_ceil(WORDS)
    }

    /// The part of a chip with these cells.
    pub fn on_chip(&self, cells: Cells) -> PartOfChip {
        PartOfChip { cells, ..PartOfChip::default() }
    }

    /// True if all that is needed of the cells can be in tables.
    pub fn keeps_tables(&self) -> bool {
        self.kernel == Kernel::Table && self.converter.is_some()
    }

    /// Builds the part's tables of codes, once for all images, in the memory of those that are there.
    pub fn build_tables(&self, part: &mut PartOfChip) {
        let (Kernel::Table, Some(converter)) = (self.kernel, &self.converter) else { return };
        let source = Source { layer: self.layer, cells: &part.cells, converter };
        part.tables.resize_with(self.blocks.len() * self.tiles(), CodeTable::default);
        part.tables.par_iter_mut().enumerate().for_each(|(at, table)| {
            let (block, tile) = (&self.blocks[at / self.tiles()], at % self.tiles());
            table.build(&source, block, tile);
            if !table.half_rows.is_empty() {
                table.rows = Vec::new();
            }
            if !table.can_clip {
                table.clips = Vec::new();
            }
        });
    }

    /// How much of the noise's variance the flips of the first `blocks` of tables hold, on the cells of `part`, over all
    /// patterns alike.
    pub fn held(&self, part: &PartOfChip, blocks: usize) -> Held {
        let mut held = Held::default();
        if let Some(converter) = self.converter.as_ref().filter(|_| self.kernel == Kernel::Table) {
            let source = Source { layer: self.layer, cells: &part.cells, converter };
            let mut table = CodeTable::default();
            for (block, tile) in self.blocks.iter().take(blocks).flat_map(|b| (0..self.tiles()).map(move |t| (b, t))) {
                table.flips.resize(block.table_rows, FlipRow::default());
                table.clips.resize(block.table_rows, 0);
                flip_tables(&source, block, tile, &mut table.flips, &mut table.clips, &mut held);
            }
        }
        held
    }

    /// The product of some images (`first_image` and following of the test set), requantised into `output`: from `first_output` on.
    pub fn run(&self, part: &PartOfChip, input: View, first_image: u32, scale: &Requantize, first_output: usize, output: &mut [u32], work: &mut Work, counts: &mut Counts) {
        let before = *counts;
        let (positions, of_image) = (self.window.positions(), output.len() / input.images().max(1));
        match &self.converter {
            Some(converter) if self.kernel != Kernel::Direct => {
                let inputs = self.inputs(input, work);
                // Tables that are built here serve all images; accumulators of few stay in the cache.
                let builds = self.kernel == Kernel::Table && part.tables.is_empty();
                let at_once = if builds { input.images() } else { (VECTORS / positions).max(1) };
                for first in (0..input.images()).step_by(at_once) {
                    let images = first..(first + at_once).min(input.images());
                    let vectors = images.len() * positions;
                    self.accumulate(part, converter, &inputs, images.clone(), first_image, work, counts);
                    for (i, image) in images.enumerate() {
                        let out = &mut output[image * of_image + first_output * positions..][..self.layer.outputs * positions];
                        let extra = work.extra.get(i * positions..(i + 1) * positions).unwrap_or(&[]);
                        requantize_rows(scale, &work.accumulators, vectors, i * positions, extra, out);
                    }
                }
                inputs.leave(work);
            }
            _ => {
                for (image, output) in output.chunks_mut(of_image).enumerate() {
                    let mvm = self.directly(part, input, image, first_image, counts);
                    requantize(scale, &mvm, first_output, output);
                }
            }
        }
        if self.layer.digital {
            *counts = before; // there is no converter to count
        }
    }

    /// The accumulators `[vector][accumulator]` of some images.
    pub fn accumulators(&self, part: &PartOfChip, input: View, first_image: u32, work: &mut Work, counts: &mut Counts) -> Vec<i64> {
        if self.accumulate_all(part, input, first_image, work, counts) {
            return self.widened(work, input.images() * self.window.positions());
        }
        (0..input.images()).flat_map(|image| self.directly(part, input, image, first_image, counts).accumulators).collect()
    }

    /// The product of one of the images by the direct kernel.
    fn directly(&self, part: &PartOfChip, input: View, image: usize, first_image: u32, counts: &mut Counts) -> Mvm<'a> {
        let mut mvm = Mvm::new(self.layer, self.window, self.zero);
        mvm.read(part.reads, first_image + image as u32);
        mvm.run(&part.cells, input.image(image), input.shape, counts);
        mvm
    }

    /// Leaves the accumulators of some images in `work`, as layers read them; false if this kernel keeps none there.
    pub fn accumulate_all(&self, part: &PartOfChip, input: View, first_image: u32, work: &mut Work, counts: &mut Counts) -> bool {
        let Some(converter) = self.converter.as_ref().filter(|_| self.kernel != Kernel::Direct) else { return false };
        let before = *counts;
        let inputs = self.inputs(input, work);
        self.accumulate(part, converter, &inputs, 0..input.images(), first_image, work, counts);
        inputs.leave(work);
        if self.layer.digital {
            *counts = before;
        }
        true
    }

    /// `[vector][accumulator]` from what [`Self::accumulate_all`] left.
    pub fn widened(&self, work: &Work, vectors: usize) -> Vec<i64> {
        let width = self.layer.accumulators();
        let mut out = vec![0; vectors * width];
        for (vector, out) in out.chunks_exact_mut(width).enumerate() {
            for (half, out) in out[..self.layer.columns].chunks_mut(INTS).enumerate() {
                let row = &work.accumulators[half * vectors + vector].0;
                out.iter_mut().zip(row).for_each(|(out, &v)| *out = i64::from(v));
            }
            if self.layer.planes.input_sum {
                out[width - 1] = i64::from(work.extra[vector]);
            }
        }
        out
    }

    /// The inputs as bytes, now or piece by piece.
    fn inputs<'v>(&self, input: View<'v>, work: &mut Work) -> Inputs<'v> {
        let w = self.window;
        // One long row of vectors that read one element each, and no padding after it.
        let is_row = w.out[0] == 1 && w.out[1] > VECTORS && w.kernel == [1, 1] && w.stride == [1, 1];
        if is_row && w.pad == [0, 0] && w.out[1] <= input.shape[2] && input.images() == 1 {
            return Inputs::Row(input);
        }
        Inputs::Whole(InputBytes::in_memory(w, input, self.zero, self.input_bits, std::mem::take(&mut work.inputs)))
    }

    /// Fills the accumulators `[16 columns][vector]` and the extra one for the vectors of `images`.
    fn accumulate(&self, part: &PartOfChip, converter: &Converter, inputs: &Inputs, images: Range<usize>, first_image: u32, work: &mut Work, counts: &mut Counts) {
        let positions = self.window.positions();
        let vectors = images.len() * positions;
        work.streams.clear();
        if self.layer.read_noise.is_some() {
            let of_image = |image: usize| (0..positions).map(move |p| part.reads.stream(first_image + image as u32, p as u32));
            work.streams.extend(images.clone().flat_map(of_image));
        }
        work.accumulators.clear();
        work.accumulators.resize(self.layer.columns.div_ceil(INTS) * vectors, Ints::ZERO);
        work.extra.clear();
        work.extra.resize(if self.layer.planes.input_sum { vectors } else { 0 }, 0);
        let source = Source { layer: self.layer, cells: &part.cells, converter };
        let step = if matches!(inputs, Inputs::Row(_)) { VECTORS } else { (VECTORS / positions).max(1) * positions };
        for (b, block) in self.blocks.iter().enumerate() {
            let mut own = std::mem::take(&mut work.codes);
            let kept = match part.tables.get(b * self.tiles()..) {
                Some(kept) if !kept.is_empty() => kept,
                _ if self.kernel == Kernel::Table => {
                    own.resize_with(self.tiles(), CodeTable::default);
                    own.iter_mut().enumerate().for_each(|(tile, table)| table.build(&source, block, tile));
                    &own
                }
                _ => &[],
            };
            for first in (0..vectors).step_by(step) {
                let place = first..(first + step).min(vectors);
                match inputs {
                    Inputs::Whole(bytes) => {
                        let some = images.start + place.start / positions..images.start + place.end / positions;
                        self.read(bytes, block, some, place.clone(), work);
                    }
                    Inputs::Row(input) => {
                        let bytes = InputBytes::of_piece(self.window, *input, self.input_bits, block.rows(), place.clone(), std::mem::take(&mut work.inputs));
                        self.read(&bytes, block, 0..1, place.clone(), work);
                        work.inputs = bytes.into_memory();
                    }
                }
                counts.clipped += match self.kernel {
                    Kernel::Split => self.look_sums_up(&source, block, vectors, place, work),
                    _ => self.look_codes_up(block, kept, vectors, place, work),
                };
            }
            work.codes = own;
        }
        if self.layer.planes.reference_column {
            let column = self.layer.outputs;
            let rows = &work.accumulators[column / INTS * vectors..][..vectors];
            work.extra.extend(rows.iter().map(|row| row.0[column % INTS]));
        }
    }

    /// Fills the patterns of a block for the vectors `place`, which are all of `images`, and adds its rows' inputs to the
    /// extra accumulator, where that is their sum.
    fn read(&self, bytes: &InputBytes, block: &Block, images: Range<usize>, place: Range<usize>, work: &mut Work) {
        let steps = self.layer.input_steps as usize;
        work.patterns.resize(place.len() * block.units.len() * steps, 0);
        patterns(&block.units, bytes.window(), bytes, steps, self.layer.dac_bits as usize, images.clone(), &mut work.patterns);
        if self.layer.planes.input_sum {
            let [height, width] = bytes.window().out;
            for (line, sums) in work.extra[place].chunks_mut(width).enumerate() {
                for row in block.rows() {
                    let [low, high] = bytes.row(images.start + line / height, row, line % height);
                    sums.iter_mut().zip(low).for_each(|(sum, &byte)| *sum += i32::from(byte));
                    sums.iter_mut().zip(high).for_each(|(sum, &byte)| *sum += i32::from(byte) << 8);
                }
            }
        }
    }

    /// Looks up in the tables of this block, which are those that come next, for some of the vectors. Returns how many
    /// conversions were clipped.
    fn look_codes_up(&self, block: &Block, tables: &[CodeTable], vectors: usize, place: Range<usize>, work: &mut Work) -> u64 {
        let mut total = 0;
        let patterns = Patterns { numbers: &work.patterns, units: block.units.len(), steps: self.layer.input_steps as usize, dac_bits: self.layer.dac_bits };
        for (tile, accumulators) in work.accumulators.chunks_mut(2 * vectors).enumerate() {
            let (low, high) = accumulators.split_at_mut(vectors);
            let (table, next) = (&tables[tile], tables.get(tile + 1));
            if self.layer.read_noise.is_some() {
                let first_group = block.units.first().map_or(0, |u| u.group);
                let reads = FlipReads { streams: &work.streams[place.clone()], first_group, columns: &flip_columns(self.layer, tile) };
                // A tile of no more than 16 columns has no second half.
                let of_high = if high.is_empty() { 0..0 } else { place.clone() };
                look_up_flips(&table.flips, patterns, reads, &mut low[place.clone()], &mut high[of_high]);
            } else if !table.half_rows.is_empty() {
                look_up_half_codes(&table.half_rows, next.map_or(&[], |t| &t.half_rows), patterns, &mut low[place.clone()]);
            } else {
                look_up_codes(&table.rows, next.map_or(&[], |t| &t.rows), patterns, &mut low[place.clone()], &mut high[place.clone()]);
            }
            if table.can_clip {
                total += clipped(patterns, &table.clips);
            }
        }
        total
    }

    /// Returns how many conversions were clipped.
    fn look_sums_up(&self, source: &Source, block: &Block, vectors: usize, place: Range<usize>, work: &mut Work) -> u64 {
        let layer = self.layer;
        let mut total = 0;
        let patterns = Patterns { numbers: &work.patterns, units: block.units.len(), steps: layer.input_steps as usize, dac_bits: layer.dac_bits };
        let narrow_is_possible = layer.sums.level_step < f64::from(i16::MAX) && takes(patterns, source.converter);
        work.sums.resize(block.table_rows, Ints::ZERO);
        work.first_sums.resize(block.table_rows, Ints::ZERO);
        work.narrow.resize(block.table_rows, Words::ZERO);
        // Where 16 bits hold the sums, two places wait for each other and are looked up together.
        let mut waiting: Option<Side> = None;
        for half in 0..layer.columns.div_ceil(INTS) {
            for plane in 0..layer.planes.converted {
                for slice in 0..layer.planes.slices {
                    let Some(columns) = sum_tables(source, block, Place { plane, slice, half }, &mut work.sums) else { break };
                    let weight = 1 << (slice as u32 * layer.cell_bits);
                    let side = Side { columns, weight: if plane == 0 { weight } else { -weight }, first: half * vectors + place.start };
                    if !(narrow_is_possible && columns.is_narrow && !columns.can_clip) {
                        let accumulators = &mut work.accumulators[side.first..][..place.len()];
                        total += look_up_sums(&work.sums, patterns, source, &columns, side.weight, accumulators);
                        continue;
                    }
                    waiting = match waiting {
                        None => {
                            std::mem::swap(&mut work.sums, &mut work.first_sums);
                            Some(side)
                        }
                        Some(first) => {
                            join(&work.first_sums, &work.sums, &mut work.narrow);
                            look_up_narrow_sums(&work.narrow, patterns, source.converter, &[first, side], &mut work.accumulators);
                            None
                        }
                    };
                }
            }
        }
        if let Some(last) = waiting {
            let nobody = Side { columns: Columns { mask: Ints::ZERO, ..last.columns }, ..last };
            join(&work.first_sums, &work.first_sums, &mut work.narrow);
            look_up_narrow_sums(&work.narrow, patterns, source.converter, &[last, nobody], &mut work.accumulators);
        }
        total
    }
}
