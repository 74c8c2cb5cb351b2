//! ISAAC (Shafiee et al., ISCA'16) as it was published: 2-bit cells, whole arrays read at once through an 8-bit ADC.

use super::{ISAAC_CHIP, Design, Granularity};
use crate::config::RowCut;
use crate::config::cost::{BitPlanes, Mapping, Placement, Signs};

pub(super) const DESIGN: Design = Design {
    name: "isaac",
    title: "ISAAC (ISCA 2016) as published: 2-bit cells, 128 rows at once, 8-bit ADC, 16-bit weights and activations",
    weight_bits: 16,
    activation_bits: 16,
    rows: 128,
    cols: 128,
    ou_wordlines: 128,
    ou_bitlines: 128,
    cell_bits: 2,
    dac_bits: 1,
    row_cut: RowCut::Physical,
    mapping: Mapping::Conventional,
    bit_planes: BitPlanes::InTurn,
    placement: Placement::Packed,
    signs: Signs::NotCounted,
    adc: Some((8, "a column whose sum could need the 9th bit is stored inverted (ISAAC, section V)")),
    granularity: Granularity::Network,
    has_table: false,
    squeeze: None,
    chip: ISAAC_CHIP,
    measured: &[],
    published: &["128x128 arrays of 2-bit cells, 1-bit DACs, 8-bit ADCs, 16-bit weights and activations (Table I)", "an activation takes 16 input steps of 100 ns"],
    assumed: &["the unit column by which ISAAC removes its offset is not counted"],
};
