//! Figures of a search for block precisions: what was tried, and the bits of the layers chosen.

use super::super::chart::{Chart, LogAxis, Mark, Series, side_by_side};
use super::super::folder::{Csv, Folder};
use super::super::numbers::{percent, short, significant};
use crate::error::Result;

/// A candidate that loses more than this many times the budget, and more than [`LEAST_SHOWN_POINTS`], is not drawn.
const MOST_BUDGETS: f64 = 6.0;
/// In points of accuracy.
const LEAST_SHOWN_POINTS: f64 = 5.0;

/// Those of `search.csv` and `search_layers.csv`.
pub fn of(folder: &Folder) -> Result<Vec<Chart>> {
    let tried = folder.table("search.csv").and_then(of_tried);
    let layers = folder.table("search_layers.csv").and_then(|t| bits_of_layers(t, "chosen-bits", "Magnitude bits of a weight in the network chosen."));
    Ok(tried.into_iter().chain(layers).collect())
}

/// Accuracy against compression, candidate by candidate.
fn of_tried(t: &Csv) -> Option<Chart> {
    let budget = t.column("max_drop_frac").and_then(|c| t.rows.first()?[c].parse::<f64>().ok())?;
    let most = (MOST_BUDGETS * budget).max(LEAST_SHOWN_POINTS / 100.0);
    let shown: Vec<&Vec<String>> = t.rows.iter().filter(|r| t.number(r, "drop_frac").is_some_and(|d| d <= most) && t.number(r, "compression").is_some()).collect();
    let axis = LogAxis::over(shown.iter().filter_map(|r| t.number(r, "compression")))?;
    let mut series: Vec<Series> = Vec::new();
    for row in &shown {
        let (Some(compression), Some(accuracy)) = (t.number(row, "compression"), t.number(row, "accuracy_frac")) else { continue };
        let unseen = t.number(row, "unseen_accuracy_frac").map_or(String::new(), |a| format!("\n{} % on {} images that had no say", percent(a), t.own(row, "unseen_images")));
        let chips = t.number(row, "chips").map_or(String::new(), |n| format!("\n{} of {n} chips keep the budget: {}", t.own(row, "chips_passing"), t.own(row, "yield_verdict")));
        let says = format!(
            "{}, setting {}\n{} magnitude bits a weight, {} times smaller\naccuracy {} % on the {} images that choose\n{} points lost: {}{unseen}{chips}",
            t.own(row, "method"),
            short(t.own(row, "setting")),
            short(t.own(row, "mean_bits")),
            short(t.own(row, "compression")),
            percent(accuracy),
            t.own(row, "images"),
            t.number(row, "drop_frac").map_or("?".into(), percent),
            if t.own(row, "keeps_budget") == "true" { "within the budget" } else { "beyond the budget" },
        );
        let mark = Mark { x: axis.at(compression), y: 100.0 * accuracy, interval: None, spread: None, bar: None, says };
        match series.iter_mut().find(|s| s.label == t.own(row, "method")) {
            Some(of) => of.marks.push(mark),
            None => series.push(Series { label: t.own(row, "method").into(), joined: false, marks: vec![mark] }),
        }
    }
    let float = shown.iter().find_map(|r| Some(t.number(r, "accuracy_frac")? + t.number(r, "drop_frac")?))?;
    let hidden = t.rows.len() - shown.len();
    let left_out = if hidden > 0 { format!(" Left out: {hidden} candidates that lose more than {} points or have no bits.", percent(most)) } else { String::new() };
    Some(Chart {
        id: "tried".into(),
        title: "Accuracy against compression of the weights.".into(),
        caption: format!("Each mark is a candidate, on the images that choose; compression is 32 / mean magnitude bits, on a logarithmic axis.{left_out}"),
        x_label: "compression".into(),
        x_ticks: axis.ticks(|c| significant(c, 3)),
        y_label: "top-1 accuracy, %".into(),
        series,
        reference: Some((format!("the budget: {} points below the float network", percent(budget)), vec![(0.0, 100.0 * (float - budget)), (1.0, 100.0 * (float - budget))])),
        ..Chart::default()
    })
}

/// Mean bits of each layer as bars, from a table with `layer`, `rows`, `outputs`, `mean_bits` and `blocks`.
pub fn bits_of_layers(t: &Csv, id: &str, title: &str) -> Option<Chart> {
    let rows: Vec<&Vec<String>> = t.rows.iter().filter(|r| t.own(r, "layer") != "all" && t.number(r, "mean_bits").is_some()).collect();
    let ticks = side_by_side(rows.iter().map(|r| t.own(r, "layer")));
    let width = 0.7 / rows.len().max(1) as f64;
    let bar = |(row, tick): (&&Vec<String>, &(f64, String))| {
        let bits = t.number(row, "mean_bits").unwrap_or(0.0);
        let empty = [t.own(row, "empty_blocks"), t.own(row, "blocks_without_bits")].concat();
        let says = format!("{}\n{} magnitude bits a weight\n{} x {} weights\n{} blocks, {empty} without bits", tick.1, significant(bits, 4), t.own(row, "rows"), t.own(row, "outputs"), t.own(row, "blocks"));
        Mark { x: tick.0, y: bits / 2.0, interval: None, spread: None, bar: Some((width, bits)), says }
    };
    let marks: Vec<Mark> = rows.iter().zip(&ticks).map(bar).collect();
    let most = rows.iter().filter_map(|r| t.number(r, "mean_bits")).fold(0.0, f64::max);
    let all = t.rows.iter().find(|r| t.own(r, "layer") == "all").and_then(|r| t.number(r, "mean_bits"));
    (!marks.is_empty()).then(|| Chart {
        id: id.into(),
        title: title.into(),
        caption: "The mean over each layer's blocks.".into(),
        x_label: "layer".into(),
        x_ticks: ticks,
        y_label: "magnitude bits".into(),
        y_range: Some((0.0, (1.05 * most).max(1.0))),
        series: vec![Series { label: String::new(), joined: false, marks }],
        reference: all.map(|bits| ("all weights".into(), vec![(0.0, bits), (1.0, bits)])),
        ..Chart::default()
    })
}
