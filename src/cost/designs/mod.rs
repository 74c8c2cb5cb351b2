//! Whose hardware is counted: one file per design, a struct of settings that says where each of them comes from.
//!
//! To add a design: a file with a `DESIGN`, its name in [`WORDS`] and [`BUDGETS`], a line in [`DESIGNS`].

mod bsq;
mod bwq_h;
mod isaac;
mod isaac_ou;
mod sme;
mod sre;

use crate::config::RowCut;
use crate::config::cost::{BitPlanes, Mapping, Placement, Signs};

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
    /// Where bit planes are.
    pub bit_planes: BitPlanes,
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
    /// How rows of zeros are squeezed out, if they are.
    pub squeeze: Option<Squeeze>,
    /// What its chip is made of.
    pub chip: Chip,
    /// What is measured on weights.
    pub measured: &'static [&'static str],
    /// What is taken from a paper.
    pub published: &'static [&'static str],
    /// What is assumed.
    pub assumed: &'static [&'static str],
}

/// How wide a row of cells is that is squeezed out if they are all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOf {
    /// As wide as an OU: the columns of OUs of a crossbar have rows of their own.
    Ou,
    /// As wide as the crossbar.
    Crossbar,
}

/// Compression by rows of zeros. An index tells which row of its crossbar each row that is left was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Squeeze {
    /// What must be zero.
    pub row_of: RowOf,
    /// Most consecutive bits of a weight that are not zero, if weights are made to fit ([`crate::cost::squeeze::consecutive`]).
    pub consecutive_bits: Option<u32>,
    /// Whether an OU whose inputs of a step are all zero is not read.
    pub skips_zero_inputs: bool,
    /// Rows over rows left, where the network has no weights, and where the figure comes from.
    pub compression: (f64, &'static str),
    /// Share of OU activations skipped, where there are no images, and where the figure comes from.
    pub zero_input_frac: (f64, &'static str),
}

/// What a chip has for each of its arrays and tiles, and how sums go on from the ADCs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chip {
    /// Converters of an array; `None` = one for each bitline of an OU.
    pub adcs: Option<u64>,
    /// Whether bitlines are held before they are converted.
    pub sample_holds: bool,
    /// Arrays that share an input register, an output register and shift-and-add units.
    pub arrays_per_registers: u64,
    /// Shift-and-add units of them.
    pub shift_adders: u64,
    /// Bits of their input register.
    pub input_register_bits: u64,
    /// Bits of their output register.
    pub output_register_bits: u64,
    /// Whether the inputs of a row of OUs are taken from the register once and held while its OUs are read.
    pub holds_inputs: bool,
    /// Whether the slices of a weight are summed in the adder, so that a sum goes to the output register once per input step.
    pub sums_stay: bool,
    /// Bits of a sum; `None` = as it grows: weight bits + activation bits + ceil(log2 of the rows summed).
    pub sum_bits: Option<u32>,
    /// Arrays of a tile.
    pub arrays_per_tile: u64,
    /// Bits of a tile's buffer.
    pub buffer_bits: u64,
    /// Bits of a tile's output register.
    pub tile_register_bits: u64,
    /// Tiles that share a router.
    pub tiles_per_router: u64,
    /// Routers that a layer's outputs pass on their way to the next.
    pub hops: u64,
}

/// ISAAC's chip (ISCA'16, Table I): 8 arrays with an ADC each share registers, 96 arrays are a tile with 64 KB of buffer and
/// 3 KB of register, four tiles share a router. `hops`: assumed, as layers lie in neighbouring tiles.
const ISAAC_CHIP: Chip = Chip {
    adcs: Some(1),
    sample_holds: true,
    arrays_per_registers: 8,
    shift_adders: 4,
    input_register_bits: 16_384,
    output_register_bits: 2048,
    holds_inputs: false,
    sums_stay: false,
    sum_bits: Some(16),
    arrays_per_tile: 96,
    buffer_bits: 524_288,
    tile_register_bits: 24_576,
    tiles_per_router: 4,
    hops: 1,
};

/// A chip of banks (BWQ, Table I): each array has a converter for every bitline of its OU, 4 shift-and-add units, 2 KB of input
/// and 256 B of output register. What the paper does not state is as in ISAAC.
const BANKS: Chip = Chip { adcs: None, sample_holds: false, arrays_per_registers: 1, sums_stay: true, sum_bits: None, ..ISAAC_CHIP };

/// Every design.
pub const DESIGNS: &[Design] = &[bwq_h::DESIGN, bsq::DESIGN, isaac::DESIGN, isaac_ou::DESIGN, sre::DESIGN, sme::DESIGN];

/// Their names.
pub const WORDS: &[&str] = &["bwq-h", "bsq", "isaac", "isaac-ou", "sre", "sme"];

/// What an array budget may be named after.
pub const BUDGETS: &[&str] = &["own", "bwq-h", "bsq", "isaac", "isaac-ou", "sre", "sme"];

/// The design of a name.
pub fn find(name: &str) -> Option<&'static Design> {
    DESIGNS.iter().find(|d| d.name == name)
}
