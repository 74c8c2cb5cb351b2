//! One result, many views: CSV tables ([`tables`]), provenance ([`provenance`]), figures ([`plot`]).
//!
//! To add a table: a file with its columns and rows, a line in [`TABLES`]; the data dictionary follows by itself.

pub mod explain;
mod layers;
pub mod plot;
pub mod provenance;
mod summary;
mod trials;

use crate::error::{Error, Result};
use crate::sweep::atomic;
use crate::sweep::merge::{Merged, PointResult};
use std::path::{Path, PathBuf};

/// A column of a table. Its unit stands in its name.
pub struct Column {
    /// Name; columns are only ever appended.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// A CSV table of a merged sweep.
pub struct Table {
    /// File name.
    pub file: &'static str,
    /// What a row is.
    pub row: &'static str,
    /// Columns after the parameters.
    pub columns: &'static [Column],
    /// Values of those columns, row by row.
    pub rows: fn(&PointResult) -> Vec<Vec<String>>,
}

/// All tables.
pub const TABLES: &[Table] = &[summary::TABLE, trials::TABLE, layers::TABLE];

/// The first columns of every table.
const COMMON: &[Column] = &[
    Column { name: "tool_version", meaning: "version of the program" },
    Column { name: "config_hash", meaning: "hash of the point: its values, and the contents of network, data and precision map" },
    Column { name: "seed", meaning: "seed of everything random" },
];

/// Writes all tables, each with its provenance, into the results folder; returns the files.
pub fn write_tables(out: &Path, merged: &Merged) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let provenance = provenance::text(out, merged)?;
    for table in TABLES {
        let path = out.join(table.file);
        atomic::write(&path, &csv_text(table, &merged.points)?)?;
        let beside = path.with_extension("provenance.json");
        atomic::write(&beside, provenance.as_bytes())?;
        files.extend([path, beside]);
    }
    Ok(files)
}

fn csv_text(table: &Table, points: &[PointResult]) -> Result<Vec<u8>> {
    let failed = |e: csv::Error| Error::internal(format!("{} cannot be written: {e}", table.file));
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    let parameters = points.first().map_or(&[][..], |p| &p.point.columns).iter().map(|c| c.0.as_str());
    let header: Vec<&str> = COMMON.iter().map(|c| c.name).chain(parameters).chain(table.columns.iter().map(|c| c.name)).collect();
    writer.write_record(&header).map_err(failed)?;
    for point in points {
        let p = &point.point;
        for row in (table.rows)(point) {
            let common = [env!("CARGO_PKG_VERSION").to_string(), p.short().to_string(), p.seed.to_string()];
            let record = common.into_iter().chain(p.columns.iter().map(|c| c.1.clone())).chain(row);
            writer.write_record(record).map_err(failed)?;
        }
    }
    writer.into_inner().map_err(|e| Error::internal(e.to_string()))
}

/// A share of a whole as text; empty if the whole is nothing.
fn frac(part: u64, whole: u64) -> String {
    if whole == 0 { String::new() } else { crate::stats::number(part as f64 / whole as f64) }
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
    for table in TABLES {
        text += &format!("\n## `{}`\n\nOne row per {}. After the columns above:\n\n| column | meaning |\n|---|---|\n", table.file, table.row);
        table.columns.iter().for_each(|c| text += &line(c.name, c.meaning));
    }
    for (file, row, columns) in [("explain.csv", "point and cause", explain::CAUSES), ("explain_layers.csv", "point, layer and cause", explain::LAYERS)] {
        text += &format!("\n## `{file}`\n\nWritten by `bwq explain`. One row per {row}:\n\n| column | meaning |\n|---|---|\n");
        columns.iter().for_each(|c| text += &line(c.name, c.meaning));
    }
    text
}
