//! For every pattern of a block of rows, the current it adds to a bitline. Twin of `shaders/sum_tables.wgsl`.

use crate::engine::cpu::program_cells::Cells;
use crate::crossbar::CrossbarLayer;
use super::units::{Units, digits};
use std::ops::Range;

/// Columns of a table are padded to a multiple of this.
pub const PADDING: usize = 4;

/// Currents of `columns` for one chip: `[unit][index][slice of a converted plane][column, padded]`.
pub fn sum_tables(layer: &CrossbarLayer, units: &Units, cells: &Cells, columns: Range<usize>) -> Vec<i32> {
    let (width, slices) = (columns.len().next_multiple_of(PADDING), layer.planes.converted * layer.planes.slices);
    let mut out = vec![0; units.len() * units.entries() * slices * width];
    for (unit, &[start, end]) in units.rows.iter().enumerate() {
        for index in 0..units.patterns(unit, layer.dac_bits) {
            for slice in 0..slices {
                for (i, column) in columns.clone().enumerate() {
                    let driven = (start as usize..end as usize).zip(digits(index, (end - start) as usize, layer.dac_bits));
                    let cell = |row: usize| cells.values[row * cells.stride + slice * layer.columns + column];
                    let sum = driven.map(|(row, digit)| cell(row) * digit).sum();
                    out[((unit * units.entries() + index) * slices + slice) * width + i] = sum;
                }
            }
        }
    }
    out
}
