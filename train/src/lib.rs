//! BWQ-A (Wu et al., TCAD 2024): training that finds the precision of every weight block, for `bwq`.
//!
//! ```text
//!  TRAIN.toml -> config;  network -> graph (steps) + model (bit planes, vectors)
//!  data (shuffled, cropped) -> pass (ops, forwards and backwards) -> planes: gradient step, lasso, masks
//!    every so many epochs: re-quantisation and precision adjustment
//!  search over settings (alpha, activation bits) -> export: network with integers, precision map -> evaluate
//! ```

pub mod blocks;
pub mod checkpoint;
pub mod config;
pub mod data;
pub mod export;
pub mod graph;
pub mod model;
pub mod ops;
pub mod pass;
pub mod planes;
pub mod report;
pub mod run;
pub mod search;
pub mod train;
pub mod vectors;
