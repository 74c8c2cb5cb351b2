//! The part of `summary.csv` that a figure needs; columns are found by name.

use crate::error::{Error, Result};
use crate::network::clipped;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One point of the sweep.
pub struct Row {
    /// Line of the file, for messages.
    pub line: u64,
    /// All fields as they stand.
    pub fields: Vec<String>,
    /// Mean accuracy over the chips.
    pub mean: f64,
    /// 5th percentile of the chips' accuracy.
    pub p5: f64,
    /// 95th percentile of the chips' accuracy.
    pub p95: f64,
    /// Accuracy of the quantised network.
    pub quantised: f64,
}

/// The points that have results.
pub struct Table {
    /// Where it was read.
    pub path: PathBuf,
    /// Names of the columns.
    pub header: Vec<String>,
    /// Points, in the order of the file; never empty.
    pub rows: Vec<Row>,
    /// Columns of the parameters: those between `seed` and `trials`.
    pub parameters: Range<usize>,
}

impl Table {
    /// Position of the column `name`, if there is one.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|h| h == name)
    }
}

/// Reads `path`. A point without results (a partial merge) is left out.
pub fn read(path: &Path) -> Result<Table> {
    let place = path.display();
    let hint = "`bwq merge DIR` writes summary.csv from the finished blocks of a sweep";
    let broken = |e: csv::Error| {
        let line = e.position().map_or(String::new(), |p| format!(":{}", p.line()));
        Error::input(format!("{place}{line}"), format!("not a table: {e}")).hint(hint)
    };
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, "read", &e).hint(hint))?;
    let mut reader = csv::Reader::from_reader(file);
    let header: Vec<String> = reader.headers().map_err(broken)?.iter().map(str::to_string).collect();
    let find = |name: &str| {
        header.iter().position(|h| h == name).ok_or_else(|| {
            Error::input(format!("{place}:1"), format!("no column {name}; a summary.csv of bwq has it")).hint(hint)
        })
    };
    let parameters = find("seed")? + 1..find("trials")?;
    let [mean, p5, p95, quantised] =
        ["accuracy_mean_frac", "accuracy_p5_frac", "accuracy_p95_frac", "quantised_accuracy_frac"].map(find);
    let (mean, p5, p95, quantised) = (mean?, p5?, p95?, quantised?);
    if parameters.is_empty() {
        return Err(Error::input(format!("{place}:1"), "no parameters between seed and trials").hint(hint));
    }

    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, csv::Position::line);
        let fields: Vec<String> = record.iter().map(str::to_string).collect();
        let value = |column: usize| match fields[column].parse::<f64>() {
            // An axis goes as far as its values.
            Ok(v) if (0.0..=1.0).contains(&v) => Ok(v),
            _ => Err(Error::input(
                format!("{place}:{line}: {}", header[column]),
                format!("`{}` is no fraction of 0 to 1", clipped(&fields[column])),
            )
            .hint(hint)),
        };
        if fields[mean].is_empty() {
            continue;
        }
        let (mean, p5, p95, quantised) = (value(mean)?, value(p5)?, value(p95)?, value(quantised)?);
        rows.push(Row { line, mean, p5, p95, quantised, fields });
    }
    if rows.is_empty() {
        return Err(Error::input(place, "no results to draw").hint("finish at least one point with `bwq run`"));
    }
    Ok(Table { path: path.to_path_buf(), header, rows, parameters })
}
