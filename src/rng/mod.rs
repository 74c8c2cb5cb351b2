//! Random numbers: Philox4x32-10, a counter-based generator. The only place that makes any.
//!
//! A cell's number is a pure function of (seed, trial, purpose, layer, row, column, plane, slice) and of
//! nothing else: not of the thread, the batch, the block, the engine or the point. So points that differ
//! in OU height, ADC, sigma or on/off ratio see the same chips, and their differences are paired.
//!
//! To add a purpose: one variant of [`Purpose`] with a number never used before.

mod philox;
mod read_noise;
pub mod training;

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
    /// What the cells of a chip share; once per chip.
    ChipSpread = 3,
    /// A bitline's own factor; once per bitline of a crossbar and chip.
    ColumnSpread = 4,
    /// What a cell moves by after it was written; once per cell and chip.
    Relaxation = 5,
    /// The exponent of drift; once per cell and chip.
    Drift = 6,
    /// Faults; once per cell or line and chip.
    StuckAt = 7,
    /// Offset, gain and thresholds; once per converter and chip.
    Converter = 8,
}

/// The column index that stands for the reference column of `offset_removal = "unit-column"`.
pub const REFERENCE_COLUMN: u32 = u32::MAX;

/// A chip as its random numbers know it.
///
/// The antithetic partner of a chip has the same words with their top bit turned over: the same tail probability on the
/// other side of the median. So a quantile table draws high where it drew low, and the mean of the two varies less than
/// that of two chips of their own, where the result rises or falls with the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChipKey {
    trial: u32,
    /// What is added to each word without carry: 0 or the top bit.
    flip: u32,
}

impl ChipKey {
    /// The chip `trial`. If chips are antithetic, chip 2k + 1 is the partner of chip 2k.
    ///
    /// Mirror: `chip_key` in `shaders/shared/philox.wgsl`.
    pub fn new(trial: u32, antithetic: bool) -> Self {
        if antithetic { ChipKey { trial: trial & !1, flip: trial << 31 } } else { ChipKey { trial, flip: 0 } }
    }
}

impl From<u32> for ChipKey {
    fn from(trial: u32) -> Self {
        Self::new(trial, false)
    }
}

/// Four random words: those of slices `4 quad` to `4 quad + 3` (counted from the least significant) of the
/// cell at (`row`, `column`) of `layer` in `plane`, for a chip.
///
/// Mirror: `cell_words` in `shaders/shared/philox.wgsl`.
#[inline(always)]
pub fn cell_words(seed: u64, chip: impl Into<ChipKey>, purpose: Purpose, layer: u32, row: u32, column: u32, plane: u32, quad: u32) -> [u32; 4] {
    let place = layer << 16 | (purpose as u32) << 12 | plane << 8 | quad;
    let chip = chip.into();
    philox4x32([row, column, place, chip.trial], [seed as u32, (seed >> 32) as u32]).map(|word| word ^ chip.flip)
}

/// Layers a key has room for.
pub const MAX_LAYERS: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_antithetic_partner_has_the_top_bits_turned_over() {
        let words = |chip: ChipKey| cell_words(7, chip, Purpose::ProgrammingError, 1, 2, 3, 0, 0);
        for trial in [0, 1, 4, 5, u32::MAX] {
            let (plain, pair) = (words(trial.into()), words(ChipKey::new(trial, true)));
            if trial % 2 == 0 {
                assert_eq!(pair, plain, "the first of a pair is the chip itself");
            } else {
                assert_eq!(pair, words((trial - 1).into()).map(|w| w ^ 1 << 31));
                assert_ne!(pair, plain);
            }
        }
    }
}
