//! Component sets: what each thing costs, from files, every figure with its unit in its key and its source behind it.
//!
//! ```text
//!  components/NAME.toml or a file of yours -> inherit (what is named from other sets) -> ComponentSet -> prices (at a Reading) -> price
//! ```
//!
//! No set is right: published figures of one 4-bit conversion lie 60-fold apart. So a cost is evaluated under several sets,
//! [`BAND`] by default, and printed as a band; the sets' files say what is published and what is assumed.
//!
//! To add a set: a file `components/NAME.toml`, its first line its title, a key to a line with its source or "assumed: why" behind it;
//! its name in `src/cost/components/files.rs`. To add a part: `src/cost/components/parts.rs`. To add a law of converters: `adc`.

mod adc;
mod files;
mod inherit;
mod memory;
pub mod parts;
mod section;
mod sources;
#[cfg(test)]
mod tests;

pub use adc::Converter;
pub use files::{BAND, FILES, File};
pub use sources::Line;

use super::events::Reading;
use crate::config::parse::{self, Node, Value};
use crate::config::source::{At, nearest, shown};
use crate::error::{Error, Result};
use memory::Sram;
use parts::{ADC, ARRAY, PARTS, Part};
use section::Section;
use std::path::Path;

/// What one part costs.
#[derive(Debug, Clone, PartialEq)]
pub struct PartPrices {
    /// Energy of each of its events, in the order of [`Part::events`].
    pub event_pj: Vec<f64>,
    /// Power for each array while it is read: parts whose published power is charged by the time, whatever passes through.
    pub while_read_mw: f64,
    /// Area of one unit.
    pub area_um2: f64,
    /// Leakage of one unit, at all times.
    pub leakage_mw: f64,
    /// What the busiest unit does in a ns; infinite where the part takes no time of its own.
    pub rate_per_ns: f64,
}

/// A component set as it is in its file: prices but for what depends on how an array is read.
#[derive(Debug)]
pub struct ComponentSet {
    /// Its name, or the path of a user's own.
    pub name: String,
    /// What it is, in one line: the comment its file begins with.
    pub title: String,
    /// Every figure it uses with its source, those that it takes from other sets with theirs.
    pub sources: Vec<Line>,
    /// The section `[adc]`, for messages.
    adc_at: At,
    adc: Box<dyn adc::Law>,
    settle_ns: f64,
    write_cell_pj: f64,
    parts: Vec<PartPrices>,
}

/// The prices of a set for arrays that are read in one way.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    /// By part, in the order of [`PARTS`].
    pub parts: Vec<PartPrices>,
    /// Length of an OU cycle: settling and the conversions of one ADC, the longer of both if pipelined, else their sum.
    pub ou_cycle_ns: f64,
    /// Writing one cell.
    pub write_cell_pj: f64,
}

impl ComponentSet {
    /// The set inside the program of this name.
    pub fn named(name: &str) -> Result<ComponentSet> {
        let file = files::find(name).ok_or_else(|| Error::usage(format!("no component set \"{name}\"")).hint(files::hint(name)))?;
        of_text(file.name, file.text, At::preset(&file.place(), file.text))
    }

    /// The set of a user's own file.
    pub fn read(path: &Path) -> Result<ComponentSet> {
        let text = crate::files::text(path)?;
        let place = path.display().to_string();
        of_text(&place, &text, At::file(&place, &text)).map_err(|e| taken(e, &place))
    }

    /// A name, or the path of a file that ends in `.toml`.
    pub fn find(name_or_path: &str) -> Result<ComponentSet> {
        if name_or_path.ends_with(".toml") { Self::read(Path::new(name_or_path)) } else { Self::named(name_or_path) }
    }

    /// That a value of `cost.components` is "band", the name of a set inside the program, or a file's, which is read later.
    pub fn check_name(node: &Node) -> Result<()> {
        match &node.value {
            Value::Word(name) if name != crate::config::cost::BAND && !name.ends_with(".toml") && files::find(name).is_none() => {
                Err(node.at.error(format!("no component set \"{}\"", shown(name))).hint(files::hint(name)))
            }
            _ => Ok(()),
        }
    }

    /// The prices for arrays that are read so; refused where the set's ADC law does not know such a converter.
    pub fn prices(&self, reading: &Reading) -> Result<Prices> {
        let converter = self.adc.converter(reading).map_err(|message| {
            taken(self.adc_at.error(message).hint("choose other ADC bits or another component set, or write a set whose ADC has them"), &self.name)
        })?;
        let mut parts = self.parts.clone();
        parts[ADC].event_pj = vec![converter.conversion_pj];
        parts[ADC].area_um2 = converter.area_um2;
        let conversions_ns = reading.conversions_per_adc as f64 * converter.conversion_ns;
        let ou_cycle_ns = if reading.pipelined { self.settle_ns.max(conversions_ns) } else { self.settle_ns + conversions_ns };
        Ok(Prices { parts, ou_cycle_ns, write_cell_pj: self.write_cell_pj })
    }
}

/// An error in what a file takes from a set inside the program names the file as well.
fn taken(e: Error, file: &str) -> Error {
    match &e.place {
        Some(place) if !place.starts_with(file) && file.ends_with(".toml") => Error { place: Some(format!("{file}, which takes it from {place}")), ..e },
        _ => e,
    }
}

/// The set of a file's text.
fn of_text(name: &str, text: &str, at: At) -> Result<ComponentSet> {
    let tree = parse::tree(text, at.clone())?;
    refuse_unknown_sections(&tree)?;
    let (sram, of_sram) = inherit::section(&tree, "sram")?.map(Sram::read).transpose()?.unzip();
    let mut sources: Vec<Line> = of_sram.unwrap_or_default();
    let (mut law, mut settle_ns, mut write_cell_pj) = (None, 0.0, 0.0);
    let mut parts = Vec::with_capacity(PARTS.len());
    for (i, part) in PARTS.iter().enumerate() {
        let missing = || at.error(format!("[{}] is missing", part.name)).hint(format!("write it, or `from = \"isaac\"` below [{}] to take that set's", part.name));
        let mut section = inherit::section(&tree, part.name)?.ok_or_else(missing)?;
        if i == ADC {
            law = Some((section.at(), adc::read(&mut section)?));
        } else if i == ARRAY {
            (settle_ns, write_cell_pj) = (section.figure("settle_ns")?, section.figure("write_cell_pj")?);
        }
        let (prices, lines) = part_prices(part, i == ADC, section, sram.as_ref())?;
        parts.push(prices);
        sources.extend(lines);
    }
    let (adc_at, adc) = law.ok_or_else(|| Error::internal("a component set without an ADC"))?;
    let title = text.lines().next().and_then(|l| l.strip_prefix("# ")).unwrap_or("").to_string();
    Ok(ComponentSet { name: name.into(), title, sources, adc_at, adc, settle_ns, write_cell_pj, parts })
}

/// The figures of a part's section, which it reads to its end, and their sources.
fn part_prices(part: &Part, by_law: bool, mut section: Section, sram: Option<&Sram>) -> Result<(PartPrices, Vec<Line>)> {
    let sram_bit = match (part.memory && section.has("sram"), sram) {
        (true, Some(sram)) => Some(sram.bit(section.inner("sram")?)?),
        (true, None) => return Err(section.error(format!("[{}] has `sram`, and there is no [sram]", part.name)).hint("add [sram] with its points, or `from = \"adc-survey\"` below it")),
        (false, _) => None,
    };
    let mut event_pj = Vec::new();
    for (event, _) in part.events.iter().filter(|_| !by_law) {
        event_pj.push(match (sram_bit, *event) {
            (Some(bit), "read_bit") => bit.read_pj,
            (Some(bit), "write_bit") => bit.write_pj,
            _ => section.figure(&format!("{event}_pj"))?,
        });
    }
    let (area_um2, leakage_mw) = match sram_bit {
        Some(bit) => (bit.area_um2, bit.leakage_mw),
        None => (if by_law { 0.0 } else { section.figure("area_um2")? }, section.figure("leakage_mw")?),
    };
    let rate_per_ns = match part.rate {
        Some((key, _)) => section.positive(key)?,
        None => f64::INFINITY,
    };
    let while_read_mw = section.optional("while_read_mw")?.unwrap_or(0.0);
    Ok((PartPrices { event_pj, while_read_mw, area_um2, leakage_mw, rate_per_ns }, section.done()?))
}

fn refuse_unknown_sections(tree: &Node) -> Result<()> {
    let known = || PARTS.iter().map(|p| p.name).chain(["sram", "from"]);
    let Value::Table(sections) = &tree.value else { return Ok(()) };
    let Some(unknown) = sections.iter().find(|e| !known().any(|k| k == e.name)) else { return Ok(()) };
    let error = unknown.at.error(format!("unknown section or key `{}`", unknown.name));
    Err(match nearest(&unknown.name, known()) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error.hint(format!("sections: {}", known().collect::<Vec<_>>().join(", "))),
    })
}
