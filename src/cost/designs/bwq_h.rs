//! BWQ-H (Wu et al., TCAD 2024): block-wise precision, one OU holds the same bit of a whole block, and a table of the blocks'
//! bits by which a controller makes addresses.

use super::{BANKS, Chip, Design, Granularity};
use crate::config::RowCut;
use crate::config::cost::{BitPlanes, Mapping, Placement, Signs};

pub(super) const DESIGN: Design = Design {
    name: "bwq-h",
    title: "BWQ-H (TCAD 2024): block-wise precision, precision-aware mapping, a table of block precisions",
    weight_bits: 8,
    activation_bits: 8,
    rows: 128,
    cols: 128,
    ou_wordlines: 9,
    ou_bitlines: 8,
    cell_bits: 1,
    dac_bits: 1,
    row_cut: RowCut::BlockAligned,
    mapping: Mapping::PrecisionAware,
    bit_planes: BitPlanes::InTurn,
    placement: Placement::BitAligned,
    signs: Signs::NotCounted,
    adc: None,
    granularity: Granularity::Block,
    has_table: true,
    squeeze: None,
    chip: Chip { holds_inputs: true, ..BANKS },
    measured: &["bits of every block, where a precision map or integer weights are given"],
    published: &["128x128 arrays of 1-bit cells, 1-bit DACs, 4-bit ADCs, OUs of 9x8 (section III, Table I)", "one OU per bit of a block, MSB first, spare OUs skipped (section III, Fig. 6b)"],
    assumed: &["tiles of 96 arrays, their buffer, register and router as in ISAAC", "whole blocks in each crossbar, unless row_cut says otherwise", "rows in the order (cin, kh, kw), kw fastest", "partial blocks are filled with zeros and take whole OUs", "how signs are stored is not stated: they are not counted, unless signs says otherwise"],
};
