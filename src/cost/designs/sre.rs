//! SRE (Yang et al., ISCA'19) as the BWQ paper has it: the OUs of its "ISAAC", without rows of zeros in their columns of OUs, and
//! without OUs whose inputs are all zero.

use super::{BANKS, Chip, Design, RowOf, Squeeze, isaac_ou};

pub(super) const DESIGN: Design = Design {
    name: "sre",
    title: "SRE (ISCA 2019): zero rows of OUs squeezed out and indexed, OUs without an input skipped, 16-bit weights and activations",
    has_table: true,
    squeeze: Some(Squeeze {
        row_of: RowOf::Ou,
        consecutive_bits: None,
        skips_zero_inputs: true,
        compression: (3.3, "the BWQ paper, section IV: \"about 3.3x\" at OUs of 9x8; its networks and how they were pruned are not stated"),
        zero_input_frac: (0.34, "measured on ResNet-20 and CIFAR-10 with 16-bit activations and OUs of 9 rows, mean of layers: experiments/fig9"),
    }),
    chip: Chip { holds_inputs: false, ..BANKS },
    measured: &[
        "rows of zeros in each column of OUs, where the network has weights: magnitudes of weight_bits bits",
        "OUs whose inputs of a step are all zero, where there are images",
    ],
    published: &["OU-row compression and skipping of zero inputs (SRE, ISCA'19)", "OUs of 9x8, 1-bit cells, 16-bit weights and activations (the BWQ paper, section IV)"],
    assumed: &[
        "rows are squeezed within their crossbar; a crossbar that is left empty is not there",
        "the index: the number of its row in the crossbar, ceil(log2 rows) bits, for each row of each column of OUs that is left",
        "finding zero inputs takes neither time nor energy; inputs are looked for in groups of the rows that an OU has",
        "tiles of 96 arrays, their buffer, register and router as in ISAAC; a controller as in BWQ-H",
    ],
    ..isaac_ou::DESIGN
};
