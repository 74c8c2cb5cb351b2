//! The figure of a search for the cheapest point.

use super::super::chart::{Chart, LogAxis, Mark, Series};
use super::super::folder::{Csv, Folder};
use super::super::numbers::{millionth, significant, with_ends};
use crate::error::Result;

/// That of `pareto.csv`.
pub fn of(folder: &Folder) -> Result<Vec<Chart>> {
    Ok(folder.table("pareto.csv").and_then(of_pareto).into_iter().collect())
}

/// Accuracy against energy: what is worth its cost.
fn of_pareto(pareto: &Csv) -> Option<Chart> {
    let cost = |row: &[String]| pareto.number(row, "energy_min_pj").filter(|e| *e > 0.0);
    let axis = LogAxis::over(pareto.rows.iter().filter_map(|r| cost(r)))?;
    let mut series: Vec<Series> = ["on the front, by means", "off it"].map(|label| Series { label: label.into(), joined: false, marks: Vec::new() }).into();
    for row in &pareto.rows {
        let (Some(pj), Some(mean)) = (cost(row), pareto.number(row, "accuracy_mean_frac")) else { continue };
        let (interval, bounds) = (pareto.ends(row, "accuracy_mean_lo95_frac", "accuracy_mean_hi95_frac"), pareto.ends(row, "yield_lo_frac", "yield_hi_frac"));
        let variant = pareto.own(row, "variant");
        let says = format!(
            "{}{}{}\nmean accuracy {}, {} chips\nyield {}, {} chips: {}\nenergy of an image {} to {} uJ\nlatency {} ms, area {} mm2 at least",
            variant, if variant.is_empty() { "" } else { ": " }, pareto.place(row, &[]), with_ends(mean, interval), pareto.own(row, "mean_chips"),
            pareto.number(row, "yield_frac").map_or("?".into(), |y| with_ends(y, bounds)), pareto.own(row, "chips"), pareto.own(row, "verdict"),
            millionth(pareto, row, "energy_min_pj"), millionth(pareto, row, "energy_max_pj"), millionth(pareto, row, "latency_min_ns"), millionth(pareto, row, "area_min_um2"),
        );
        let mark = Mark { x: axis.at(pj), y: 100.0 * mean, interval: interval.map(|(lo, hi)| (100.0 * lo, 100.0 * hi)), spread: None, bar: None, says };
        series[usize::from(pareto.own(row, "on_front") != "true")].marks.push(mark);
    }
    series.retain(|s| !s.marks.is_empty());
    (!series.is_empty()).then(|| Chart {
        id: "pareto".into(),
        title: "Mean accuracy against energy of an image.".into(),
        caption: "Energy: the least over the component sets, on a logarithmic axis; bars: 95 % interval of the mean.".into(),
        x_label: "energy of an image, uJ (energy_min_pj)".into(),
        x_ticks: axis.ticks(|pj| significant(pj / 1e6, 4)),
        y_label: "top-1 accuracy, %".into(),
        series,
        ..Chart::default()
    })
}
