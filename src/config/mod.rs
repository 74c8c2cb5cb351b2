//! The sweep file: TOML text to validated, typed points.
//!
//! [`keys`] is the table of every key. The way: `parse` (text to values with places) -> [`presets`] (values of a published
//! design where nothing is given) -> `settings` (values against the table) -> `axes` (product) -> `resolve` and `rules`
//! (typed points that make sense). [`PointConfig::canonical`] is what a point's hash is made of, [`PointConfig::columns`]
//! what the CSV shows; [`template`] writes files and docs.

mod axes;
mod canonical;
pub mod cost;
pub mod key;
pub mod keys;
pub mod pareto;
pub mod parse;
pub mod point;
pub mod presets;
mod resolve;
mod rules;
pub mod scalar;
pub mod schema;
pub mod search;
mod settings;
pub mod source;
pub mod template;
#[cfg(test)]
mod tests;
mod values;
mod words;

use std::path::Path;

pub use point::*;
pub use search::{ActivationSearch, Objective, Search, SearchConfig};
pub use words::Choice;

use crate::error::{Error, Result};
use crate::files;
use parse::{Node, Value};
use settings::Form;
use source::At;

/// What the command line sets over the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `--set key=value`, in order; a later one wins. The value is TOML; words need no quotes.
    pub set: Vec<String>,
    /// `--images N`.
    pub images: Option<u64>,
    /// `--trials N`.
    pub trials: Option<u64>,
    /// Taken where neither the file nor the command line says how many trials.
    pub usual_trials: Option<u64>,
    /// `--max-drop D`.
    pub max_drop: Option<f64>,
    /// `--seed N`.
    pub seed: Option<u64>,
}

/// A validated sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// The file, as it was named.
    pub path: String,
    /// The points, in the order of the key table, the last key fastest; each once, at least one.
    pub points: Vec<PointConfig>,
    /// What its preset gave, if it has one.
    pub preset: Option<presets::Applied>,
}

impl Sweep {
    /// The columns whose value is not the same in all points: the axes of the sweep.
    pub fn swept_columns(&self) -> Vec<&'static str> {
        let Some(first) = self.points.first() else { return Vec::new() };
        keys::KEYS
            .iter()
            .filter(|key| self.points.iter().any(|p| p.value(key.path) != first.value(key.path)))
            .map(|key| key.column)
            .collect()
    }
}

/// The sweep of a file.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Sweep> {
    parse(&read(path)?, &path.display().to_string(), overrides)
}

/// The sweep of a text; `place` is the file's name in messages.
pub fn parse(text: &str, place: &str, overrides: &Overrides) -> Result<Sweep> {
    let (points, preset) = points(text, place, overrides, Form::Sweep)?;
    Ok(Sweep { path: place.into(), points, preset })
}

/// The one point of a file for `bwq mvm`: no `[network]` (its values are the defaults), no lists.
pub fn load_mvm(path: &Path, overrides: &Overrides) -> Result<PointConfig> {
    parse_mvm(&read(path)?, &path.display().to_string(), overrides)
}

/// The one point of a text for `bwq mvm`; see [`load_mvm`].
pub fn parse_mvm(text: &str, place: &str, overrides: &Overrides) -> Result<PointConfig> {
    let one = points(text, place, overrides, Form::Mvm)?.0.pop();
    one.ok_or_else(|| Error::internal("a file without axes made no point"))
}

fn points(text: &str, place: &str, overrides: &Overrides, form: Form) -> Result<(Vec<PointConfig>, Option<presets::Applied>)> {
    let mut tree = parse::file(text, place)?;
    for assignment in &overrides.set {
        tree.set(assignment)?;
    }
    points_of(tree, overrides, form)
}

/// The points of a file's tree, in which `--set` has its say already.
fn points_of(mut tree: Node, overrides: &Overrides, form: Form) -> Result<(Vec<PointConfig>, Option<presets::Applied>)> {
    let integer = |value: Option<u64>| value.map(|v| Value::Int(v.into()));
    let usual = overrides.usual_trials.filter(|_| !tree.has("monte_carlo.trials"));
    let options = [
        ("--images", "network.images", integer(overrides.images)),
        ("--trials", "monte_carlo.trials", integer(overrides.trials.or(usual))),
        ("--seed", "monte_carlo.seed", integer(overrides.seed)),
        ("--max-drop", "monte_carlo.max_drop", overrides.max_drop.map(Value::Float)),
    ];
    for (option, key, value) in options {
        if let Some(value) = value {
            let at = At::option(&format!("{option} {value}"));
            tree.put(key, Node { value, at })?;
        }
    }
    let preset = presets::apply(&mut tree, form)?;
    let points = axes::points(settings::collect(&tree, form)?, &tree.at, form)?;
    let preset = preset.map(|filled| filled.applied(&points)).transpose()?;
    Ok((points, preset))
}

fn read(path: &Path) -> Result<String> {
    files::text(path).map_err(|e| if path.exists() { e } else { e.hint("`bwq new DIR` writes a sweep.toml to start from") })
}
