//! The question's answer in a few sentences, made of the tables.

use super::folder::{Csv, Folder};
use super::html::paragraph;
use super::numbers::{millionth, percent, short, with_ends};
use crate::error::Result;

/// Points whose yields are listed one by one.
const FEW: usize = 8;

/// A table's answer, a paragraph for each text.
type Answer = fn(&Csv) -> Vec<String>;

/// The answers of all tables that hold one.
pub fn of(folder: &Folder) -> Result<String> {
    let makers: [(&str, Answer); 7] = [
        ("summary.csv", of_sweep),
        ("check.csv", of_check),
        ("explain.csv", of_explain),
        ("pareto.csv", of_pareto),
        ("search.csv", of_search),
        ("curve.csv", of_training),
        ("cost_summary.csv", of_cost),
    ];
    let tables = makers.iter().filter_map(|(file, of)| Some(of(folder.table(file)?)));
    Ok(tables.flatten().map(|sentences| paragraph(&sentences)).collect())
}

fn at(table: &Csv, row: &[String]) -> String {
    let place = table.place(row, &[]);
    if place.is_empty() { String::new() } else { format!(" at {place}") }
}

/// The rows with the least and the most of a column.
fn extremes<'a>(table: &'a Csv, name: &str) -> Option<(&'a Vec<String>, &'a Vec<String>)> {
    let valued = || table.rows.iter().filter_map(|r| Some((table.number(r, name)?, r)));
    Some((valued().min_by(|a, b| a.0.total_cmp(&b.0))?.1, valued().max_by(|a, b| a.0.total_cmp(&b.0))?.1))
}

fn of_sweep(t: &Csv) -> Vec<String> {
    let mean = |row: &[String]| with_ends(t.number(row, "accuracy_mean_frac").unwrap_or(f64::NAN), t.ends(row, "accuracy_mean_lo95_frac", "accuracy_mean_hi95_frac"));
    let chip_yield = |row: &[String]| with_ends(t.number(row, "yield_frac").unwrap_or(f64::NAN), t.ends(row, "yield_lo95_frac", "yield_hi95_frac"));
    let Some((worst, best)) = extremes(t, "accuracy_mean_frac") else { return Vec::new() };
    let quantised = t.number(best, "quantised_accuracy_frac").map_or(String::new(), |q| format!("; the quantised network alone reaches {} %", percent(q)));
    let first = if t.rows.len() == 1 {
        format!("The mean accuracy is {} over {} chips{quantised}.", mean(best), t.own(best, "trials"))
    } else {
        format!("The mean accuracy runs from {}{} to {}{}{quantised}.", mean(best), at(t, best), mean(worst), at(t, worst))
    };
    let drop = t.column("max_drop_frac").filter(|c| !t.varies(*c)).and_then(|c| best[c].parse().ok()).map_or("max_drop".into(), |d| format!("{} points", percent(d)));
    let passes = format!("A chip passes if it loses at most {drop} against the quantised network");
    let second = if t.rows.len() <= FEW {
        let yields: Vec<String> = t.rows.iter().map(|r| format!("{}{}", chip_yield(r), at(t, r))).collect();
        format!("{passes}; the yield is {}.", yields.join("; "))
    } else {
        let all = |r: &&Vec<String>| t.number(r, "yield_frac") == Some(1.0);
        let half = |r: &&Vec<String>| t.number(r, "yield_frac").is_some_and(|y| y >= 0.5);
        format!("{passes}: all chips pass at {} of {} points, at least half of them at {}.", t.rows.iter().filter(all).count(), t.rows.len(), t.rows.iter().filter(half).count())
    };
    vec![first, format!("{second} Brackets: 95 % intervals, for these test images.")]
}

fn of_check(t: &Csv) -> Vec<String> {
    let Some(first) = t.rows.first() else { return Vec::new() };
    let asked = t.number(first, "yield_asked_frac").map_or("?".into(), percent);
    let confidence = t.number(first, "confidence").map_or("?".into(), percent);
    let row = |r: &Vec<String>| {
        let seen = t.number(r, "yield_frac").map_or(String::new(), |y| format!(" (yield {} over {} chips)", with_ends(y, t.ends(r, "yield_lo_frac", "yield_hi_frac")), t.own(r, "chips")));
        let place = t.place(r, &[]);
        format!("{}{}{seen}", if place.is_empty() { String::new() } else { format!("{place}: ") }, t.own(r, "verdict").to_uppercase())
    };
    let (list, more) = (t.rows.iter().take(FEW).map(row).collect::<Vec<_>>().join("; "), t.rows.len().saturating_sub(FEW));
    let mut answer = vec![format!("Do at least {asked} % of chips keep the accuracy, at a confidence of {confidence} %? {list}{}.", if more > 0 { format!("; {more} more points stand in the table") } else { String::new() })];
    let mut safe: Vec<&str> = t.rows.iter().map(|r| t.own(r, "largest_safe_ou_wordlines")).filter(|s| !s.is_empty()).collect();
    safe.sort_by_key(|s| s.parse::<u64>().unwrap_or(0));
    safe.dedup();
    match safe[..] {
        [] => answer.push("No ou_wordlines is shown to be safe.".into()),
        [one] => answer.push(format!("The largest ou_wordlines shown to be safe is {one}.")),
        [least, .., most] => answer.push(format!("The largest ou_wordlines shown to be safe is {least} to {most}, as other values have it.")),
    }
    answer
}

fn of_explain(t: &Csv) -> Vec<String> {
    let losses = |r: &Vec<String>| with_ends(t.number(r, "loss_added_frac").unwrap_or(f64::NAN), t.ends(r, "loss_added_lo95_frac", "loss_added_hi95_frac"));
    let Some(hash) = t.column("config_hash") else { return Vec::new() };
    let mut answer = Vec::new();
    for point in t.rows.chunk_by(|a, b| a[hash] == b[hash]).take(FEW) {
        let causes = || point.iter().filter_map(|r| Some((t.number(r, "loss_added_frac")?, r)));
        let (Some(most), Some(last)) = (causes().max_by(|a, b| a.0.total_cmp(&b.0)), point.last()) else { continue };
        let after = t.number(last, "accuracy_after_frac").map_or("?".into(), percent);
        let place = t.place(last, &[]);
        let place = if place.is_empty() { String::new() } else { format!("At {place}: ") };
        answer.push(format!("{place}With all causes together the mean accuracy is {after} %. The one that costs most when it is added is {} ({}): {}, in points of accuracy.", t.own(most.1, "cause"), t.own(most.1, "setting"), losses(most.1)));
    }
    answer
}

fn of_pareto(t: &Csv) -> Vec<String> {
    let passing = || t.rows.iter().filter(|r| t.own(r, "verdict") == "pass").filter_map(|r| Some((t.number(r, "energy_min_pj")?, r)));
    let count = passing().count();
    let Some((_, cheapest)) = passing().min_by(|a, b| a.0.total_cmp(&b.0)) else {
        return vec![format!("None of {} points is shown to keep the accuracy in enough chips.", t.rows.len())];
    };
    let variant = t.own(cheapest, "variant");
    let names = [variant.to_string(), t.place(cheapest, &[])].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(", ");
    vec![format!(
        "{count} of {} points keep the accuracy in enough chips. The one of them with the least `energy_min_pj`, the least over the component sets, is {names}: {} to {} uJ an image (each set has a cheapest of its own: pareto_sets.csv), mean accuracy {}, yield {}.",
        t.rows.len(),
        millionth(t, cheapest, "energy_min_pj"),
        millionth(t, cheapest, "energy_max_pj"),
        with_ends(t.number(cheapest, "accuracy_mean_frac").unwrap_or(f64::NAN), t.ends(cheapest, "accuracy_mean_lo95_frac", "accuracy_mean_hi95_frac")),
        with_ends(t.number(cheapest, "yield_frac").unwrap_or(f64::NAN), t.ends(cheapest, "yield_lo_frac", "yield_hi_frac")),
    )]
}

fn of_search(t: &Csv) -> Vec<String> {
    let kept = t.rows.iter().filter(|r| t.own(r, "keeps_budget") == "true").filter_map(|r| Some((t.number(r, "mean_bits")?, r)));
    let Some((_, best)) = kept.min_by(|a, b| a.0.total_cmp(&b.0)) else { return vec![format!("None of {} candidates keeps the budget of accuracy.", t.rows.len())] };
    let unseen = t.number(best, "unseen_accuracy_frac").map_or(String::new(), |a| format!(", {} % on {} images that had no say", percent(a), t.own(best, "unseen_images")));
    vec![format!(
        "Of {} candidates, the one with the fewest bits that keeps the budget is {} at {}: {} magnitude bits a weight, {} times smaller than 32-bit weights, accuracy {} % on the {} images that chose{unseen}.",
        t.rows.len(),
        t.own(best, "method"),
        short(t.own(best, "setting")),
        short(t.own(best, "mean_bits")),
        short(t.own(best, "compression")),
        t.number(best, "accuracy_frac").map_or("?".into(), percent),
        t.own(best, "images"),
    )]
}

fn of_training(t: &Csv) -> Vec<String> {
    let Some(setting) = t.column("setting") else { return Vec::new() };
    let ends = t.rows.chunk_by(|a, b| a[setting] == b[setting]).filter_map(|rows| rows.last());
    let answer = ends.take(FEW).map(|r| {
        format!(
            "With {}-bit activations and alpha {}, after {} epochs: {} % of the test images, by the integers that the engine runs, at {} magnitude bits a weight, {} times smaller than 32-bit weights.",
            t.own(r, "activation_bits"),
            t.own(r, "alpha"),
            t.own(r, "epoch"),
            t.number(r, "accuracy_frac").map_or("?".into(), percent),
            short(t.own(r, "mean_bits")),
            short(t.own(r, "compression")),
        )
    });
    answer.collect()
}

fn of_cost(t: &Csv) -> Vec<String> {
    let range = |name: &str, unit: &str| {
        let (least, most) = extremes(t, name)?;
        let value = |row| if name == "area_mm2" { short(t.own(row, name)) } else { millionth(t, row, name) };
        let (least, most) = (value(least), value(most));
        Some(if least == most { format!("{least} {unit}") } else { format!("{least} to {most} {unit}") })
    };
    let figures: Vec<String> = [("energy_pj", "uJ an image"), ("latency_ns", "ms an image"), ("area_mm2", "mm2")].into_iter().filter_map(|(name, unit)| range(name, unit)).collect();
    if figures.is_empty() { Vec::new() } else { vec![format!("Over the networks, designs and component sets of the table: {}.", figures.join(", "))] }
}
