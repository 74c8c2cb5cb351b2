//! Matrices without their rows of zeros: what is left of them in crossbars, as SRE and SME have it.
//!
//! ```text
//!  network -> weights -> (at most so many consecutive bits) -> cells -> rows left -> load, index
//!  images  -> inputs at some positions ------------------------------> OUs that have an input
//! ```
//!
//! A crossbar's columns of OUs each keep the rows in which one of their cells is not zero (SRE), or all keep the rows in which any cell
//! of the crossbar is not (SME). What is left of a column of OUs is laid into OUs from the top; where nothing is left there is no OU,
//! and no crossbar where no column has any. Groups of a convolution are matrices of their own.

pub mod consecutive;
pub mod inputs;
pub mod reads;
mod rows;
mod tally;
pub mod weights;

use super::count::tiled;
use super::designs::{RowOf, Squeeze};
use super::mapping::Load;
use super::scheme::Scheme;
use super::shape::Layer;
use crate::config::cost::BitPlanes;
use inputs::Inputs;
use reads::Reads;
use rows::Matrix;
use std::ops::Range;
use tally::Tally;

/// What is known of a layer's cells.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Magnitudes of its weights, `[output][row]`, the outputs of all groups.
    Weights(Vec<u32>),
    /// No weights: of the rows of each column of OUs, one in so many is left, rounded up.
    Assumed(f64),
}

/// A layer on crossbars without rows of zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct Squeezed {
    /// What it takes for one position and input step, if all OUs are read.
    pub load: Load,
    /// Entries of the index: rows left of each column of OUs, or of each crossbar.
    pub index_entries: u64,
    /// OUs that have an input.
    pub reads: Reads,
}

/// Squeezes a layer. `inputs`: where there are images.
pub fn squeeze(layer: &Layer, cells: &Cells, inputs: Option<&Inputs>, how: &Squeeze, scheme: &Scheme) -> Squeezed {
    let inputs = inputs.filter(|_| how.skips_zero_inputs);
    let slices = scheme.cells(scheme.weight_bits);
    // Planes of slices that share crossbars.
    let planes: Vec<Range<u64>> = match scheme.bit_planes {
        BitPlanes::InTurn => std::iter::once(0..slices).collect(),
        BitPlanes::InParallel => (0..slices).map(|slice| slice..slice + 1).collect(),
    };
    let (mut load, mut row_bands, mut entries, mut reads) = (Load::default(), 0, 0, tally::Sampled::default());
    for plane in planes {
        let tallies: Vec<Tally> = (0..layer.groups).map(|group| of_group(&Matrix { layer, group, cells, plane: plane.clone(), scheme }, inputs, how)).collect();
        entries += tallies.iter().map(|t| t.index_entries).sum::<u64>();
        tallies.iter().for_each(|t| reads.add(&t.sampled));
        let loads: Vec<(Load, u64)> = tallies.iter().map(|t| (t.load, 1)).collect();
        let here = if layer.groups == 1 { loads[0].0 } else { tiled(&loads, layer.rows, scheme) };
        row_bands += here.row_bands;
        load += here;
    }
    load.row_bands = row_bands;
    let positions = inputs.map_or(0, Inputs::positions);
    Squeezed { load, index_entries: entries, reads: reads.reads(&load, positions * scheme.input_steps(), layer.groups == 1) }
}

/// One group's matrix, in crossbars beside and below each other.
fn of_group(matrix: &Matrix, inputs: Option<&Inputs>, how: &Squeeze) -> Tally {
    let mut tally = Tally::default();
    for columns in matrix.crossbars_beside() {
        let mut below = 0;
        for rows in matrix.crossbars_below() {
            let whole = if how.row_of == RowOf::Crossbar { matrix.left(&rows, &columns) } else { Vec::new() };
            let left = |own: Range<u64>| rows::Column { rows: if how.row_of == RowOf::Ou { matrix.left(&rows, &own) } else { whole.clone() }, columns: own };
            let left: Vec<rows::Column> = matrix.ou_columns(&columns).into_iter().map(left).collect();
            below += u64::from(tally.add_crossbar(&left, how.row_of, inputs, matrix));
        }
        tally.load.ou_columns += if below > 0 { matrix.ou_columns(&columns).len() as u64 } else { 0 };
        tally.load.row_bands = tally.load.row_bands.max(below);
    }
    tally
}

#[cfg(test)]
mod tests;
