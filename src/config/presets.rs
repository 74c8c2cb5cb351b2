//! Presets: published designs as defaults for keys, from `presets/NAME.toml`, each value with its source.
//!
//! `device.preset` is resolved first: what the preset gives is put into the tree of the file wherever neither the file
//! nor the command line says anything. From there on it is as if it had been written there, so points, hashes and
//! columns know values and no preset. What a preset gives beside another law of the file is set aside, not refused.
//!
//! To add one: a file `presets/NAME.toml`, NAME as design_venue_year; each key on a line of its own with its source
//! or "assumed: why" behind it; a name in the list below.

mod apply;
#[cfg(test)]
mod tests;

pub use apply::Applied;
pub(super) use apply::apply;

use super::keys::PRESET;
use super::parse::{Node, Value};
use super::scalar::{Scalar, read};
use super::source::At;
use crate::error::Result;

macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        /// The words of `device.preset`.
        pub const WORDS: &[&str] = &["none", $($name),+];
        /// All presets.
        pub const PRESETS: &[Preset] =
            &[$(Preset { name: $name, text: include_str!(concat!("../../presets/", $name, ".toml")) }),+];
    };
}

presets!(
    "bwqh_tcad_2024",
    "dlrsim_iccad_2018",
    "forms_isca_2021",
    "neurram_nature_2022",
    "puma_asplos_2019",
    "vecom_iccad_2023",
    "xiao_mcas_2022",
);

/// A published design.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preset {
    /// design_venue_year.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

/// One value of a preset.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Path of the key.
    pub path: String,
    /// The value, as TOML.
    pub value: &'static str,
    /// Where it is from, or why it is assumed.
    pub source: &'static str,
}

impl Preset {
    /// What it is, in one line: the first one of the file.
    pub fn title(&self) -> &'static str {
        self.text.lines().next().unwrap_or("").trim_start_matches("# ")
    }

    /// Its values, in the order of the file.
    pub fn lines(&self) -> Vec<Line> {
        let mut section = "";
        let mut lines = Vec::new();
        for line in self.text.lines().filter(|l| !l.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
            } else if let Some((name, rest)) = line.split_once(" = ") {
                let (value, source) = rest.split_once('#').unwrap_or((rest, ""));
                lines.push(Line { path: format!("{section}.{name}"), value: value.trim(), source: source.trim() });
            }
        }
        lines
    }
}

/// The preset of this name, as it was typed on the command line; `None` for "none".
pub fn named(name: &str, typed: &str) -> Result<Option<&'static Preset>> {
    of_node(&Node { value: Value::Word(name.into()), at: At::option(typed) })
}

fn of_node(node: &Node) -> Result<Option<&'static Preset>> {
    let word = read(&PRESET, node)?;
    Ok(PRESETS.iter().find(|p| Scalar::Word(p.name.into()) == word))
}
