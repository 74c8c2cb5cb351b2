//! Units: rows of a crossbar that share a look-up table, and the order in which tables are used.
//!
//! A table has one row for every pattern that the DAC can put on its unit's wordlines in one step: bit `j n + r` of the
//! pattern is bit `j` of the DAC's digit on row `r` of the `n` rows. A *block* is what is looked up before anything is
//! written back; a pattern is kept as the number of its row in the block's tables, which stand one after another (in the
//! form of [`super::cpu::lanes::rows`]).

use crate::crossbar::CrossbarLayer;
use std::ops::Range;

/// Rows of the crossbar that share a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Rows [start, end) of the matrix.
    pub rows: Range<usize>,
    /// Row group it belongs to.
    pub group: usize,
    /// Bits of a pattern; the table has 2^bits rows.
    pub bits: u32,
    /// Where its table begins in the block's.
    pub first: usize,
}

/// Units that are looked up together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The units.
    pub units: Vec<Unit>,
    /// Rows of all their tables, one after another, and some more to make them a power of two; at most
    /// [`super::cpu::lanes::rows::MOST_ROWS`].
    pub table_rows: usize,
}

impl Block {
    /// Rows of all units, which follow each other.
    pub fn rows(&self) -> Range<usize> {
        let of = |unit: Option<&Unit>| unit.map_or(0..0, |u| u.rows.clone());
        of(self.units.first()).start..of(self.units.last()).end
    }

    /// A block of `units` (rows and group), their tables in order.
    fn new(units: impl IntoIterator<Item = (Range<usize>, usize)>, dac_bits: u32) -> Self {
        let mut block = Block { units: Vec::new(), table_rows: 0 };
        for (rows, group) in units {
            let bits = rows.len() as u32 * dac_bits;
            block.units.push(Unit { rows, group, bits, first: block.table_rows });
            block.table_rows += 1 << bits;
        }
        block.table_rows = block.table_rows.next_power_of_two();
        block
    }
}

/// Blocks of at most `most` row groups, one unit per group: tables of codes.
pub fn of_groups(layer: &CrossbarLayer, most: usize) -> Vec<Block> {
    let groups: Vec<(Range<usize>, usize)> = layer.groups.iter().enumerate().map(|(g, r)| (r[0] as usize..r[1] as usize, g)).collect();
    groups.chunks(most.max(1)).map(|some| Block::new(some.iter().cloned(), layer.dac_bits)).collect()
}

/// One block per row group, cut into units of about `bits` pattern bits, as equal as they can be: tables of partial sums.
pub fn within_groups(layer: &CrossbarLayer, bits: u32) -> Vec<Block> {
    let most = (bits / layer.dac_bits).max(1) as usize;
    let of_group = |(g, range): (usize, &[u32; 2])| {
        let (start, rows) = (range[0] as usize, (range[1] - range[0]) as usize);
        let parts = rows.div_ceil(most);
        Block::new((0..parts).map(|i| (start + rows * i / parts..start + rows * (i + 1) / parts, g)), layer.dac_bits)
    };
    layer.groups.iter().enumerate().map(of_group).collect()
}
