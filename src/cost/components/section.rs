//! One section of a component set being read: every key is asked for, nothing else may stand there, every figure is finite
//! and not negative.
//!
//! A figure is a number, or a division that keeps the source's own numbers: `drive_pj = { mw = 4, ns = 100, per = 1024 }`,
//! `area_um2 = { um2 = 25, per = 16384 }`. The unit inside is the last word of the key, or mW x ns = pJ.

use super::sources::Line;
use crate::config::parse::{Entry, Node, Value};
use crate::config::source::{At, meant, nearest};
use crate::error::{Error, Result};

/// Least and largest figure: beyond any unit of anything here, and far from where products and quotients of them are no numbers.
const LEAST: f64 = 1e-30;
/// See [`LEAST`].
const MOST: f64 = 1e30;

/// A section with what has not been asked for yet.
#[derive(Debug)]
pub struct Section {
    /// Its name, for messages.
    pub name: String,
    at: At,
    entries: Vec<Entry>,
    asked: Vec<String>,
    lines: Vec<Line>,
}

impl Section {
    /// The section `name` that begins `at`.
    pub fn new(name: &str, at: At, entries: Vec<Entry>) -> Section {
        Section { name: name.into(), at, entries, asked: Vec::new(), lines: Vec::new() }
    }

    /// Where it begins.
    pub fn at(&self) -> At {
        self.at.clone()
    }

    /// An error about the section as a whole.
    pub fn error(&self, message: impl Into<String>) -> Error {
        self.at.error(message)
    }

    /// Whether `key` was given.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|e| e.name == key)
    }

    /// The value of `key`, taken out.
    fn take(&mut self, key: &str) -> Result<Node> {
        self.asked.push(key.into());
        match self.entries.iter().position(|e| e.name == key) {
            Some(i) => {
                let node = self.entries.remove(i).node;
                self.lines.push(Line::of(format!("{}.{key}", self.name), &node.at));
                Ok(node)
            }
            None => {
                let error = self.error(format!("`{key}` is missing in [{}]", self.name));
                // A key that is nearly the missing one says more than the missing one.
                let error = match self.entries.iter().find(|e| nearest(&e.name, [key]).is_some()) {
                    Some(e) => e.at.error(format!("unknown key `{}.{}`, and `{key}` is missing", self.name, e.name)),
                    None => error,
                };
                let inside = self.name.contains('.') || key == "law";
                Err(error.hint(if inside { format!("write `{key} = ...`") } else { format!("write `{key} = ...` with its source behind it, or `{key} = \"isaac\"` to take that set's figure") }))
            }
        }
    }

    /// A number, finite and not negative.
    fn plain(&self, key: &str, node: &Node) -> Result<f64> {
        let x = match &node.value {
            Value::Int(i) => *i as f64,
            Value::Float(x) => *x,
            other => return Err(node.at.error(format!("`{}.{key} = {other}` is no number", self.name)).hint(format!("write `{key} = 0.5` or a division that keeps the source's numbers"))),
        };
        if x == 0.0 || (LEAST..=MOST).contains(&x) {
            return Ok(x);
        }
        Err(node.at.error(format!("`{}.{key} = {}` is no figure", self.name, node.value)).hint(format!("a figure is finite and not negative: 0, which says that it costs nothing, or {LEAST:e} to {MOST:e}")))
    }

    /// A figure: a number or a division.
    pub fn figure(&mut self, key: &str) -> Result<f64> {
        let node = self.take(key)?;
        let Value::Table(entries) = node.value else { return self.plain(key, &node) };
        let mut inner = Section::new(&format!("{}.{key}", self.name), node.at.clone(), entries);
        let unit = key.rsplit('_').next().unwrap_or(key);
        let amount = if unit == "pj" && inner.has("mw") { inner.positive("mw")? * inner.positive("ns")? } else { inner.number(unit)? };
        let per = inner.positive("per")?;
        inner.done()?;
        Ok(amount / per)
    }

    /// A figure that may be left out.
    pub fn optional(&mut self, key: &str) -> Result<Option<f64>> {
        self.asked.push(key.into());
        if self.has(key) { self.figure(key).map(Some) } else { Ok(None) }
    }

    /// A number that is not a division.
    pub fn number(&mut self, key: &str) -> Result<f64> {
        let node = self.take(key)?;
        self.plain(key, &node)
    }

    /// A number above 0.
    pub fn positive(&mut self, key: &str) -> Result<f64> {
        let node = self.take(key)?;
        let x = self.plain(key, &node)?;
        if x > 0.0 { Ok(x) } else { Err(node.at.error(format!("`{}.{key} = 0` must be more than 0", self.name)).hint("leave no figure at 0 that others are divided by")) }
    }

    /// A whole number from `least` to `most`.
    pub fn whole(&mut self, key: &str, least: u32, most: u32) -> Result<u32> {
        let node = self.take(key)?;
        match node.value {
            Value::Int(i) if i >= least.into() && i <= most.into() => Ok(i as u32),
            ref other => Err(node.at.error(format!("`{}.{key} = {other}` is no whole number from {least} to {most}", self.name)).hint(format!("write `{key} = {least}` or more"))),
        }
    }

    /// A word that is one of `allowed`.
    pub fn word<'a>(&mut self, key: &str, allowed: &[&'a str]) -> Result<&'a str> {
        let node = self.take(key)?;
        let Value::Word(word) = &node.value else {
            return Err(node.at.error(format!("`{}.{key} = {}` is no word", self.name, node.value)).hint(format!("one of: {}", allowed.join(", "))));
        };
        allowed.iter().copied().find(|a| a == word).ok_or_else(|| {
            let hint = meant(word, allowed.iter().copied()).map_or_else(|| format!("one of: {}", allowed.join(", ")), |n| format!("did you mean \"{n}\"?"));
            node.at.error(format!("`{}.{key} = {}` is not known", self.name, node.value)).hint(hint)
        })
    }

    /// The table `key` of figures, as a section of its own.
    pub fn inner(&mut self, key: &str) -> Result<Section> {
        let node = self.take(key)?;
        let Value::Table(entries) = node.value else {
            return Err(node.at.error(format!("`{}.{key} = {}` is no table", self.name, node.value)).hint(format!("write `{key} = {{ ... }}`")));
        };
        Ok(Section::new(&format!("{}.{key}", self.name), node.at, entries))
    }

    /// A list of points of `N` figures each, at least one.
    pub fn points<const N: usize>(&mut self, key: &str) -> Result<Vec<[f64; N]>> {
        let list = self.take(key)?;
        let refused = |node: &Node| node.at.error(format!("`{}.{key}` is no list of [{N} figures]: {}", self.name, node.value)).hint(format!("write `{key} = [[...], [...]]` with {N} figures in each"));
        let Value::List(items) = &list.value else { return Err(refused(&list)) };
        let mut points = Vec::new();
        for item in items {
            let Value::List(figures) = &item.value else { return Err(refused(item)) };
            let figures = figures.iter().map(|f| self.plain(key, f)).collect::<Result<Vec<f64>>>()?;
            points.push(<[f64; N]>::try_from(figures).map_err(|_| refused(item))?);
        }
        if points.is_empty() { Err(refused(&list)) } else { Ok(points) }
    }

    /// Refuses what was not asked for; returns what was, with its sources.
    pub fn done(self) -> Result<Vec<Line>> {
        let Some(entry) = self.entries.first() else { return Ok(self.lines) };
        let error = entry.at.error(format!("unknown key `{}.{}`", self.name, entry.name));
        let asked = self.asked.iter().map(String::as_str);
        Err(match nearest(&entry.name, asked.clone()) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!("keys here: {}", asked.collect::<Vec<_>>().join(", "))),
        })
    }
}
