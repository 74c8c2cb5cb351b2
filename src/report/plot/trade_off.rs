//! Accuracy against the mean bits of a weight, a line per method of `bwq search`.

use super::pen::{GRID, INK, MUTED, Pen, color};
use crate::error::Result;
use crate::search::Found;
use crate::search::candidate::METHODS;
use kuva::render::render::{Scene, TextAnchor};
use std::path::{Path, PathBuf};

const LEFT: f64 = 72.0;
const TOP: f64 = 56.0;
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 280.0;
/// Drops beyond so many times the budget are left out: they would flatten the rest.
const MOST_DROPS: f64 = 6.0;

/// Draws `search.svg` and `search.png`; returns the files.
///
/// # Errors
/// What cannot be written.
pub fn draw(out: &Path, found: &Found) -> Result<Vec<PathBuf>> {
    super::save(out, "search", &scene(found))
}

fn scene(found: &Found) -> Scene {
    let float = 100.0 * found.float_first.frac().unwrap_or_default();
    let budget = float - 100.0 * found.max_drop;
    let least = float - 100.0 * found.max_drop.max(0.002) * MOST_DROPS;
    let accuracy = |t: &crate::search::curve::Tried| 100.0 * t.first.frac().unwrap_or_default();
    let shown: Vec<_> = found.tried.iter().filter(|t| accuracy(t) >= least).collect();
    let lowest = shown.iter().map(|t| accuracy(t)).fold(budget, f64::min);
    let lowest = lowest - 0.05 * (float - lowest).max(0.1);
    let most_bits = shown.iter().map(|t| t.counts.mean_bits()).fold(1.0, f64::max).ceil();
    let top = shown.iter().map(|t| accuracy(t)).fold(float, f64::max) + 0.05 * (float - lowest);
    let x = |bits: f64| LEFT + WIDTH * bits / most_bits;
    let y = |percent: f64| TOP + HEIGHT * (top - percent) / (top - lowest);
    let mut pen = Pen::new(LEFT + WIDTH + 200.0, TOP + HEIGHT + 60.0);
    let title = format!("{}: blocks of {} x {}", found.of.value("network"), found.block[0], found.block[1]);
    pen.text(LEFT + WIDTH / 2.0, 24.0, &title, 14, INK, TextAnchor::Middle);
    pen.text(LEFT + WIDTH / 2.0, 42.0, &format!("accuracy on the {} test images that choose", found.float_first.images), 11, MUTED, TextAnchor::Middle);
    let step = tick((top - lowest) / 6.0);
    for percent in ((lowest / step).ceil() as i64..=(top / step).floor() as i64).map(|i| i as f64 * step) {
        pen.stroke(&[(LEFT, y(percent)), (LEFT + WIDTH, y(percent))], GRID, 0.8);
        pen.text(LEFT - 9.0, y(percent) + 4.0, &format!("{percent:.1}"), 12, INK, TextAnchor::End);
    }
    for bits in 0..=most_bits as u32 {
        pen.stroke(&[(x(f64::from(bits)), TOP + HEIGHT), (x(f64::from(bits)), TOP + HEIGHT + 5.0)], INK, 1.0);
        pen.text(x(f64::from(bits)), TOP + HEIGHT + 19.0, &bits.to_string(), 12, INK, TextAnchor::Middle);
    }
    pen.stroke(&[(LEFT, TOP), (LEFT, TOP + HEIGHT), (LEFT + WIDTH, TOP + HEIGHT)], INK, 1.0);
    pen.text(LEFT + WIDTH / 2.0, TOP + HEIGHT + 44.0, "mean magnitude bits of a weight (mean_bits)", 13, INK, TextAnchor::Middle);
    pen.text_upwards(22.0, TOP + HEIGHT / 2.0, "top-1 accuracy (%)", 13, INK);
    for (percent, name) in [(float, "float"), (budget, "budget")] {
        pen.dashes(&[(LEFT, y(percent)), (LEFT + WIDTH, y(percent))]);
        pen.text(LEFT + WIDTH + 6.0, y(percent) + 4.0, name, 11, INK, TextAnchor::Start);
    }
    for (i, method) in METHODS.into_iter().enumerate() {
        let mut points: Vec<(f64, f64)> = shown.iter().filter(|t| t.method == method).map(|t| (x(t.counts.mean_bits()), y(accuracy(t)))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        pen.stroke(&points, color(i), 1.6);
        points.iter().for_each(|p| pen.marker(i, p.0, p.1));
        let at = (LEFT + WIDTH + 56.0, TOP + 60.0 + 20.0 * i as f64);
        pen.marker(i, at.0, at.1);
        pen.text(at.0 + 12.0, at.1 + 4.0, method.word(), 11, INK, TextAnchor::Start);
    }
    pen.scene
}

/// The least of 1, 2, 5 times a power of ten that is at least `least`.
pub(super) fn tick(least: f64) -> f64 {
    let power = 10f64.powf(least.max(1e-6).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|t| *t >= least).unwrap_or(10.0 * power)
}
