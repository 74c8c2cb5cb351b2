//! One value against its key: type, range, words. Every refusal names the value, what is allowed and the likely slip.

use std::fmt;

use super::key::one_of;
use super::keys::{A_NUMBER, Interval, Key, Kind};
use super::parse::{Node, Value};
use super::source::{At, meant};
use crate::error::{Error, Result};

/// A value that its key allows.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Of an integer key.
    Int(u64),
    /// Of a number key; finite.
    Num(f64),
    /// A word or path.
    Word(String),
    /// true or false.
    Bool(bool),
    /// `[lo, hi]`, lo < hi.
    Pair(f64, f64),
}

impl fmt::Display for Scalar {
    /// As in the CSV and in the text that is hashed: shortest round-trip numbers, words without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Int(i) => write!(f, "{i}"),
            Scalar::Num(x) => write!(f, "{x}"),
            Scalar::Word(w) => write!(f, "{w}"),
            Scalar::Bool(b) => write!(f, "{b}"),
            Scalar::Pair(lo, hi) => write!(f, "{lo}..{hi}"),
        }
    }
}

impl Scalar {
    /// As in the file.
    pub fn as_toml(&self) -> String {
        match self {
            Scalar::Word(word) => format!("\"{word}\""),
            Scalar::Pair(lo, hi) => format!("[{lo}, {hi}]"),
            other => other.to_string(),
        }
    }
}

/// The value of `key` that `node` holds.
pub fn read(key: &Key, node: &Node) -> Result<Scalar> {
    match (key.kind, &node.value) {
        (_, Value::Word(word)) => read_word(key, node, word),
        (Kind::Integer { min, max, .. }, Value::Int(i)) => match u64::try_from(*i) {
            Ok(i) if (min..=max).contains(&i) => Ok(Scalar::Int(i)),
            _ => Err(outside(key, node)),
        },
        (Kind::Integer { .. }, Value::Float(x)) => {
            let error = refused(key, node, "is not a whole number");
            Err(if x.fract() == 0.0 && x.abs() < 1e15 {
                error.hint(format!("write {x}, without the point"))
            } else {
                slip(error, key)
            })
        }
        (Kind::Number { interval, .. }, Value::Int(_) | Value::Float(_)) => {
            number(key, node, interval, node).map(Scalar::Num)
        }
        (Kind::Pair { interval, .. }, Value::List(items)) => match items.as_slice() {
            [lo, hi] => {
                let (lo, hi) = (number(key, node, interval, lo)?, number(key, node, interval, hi)?);
                if lo < hi {
                    Ok(Scalar::Pair(lo, hi))
                } else {
                    Err(slip(refused(key, node, "has no lo < hi"), key))
                }
            }
            _ => Err(slip(refused(key, node, "is no pair [lo, hi]"), key)),
        },
        (Kind::Bool, Value::Bool(b)) => Ok(Scalar::Bool(*b)),
        _ => {
            let error = refused(key, node, &format!("is not {}", key.allowed()));
            let wants_text = matches!(key.kind, Kind::Words { .. } | Kind::Path { .. });
            Err(if wants_text && !matches!(node.value, Value::List(_) | Value::Table(_)) {
                error.hint("words and paths stand in quotes")
            } else {
                slip(error, key)
            })
        }
    }
}

fn read_word(key: &Key, node: &Node, word: &str) -> Result<Scalar> {
    let words = match key.kind {
        Kind::Words { words } => words,
        Kind::Path { .. } if word.trim().is_empty() => {
            return Err(refused(key, node, "is empty; wanted is a path"));
        }
        Kind::Path { .. } if word.contains(char::is_control) => {
            return Err(refused(key, node, "holds a control character")
                .hint("use / in paths, or single quotes around \\"));
        }
        Kind::Path { .. } => return Ok(Scalar::Word(word.into())),
        Kind::Integer { words, .. } | Kind::Number { words, .. } | Kind::Pair { words, .. } => words,
        Kind::Bool => &[],
    };
    if words.contains(&word) {
        return Ok(Scalar::Word(word.into()));
    }
    let error = refused(key, node, &format!("is not {}", key.allowed()));
    let quoted_value = matches!(key.kind, Kind::Integer { .. } | Kind::Number { .. })
        && word.trim().parse::<f64>().is_ok()
        || key.kind == Kind::Bool && matches!(word, "true" | "false");
    Err(match meant(word, words.iter().copied()) {
        Some(other) => error.hint(format!("did you mean \"{other}\"?")),
        None if quoted_value => error.hint(format!("write {} without quotes", word.trim())),
        None => slip(error, key),
    })
}

/// A number of `key`: `part` is the number, `node` the whole value, which messages show.
fn number(key: &Key, node: &Node, interval: Interval, part: &Node) -> Result<f64> {
    let x = match part.value {
        Value::Int(i) => i as f64,
        Value::Float(x) if x.is_nan() => return Err(slip(refused(key, node, "is not a number"), key)),
        Value::Float(x) => x,
        _ => return Err(slip(refused(key, node, &format!("is not {}", key.allowed())), key)),
    };
    let above = x > interval.min || x == interval.min && !interval.above_min;
    let below = x < interval.max || x == interval.max && !interval.below_max;
    if above && below {
        // -0.0 would be another text, so another hash, for the same value.
        return Ok(x + 0.0);
    }
    if key.unit == "fraction" && x >= interval.max && x <= 100.0 {
        let (x, times, part) = (decimal(x), decimal(x * 100.0), decimal(x / 100.0));
        return Err(outside_error(key, node)
            .hint(format!("{} is a fraction: {x} means {times} %; {x} % is {part}", key.name())));
    }
    Err(outside(key, node))
}

/// A decimal for a hint, without the noise of binary fractions.
fn decimal(x: f64) -> String {
    let text = format!("{x:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn outside(key: &Key, node: &Node) -> Error {
    slip(outside_error(key, node), key)
}

fn outside_error(key: &Key, node: &Node) -> Error {
    // "outside 0 to 2" reads well, "outside 1 to 14 or \"ideal\"" does not.
    let numbers_only = matches!(key.kind, Kind::Integer { words: [], .. } | Kind::Number { words: [], .. });
    let why = if numbers_only { "is outside" } else { "is not" };
    refused(key, node, &format!("{why} {}", key.allowed()))
}

/// "`path = value` why", at the value's place.
pub fn refused(key: &Key, node: &Node, why: &str) -> Error {
    node.at.error(format!("`{} = {}` {why}", key.path, node.value))
}

fn slip(error: Error, key: &Key) -> Error {
    if key.slip.is_empty() { error } else { error.hint(key.slip) }
}

/// The hint for a key that is used but not given: an example of it.
pub fn missing(key: &Key, because: &str, at: &At) -> Error {
    at.error(format!("{because} needs `{}`: {}", key.name(), key.allowed())).hint(format!(
        "{}; add it, as in {} = 0.1",
        key.meaning,
        key.name()
    ))
}

/// "sigma_ln, clip" or so, for messages about what goes together.
pub fn values_in_words(values: &[&str]) -> String {
    let quoted: Vec<&str> = values.iter().copied().filter(|v| *v != A_NUMBER).collect();
    one_of((quoted.len() < values.len()).then(|| A_NUMBER.to_string()), &quoted)
}

#[cfg(test)]
mod tests {
    use super::super::keys::find;
    use super::super::parse;
    use super::*;

    fn read_text(path: &str, text: &str) -> Result<Scalar> {
        let key = find(path).expect(path);
        read(key, &parse::value(text, &At::option(path))?)
    }

    fn message(path: &str, text: &str) -> String {
        read_text(path, text).expect_err(text).to_string()
    }

    #[test]
    fn good_values_are_taken() {
        for (path, text, scalar) in [
            ("crossbar.ou_wordlines", "9", Scalar::Int(9)),
            ("crossbar.ou_wordlines", "0x10", Scalar::Int(16)),
            ("adc.bits", "ideal", Scalar::Word("ideal".into())),
            ("adc.range", "[-9, 9.5]", Scalar::Pair(-9.0, 9.5)),
            ("device.on_off_ratio", "100", Scalar::Num(100.0)),
            ("device.on_off_ratio", "infinite", Scalar::Word("infinite".into())),
            ("device.programming_error.clip", "true", Scalar::Bool(true)),
            ("network.model", "nets/a.json", Scalar::Word("nets/a.json".into())),
            ("monte_carlo.seed", "18446744073709551615", Scalar::Int(u64::MAX)),
        ] {
            assert_eq!(read_text(path, text).ok(), Some(scalar), "{path} = {text}");
        }
        assert!(read_text("device.programming_error.sigma_ln", "-0.0").is_ok_and(|s| s.to_string() == "0"));
    }

    #[test]
    fn five_means_500_percent() {
        let error = message("device.programming_error.sigma_rel", "5");
        assert!(
            error.contains("`device.programming_error.sigma_rel = 5` is outside 0 to 1 (fraction)"),
            "{error}"
        );
        assert!(error.contains("hint: sigma_rel is a fraction: 5 means 500 %; 5 % is 0.05"), "{error}");
        assert!(
            message("device.programming_error.sigma_ln", "14.3")
                .contains("14.3 means 1430 %; 14.3 % is 0.143")
        );
        assert!(message("monte_carlo.max_drop", "1").contains("1 means 100 %; 1 % is 0.01"));
    }

    #[test]
    fn refusals_say_what_is_meant() {
        for (path, text, part) in [
            ("crossbar.ou_wordlines", "9.0", "write 9, without the point"),
            ("crossbar.ou_wordlines", "9.5", "is not a whole number"),
            ("crossbar.ou_wordlines", "0", "outside 1 to 1024 (wordlines)"),
            ("crossbar.ou_wordlines", "-3", "outside 1 to 1024"),
            ("crossbar.ou_wordlines", "99999999999999999999999999999999999999999999", "is not 1 to 1024"),
            ("crossbar.rows", "\"128\"", "write 128 without quotes"),
            ("crossbar.encoding", "ofset", "did you mean \"offset\"?"),
            ("crossbar.encoding", "1", "words and paths stand in quotes"),
            ("quantization.weight_scale", "per_channel", "did you mean \"per-channel\"?"),
            ("adc.bits", "0", "\"ideal\""),
            ("adc.bits", "losless", "did you mean \"lossless\"?"),
            ("device.programming_error.law", "gaussian", "did you mean \"normal-proportional\"?"),
            ("adc.range", "[2, 1]", "has no lo < hi"),
            ("adc.range", "[1, 2, 3]", "is no pair"),
            ("adc.range", "[nan, 1]", "is not a number"),
            ("device.on_off_ratio", "0", "\"infinite\""),
            ("device.on_off_ratio", "inf", "is not above 1 to 1e12 or \"infinite\""),
            ("device.on_off_ratio", "nan", "is not a number"),
            ("device.g_on_siemens", "100", "10 kOhm = 100 uS is 1e-4"),
            ("device.programming_error.clip", "\"true\"", "write true without quotes"),
            ("network.model", "\"\"", "is empty"),
            ("network.images", "1979-05-27", "is not 1 to 10000000"),
        ] {
            let error = message(path, text);
            assert!(error.contains(part), "{path} = {text}: {error}");
        }
    }
}
