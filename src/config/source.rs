//! Where a value was written, so that every message points at it.

use std::rc::Rc;

use crate::error::Error;

/// Longest piece of the user's text that a message repeats.
const SHOWN: usize = 100;

/// A text that values come from: a file, or an option of the command line.
#[derive(Debug)]
struct Source {
    /// The file's name, or the option as it was typed.
    place: String,
    /// The file's text; `None` for an option, whose place says it all.
    text: Option<String>,
    /// Whether it is a preset of the program.
    preset: bool,
}

/// A place in a source: what a message points at.
#[derive(Debug, Clone)]
pub struct At {
    source: Rc<Source>,
    /// Byte offset into the text; `None` = the source as a whole.
    offset: Option<usize>,
}

impl At {
    /// The file `place`, as a whole.
    pub fn file(place: &str, text: &str) -> At {
        At { source: Rc::new(Source { place: place.into(), text: Some(text.into()), preset: false }), offset: None }
    }

    /// The preset `place`, as a whole.
    pub fn preset(place: &str, text: &str) -> At {
        At { source: Rc::new(Source { place: place.into(), text: Some(text.into()), preset: true }), offset: None }
    }

    /// An option of the command line, as it was typed (`--set crossbar.rows=64`).
    pub fn option(typed: &str) -> At {
        At { source: Rc::new(Source { place: shown(typed), text: None, preset: false }), offset: None }
    }

    /// The byte `offset` of the same source.
    pub fn byte(&self, offset: usize) -> At {
        At { source: Rc::clone(&self.source), offset: Some(offset) }
    }

    /// Whether the value was given on the command line.
    pub fn is_option(&self) -> bool {
        self.source.text.is_none()
    }

    /// Whether the value is a preset's.
    pub fn is_preset(&self) -> bool {
        self.source.preset
    }

    /// What its source is called, and the line it points at; `None` for an option and for a source as a whole.
    pub fn line(&self) -> Option<(&str, &str)> {
        let (text, offset) = (self.source.text.as_deref()?, self.offset?);
        Some((&self.source.place, text.lines().nth(row(text, offset)).unwrap_or("")))
    }

    /// An error at this place, with its source line.
    pub fn error(&self, message: impl Into<String>) -> Error {
        let place = &self.source.place;
        let (Some(text), Some(offset)) = (&self.source.text, self.offset) else {
            return Error::input(place, message);
        };
        let row = row(text, offset);
        let line = text.lines().nth(row).unwrap_or("");
        Error::input(format!("{place}:{}", row + 1), message).snippet(format!(
            "  | {:>3} | {}",
            row + 1,
            shown(line)
        ))
    }
}

/// The row, from 0, of a byte of a text.
fn row(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count()
}

/// The user's text, fit for a message: one line, no control characters (they could drive the terminal), not too long.
pub fn shown(text: &str) -> String {
    let mut out: String =
        text.trim().chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        out.push_str(" ...");
    }
    out
}

/// The candidate that was probably meant, if one is near enough.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long name is no slip of the finger, and comparing it would take its time.
    if name.len() > 64 {
        return None;
    }
    let lower = name.to_lowercase().replace('-', "_");
    candidates
        .into_iter()
        .map(|c| (strsim::osa_distance(&lower, &c.to_lowercase().replace('-', "_")), c))
        .filter(|(distance, c)| *distance <= 1 + c.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// Words of the field for what goes by another word here, or by one that begins so.
const ALSO: &[(&str, &str)] = &[
    ("gaussian", "normal"), ("gauss", "normal"), ("program-verify", "write-verify"), ("measured", "table"), ("empirical", "table"), ("off", "none"),
    ("tensor", "per-layer"), ("per-tensor", "per-layer"), ("twos-complement", "offset"), ("delay", "latency"), ("power", "energy"),
];

/// The word or name that was probably meant: one of a near spelling, or the first that another word of the field, or a part of it
/// (`neurram`), stands for.
pub fn meant<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    /// A shorter part is found in too much.
    const LEAST_PART: usize = 3;
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    let also = ALSO.iter().find(|(typed, _)| *typed == word).map_or(word.as_str(), |(_, ours)| ours);
    let begins = |c: &&str| also.len() >= LEAST_PART && plain(c).starts_with(also);
    let in_another = |part: &str, whole: &str| part.len() >= LEAST_PART && whole.contains(part);
    let shares = |c: &&str| in_another(&word, &plain(c)) || in_another(&plain(c), &word);
    let find = |is: &dyn Fn(&&str) -> bool| candidates.clone().into_iter().find(is);
    nearest(&word, candidates.clone()).or_else(|| find(&begins)).or_else(|| find(&shares))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_line() {
        let file = At::file("sweep.toml", "[crossbar]\nrows = 0 \r\n");
        let error = file.byte(11).error("`crossbar.rows = 0` is outside 1 to 4096").to_string();
        assert_eq!(error, "sweep.toml:2: `crossbar.rows = 0` is outside 1 to 4096\n  |   2 | rows = 0");
        assert_eq!(file.error("is empty").to_string(), "sweep.toml: is empty");
        assert_eq!(file.byte(10_000).error("x").place.as_deref(), Some("sweep.toml:3"));
    }

    #[test]
    fn an_option_is_its_own_place() {
        let error = At::option("--set crossbar.rows=0").byte(3).error("no").to_string();
        assert_eq!(error, "--set crossbar.rows=0: no");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(shown("a\x1b[31mb"), "a [31mb");
        assert_eq!(shown(&"x".repeat(500)).len(), SHOWN + 4);
    }

    #[test]
    fn words_of_the_field_and_parts_of_names_are_understood() {
        let laws = ["none", "lognormal", "normal-proportional", "write-verify"];
        assert_eq!(meant("gaussian", laws), Some("normal-proportional"));
        assert_eq!(meant("Normal", laws), Some("normal-proportional"));
        assert_eq!(meant("lognromal", laws), Some("lognormal"));
        assert_eq!(meant("NeuRRAM", ["none", "neurram_nature_2022"]), Some("neurram_nature_2022"));
        assert_eq!(meant("minmax", ["mse", "max"]), Some("max"));
        assert_eq!(meant("banana", laws), None);
        assert_eq!(meant("no", laws), None);
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("ou_wordline", ["rows", "ou_wordlines"]), Some("ou_wordlines"));
        assert_eq!(nearest("per_layer", ["per-layer", "per-channel"]), Some("per-layer"));
        assert_eq!(nearest("banana", ["rows", "cols"]), None);
    }
}
