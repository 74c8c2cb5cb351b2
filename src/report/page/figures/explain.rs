//! Figures of an error budget: what each cause costs, and each layer.

use super::super::chart::{Chart, Mark, Series, side_by_side};
use super::super::folder::{Csv, Folder};
use super::super::numbers::{percent, with_ends};
use crate::error::Result;

/// Points that are drawn, the first ones.
const MOST_POINTS: usize = 4;

/// Those of `explain.csv` and `explain_layers.csv`.
pub fn of(folder: &Folder) -> Result<Vec<Chart>> {
    let causes = folder.table("explain.csv").map_or_else(Vec::new, |t| points(t, "causes", of_causes));
    let layers = folder.table("explain_layers.csv").map_or_else(Vec::new, |t| points(t, "layer-losses", of_layers));
    Ok(causes.into_iter().chain(layers).collect())
}

/// A chart of the rows of each point; `of` makes one of an id, the point's place, and its rows.
fn points(t: &Csv, id: &str, of: impl Fn(&Csv, String, String, &[Vec<String>]) -> Option<Chart>) -> Vec<Chart> {
    let Some(hash) = t.column("config_hash") else { return Vec::new() };
    let rows = t.rows.chunk_by(|a, b| a[hash] == b[hash]).take(MOST_POINTS).enumerate();
    rows.filter_map(|(i, rows)| {
        let place = t.place(&rows[0], &[]);
        let at = if place.is_empty() { String::new() } else { format!(", {place}") };
        of(t, format!("{id}-{}", i + 1), at, rows)
    })
    .collect()
}

/// Two marks for each name: a mean in points with its interval, by columns NAME_frac, NAME_lo95_frac, NAME_hi95_frac.
fn pairs(t: &Csv, rows: &[&Vec<String>], name: &str, kinds: [(&str, &str, &str); 2], detail: impl Fn(&[String]) -> String) -> Vec<Series> {
    let ticks = side_by_side(rows.iter().map(|r| t.own(r, name)));
    let series = kinds.iter().zip([-0.012, 0.012]).map(|((column, label, what), beside)| {
        let mark = |(row, tick): (&&Vec<String>, &(f64, String))| {
            let mean = t.number(row, &format!("{column}_frac"))?;
            let interval = t.ends(row, &format!("{column}_lo95_frac"), &format!("{column}_hi95_frac"));
            let says = format!("{}\n{what}: {}{}", tick.1, with_ends(mean, interval), detail(row));
            Some(Mark { x: tick.0 + beside, y: 100.0 * mean, interval: interval.map(|(lo, hi)| (100.0 * lo, 100.0 * hi)), spread: None, bar: None, says })
        };
        Series { label: (*label).into(), joined: false, marks: rows.iter().zip(&ticks).filter_map(mark).collect() }
    });
    series.filter(|s| !s.marks.is_empty()).collect()
}

fn chart(t: &Csv, rows: &[&Vec<String>], name: &str, id: String, title: String, caption: &str, series: Vec<Series>) -> Option<Chart> {
    (!series.is_empty()).then(|| Chart {
        id,
        title,
        caption: caption.into(),
        x_label: name.into(),
        x_ticks: side_by_side(rows.iter().map(|r| t.own(r, name))),
        y_label: "accuracy, points".into(),
        series,
        reference: Some(("nothing lost".into(), vec![(0.0, 0.0), (1.0, 0.0)])),
        ..Chart::default()
    })
}

fn of_causes(t: &Csv, id: String, at: String, rows: &[Vec<String>]) -> Option<Chart> {
    let rows: Vec<&Vec<String>> = rows.iter().collect();
    let kinds = [("loss_added", "lost when added", "lost when it is added to those before it"), ("loss_removed", "won when taken away", "won when it alone is taken away")];
    let detail = |row: &[String]| {
        let after = t.number(row, "accuracy_after_frac").map_or("?".into(), percent);
        format!("\nsetting {}\nmean accuracy with it and those before {after} %\n{} chips", t.own(row, "setting"), t.own(row, "chips"))
    };
    let series = pairs(t, &rows, "cause", kinds, detail);
    chart(t, &rows, "cause", id, format!("What each cause costs{at}."), "Bars: 95 % intervals, on the same chips.", series)
}

fn of_layers(t: &Csv, id: String, at: String, rows: &[Vec<String>]) -> Option<Chart> {
    let rows: Vec<&Vec<String>> = rows.iter().filter(|r| t.own(r, "cause") == "all").collect();
    let kinds = [("loss_alone", "lost when in it alone", "lost when all causes act in this layer alone"), ("won_if_ideal", "won if it is ideal", "won when this layer alone is ideal")];
    let series = pairs(t, &rows, "layer", kinds, |_| String::new());
    chart(t, &rows, "layer", id, format!("What each layer costs{at}."), "All causes together. Bars: 95 % intervals, on the same chips.", series)
}
