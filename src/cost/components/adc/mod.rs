//! What a conversion costs, by law: one file per law, chosen by `adc.law` of a component set.
//!
//! To add one: a file with a struct that reads its keys and implements [`Law`], and a line in [`LAWS`].

mod early_stop;
mod sar;
mod scaled;
mod survey;
mod table;

use super::section::Section;
use crate::cost::events::Reading;
use crate::error::Result;
use std::fmt::Debug;

/// One converter at one resolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Converter {
    /// Energy of a conversion.
    pub conversion_pj: f64,
    /// Time between two conversions.
    pub conversion_ns: f64,
    /// Area.
    pub area_um2: f64,
}

/// A law of converters.
pub trait Law: Debug {
    /// The converter that reads so; the error says what the law does not know, and what it does.
    fn converter(&self, reading: &Reading) -> std::result::Result<Converter, String>;
}

type Reader = fn(&mut Section) -> Result<Box<dyn Law>>;

/// The words of `adc.law`.
const LAWS: [(&str, Reader); 5] =
    [("scaled", scaled::read), ("survey", survey::read), ("sar", sar::read), ("table", table::read), ("early-stop", early_stop::read)];

/// Reads `law` and the keys of that law.
pub fn read(section: &mut Section) -> Result<Box<dyn Law>> {
    let word = section.word("law", &LAWS.map(|(word, _)| word))?;
    let reader = LAWS.iter().find(|(w, _)| *w == word).map_or(LAWS[0].1, |(_, reader)| *reader);
    reader(section)
}

/// The figure of `bits` in a list of `[bits, figure]`.
fn of_bits(points: &[[f64; 2]], bits: u32, what: &str) -> std::result::Result<f64, String> {
    let found = points.iter().find(|p| p[0] == f64::from(bits)).map(|p| p[1]);
    found.ok_or_else(|| format!("no {what} of an ADC of {bits} bits: it has {}", points.iter().map(|p| p[0].to_string()).collect::<Vec<_>>().join(", ")))
}
