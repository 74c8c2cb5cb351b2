//! The "ISAAC" that the BWQ paper compares with: 1-bit cells and OUs of 9x8, 16-bit weights and activations, no compression.

use super::{BANKS, Design, Granularity};
use crate::config::RowCut;
use crate::config::cost::{BitPlanes, Mapping, Placement, Signs};

pub(super) const DESIGN: Design = Design {
    name: "isaac-ou",
    title: "ISAAC as the BWQ paper has it: 1-bit cells, OUs of 9x8, 16-bit weights and activations",
    weight_bits: 16,
    activation_bits: 16,
    rows: 128,
    cols: 128,
    ou_wordlines: 9,
    ou_bitlines: 8,
    cell_bits: 1,
    dac_bits: 1,
    row_cut: RowCut::Physical,
    mapping: Mapping::Conventional,
    bit_planes: BitPlanes::InTurn,
    placement: Placement::Packed,
    signs: Signs::NotCounted,
    adc: None,
    granularity: Granularity::Network,
    has_table: false,
    squeeze: None,
    chip: BANKS,
    measured: &[],
    published: &["all designs run under OUs of 9x8; 1-bit cells, 16-bit weights and activations (the BWQ paper, section IV)"],
    assumed: &["tiles of 96 arrays, their buffer, register and router as in ISAAC", "crossbars are filled to their last row, where an OU is short, unless row_cut says otherwise", "signs are not counted, unless signs says otherwise"],
};
