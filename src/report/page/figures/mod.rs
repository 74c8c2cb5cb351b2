//! Which figures a folder has, a file for each kind of result.
//!
//! To add a figure: a function from the folder to [`Chart`]s, and its place in [`KINDS`].

mod check;
mod cost;
mod explain;
mod pareto;
mod search;
mod sweep;
mod training;

use super::chart::Chart;
use super::folder::Folder;
use crate::error::Result;

/// The figures of one kind of result.
type Kind = fn(&Folder) -> Result<Vec<Chart>>;

/// In the order of the page; each has none where the folder has no table of its kind.
const KINDS: &[Kind] = &[sweep::of, check::of, explain::of, pareto::of, search::of, training::of, cost::of];

/// All figures of a folder.
pub fn of(folder: &Folder) -> Result<String> {
    let mut charts = Vec::new();
    for kind in KINDS {
        charts.extend(kind(folder)?);
    }
    if charts.is_empty() {
        return Ok(String::new());
    }
    let hint = "<p class=\"hint\">Point at a mark, or go to a figure with the Tab key and through its marks with the arrow keys: it says its value, its interval and the number of chips.</p>\n";
    Ok(format!("{hint}<div class=\"charts\">\n{}</div>\n", charts.iter().map(Chart::html).collect::<String>()))
}
