//! SME (Liu et al., ICCD'21) as the BWQ paper has it: weights with few consecutive bits, bit planes in different crossbars, rows of
//! zeros squeezed out of them.

use super::{BANKS, Chip, Design, RowOf, Squeeze, isaac_ou};
use crate::config::cost::BitPlanes;

pub(super) const DESIGN: Design = Design {
    name: "sme",
    title: "SME (ICCD 2021): at most 3 consecutive bits of a weight, bit planes in different crossbars, their zero rows squeezed out",
    weight_bits: 8,
    activation_bits: 8,
    bit_planes: BitPlanes::InParallel,
    has_table: true,
    squeeze: Some(Squeeze {
        row_of: RowOf::Crossbar,
        consecutive_bits: Some(3),
        skips_zero_inputs: false,
        compression: (1.14, "measured on ResNet-20 with 8-bit weights and crossbars of 128 columns: experiments/fig9"),
        zero_input_frac: (0.0, "SME does not look at inputs"),
    }),
    chip: Chip { holds_inputs: false, ..BANKS },
    measured: &["rows of zeros of each bit plane in each crossbar, where the network has weights: the nearest of at most 3 consecutive bits"],
    published: &["at most 3 consecutive bits, bit planes in different crossbars, zero rows squeezed out (SME, and the BWQ paper, section IV)"],
    assumed: &[
        "8-bit weights and activations: the BWQ paper does not say",
        "rows are squeezed within their crossbar; a crossbar that is left empty is not there",
        "the index: the number of its row in the crossbar, ceil(log2 rows) bits, for each row of a crossbar that is left",
        "tiles of 96 arrays, their buffer, register and router as in ISAAC; a controller as in BWQ-H",
    ],
    ..isaac_ou::DESIGN
};
