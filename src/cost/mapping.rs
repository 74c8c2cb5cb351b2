//! A matrix on crossbars: how many OUs it takes, in how many crossbars, and what the fullest of them has to do. Closed forms
//! where all bits are the same, sums over blocks where they are not.
//!
//! Rows: `block-aligned` puts floor(rows / OU height) whole rows of OUs into a crossbar, `physical` fills it to its last row,
//! where a row of OUs is short. Columns: `conventional` lays outputs x cells columns side by side, cuts them at the crossbar's
//! border and lays OUs into each piece; `precision-aware` takes, for each OU's width of outputs, as many OUs as a weight has
//! slices; `weight-within-ou` puts as many whole weights into an OU as fit. To add a mapping: a variant of
//! `config::cost::Mapping`, its arms in [`uniform`] and [`of_blocks`].

use super::blocks::{Bits, Blocks};
use super::scheme::Scheme;
use crate::config::cost::{Mapping, Placement, Signs};
use crate::crossbar::mapping::{row_groups, used_wordlines};
use std::ops::AddAssign;

/// What a matrix takes for one position and one input step, and the crossbars it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// OUs that are activated.
    pub ous: u64,
    /// Converted columns of them that hold weights.
    pub columns: u64,
    /// Further conversions: of the offset's columns.
    pub offset_columns: u64,
    /// Rows of weights in those OUs, summed over OUs.
    pub ou_rows: u64,
    /// Rows of OUs with any work, each in its crossbar: what wordline drivers are set for, if they are held.
    pub driven_ou_rows: u64,
    /// Partial sums once the slices of each weight are put together: outputs of each row of OUs that has bits for them.
    pub sums: u64,
    /// Rows of weights in each crossbar, summed: inputs that registers must hold.
    pub crossbar_rows: u64,
    /// Cells that hold bits of weights.
    pub cells: u64,
    /// Crossbars.
    pub crossbars: u64,
    /// Crossbars below each other: partial sums of one output.
    pub row_bands: u64,
    /// Columns of OUs, over the crossbars beside each other, spare ones included.
    pub ou_columns: u64,
    /// OUs of the crossbar that has most.
    pub fullest: u64,
}

impl AddAssign for Load {
    /// Of matrices in crossbars of their own.
    fn add_assign(&mut self, other: Self) {
        self.ous += other.ous;
        self.columns += other.columns;
        self.offset_columns += other.offset_columns;
        self.ou_rows += other.ou_rows;
        self.driven_ou_rows += other.driven_ou_rows;
        self.sums += other.sums;
        self.crossbar_rows += other.crossbar_rows;
        self.cells += other.cells;
        self.crossbars += other.crossbars;
        self.row_bands = self.row_bands.max(other.row_bands);
        self.ou_columns = self.ou_columns.max(other.ou_columns);
        self.fullest = self.fullest.max(other.fullest);
    }
}

impl Load {
    /// Of so many of the same matrix, in crossbars of their own.
    pub(super) fn times(self, n: u64) -> Load {
        Load {
            ous: self.ous * n,
            columns: self.columns * n,
            offset_columns: self.offset_columns * n,
            ou_rows: self.ou_rows * n,
            driven_ou_rows: self.driven_ou_rows * n,
            sums: self.sums * n,
            crossbar_rows: self.crossbar_rows * n,
            cells: self.cells * n,
            crossbars: self.crossbars * n,
            ..self
        }
    }
}

/// `total` things in crossbars of `most`: how many crossbars are full, and what is in the last if it is not.
fn cut(total: u64, most: u64) -> [u64; 2] {
    [total / most, total % most]
}

/// Rows of OUs: of all crossbars below each other, of the fullest, and the number of those crossbars.
fn rows_of_ous(rows: u64, scheme: &Scheme) -> [u64; 3] {
    let height = scheme.ou_wordlines;
    let [full, rest] = cut(rows, used_wordlines(scheme.rows as usize, height as usize, scheme.row_cut) as u64);
    let in_full = used_wordlines(scheme.rows as usize, height as usize, scheme.row_cut).div_ceil(height as usize) as u64;
    let in_rest = rest.div_ceil(height);
    [full * in_full + in_rest, if full > 0 { in_full } else { in_rest }, full + u64::from(rest > 0)]
}

/// OUs beside each other: of all crossbars, of the fullest, and the number of those crossbars.
fn columns_of_ous(outputs: u64, cells: u64, scheme: &Scheme) -> [u64; 3] {
    let width = scheme.ou_bitlines;
    let (total, most, per_ou) = match scheme.mapping {
        Mapping::Conventional => (outputs * cells, scheme.columns(), width),
        _ => (width_in_ous(outputs, cells, scheme), scheme.ous()[1], 1),
    };
    let [full, rest] = cut(total, most);
    let [in_full, in_rest] = [most.div_ceil(per_ou), rest.div_ceil(per_ou)];
    [full * in_full + in_rest, if full > 0 { in_full } else { in_rest }, full + u64::from(rest > 0)]
}

/// OUs that hold `outputs` weights of `cells` cells beside each other, where OUs are filled by whole weights or by slices.
fn width_in_ous(outputs: u64, cells: u64, scheme: &Scheme) -> u64 {
    let width = scheme.ou_bitlines;
    match scheme.mapping {
        Mapping::PrecisionAware => outputs.div_ceil(width) * cells,
        _ if cells == 0 => 0,
        _ if cells <= width => outputs.div_ceil(width / cells),
        _ => outputs * cells.div_ceil(width),
    }
}

/// OUs of a row of weights, `[outputs, cells of each]` after one another: an OU takes weights until the next does not fit; one
/// that is wider than an OU has OUs of its own.
fn ous_of_whole_weights(blocks: &[[u64; 2]], width: u64) -> u64 {
    let (mut ous, mut free) = (0, 0);
    for &[outputs, cells] in blocks.iter().filter(|[_, cells]| *cells > 0) {
        if cells > width {
            ous += outputs * cells.div_ceil(width);
            free = 0;
            continue;
        }
        let in_open = outputs.min(free / cells);
        let (rest, per_ou) = (outputs - in_open, width / cells);
        let opened = rest.div_ceil(per_ou);
        ous += opened;
        free = if opened == 0 { free - in_open * cells } else { width - (rest - (opened - 1) * per_ou) * cells };
    }
    ous
}

/// The load of a matrix of `rows` x `outputs` weights of `bits` bits each.
pub fn uniform(rows: u64, outputs: u64, bits: u32, scheme: &Scheme) -> Load {
    let cells = scheme.cells(bits);
    if cells == 0 {
        return Load::default();
    }
    let [ou_rows, fullest_rows, bands] = rows_of_ous(rows, scheme);
    let [ou_columns, fullest_columns, across] = columns_of_ous(outputs, cells, scheme);
    Load {
        ous: ou_rows * ou_columns,
        columns: ou_rows * outputs * cells,
        offset_columns: if scheme.signs == Signs::OffsetColumn { ou_rows * across } else { 0 },
        ou_rows: rows * ou_columns,
        driven_ou_rows: ou_rows * across,
        sums: ou_rows * outputs,
        crossbar_rows: rows * across,
        cells: rows * outputs * cells,
        crossbars: bands * across,
        row_bands: bands,
        ou_columns,
        fullest: fullest_rows * fullest_columns,
    }
}

/// The load of a matrix whose blocks differ. An OU holds the most bits of any block it has a share in.
pub fn of_blocks(rows: u64, outputs: u64, blocks: &Blocks, scheme: &Scheme) -> Load {
    matrix(rows, outputs, &|r, o| blocks.most(r, o), scheme)
}

/// Bits of the OU-sized piece of given rows and outputs.
type BitsOf<'a> = dyn Fn(std::ops::Range<u64>, std::ops::Range<u64>) -> u32 + 'a;

pub(super) fn matrix(rows: u64, outputs: u64, bits: &BitsOf, scheme: &Scheme) -> Load {
    let (rows_per_crossbar, width) = (used_wordlines(scheme.rows as usize, scheme.ou_wordlines as usize, scheme.row_cut), scheme.ou_bitlines);
    let mut load = Load::default();
    // Only a crossbar's rows of OUs and the crossbars beside it are looked at together.
    let pieces = row_groups(rows as usize, scheme.rows as usize, scheme.ou_wordlines as usize, scheme.row_cut);
    for band in pieces.chunk_by(|a, b| a[0] as usize / rows_per_crossbar == b[0] as usize / rows_per_crossbar) {
        let band: Vec<OuRow> = band
            .iter()
            .map(|&[start, end]| OuRow {
                rows: u64::from(end - start),
                blocks: (0..outputs).step_by(width as usize).map(|o| {
                    let end_of_outputs = (o + width).min(outputs);
                    [end_of_outputs - o, scheme.cells(bits(u64::from(start)..u64::from(end), o..end_of_outputs))]
                }).collect(),
            })
            .collect();
        load.add_band(&band, scheme);
    }
    load
}

/// A row of OUs in one crossbar and those beside it.
struct OuRow {
    rows: u64,
    /// [outputs, cells of a weight] of each OU's width of outputs.
    blocks: Vec<[u64; 2]>,
}

impl Load {
    /// Adds the crossbars that lie beside each other and share rows of weights.
    fn add_band(&mut self, band: &[OuRow], scheme: &Scheme) {
        let most = scheme.ous()[1];
        // OUs of each crossbar, over its rows of OUs; it grows as far as columns are taken.
        let mut crossbars: Vec<u64> = Vec::new();
        let widest = |block: usize| band.iter().map(|r| r.blocks[block][1]).max().unwrap_or(0);
        let aligned = scheme.mapping == Mapping::PrecisionAware && scheme.placement == Placement::BitAligned;
        let room: Vec<u64> = if aligned { (0..band.first().map_or(0, |r| r.blocks.len())).map(widest).collect() } else { Vec::new() };
        for row in band {
            let mut here = vec![0; crossbars.len()];
            let mut take = |from: u64, count: u64, most: u64, per_ou: u64| {
                let (mut from, end) = (from, from + count);
                while from < end {
                    let (crossbar, upto) = ((from / most) as usize, end.min((from / most + 1) * most));
                    if here.len() <= crossbar {
                        here.resize(crossbar + 1, 0);
                    }
                    here[crossbar] += (upto - from).div_ceil(per_ou);
                    from = upto;
                }
            };
            match scheme.mapping {
                Mapping::Conventional => take(0, row.blocks.iter().map(|[outputs, cells]| outputs * cells).sum(), scheme.columns(), scheme.ou_bitlines),
                Mapping::WeightWithinOu => take(0, ous_of_whole_weights(&row.blocks, scheme.ou_bitlines), most, 1),
                Mapping::PrecisionAware => {
                    let mut at = 0;
                    for (block, &[_, cells]) in row.blocks.iter().enumerate() {
                        let width = room.get(block).copied().unwrap_or(cells);
                        // Leading bits stand first and are the ones that are missing.
                        take(at + width - cells, cells, most, 1);
                        at += width;
                    }
                }
            }
            let ous: u64 = here.iter().sum();
            let busy = here.iter().filter(|&&n| n > 0).count() as u64;
            let columns: u64 = row.blocks.iter().map(|[outputs, cells]| outputs * cells).sum();
            self.ous += ous;
            self.ou_columns = self.ou_columns.max(ous).max(room.iter().sum());
            self.columns += columns;
            self.sums += row.blocks.iter().filter(|[_, cells]| *cells > 0).map(|[outputs, _]| outputs).sum::<u64>();
            self.cells += columns * row.rows;
            self.ou_rows += ous * row.rows;
            self.driven_ou_rows += busy;
            self.offset_columns += if scheme.signs == Signs::OffsetColumn { busy } else { 0 };
            if crossbars.len() < here.len() {
                crossbars.resize(here.len(), 0);
            }
            here.iter().zip(&mut crossbars).for_each(|(n, sum)| *sum += n);
        }
        // Each column of OUs has a row that uses it: that of the widest block. So spare OUs take no crossbar of their own.
        let across = crossbars.len() as u64;
        self.crossbars += across;
        self.crossbar_rows += across * band.iter().map(|r| r.rows).sum::<u64>();
        self.row_bands += u64::from(across > 0);
        self.fullest = self.fullest.max(crossbars.iter().copied().max().unwrap_or(0));
    }
}

/// Bits of the blocks of a layer in OU-sized pieces, where a scheme has blocks at all.
pub fn block_count(rows: u64, outputs: u64, bits: &Bits, scheme: &Scheme) -> u64 {
    match bits {
        Bits::Blocks(blocks) => blocks.count(),
        Bits::Uniform(_) => rows.div_ceil(scheme.ou_wordlines) * outputs.div_ceil(scheme.ou_bitlines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RowCut;
    use crate::config::cost::{Groups, Packing, TableAccess};
    use crate::cost::designs;
    use proptest::prelude::*;
    use std::borrow::Cow;

    fn bwq_h() -> Scheme {
        Scheme::of(designs::find("bwq-h").expect("is there"), false)
    }

    fn blocks(bits: &[&[u8]], size: [u64; 2]) -> Blocks<'static> {
        Blocks { size, bits: Cow::Owned(bits.iter().map(|row| row.to_vec()).collect()) }
    }

    #[test]
    fn the_toy() {
        let toy = blocks(&[&[8, 0], &[3, 1], &[2, 2]], [9, 8]);
        let load = of_blocks(27, 16, &toy, &bwq_h());
        assert_eq!((load.ous, load.crossbars, load.fullest), (16, 1, 16));
    }

    /// 128 rows hold 15 rows of OUs in the physical cut, the last of 2 rows, and 14 whole ones; neither is 128 / 9 by integer division
    /// of something else.
    #[test]
    fn rows_at_the_border() {
        let physical = Scheme { row_cut: RowCut::Physical, ..bwq_h() };
        assert_eq!(rows_of_ous(128, &physical), [15, 15, 1]);
        assert_eq!(rows_of_ous(576, &physical), [4 * 15 + 8, 15, 5]);
        assert_eq!(rows_of_ous(126, &bwq_h()), [14, 14, 1]);
        assert_eq!(rows_of_ous(576, &bwq_h()), [64, 14, 5]);
    }

    /// A weight of 3 bits in OUs of 8: conventional 8 columns hold 2 2/3 weights, whole weights leave 2 columns empty.
    #[test]
    fn mappings_differ_in_columns() {
        let of = |mapping| uniform(9, 8, 3, &Scheme { mapping, ..bwq_h() }).ous;
        assert_eq!([of(Mapping::Conventional), of(Mapping::WeightWithinOu), of(Mapping::PrecisionAware)], [3, 4, 3]);
        let ragged = |mapping| uniform(9, 10, 8, &Scheme { mapping, ..bwq_h() }).ous;
        assert_eq!([ragged(Mapping::Conventional), ragged(Mapping::WeightWithinOu), ragged(Mapping::PrecisionAware)], [10, 10, 16]);
    }

    /// Fig. 6b: the second block has one bit and stands under the last bit of the first, so one OU is spare.
    #[test]
    fn spare_ous_are_there_but_not_read() {
        let small = Scheme { rows: 4, cols: 4, ou_wordlines: 2, ou_bitlines: 2, ..bwq_h() };
        let two = blocks(&[&[2], &[1]], [2, 2]);
        assert_eq!(of_blocks(4, 2, &two, &small).ous, 3);
        // Five bits in a row of two OUs: aligned, the block below reaches into the third crossbar.
        let wide = blocks(&[&[5, 1], &[1, 5]], [2, 2]);
        assert_eq!(of_blocks(4, 4, &wide, &small).crossbars, 5);
        assert_eq!(of_blocks(4, 4, &wide, &Scheme { placement: Placement::Packed, ..small }).crossbars, 3);
    }

    #[test]
    fn pairs_and_offsets() {
        let load = |signs| uniform(9, 16, 8, &Scheme { signs, ..bwq_h() });
        assert_eq!((load(Signs::NotCounted).ous, load(Signs::NotCounted).crossbars), (16, 1));
        assert_eq!((load(Signs::PairedAnalog).ous, load(Signs::PairedAnalog).crossbars), (16, 2));
        assert_eq!((load(Signs::PairedDigital).ous, load(Signs::PairedDigital).crossbars), (32, 2));
        assert_eq!((load(Signs::OffsetColumn).ous, load(Signs::OffsetColumn).crossbars, load(Signs::OffsetColumn).offset_columns), (16, 2, 2));
    }

    #[test]
    fn no_bits_are_no_crossbar() {
        assert_eq!(uniform(9, 8, 0, &bwq_h()), Load::default());
        assert_eq!(of_blocks(9, 8, &blocks(&[&[0]], [9, 8]), &bwq_h()), Load::default());
    }

    fn any_scheme() -> impl Strategy<Value = Scheme> {
        (1u64..40, 1u64..40, 1u64..12, 1u64..12, 1u32..4, 0usize..4, 0usize..3, any::<[bool; 2]>()).prop_map(|(rows, cols, h, w, cell_bits, signs, mapping, [cut, packed])| Scheme {
            rows: rows.max(h),
            cols: cols.max(w) * 2 + 1,
            ou_wordlines: h,
            ou_bitlines: w,
            cell_bits,
            row_cut: if cut { RowCut::Physical } else { RowCut::BlockAligned },
            signs: [Signs::NotCounted, Signs::PairedAnalog, Signs::PairedDigital, Signs::OffsetColumn][signs],
            mapping: [Mapping::Conventional, Mapping::WeightWithinOu, Mapping::PrecisionAware][mapping],
            placement: if packed { Placement::Packed } else { Placement::BitAligned },
            groups: Groups::Diagonal,
            packing: Packing::None,
            table_access: TableAccess::PerInputStep,
            ..bwq_h()
        })
    }

    proptest! {
        /// The closed form is the sum over blocks that all have the same bits.
        #[test]
        fn closed_form_and_sum_agree(scheme in any_scheme(), rows in 1u64..100, outputs in 1u64..60, bits in 0u32..9) {
            prop_assert_eq!(uniform(rows, outputs, bits, &scheme), matrix(rows, outputs, &|_, _| bits, &scheme));
        }
    }
}
