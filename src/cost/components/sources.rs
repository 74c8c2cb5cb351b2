//! What stands behind a figure: the comment on its line, in the file it is written in.

use crate::config::source::At;

/// A figure with its source.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Line {
    /// The set, or the user's own file, that the figure is written in.
    pub set: String,
    /// Section and key.
    pub path: String,
    /// The value, as TOML; `[` where a list goes on below.
    pub value: String,
    /// The source, or "assumed: why"; empty where a user's own file says nothing.
    pub source: String,
}

impl Line {
    /// The line of the value that stands `at`.
    pub fn of(path: String, at: &At) -> Line {
        let (set, line) = at.line().unwrap_or_default();
        let (figure, source) = line.split_once('#').unwrap_or((line, ""));
        let value = figure.split_once('=').map_or(figure, |(_, value)| value);
        Line { set: set.trim_start_matches("component set ").into(), path, value: value.trim().into(), source: source.trim().into() }
    }
}
