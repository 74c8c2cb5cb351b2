//! `bwq` samples thousands of ReRAM chips, runs bit-sliced crossbar products of a whole network on each, and
//! says how block precision and the number of concurrently active wordlines affect accuracy.
//!
//! ```text
//!  sweep.toml -> config ------------------------------------------------------+
//!  network + dataset -> quantize -> precision map -> crossbar (slices, OUs)     |
//!  device (law) -> quantile tables ----------------------------^               v
//!                            rng -> engine {gpu | cpu}: program_cells -> crossbar_mvm -> requantize -> tally
//!                                                                              |
//!    sweep: blocks of integers on disk <---------------------------------------+
//!       -> merge -> stats -> report {csv, plot, provenance}
//! ```
//!
//! Each step takes the former step's struct and returns the next. ARCHITECTURE.md has the map and the invariants.

pub mod bench;
pub mod config;
pub mod cost;
pub mod crossbar;
pub mod dataset;
pub mod device;
pub mod embedded;
pub mod engine;
pub mod error;
pub mod explain;
pub mod files;
pub mod import;
pub mod json;
pub mod mvm;
pub mod network;
pub mod pareto;
pub mod quantize;
pub mod report;
pub mod rng;
pub mod search;
pub mod stats;
pub mod surroundings;
pub mod sweep;
pub mod warning;
