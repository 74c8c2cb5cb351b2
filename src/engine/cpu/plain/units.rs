//! Blocks of rows that share a table: its rows are the patterns in which a block can be driven.
//!
//! The *index* of a pattern holds the digits that drive the rows: bit `j * rows + r` is bit `j` of the digit of row
//! `r` of the unit, so that the entry of a union of bits is the sum of theirs.

use crate::engine::Kernel;
use crate::crossbar::{Conversion, CrossbarLayer};

/// Most index bits of a row group with a table of codes: 4096 patterns.
pub const TABLE_INDEX_BITS: u32 = 12;
/// Most index bits of a block of rows with a table of sums.
pub const SPLIT_INDEX_BITS: u32 = 8;
/// Largest entry of a table of codes.
pub const LARGEST_ENTRY: i64 = i16::MAX as i64;

/// The units of a layer, in the order of their rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    /// Rows `[start, end)` of each.
    pub rows: Vec<[u32; 2]>,
    /// Units `[first, end)` of each row group.
    pub of_group: Vec<[u32; 2]>,
    /// Index bits of the largest.
    pub index_bits: u32,
}

impl Units {
    /// The units that `kernel` cuts the row groups of `layer` into.
    pub fn new(layer: &CrossbarLayer, kernel: Kernel) -> Self {
        match kernel {
            Kernel::Split => Self::cut(layer, SPLIT_INDEX_BITS),
            Kernel::Direct | Kernel::Table => Self::cut(layer, u32::MAX),
        }
    }

    /// Row groups cut into the fewest blocks, of about the same height, with at most `index_bits` index bits.
    fn cut(layer: &CrossbarLayer, index_bits: u32) -> Self {
        let most = (index_bits / layer.dac_bits).max(1);
        let (mut rows, mut of_group) = (Vec::new(), Vec::new());
        for &[start, end] in &layer.groups {
            let first = rows.len() as u32;
            let height = (end - start).div_ceil((end - start).div_ceil(most));
            rows.extend((start..end).step_by(height as usize).map(|row| [row, (row + height).min(end)]));
            of_group.push([first, rows.len() as u32]);
        }
        let highest = rows.iter().map(|[start, end]| end - start).max().unwrap_or(0);
        Units { rows, of_group, index_bits: highest * layer.dac_bits }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True for a layer without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows of every unit's table; low units fill only the first of theirs.
    pub fn entries(&self) -> usize {
        1 << self.index_bits
    }

    /// Patterns of one unit.
    pub fn patterns(&self, unit: usize, dac_bits: u32) -> usize {
        1 << ((self.rows[unit][1] - self.rows[unit][0]) * dac_bits)
    }
}

/// Digits that an index stands for: what drives each of `rows` rows.
pub fn digits(index: usize, rows: usize, dac_bits: u32) -> impl Iterator<Item = i32> {
    (0..rows).map(move |row| (0..dac_bits as usize).map(|j| ((index >> (j * rows + row) & 1) << j) as i32).sum())
}

/// The largest sum of what codes of one row group count in one column and step; `None` without a converter.
pub fn largest_entry(layer: &CrossbarLayer) -> Option<i64> {
    let Conversion::Rounding(adc) = &layer.conversion else { return None };
    let of_group = |weights: &[i32]| {
        let of_column = |column: usize| weights.iter().skip(column).step_by(layer.columns).map(|w| i64::from(w.abs())).sum::<i64>();
        (0..layer.columns).map(of_column).max().unwrap_or(0)
    };
    let weight = layer.column_weights.chunks(layer.converted_columns().max(1)).map(of_group).max().unwrap_or(0);
    Some(adc.largest_code() * weight)
}

/// Whether `kernel` can compute `layer`: its tables hold the entries, and 32 bits what is added before 64 take over.
pub fn is_eligible(layer: &CrossbarLayer, kernel: Kernel) -> bool {
    let index_bits = |[start, end]: &[u32; 2]| u64::from(end - start) * u64::from(layer.dac_bits);
    match kernel {
        Kernel::Direct => true,
        Kernel::Table => {
            let low = layer.groups.iter().all(|g| index_bits(g) <= u64::from(TABLE_INDEX_BITS));
            low && largest_entry(layer).is_some_and(|entry| entry <= LARGEST_ENTRY)
        }
        Kernel::Split => {
            let all_steps = 1i64 << (layer.input_steps * layer.dac_bits);
            layer.dac_bits <= SPLIT_INDEX_BITS && largest_entry(layer).is_none_or(|entry| entry * all_steps <= i64::from(i32::MAX))
        }
    }
}
