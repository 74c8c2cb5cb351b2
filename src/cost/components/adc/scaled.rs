//! A published converter scaled over its bits, as SRE (Yang et al., ISCA'19) scales ISAAC's:
//! `E(b) = E(b0) (2^b / (b + 1)) / (2^b0 / (b0 + 1))`.
//!
//! ISAAC's 8 bits at 2 mW: 4 bits 0.225 mW, 6 bits 0.643 mW. The time of a conversion stays that of the published one. The area
//! is listed by bits, since no law goes with this one.

use super::{Converter, Law, of_bits};
use crate::cost::components::section::Section;
use crate::cost::events::Reading;
use crate::error::Result;

/// Most bits: 2^b outgrows every published converter long before.
const MOST_BITS: u32 = 16;

#[derive(Debug)]
struct Scaled {
    bits: u32,
    conversion_pj: f64,
    conversion_ns: f64,
    areas_um2: Vec<[f64; 2]>,
}

/// `bits`, `conversion_pj`, `conversion_ns` of the published one; `areas_um2` as `[[bits, um2], ...]`.
pub fn read(section: &mut Section) -> Result<Box<dyn Law>> {
    Ok(Box::new(Scaled {
        bits: section.whole("bits", 1, MOST_BITS)?,
        conversion_pj: section.figure("conversion_pj")?,
        conversion_ns: section.figure("conversion_ns")?,
        areas_um2: section.points("areas_um2")?,
    }))
}

/// 2^b / (b + 1).
fn growth(bits: u32) -> f64 {
    f64::from(1u32 << bits) / f64::from(bits + 1)
}

impl Law for Scaled {
    fn converter(&self, reading: &Reading) -> std::result::Result<Converter, String> {
        let bits = reading.adc_bits;
        if !(1..=MOST_BITS).contains(&bits) {
            return Err(format!("the scaled law is for 1 to {MOST_BITS} bits, not {bits}"));
        }
        let conversion_pj = self.conversion_pj * (growth(bits) / growth(self.bits));
        Ok(Converter { conversion_pj, conversion_ns: self.conversion_ns, area_um2: of_bits(&self.areas_um2, bits, "area")? })
    }
}
