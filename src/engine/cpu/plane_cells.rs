//! Conductances of every cell of a layer, plane by plane: where there are effects beside the programming error, or where
//! what follows needs both cells of a pair.

use super::effective_cells::make_effective;
use super::program_cells::Cells;
use super::row_cells::{CellsOfChip, draw_rows};
use crate::config::WireTopology;
use crate::crossbar::CrossbarLayer;
use crate::device::{Effects, QuantileTable};
use crate::rng::ChipKey;
use rayon::prelude::*;

/// Rows that one task draws.
const ROWS_PER_TASK: usize = 8;

/// Conductances in 2^-F of g_on, `[row][programmed plane][slice][column]`; 0 where there is no cell.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneCells {
    /// Conductances.
    pub values: Vec<i32>,
    slices: usize,
    columns: usize,
    /// Values of a row.
    row: usize,
}

/// A cell's level and place.
pub struct Cell {
    /// Level it is to have.
    pub level: u32,
    /// Row of the layer.
    pub row: usize,
    /// Output, or the reference column after the last.
    pub column: usize,
    /// Programmed plane.
    pub plane: usize,
    /// Slice, from the least significant.
    pub slice: usize,
}

impl PlaneCells {
    /// Room for the cells of `layer`.
    pub fn blank(layer: &CrossbarLayer) -> Self {
        let row = layer.planes.programmed * layer.planes.slices * layer.columns;
        PlaneCells { values: vec![0; layer.rows * row], slices: layer.planes.slices, columns: layer.columns, row }
    }

    /// Index of a cell; slices count from the least significant.
    #[inline(always)]
    pub fn at(&self, row: usize, plane: usize, slice: usize, column: usize) -> usize {
        row * self.row + (plane * self.slices + slice) * self.columns + column
    }

    /// The cells of a chip.
    pub fn draw(layer: &CrossbarLayer, table: &QuantileTable, effects: Option<&Effects>, seed: u64, chip: impl Into<ChipKey>) -> Self {
        let mut cells = Self::blank(layer);
        let chip = CellsOfChip::new(layer, table, effects, seed, chip.into());
        let size = (ROWS_PER_TASK * cells.row).max(1);
        cells.values.par_chunks_mut(size).enumerate().for_each(|(task, out)| draw_rows(&chip, task * ROWS_PER_TASK, out));
        cells
    }

    /// Cells of given conductances, one by one.
    pub fn given(layer: &CrossbarLayer, conductance: impl Fn(Cell) -> i32 + Sync) -> Self {
        let mut cells = Self::blank(layer);
        let planes = &layer.planes;
        cells.values.par_chunks_mut(cells.row.max(1)).enumerate().for_each(|(row, out)| {
            for plane in 0..planes.programmed {
                for slice in 0..planes.slices {
                    for column in 0..layer.columns {
                        let Some(level) = layer.level(layer.cells[row * layer.columns + column], plane, slice) else { continue };
                        out[(plane * planes.slices + slice) * layer.columns + column] = conductance(Cell { level, row, column, plane, slice });
                    }
                }
            }
        });
        cells
    }

    /// What the converters see: effective conductances where wires are plain, every cell at most at the largest
    /// conductance, planes subtracted where that comes first. Gated cells stay apart.
    pub fn join(mut self, layer: &CrossbarLayer, cells: &mut Cells) {
        let subtracted = layer.planes.signed() && layer.gated().is_none();
        if let Some(wires) = layer.wires.as_ref().filter(|w| w.topology == WireTopology::Plain) {
            make_effective(layer, wires, &mut self.values);
        }
        cells.begin(layer);
        let join_row = |(row, ((out, squares), values)): (usize, ((&mut [i32], &mut [u32]), &[i32]))| {
            let mut saturated = 0;
            let packed = &layer.cells[row * self.columns..(row + 1) * self.columns];
            for (line, values) in values.chunks_exact(self.columns).enumerate() {
                let (plane, slice) = (line / self.slices, line % self.slices);
                let first = layer.converted_column(if subtracted { 0 } else { plane }, slice, 0);
                let sign = if subtracted && plane == 1 { -1 } else { 1 };
                for (out, &value) in out[first..first + self.columns].iter_mut().zip(values) {
                    let kept = value.min(layer.saturation);
                    saturated += u64::from(kept != value);
                    *out += sign * kept;
                }
                if let Some(law) = &layer.read_noise {
                    // A cell that is not there has no noise, whatever the law.
                    let there = values.iter().zip(packed).map(|(&value, packed)| if (slice as u32) < packed >> 16 { law.square(value.min(layer.saturation)) } else { 0 });
                    squares[first..first + self.columns].iter_mut().zip(there).for_each(|(sum, square)| *sum += square);
                }
            }
            saturated
        };
        cells.saturated = cells.some_rows(1).zip(self.values.par_chunks_exact(self.row)).enumerate().map(join_row).sum();
    }
}
