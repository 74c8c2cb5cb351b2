//! Mean accuracy against cost, a front for each component set: `pareto.svg` and `pareto.png`.
//!
//! Each set prices the same points, so a set is a cloud of its own along the axis, and their distance is what published figures
//! differ by. Full markers passed, pale ones did not; the line is the front, by means; whiskers are 95 % intervals of means.

use super::pen::{GRID, INK, MUTED, Pen, color};
use crate::config::pareto::{Figure, ParetoConfig};
use crate::error::Result;
use crate::pareto::{Found, OnChips, ParetoPoint};
use crate::stats::Verdict;
use kuva::render::render::{Scene, TextAnchor};
use std::path::{Path, PathBuf};

const LEFT: f64 = 72.0;
const TOP: f64 = 56.0;
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 300.0;
/// Losses beyond so many times the allowed one are left out, and counted in a line: they would flatten the rest.
const MOST_LOSSES: f64 = 8.0;

/// Draws the figure; returns the files. Without chips there is none.
///
/// # Errors
/// What cannot be written.
pub fn draw(out: &Path, found: &Found, settings: &ParetoConfig) -> Result<Vec<PathBuf>> {
    let scene = scene(found, settings.minimize[0]);
    scene.map_or_else(|| Ok(Vec::new()), |scene| super::save(out, "pareto", &scene))
}

fn scene(found: &Found, figure: Figure) -> Option<Scene> {
    let all: Vec<(&ParetoPoint, &OnChips)> = found.points.iter().filter_map(|p| Some((p, p.chips.as_ref()?))).collect();
    let accuracy = |p: &ParetoPoint, correct: u64| 100.0 * correct as f64 / p.point.images.max(1) as f64;
    let bars: Vec<f64> = all.iter().map(|(p, _)| accuracy(p, p.least_correct)).collect();
    let (bar, best) = (bars.iter().fold(f64::MAX, |a, &b| a.min(b)), all.iter().map(|(_, c)| 100.0 * c.interval.hi).fold(f64::MIN, f64::max));
    let allowed = all.iter().map(|(p, _)| 100.0 * p.point.max_drop).fold(0.2, f64::max);
    let floor = bar - (MOST_LOSSES - 1.0) * allowed;
    let shown: Vec<_> = all.iter().filter(|(_, c)| 100.0 * c.mean >= floor).collect();
    let least = shown.iter().map(|(_, c)| (100.0 * c.interval.lo).max(floor)).fold(bar, f64::min);
    let (lo, hi) = (least - 0.05 * (best.max(bar) - least).max(0.1), best.max(bar) + 0.05 * (best.max(bar) - least).max(0.1));
    let costs: Vec<f64> = shown.iter().flat_map(|(p, _)| p.cost.sets.iter().map(|s| s.figure(figure))).collect();
    let (cheap, dear) = (costs.iter().fold(f64::MAX, |a, &b| a.min(b)).log10(), costs.iter().fold(f64::MIN, |a, &b| a.max(b)).log10());
    if shown.is_empty() || !(cheap.is_finite() && dear.is_finite()) {
        return None;
    }
    let x = |cost: f64| LEFT + WIDTH * (0.03 + 0.94 * (cost.log10() - cheap) / (dear - cheap).max(1e-9));
    let y = |frac: f64| TOP + HEIGHT * (hi - (100.0 * frac).clamp(lo, hi)) / (hi - lo);
    let mut pen = Pen::new(LEFT + WIDTH + 170.0, TOP + HEIGHT + 62.0);
    let name = shown.first().map_or("", |(p, _)| p.point.value("network"));
    pen.text(LEFT + WIDTH / 2.0, 24.0, &format!("{name}: accuracy under variation against cost"), 14, INK, TextAnchor::Middle);
    let left_out = all.len() - shown.len();
    let note = if left_out > 0 { format!("; {left_out} points far below are left out") } else { String::new() };
    pen.text(LEFT + WIDTH / 2.0, 42.0, &format!("mean of {} chips with 95 % intervals{note}", shown[0].1.mean_chips), 11, MUTED, TextAnchor::Middle);
    let step = super::trade_off::tick((hi - lo) / 6.0);
    for percent in ((lo / step).ceil() as i64..=(hi / step).floor() as i64).map(|i| i as f64 * step) {
        pen.stroke(&[(LEFT, y(percent / 100.0)), (LEFT + WIDTH, y(percent / 100.0))], GRID, 0.8);
        pen.text(LEFT - 9.0, y(percent / 100.0) + 4.0, &format!("{percent:.1}"), 12, INK, TextAnchor::End);
    }
    for at in ticks(cheap, dear) {
        pen.stroke(&[(x(at), TOP + HEIGHT), (x(at), TOP + HEIGHT + 5.0)], INK, 1.0);
        pen.text(x(at), TOP + HEIGHT + 19.0, &in_units(at), 12, INK, TextAnchor::Middle);
    }
    pen.stroke(&[(LEFT, TOP), (LEFT, TOP + HEIGHT), (LEFT + WIDTH, TOP + HEIGHT)], INK, 1.0);
    pen.text(LEFT + WIDTH / 2.0, TOP + HEIGHT + 46.0, label(figure), 13, INK, TextAnchor::Middle);
    pen.text_upwards(22.0, TOP + HEIGHT / 2.0, "top-1 accuracy (%)", 13, INK);
    if bars.iter().all(|b| (b - bar).abs() < 1e-9) {
        pen.dashes(&[(LEFT, y(bar / 100.0)), (LEFT + WIDTH, y(bar / 100.0))]);
        pen.text(LEFT + WIDTH + 6.0, y(bar / 100.0) + 4.0, "a chip passes", 11, INK, TextAnchor::Start);
    }
    for (i, set) in found.sets.iter().enumerate() {
        let mut front = Vec::new();
        for (p, c) in &shown {
            let Some(cost) = p.cost.under(set).map(|s| s.figure(figure)) else { continue };
            let at = (x(cost), y(c.mean));
            pen.stroke(&[(at.0, y(c.interval.lo)), (at.0, y(c.interval.hi))], color(i), 0.8);
            if p.verdict() == Some(Verdict::Pass) { pen.marker(i, at.0, at.1) } else { pen.pale_marker(i, at.0, at.1) }
            if p.places.iter().any(|(s, place)| s == set && place.on) {
                front.push(at);
            }
        }
        front.sort_by(|a, b| a.0.total_cmp(&b.0));
        pen.stroke(&front, color(i), 1.6);
        let key = (LEFT + WIDTH + 16.0, TOP + HEIGHT - 20.0 * (found.sets.len() - i) as f64);
        pen.marker(i, key.0, key.1);
        pen.text(key.0 + 12.0, key.1 + 4.0, set, 11, INK, TextAnchor::Start);
    }
    pen.text(LEFT + WIDTH + 10.0, TOP + HEIGHT - 20.0 * (found.sets.len() + 1) as f64, "full: passed", 11, MUTED, TextAnchor::Start);
    Some(pen.scene)
}

/// 1, 2 and 5 times powers of ten between two powers; powers of ten only where that would be many.
fn ticks(least: f64, most: f64) -> Vec<f64> {
    let steps: &[f64] = if most - least > 1.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let powers = least.floor() as i32..=most.ceil() as i32;
    let all = powers.flat_map(|p| steps.iter().map(move |s| s * 10f64.powi(p)));
    all.filter(|t| (least - 1e-9..=most + 1e-9).contains(&t.log10())).collect()
}

/// pJ as uJ, ns as ms, um2 as mm2.
fn in_units(value: f64) -> String {
    let value = value * 1e-6;
    if value >= 1000.0 { format!("{value:.0}") } else { crate::stats::number((value * 1e9).round() * 1e-9) }
}

fn label(figure: Figure) -> &'static str {
    match figure {
        Figure::Energy => "energy of an image (uJ), by component set",
        Figure::Latency => "time of an image (ms), by component set",
        Figure::Area => "area (mm2), by component set",
    }
}
