//! The tree of a file against the table of keys: which were given, with which values; nothing else may stand there.

use super::keys::{KEYS, Key, SECTIONS, written};
use super::parse::{Entry, Node, Value};
use super::scalar::Scalar;
use super::search::SECTION as SEARCH;
use super::source::{At, nearest, shown};
use super::values::values;
use crate::error::{Error, Result};

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A sweep: all sections; a list is an axis.
    Sweep,
    /// `bwq mvm`: no `[network]`, and single values only.
    Mvm,
    /// `bwq search`: all sections, single values only; its own section has been taken out.
    Search,
}

/// One value given for one key.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The key.
    pub key: &'static Key,
    /// Its value.
    pub scalar: Scalar,
    /// Where it was written.
    pub at: At,
}

/// What was given for a key, or for a table of keys.
#[derive(Debug)]
pub enum Given {
    /// Values of one key; more than one is an axis.
    Values(Vec<Setting>),
    /// A list of tables (whole laws): each with the values of its keys.
    Tables(Vec<Vec<Vec<Setting>>>),
}

/// All that was given, in the order of the file.
pub fn collect(tree: &Node, form: Form) -> Result<Vec<Given>> {
    let mut given = Vec::new();
    for section in table_of(tree) {
        let name = section.name.as_str();
        if !SECTIONS.iter().any(|(s, _)| *s == name) {
            return Err(unknown_section(section, form));
        }
        if form == Form::Mvm && name == "network" {
            let error =
                section.at.error("`[network]` has no place here: `bwq mvm` takes its matrix from --weights");
            return Err(error.hint("leave the section out"));
        }
        let Value::Table(entries) = &section.node.value else {
            let error = section.at.error(format!("`{name} = {}`: `{name}` is a section", section.node.value));
            return Err(
                error.hint(format!("write [{name}] on a line of its own, once, and its keys below it"))
            );
        };
        for entry in entries {
            one_entry(entry, name, form, &mut given)?;
        }
    }
    Ok(given)
}

fn table_of(node: &Node) -> &[Entry] {
    if let Value::Table(entries) = &node.value { entries } else { &[] }
}

/// An entry of a section: a key, a table of keys, or a mistake.
fn one_entry(entry: &Entry, section: &str, form: Form, given: &mut Vec<Given>) -> Result<()> {
    let path = format!("{section}.{}", entry.name);
    if let Some(key) = super::keys::find(&path) {
        given.push(Given::Values(values(key, &entry.node, form)?));
    } else if KEYS.iter().any(|k| k.section() == section && k.table() == Some(entry.name.as_str())) {
        match &entry.node.value {
            Value::Table(_) => given.extend(fields(&path, &entry.node, form)?.into_iter().map(Given::Values)),
            Value::List(items) if !items.is_empty() && form == Form::Sweep => {
                given.push(Given::Tables(
                    items.iter().map(|item| fields(&path, item, form)).collect::<Result<_>>()?,
                ));
            }
            _ => return Err(no_table(&path, &entry.node)),
        }
    } else {
        return Err(unknown_key(entry, &path, section));
    }
    Ok(())
}

/// The values of the keys of an inline table.
fn fields(path: &str, node: &Node, form: Form) -> Result<Vec<Vec<Setting>>> {
    let Value::Table(entries) = &node.value else { return Err(no_table(path, node)) };
    entries
        .iter()
        .map(|field| {
            let full = format!("{path}.{}", field.name);
            match super::keys::find(&full) {
                Some(key) => values(key, &field.node, form),
                None => Err(unknown_key(field, &full, path)),
            }
        })
        .collect()
}

fn no_table(path: &str, node: &Node) -> Error {
    let name = path.split_once('.').map_or(path, |(_, name)| name);
    let inside = KEYS.iter().filter(|k| k.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')));
    let names: Vec<&str> = inside.map(Key::name).collect();
    let example = match name {
        "programming_error" => "{ law = \"lognormal\", sigma_ln = 0.1 }".to_string(),
        _ => format!("{{ {} = ... }}", names.first().unwrap_or(&"")),
    };
    let hint = format!("write {name} = {example}, with some of {}; a list of such tables is an axis", names.join(", "));
    node.at.error(format!("`{path} = {}` is no table", node.value)).hint(hint)
}

fn unknown_section(entry: &Entry, form: Form) -> Error {
    let name = shown(&entry.name);
    let section = matches!(entry.node.value, Value::Table(_) | Value::List(_));
    let error = entry.at.error(format!("unknown {} `{name}`", if section { "section" } else { "key" }));
    let sections = || SECTIONS.iter().map(|(s, _)| *s).chain((form == Form::Search).then_some(SEARCH.0)).filter(|s| form != Form::Mvm || *s != "network");
    if let Some(home) = written().find(|k| k.name() == entry.name || k.table() == Some(entry.name.as_str()))
    {
        return error.hint(format!("`{name}` belongs to [{}]", home.section()));
    }
    match nearest(&entry.name, sections()) {
        Some(meant) => error.hint(format!("did you mean [{meant}]?")),
        None => error.hint(format!("the sections are [{}]", sections().collect::<Vec<_>>().join("] ["))),
    }
}

/// `inside` is the section, or the path of the table.
pub(super) fn unknown_key(entry: &Entry, path: &str, inside: &str) -> Error {
    let error = entry.at.error(format!("unknown key `{}`", shown(path)));
    let mut siblings: Vec<&str> = written()
        .map(|k| k.path)
        .filter_map(|p| p.strip_prefix(inside)?.strip_prefix('.'))
        .map(|rest| rest.split('.').next().unwrap_or(rest))
        .collect();
    siblings.dedup();
    if let Some(meant) = nearest(&entry.name, siblings.iter().copied()) {
        return error.hint(format!("did you mean `{meant}`?"));
    }
    let elsewhere = written().find(|k| k.name() == entry.name || k.table() == Some(entry.name.as_str()));
    match elsewhere {
        Some(key) => error.hint(format!(
            "`{}` belongs to `{}`",
            key.name(),
            key.path.trim_end_matches(key.name()).trim_end_matches('.')
        )),
        None => error.hint(format!("keys here: {}", siblings.join(", "))),
    }
}
