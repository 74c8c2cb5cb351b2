//! Bits of the weights of a layer: the same everywhere, or of each block.

use std::borrow::Cow;
use std::ops::Range;

/// Bits of a layer's weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bits<'a> {
    /// The same for all.
    Uniform(u32),
    /// Those of blocks.
    Blocks(Blocks<'a>),
}

/// Bits of each block of a layer's matrix of rows x all outputs, as a precision map has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks<'a> {
    /// [rows, outputs] of a block; the last ones are smaller.
    pub size: [u64; 2],
    /// `[block row][block column]`.
    pub bits: Cow<'a, [Vec<u8>]>,
}

impl Blocks<'_> {
    /// Number of blocks.
    pub fn count(&self) -> u64 {
        self.bits.iter().map(|row| row.len() as u64).sum()
    }

    /// The most bits of any block that rows and outputs have a share in: an OU there must hold them. 0 for none.
    pub fn most(&self, rows: Range<u64>, outputs: Range<u64>) -> u32 {
        let share = |range: &Range<u64>, size: u64| (range.start / size) as usize..range.end.div_ceil(size) as usize;
        let columns = share(&outputs, self.size[1]);
        let most_of = |row: &Vec<u8>| row[columns.start.min(row.len())..columns.end.min(row.len())].iter().copied().max().unwrap_or(0);
        let rows = share(&rows, self.size[0]);
        self.bits[rows.start.min(self.bits.len())..rows.end.min(self.bits.len())].iter().map(most_of).max().unwrap_or(0).into()
    }
}

impl Bits<'_> {
    /// The most bits of any weight among rows and outputs.
    pub fn most(&self, rows: Range<u64>, outputs: Range<u64>) -> u32 {
        match self {
            Bits::Uniform(bits) => *bits,
            Bits::Blocks(blocks) => blocks.most(rows, outputs),
        }
    }

    /// Bits in the slice `index` (0 is the least significant) of `cell_bits` bits: all of a cell, or none.
    pub fn slice(&self, index: u32, cell_bits: u32) -> Bits<'static> {
        let of = |bits: u32| if bits > index * cell_bits { cell_bits } else { 0 };
        match self {
            Bits::Uniform(bits) => Bits::Uniform(of(*bits)),
            Bits::Blocks(blocks) => {
                let row = |row: &Vec<u8>| row.iter().map(|&bits| of(bits.into()) as u8).collect();
                Bits::Blocks(Blocks { size: blocks.size, bits: Cow::Owned(blocks.bits.iter().map(row).collect()) })
            }
        }
    }

    /// Whether they are all the same.
    pub fn is_uniform(&self) -> bool {
        match self {
            Bits::Uniform(_) => true,
            Bits::Blocks(blocks) => {
                let mut all = blocks.bits.iter().flatten();
                let first = all.next();
                all.all(|bits| Some(bits) == first)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_block_in_reach() {
        let blocks = Blocks { size: [9, 8], bits: Cow::Owned(vec![vec![1, 2, 3], vec![4, 0, 5]]) };
        assert_eq!(blocks.count(), 6);
        assert_eq!([blocks.most(0..9, 0..8), blocks.most(0..10, 0..8), blocks.most(9..12, 8..16), blocks.most(0..9, 7..17)], [1, 4, 0, 3]);
        assert_eq!(blocks.most(90..99, 0..8), 0);
        assert!(!Bits::Blocks(blocks).is_uniform());
        assert!(Bits::Uniform(3).is_uniform());
    }
}
