//! A preset put into the tree of a sweep file, below what is written there.

use super::super::keys::PRESET;
use super::super::parse::{self, Entry, Node, Value};
use super::super::point::PointConfig;
use super::super::settings::Form;
use super::super::source::At;
use super::super::values::values;
use super::{Preset, of_node};
use crate::error::Result;

/// What became of a sweep's preset.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// Its name.
    pub name: &'static str,
    /// Keys that have its values.
    pub gives: Vec<String>,
    /// Keys that it names but that are set otherwise, or have no meaning beside what is.
    pub set_aside: Vec<String>,
}

/// What a preset put into a tree, before it is known which of it has a meaning there.
pub struct Filled {
    preset: &'static Preset,
    at: At,
    gives: Vec<String>,
}

/// Takes `device.preset` out of the tree and puts what it gives where nothing stands.
pub fn apply(tree: &mut Node, form: Form) -> Result<Option<Filled>> {
    let Some(node) = tree.take(PRESET.path) else { return Ok(None) };
    values(&PRESET, &node, form)?; // refuses lists
    let Some(preset) = of_node(&node)? else { return Ok(None) };
    let mut gives = Vec::new();
    fill(tree, &entries(preset)?, "", &mut gives);
    Ok(Some(Filled { preset, at: node.at, gives }))
}

/// The sections of the file.
fn entries(preset: &Preset) -> Result<Vec<Entry>> {
    let tree = parse::tree(preset.text, At::preset(&format!("preset {}", preset.name), preset.text))?;
    Ok(if let Value::Table(entries) = tree.value { entries } else { Vec::new() })
}

/// Puts entries where nothing stands, into each table of a list of tables; what is no table is refused later on.
fn fill(node: &mut Node, defaults: &[Entry], path: &str, gives: &mut Vec<String>) {
    match &mut node.value {
        Value::Table(entries) => {
            for default in defaults {
                let path = if path.is_empty() { default.name.clone() } else { format!("{path}.{}", default.name) };
                let there = entries.iter_mut().find(|e| e.name == default.name);
                match (there, &default.node.value) {
                    (Some(there), Value::Table(inner)) => fill(&mut there.node, inner, &path, gives),
                    (Some(_), _) => {}
                    (None, Value::Table(inner)) => {
                        let mut table = Node { value: Value::Table(Vec::new()), at: default.node.at.clone() };
                        fill(&mut table, inner, &path, gives);
                        entries.push(Entry { name: default.name.clone(), at: default.at.clone(), node: table });
                    }
                    (None, _) => {
                        entries.push(default.clone());
                        if !gives.contains(&path) {
                            gives.push(path);
                        }
                    }
                }
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| fill(item, defaults, path, gives)),
        _ => {}
    }
}

impl Filled {
    /// Tells what has a meaning in some point from what has none: the sigma of a law that the file replaced.
    pub fn applied(self, points: &[PointConfig]) -> Result<Applied> {
        let Filled { preset, at, gives } = self;
        let gives: Vec<String> = gives.into_iter().filter(|path| points.iter().any(|p| p.value(path).is_some())).collect();
        if gives.is_empty() {
            let error = at.error(format!("`device.preset = \"{}\"` changes nothing: all that it names is set beside it", preset.name));
            return Err(error.hint(format!("take out the lines that it should set (`bwq presets {}` shows its own), or the preset", preset.name)));
        }
        let set_aside = preset.lines().into_iter().map(|l| l.path).filter(|path| !gives.contains(path)).collect();
        Ok(Applied { name: preset.name, gives, set_aside })
    }
}

impl std::fmt::Display for Applied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "preset {} gives {}", self.name, self.gives.join(", "))?;
        match self.set_aside.as_slice() {
            [] => Ok(()),
            aside => write!(f, "; set aside for what the sweep sets itself: {}", aside.join(", ")),
        }
    }
}
