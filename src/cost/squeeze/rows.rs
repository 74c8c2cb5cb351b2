//! Which rows of a piece of a matrix have a cell that is not zero.

use super::Cells;
use crate::config::RowCut;
use crate::cost::scheme::Scheme;
use crate::cost::shape::Layer;
use crate::crossbar::mapping::used_wordlines;
use std::ops::Range;

/// The matrix of cells of one group: a column for each of the `plane`'s slices of each output, slices of an output side by side.
pub struct Matrix<'a> {
    /// The layer.
    pub layer: &'a Layer,
    /// Its group.
    pub group: u64,
    /// What is known of its cells.
    pub cells: &'a Cells,
    /// Slices of a weight in it, the most significant is 0.
    pub plane: Range<u64>,
    /// How it lies in crossbars.
    pub scheme: &'a Scheme,
}

/// What is left of a column of OUs in one crossbar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Rows of the matrix.
    pub rows: Vec<u32>,
    /// Columns of cells.
    pub columns: Range<u64>,
}

impl Matrix<'_> {
    fn slices(&self) -> u64 {
        self.plane.end - self.plane.start
    }

    /// Columns of each crossbar beside the others.
    pub fn crossbars_beside(&self) -> Vec<Range<u64>> {
        cut(0..self.layer.outputs * self.slices(), self.scheme.columns())
    }

    /// Rows of each crossbar below the others.
    pub fn crossbars_below(&self) -> Vec<Range<u64>> {
        let whole = self.scheme.row_cut == RowCut::BlockAligned;
        let rows = if whole { used_wordlines(self.scheme.rows as usize, self.scheme.ou_wordlines as usize, self.scheme.row_cut) as u64 } else { self.scheme.rows };
        cut(0..self.layer.rows, rows)
    }

    /// Columns of each column of OUs in a crossbar.
    pub fn ou_columns(&self, of_crossbar: &Range<u64>) -> Vec<Range<u64>> {
        cut(of_crossbar.clone(), self.scheme.ou_bitlines)
    }

    /// Outputs that have a slice among columns.
    pub fn outputs(&self, columns: &Range<u64>) -> Range<u64> {
        columns.start / self.slices()..columns.end.div_ceil(self.slices())
    }

    /// The rows among `rows` in which a cell of `columns` is not zero.
    pub fn left(&self, rows: &Range<u64>, columns: &Range<u64>) -> Vec<u32> {
        match self.cells {
            Cells::Assumed(compression) => {
                let count = ((rows.end - rows.start) as f64 / compression).ceil() as u64;
                (rows.start..rows.start + count).map(|r| r as u32).collect()
            }
            Cells::Weights(magnitudes) => {
                let masks: Vec<(u64, u32)> = self.outputs(columns).map(|output| (output, self.mask(output, columns))).collect();
                let first = self.group * self.layer.outputs;
                let is_left = |row: &u64| masks.iter().any(|&(output, mask)| magnitudes[((first + output) * self.layer.rows + row) as usize] & mask != 0);
                rows.clone().filter(is_left).map(|r| r as u32).collect()
            }
        }
    }

    /// Bits of an output's magnitude that lie in columns.
    fn mask(&self, output: u64, columns: &Range<u64>) -> u32 {
        let first = output * self.slices();
        let (all, width) = (self.scheme.cells(self.scheme.weight_bits), self.scheme.cell_bits);
        let slices = columns.start.max(first) - first..columns.end.min(first + self.slices()) - first;
        slices.map(|s| (((1u64 << width) - 1) << ((all - 1 - (self.plane.start + s)) * u64::from(width))) as u32).fold(0, |a, b| a | b)
    }
}

/// A range in pieces of `most`, the last shorter.
fn cut(range: Range<u64>, most: u64) -> Vec<Range<u64>> {
    range.clone().step_by(most as usize).map(|start| start..(start + most).min(range.end)).collect()
}
