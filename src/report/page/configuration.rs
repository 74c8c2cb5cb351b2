//! The effective configuration: every value of the points as they were resolved, those that are not defaults first; for costs,
//! the assumptions.

use super::folder::{Csv, Folder};
use super::html::{Head, escape, folded, paragraph, table};
use crate::config::keys::{KEYS, Key, SECTIONS};
use crate::error::Result;
use serde_json::Value;

/// Values of points and assumptions of costs.
pub fn of(folder: &Folder) -> Result<String> {
    let points = folder.tables.iter().find(|t| t.first_own > 0 && t.header.iter().take(t.first_own).any(|h| h == "programming_error_law"));
    Ok(points.map(of_points).unwrap_or_default() + &of_command(folder) + &assumptions(folder))
}

/// The values of a training or a search, which are no parameters of a point, from the provenance.
fn of_command(folder: &Folder) -> String {
    let sections = [("config", "Every value of the training, resolved."), ("search", "Every value of the search, resolved.")];
    let rows = |values: &serde_json::Map<String, Value>| values.iter().map(|(key, value)| vec![key.clone(), value.as_str().unwrap_or_default().to_string()]).collect::<Vec<_>>();
    let known = |section: &str| folder.provenance.iter().find_map(|(_, p)| p[section].as_object());
    sections.iter().filter_map(|(section, caption)| Some(table(caption, &["key", "value"].map(Head::plain), &rows(known(section)?)))).collect()
}

/// A key with the values it has.
struct Set {
    key: &'static Key,
    values: Vec<String>,
}

impl Set {
    fn is_default(&self) -> bool {
        matches!(&self.values[..], [one] if same(one, self.key))
    }

    /// As it would stand in a sweep file: a list where there are several values.
    fn toml(&self) -> String {
        let list: Vec<String> = self.values.iter().map(|v| quoted(v)).collect();
        if let [one] = &list[..] { one.clone() } else { format!("[{}]", list.join(", ")) }
    }
}

fn of_points(t: &Csv) -> String {
    let sets: Vec<Set> = KEYS.iter().filter_map(|key| values(t, key).map(|values| Set { key, values })).collect();
    let heads = ["key", "value", "default", "meaning"].map(Head::plain);
    let rows: Vec<Vec<String>> = sets.iter().filter(|s| !s.is_default()).map(|s| vec![s.key.path.into(), s.toml(), if s.key.default.is_empty() { "none".into() } else { s.key.default.into() }, s.key.meaning.into()]).collect();
    let mut text = table("Values that are not the defaults; a list is an axis of the sweep.", &heads, &rows);
    let mut toml = String::new();
    for (section, meaning) in SECTIONS {
        let of_section: Vec<&Set> = sets.iter().filter(|s| s.key.section() == *section).collect();
        if of_section.is_empty() {
            continue;
        }
        toml += &format!("<span class=\"section\">[{section}]  # {}</span>\n", escape(meaning));
        for set in of_section {
            let name = set.key.path.split_once('.').map_or(set.key.path, |(_, name)| name);
            let line = escape(&format!("{name} = {}", set.toml()));
            toml += &if set.is_default() { format!("{line}\n") } else { format!("<mark>{line}</mark>\n") };
        }
        toml.push('\n');
    }
    text += &folded("Every value, resolved, as TOML (marked: not the default)", &format!("<pre class=\"toml\">{toml}</pre>\n"));
    text + &paragraph("Networks, data and precision maps stand here by name, not by path: what they hold is in the points' hashes. A value that has no meaning at a point is left out.")
}

/// The values of a key over the points, in the order of the table, each once; `None` if it has no meaning at any of them.
fn values(t: &Csv, key: &'static Key) -> Option<Vec<String>> {
    // `trials` is no parameter of a point, but stands in the summary.
    let column = t.column(key.column).filter(|&c| c < t.first_own || key.column == "trials")?;
    let mut values: Vec<String> = Vec::new();
    for row in t.rows.iter().filter(|r| !r[column].is_empty()) {
        if !values.contains(&row[column]) {
            values.push(row[column].clone());
        }
    }
    (!values.is_empty()).then_some(values)
}

/// Whether a value of a table is a key's default.
fn same(value: &str, key: &Key) -> bool {
    let default = key.default.trim_matches('"');
    match (value.parse::<f64>(), default.parse::<f64>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => value == default || EMBEDDED.contains(&(key.path, value)),
    }
}

/// What is inside the program stands in tables by its own name.
const EMBEDDED: [(&str, &str); 2] = [("network.model", "fashion_vgg6"), ("network.dataset", "fashion_mnist")];

/// A value as TOML.
fn quoted(value: &str) -> String {
    let bare = value.parse::<f64>().is_ok() || ["true", "false"].contains(&value) || (value.starts_with('[') && value.ends_with(']'));
    if bare { value.to_string() } else { format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// What a cost rests on, from its provenance: for all of it, then for single designs and networks.
fn assumptions(folder: &Folder) -> String {
    let known = |p: &Value| [&p["rests_on"], p].into_iter().find(|v| v["assumptions"].is_array()).cloned();
    let Some(all) = folder.provenance.iter().find_map(|(_, p)| known(p)) else { return String::new() };
    let field = |a: &Value, name: &str| a[name].as_str().unwrap_or_default().to_string();
    let list = |v: &Value| v["assumptions"].as_array().cloned().unwrap_or_default();
    let rows: Vec<Vec<String>> = list(&all).iter().map(|a| vec![field(a, "name"), field(a, "value"), field(a, "meaning")]).collect();
    let mut text = table("What the costs rest on.", &["assumption", "value", "meaning"].map(Head::plain), &rows);
    let word = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let own = ["designs", "costs"].iter().flat_map(|part| all[part].as_array().cloned().unwrap_or_default());
    let rows: Vec<Vec<String>> = own.flat_map(|of| list(&of).into_iter().map(|a| vec![field(&of, "design"), field(&of, "network"), word(&a[0]), word(&a[1])]).collect::<Vec<_>>()).collect();
    if !rows.is_empty() {
        text += &table("Of single designs and networks, beside those.", &["design", "network", "assumption", "value"].map(Head::plain), &rows);
    }
    text
}
