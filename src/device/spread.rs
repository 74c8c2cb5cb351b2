//! Spread that cells share: of a whole chip, along the sides of its arrays, and of single bitlines.
//!
//! All are factors with a normal logarithm (median 1), beside each cell's own error: with independent cells alone all
//! chips are nearly alike, and a yield too hopeful. Source: the split of CMOS variation into die-to-die, systematic
//! and random parts (Pelgrom et al., JSSC'89; Bowman et al., JSSC'02); values are the user's to measure.

use super::effects::{FACTOR_BITS, fixed_factor};
use crate::config::SpreadConfig;

/// What one chip's cells share, as standard normal variates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChipVariates {
    /// Of the chip.
    pub chip: f64,
    /// Slope along the wordlines' side (from the first to the last wordline).
    pub along_rows: f64,
    /// Slope along the bitlines' side.
    pub along_columns: f64,
}

/// The factor of wordline `line` of `lines`, the chip's own included, in 2^-[`FACTOR_BITS`].
pub fn row_factor(spread: &SpreadConfig, chip: &ChipVariates, line: usize, lines: usize) -> u32 {
    fixed_factor(libm::exp(spread.sigma_chip_ln * chip.chip + spread.sigma_gradient_ln * chip.along_rows * from_centre(line, lines)))
}

/// The factor of bitline `line` of `lines`, whose own factor is `own` (in 2^-[`FACTOR_BITS`]).
pub fn bitline_factor(spread: &SpreadConfig, chip: &ChipVariates, own: u32, line: usize, lines: usize) -> u32 {
    if spread.sigma_gradient_ln == 0.0 {
        return own;
    }
    let slope = libm::exp(spread.sigma_gradient_ln * chip.along_columns * from_centre(line, lines));
    fixed_factor(f64::from(own) / f64::from(1u32 << FACTOR_BITS) * slope)
}

/// -1 at the first line, 1 at the last.
fn from_centre(line: usize, lines: usize) -> f64 {
    if lines < 2 { 0.0 } else { 2.0 * line as f64 / (lines - 1) as f64 - 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_from_edge_to_edge() {
        let spread = SpreadConfig { sigma_chip_ln: 0.1, sigma_column_ln: 0.0, sigma_gradient_ln: 0.2 };
        let chip = ChipVariates { chip: 1.5, along_rows: -1.0, along_columns: 0.5 };
        let value = |f: u32| f64::from(f) / f64::from(1u32 << FACTOR_BITS);
        assert!((value(row_factor(&spread, &chip, 0, 9)) - (0.15f64 + 0.2).exp()).abs() < 1e-7);
        assert!((value(row_factor(&spread, &chip, 4, 9)) - 0.15f64.exp()).abs() < 1e-7);
        let one = 1 << FACTOR_BITS;
        assert!((value(bitline_factor(&spread, &chip, one, 127, 128)) - 0.1f64.exp()).abs() < 1e-7);
        assert_eq!(bitline_factor(&SpreadConfig { sigma_gradient_ln: 0.0, ..spread }, &chip, 123, 5, 9), 123);
    }
}
