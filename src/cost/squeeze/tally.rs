//! The sum over crossbars of what is left in them.

use super::inputs::Inputs;
use super::reads::Reads;
use super::rows::{Column, Matrix};
use crate::cost::designs::RowOf;
use crate::cost::mapping::Load;
use std::collections::BTreeSet;

/// What the crossbars of a matrix come to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Their load.
    pub load: Load,
    /// Entries of their index.
    pub index_entries: u64,
    /// Of the inputs looked at.
    pub sampled: Sampled,
}

/// OUs that had an input, over the positions and input steps looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sampled {
    reads: u64,
    fullest_reads: u64,
}

impl Sampled {
    /// Adds those of other crossbars.
    pub fn add(&mut self, other: &Sampled) {
        self.reads += other.reads;
        self.fullest_reads = self.fullest_reads.max(other.fullest_reads);
    }

    /// The fractions, over `steps` looked at; nothing looked at, nothing skipped. Where groups share crossbars the fullest is taken as
    /// the mean.
    pub fn reads(&self, load: &Load, steps: u64, alone: bool) -> Reads {
        if steps == 0 {
            return Reads::ALL;
        }
        let all = [self.reads, load.ous * steps];
        Reads::counted(all, if alone { [self.fullest_reads, load.fullest * steps] } else { all })
    }
}

impl Tally {
    /// Adds a crossbar; whether anything is left of it.
    pub fn add_crossbar(&mut self, columns: &[Column], row_of: RowOf, inputs: Option<&Inputs>, matrix: &Matrix) -> bool {
        let height = matrix.scheme.ou_wordlines as usize;
        let ous = |c: &Column| c.rows.len().div_ceil(height) as u64;
        let all: u64 = columns.iter().map(ous).sum();
        if all == 0 {
            return false;
        }
        let load = &mut self.load;
        load.crossbars += 1;
        load.ous += all;
        load.fullest = load.fullest.max(all);
        let taken: BTreeSet<u32> = columns.iter().flat_map(|c| c.rows.iter().copied()).collect();
        load.crossbar_rows += taken.len() as u64;
        load.driven_ou_rows += if row_of == RowOf::Crossbar { columns.iter().map(ous).max().unwrap_or(0) } else { all };
        for c in columns {
            let (rows, width) = (c.rows.len() as u64, c.columns.end - c.columns.start);
            load.columns += ous(c) * width;
            load.ou_rows += rows;
            load.cells += rows * width;
        }
        // The slices of a weight in several columns of OUs are put together as far down as the longest of them goes.
        let beside = columns.first().map_or(0, |c| c.columns.start)..columns.last().map_or(0, |c| c.columns.end);
        let reaches = |output: u64| columns.iter().filter(|c| matrix.outputs(&c.columns).contains(&output)).map(ous).max().unwrap_or(0);
        load.sums += matrix.outputs(&beside).map(reaches).sum::<u64>();
        self.index_entries += match row_of {
            RowOf::Ou => load_entries(columns),
            RowOf::Crossbar => columns.first().map_or(0, |c| c.rows.len() as u64),
        };
        if let Some(inputs) = inputs {
            let rows = columns.iter().flat_map(|c| c.rows.chunks(height));
            let reads = rows.map(|of_ou| inputs.steps_with_an_input(matrix.group, of_ou, matrix.scheme.dac_bits)).sum();
            self.sampled.add(&Sampled { reads, fullest_reads: reads });
        }
        true
    }
}

fn load_entries(columns: &[Column]) -> u64 {
    columns.iter().map(|c| c.rows.len() as u64).sum()
}
