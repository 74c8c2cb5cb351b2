//! What a set takes from another, always by name: `from = "isaac"` on top of a file (every section it does not have), in a
//! section (all of it), or a set's name in place of a figure (`area_um2 = "isaac"`). Nothing is taken that is not named.

use super::files;
use super::section::Section;
use crate::config::parse::{self, Entry, Node, Value};
use crate::config::source::At;
use crate::error::Result;

/// Sets that one figure may be passed on by: more is a circle.
const MOST_HOPS: usize = 8;

/// Keys whose words are words.
const WORDS: [&str; 1] = ["law"];

/// The section `name` of a file's tree with its own values and those it names; `None` if it is nowhere.
pub fn section(tree: &Node, name: &str) -> Result<Option<Section>> {
    let Some((at, mut entries)) = written(tree, name, 0)? else { return Ok(None) };
    for entry in &mut entries {
        entry.node = figure(entry.node.clone(), name, &entry.name, 0)?;
    }
    Ok(Some(Section::new(name, at, entries)))
}

/// The section as it is written, there or in the set that the file or the section names for all of it.
fn written(tree: &Node, name: &str, hops: usize) -> Result<Option<(At, Vec<Entry>)>> {
    let Value::Table(sections) = &tree.value else { return Ok(None) };
    let Some(section) = sections.iter().find(|e| e.name == name) else {
        return match sections.iter().find(|e| e.name == "from") {
            Some(from) => written(&named(&from.node, hops)?, name, hops + 1),
            None => Ok(None),
        };
    };
    let Value::Table(own) = &section.node.value else {
        return Err(section.at.error(format!("`{name}` is a section")).hint(format!("write [{name}] on a line of its own and its keys below it")));
    };
    let Some(from) = own.iter().find(|e| e.name == "from") else { return Ok(Some((section.at.clone(), own.clone()))) };
    if let Some(other) = own.iter().find(|e| e.name != "from") {
        return Err(other.at.error(format!("`{name}.{}` beside `{name}.from`", other.name)).hint("`from` takes the whole section; to take one figure, write the set's name in its place"));
    }
    match written(&named(&from.node, hops)?, name, hops + 1)? {
        Some(found) => Ok(Some(found)),
        None => Err(from.at.error(format!("set {} has no [{name}]", from.node.value)).hint("take it from another one")),
    }
}

/// The value of a key, from the set whose name stands in its place if one does.
fn figure(node: Node, name: &str, key: &str, hops: usize) -> Result<Node> {
    if !matches!(node.value, Value::Word(_)) || WORDS.contains(&key) {
        return Ok(node);
    }
    let found = written(&named(&node, hops)?, name, hops + 1)?.and_then(|(_, entries)| entries.into_iter().find(|e| e.name == key));
    let found = found.ok_or_else(|| node.at.error(format!("set {} has no `{name}.{key}`", node.value)).hint("write the figure, or take it from another set"))?;
    figure(found.node, name, key, hops + 1)
}

/// The tree of the set that `node` names.
fn named(node: &Node, hops: usize) -> Result<Node> {
    if hops >= MOST_HOPS {
        return Err(node.at.error("sets take this from each other in a circle").hint("write the figure"));
    }
    let Value::Word(name) = &node.value else {
        return Err(node.at.error(format!("`from = {}` is no set's name", node.value)).hint(format!("one of: {}", files::names())));
    };
    let file = files::find(name).ok_or_else(|| node.at.error(format!("no component set \"{name}\"")).hint(files::hint(name)))?;
    parse::tree(file.text, At::preset(&file.place(), file.text))
}
