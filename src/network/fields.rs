//! The keys of one JSON object, taken one by one with their types; a key that nobody takes is refused, so that
//! nothing a file says is passed over in silence.

use serde_json::{Map, Value};

/// Largest count or size that a graph may state (stride, padding, channels ...).
const MAX_NUMBER: u64 = 1 << 20;

/// What is left of an object's keys.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn new(value: Value, what: &str) -> Result<Self, String> {
        match value {
            Value::Object(map) => Ok(Fields(map)),
            other => Err(format!("{what} must be an object, not {}", short(&other))),
        }
    }

    /// The value of `key`, if it is there and not null.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key).filter(|value| !value.is_null())
    }

    /// True if `key` is there and not null.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| !value.is_null())
    }

    fn need(&mut self, key: &str) -> Result<Value, String> {
        self.take(key).ok_or_else(|| format!("key `{key}` is missing"))
    }

    pub(super) fn object(&mut self, key: &str) -> Result<Fields, String> {
        Fields::new(self.need(key)?, &format!("`{key}`"))
    }

    pub(super) fn list(&mut self, key: &str) -> Result<Vec<Value>, String> {
        match self.need(key)? {
            Value::Array(list) => Ok(list),
            other => Err(format!("`{key}` must be a list, not {}", short(&other))),
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Result<String, String> {
        as_text(self.need(key)?, key)
    }

    /// A list of names; one name may stand without its brackets.
    pub(super) fn texts(&mut self, key: &str) -> Result<Vec<String>, String> {
        match self.need(key)? {
            Value::Array(list) => list.into_iter().map(|value| as_text(value, key)).collect(),
            one => Ok(vec![as_text(one, key)?]),
        }
    }

    /// A finite number.
    pub(super) fn real(&mut self, key: &str) -> Result<f64, String> {
        as_real(&self.need(key)?, key)
    }

    pub(super) fn reals(&mut self, key: &str) -> Result<Vec<f64>, String> {
        self.list(key)?.iter().map(|value| as_real(value, key)).collect()
    }

    pub(super) fn count(&mut self, key: &str) -> Result<usize, String> {
        as_count(&self.need(key)?, key)
    }

    pub(super) fn count_or(&mut self, key: &str, missing: usize) -> Result<usize, String> {
        self.take(key).map_or(Ok(missing), |value| as_count(&value, key))
    }

    pub(super) fn counts(&mut self, key: &str) -> Result<Vec<usize>, String> {
        self.list(key)?.iter().map(|value| as_count(value, key)).collect()
    }

    /// One number for both axes, or [vertical, horizontal]; `missing` where the key is absent.
    pub(super) fn pair(&mut self, key: &str, missing: Option<[usize; 2]>) -> Result<[usize; 2], String> {
        match (self.spread(key)?.as_deref(), missing) {
            (None, Some(missing)) => Ok(missing),
            (None, None) => Err(format!("key `{key}` is missing")),
            (Some([n]), _) => Ok([*n, *n]),
            (Some([v, h]), _) => Ok([*v, *h]),
            (Some(more), _) => Err(format!("`{key}` must be a number or [vertical, horizontal], not {more:?}")),
        }
    }

    /// [top, left, bottom, right], [vertical, horizontal] or one number; none where the key is absent.
    pub(super) fn pad(&mut self, key: &str) -> Result<[usize; 4], String> {
        match self.spread(key)?.as_deref() {
            None => Ok([0; 4]),
            Some([n]) => Ok([*n; 4]),
            Some([v, h]) => Ok([*v, *h, *v, *h]),
            Some([top, left, bottom, right]) => Ok([*top, *left, *bottom, *right]),
            Some(other) => Err(format!(
                "`{key}` must be a number, [vertical, horizontal] or [top, left, bottom, right], not {other:?}"
            )),
        }
    }

    fn spread(&mut self, key: &str) -> Result<Option<Vec<usize>>, String> {
        Ok(match self.take(key) {
            None => None,
            Some(Value::Array(list)) => Some(list.iter().map(|value| as_count(value, key)).collect::<Result<_, _>>()?),
            Some(one) => Some(vec![as_count(&one, key)?]),
        })
    }

    /// Refuses what was not taken.
    pub(super) fn finish(self, what: &str) -> Result<(), String> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(key) => Err(format!("{what} has no key `{}`", clipped(key))),
        }
    }
}

fn as_text(value: Value, key: &str) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("`{key}` must be text, not {}", short(&other))),
    }
}

fn as_real(value: &Value, key: &str) -> Result<f64, String> {
    let real = value.as_f64().filter(|real| real.is_finite());
    real.ok_or_else(|| format!("`{key}` must be a finite number, not {}", short(value)))
}

fn as_count(value: &Value, key: &str) -> Result<usize, String> {
    match value.as_u64() {
        Some(n) if n <= MAX_NUMBER => Ok(n as usize),
        _ => Err(format!("`{key}` must be a whole number from 0 to {MAX_NUMBER}, not {}", short(value))),
    }
}

fn short(value: &Value) -> String {
    clipped(&value.to_string())
}

/// The start of a text that a file may make as long as it likes.
pub(crate) fn clipped(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
