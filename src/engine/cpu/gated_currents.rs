//! Currents of gated cells on wires: solved for a whole pattern of driven rows, rounded to the unit plane by plane, and
//! then an integer like any other sum.
//!
//! One pattern and all patterns go down the rows with the same operations, so they give the same bits.

use super::lanes::{INTS, Ints};
use super::program_cells::{COLUMN_ALIGNMENT, Cells};
use super::simd::multiversion;
use crate::crossbar::wires::gated::Star;
use crate::crossbar::{CrossbarLayer, Wires};
use crate::engine::units::Unit;
use std::collections::HashMap;

/// Sums of one row group's patterns, each solved when it is first asked for.
#[derive(Default)]
pub struct SolvedPatterns {
    /// By pattern: its number among the solved ones.
    numbers: HashMap<u128, usize>,
    /// `[solved pattern][converted column, padded]`.
    sums: Vec<i32>,
}

impl SolvedPatterns {
    /// Forgets all patterns: another row group begins.
    pub fn begin(&mut self) {
        self.numbers.clear();
        self.sums.clear();
    }

    /// The sums of `pattern` (bit r: row r of the group) on the converted columns, padded.
    pub fn sums(&mut self, layer: &CrossbarLayer, cells: &Cells, group: usize, pattern: u128) -> &[i32] {
        let width = layer.converted_columns().next_multiple_of(COLUMN_ALIGNMENT);
        let solved = self.numbers.len();
        let number = *self.numbers.entry(pattern).or_insert(solved);
        if number == solved {
            self.sums.resize((solved + 1) * width, 0);
            if let Some(wires) = layer.gated() {
                solve_pattern(layer, wires, cells, group, pattern, &mut self.sums[solved * width..]);
            }
        }
        &self.sums[number * width..][..width]
    }
}

/// Where the wires of a row group begin and end.
struct Ends {
    above: f64,
    below: f64,
}

impl Ends {
    fn new(layer: &CrossbarLayer, wires: &Wires, group: usize) -> Self {
        let rows = layer.groups[group];
        Ends { above: wires.segment * layer.layout.segments_above(rows) as f64, below: wires.segment * layer.layout.segments_below(rows) as f64 }
    }
}

multiversion! {
    /// Adds the currents of one pattern to `sums`, zero before.
    pub fn solve_pattern(layer: &CrossbarLayer, wires: &Wires, cells: &Cells, group: usize, pattern: u128, sums: &mut [i32]) = solve_inlined
}

#[inline(always)]
fn solve_inlined(layer: &CrossbarLayer, wires: &Wires, cells: &Cells, group: usize, pattern: u128, sums: &mut [i32]) {
    let (ends, [start, end]) = (Ends::new(layer, wires, group), layer.groups[group].map(|row| row as usize));
    let converted = layer.converted_columns();
    for first in (0..layer.programmed_columns()).step_by(INTS) {
        let mut star = Star::new(ends.above);
        for row in start..end {
            if row > start {
                star.descend(wires.segment);
            }
            if pattern >> (row - start) & 1 == 1 {
                star.join(&conductances(&cells.values[row * cells.stride + first..][..INTS]));
            }
        }
        let currents = star.currents(ends.below);
        let columns = (first..layer.programmed_columns()).zip(currents);
        for (column, current) in columns {
            // The minus plane of a difference stands after the plus plane.
            let current = current.round_ties_even() as i32;
            sums[column % converted] += if column >= converted { -current } else { current };
        }
    }
}

/// The currents of every pattern of a unit, which is a row group, on 16 columns of one slice of a converted plane.
#[inline(always)]
pub fn solve_all(layer: &CrossbarLayer, wires: &Wires, cells: &Cells, unit: &Unit, [plane, slice, half]: [usize; 3], stars: &mut Vec<Star<INTS>>, sums: &mut Vec<Ints>) {
    let ends = Ends::new(layer, wires, unit.group);
    let columns = (layer.columns - half * INTS).min(INTS);
    sums.clear();
    sums.resize(1 << unit.rows.len(), Ints::ZERO);
    for programmed in if layer.planes.signed() { 0..2 } else { plane..plane + 1 } {
        let first = layer.converted_column(programmed, slice, half * INTS);
        stars.clear();
        stars.push(Star::new(ends.above));
        for row in unit.rows.clone() {
            if row > unit.rows.start {
                stars.iter_mut().for_each(|star| star.descend(wires.segment));
            }
            let mut of_row = [0; INTS];
            of_row[..columns].copy_from_slice(&cells.values[row * cells.stride + first..][..columns]);
            let of_row = conductances(&of_row);
            // A pattern is its highest bit and a pattern that is already there.
            for there in 0..stars.len() {
                let mut star = stars[there];
                star.join(&of_row);
                stars.push(star);
            }
        }
        for (sum, star) in sums.iter_mut().zip(stars.iter()) {
            let currents = star.currents(ends.below);
            for i in 0..INTS {
                let current = currents[i].round_ties_even() as i32;
                sum.0[i] += if programmed == 1 && layer.planes.signed() { -current } else { current };
            }
        }
    }
}

#[inline(always)]
fn conductances(cells: &[i32]) -> [f64; INTS] {
    let mut out = [0.0; INTS];
    for i in 0..INTS {
        out[i] = f64::from(cells[i]);
    }
    out
}
