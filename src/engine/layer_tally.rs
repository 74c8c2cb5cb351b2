//! Where does it break? Integer sums per layer, from a few images on a few chips.

use super::{PlacedPart, multiply_accumulates};
use super::cpu::crossbar_mvm::{Counts, Mvm};
use serde::{Deserialize, Serialize};

/// Output errors are kept in 1/256 of a multiply-accumulate.
pub const ERROR_UNIT: f64 = 256.0;

/// Sums over the conversions and outputs of one layer. Integers, so that the order of adding does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerTally {
    /// Conversions of driven patterns and of patterns that are not skipped.
    pub conversions: u64,
    /// Conversions clipped by more than rounding explains.
    pub clipped: u64,
    /// Conversions whose code is not that of the same crossbar without random errors.
    pub wrong: u64,
    /// Conversions whose code would be zero without random errors.
    pub zero_codes: u64,
    /// Input patterns.
    pub patterns: u64,
    /// Patterns that drive no row.
    pub zero_patterns: u64,
    /// Outputs compared.
    pub outputs: u64,
    /// Sum of output errors in 1/256 multiply-accumulate.
    pub error: i64,
    /// Sum of their squares.
    pub error_squared: u128,
    /// Sum of squares of the ideal outputs, in multiply-accumulates.
    pub ideal_squared: u128,
}

impl LayerTally {
    /// Adds one image's product of one part. `exact`: `[output][position]`.
    pub fn add(&mut self, placed: &PlacedPart, counts: &Counts, mvm: &Mvm, exact: &[i32], positions: usize) {
        let layer = &placed.crossbar;
        if layer.digital {
            return;
        }
        self.conversions += layer.conversions() * positions as u64;
        self.clipped += counts.clipped;
        self.wrong += counts.wrong;
        self.zero_codes += counts.zero_codes;
        self.patterns += counts.patterns;
        self.zero_patterns += counts.zero_patterns;
        let width = layer.accumulators();
        for position in 0..positions {
            let row = &mvm.accumulators[position * width..(position + 1) * width];
            for n in 0..layer.outputs {
                let ideal = exact[n * positions + position];
                let error = ((multiply_accumulates(layer, &placed.decoding, row, n) - f64::from(ideal)) * ERROR_UNIT).round_ties_even() as i64;
                self.outputs += 1;
                self.error += error;
                self.error_squared += u128::from(error.unsigned_abs()).pow(2);
                self.ideal_squared += u128::from(ideal.unsigned_abs()).pow(2);
            }
        }
    }

    /// Whether sums of a chip can be these: far from what adding a few of them would overflow.
    pub fn is_possible(&self) -> bool {
        const MOST: u64 = 1 << 56;
        let counts = [self.conversions, self.clipped, self.wrong, self.zero_codes, self.patterns, self.zero_patterns, self.outputs, self.error.unsigned_abs()];
        counts.iter().all(|&n| n <= MOST) && [self.error_squared, self.ideal_squared].iter().all(|&n| n <= 1 << 120)
    }

    /// Adds another's sums.
    pub fn merge(&mut self, other: &LayerTally) {
        self.conversions += other.conversions;
        self.clipped += other.clipped;
        self.wrong += other.wrong;
        self.zero_codes += other.zero_codes;
        self.patterns += other.patterns;
        self.zero_patterns += other.zero_patterns;
        self.outputs += other.outputs;
        self.error += other.error;
        self.error_squared += other.error_squared;
        self.ideal_squared += other.ideal_squared;
    }
}
