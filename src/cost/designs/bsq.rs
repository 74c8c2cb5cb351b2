//! BSQ (Yang et al., ICLR'21) on the hardware of BWQ-H: bits differ from layer to layer, so there is no table and no controller.

use super::{Design, Granularity, bwq_h};

pub(super) const DESIGN: Design = Design {
    name: "bsq",
    title: "BSQ (ICLR 2021): layer-wise precision on the hardware of BWQ-H, without table and controller",
    granularity: Granularity::Layer,
    has_table: false,
    measured: &["bits of every layer, where a precision map or integer weights are given: those of its widest block"],
    published: &["\"layer-wise bits on the same hardware, no controller\" (the BWQ paper, section IV)"],
    ..bwq_h::DESIGN
};
