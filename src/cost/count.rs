//! What one layer comes to: crossbars, OU activations, conversions, cycles, blocks and their table.

use super::blocks::{Bits, Blocks};
use super::mapping::{self, Load, block_count};
use super::scheme::Scheme;
use super::shape::Layer;
use super::squeeze::reads::Reads;
use crate::config::cost::{BitPlanes, Groups, Mapping, TableAccess};
use std::borrow::Cow;
use std::ops::Range;

/// Counts of one layer and one image. An outside script may rely on the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Crossbars, without replicas. Where layers share crossbars: those that this layer is the first to use.
    pub crossbars: u64,
    /// Activations of an OU: positions x input steps x OUs. Where an OU is a whole crossbar, reads of crossbars.
    pub ou_activations: u64,
    /// OU activations x OU columns, and those of offset columns.
    pub adc_conversions: u64,
    /// Of them, those of columns that hold weights.
    pub adc_conversions_used: u64,
    /// OU cycles of the fullest crossbar: positions x input steps x its OUs.
    pub cycles_sequential: u64,
    /// Weight blocks; where rows are squeezed out, entries of their index.
    pub blocks: u64,
    /// Bits of their table.
    pub table_bits: u64,
    /// Entries of it that are read.
    pub table_reads: u64,
    /// Weights.
    pub weights: u64,
    /// Cells that hold bits of weights.
    pub cells: u64,
}

impl Counts {
    /// Names of the counts, in the order of [`Self::values`].
    pub const NAMES: [&'static str; 11] = [
        "macs", "crossbars", "ou_activations", "adc_conversions", "adc_conversions_used", "cycles_sequential", "blocks", "table_bits", "table_reads", "weights", "cells",
    ];

    /// The counts.
    pub fn values(&self) -> [u64; 11] {
        [
            self.macs, self.crossbars, self.ou_activations, self.adc_conversions, self.adc_conversions_used, self.cycles_sequential, self.blocks, self.table_bits,
            self.table_reads, self.weights, self.cells,
        ]
    }
}

impl Counts {
    /// Of a layer with a load, a table of so many entries, and OUs that are read.
    pub fn of(layer: &Layer, load: &Load, entries: u64, reads: Reads, scheme: &Scheme) -> Counts {
        let (positions, steps) = (layer.positions, scheme.input_steps());
        let looked_up = positions * if scheme.table_access == TableAccess::PerInputStep { steps } else { 1 };
        Counts {
            macs: layer.macs(),
            crossbars: load.crossbars,
            // Parts of a read are rounded up position by position, so that cycles never exceed activations.
            ou_activations: reads.of(load.ous * steps) * positions,
            adc_conversions: (reads.of(load.ous * steps) * scheme.ou_bitlines + load.offset_columns * steps) * positions,
            adc_conversions_used: (reads.of(load.columns * steps) + load.offset_columns * steps) * positions,
            cycles_sequential: reads.of_fullest(load.fullest * steps) * positions,
            blocks: entries,
            table_bits: scheme.table_entry_bits.map_or(0, |bits| entries * u64::from(bits)),
            table_reads: if scheme.table_entry_bits.is_some() { entries * looked_up } else { 0 },
            weights: layer.weights(),
            cells: load.cells,
        }
    }
}

impl std::iter::Sum for Counts {
    /// Of layers that run one after another.
    fn sum<I: Iterator<Item = Counts>>(all: I) -> Self {
        all.fold(Counts::default(), |a, b| Counts {
            macs: a.macs + b.macs,
            crossbars: a.crossbars + b.crossbars,
            ou_activations: a.ou_activations + b.ou_activations,
            adc_conversions: a.adc_conversions + b.adc_conversions,
            adc_conversions_used: a.adc_conversions_used + b.adc_conversions_used,
            cycles_sequential: a.cycles_sequential + b.cycles_sequential,
            blocks: a.blocks + b.blocks,
            table_bits: a.table_bits + b.table_bits,
            table_reads: a.table_reads + b.table_reads,
            weights: a.weights + b.weights,
            cells: a.cells + b.cells,
        })
    }
}

/// The load and the counts of a layer, in crossbars of its own.
pub fn count(layer: &Layer, bits: &Bits, scheme: &Scheme) -> (Load, Counts) {
    let (in_turn, blocks) = load(layer, bits, scheme);
    let load = if scheme.bit_planes == BitPlanes::InParallel { planes(layer, bits, scheme) } else { in_turn };
    (load, Counts::of(layer, &load, blocks, Reads::ALL, scheme))
}

/// The load, each slice of cells in crossbars of its own: they are read at the same time, and their sums are added like those of crossbars
/// below each other.
fn planes(layer: &Layer, bits: &Bits, scheme: &Scheme) -> Load {
    let slices = bits.most(0..layer.rows, 0..layer.outputs * layer.groups).div_ceil(scheme.cell_bits);
    let mut sum = Load::default();
    let mut row_bands = 0;
    for slice in 0..slices {
        let (here, _) = load(layer, &bits.slice(slice, scheme.cell_bits), scheme);
        row_bands += here.row_bands;
        sum += here;
    }
    Load { row_bands, ..sum }
}

/// The load of all groups, and the number of blocks.
fn load(layer: &Layer, bits: &Bits, scheme: &Scheme) -> (Load, u64) {
    let Layer { rows, outputs, groups, .. } = *layer;
    if groups == 1 {
        return (matrix(rows, outputs, bits, scheme), block_count(rows, outputs, bits, scheme));
    }
    if scheme.groups == Groups::Dense {
        return dense(layer, bits, scheme);
    }
    let together = if scheme.groups == Groups::Diagonal { groups_in_an_ou(layer, bits, scheme) } else { 1 };
    let tile = |first: u64, count: u64| {
        let outputs = first * outputs..(first + count) * outputs;
        matrix_of(count * rows, outputs.end - outputs.start, &|r, o| bits_of_group(bits, r, o, &outputs, rows, count), scheme, bits)
    };
    let mut tiles: Vec<(Load, u64)> = match bits {
        // All but the last are the same.
        Bits::Uniform(_) => vec![(tile(0, together), groups / together)],
        Bits::Blocks(_) => (0..groups / together).map(|i| (tile(i * together, together), 1)).collect(),
    };
    if !groups.is_multiple_of(together) {
        tiles.push((tile(groups / together * together, groups % together), 1));
    }
    let blocks = match bits {
        Bits::Uniform(_) => groups.div_ceil(together) * block_count(together * rows, together * outputs, bits, scheme),
        Bits::Blocks(blocks) => blocks.count(),
    };
    (tiled(&tiles, together * rows, scheme), blocks)
}

/// How many groups fit along the diagonal of an OU: each has rows and columns of its own.
fn groups_in_an_ou(layer: &Layer, bits: &Bits, scheme: &Scheme) -> u64 {
    let most = bits.most(0..layer.rows, 0..layer.outputs * layer.groups);
    let columns = if scheme.mapping == Mapping::PrecisionAware { layer.outputs } else { layer.outputs * scheme.cells(most).max(1) };
    (scheme.ou_wordlines / layer.rows).min(scheme.ou_bitlines / columns).clamp(1, layer.groups)
}

/// Bits of an OU of a tile of groups: `o` counts from its first output. Where a tile holds several groups, all their rows are in one OU.
fn bits_of_group(bits: &Bits, r: Range<u64>, o: Range<u64>, tile: &Range<u64>, rows: u64, count: u64) -> u32 {
    let r = if count > 1 { 0..rows } else { r };
    bits.most(r, tile.start + o.start..tile.start + o.end)
}

fn matrix_of(rows: u64, outputs: u64, of: &dyn Fn(Range<u64>, Range<u64>) -> u32, scheme: &Scheme, bits: &Bits) -> Load {
    match bits {
        Bits::Uniform(bits) => mapping::uniform(rows, outputs, *bits, scheme),
        Bits::Blocks(_) => mapping::matrix(rows, outputs, of, scheme),
    }
}

fn matrix(rows: u64, outputs: u64, bits: &Bits, scheme: &Scheme) -> Load {
    match bits {
        Bits::Uniform(bits) => mapping::uniform(rows, outputs, *bits, scheme),
        Bits::Blocks(blocks) => mapping::of_blocks(rows, outputs, blocks, scheme),
    }
}

/// Tiles of groups in crossbars: each begins at a row of OUs and at an OU, and a crossbar takes as many as fit beside and
/// above each other, all in the room of the widest. One that does not fit has crossbars of its own. `tiles`: each so many times.
pub(super) fn tiled(tiles: &[(Load, u64)], rows: u64, scheme: &Scheme) -> Load {
    let [above, beside] = scheme.ous();
    let ou_rows = rows.div_ceil(scheme.ou_wordlines);
    let widest = tiles.iter().map(|(t, _)| t.ou_columns).max().unwrap_or(0);
    let mut sum = Load::default();
    tiles.iter().for_each(|&(tile, times)| sum += tile.times(times));
    if widest == 0 || ou_rows > above || widest > beside || tiles.iter().any(|(t, _)| t.crossbars > 1) {
        return sum;
    }
    let in_crossbar = (above / ou_rows) * (beside / widest);
    sum.crossbars = tiles.iter().map(|(_, times)| times).sum::<u64>().div_ceil(in_crossbar);
    let (mut room, mut ous) = (in_crossbar, 0);
    sum.fullest = 0;
    for &(tile, times) in tiles {
        let (first, rest) = (times.min(room), times - times.min(room));
        ous += first * tile.ous;
        sum.fullest = sum.fullest.max(ous).max(rest.min(in_crossbar) * tile.ous);
        room -= first;
        if rest > 0 || room == 0 {
            let last = rest % in_crossbar;
            (room, ous) = (in_crossbar - last, last * tile.ous);
        }
    }
    sum
}

/// All groups as one matrix, zero where a row and an output are of different groups. A table has those blocks as empty.
fn dense(layer: &Layer, bits: &Bits, scheme: &Scheme) -> (Load, u64) {
    let Layer { rows, outputs, groups, .. } = *layer;
    let [height, width] = [scheme.ou_wordlines, scheme.ou_bitlines];
    if let (Bits::Uniform(_), None) = (bits, scheme.table_entry_bits) {
        return (matrix(rows * groups, outputs * groups, bits, scheme), block_count(rows * groups, outputs * groups, bits, scheme));
    }
    let of = |r: Range<u64>, o: Range<u64>| {
        let shared = (r.start / rows).max(o.start / outputs)..r.end.div_ceil(rows).min(o.end.div_ceil(outputs));
        let most = |g: u64| bits.most(r.start.max(g * rows) - g * rows..r.end.min((g + 1) * rows) - g * rows, o.start.max(g * outputs)..o.end.min((g + 1) * outputs));
        shared.map(most).max().unwrap_or(0)
    };
    let columns = |r: Range<u64>| (0..outputs * groups).step_by(width as usize).map(|o| of(r.clone(), o..(o + width).min(outputs * groups)) as u8).collect();
    let all: Vec<Vec<u8>> = (0..rows * groups).step_by(height as usize).map(|r| columns(r..(r + height).min(rows * groups))).collect();
    let blocks = Blocks { size: [height, width], bits: Cow::Owned(all) };
    (mapping::of_blocks(rows * groups, outputs * groups, &blocks, scheme), blocks.count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::designs;
    use crate::cost::shape::{Builder, square};

    fn depthwise(channels: u64) -> Layer {
        let mut net = Builder::new("n", [channels, 4, 4]);
        net.conv("dw", channels, square(3, 1, 1), channels, false).expect("fits");
        net.finish().expect("a layer").layers.remove(0)
    }

    fn scheme(design: &str, groups: Groups) -> Scheme {
        Scheme { groups, ..Scheme::of(designs::find(design).expect("is there"), true) }
    }

    /// 32 channels of 9 rows at 8 bits: an OU holds one bit of one channel, in one of its 8 columns; 14 x 2 channels lie in a crossbar.
    #[test]
    fn depthwise_on_bwq_h() {
        let (load, counts) = count(&depthwise(32), &Bits::Uniform(8), &scheme("bwq-h", Groups::Diagonal));
        assert_eq!((load.ous, load.columns, load.crossbars, load.fullest), (32 * 8, 32 * 8, 2, 28 * 8));
        assert_eq!((counts.macs, counts.ou_activations, counts.blocks), (32 * 9 * 16, 32 * 8 * 16 * 8, 32));
        assert_eq!(count(&depthwise(32), &Bits::Uniform(8), &scheme("bwq-h", Groups::OwnRows)), (load, counts), "9 rows of OUs hold one group");
    }

    /// As a full convolution with zeros the same OUs are read, as the table skips the others, but it has an entry for each.
    #[test]
    fn dense_depthwise_with_and_without_a_table() {
        let (load, counts) = count(&depthwise(32), &Bits::Uniform(8), &scheme("bwq-h", Groups::Dense));
        assert_eq!((load.ous, counts.blocks), (32 * 8, 32 * 4));
        let (load, _) = count(&depthwise(32), &Bits::Uniform(8), &scheme("isaac-ou", Groups::Dense));
        assert_eq!(load.ous, (2 * 15 + 4) * 32, "288 rows in crossbars of 128");
    }

    /// A whole crossbar takes 14 kernels along its diagonal: rows are the limit with 8 cells of 2 bits.
    #[test]
    fn depthwise_on_whole_arrays() {
        let (load, _) = count(&depthwise(32), &Bits::Uniform(16), &scheme("isaac", Groups::Diagonal));
        assert_eq!((load.ous, load.crossbars, load.fullest), (3, 3, 1));
        let (load, _) = count(&depthwise(32), &Bits::Uniform(16), &scheme("isaac", Groups::OwnRows));
        assert_eq!((load.ous, load.crossbars), (32, 32));
    }

    /// A map's block covers 8 channels of a depthwise convolution.
    #[test]
    fn depthwise_with_a_map() {
        let bits = Bits::Blocks(Blocks { size: [9, 8], bits: Cow::Owned(vec![vec![2, 0]]) });
        let (load, counts) = count(&depthwise(16), &bits, &scheme("bwq-h", Groups::Diagonal));
        assert_eq!((load.ous, counts.blocks, counts.table_bits), (16, 2, 8));
        let (load, counts) = count(&depthwise(16), &bits, &scheme("bwq-h", Groups::Dense));
        assert_eq!((load.ous, counts.blocks), (16, 16 * 2));
    }

    /// Grouped: four groups of 16 x 4 weights.
    #[test]
    fn grouped_convolutions() {
        let mut net = Builder::new("n", [64, 1, 1]);
        net.conv("g", 16, square(1, 1, 0), 4, false).expect("fits");
        let layer = net.finish().expect("a layer").layers.remove(0);
        let (load, _) = count(&layer, &Bits::Uniform(3), &scheme("bwq-h", Groups::Diagonal));
        assert_eq!((load.ous, load.ou_rows, load.crossbars), (4 * 2 * 3, 4 * 16 * 3, 1));
    }
}
