//! Read noise on the CPU, in the two models of `device.read_noise.model`.
//!
//! `exact` draws an error for each conversion, on the direct way. `two-flip` looks codes up, as a chip without
//! noise does, and decides by random numbers which of them turn out different: [`flip_tables`] says how a table's
//! row is made, [`look_up_flips`] how it is read. The models agree in distribution, not in numbers; their words come from the
//! same streams ([`crate::rng::Reads`]).

pub mod exact;
pub mod flip_tables;
pub mod look_up_flips;
