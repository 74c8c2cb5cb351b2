//! Published converters as they are: figures of each resolution, none between or beyond them (FORMS' 4 bits; ISAAC's scaled by
//! Saberi's law).

use super::{Converter, Law};
use crate::cost::components::section::Section;
use crate::cost::events::Reading;
use crate::error::Result;

#[derive(Debug)]
struct Table {
    /// Bits, pJ, ns, um2.
    points: Vec<[f64; 4]>,
}

/// `points` as `[[bits, conversion_pj, conversion_ns, area_um2], ...]`.
pub fn read(section: &mut Section) -> Result<Box<dyn Law>> {
    Ok(Box::new(Table { points: section.points("points")? }))
}

impl Law for Table {
    fn converter(&self, reading: &Reading) -> std::result::Result<Converter, String> {
        let found = self.points.iter().find(|p| p[0] == f64::from(reading.adc_bits));
        let bits = || self.points.iter().map(|p| p[0].to_string()).collect::<Vec<_>>().join(", ");
        found.map(|p| Converter { conversion_pj: p[1], conversion_ns: p[2], area_um2: p[3] }).ok_or_else(|| format!("no ADC of {} bits: it has {}", reading.adc_bits, bits()))
    }
}
