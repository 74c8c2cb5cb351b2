//! A regression over published converters (Murmann's ADC survey, as the Accelergy ADC plug-in fits it), b >= 4 bits at a rate
//! of f Hz in a node of T nm:
//!
//! ```text
//! SNDR = 6.0206 b + 1.7609                                                             (dB)
//! FOM  = min(213.7806687 - 2.8719030 ln f, 128.3068288 + 3.2205115 ceil(b))            (dB)
//! E    = 0.5 * 10^((SNDR - FOM) / 10) * exp(26.0496216 + 1.8800369 ln T - 2.8291256 ln b - 1.4702022)    (pJ)
//! area = exp(1.3461916 + 0.9932795 ln T + 0.1807154 ln f + 0.2991243 ln E)             (um2)
//! ```
//!
//! At 32 nm and 1 GS/s: 4 bits 0.92375 pJ, 8 bits 1.7137 pJ. Fewer than 4 bits are outside the fit: the law would grow again.

use super::{Converter, Law};
use crate::cost::components::section::Section;
use crate::cost::events::Reading;
use crate::error::Result;

#[derive(Debug)]
struct Survey {
    rate_hz: f64,
    node_nm: f64,
}

/// `rate_hz` of each converter and `node_nm`.
pub fn read(section: &mut Section) -> Result<Box<dyn Law>> {
    Ok(Box::new(Survey { rate_hz: section.positive("rate_hz")?, node_nm: section.positive("node_nm")? }))
}

impl Law for Survey {
    fn converter(&self, reading: &Reading) -> std::result::Result<Converter, String> {
        if !(4..=16).contains(&reading.adc_bits) {
            return Err(format!("the survey's law is for 4 to 16 bits, not {}", reading.adc_bits));
        }
        let (bits, ln_f, ln_t) = (f64::from(reading.adc_bits), libm::log(self.rate_hz), libm::log(self.node_nm));
        let sndr_db = 6.0206 * bits + 1.7609;
        let fom_db = (213.7806687 - 2.8719030 * ln_f).min(128.3068288 + 3.2205115 * bits);
        let scale = libm::exp(26.0496216 + 1.8800369 * ln_t - 2.8291256 * libm::log(bits) - 1.4702022);
        let conversion_pj = 0.5 * libm::pow(10.0, (sndr_db - fom_db) / 10.0) * scale;
        let area_um2 = libm::exp(1.3461916 + 0.9932795 * ln_t + 0.1807154 * ln_f + 0.2991243 * libm::log(conversion_pj));
        Ok(Converter { conversion_pj, conversion_ns: 1e9 / self.rate_hz, area_um2 })
    }
}
