//! The table of codes of one tile of 32 columns and one block of row groups, in the form it is looked up in: rows of 32 or 16
//! codes, or rows whose codes flip where reads have noise.

use super::code_tables::{Source, code_tables};
use super::lanes::{HalfWords, INTS, WORDS, Words};
use super::noise::flip_tables::{FlipRow, Held, flip_tables};
use crate::engine::units::Block;

/// The tables of codes of one tile of columns and one block.
#[derive(Default)]
pub struct CodeTable {
    /// Rows of a tile of more than 16 columns, else where they are built.
    pub rows: Vec<Words>,
    /// Rows of a tile of no more than 16; empty for others.
    pub half_rows: Vec<HalfWords>,
    /// Rows of codes that flip, in place of the others where reads have noise.
    pub flips: Vec<FlipRow>,
    /// Clipped conversions per row.
    pub clips: Vec<u32>,
    /// False if no conversion can be clipped.
    pub can_clip: bool,
}

impl CodeTable {
    /// Builds the table of a tile and block.
    pub fn build(&mut self, source: &Source, block: &Block, tile: usize) {
        if source.layer.read_noise.is_some() {
            self.flips.resize(block.table_rows, FlipRow::default());
            self.clips.resize(block.table_rows, 0);
            self.can_clip = true;
            return flip_tables(source, block, tile, &mut self.flips, &mut self.clips, &mut Held::default());
        }
        self.rows.resize(block.table_rows, Words::ZERO);
        self.clips.resize(block.table_rows, 0);
        self.can_clip = code_tables(source, block, tile, &mut self.rows, &mut self.clips);
        self.half_rows.clear();
        if source.layer.columns - tile * WORDS <= INTS {
            self.half_rows.extend(self.rows.iter().map(HalfWords::of));
        }
    }
}
