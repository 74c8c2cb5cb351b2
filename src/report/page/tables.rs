//! The tables. What is the same in all rows is said once; what is left is cut into parts that fit a page, each led by the columns
//! that say which row it is.

use super::folder::{Csv, Folder};
use super::html::{Head, cut_on_paper, folded, paragraph, table};
use super::numbers::{percent, short, with_ends};
use crate::error::Result;

/// Rows of a table that are shown.
const MOST_ROWS: usize = 200;
/// Columns of a part.
const PART: usize = 9;

/// All tables, the results of a sweep first.
pub fn of(folder: &Folder) -> Result<String> {
    let mut text = String::new();
    if let Some(summary) = folder.table("summary.csv") {
        text += &results(summary);
    }
    for t in &folder.tables {
        let parts = parts(t);
        let rows = if t.rows.len() == 1 { "1 row".into() } else { format!("{} rows", t.rows.len()) };
        let open = t.file == folder.tables[0].file && t.file != "summary.csv";
        text += &if open { format!("<h3>{}</h3>\n{parts}", t.file) } else { folded(&format!("{}: {rows}", t.file), &(parts + &cut_on_paper(t.rows.len(), t.file))) };
    }
    Ok(text)
}

/// What most readers want of `summary.csv`.
fn results(t: &Csv) -> String {
    let mut axes = t.axes();
    if axes.is_empty() {
        axes.extend(t.column("ou_wordlines"));
    }
    let names = ["chips", "mean accuracy (95 %)", "5th percentile %", "median %", "95th percentile %", "sd %", "without random errors %", "yield (95 %)"];
    let heads: Vec<Head> = axes.iter().map(|&c| Head { name: t.header[c].clone(), meaning: t.meaning(c).into() }).chain(names.map(Head::plain)).collect();
    let row = |r: &Vec<String>| {
        let share = |name| t.number(r, name).map(percent).unwrap_or_default();
        let interval = |name, lo, hi| t.number(r, name).map(|v| with_ends(v, t.ends(r, lo, hi))).unwrap_or_default();
        let mut cells: Vec<String> = axes.iter().map(|&c| r[c].clone()).collect();
        cells.push(t.own(r, "trials").to_string());
        cells.push(interval("accuracy_mean_frac", "accuracy_mean_lo95_frac", "accuracy_mean_hi95_frac"));
        cells.extend(["accuracy_p5_frac", "accuracy_p50_frac", "accuracy_p95_frac", "accuracy_sd_frac", "nominal_crossbar_accuracy_frac"].map(share));
        cells.push(interval("yield_frac", "yield_lo95_frac", "yield_hi95_frac"));
        cells
    };
    table("Accuracy over chips, in percent of the test images; brackets: 95 % intervals.", &heads, &t.rows.iter().take(MOST_ROWS).map(row).collect::<Vec<_>>()) + &rest(t)
}

/// A whole table.
fn parts(t: &Csv) -> String {
    let Some(first) = t.rows.first() else { return paragraph("no row") };
    let axes = t.axes();
    let own = t.first_own..t.header.len();
    let (constant, varying): (Vec<usize>, Vec<usize>) = own.partition(|&c| !t.varies(c) && t.rows.len() > 1);
    // Words that lead a row (a layer, a cause) say which it is, like the axes.
    let is_word = |c: &usize| t.rows.iter().any(|r| !r[*c].is_empty() && r[*c].parse::<f64>().is_err());
    let words = varying.iter().take_while(|c| is_word(c)).take(3).count();
    let (leading, rest_of) = varying.split_at(words);
    let key: Vec<usize> = axes.iter().chain(leading).copied().collect();
    let mut text = paragraph(&format!("One row per {}.", t.row));
    let size = PART.saturating_sub(key.len()).max(4);
    let chunks: Vec<&[usize]> = if rest_of.is_empty() { vec![rest_of] } else { rest_of.chunks(size).collect() };
    for (i, chunk) in chunks.iter().enumerate() {
        let columns: Vec<usize> = key.iter().chain(*chunk).copied().collect();
        let heads: Vec<Head> = columns.iter().map(|&c| Head { name: t.header[c].clone(), meaning: t.meaning(c).into() }).collect();
        let rows: Vec<Vec<String>> = t.rows.iter().take(MOST_ROWS).map(|r| columns.iter().map(|&c| short(&r[c])).collect()).collect();
        let which = if chunks.len() > 1 { format!(" (columns, part {} of {})", i + 1, chunks.len()) } else { String::new() };
        text += &table(&format!("{}{which}", t.file), &heads, &rows);
    }
    let said: Vec<String> = constant.iter().map(|&c| format!("{} {}", t.header[c], if first[c].is_empty() { "empty".into() } else { short(&first[c]) })).collect();
    if !said.is_empty() {
        text += &paragraph(&format!("The same in every row: {}.", said.join(", ")));
    }
    text + &rest(t)
}

/// Says what is not shown.
fn rest(t: &Csv) -> String {
    let more = t.rows.len().saturating_sub(MOST_ROWS);
    if more == 0 { String::new() } else { paragraph(&format!("The first {MOST_ROWS} rows; {more} more are in {}.", t.file)) }
}
