//! An error budget as bars: per cause, what it costs when added and what it would bring to take it away.

use super::pen::{INK, MUTED, Pen, color, text_width};
use crate::error::Result;
use crate::explain::{Budget, Difference};
use kuva::render::render::{Scene, TextAnchor};
use std::path::{Path, PathBuf};

const BAR: f64 = 9.0;
const LINE: f64 = 34.0;
const WIDTH: f64 = 420.0;
const TOP: f64 = 74.0;

/// Draws each budget, as SVG and PNG; returns the files.
pub fn draw(out: &Path, budgets: &[Budget]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (i, budget) in budgets.iter().enumerate() {
        let stem = if budgets.len() == 1 { "explain".to_string() } else { format!("explain_{i}") };
        files.extend(super::save(out, &stem, &scene(budget))?);
    }
    Ok(files)
}

fn scene(budget: &Budget) -> Scene {
    let labels: Vec<String> = budget.causes.iter().map(|c| c.cause.replace('_', " ")).collect();
    let widest = budget.causes.iter().map(|c| text_width(&c.setting, 9)).chain(labels.iter().map(|l| text_width(l, 12))).fold(80.0, f64::max);
    let left = widest.min(340.0) + 24.0;
    let mut pen = Pen::new(left + WIDTH + 70.0, TOP + LINE * budget.causes.len() as f64 + 46.0);
    let points = |x: f64| 100.0 * x;
    let title = format!("accuracy {:.2} % float, {:.2} % on the crossbar ({} chips)", points(budget.float), points(budget.full), budget.chips);
    pen.text(left + WIDTH / 2.0, 24.0, &title, 13, INK, TextAnchor::Middle);
    for (i, text) in ["loss when added to the causes above", "won when taken away alone"].into_iter().enumerate() {
        let x = left + i as f64 * 235.0;
        rectangle(&mut pen, x, 42.0, 14.0, BAR, color(i));
        pen.text(x + 20.0, 50.0, text, 10, MUTED, TextAnchor::Start);
    }
    // From the least to the greatest end of any bar or interval.
    let ends = |d: &Difference| [d.mean, d.interval.as_ref().map_or(d.mean, |i| i.lo), d.interval.as_ref().map_or(d.mean, |i| i.hi)];
    let all: Vec<f64> = budget.causes.iter().flat_map(|c| ends(&c.added).into_iter().chain(c.removed.as_ref().map(ends).into_iter().flatten())).collect();
    let least = all.iter().fold(0.0, |a: f64, &b| a.min(b));
    let most = all.iter().fold(1e-3, |a: f64, &b| a.max(b));
    let at = |x: f64| left + (x - least) / (most - least) * WIDTH;
    let bottom = TOP + LINE * budget.causes.len() as f64;
    pen.stroke(&[(at(0.0), TOP - 8.0), (at(0.0), bottom)], INK, 1.0);
    for (i, cause) in budget.causes.iter().enumerate() {
        let y = TOP + LINE * i as f64;
        pen.text(left - 12.0, y + 8.0, &labels[i], 12, INK, TextAnchor::End);
        pen.text(left - 12.0, y + 20.0, &shortened(&cause.setting), 9, MUTED, TextAnchor::End);
        for (k, d) in [Some(&cause.added), cause.removed.as_ref()].into_iter().enumerate() {
            let Some(d) = d else { continue };
            let y = y + k as f64 * (BAR + 2.0);
            let (from, to) = (at(d.mean.min(0.0)), at(d.mean.max(0.0)));
            rectangle(&mut pen, from, y, to - from, BAR, color(k));
            if let Some(interval) = &d.interval {
                pen.stroke(&[(at(interval.lo), y + BAR / 2.0), (at(interval.hi), y + BAR / 2.0)], INK, 1.2);
            }
            pen.text(left + WIDTH + 62.0, y + BAR, &format!("{:+.2}", points(d.mean)), 10, INK, TextAnchor::End);
        }
    }
    pen.text(left + WIDTH / 2.0, bottom + 24.0, "points of accuracy (lines: 95 % intervals, paired over chips)", 11, MUTED, TextAnchor::Middle);
    pen.scene
}

/// A setting no longer than its room.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST { text.to_string() } else { text.chars().take(LONGEST - 3).chain("...".chars()).collect() }
}

fn rectangle(pen: &mut Pen, x: f64, y: f64, width: f64, height: f64, color: &str) {
    pen.area(&[(x, y), (x + width, y), (x + width, y + height), (x, y + height)], color, None, None);
}
