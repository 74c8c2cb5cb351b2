//! A successive converter that stops after the bits that are wanted (Newton, IEEE Micro 2018): a conversion of b of its `bits`
//! costs b / bits of the energy and of the time; the area is that of the whole converter.

use super::{Converter, Law};
use crate::cost::components::section::Section;
use crate::cost::events::Reading;
use crate::error::Result;

#[derive(Debug)]
struct EarlyStop {
    bits: u32,
    whole: Converter,
}

/// `bits`, `conversion_pj`, `conversion_ns` and `area_um2` of the whole conversion.
pub fn read(section: &mut Section) -> Result<Box<dyn Law>> {
    let bits = section.whole("bits", 1, 16)?;
    let whole = Converter { conversion_pj: section.figure("conversion_pj")?, conversion_ns: section.figure("conversion_ns")?, area_um2: section.figure("area_um2")? };
    Ok(Box::new(EarlyStop { bits, whole }))
}

impl Law for EarlyStop {
    fn converter(&self, reading: &Reading) -> std::result::Result<Converter, String> {
        if !(1..=self.bits).contains(&reading.adc_bits) {
            return Err(format!("a converter of {} bits stops after 1 to {} bits, not {}", self.bits, self.bits, reading.adc_bits));
        }
        let share = f64::from(reading.adc_bits) / f64::from(self.bits);
        Ok(Converter { conversion_pj: self.whole.conversion_pj * share, conversion_ns: self.whole.conversion_ns * share, ..self.whole })
    }
}
