//! The values of one key: one, a list, or an even row {from, to, step}.

use std::collections::HashSet;

use super::key::short;
use super::keys::{Hash, Key, Kind};
use super::parse::{Entry, Node, Value};
use super::scalar::{read, refused};
use super::settings::{Form, Setting};
use super::source::{At, shown};
use crate::error::Result;

/// Most points of a sweep, so most values of an axis.
pub const MOST_POINTS: usize = 100_000;

/// The values of one key: one, a list, or {from, to, step}.
pub fn values(key: &'static Key, node: &Node, form: Form) -> Result<Vec<Setting>> {
    let setting = |scalar, at: &At| Setting { key, scalar, at: at.clone() };
    let values: Vec<Setting> = match &node.value {
        Value::List(items) if !is_pair(key, items) => {
            if items.is_empty() {
                return Err(
                    refused(key, node, "is an empty list").hint(format!("allowed: {}", key.allowed()))
                );
            }
            if items.len() > MOST_POINTS {
                return Err(refused(key, node, &format!("has more than {MOST_POINTS} values")));
            }
            items.iter().map(|item| Ok(setting(read(key, item)?, &item.at))).collect::<Result<_>>()?
        }
        Value::Table(entries) if matches!(key.kind, Kind::Integer { .. } | Kind::Number { .. }) => {
            stepped(key, node, entries)?
                .iter()
                .map(|item| Ok(setting(read(key, item)?, &item.at)))
                .collect::<Result<_>>()?
        }
        _ => return Ok(vec![setting(read(key, node)?, &node.at)]),
    };
    single(key, node, form)?;
    let mut seen = HashSet::new();
    match values.iter().find(|v| !seen.insert(v.scalar.to_string())) {
        Some(twice) => Err(twice
            .at
            .error(format!("`{}` has {} twice", key.path, twice.scalar.as_toml()))
            .hint("write each value once")),
        None => Ok(values),
    }
}

fn single(key: &Key, node: &Node, form: Form) -> Result<()> {
    let subject = match form {
        Form::Sweep => None,
        Form::Mvm => Some("`bwq mvm` is one product"),
        Form::Search => Some("`bwq search` is one search"),
    };
    if let Some(subject) = subject {
        return Err(refused(key, node, "is a list").hint(format!("{subject}, not a sweep: give one value")));
    }
    if matches!(key.hash, Hash::Nothing | Hash::Resolved) {
        let hint = format!("{} is one value for the whole sweep", key.name());
        return Err(refused(key, node, "is a list, but is no axis of a sweep").hint(hint));
    }
    Ok(())
}

/// Whether a list is the value of a range, not a list of ranges: it holds numbers, or nothing that a range could be.
fn is_pair(key: &Key, items: &[Node]) -> bool {
    matches!(key.kind, Kind::Pair { .. })
        && !items.is_empty()
        && !items.iter().all(|item| matches!(item.value, Value::List(_) | Value::Word(_)))
}

/// The values of {from, to, step}.
fn stepped(key: &Key, node: &Node, entries: &[Entry]) -> Result<Vec<Node>> {
    let example = "an even row of values is { from = 8, to = 64, step = 8 }";
    if let Some(other) = entries.iter().find(|e| !["from", "to", "step"].contains(&e.name.as_str())) {
        return Err(other
            .at
            .error(format!("unknown `{}` in `{}`", shown(&other.name), key.path))
            .hint(example));
    }
    let part = |name| match entries.iter().find(|e| e.name == name).map(|e| &e.node.value) {
        Some(Value::Int(i)) => Ok(*i as f64),
        Some(Value::Float(x)) => Ok(*x),
        _ => Err(refused(key, node, &format!("needs a number `{name}`")).hint(example)),
    };
    let row = steps(key, node, part("from")?, part("to")?, part("step")?, MOST_POINTS)?;
    let whole = matches!(key.kind, Kind::Integer { .. });
    Ok(row
        .into_iter()
        .map(|x| if whole && x.fract() == 0.0 { Value::Int(x as i128) } else { Value::Float(x) })
        .map(|value| Node { value, at: node.at.clone() })
        .collect())
}

/// {from, to, step} as numbers: `from`, `from + step`, ... up to and including `to`.
fn steps(key: &Key, node: &Node, from: f64, to: f64, step: f64, most: usize) -> Result<Vec<f64>> {
    if !(from.is_finite() && to.is_finite() && step.is_finite() && step > 0.0 && from <= to) {
        return Err(
            refused(key, node, "is no row of values").hint("from is at most to, and step is more than 0")
        );
    }
    // The last value may miss `to` by a rounding error; a billionth of a step is none of the user's.
    let count = ((to - from) / step + 1e-9).floor() + 1.0;
    if count > most as f64 {
        return Err(refused(key, node, &format!("has {} values; at most {most} are possible", short(count))));
    }
    // Twelve digits: 0.1 + 2 * 0.1 is the 0.3 that a person would write, with the same hash.
    let rounded = |x: f64| format!("{x:.11e}").parse().unwrap_or(x);
    Ok((0..count as usize).map(|i| rounded(from + i as f64 * step)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::keys::find;
    use super::super::parse;
    use super::*;

    #[test]
    fn steps_are_the_decimals_a_person_would_write() {
        let key = find("device.programming_error.sigma_ln").expect("is a key");
        let node = parse::value("0", &At::option("x")).expect("is a value");
        assert_eq!(steps(key, &node, 0.0, 0.3, 0.1, 10).ok(), Some(vec![0.0, 0.1, 0.2, 0.3]));
        assert_eq!(steps(key, &node, 1.0, 1.0, 5.0, 10).ok(), Some(vec![1.0]));
        for (from, to, step) in [(1.0, 0.0, 0.1), (0.0, 1.0, 0.0), (0.0, 1.0, f64::NAN), (0.0, 1.0, 1e-300)] {
            assert!(steps(key, &node, from, to, step, 10).is_err());
        }
    }
}
