//! For every pattern of a row group, what the codes of a column's slices add up to. Twin of `shaders/code_tables.wgsl`.

use crate::engine::cpu::program_cells::Cells;
use crate::crossbar::{Conversion, CrossbarLayer};
use super::units::{Units, digits};
use std::ops::Range;

/// Columns of a table are padded to a multiple of this: four words of two columns.
pub const PADDING: usize = 8;

/// Tables of some columns for one chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeTables {
    /// `[unit][index][pair of columns, padded]`: the odd column times 2^16, plus the even column.
    pub entries: Vec<u32>,
    /// `[unit][index]`: conversions that were clipped, of all columns.
    pub clips: Vec<u32>,
}

/// Tables of `columns`, a unit being a row group.
pub fn code_tables(layer: &CrossbarLayer, units: &Units, cells: &Cells, columns: Range<usize>) -> CodeTables {
    let pairs = columns.len().next_multiple_of(PADDING) / 2;
    let mut out = CodeTables { entries: vec![0; units.len() * units.entries() * pairs], clips: vec![0; units.len() * units.entries()] };
    let Conversion::Rounding(adc) = &layer.conversion else { return out };
    for (unit, &[start, end]) in units.rows.iter().enumerate() {
        for index in 0..units.patterns(unit, layer.dac_bits) {
            let at = unit * units.entries() + index;
            for (i, column) in columns.clone().enumerate() {
                let mut entry = 0;
                for converted in (column..layer.converted_columns()).step_by(layer.columns) {
                    let weight = layer.column_weights[unit * layer.converted_columns() + converted];
                    if weight == 0 {
                        continue; // no conversion is made
                    }
                    let driven = (start as usize..end as usize).zip(digits(index, (end - start) as usize, layer.dac_bits));
                    let sum = driven.map(|(row, digit)| cells.values[row * cells.stride + converted] * digit).sum();
                    let (code, clipped) = adc.code(sum);
                    entry += code * weight;
                    out.clips[at] += u32::from(clipped && !layer.digital);
                }
                let word = &mut out.entries[at * pairs + i / 2];
                *word = word.wrapping_add(if i % 2 == 1 { (entry as u32) << 16 } else { entry as u32 });
            }
        }
    }
    out
}
