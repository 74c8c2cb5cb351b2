//! Draws the conductance of every cell of a layer for one chip. Twin of `shaders/program_cells.wgsl`.
//!
//! Where the planes of a differential pair are subtracted before the conversion, only their difference
//! reaches the bitline's converter, so only the difference is kept: the same integers, half the work.

use crate::crossbar::CrossbarLayer;
use crate::device::QuantileTable;
use crate::rng::{Purpose, cell_words};
use rayon::prelude::*;

/// Columns are padded to a multiple of this, so that the product works on whole vectors.
pub const COLUMN_ALIGNMENT: usize = 32;

/// Conductances of one part of a layer, `[row][converted column, padded]`, in units of 2^-F of g_on.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// Converted columns and padding.
    pub stride: usize,
    /// Conductances, or differences of two.
    pub values: Vec<i32>,
    /// Cells cut at the largest representable conductance.
    pub saturated: u64,
}

/// Where a cell's conductance comes from.
enum Source<'a> {
    /// Drawn for a chip: table, levels that need no draw, seed, trial.
    Drawn(&'a QuantileTable, Vec<Option<i32>>, u64, u32),
    /// The level's own conductance.
    Nominal(&'a QuantileTable),
    /// Given, `[plane][slice][row][output]`; a reference column is nominal.
    Given(&'a QuantileTable, &'a [f64]),
}

/// Cells of chip `trial`.
pub fn program_cells(layer: &CrossbarLayer, table: &QuantileTable, seed: u64, trial: u32) -> Cells {
    program(layer, &Source::Drawn(table, fixed_levels(table), seed, trial))
}

/// Cells without programming error.
pub fn nominal_cells(layer: &CrossbarLayer, table: &QuantileTable) -> Cells {
    program(layer, &Source::Nominal(table))
}

/// Cells of given conductances `[plane][slice][row][output]` in g_on; a reference column is error-free.
pub fn given_cells(layer: &CrossbarLayer, table: &QuantileTable, given: &[f64]) -> Cells {
    program(layer, &Source::Given(table, given))
}

/// Levels whose conductance is the same at every draw (an off cell of an infinite ratio, say): drawing is skipped.
fn fixed_levels(table: &QuantileTable) -> Vec<Option<i32>> {
    let per_level = table.knots.len() / table.nominal.len();
    table.knots.chunks(per_level).map(|knots| knots.iter().all(|k| *k == [knots[0][0], 0]).then_some(knots[0][0])).collect()
}

fn program(layer: &CrossbarLayer, source: &Source) -> Cells {
    let stride = layer.converted_columns().next_multiple_of(COLUMN_ALIGNMENT);
    let mut values = vec![0; layer.rows * stride];
    let planes = &layer.planes;
    let program_row = |(row, out): (usize, &mut [i32])| {
        let mut saturated = 0;
        for column in 0..layer.columns {
            let packed = layer.cells[row * layer.columns + column];
            for plane in 0..planes.programmed {
                let mut words = None;
                for slice in 0..planes.slices {
                    if slice % 4 == 0 {
                        words = None; // one Philox block serves four slices
                    }
                    let Some(level) = layer.level(packed, plane, slice) else { continue };
                    let drawn = match source {
                        Source::Nominal(table) => table.nominal[level as usize],
                        Source::Given(table, _) if column == layer.outputs => table.nominal[level as usize],
                        Source::Given(table, given) => {
                            let at = ((plane * planes.slices + slice) * layer.rows + row) * layer.outputs + column;
                            (given[at] * (1u64 << table.fraction_bits) as f64).round_ties_even().clamp(0.0, f64::from(i32::MAX)) as i32
                        }
                        Source::Drawn(table, fixed, seed, trial) => fixed[level as usize].unwrap_or_else(|| {
                            let draw = || cell_words(*seed, *trial, Purpose::ProgrammingError, layer.layer, row as u32, layer.column_key(column), plane as u32, slice as u32 / 4);
                            table.sample(level, words.get_or_insert_with(draw)[slice % 4])
                        }),
                    };
                    let kept = drawn.min(layer.saturation);
                    saturated += u64::from(kept != drawn);
                    let value = &mut out[layer.converted_column(plane.min(planes.converted - 1), slice, column)];
                    *value += if plane == 1 && planes.converted == 1 { -kept } else { kept };
                }
            }
        }
        saturated
    };
    let saturated = values.par_chunks_mut(stride).enumerate().map(program_row).sum();
    Cells { stride, values, saturated }
}
