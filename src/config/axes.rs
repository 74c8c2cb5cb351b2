//! Axes to points: the Cartesian product in the order of the key table, each point once.
//!
//! A value that no point uses is refused, as it would change nothing: `sigma_rel` beside a lognormal law, a range
//! beside a lossless ADC. Three things are not refused: a value that says no more than the default does, one of the
//! file whose partner (the law, the encoding) was changed on the command line, and one of a preset.

use std::collections::{BTreeMap, HashSet};

use super::keys::{A_NUMBER, KEYS, Key, find, position};
use super::parse;
use super::point::PointConfig;
use super::resolve::point;
use super::rules;
use super::scalar::{Scalar, read, values_in_words};
use super::settings::{Form, Given, Setting};
use super::source::At;
use super::values::MOST_POINTS;
use crate::error::{Error, Result};

/// One value for each key of one point; a key without value and default is absent.
pub struct Picked<'a> {
    settings: BTreeMap<&'static str, &'a Setting>,
    defaults: &'a BTreeMap<&'static str, Scalar>,
    file: &'a At,
}

impl<'a> Picked<'a> {
    /// The value of a key, given or default.
    pub fn get(&self, path: &str) -> Option<&'a Scalar> {
        self.settings.get(path).map(|s| &s.scalar).or_else(|| self.defaults.get(path))
    }

    /// Where the first of these keys that was given stands; the file where none was.
    pub fn at(&self, paths: &[&str]) -> &'a At {
        paths.iter().find_map(|p| self.settings.get(p)).map_or(self.file, |s| &s.at)
    }

    /// Whether a key has a meaning beside the other values of this point.
    pub fn uses(&self, key: &Key) -> bool {
        key.used_with.is_none_or(|with| match self.get(with.key) {
            Some(Scalar::Word(word)) => with.values.contains(&word.as_str()),
            Some(Scalar::Int(_)) => with.values.contains(&A_NUMBER),
            _ => false,
        })
    }
}

/// The points of a sweep.
pub fn points(given: Vec<Given>, file: &At, form: Form) -> Result<Vec<PointConfig>> {
    let defaults = defaults(file)?;
    let mut pool = Vec::new();
    let mut axes: Vec<Axis> = Vec::new();
    for one in given {
        axes.push(axis(one, &mut pool, file)?);
    }
    axes.sort_by_key(|axis| axis.order);
    let alternatives = product(&axes).ok_or_else(|| too_many(&axes, file))?;

    let mut used = vec![false; pool.len()];
    let mut seen = HashSet::new();
    let mut points = Vec::new();
    for alternative in &alternatives {
        let settings = alternative.iter().map(|i| (pool[*i].key.path, &pool[*i])).collect();
        let picked = Picked { settings, defaults: &defaults, file };
        for i in alternative {
            used[*i] |= picked.uses(pool[*i].key);
        }
        let point = point(&picked)?;
        rules::check(&point, &picked, form)?;
        // Points that differ in values they do not use have the same columns, and are one.
        if seen.insert(point.columns().into_iter().map(|(_, v)| v + "\n").collect::<String>()) {
            points.push(point);
        }
    }
    let unused = pool.iter().zip(&used).filter(|(_, used)| !**used).map(|(setting, _)| setting);
    for setting in unused {
        refuse_unused(setting, &pool, &defaults)?;
    }
    Ok(points)
}

/// Places in the pool that are set together.
type Alternative = Vec<usize>;

struct Axis {
    /// Place of its first key in the table.
    order: usize,
    alternatives: Vec<Alternative>,
}

/// The axis of what was given for a key or a table; its settings go into the pool.
fn axis(given: Given, pool: &mut Vec<Setting>, file: &At) -> Result<Axis> {
    let mut place = |setting: Setting| {
        pool.push(setting);
        pool.len() - 1
    };
    let mut each = |values: Vec<Setting>| values.into_iter().map(|v| vec![place(v)]).collect::<Vec<_>>();
    let mut alternatives: Vec<Alternative> = Vec::new();
    match given {
        Given::Values(values) => alternatives = each(values),
        Given::Tables(tables) => {
            for mut fields in tables {
                fields.sort_by_key(|values| values.first().map(|v| position(v.key)));
                let axes: Vec<Axis> =
                    fields.into_iter().map(|values| Axis { order: 0, alternatives: each(values) }).collect();
                alternatives.extend(product(&axes).ok_or_else(|| too_many(&axes, file))?);
            }
        }
    }
    let text = |a: &Alternative| {
        a.iter().map(|i| format!("{} = {}\n", pool[*i].key.path, pool[*i].scalar)).collect()
    };
    let mut seen: HashSet<String> = HashSet::new();
    if let Some(twice) = alternatives.iter().find(|a| !a.is_empty() && !seen.insert(text(a))) {
        let setting = &pool[twice[0]];
        return Err(setting
            .at
            .error(format!("`{}` stands twice with the same values", setting.key.path))
            .hint("write each value of an axis once"));
    }
    let order = alternatives.iter().flatten().map(|i| position(pool[*i].key)).min().unwrap_or(KEYS.len());
    Ok(Axis { order, alternatives })
}

/// The Cartesian product, the last axis fastest; `None` if it is larger than a sweep may be.
fn product(axes: &[Axis]) -> Option<Vec<Alternative>> {
    let mut all: Vec<Alternative> = vec![Vec::new()];
    for axis in axes {
        if all.len().saturating_mul(axis.alternatives.len()) > MOST_POINTS {
            return None;
        }
        all = all
            .iter()
            .flat_map(|left| axis.alternatives.iter().map(move |right| [left.as_slice(), right].concat()))
            .collect();
    }
    Some(all)
}

fn too_many(axes: &[Axis], file: &At) -> Error {
    let sizes: Vec<String> =
        axes.iter().map(|a| a.alternatives.len()).filter(|n| *n > 1).map(|n| n.to_string()).collect();
    file.error(format!("the axes make {} points; at most {MOST_POINTS} are possible", sizes.join(" x ")))
        .hint("take values out of a list, or make several sweeps of it")
}

fn defaults(file: &At) -> Result<BTreeMap<&'static str, Scalar>> {
    let given = KEYS.iter().filter(|k| !k.default.is_empty());
    given.map(|k| Ok((k.path, read(k, &parse::value(k.default, file)?)?))).collect()
}

/// Refuses a value that no point uses, unless it says nothing, lost its partner on the command line or is a preset's.
fn refuse_unused(
    setting: &Setting,
    pool: &[Setting],
    defaults: &BTreeMap<&'static str, Scalar>,
) -> Result<()> {
    let Some(with) = setting.key.used_with else { return Ok(()) };
    let partners: Vec<&Setting> = pool.iter().filter(|s| s.key.path == with.key).collect();
    if setting.at.is_preset() {
        return Ok(());
    }
    let overridden = !setting.at.is_option() && partners.iter().any(|p| p.at.is_option());
    if overridden || defaults.get(setting.key.path) == Some(&setting.scalar) {
        return Ok(());
    }
    let mut chosen: Vec<String> = partners.iter().map(|p| p.scalar.to_string()).collect();
    if chosen.is_empty() {
        chosen.extend(defaults.get(with.key).map(Scalar::to_string));
    }
    chosen.dedup();
    let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
    let partner = find(with.key).map_or(with.key, |k| k.name());
    let (path, chosen_words) = (setting.key.path, values_in_words(&chosen));
    let message =
        format!("`{path} = {}` is not used by {partner} = {chosen_words}", setting.scalar.as_toml());
    let mut hint = format!("{} goes with {partner} = {}", setting.key.name(), values_in_words(with.values));
    let goes_with_chosen = |k: &&Key| {
        k.used_with.is_some_and(|w| w.key == with.key && w.values.iter().any(|v| chosen.contains(v)))
    };
    let has: Vec<&str> = KEYS.iter().filter(goes_with_chosen).map(Key::name).collect();
    if !has.is_empty() {
        hint += &format!("; {chosen_words} has {}", has.join(", "));
    }
    Err(setting.at.error(message).hint(hint))
}
