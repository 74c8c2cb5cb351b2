//! Whose hardware is counted: one file per design, a struct of settings that says where each of them comes from.
//!
//! To add a design: a file with a `DESIGN`, its name in [`WORDS`] and [`BUDGETS`], a line in [`DESIGNS`].

mod bsq;
mod bwq_h;
mod isaac;
mod isaac_ou;

use crate::config::RowCut;
use crate::config::cost::{Mapping, Placement, Signs};

/// How finely bits of weights may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// One number of bits for the whole network: a precision map has no meaning.
    Network,
    /// One for each layer: a map's layer has the bits of its widest block.
    Layer,
    /// One for each weight block.
    Block,
}

/// A design: its settings where the file of `bwq cost` says nothing else, and what they rest on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    /// Name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub title: &'static str,
    /// Bits of a weight in cells.
    pub weight_bits: u32,
    /// Bits of an activation.
    pub activation_bits: u32,
    /// Wordlines of a crossbar.
    pub rows: u64,
    /// Bitlines of a crossbar.
    pub cols: u64,
    /// Wordlines of an OU.
    pub ou_wordlines: u64,
    /// Bitlines of an OU.
    pub ou_bitlines: u64,
    /// Bits of a cell.
    pub cell_bits: u32,
    /// Bits of an input step.
    pub dac_bits: u32,
    /// Where rows are cut.
    pub row_cut: RowCut,
    /// Where the bits of a weight lie.
    pub mapping: Mapping,
    /// How blocks share columns.
    pub placement: Placement,
    /// How signs are held.
    pub signs: Signs,
    /// Bits of a conversion, where they are not the fewest that lose nothing, and why they may be fewer.
    pub adc: Option<(u32, &'static str)>,
    /// How finely bits differ.
    pub granularity: Granularity,
    /// Whether a table holds the bits of every block, and a controller reads it and skips blocks of none.
    pub has_table: bool,
    /// What is measured on weights.
    pub measured: &'static [&'static str],
    /// What is taken from a paper.
    pub published: &'static [&'static str],
    /// What is assumed.
    pub assumed: &'static [&'static str],
}

/// Every design.
pub const DESIGNS: &[Design] = &[bwq_h::DESIGN, bsq::DESIGN, isaac::DESIGN, isaac_ou::DESIGN];

/// Their names.
pub const WORDS: &[&str] = &["bwq-h", "bsq", "isaac", "isaac-ou"];

/// What an array budget may be named after.
pub const BUDGETS: &[&str] = &["own", "bwq-h", "bsq", "isaac", "isaac-ou"];

/// The design of a name.
pub fn find(name: &str) -> Option<&'static Design> {
    DESIGNS.iter().find(|d| d.name == name)
}
