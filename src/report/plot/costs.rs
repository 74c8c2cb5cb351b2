//! Costs as figures: of several designs, what each gains over the first, network by network; of one, the parts of its energy.

use super::pen::{GRID, INK, MUTED, Pen, color, text_width};
use crate::cost::price::Band;
use crate::error::Result;
use crate::report::cost::Bill;
use crate::report::cost_comparison::{Gain, gains, has_others};
use kuva::render::render::{Scene, TextAnchor};
use std::path::{Path, PathBuf};

const LEFT: f64 = 72.0;
const HEIGHT: f64 = 210.0;
const BETWEEN: f64 = 60.0;
const TOP: f64 = 64.0;

/// Draws `cost_comparison`, or `cost_breakdown` of a single cost, as SVG and PNG; returns the files. Several costs on one design have
/// no figure.
///
/// # Errors
/// What cannot be written.
pub fn draw(out: &Path, bills: &[Bill]) -> Result<Vec<PathBuf>> {
    match bills {
        [bill] => super::save(out, "cost_breakdown", &breakdown(bill)),
        bills if has_others(bills) => super::save(out, "cost_comparison", &comparison(bills)),
        _ => Ok(Vec::new()),
    }
}

/// A gain of the several.
type Of = fn(&Gain) -> f64;

/// Names in order of first appearance.
fn names<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names = Vec::new();
    all.for_each(|n| if !names.contains(&n) { names.push(n) });
    names
}

fn comparison(bills: &[Bill]) -> Scene {
    let networks = names(bills.iter().map(|b| b.costed.network.as_str()));
    let baseline = bills[0].costed.design.name;
    let designs: Vec<&str> = names(bills.iter().map(|b| b.costed.design.name)).into_iter().filter(|d| *d != baseline).collect();
    let step = (12.0 * designs.len() as f64 + 14.0).max(40.0);
    let width = step * networks.len() as f64;
    let mut pen = Pen::new(LEFT + width + 130.0, TOP + 2.0 * HEIGHT + BETWEEN + 130.0);
    let copies = if bills.iter().any(|b| b.costed.layers.iter().any(|l| l.replicas > 1)) { "copies of layers within a budget of arrays" } else { "no copies of layers" };
    let planes = crate::config::Choice::word(bills[0].costed.scheme.bit_planes);
    pen.text(LEFT + width / 2.0, 24.0, &format!("gains over {baseline}"), 14, INK, TextAnchor::Middle);
    pen.text(LEFT + width / 2.0, 42.0, &format!("bit planes of {baseline} {planes}, {copies}; lines span the component sets"), 11, MUTED, TextAnchor::Middle);
    let panels: [(&str, Of); 2] = [("speed-up", |g| g.speedup), ("energy gain", |g| g.energy)];
    for (i, (label, of)) in panels.into_iter().enumerate() {
        let top = TOP + i as f64 * (HEIGHT + BETWEEN);
        let bands: Vec<(usize, usize, Band)> = bills.iter().filter_map(|bill| {
            let design = designs.iter().position(|d| *d == bill.costed.design.name)?;
            let network = networks.iter().position(|n| *n == bill.costed.network)?;
            Some((network, design, Band::of(gains(bills, bill).iter().map(of))?))
        }).collect();
        let least = bands.iter().map(|b| b.2.min).fold(1.0, f64::min);
        let most = bands.iter().map(|b| b.2.max).fold(1.0, f64::max);
        let (low, high) = (libm::floor(libm::log10(least) - 1e-9), libm::ceil(libm::log10(most) + 1e-9));
        let y = |gain: f64| top + HEIGHT * (high - libm::log10(gain)) / (high - low);
        for power in low as i32..=high as i32 {
            for k in 1..10 {
                let at = y(f64::from(k) * libm::pow(10.0, power.into()));
                if at >= top - 0.5 && (k == 1 || power < high as i32) {
                    pen.stroke(&[(LEFT, at), (LEFT + width, at)], GRID, if k == 1 { 1.2 } else { 0.4 });
                }
            }
            let value = if power >= 0 { format!("{}", 10u64.pow(power as u32)) } else { format!("{}", libm::pow(10.0, power.into())) };
            pen.text(LEFT - 9.0, y(libm::pow(10.0, power.into())) + 4.0, &value, 12, INK, TextAnchor::End);
        }
        pen.dashes(&[(LEFT, y(1.0)), (LEFT + width, y(1.0))]);
        for &(network, design, band) in &bands {
            let x = LEFT + step * network as f64 + 7.0 + 12.0 * (design as f64 + 0.5);
            pen.stroke(&[(x, y(band.min)), (x, y(band.max))], color(design), 2.4);
            pen.marker(design, x, y((band.min * band.max).sqrt()));
        }
        pen.stroke(&[(LEFT, top), (LEFT, top + HEIGHT), (LEFT + width, top + HEIGHT)], INK, 1.0);
        pen.text_upwards(22.0, top + HEIGHT / 2.0, label, 13, INK);
    }
    let bottom = TOP + 2.0 * HEIGHT + BETWEEN;
    for (i, name) in networks.iter().enumerate() {
        // Two lines in turn, so that long names do not meet.
        let (family, rest) = name.split_once('-').unwrap_or((name, ""));
        let x = LEFT + step * (i as f64 + 0.5);
        pen.text(x, bottom + 17.0, &shortened(family), 9, INK, TextAnchor::Middle);
        pen.text(x, bottom + 29.0, &shortened(rest), 9, MUTED, TextAnchor::Middle);
    }
    for (i, design) in designs.iter().enumerate() {
        let y = TOP + 20.0 * (i as f64 + 0.5);
        pen.marker(i, LEFT + width + 24.0, y);
        pen.text(LEFT + width + 36.0, y + 4.0, design, 12, INK, TextAnchor::Start);
    }
    pen.scene
}

/// A name no longer than its room.
fn shortened(name: &str) -> String {
    name.chars().take(14).collect()
}

/// Parts below this share of every set's energy are drawn as one.
const SMALL: f64 = 0.01;
const BAR: f64 = 26.0;
const LINE: f64 = 44.0;
const WIDTH: f64 = 520.0;

fn breakdown(bill: &Bill) -> Scene {
    let sets = &bill.prices.sets;
    let share = |set: usize, part: &str| {
        let cost = &sets[set].total;
        cost.columns().find(|(name, _)| *name == part).map_or(0.0, |(_, pj)| pj / cost.total_pj())
    };
    let parts: Vec<&str> = sets.first().map(|p| p.total.columns().map(|(name, _)| name).collect()).unwrap_or_default();
    let mut shown: Vec<&str> = parts.iter().copied().filter(|part| (0..sets.len()).any(|s| share(s, part) >= SMALL)).collect();
    let most = |part: &str| (0..sets.len()).map(|s| share(s, part)).fold(0.0, f64::max);
    shown.sort_by(|a, b| most(b).total_cmp(&most(a)));
    let left = sets.iter().map(|p| text_width(&p.set, 12)).fold(80.0, f64::max) + 24.0;
    let bottom = TOP + LINE * sets.len() as f64;
    let lines = (shown.len() + 1).div_ceil(4) as f64;
    let mut pen = Pen::new(left + WIDTH + 110.0, bottom + 44.0 + 18.0 * lines);
    pen.text(left + WIDTH / 2.0, 24.0, &format!("energy of an image: {} on {}", bill.costed.network, bill.costed.design.name), 14, INK, TextAnchor::Middle);
    pen.text(left + WIDTH / 2.0, 42.0, "shares of the parts under each component set", 11, MUTED, TextAnchor::Middle);
    for (s, priced) in sets.iter().enumerate() {
        let y = TOP + LINE * s as f64;
        pen.text(left - 12.0, y + BAR / 2.0 + 4.0, &priced.set, 12, INK, TextAnchor::End);
        let mut from = 0.0;
        for (i, part) in shown.iter().enumerate() {
            let to = from + share(s, part);
            rectangle(&mut pen, left + WIDTH * from, y, WIDTH * (to - from), i, shown.len());
            from = to;
        }
        rectangle(&mut pen, left + WIDTH * from, y, WIDTH * (1.0 - from).max(0.0), shown.len(), shown.len());
        pen.text(left + WIDTH + 8.0, y + BAR / 2.0 + 4.0, &format!("{:.4} uJ", priced.total.total_pj() * 1e-6), 11, INK, TextAnchor::Start);
    }
    for (i, name) in shown.iter().copied().chain(["all others"]).enumerate() {
        let (x, y) = (left + (i % 4) as f64 * 140.0, bottom + 24.0 + 18.0 * (i / 4) as f64);
        pen.area(&corners(x, y - 9.0, 10.0, 10.0), shade(i, shown.len()), opacity(i), None);
        pen.text(x + 15.0, y, &name.replace('_', " "), 11, INK, TextAnchor::Start);
    }
    pen.scene
}

fn rectangle(pen: &mut Pen, x: f64, y: f64, width: f64, i: usize, others: usize) {
    if width > 0.0 {
        pen.area(&corners(x, y, width, BAR), shade(i, others), opacity(i), Some(0.6));
    }
}

fn corners(x: f64, y: f64, width: f64, height: f64) -> [(f64, f64); 4] {
    [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
}

/// The colours come round after seven; then they are lighter.
fn shade(i: usize, others: usize) -> &'static str {
    if i == others { MUTED } else { color(i) }
}

fn opacity(i: usize) -> Option<f64> {
    (i >= 7).then_some(0.45)
}
