//! What lies in a results folder: tables, their provenance, pictures.

use super::super::plot::table as plotted;
use super::super::{COMMON, Column, FORMS_OF_TRAINING, Form, forms_of_cost, forms_of_points, training};
use crate::config::keys::KEYS;
use crate::error::{Error, Result};
use crate::sweep::manifest::Manifest;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Bytes of the largest file that is read.
const MOST_BYTES: u64 = 512 << 20;

/// A table as it stands in its file.
pub struct Csv {
    /// File name.
    pub file: &'static str,
    /// What a row is.
    pub row: &'static str,
    /// Columns of its own, with their meanings.
    pub columns: &'static [Column],
    /// Names of all columns.
    pub header: Vec<String>,
    /// Rows; each has a field for every column.
    pub rows: Vec<Vec<String>>,
    /// The first of its own columns; those before say which point it is. A training's tables have none before.
    pub first_own: usize,
}

/// A folder's contents.
pub struct Folder {
    /// Tables that are there, the most important first.
    pub tables: Vec<Csv>,
    /// The points of `summary.csv`, as figures are drawn from them.
    pub points: Option<plotted::Table>,
    /// Provenance files beside the tables, by their names.
    pub provenance: Vec<(String, Value)>,
    /// The sweep's points with their blocks.
    pub manifest: Option<Manifest>,
    /// SVG files: names and contents.
    pub pictures: Vec<(String, Vec<u8>)>,
}

impl Folder {
    /// Reads `dir`; a folder without a table of results is refused.
    pub fn read(dir: &Path) -> Result<Self> {
        let nothing = |message: &str, hint: &str| Error::input(dir.display(), message).hint(hint);
        let kinds = "`bwq run`, `check`, `explain`, `search`, `train`, `cost` and `pareto` write tables into their --out folder";
        if !dir.is_dir() {
            return Err(nothing("there is no such folder", kinds));
        }
        let mut tables = Vec::new();
        let trained = dir.join(training::CURVE_FILE).exists();
        let others = forms_of_points().chain(forms_of_cost()).filter(|form| !(trained && form.file == training::LAYERS_FILE));
        for form in others.chain(FORMS_OF_TRAINING.into_iter().filter(|_| trained)) {
            tables.extend(Csv::read(dir, form)?);
        }
        tables.sort_by_key(|t| RANKS.iter().position(|file| *file == t.file).unwrap_or(RANKS.len()));
        let manifest = dir.join("manifest.json").exists().then(|| Manifest::read(dir)).transpose()?;
        if tables.is_empty() {
            let blocks = format!("finish the sweep, or merge the blocks that are there: bwq merge {} --partial", dir.display());
            return Err(match manifest {
                Some(_) => nothing("no table of results yet: the sweep is not merged", &blocks),
                None => nothing("no table of results", kinds),
            });
        }
        let points = tables.iter().any(|t| t.file == "summary.csv").then(|| plotted::read(&dir.join("summary.csv"))).transpose()?;
        let mut provenance = Vec::new();
        for table in &tables {
            let path = if table.first_own == 0 { dir.join(training::PROVENANCE_FILE) } else { dir.join(table.file).with_extension("provenance.json") };
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.exists() && !provenance.iter().any(|(known, _)| *known == name) {
                let value = serde_json::from_slice(&bytes(&path)?);
                let value = value.map_err(|e| Error::input(path.display(), format!("not a provenance file: {e}")).hint("make the tables anew, or move the file away"))?;
                provenance.push((name, value));
            }
        }
        Ok(Folder { pictures: pictures(dir)?, tables, points, provenance, manifest })
    }

    /// The table of a file.
    pub fn table(&self, file: &str) -> Option<&Csv> {
        self.tables.iter().find(|t| t.file == file)
    }

    /// Blocks that the sweep's tables were made without.
    pub fn missing_blocks(&self) -> u64 {
        self.provenance.iter().filter_map(|(_, p)| p["missing_blocks"].as_u64()).max().unwrap_or(0)
    }

    /// Logs of the runs that made the results, oldest first.
    pub fn runs(&self) -> Vec<&Value> {
        self.provenance.first().and_then(|(_, p)| p["runs"].as_array()).map_or_else(Vec::new, |runs| runs.iter().collect())
    }
}

/// Tables, the most telling first; others follow.
const RANKS: &[&str] = &[
    "summary.csv", "check.csv", "explain.csv", "pareto.csv", "search.csv", "curve.csv", "cost_comparison.csv", "cost_means.csv", "cost_summary.csv", "differences.csv", "explain_layers.csv", "pareto_sets.csv",
    "search_layers.csv", "cost_layers.csv", "cost_components.csv", "layers.csv", "trials.csv",
];

impl Csv {
    /// The table of that form; `None` if it is not there.
    fn read(dir: &Path, form: Form) -> Result<Option<Self>> {
        let path = dir.join(form.file);
        if !path.exists() {
            return Ok(None);
        }
        let place = path.display();
        let broken = |e: csv::Error| {
            let line = e.position().map_or(String::new(), |p| format!(":{}", p.line()));
            Error::input(format!("{place}{line}"), format!("not a table: {e}")).hint("the command that wrote the folder makes it afresh")
        };
        let text = bytes(&path)?;
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let header: Vec<String> = reader.headers().map_err(broken)?.iter().map(str::to_string).collect();
        let own = form.columns.first().map_or("", |c| c.name);
        let found = header.iter().position(|h| h == own).filter(|_| header[0] == form.first);
        let first_own = found.ok_or_else(|| {
            Error::input(format!("{place}:1"), format!("no columns {} and {own}: not a table of bwq, or of another version", form.first)).hint("move the file away, or make the folder afresh")
        })?;
        let rows = reader.records().map(|r| r.map(|r| r.iter().map(str::to_string).collect())).collect::<csv::Result<Vec<Vec<String>>>>().map_err(broken)?;
        Ok(Some(Csv { file: form.file, row: form.row, columns: form.columns, header, rows, first_own }))
    }

    /// The first column of that name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|h| h == name)
    }

    /// A field by the name of one of the table's own columns; empty if there is none.
    pub fn own<'a>(&self, row: &'a [String], name: &str) -> &'a str {
        let at = self.header[self.first_own..].iter().position(|h| h == name);
        at.and_then(|i| row.get(self.first_own + i)).map_or("", String::as_str)
    }

    /// The same as a number.
    pub fn number(&self, row: &[String], name: &str) -> Option<f64> {
        self.own(row, name).parse().ok().filter(|v: &f64| v.is_finite())
    }

    /// Both ends of an interval.
    pub fn ends(&self, row: &[String], lo: &str, hi: &str) -> Option<(f64, f64)> {
        Some((self.number(row, lo)?, self.number(row, hi)?))
    }

    /// Whether a column has more than one value.
    pub fn varies(&self, column: usize) -> bool {
        self.rows.windows(2).any(|w| w[0][column] != w[1][column])
    }

    /// Parameters that are not the same in all rows: the axes. Hashes and versions are none, nor is what follows from an axis
    /// before it.
    pub fn axes(&self) -> Vec<usize> {
        let mut axes: Vec<usize> = Vec::new();
        for column in (0..self.first_own).filter(|&c| !["tool_version", "config_hash"].contains(&self.header[c].as_str()) && self.varies(c)) {
            if !axes.iter().any(|&by| self.determines(by, column)) {
                axes.push(column);
            }
        }
        axes
    }

    /// Whether rows with the same value in `by` have the same in `column`.
    fn determines(&self, by: usize, column: usize) -> bool {
        let mut seen: HashMap<&str, &str> = HashMap::new();
        self.rows.iter().all(|r| *seen.entry(&r[by]).or_insert(&r[column]) == r[column])
    }

    /// A row's place on the axes, without the columns in `known`: `sigma_ln 0.1, adc_bits 6`.
    pub fn place(&self, row: &[String], known: &[usize]) -> String {
        let axes = self.axes();
        let parts = axes.iter().filter(|c| !known.contains(c) && !row[**c].is_empty()).map(|&c| format!("{} {}", self.header[c], row[c]));
        parts.collect::<Vec<_>>().join(", ")
    }

    /// What a column means; empty where that is not known.
    pub fn meaning(&self, column: usize) -> &'static str {
        let name = self.header[column].as_str();
        let described = if column < self.first_own { COMMON } else { self.columns };
        described.iter().find(|c| c.name == name).map(|c| c.meaning).or_else(|| KEYS.iter().find(|k| k.column == name).map(|k| k.meaning)).unwrap_or("")
    }
}

/// Figures that the page draws itself.
fn drawn_here(name: &str) -> bool {
    name.starts_with("accuracy_vs_")
}

fn pictures(dir: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let entries = std::fs::read_dir(dir).map_err(|e| Error::io(dir, "read", &e))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.is_file() && p.extension().is_some_and(|e| e == "svg")).collect();
    paths.sort();
    let named = paths.iter().map(|p| (p.file_stem().unwrap_or_default().to_string_lossy().into_owned(), p));
    named.filter(|(name, _)| !drawn_here(name)).map(|(name, p)| Ok((name, bytes(p)?))).collect()
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let size = path.metadata().map_err(|e| Error::io(path, "read", &e))?.len();
    if size > MOST_BYTES {
        return Err(Error::input(path.display(), format!("{size} bytes; a page is made of files up to {MOST_BYTES}")).hint("make a sweep of fewer chips or points, or move the file away"));
    }
    std::fs::read(path).map_err(|e| Error::io(path, "read", &e))
}
