//! Random numbers: Philox4x32-10, a counter-based generator. The only place that makes any.
//!
//! A cell's number is a pure function of (seed, trial, purpose, layer, row, column, plane, slice) and of
//! nothing else: not of the thread, the batch, the block, the engine or the point. So points that differ
//! in OU height, ADC, sigma or on/off ratio see the same chips, and their differences are paired.
//!
//! To add a purpose: one variant of [`Purpose`] with a number never used before.

mod philox;
mod read_noise;

pub use philox::{PhiloxStream, philox4x32};
pub use read_noise::{READ_MULTIPLIERS, ReadKeys, ReadStream, Reads, column_code};

/// What a random number is for. The numbers are part of the results: never reuse or change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// The error made when a cell is written; once per cell and trial.
    ProgrammingError = 1,
    /// The error of a conversion's current; once per read: see [`Reads`].
    ReadNoise = 2,
}

/// The column index that stands for the reference column of `offset_removal = "unit-column"`.
pub const REFERENCE_COLUMN: u32 = u32::MAX;

/// Four random words: those of slices `4 quad` to `4 quad + 3` (counted from the least significant) of the
/// cell at (`row`, `column`) of `layer` in `plane`, for the chip `trial`.
///
/// Mirror: `cell_words` in `shaders/shared/philox.wgsl`.
#[inline(always)]
pub fn cell_words(seed: u64, trial: u32, purpose: Purpose, layer: u32, row: u32, column: u32, plane: u32, quad: u32) -> [u32; 4] {
    let place = layer << 16 | (purpose as u32) << 12 | plane << 8 | quad;
    philox4x32([row, column, place, trial], [seed as u32, (seed >> 32) as u32])
}

/// Layers a key has room for.
pub const MAX_LAYERS: usize = 1 << 16;
