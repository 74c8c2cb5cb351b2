//! The exact model: a normal error for each conversion.
//!
//! For a row group and input step the squares of the driven cells are added, column by column, and each column's
//! sum and random word give its error ([`ReadNoiseLaw`]). As elsewhere it is cut into plain loops over columns, which
//! a compiler turns into vector instructions; only the quantiles are looked up one by one.

use crate::crossbar::CrossbarLayer;
use crate::device::{ReadNoiseLaw, interpolate, knot_and_place};
use crate::engine::cpu::program_cells::{COLUMN_ALIGNMENT, Cells};
use crate::engine::cpu::simd::multiversion;
use crate::rng::{ReadKeys, column_code};

/// One value per column of a block.
type Block<T> = [T; COLUMN_ALIGNMENT];

/// The errors of a row group's conversions in one input step.
pub struct ReadErrors<'a> {
    law: &'a ReadNoiseLaw,
    dac_bits: u32,
    /// Per converted column, padded, its part of the hash.
    columns: Vec<u32>,
    /// Per converted column, padded, in the unit of bitline sums.
    pub values: Vec<i64>,
}

impl<'a> ReadErrors<'a> {
    /// For a layer whose rows have `stride` converted columns; `None` if its reads repeat.
    pub fn new(layer: &'a CrossbarLayer, stride: usize) -> Option<Self> {
        let law = layer.read_noise.as_deref()?;
        let mut columns: Vec<u32> = (0..layer.converted_columns()).map(|column| column_code(layer.read_key(column))).collect();
        columns.resize(stride, 0);
        Some(ReadErrors { law, dac_bits: layer.dac_bits, columns, values: vec![0; stride] })
    }

    /// Draws them for the rows in `driven` (and the DAC step on each).
    pub fn draw(&mut self, keys: ReadKeys, driven: &[(u32, i32)], cells: &Cells) {
        draw(self, keys, driven, cells);
    }
}

multiversion! {
    /// See [`ReadErrors::draw`].
    pub fn draw(errors: &mut ReadErrors, keys: ReadKeys, driven: &[(u32, i32)], cells: &Cells) = draw_inlined
}

#[inline(always)]
fn draw_inlined(errors: &mut ReadErrors, keys: ReadKeys, driven: &[(u32, i32)], cells: &Cells) {
    let (columns, values) = (errors.columns.as_chunks::<COLUMN_ALIGNMENT>().0, errors.values.as_chunks_mut::<COLUMN_ALIGNMENT>().0);
    for (block, (columns, values)) in columns.iter().zip(values).enumerate() {
        let variances = sums_of_squares(driven, errors.dac_bits, cells, block * COLUMN_ALIGNMENT);
        let quantiles = quantiles(errors.law, keys, columns);
        for j in 0..COLUMN_ALIGNMENT {
            values[j] = errors.law.error(variances[j], quantiles[j]);
        }
    }
}

/// The driven cells' squares, times that of the DAC step, on the columns from `first` on.
#[inline(always)]
fn sums_of_squares(driven: &[(u32, i32)], dac_bits: u32, cells: &Cells, first: usize) -> Block<u32> {
    let mut sums = [0; COLUMN_ALIGNMENT];
    for &(row, level) in driven {
        let squares = &cells.squares[row as usize * cells.stride + first..][..COLUMN_ALIGNMENT];
        if dac_bits == 1 {
            for j in 0..COLUMN_ALIGNMENT {
                sums[j] += squares[j];
            }
        } else {
            for j in 0..COLUMN_ALIGNMENT {
                sums[j] += squares[j] * (level * level) as u32;
            }
        }
    }
    sums
}

/// Draws of sigma z.
#[inline(always)]
fn quantiles(law: &ReadNoiseLaw, keys: ReadKeys, columns: &Block<u32>) -> Block<i32> {
    let (mut knots, mut places, mut segments) = ([0; COLUMN_ALIGNMENT], [0; COLUMN_ALIGNMENT], [[0; 2]; COLUMN_ALIGNMENT]);
    for j in 0..COLUMN_ALIGNMENT {
        (knots[j], places[j]) = knot_and_place(keys.word(columns[j]));
    }
    for j in 0..COLUMN_ALIGNMENT {
        segments[j] = law.segment(knots[j]);
    }
    let mut out = [0; COLUMN_ALIGNMENT];
    for j in 0..COLUMN_ALIGNMENT {
        let [base, rise] = segments[j];
        out[j] = interpolate(base, rise, places[j]);
    }
    out
}
