//! The sweep file as a JSON schema (draft 2020-12), made from the table of keys: editors complete and check with it.
//!
//! It knows types, ranges and words. What two keys say together (a law and its sigma, an OU and its crossbar) only the
//! program checks.

use super::keys::{Hash, Key, Kind, PRESET, SECTIONS, written};
use super::parse::{self, Node, Value as Toml};
use super::source::At;
use serde_json::{Map, Value, json};

/// Sections that other subcommands read in the same file.
const OTHERS: [(&str, &str); 3] = [("search", "keys of `bwq search`: docs/config.md"), ("cost", "keys of `bwq cost`: docs/cost.md"), ("pareto", "keys of `bwq pareto`: docs/config.md")];

/// The schema, as text.
pub fn sweep_schema() -> String {
    let mut sections = Map::new();
    for (name, meaning) in SECTIONS {
        let keys: Vec<&Key> = written().filter(|k| k.section() == *name).collect();
        let mut entries = Map::new();
        for key in &keys {
            let entry = match key.table() {
                None => with_meaning(values(key), key),
                Some(table) => {
                    let fields: Map<String, Value> = keys.iter().filter(|k| k.table() == Some(table)).map(|k| (k.name().to_string(), with_meaning(values(k), k))).collect();
                    let one = json!({ "type": "object", "properties": fields, "additionalProperties": false });
                    any_of(vec![one.clone(), json!({ "type": "array", "items": one, "minItems": 1 })])
                }
            };
            entries.insert(key.table().unwrap_or(key.name()).to_string(), entry);
        }
        sections.insert((*name).to_string(), json!({ "type": "object", "description": meaning, "properties": entries, "additionalProperties": false }));
    }
    sections.extend(OTHERS.map(|(name, meaning)| (name.to_string(), json!({ "type": "object", "description": meaning }))));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "bwq sweep file",
        "description": "A list in place of a value is an axis of the sweep, and so is an even row { from, to, step }.",
        "type": "object",
        "properties": sections,
        "additionalProperties": false,
    });
    format!("{schema:#}\n")
}

/// What may stand for a key: a value, and where it can be an axis a list or an even row.
fn values(key: &Key) -> Value {
    let one = value(key.kind);
    if key.path == PRESET.path || matches!(key.hash, Hash::Nothing | Hash::Resolved) {
        return one;
    }
    let mut all = vec![one.clone(), json!({ "type": "array", "items": one, "minItems": 1 })];
    if matches!(key.kind, Kind::Integer { .. } | Kind::Number { .. }) {
        let number = json!({ "type": "number" });
        all.push(json!({ "type": "object", "properties": { "from": number, "to": number, "step": number }, "required": ["from", "to", "step"], "additionalProperties": false }));
    }
    any_of(all)
}

/// One value.
fn value(kind: Kind) -> Value {
    let (typed, words) = match kind {
        Kind::Bool => return json!({ "type": "boolean" }),
        Kind::Words { words } => return json!({ "enum": words }),
        Kind::Path { words } => {
            let path = json!({ "type": "string", "minLength": 1 });
            // The words are strings as well: named, so that an editor offers them.
            return if words.is_empty() { path } else { any_of(vec![json!({ "enum": words }), path]) };
        }
        Kind::Integer { min, max, words } => (json!({ "type": "integer", "minimum": min, "maximum": max }), words),
        Kind::Number { interval, words } => (number(interval), words),
        Kind::Pair { interval, words } => (json!({ "type": "array", "items": number(interval), "minItems": 2, "maxItems": 2 }), words),
    };
    if words.is_empty() { typed } else { any_of(vec![typed, json!({ "enum": words })]) }
}

fn number(interval: super::keys::Interval) -> Value {
    let low = if interval.above_min { "exclusiveMinimum" } else { "minimum" };
    let high = if interval.below_max { "exclusiveMaximum" } else { "maximum" };
    json!({ "type": "number", low: interval.min, high: interval.max })
}

fn any_of(all: Vec<Value>) -> Value {
    json!({ "anyOf": all })
}

/// Adds meaning, unit and default.
fn with_meaning(mut schema: Value, key: &Key) -> Value {
    let unit = if key.unit.is_empty() { String::new() } else { format!(" ({})", key.unit) };
    schema["description"] = format!("{}{unit}", key.meaning).into();
    if let Ok(default) = parse::value(key.default, &At::file("default", key.default)) {
        schema["default"] = json_of(&default);
    }
    schema
}

/// A value of a file as JSON.
fn json_of(node: &Node) -> Value {
    match &node.value {
        Toml::Int(i) => i64::try_from(*i).map_or(Value::Null, Value::from),
        Toml::Float(x) => json!(x),
        Toml::Word(w) | Toml::Other(w) => json!(w),
        Toml::Bool(b) => json!(b),
        Toml::List(items) => items.iter().map(json_of).collect(),
        Toml::Table(entries) => Value::Object(entries.iter().map(|e| (e.name.clone(), json_of(&e.node))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::template::sweep_toml;
    use std::path::Path;

    /// Whether a value fits a schema, for the words of the standard that are used here; others fail the test.
    fn fits(value: &Value, schema: &Value) -> bool {
        schema.as_object().expect("a schema").iter().all(|(word, rule)| match word.as_str() {
            "$schema" | "title" | "description" | "default" => true,
            "anyOf" => rule.as_array().expect("schemas").iter().any(|s| fits(value, s)),
            "enum" => rule.as_array().expect("values").contains(value),
            "type" => match rule.as_str().expect("a type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "number" => value.is_number(),
                "integer" => value.as_f64().is_some_and(|x| x.fract() == 0.0),
                other => panic!("type {other}"),
            },
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.as_f64().is_none_or(|x| {
                let bound = rule.as_f64().expect("a bound");
                match word.as_str() {
                    "minimum" => x >= bound,
                    "maximum" => x <= bound,
                    "exclusiveMinimum" => x > bound,
                    _ => x < bound,
                }
            }),
            "minLength" => value.as_str().is_none_or(|s| s.len() as u64 >= rule.as_u64().expect("a number")),
            "minItems" => value.as_array().is_none_or(|a| a.len() as u64 >= rule.as_u64().expect("a number")),
            "maxItems" => value.as_array().is_none_or(|a| a.len() as u64 <= rule.as_u64().expect("a number")),
            "items" => value.as_array().is_none_or(|a| a.iter().all(|v| fits(v, rule))),
            "required" => value.as_object().is_none_or(|o| rule.as_array().expect("names").iter().all(|n| o.contains_key(n.as_str().expect("a name")))),
            "properties" => value.as_object().is_none_or(|o| o.iter().all(|(name, v)| rule.get(name).is_none_or(|s| fits(v, s)))),
            "additionalProperties" => {
                assert_eq!(*rule, false);
                value.as_object().is_none_or(|o| o.keys().all(|name| schema["properties"].get(name).is_some()))
            }
            other => panic!("{other}"),
        })
    }

    fn file(text: &str) -> Value {
        json_of(&parse::file(text, "x").expect("TOML"))
    }

    #[test]
    fn sweep_files_fit_and_mistakes_do_not() {
        let schema: Value = serde_json::from_str(&sweep_schema()).expect("JSON");
        assert!(fits(&file(&sweep_toml(None)), &schema));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut tried = 0;
        for folder in std::fs::read_dir(root.join("experiments")).expect("experiments").flatten() {
            for path in std::fs::read_dir(folder.path()).into_iter().flatten().flatten().map(|e| e.path()) {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                if path.extension().is_some_and(|e| e == "toml") && crate::config::parse(&text, "x", &Default::default()).is_ok() {
                    assert!(fits(&file(&text), &schema), "{}", path.display());
                    tried += 1;
                }
            }
        }
        assert!(tried >= 3, "{tried} sweep files among the experiments");
        for bad in [
            "[crossbar]\nou_wordline = 9",
            "[crossbar]\nou_wordlines = 0",
            "[crossbar]\nou_wordlines = [9, \"all\"]",
            "[crossbar]\nou_wordlines = { from = 8, to = 64 }",
            "[device]\non_off_ratio = 1",
            "[device]\nprogramming_error = { law = \"lognormal\", sigma = 0.1 }",
            "[device]\nprogramming_error = \"lognormal\"",
            "[adc]\nrange = [1, 2, 3]",
            "[monte_carlo]\ntrials = [10, 20]",
            "[monte_carlo]\nantithetic = \"true\"",
            "[crosbar]\nrows = 128",
        ] {
            assert!(!fits(&file(bad), &schema), "{bad}");
        }
        for good in ["[adc]\nrange = [[-9, 9], [-4, 4]]\nbits = 4", "[crossbar]\nou_wordlines = { from = 8, to = 64, step = 8 }", "[device]\nprogramming_error = [{ law = \"none\" }, { law = \"lognormal\", sigma_ln = [0.1, 0.2] }]"] {
            assert!(fits(&file(good), &schema), "{good}");
        }
    }
}
