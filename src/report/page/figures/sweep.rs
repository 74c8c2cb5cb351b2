//! Figures of a sweep: means, yields, how chips lie about their means, and where it breaks.

use super::super::chart::{Chart, Mark, Series};
use super::super::folder::{Csv, Folder};
use super::super::numbers::{percent, significant};
use crate::error::Result;
use crate::report::plot::axes::{Axes, LEFT, WIDTH};
use crate::report::plot::select::{self, Figure};
use crate::report::plot::table::Row;
use std::collections::HashMap;

/// Classes that the spread of chips is drawn in, from the lowest accuracy to the highest.
const CLASSES: usize = 40;
/// Points whose layers are drawn.
const MOST_POINTS: usize = 7;

/// Those of `summary.csv`, `trials.csv` and `layers.csv`.
pub fn of(folder: &Folder) -> Result<Vec<Chart>> {
    let mut charts = Vec::new();
    if let (Some(points), Some(summary)) = (&folder.points, folder.table("summary.csv")) {
        let by_line: HashMap<u64, &Row> = points.rows.iter().map(|r| (r.line, r)).collect();
        for (i, figure) in select::figures(points)?.iter().enumerate() {
            let sweep = Sweep { figure, number: i + 1, by_line: &by_line, summary };
            charts.extend([sweep.accuracy(), sweep.chip_yield()]);
            charts.extend(folder.table("trials.csv").and_then(|trials| sweep.chips(trials)));
        }
        charts.extend(folder.table("layers.csv").and_then(|layers| of_layers(layers, summary)));
    }
    Ok(charts)
}

/// One figure of a sweep, of which several views are drawn.
struct Sweep<'a> {
    figure: &'a Figure,
    number: usize,
    by_line: &'a HashMap<u64, &'a Row>,
    summary: &'a Csv,
}

impl Sweep<'_> {
    fn chart(&self, kind: &str, what: &str, y_label: &str, caption: &str) -> Chart {
        let f = self.figure;
        let share = |x: &f64| (x - LEFT) / WIDTH;
        // A value that has no meaning at these points is left out.
        let title: String = f.title.split(", ").filter(|part| !part.is_empty() && !part.ends_with(' ')).map(|part| format!(", {part}")).collect();
        Chart {
            id: format!("{kind}-{}", self.number),
            title: format!("{what} against {}{title}.", f.x_column),
            caption: format!("{}. {caption}", f.subtitle),
            x_label: f.x_column.clone(),
            x_ticks: Axes::new(f, 0.0).x.iter().map(share).zip(f.x_values.iter().map(|v| if v.is_empty() { "none".into() } else { v.clone() })).collect(),
            y_label: y_label.into(),
            series: Vec::new(),
            ..Chart::default()
        }
    }

    /// Marks of all lines; `of` makes one from a row of the summary, its place, and what says which point it is.
    fn series(&self, chart: &mut Chart, of: impl Fn(&[String], f64, &str) -> Option<Mark>) {
        let f = self.figure;
        let numbers = f.x_values.iter().filter(|v| select::numeric(v).is_some()).count();
        for (i, line) in f.lines.iter().enumerate() {
            let joined = numbers > 1 && line.points.len() > 1;
            // Beside each other, so that none hides another.
            let beside = (if joined { 0.012 } else { 0.025 }) * (i as f64 - (f.lines.len() as f64 - 1.0) / 2.0);
            let mark = |p: &select::Point| {
                let row = self.by_line.get(&p.line)?;
                of(&row.fields, chart.x_ticks[p.x].0 + beside, &self.point(i, p))
            };
            chart.series.push(Series { label: line.label.clone(), joined, marks: line.points.iter().filter_map(mark).collect() });
        }
    }

    /// Which point a mark is.
    fn point(&self, line: usize, p: &select::Point) -> String {
        format!("{} {}, {}", self.figure.x_column, self.figure.x_values[p.x], self.figure.lines[line].label)
    }

    fn accuracy(&self) -> Chart {
        let mut chart = self.chart("accuracy", "Mean accuracy", "top-1 accuracy, %", "Thin bars: 95 % interval of the mean; pale: 5th to 95th percentile of chips.");
        let s = self.summary;
        self.series(&mut chart, |row, x, point| {
            let n = |name| s.number(row, name);
            let (mean, interval) = (n("accuracy_mean_frac")?, s.ends(row, "accuracy_mean_lo95_frac", "accuracy_mean_hi95_frac"));
            let spread = Some((n("accuracy_p5_frac")?, n("accuracy_p95_frac")?));
            let says = format!(
                "{point}\nmean accuracy {} %{}\n5th to 95th percentile {} to {} %\nworst chip {} %\n{} chips",
                percent(mean),
                interval.map_or(String::new(), |(lo, hi)| format!(", 95 % interval {} to {}", percent(lo), percent(hi))),
                percent(spread?.0),
                percent(spread?.1),
                n("accuracy_min_frac").map_or("?".into(), percent),
                s.own(row, "trials"),
            );
            let times_100 = |(lo, hi): (f64, f64)| (100.0 * lo, 100.0 * hi);
            Some(Mark { x, y: 100.0 * mean, interval: interval.map(times_100), spread: spread.map(times_100), bar: None, says })
        });
        let mut quantised: Vec<(f64, f64)> = self.figure.quantised.iter().map(|&(i, q)| (chart.x_ticks[i].0, 100.0 * q)).collect();
        if let Some(&(_, first)) = quantised.first().filter(|f| quantised.iter().all(|q| q.1 == f.1)) {
            quantised = vec![(0.0, first), (1.0, first)];
        }
        chart.reference = Some(("quantised, no crossbar".into(), quantised));
        chart
    }

    fn chip_yield(&self) -> Chart {
        let mut chart = self.chart("yield", "Yield", "chips that pass, %", "Share of chips within max_drop of the quantised accuracy; bars: its 95 % interval.");
        chart.y_range = Some((-3.0, 103.0));
        let s = self.summary;
        self.series(&mut chart, |row, x, point| {
            let (share, interval) = (s.number(row, "yield_frac")?, s.ends(row, "yield_lo95_frac", "yield_hi95_frac"));
            let drop = s.column("max_drop_frac").and_then(|c| row[c].parse().ok()).map_or("?".into(), percent);
            let says = format!(
                "{point}\nyield {} %{}\n{} chips\na chip passes if it loses at most {drop} points",
                percent(share),
                interval.map_or(String::new(), |(lo, hi)| format!(", 95 % interval {} to {}", percent(lo), percent(hi))),
                s.own(row, "trials"),
            );
            Some(Mark { x, y: 100.0 * share, interval: interval.map(|(lo, hi)| (100.0 * lo, 100.0 * hi)), spread: None, bar: None, says })
        });
        chart
    }

    /// How chips lie about their mean: a bar for each class of accuracies, as wide as it has chips.
    fn chips(&self, trials: &Csv) -> Option<Chart> {
        let mut chart = self.chart("chips", "Chips", "top-1 accuracy of a chip, %", "A bar is as wide as it has chips; the widest of a point has them most.");
        let (hash, lines, values) = (self.summary.column("config_hash")?, self.figure.lines.len(), self.figure.x_values.len());
        let mut of_point: HashMap<&str, Vec<f64>> = HashMap::new();
        let own_hash = trials.column("config_hash")?;
        for row in &trials.rows {
            of_point.entry(&row[own_hash]).or_default().extend(trials.number(row, "accuracy_frac"));
        }
        let accuracies = |p: &select::Point| of_point.get(self.by_line.get(&p.line).map_or("", |r| r.fields[hash].as_str()));
        let all = || self.figure.lines.iter().flat_map(|l| &l.points).filter_map(accuracies).flatten().copied();
        let (lo, hi) = all().fold((f64::MAX, f64::MIN), |(lo, hi), a| (lo.min(a), hi.max(a)));
        if lo > hi {
            return None;
        }
        let height = ((hi - lo) / CLASSES as f64).max(1e-4);
        // Side by side whatever the values are: bars need room.
        let slot = 1.0 / values as f64;
        chart.x_ticks.iter_mut().enumerate().for_each(|(i, tick)| tick.0 = (i as f64 + 0.5) * slot);
        for (i, line) in self.figure.lines.iter().enumerate() {
            let mut marks = Vec::new();
            for p in &line.points {
                let Some(chips) = accuracies(p) else { continue };
                let mut counts = vec![0_usize; CLASSES + 1];
                chips.iter().for_each(|a| counts[(((a - lo) / height) as usize).min(CLASSES)] += 1);
                let most = counts.iter().copied().max().unwrap_or(1).max(1);
                let x = chart.x_ticks[p.x].0 + 0.8 * slot * ((i as f64 + 0.5) / lines as f64 - 0.5);
                for (class, &count) in counts.iter().enumerate().filter(|(_, c)| **c > 0) {
                    let from = lo + class as f64 * height;
                    let chips_in = if count == 1 { "1 chip".into() } else { format!("{count} chips") };
                    let says = format!("{}\n{chips_in} of {} from {} to {} %", self.point(i, p), chips.len(), percent(from), percent(from + height));
                    let width = 0.72 * slot / lines as f64 * count as f64 / most as f64;
                    marks.push(Mark { x, y: 100.0 * (from + height / 2.0), interval: None, spread: None, bar: Some((width, 90.0 * height)), says });
                }
            }
            chart.series.push(Series { label: line.label.clone(), joined: false, marks });
        }
        Some(chart)
    }
}

/// Where it breaks: the error of each layer's outputs, at most [`MOST_POINTS`] points, from the worst accuracy to the best.
fn of_layers(layers: &Csv, summary: &Csv) -> Option<Chart> {
    let [hash, own_hash] = [summary, layers].map(|t| t.column("config_hash"));
    let (hash, own_hash) = (hash?, own_hash?);
    let mut ranked: Vec<&Vec<String>> = summary.rows.iter().collect();
    ranked.sort_by(|a, b| summary.number(a, "accuracy_mean_frac").unwrap_or(0.0).total_cmp(&summary.number(b, "accuracy_mean_frac").unwrap_or(0.0)));
    let last = ranked.len().checked_sub(1)?;
    let shown = ranked.len().min(MOST_POINTS);
    let chosen: Vec<&Vec<String>> = (0..shown).map(|i| ranked[if shown > 1 { i * last / (shown - 1) } else { 0 }]).collect();
    let count = layers.rows.iter().filter_map(|r| layers.number(r, "layer_index")).fold(0.0, f64::max) + 1.0;
    let at = |index: f64| (index + 0.5) / count;
    let mut ticks: Vec<(f64, String)> = Vec::new();
    let mut series = Vec::new();
    for point in chosen {
        let label = summary.place(point, &[]);
        let mut marks = Vec::new();
        for row in layers.rows.iter().filter(|r| r[own_hash] == point[hash]) {
            let (Some(index), Some(error)) = (layers.number(row, "layer_index"), layers.number(row, "output_error_sd_rel")) else { continue };
            let name = layers.own(row, "layer");
            if !ticks.iter().any(|t| t.1 == name) {
                ticks.push((at(index), name.to_string()));
            }
            let share = |column| layers.number(row, column).map_or("not defined".into(), |v| format!("{} %", significant(100.0 * v, 4)));
            let says = format!("{name}{}{label}\noutput error {} % of the rms output\nwrong codes {}\nclipped conversions {}", if label.is_empty() { "" } else { ", " }, significant(100.0 * error, 4), share("adc_wrong_code_frac"), share("adc_clip_frac"));
            marks.push(Mark { x: at(index), y: 100.0 * error, interval: None, spread: None, bar: None, says });
        }
        series.push(Series { label, joined: true, marks });
    }
    if series.iter().all(|s| s.marks.is_empty()) {
        return None;
    }
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let some = if summary.rows.len() > shown { format!(" {shown} of {} points, from the worst mean accuracy to the best.", summary.rows.len()) } else { String::new() };
    Some(Chart {
        id: "layers".into(),
        title: "Error of each layer's outputs.".into(),
        caption: format!("Standard deviation against the ideal output for the same inputs, first 4 images on the first 2 chips.{some}"),
        x_label: "layer".into(),
        x_ticks: ticks,
        y_label: "output error, % of rms".into(),
        series,
        ..Chart::default()
    })
}
