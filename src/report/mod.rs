//! One result, many views: CSV tables, provenance ([`provenance`]), figures ([`plot`]), a page with all of them ([`page`]).
//!
//! To add a table: a file with its columns and rows, a line in [`TABLES`]; the data dictionary follows by itself.

mod check;
pub mod cost;
pub mod cost_comparison;
mod differences;
pub mod explain;
mod layers;
pub mod page;
pub mod pareto;
pub mod plot;
pub mod provenance;
pub mod search;
mod summary;
pub mod training;
mod trials;

use crate::error::{Error, Result};
use crate::stats::{Interval, number};
use crate::sweep::atomic;
use crate::sweep::check::{Checked, PointCheck};
use crate::sweep::manifest::{Manifest, ManifestPoint};
use crate::sweep::merge::{Merged, PointResult};
use std::path::{Path, PathBuf};

/// A column of a table. Its unit stands in its name.
pub struct Column {
    /// Name; columns are only ever appended.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// A CSV table of results `R`, one of each point.
pub struct Table<R> {
    /// File name.
    pub file: &'static str,
    /// What a row is.
    pub row: &'static str,
    /// Columns after the parameters.
    pub columns: &'static [Column],
    /// Rows of all points.
    pub rows: fn(&[R]) -> Vec<Row>,
}

/// A row of a table.
pub struct Row {
    /// The result whose point's parameters stand in front.
    pub of: usize,
    /// Values of the table's columns.
    pub values: Vec<String>,
}

/// What a table is made of: a point's result.
pub trait OfPoint {
    /// The point.
    fn point(&self) -> &ManifestPoint;
}

impl OfPoint for PointResult {
    fn point(&self) -> &ManifestPoint {
        &self.point
    }
}

impl OfPoint for PointCheck {
    fn point(&self) -> &ManifestPoint {
        &self.point
    }
}

/// What the first columns of a table's rows are made of.
pub trait Leading {
    /// Names and values of the first columns.
    fn leading(&self) -> Vec<(String, String)>;
}

impl<R: OfPoint> Leading for R {
    fn leading(&self) -> Vec<(String, String)> {
        let p = self.point();
        let common = [env!("CARGO_PKG_VERSION").to_string(), p.short().to_string(), p.seed.to_string()];
        COMMON.iter().map(|c| c.name.to_string()).zip(common).chain(p.columns.iter().cloned()).collect()
    }
}

/// Rows that each result gives on its own.
fn each<R>(results: &[R], rows: impl Fn(&R) -> Vec<Vec<String>>) -> Vec<Row> {
    results.iter().enumerate().flat_map(|(of, r)| rows(r).into_iter().map(move |values| Row { of, values })).collect()
}

/// All tables of a merged sweep.
pub const TABLES: &[Table<PointResult>] = &[summary::TABLE, trials::TABLE, layers::TABLE, differences::TABLE];

/// The table of `bwq check`.
pub const CHECK: Table<PointCheck> = check::TABLE;

/// The first columns of every table.
const COMMON: &[Column] = &[
    Column { name: "tool_version", meaning: "version of the program" },
    Column { name: "config_hash", meaning: "hash of the point: its values, and the contents of network, data and precision map" },
    Column { name: "seed", meaning: "seed of everything random" },
];

/// Writes all tables, each with its provenance, into the results folder; returns the files.
pub fn write_tables(out: &Path, merged: &Merged) -> Result<Vec<PathBuf>> {
    let manifest = Manifest::read(out)?;
    let points: Vec<&ManifestPoint> = manifest.points.iter().collect();
    let provenance = provenance::text(out, &points, &merged.engines, merged.missing)?;
    let mut files = Vec::new();
    for table in TABLES {
        files.extend(write_table(out, table, &merged.points, &provenance)?);
    }
    Ok(files)
}

/// Writes the table of a check with its provenance; returns the files.
pub fn write_check(out: &Path, checked: &Checked) -> Result<[PathBuf; 2]> {
    let points = checked.points();
    let of: Vec<&ManifestPoint> = points.iter().map(|p| &p.point).collect();
    write_table(out, &CHECK, &points, &provenance::text(out, &of, &checked.engines, 0)?)
}

fn write_table<R: Leading>(out: &Path, table: &Table<R>, results: &[R], provenance: &str) -> Result<[PathBuf; 2]> {
    let path = out.join(table.file);
    atomic::write(&path, &csv_text(table, results)?)?;
    let beside = path.with_extension("provenance.json");
    atomic::write(&beside, provenance.as_bytes())?;
    Ok([path, beside])
}

fn csv_text<R: Leading>(table: &Table<R>, results: &[R]) -> Result<Vec<u8>> {
    let failed = |e: csv::Error| Error::internal(format!("{} cannot be written: {e}", table.file));
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    let common = || COMMON.iter().map(|c| c.name.to_string()).collect();
    let first: Vec<String> = results.first().map_or_else(common, |r| r.leading().into_iter().map(|c| c.0).collect());
    writer.write_record(first.iter().map(String::as_str).chain(table.columns.iter().map(|c| c.name))).map_err(failed)?;
    for row in (table.rows)(results) {
        writer.write_record(results[row.of].leading().into_iter().map(|c| c.1).chain(row.values)).map_err(failed)?;
    }
    writer.into_inner().map_err(|e| Error::internal(e.to_string()))
}

/// Both ends of an interval as text; empty where there is none.
fn ends(interval: Option<Interval>) -> [String; 2] {
    interval.map_or_else(Default::default, |i| [number(i.lo), number(i.hi)])
}

/// A share of a whole as text; empty if the whole is nothing.
fn frac<N: Into<u128>>(part: N, whole: N) -> String {
    let [part, whole]: [u128; 2] = [part.into(), whole.into()];
    if whole == 0 { String::new() } else { number(part as f64 / whole as f64) }
}

/// What a table looks like, whatever it is made of.
struct Form {
    file: &'static str,
    row: &'static str,
    /// Name of its very first column.
    first: &'static str,
    columns: &'static [Column],
}

impl Form {
    const fn of<R>(table: &Table<R>) -> Self {
        Form { file: table.file, row: table.row, first: COMMON[0].name, columns: table.columns }
    }
}

/// Tables of a training.
const FORMS_OF_TRAINING: [Form; 2] = [
    Form { file: training::CURVE_FILE, row: "epoch", first: training::CURVE[0].name, columns: training::CURVE },
    Form { file: training::LAYERS_FILE, row: "layer of the network kept", first: training::LAYERS[0].name, columns: training::LAYERS },
];

/// Tables whose rows start with a point's parameters, in the order of the dictionary.
fn forms_of_points() -> impl Iterator<Item = Form> {
    let sweep = TABLES.iter().map(Form::of).chain([Form::of(&CHECK), Form::of(&explain::CAUSES), Form::of(&explain::LAYERS)]);
    sweep.chain([Form::of(&pareto::POINTS), Form::of(&pareto::SETS), Form::of(&search::TRIED), Form::of(&search::LAYERS)])
}

/// Tables of `bwq cost`.
fn forms_of_cost() -> impl Iterator<Item = Form> {
    cost::TABLES.iter().map(Form::of).chain([Form::of(&cost_comparison::TABLE), Form::of(&cost_comparison::MEANS)])
}

/// The data dictionary: every table, every column.
pub fn dictionary() -> String {
    let mut text = String::from(
        "# Tables\n\nGenerated from the program's own column lists; a test keeps it fresh. Fractions are 0 to 1; an empty field is a missing value; lines end in LF; floats are the shortest that read back to the same number. Columns are only ever appended.\n\nEvery table starts with the columns\n\n| column | meaning |\n|---|---|\n",
    );
    let line = |name: &str, meaning: &str| format!("| `{name}` | {meaning} |\n");
    COMMON.iter().for_each(|c| text += &line(c.name, c.meaning));
    for key in crate::config::keys::KEYS.iter().filter(|k| k.column != "trials" && k.column != "seed") {
        text += &line(key.column, &format!("`{}`: {}", key.path, key.meaning));
    }
    for Form { file, row, columns, .. } in forms_of_points() {
        text += &format!("\n## `{file}`\n\nOne row per {row}. After the columns above:\n\n| column | meaning |\n|---|---|\n");
        columns.iter().for_each(|c| text += &line(c.name, c.meaning));
    }
    text += "\n## Tables of `bwq cost`\n\nThey start with `tool_version`, `config_hash` (of settings, layers and bits), `network`, `design`, and the settings of docs/cost.md that the design has, by their keys.\n";
    for table in cost::TABLES.iter().chain([&cost_comparison::TABLE]) {
        text += &format!("\n## `{}`\n\nOne row per {}. After those columns:\n\n| column | meaning |\n|---|---|\n", table.file, table.row);
        table.columns.iter().for_each(|c| text += &line(c.name, c.meaning));
    }
    let means = &cost_comparison::MEANS;
    text += &format!(
        "\n## `{}`\n\nOne row per {}. It starts with `tool_version`, `baseline` (the first design), `design`, `bit_planes` (of the design), `copies` (of layers: `yes` or `none`) and `components`. After those:\n\n| column | meaning |\n|---|---|\n",
        means.file, means.row,
    );
    means.columns.iter().for_each(|c| text += &line(c.name, c.meaning));
    text
}
