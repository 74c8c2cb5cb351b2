//! Figures of what inference costs: energy by part and by layer under each component set; several designs against the first.

use super::super::chart::{Chart, Mark, Series, side_by_side};
use super::super::folder::{Csv, Folder};
use super::super::numbers::{short, significant};
use crate::error::Result;
use std::collections::HashMap;

/// Parts that are drawn on their own; those with less energy are drawn together.
const MOST_PARTS: usize = 6;

/// Those of `cost_components.csv`, where it is of one network on one design, and of `cost_comparison.csv`.
pub fn of(folder: &Folder) -> Result<Vec<Chart>> {
    let one = folder.table("cost_components.csv").filter(|t| !["network", "design"].iter().any(|name| t.column(name).is_some_and(|c| t.varies(c))));
    let parts = one.and_then(by_part);
    let layers = one.and_then(by_layer);
    let compared = folder.table("cost_comparison.csv").map_or_else(Vec::new, compared);
    Ok(parts.into_iter().chain(layers).chain(compared).collect())
}

/// Component sets in the table's order.
fn sets(t: &Csv) -> Vec<&str> {
    let mut sets: Vec<&str> = Vec::new();
    for row in &t.rows {
        if !sets.contains(&t.own(row, "components")) {
            sets.push(t.own(row, "components"));
        }
    }
    sets
}

/// A bar for each component set, of its parts on each other.
fn by_part(t: &Csv) -> Option<Chart> {
    let sets = sets(t);
    let of_all = || t.rows.iter().filter(|r| t.own(r, "layer") == "all").filter_map(|r| Some((t.own(r, "components"), t.own(r, "part"), t.number(r, "energy_pj")?)));
    let mut totals: HashMap<&str, f64> = HashMap::new();
    of_all().for_each(|(set, _, pj)| *totals.entry(set).or_default() += pj);
    // A part ranks by the largest share it has under any set.
    let mut parts: Vec<(&str, f64)> = Vec::new();
    for (set, part, pj) in of_all() {
        let share = pj / totals[set].max(f64::MIN_POSITIVE);
        match parts.iter_mut().find(|p| p.0 == part) {
            Some(known) => known.1 = known.1.max(share),
            None => parts.push((part, share)),
        }
    }
    parts.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let own: Vec<&str> = parts.iter().take(MOST_PARTS).map(|p| p.0).collect();
    let ticks = side_by_side(sets.iter().copied());
    let width = 0.6 / sets.len().max(1) as f64;
    let mut series: Vec<Series> = own.iter().copied().chain(["all others"]).map(|part| Series { label: part.into(), joined: false, marks: Vec::new() }).collect();
    for (set, tick) in sets.iter().zip(&ticks) {
        let mut base = 0.0;
        for s in &mut series {
            let belongs = |part: &str| if s.label == "all others" { !own.contains(&part) } else { part == s.label };
            let pj: f64 = of_all().filter(|(of, part, _)| of == set && belongs(part)).map(|(_, _, pj)| pj).sum();
            if pj > 0.0 {
                let says = format!("{}, {set}\n{} uJ an image, {} % of {}", s.label, significant(pj / 1e6, 4), significant(100.0 * pj / totals[set], 3), significant(totals[set] / 1e6, 4));
                s.marks.push(Mark { x: tick.0, y: (base + pj / 2.0) / 1e6, interval: None, spread: None, bar: Some((width, pj / 1e6)), says });
                base += pj;
            }
        }
    }
    series.retain(|s| !s.marks.is_empty());
    let most = totals.values().copied().fold(0.0, f64::max) / 1e6;
    (!series.is_empty()).then(|| Chart {
        id: "energy-parts".into(),
        title: "Energy of an image, by part of the hardware.".into(),
        caption: "A bar for each set of published component figures; what lies apart is what is not known.".into(),
        x_label: "component set".into(),
        x_ticks: ticks,
        y_label: "energy of an image, uJ".into(),
        y_range: Some((0.0, 1.05 * most)),
        series,
        ..Chart::default()
    })
}

/// Energy of each layer, a line for each component set.
fn by_layer(t: &Csv) -> Option<Chart> {
    let mut layers: Vec<&str> = Vec::new();
    let mut energy: HashMap<(&str, &str), f64> = HashMap::new();
    for row in t.rows.iter().filter(|r| t.own(r, "layer") != "all") {
        let (set, layer) = (t.own(row, "components"), t.own(row, "layer"));
        if layers.last() != Some(&layer) && !layers.contains(&layer) {
            layers.push(layer);
        }
        *energy.entry((set, layer)).or_default() += t.number(row, "energy_pj").unwrap_or(0.0);
    }
    let ticks = side_by_side(layers.iter().copied());
    let series: Vec<Series> = sets(t)
        .into_iter()
        .map(|set| {
            let of_set: f64 = layers.iter().filter_map(|l| energy.get(&(set, *l))).sum();
            let mark = |(layer, tick): (&&str, &(f64, String))| {
                let pj = *energy.get(&(set, *layer))?;
                let says = format!("{layer}, {set}\n{} uJ an image, {} % of that of all layers", significant(pj / 1e6, 4), significant(100.0 * pj / of_set.max(f64::MIN_POSITIVE), 3));
                Some(Mark { x: tick.0, y: pj / 1e6, interval: None, spread: None, bar: None, says })
            };
            Series { label: set.into(), joined: true, marks: layers.iter().zip(&ticks).filter_map(mark).collect() }
        })
        .collect();
    (!layers.is_empty()).then(|| Chart {
        id: "energy-layers".into(),
        title: "Energy of an image, layer by layer.".into(),
        caption: "A line for each component set.".into(),
        x_label: "layer".into(),
        x_ticks: ticks,
        y_label: "energy of an image, uJ".into(),
        series,
        ..Chart::default()
    })
}

/// Gains over the first design: energy and speed, network by network.
fn compared(t: &Csv) -> Vec<Chart> {
    let figures = [("energy-gains", "energy_gain", "Energy"), ("speedups", "speedup", "Speed")];
    figures.into_iter().filter_map(|(id, column, what)| gains(t, id, column, what)).collect()
}

fn gains(t: &Csv, id: &str, column: &str, what: &str) -> Option<Chart> {
    let [network, design] = [t.column("network")?, t.column("design")?];
    let mut networks: Vec<&str> = t.rows.iter().map(|r| r[network].as_str()).collect();
    networks.dedup();
    networks.sort_unstable();
    networks.dedup();
    let ticks = side_by_side(networks.iter().copied());
    let mut series: Vec<Series> = Vec::new();
    for row in &t.rows {
        let (Some(gain), baseline) = (t.number(row, column).filter(|g| *g > 0.0), t.own(row, "baseline")) else { continue };
        let label = format!("{}, bit planes {}, copies: {}", row[design], t.column("bit_planes").map_or("", |c| &row[c]), t.own(row, "copies"));
        if row[design] == baseline {
            continue;
        }
        let Some(tick) = ticks.iter().find(|k| k.1 == row[network]) else { continue };
        let says = format!("{}, {label}\n{column} {} times {baseline} under {}\nspeed {} times, energy {} times, area {} times less", row[network], significant(gain, 4), t.own(row, "components"), short(t.own(row, "speedup")), short(t.own(row, "energy_gain")), short(t.own(row, "area_gain")));
        let mark = Mark { x: tick.0, y: libm::log10(gain), interval: None, spread: None, bar: None, says };
        match series.iter_mut().find(|s| s.label == label) {
            Some(of) => of.marks.push(mark),
            None => series.push(Series { label, joined: false, marks: vec![mark] }),
        }
    }
    let count = series.len() as f64;
    for (i, s) in series.iter_mut().enumerate() {
        s.marks.iter_mut().for_each(|m| m.x += 0.02 * (i as f64 - (count - 1.0) / 2.0));
    }
    let baseline = t.rows.first().map_or("", |r| t.own(r, "baseline"));
    (!series.is_empty()).then(|| Chart {
        id: id.into(),
        title: format!("{what} against {baseline}."),
        caption: "A mark for each component set; above 1 is better than the first design.".into(),
        x_label: "network".into(),
        x_ticks: ticks,
        y_label: format!("{column}, times"),
        y_factors: true,
        series,
        reference: Some((baseline.into(), vec![(0.0, 0.0), (1.0, 0.0)])),
        ..Chart::default()
    })
}
