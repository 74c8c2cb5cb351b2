//! TOML text to a tree of values that know where they were written.
//!
//! Nothing here knows the keys, but for `--set`, which must find them; see `scalar` and `axes` for what a value may be.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Key, written};
use super::source::{At, nearest, shown};
use crate::error::Result;

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it was written.
    pub at: At,
}

/// A TOML value.
#[derive(Debug, Clone)]
pub enum Value {
    /// Integer.
    Int(i128),
    /// Float; may be infinite or not a number.
    Float(f64),
    /// String.
    Word(String),
    /// Boolean.
    Bool(bool),
    /// Array.
    List(Vec<Node>),
    /// Table, in the order of the text.
    Table(Vec<Entry>),
    /// What no key takes (a date, an integer of 40 digits), as it was written.
    Other(String),
}

/// An entry of a table.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key's name.
    pub name: String,
    /// Where the name was written.
    pub at: At,
    /// Its value.
    pub node: Node,
}

impl fmt::Display for Value {
    /// As TOML, on one line and not too long: for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(i) => write!(f, "{i}"),
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Word(w) => write!(f, "\"{}\"", shown(w)),
            Value::Bool(b) => write!(f, "{b}"),
            Value::List(items) if items.len() <= 4 => {
                write!(f, "[{}]", items.iter().map(|n| n.value.to_string()).collect::<Vec<_>>().join(", "))
            }
            Value::List(items) => write!(f, "[{}, ...]", items[0].value),
            Value::Table(_) => write!(f, "{{ ... }}"),
            Value::Other(text) => write!(f, "{}", shown(text)),
        }
    }
}

/// The tree of a file.
pub fn file(text: &str, place: &str) -> Result<Node> {
    tree(text, At::file(place, text))
}

/// The tree of a text that is `at` as a whole.
pub fn tree(text: &str, at: At) -> Result<Node> {
    match DeTable::parse(text) {
        Ok(table) => Ok(Node { value: Value::Table(entries(table.get_ref(), &at)), at }),
        Err(e) => {
            let at = e.span().map_or(at.clone(), |span| at.byte(span.start));
            Err(at.error(format!("not valid TOML: {}", shown(e.message()))))
        }
    }
}

fn entries(table: &DeTable<'_>, at: &At) -> Vec<Entry> {
    let mut in_order: Vec<_> = table.iter().collect();
    // toml sorts by name; a reader expects the first fault of the file first.
    in_order.sort_by_key(|(name, _)| name.span().start);
    in_order
        .into_iter()
        .map(|(name, value)| Entry {
            name: name.get_ref().to_string(),
            at: at.byte(name.span().start),
            node: node(value, at),
        })
        .collect()
}

fn node(spanned: &Spanned<DeValue<'_>>, at: &At) -> Node {
    let value = match spanned.get_ref() {
        DeValue::Integer(i) => i128::from_str_radix(i.as_str(), i.radix())
            .map_or_else(|_| Value::Other(i.to_string()), Value::Int),
        DeValue::Float(x) => x.as_str().parse().map_or_else(|_| Value::Other(x.to_string()), Value::Float),
        DeValue::String(s) => Value::Word(s.to_string()),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(item, at)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, at)),
        DeValue::Datetime(date) => Value::Other(date.to_string()),
    };
    Node { value, at: at.byte(spanned.span().start) }
}

/// A value in TOML syntax that was not written in a file; a bare word is a string.
pub fn value(text: &str, at: &At) -> Result<Node> {
    let text = text.trim();
    match DeValue::parse(text) {
        Ok(parsed) => Ok(node(&parsed, at)),
        Err(_) if is_bare(text) => Ok(Node { value: Value::Word(text.into()), at: at.clone() }),
        Err(_) if text.contains(',') && !text.contains(['[', '{', '"']) => {
            Err(at.error("a list stands in brackets").hint(format!("write [{}]", shown(text))))
        }
        Err(e) => Err(at.error(format!("not a value: {}", shown(e.message())))),
    }
}

/// Words and paths that need no quotes: no TOML value begins or goes on like them.
fn is_bare(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || "/.~_".contains(c))
        && text.chars().all(|c| c.is_alphanumeric() || "/.~_-+ :\\".contains(c))
}

impl Node {
    /// Puts the `key=value` of a `--set` into the tree of a sweep file, or of one with its keys.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        self.set_among(assignment, written())
    }

    /// The same for a file that may hold these keys.
    pub fn set_among<'a>(&mut self, assignment: &str, keys: impl Iterator<Item = &'a Key> + Clone) -> Result<()> {
        let at = At::option(&format!("--set {assignment}"));
        let Some((path, text)) = assignment.split_once('=') else {
            return Err(at.error("no `=` in it").hint("write --set key=value, as in --set crossbar.rows=64"));
        };
        let path = path.trim();
        let mut known = keys.map(|k| k.path);
        // A whole inline table may be set, a whole section not: that would silently drop its other keys.
        let whole = |k: &str| k == path || (path.contains('.') && k.starts_with(&format!("{path}.")));
        if !known.clone().any(whole) {
            let error = at.error(format!("unknown key `{}`", shown(path)));
            let end = format!(".{}", path.rsplit('.').next().unwrap_or(path));
            return Err(
                match nearest(path, known.clone()).or_else(|| known.find(|k| k.ends_with(&end))) {
                    Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                    None => error.hint("a key is its section, a dot and its name: crossbar.rows"),
                },
            );
        }
        let node = value(text, &at)?;
        self.put(path, node)
    }

    /// Whether something stands at `path`.
    pub fn has(&self, path: &str) -> bool {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let Value::Table(entries) = &self.value else { return false };
        entries.iter().find(|e| e.name == name).is_some_and(|e| rest.is_none_or(|rest| e.node.has(rest)))
    }

    /// Takes out what stands at `path`.
    pub fn take(&mut self, path: &str) -> Option<Node> {
        let Value::Table(entries) = &mut self.value else { return None };
        match path.split_once('.') {
            Some((name, rest)) => entries.iter_mut().find(|e| e.name == name)?.node.take(rest),
            None => entries.iter().position(|e| e.name == path).map(|i| entries.remove(i).node),
        }
    }

    /// Puts a value at a path of known keys, making the tables on the way.
    pub fn put(&mut self, path: &str, node: Node) -> Result<()> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let at = node.at.clone();
        let Value::Table(entries) = &mut self.value else {
            return Err(at
                .error(format!("`{}` of the file is no table to put `{name}` into", self.value))
                .hint(
                    "set the whole of it: --set 'device.programming_error={law=\"lognormal\", sigma_ln=0.1}'",
                ));
        };
        let index = entries.iter().position(|e| e.name == name).unwrap_or_else(|| {
            let empty = Node { value: Value::Table(Vec::new()), at: at.clone() };
            entries.push(Entry { name: name.into(), at: at.clone(), node: empty });
            entries.len() - 1
        });
        match rest {
            Some(rest) => entries[index].node.put(rest, node),
            None => {
                entries[index] = Entry { name: name.into(), at, node };
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax_errors_have_their_line() {
        let error = file("[crossbar]\nrows = = 4\n", "s.toml").map(|_| ()).expect_err("no TOML");
        assert_eq!(error.place.as_deref(), Some("s.toml:2"));
        assert!(error.snippet.is_some_and(|s| s.contains("rows = = 4")));
    }

    #[test]
    fn values_of_the_command_line_need_no_quotes() {
        let at = At::option("--set x");
        let text = |v: &str| value(v, &at).map(|n| n.value.to_string());
        for (given, seen) in [
            ("offset", "\"offset\""),
            ("\"offset\"", "\"offset\""),
            ("9", "9"),
            ("0.5", "0.5"),
            ("true", "true"),
            ("maps/a b.json", "\"maps/a b.json\""),
            ("[1, 2]", "[1, 2]"),
            ("1e999", "inf"),
            ("../m.json", "\"../m.json\""),
        ] {
            assert_eq!(text(given).ok().as_deref(), Some(seen), "{given}");
        }
        assert!(text("1,2").is_err_and(|e| e.hint.as_deref() == Some("write [1,2]")));
        assert!(text("[1").is_err() && text("").is_err() && text("a\nb").is_err());
    }

    #[test]
    fn set_replaces_adds_and_refuses() {
        let mut tree = file("[crossbar]\nrows = 128\n", "s.toml").expect("is TOML");
        tree.set("crossbar.rows = 64").expect("replaces");
        tree.set("device.programming_error.law=none").expect("adds");
        let hint = |tree: &mut Node, s: &str| tree.set(s).expect_err(s).hint.unwrap_or_default();
        assert_eq!(hint(&mut tree, "rows=64"), "did you mean `crossbar.rows`?");
        assert_eq!(hint(&mut tree, "crossbar.row=64"), "did you mean `crossbar.rows`?");
        assert!(hint(&mut tree, "crossbar.rows").contains("key=value"));
        assert!(tree.set("=1").is_err() && tree.set("").is_err());
    }
}
