//! A layer's part on a programmed chip: its cells, and the tables made of them.

use super::code_table::CodeTable;
use super::program_cells::{Cells, reprogram_cells};
use crate::crossbar::{Converters, CrossbarLayer};
use crate::engine::Plan;
use crate::rng::Reads;

/// A part of a programmed chip.
#[derive(Default)]
pub struct PartOfChip {
    /// Its cells.
    pub cells: Cells,
    /// What its reads are random by, where they differ.
    pub reads: Reads,
    /// `[block][tile]`, where they are kept.
    pub(super) tables: Vec<CodeTable>,
}

impl PartOfChip {
    /// Programs the part's `layer` of the chip `trial` in the place of another.
    pub fn program(&mut self, plan: &Plan, layer: &CrossbarLayer, trial: u32) {
        let (table, effects) = plan.laws_of(layer);
        reprogram_cells(layer, table, effects, plan.seed, plan.chip(trial), &mut self.cells);
        self.cells.converters = Converters::draw(layer, &plan.converters, plan.seed, plan.chip(trial));
        self.reads = Reads::new(plan.seed, trial, layer.layer);
    }

    /// The same with random reads.
    pub fn reading(self, reads: Reads) -> Self {
        PartOfChip { reads, ..self }
    }
}
