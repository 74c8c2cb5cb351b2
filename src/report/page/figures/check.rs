//! The figure of a check.

use super::super::chart::{Chart, Mark, Series};
use super::super::folder::{Csv, Folder};
use super::super::numbers::with_ends;
use crate::error::Result;

/// That of `check.csv`.
pub fn of(folder: &Folder) -> Result<Vec<Chart>> {
    Ok(folder.table("check.csv").and_then(of_check).into_iter().collect())
}

/// The yields of a check with the bounds that its test leaves.
fn of_check(check: &Csv) -> Option<Chart> {
    let axes = check.axes();
    let x = check.column("ou_wordlines").filter(|c| axes.contains(c)).or_else(|| axes.first().copied()).or_else(|| check.column("ou_wordlines"))?;
    let mut values: Vec<&str> = check.rows.iter().map(|r| r[x].as_str()).collect();
    values.dedup();
    values.sort_by(|a, b| a.parse().unwrap_or(f64::MAX).total_cmp(&b.parse().unwrap_or(f64::MAX)).then(a.cmp(b)));
    values.dedup();
    let at = |value: &str| values.iter().position(|v| *v == value).map_or(0.5, |i| (i as f64 + 0.5) / values.len() as f64);
    let mut series: Vec<Series> = Vec::new();
    for row in &check.rows {
        let Some(share) = check.number(row, "yield_frac") else { continue };
        let label = check.place(row, &[x]);
        let bounds = check.ends(row, "yield_lo_frac", "yield_hi_frac");
        let says = format!(
            "{} {}{}{label}\n{}\nyield {}\n{} chips, {} failed",
            check.header[x], row[x], if label.is_empty() { "" } else { ", " }, check.own(row, "verdict").to_uppercase(), with_ends(share, bounds), check.own(row, "chips"), check.own(row, "chips_failed"),
        );
        let mark = Mark { x: at(&row[x]), y: 100.0 * share, interval: bounds.map(|(lo, hi)| (100.0 * lo, 100.0 * hi)), spread: None, bar: None, says };
        match series.iter_mut().find(|s| s.label == label) {
            Some(of) => of.marks.push(mark),
            None => series.push(Series { label, joined: false, marks: vec![mark] }),
        }
    }
    let count = series.len() as f64;
    for (i, s) in series.iter_mut().enumerate() {
        s.marks.iter_mut().for_each(|m| m.x += 0.03 * (i as f64 - (count - 1.0) / 2.0));
    }
    let asked = check.rows.first().and_then(|r| check.number(r, "yield_asked_frac"));
    (!series.is_empty()).then(|| Chart {
        id: "check".into(),
        title: format!("Yield against {}.", check.header[x]),
        caption: "Share of the chips drawn that pass; bars: the yields that the test leaves possible.".into(),
        x_label: check.header[x].clone(),
        x_ticks: values.iter().map(|v| (at(v), v.to_string())).collect(),
        y_label: "chips that pass, %".into(),
        y_range: Some((-3.0, 103.0)),
        series,
        reference: asked.map(|y| ("the yield asked for".into(), vec![(0.0, 100.0 * y), (1.0, 100.0 * y)])),
        ..Chart::default()
    })
}
