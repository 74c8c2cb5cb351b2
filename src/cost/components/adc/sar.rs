//! A SAR converter with the current of its column, 32 nm LSTP (NeuroSim V1.4, SarADC.cpp):
//! `E(b) = (b + 1) ns * [(1.1294 b + 8.8998) uW + 0.079449 exp(-2.297 log10(R_col * 0.5 / V_read)) W]`.
//!
//! `R_col = cell_ohm / (conducting_frac * wordlines on)` is the parallel resistance of the cells that conduct: the share of them
//! and the read voltage are inputs, since the law depends on both. With 5 % of the cells at 100 kOhm and 0.5 V, 9 rows have
//! 222 kOhm and 4 bits take 0.069 pJ; 128 rows have 15.6 kOhm and 8 bits take 0.208 pJ. With all of them: 0.104 and 1.09 pJ.
//! The second term is the column's current, so such a set prices no cells beside it. A conversion takes b + 1 ns.

use super::{Converter, Law, of_bits};
use crate::cost::components::section::Section;
use crate::cost::events::Reading;
use crate::error::Result;

#[derive(Debug)]
struct Sar {
    cell_ohm: f64,
    conducting_frac: f64,
    read_volt: f64,
    areas_um2: Vec<[f64; 2]>,
}

/// `cell_ohm` of a cell that is on, `conducting_frac`, `read_volt`; `areas_um2` as `[[bits, um2], ...]`.
pub fn read(section: &mut Section) -> Result<Box<dyn Law>> {
    let law = Sar {
        cell_ohm: section.positive("cell_ohm")?,
        conducting_frac: section.positive("conducting_frac")?,
        read_volt: section.positive("read_volt")?,
        areas_um2: section.points("areas_um2")?,
    };
    if law.conducting_frac > 1.0 {
        return Err(section.error(format!("`adc.conducting_frac = {}` is more than 1", law.conducting_frac)).hint("it is the share of the driven cells that conduct"));
    }
    Ok(Box::new(law))
}

/// Energy of a conversion of `bits` bits on a column of `column_ohm`.
fn conversion_pj(bits: u32, column_ohm: f64, read_volt: f64) -> f64 {
    let bits = f64::from(bits);
    let converter_uw = 1.1294 * bits + 8.8998;
    let column_uw = 0.079449 * libm::exp(-2.297 * libm::log10(column_ohm * 0.5 / read_volt)) * 1e6;
    (bits + 1.0) * (converter_uw + column_uw) * 1e-3
}

impl Law for Sar {
    fn converter(&self, reading: &Reading) -> std::result::Result<Converter, String> {
        let bits = reading.adc_bits;
        if !(1..=16).contains(&bits) || reading.wordlines_on == 0 {
            return Err(format!("the SAR law is for 1 to 16 bits and at least one wordline, not {bits} bits and {} wordlines", reading.wordlines_on));
        }
        let column_ohm = self.cell_ohm / (self.conducting_frac * reading.wordlines_on as f64);
        Ok(Converter {
            conversion_pj: conversion_pj(bits, column_ohm, self.read_volt),
            conversion_ns: f64::from(bits + 1),
            area_um2: of_bits(&self.areas_um2, bits, "area")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::conversion_pj;

    /// Values that NeuroSim's own code gave, to the digits they were written down with.
    #[test]
    fn the_law_is_neurosims() {
        let cases = [(4, 222e3, 0.069), (8, 15.6e3, 0.208), (4, 1e5 / 9.0, 0.104), (8, 1e5 / 128.0, 1.09)];
        for (bits, ohm, pj) in cases {
            let found = conversion_pj(bits, ohm, 0.5);
            assert!((found / pj - 1.0).abs() < 0.005, "{bits} bits, {ohm} ohm: {found} pJ, not {pj}");
        }
        assert!(conversion_pj(4, 1e5, 0.25) < conversion_pj(4, 1e5, 0.5), "half the voltage, half the current");
    }
}
