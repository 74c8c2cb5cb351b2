//! Wire resistance: what the cells of an array draw through the wires that they hang on.
//!
//! [`plain`] is linear in the inputs: one solution per array gives each cell an *effective conductance*, the current
//! at its column's end per unit drive of its row, and the rest of the program goes on with that. [`gated`] depends
//! on the whole input pattern, column by column.
//!
//! Both add, subtract, multiply and divide in a fixed order, so that every machine gets the same bits. Resistances
//! here are dimensionless, in ohms times the unit of conductance: 0 is no wire, and no step divides by one.
//! What an array is, and where its cells sit, says [`super::layout`].
//!
//! To add a topology: a file here with its solution, a variant of `config::WireTopology`, its place where the engine
//! programs cells (linear) or adds currents (not linear), a case in the tests against nodal analysis.

pub mod gated;
#[cfg(test)]
mod nodal;
#[cfg(test)]
#[path = "../../../tests/support/resistors.rs"]
mod resistors;
pub mod plain;

use crate::config::{DeviceConfig, WireTopology};

/// The wires of a layer's crossbars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wires {
    /// Resistance of one cell's segment, in 2^F / g_on: times a conductance in units of 2^-F of g_on, without dimension.
    pub segment: f64,
    /// How cells hang on them.
    pub topology: WireTopology,
}

impl Wires {
    /// The wires of `device` beside conductances of `fraction_bits` bits; `None` where they have no resistance.
    pub fn new(device: &DeviceConfig, fraction_bits: u32) -> Option<Self> {
        let segment = device.wires.ohm * device.g_on_siemens / (1u64 << fraction_bits) as f64;
        (device.wires.ohm > 0.0).then_some(Wires { segment, topology: device.wires.topology })
    }
}
