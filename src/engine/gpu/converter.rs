//! A converter for engines without f64: an integer product in place of the quotient, held to the rule at every threshold.

use super::layout::Converter;
use crate::crossbar::{Adc, Conversion};

/// How shaders convert. Mirror: `CONVERSION` in `shaders/shared/adc.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Sums go on unrounded.
    Ideal = 0,
    /// The product is the rule.
    Product = 1,
    /// The product, then the table.
    Table = 2,
}

impl Converter {
    /// The converter, how to use it, and its thresholds.
    pub fn new(conversion: &Conversion) -> (Self, Rule, Vec<i32>) {
        let Conversion::Rounding(adc) = conversion else {
            return (Converter::default(), Rule::Ideal, vec![0]);
        };
        let converter = Converter { top: adc.top, zero_index: adc.zero_index, ..Converter::default() };
        // A threshold beyond 32 bits stands in the table as the largest sum, which does not reach it; thresholds below
        // 32 bits, which every sum has reached, as the least.
        let reachable = adc.thresholds.iter().enumerate().take_while(|(i, t)| adc.index(**t) >= *i as f64).count();
        let first = adc.thresholds.iter().take_while(|t| **t == i32::MIN).count();
        if first >= reachable {
            // All sums have the same index: that of `base`, and none lies below.
            return (Converter { first: reachable as i32 - 1, base: i32::MIN, ..converter }, Rule::Product, adc.thresholds.clone());
        }
        let base = adc.thresholds[first];
        let above = f64::from(base) - (adc.lo + (first as f64 - 0.5) * adc.step);
        // The scale that leaves the factor most of its 32 bits, and room to round it up.
        let factor = |shift: i32| 2f64.powi(32 + shift) / adc.step;
        let shift = (0..32).rev().find(|&shift| factor(shift) < f64::from(u32::MAX - 2)).unwrap_or(0);
        let inverse = factor(shift);
        let converter = Converter { first: first as i32, base, shift: shift as u32, last: reachable as i32 - 1, ..converter };
        let with = |inverse: f64, fraction: f64| Converter { inverse: inverse as u32, fraction: fraction as u32, ..converter };
        let mut candidates = [inverse.floor(), inverse.ceil()].into_iter().flat_map(|inverse| [0.0, 0.5, 1.0].map(|more| with(inverse, above * inverse * more)));
        match candidates.find(|c| c.is_the_rule(adc, reachable)) {
            Some(exact) => (exact, Rule::Product, adc.thresholds.clone()),
            // Rounded up, and by more than the fraction can lack, the product never comes late, and by less than a step
            // too early.
            None => (with(inverse.floor() + 2.0, (above * (inverse + 2.0)).ceil() + 1.0), Rule::Table, adc.thresholds.clone()),
        }
    }

    /// The index of a sum by the product alone. Mirror: `unclipped_indices` in `shaders/shared/adc.wgsl`.
    fn product_index(&self, sum: i32) -> i64 {
        if sum < self.base {
            return i64::from(self.first) - 1;
        }
        let distance = (i64::from(sum) - i64::from(self.base)) as u64;
        let quotient = (distance * u64::from(self.inverse) + u64::from(self.fraction)) >> (32 + self.shift);
        i64::from(self.first) + quotient as i64
    }

    /// True if the product has the converter's index for every sum up to one above the highest code: indices only rise,
    /// so the ends of each code's sums tell.
    fn is_the_rule(&self, adc: &Adc, reachable: usize) -> bool {
        let changes = |i: usize| self.product_index(adc.thresholds[i]) >= i as i64 && self.product_index(adc.thresholds[i] - 1) < i as i64;
        let stays = reachable == adc.thresholds.len() || self.product_index(i32::MAX) < reachable as i64;
        (self.first as usize..reachable).all(changes) && stays
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AdcBits, AdcConfig, AdcRange};
    use crate::crossbar::adc::Sums;

    /// Where the product is not the rule, it is never below, and at most one above.
    #[test]
    fn products_are_the_rule_or_one_above() {
        let (mut exact, mut early) = (0, 0);
        for (rows, fraction) in [(1, 29), (9, 27), (9, 12), (32, 25), (128, 23), (128, 16)] {
            for (g_off, subtracted, cell_bits) in [(0.01, true, 1), (0.0, true, 1), (0.1, false, 1), (0.02, true, 2), (1.0 / 30.0, false, 3)] {
                let sums = Sums::new(rows, cell_bits, 1, g_off, fraction, subtracted);
                for bits in [AdcBits::Lossless, AdcBits::Bits(3), AdcBits::Bits(8), AdcBits::Bits(14)] {
                    for range in [AdcRange::Full, AdcRange::Given(-7.3, 8.1), AdcRange::Given(-1e4, 1e4), AdcRange::Given(-0.5, 400.0), AdcRange::Given(1.6, 5.6)] {
                        let Ok(Conversion::Rounding(adc)) = Conversion::new(&AdcConfig { bits, range }, &sums, 1) else { continue };
                        let (converter, rule, thresholds) = Converter::new(&Conversion::Rounding(adc.clone()));
                        if rule == Rule::Product {
                            exact += 1;
                            continue;
                        }
                        early += 1;
                        let reachable = converter.last as usize + 1;
                        for (i, &t) in thresholds.iter().enumerate().take(reachable).skip(converter.first as usize) {
                            assert!(converter.product_index(t) >= i as i64, "late at {i} of {adc:?}");
                            assert!(converter.product_index(t - 1) <= i as i64, "early at {i} of {adc:?}");
                        }
                    }
                }
            }
        }
        assert!(exact > 50 && early > 20, "{exact} exact, {early} by the table");
    }
}
