//! The table passes as the GPU engine lays them out, in plain loops: what the shaders are held to, output by output.
//!
//! The CPU engine has its own, for whole cache lines and vectors ([`super::product`]); both are held to the direct kernel.
//! [`flips`] is the plain way of the model of read noise by flips.

pub mod code_tables;
pub mod flips;
pub mod look_up_codes;
pub mod look_up_sums;
pub mod patterns;
pub mod sum_tables;
pub mod units;
