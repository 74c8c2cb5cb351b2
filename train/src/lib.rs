//! BWQ-A: training that finds the precision of every weight block.
pub mod ops;
