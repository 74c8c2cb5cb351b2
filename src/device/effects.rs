//! What befalls cells beside and after their programming error, as tables and numbers that engines read.
//!
//! In this order: the spread they share ([`super::spread`]), relaxation, drift, stuck-at. A factor is an integer in
//! 2^-[`FACTOR_BITS`]; a product is rounded half up. Off, there is no [`Effects`] at all, and the engine's fastest way
//! to draw cells is open.

use super::quantile_table::QuantileTable;
use super::spread::ChipVariates;
use super::{Quantile, StuckAt, drift, relaxation};
use crate::config::{Clustering, DeviceConfig, SpreadConfig};
use crate::rng::{ChipKey, Purpose, cell_words};

/// Fraction bits of a factor.
pub const FACTOR_BITS: u32 = 24;
/// Largest factor: 128 less one unit.
const LARGEST_FACTOR: f64 = 2147483647.0;

/// Effects on written cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// Spread that cells share.
    pub spread: Option<SpreadConfig>,
    /// A bitline's own factor; `None` if it is 1.
    pub column_factors: Option<QuantileTable>,
    /// Added to a cell.
    pub relaxation: Option<QuantileTable>,
    /// What a cell is multiplied by.
    pub drift: Option<Drift>,
    /// Faults, and which are stuck together.
    pub stuck_at: Option<(StuckAt, Clustering)>,
}

/// Drift factors.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Of a cell at the median exponent.
    pub median: u32,
    /// Of any cell; `None` if all have the median's.
    pub factors: Option<QuantileTable>,
}

impl Effects {
    /// The effects of `device`; `None` if there are none. `written`: the table of its programming error.
    pub fn new(device: &DeviceConfig, written: &QuantileTable) -> Option<Self> {
        let spread = Some(device.spread).filter(|s| *s != SpreadConfig::default());
        let factors = |law: &dyn Fn(f64) -> f64| QuantileTable::of_law(FACTOR_BITS, |at: Quantile| law(at.z()));
        let changes = |z: f64| relaxation::change(device.relaxation_sigma_rel, z);
        let drift_factor = |z: f64| drift::factor(&device.drift, z);
        let drift = || Drift { median: fixed_factor(drift_factor(0.0)), factors: (!drift::is_fixed(&device.drift)).then(|| factors(&drift_factor)) };
        let stuck_at = || (StuckAt::new(&device.stuck_at, written.nominal[0], written.nominal[written.nominal.len() - 1]), device.stuck_at.clustering);
        let effects = Effects {
            spread,
            column_factors: (device.spread.sigma_column_ln > 0.0).then(|| factors(&|z| libm::exp(device.spread.sigma_column_ln * z))),
            relaxation: (device.relaxation_sigma_rel > 0.0).then(|| QuantileTable::of_law(written.fraction_bits, |at: Quantile| changes(at.z()))),
            drift: (drift_factor(0.0) != 1.0 || !drift::is_fixed(&device.drift)).then(drift),
            stuck_at: (device.stuck_at.on_frac + device.stuck_at.off_frac > 0.0).then(stuck_at),
        };
        let any = effects.spread.is_some() || effects.relaxation.is_some() || effects.drift.is_some() || effects.stuck_at.is_some();
        any.then_some(effects)
    }

    /// What the cells of a chip share.
    pub fn chip(seed: u64, chip: impl Into<ChipKey>) -> ChipVariates {
        let words = cell_words(seed, chip, Purpose::ChipSpread, 0, 0, 0, 0, 0);
        let [chip, along_rows, along_columns, _] = words.map(|word| Quantile::of(word).z());
        ChipVariates { chip, along_rows, along_columns }
    }

    /// A cell without random errors: what is left of these effects is the median drift.
    pub fn nominal(&self, g: i32) -> i32 {
        self.drift.as_ref().map_or(g, |drift| times(g, drift.median))
    }

    /// Integers that floats on the host decided, for the host hash.
    pub fn words(&self) -> impl Iterator<Item = i64> + '_ {
        let drift = self.drift.iter().flat_map(|d| d.factors.iter().flat_map(|t| t.knots.iter().flatten()).map(|&v| i64::from(v)).chain([i64::from(d.median)]));
        let stuck = self.stuck_at.iter().flat_map(|(s, _)| [s.on_below as i64, s.off_from as i64]);
        let tables = self.relaxation.iter().chain(&self.column_factors).flat_map(|t| t.knots.iter().flatten().map(|&v| i64::from(v)));
        tables.chain(drift).chain(stuck)
    }
}

/// A factor as an integer.
pub fn fixed_factor(factor: f64) -> u32 {
    (factor * f64::from(1u32 << FACTOR_BITS)).round_ties_even().clamp(0.0, LARGEST_FACTOR) as u32
}

/// A conductance times a factor, at most the largest 32-bit integer.
#[inline(always)]
pub fn times(g: i32, factor: u32) -> i32 {
    let product = (i64::from(g) * i64::from(factor) + (1 << (FACTOR_BITS - 1))) >> FACTOR_BITS;
    product.min(i64::from(i32::MAX)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_rounded_and_bounded() {
        assert_eq!(times(1000, fixed_factor(1.5)), 1500);
        assert_eq!(times(3, fixed_factor(0.5)), 2);
        assert_eq!(times(i32::MAX, fixed_factor(100.0)), i32::MAX);
        assert_eq!(times(0, fixed_factor(1e9)), 0);
    }

    #[test]
    fn off_is_nothing() {
        let device = DeviceConfig::default();
        assert_eq!(Effects::new(&device, &QuantileTable::new(&device, 1, 26)), None);
    }
}
