//! What becomes axis, line and figure.
//!
//! The axis is `ou_wordlines`, or, where it has one value, another parameter that varies. The lines of
//! a figure are the programming errors. Every other parameter that varies makes figures of its own,
//! unless axis and line determine it already (an ADC that grows with the wordlines, say).

use super::table::{Row, Table};
use crate::error::{Error, Result};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Columns that make the axis, best first, when they vary; then any other in the table's order.
const AXES: [&str; 4] = ["ou_wordlines", "sigma_ln", "sigma_rel", "adc_bits"];
/// Columns that tell the lines of a figure apart.
const LINES: [&str; 3] = ["programming_error_law", "sigma_ln", "sigma_rel"];

/// One figure, ready to be drawn; accuracies are fractions.
pub struct Figure {
    /// File name without its ending.
    pub name: String,
    /// Values of the parameters this figure alone has; empty if it is the only one.
    pub title: String,
    /// Network, images, chips.
    pub subtitle: String,
    /// Column on the axis.
    pub x_column: String,
    /// Its values in order, numbers first.
    pub x_values: Vec<String>,
    /// The lines.
    pub lines: Vec<Line>,
    /// Accuracy of the quantised network at each value of the axis that has a point.
    pub quantised: Vec<(usize, f64)>,
}

/// One line: a programming error.
pub struct Line {
    /// For the legend.
    pub label: String,
    /// In the order of the axis.
    pub points: Vec<Point>,
}

/// The chips of one point of the sweep.
pub struct Point {
    /// Index into [`Figure::x_values`].
    pub x: usize,
    /// Line of the table it is from.
    pub line: u64,
    /// Mean accuracy.
    pub mean: f64,
    /// 5th percentile.
    pub p5: f64,
    /// 95th percentile.
    pub p95: f64,
}

/// A field as a number, if it is one that has a place on an axis.
pub fn numeric(field: &str) -> Option<f64> {
    field.parse().ok().filter(|v: &f64| v.abs() <= 1e100)
}

/// The figures of a table, in the order of their first rows.
pub fn figures(table: &Table) -> Result<Vec<Figure>> {
    let x = axis(table);
    let line_columns: Vec<usize> = LINES.iter().filter_map(|n| table.column(n)).filter(|&c| c != x).collect();
    let mut place: Vec<usize> = line_columns.clone();
    place.push(x);
    // The seed is no parameter, but two seeds are two figures.
    let others: Vec<usize> = (table.parameters.start - 1..table.parameters.end)
        .filter(|c| !place.contains(c) && !determined(table, &place, *c))
        .collect();

    let x_order = Order::of(table, x);
    let line_orders: Vec<Order> = line_columns.iter().map(|&c| Order::of(table, c)).collect();
    let several_laws = Order::of(table, table.column(LINES[0]).unwrap_or(x)).0.len() > 1;
    let mut figures = Vec::new();
    for rows in groups(table.rows.iter(), &others) {
        let first = rows[0];
        let mut lines = groups(rows.iter().copied(), &line_columns);
        lines.sort_by(|a, b| {
            let ranks = line_columns.iter().zip(&line_orders);
            ranks.map(|(&c, o)| o.compare(&a[0].fields[c], &b[0].fields[c])).fold(Ordering::Equal, Ordering::then)
        });
        let mut x_values: Vec<String> = rows.iter().map(|r| r.fields[x].clone()).collect();
        x_values.sort_by(|a, b| x_order.compare(a, b));
        x_values.dedup();
        let at = |row: &Row| x_values.iter().position(|v| *v == row.fields[x]).unwrap_or(0);
        let mut quantised: Vec<(usize, f64)> = rows.iter().map(|r| (at(r), r.quantised)).collect();
        quantised.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        quantised.dedup();
        let lines = lines.iter().map(|rows| {
            let mut points: Vec<Point> =
                rows.iter().map(|r| Point { x: at(r), line: r.line, mean: r.mean, p5: r.p5, p95: r.p95 }).collect();
            points.sort_by_key(|p| p.x);
            if points.windows(2).any(|w| w[0].x == w[1].x) {
                return Err(twice(table, rows, x));
            }
            Ok(Line { label: label(table, rows[0], &line_columns, several_laws), points })
        });
        let own = |sep: &str, join: &str| {
            let of = |&c: &usize| format!("{}{sep}{}", table.header[c], short(&first.fields[c]));
            others.iter().map(of).collect::<Vec<_>>().join(join)
        };
        let mut name = format!("accuracy_vs_{}", table.header[x]);
        if !others.is_empty() {
            name = format!("{name}_{}", slug(&own("_", "_")));
        }
        figures.push(Figure {
            name,
            title: own(" ", ", "),
            subtitle: subtitle(table, &rows),
            x_column: table.header[x].clone(),
            lines: lines.collect::<Result<_>>()?,
            x_values,
            quantised,
        });
    }
    Ok(figures)
}

/// The column of the axis: the first that holds numbers and varies, else the first that varies, else
/// the wordlines.
fn axis(table: &Table) -> usize {
    let preferred = AXES.iter().filter_map(|n| table.column(n)).filter(|c| table.parameters.contains(c));
    let candidates: Vec<usize> = preferred.chain(table.parameters.clone()).collect();
    let measures = |&c: &usize| {
        let values = Order::of(table, c).0;
        // A field that only some rows have (a law's own sigma) cannot place the others.
        !values.contains(&"") && values.iter().filter(|v| numeric(v).is_some()).count() > 1
    };
    let varies = |c: &usize| Order::of(table, *c).0.len() > 1;
    let found = candidates.iter().copied().find(measures).or_else(|| table.parameters.clone().find(varies));
    found.unwrap_or(candidates[0])
}

/// Whether the columns `by` fix the value of `column` in every row.
fn determined(table: &Table, by: &[usize], column: usize) -> bool {
    let mut seen: HashMap<Vec<&str>, &str> = HashMap::new();
    table.rows.iter().all(|row| {
        let key = by.iter().map(|&c| row.fields[c].as_str()).collect();
        let value = row.fields[column].as_str();
        *seen.entry(key).or_insert(value) == value
    })
}

/// Rows with equal values in `columns`, in order of first appearance.
fn groups<'a>(rows: impl Iterator<Item = &'a Row>, columns: &[usize]) -> Vec<Vec<&'a Row>> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    let mut index: HashMap<Vec<&str>, usize> = HashMap::new();
    for row in rows {
        let key = columns.iter().map(|&c| row.fields[c].as_str()).collect();
        let i = *index.entry(key).or_insert(groups.len());
        if i == groups.len() {
            groups.push(Vec::new());
        }
        groups[i].push(row);
    }
    groups
}

/// The order of a column's distinct values: numbers by size, then words as they come in the file.
struct Order<'a>(Vec<&'a str>);

impl<'a> Order<'a> {
    fn of(table: &'a Table, column: usize) -> Self {
        let mut values: Vec<&str> = Vec::new();
        for row in &table.rows {
            if !values.contains(&row.fields[column].as_str()) {
                values.push(&row.fields[column]);
            }
        }
        values.sort_by(|a, b| match (numeric(a), numeric(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
        Order(values)
    }
    fn compare(&self, a: &str, b: &str) -> Ordering {
        let rank = |v: &str| self.0.iter().position(|known| *known == v);
        rank(a).cmp(&rank(b))
    }
}

/// Legend text of a programming error: `sigma_ln 0.1`, with its law where there are several.
fn label(table: &Table, row: &Row, columns: &[usize], several_laws: bool) -> String {
    let mut parts = Vec::new();
    let mut law = String::new();
    for &c in columns {
        let value = &row.fields[c];
        if table.header[c] == LINES[0] {
            law = if value == "none" { "no programming error".to_string() } else { value.clone() };
        } else if !value.is_empty() {
            parts.push(format!("{} {value}", table.header[c]));
        }
    }
    if parts.is_empty() || several_laws {
        parts.insert(0, law);
    }
    parts.retain(|p| !p.is_empty());
    if parts.is_empty() { "no sigma".to_string() } else { parts.join(", ") }
}

/// Network, images and chips of a figure, as far as its rows agree.
fn subtitle(table: &Table, rows: &[&Row]) -> String {
    let same = |name: &str| {
        let c = table.column(name)?;
        rows.iter().all(|r| r.fields[c] == rows[0].fields[c]).then(|| short(&rows[0].fields[c]))
    };
    let network = same("network").map(|n| format!("{n} network"));
    let images = same("images").map(|n| format!("{n} test images"));
    let chips = same("trials").map(|n| format!("mean of {n} chip{} per point", if n == "1" { "" } else { "s" }));
    [network, images, chips].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A value for people: the file's name without folder and ending where it is a path.
fn short(value: &str) -> String {
    match (value.contains('/'), std::path::Path::new(value).file_stem()) {
        (true, Some(stem)) => stem.to_string_lossy().into_owned(),
        _ => value.to_string(),
    }
}

/// Letters, digits, `_`, `.` and `-` stay; everything else becomes `-`.
fn slug(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '-' }).collect()
}

/// Two rows at one place of one line.
fn twice(table: &Table, rows: &[&Row], x: usize) -> Error {
    let mut seen: HashMap<&str, u64> = HashMap::new();
    let (mut first, mut second) = (0, 0);
    for row in rows {
        match seen.insert(&row.fields[x], row.line) {
            Some(line) if second == 0 => (first, second) = (line, row.line),
            _ => {}
        }
    }
    Error::input(
        format!("{}:{second}", table.path.display()),
        format!("the same parameters as in line {first}; a summary has one row per point"),
    )
    .hint("`bwq merge DIR` writes summary.csv afresh")
}
