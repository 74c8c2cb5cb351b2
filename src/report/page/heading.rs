//! The page's title and what was run.

use super::folder::{Csv, Folder};
use super::html::escape;
use std::path::Path;

/// The title: what is asked, of what.
pub fn title(folder: &Folder) -> String {
    let Some(first) = folder.tables.first() else { return "bwq".into() };
    let network = [value(first, "network"), of_training(folder, "network.model")].concat();
    let of = if network.is_empty() { String::new() } else { format!(" of {network}") };
    match first.file {
        "summary.csv" | "differences.csv" | "layers.csv" | "trials.csv" => format!("Accuracy{of} under variation"),
        "check.csv" => format!("Do enough chips keep the accuracy{of}?"),
        "explain.csv" | "explain_layers.csv" => format!("Where the accuracy{of} goes"),
        "pareto.csv" | "pareto_sets.csv" => format!("Accuracy{of} under variation against cost"),
        "curve.csv" => format!("Block precisions{of} by training"),
        "search.csv" | "search_layers.csv" => format!("Block precisions{of}"),
        _ => format!("What inference{of} takes on hardware"),
    }
}

/// What was run, in a paragraph.
pub fn lead(folder: &Folder) -> String {
    let Some(first) = folder.tables.first() else { return String::new() };
    let mut facts = vec![format!("<strong>bwq {}</strong>", escape(command(first.file)))];
    for (name, text) in [("network", "network "), ("dataset", "data "), ("images", ""), ("design", "design ")] {
        let value = value(first, name);
        if !value.is_empty() {
            facts.push(format!("{text}{}{}", escape(&value), if name == "images" { " test images" } else { "" }));
        }
    }
    for (key, text) in [("network.model", "network "), ("network.dataset", "data "), ("network.images", "")] {
        let value = of_training(folder, key);
        if !value.is_empty() {
            facts.push(format!("{text}{}{}", escape(&value), if key == "network.images" { " test images" } else { "" }));
        }
    }
    if let Some(column) = first.column("config_hash") {
        let mut points: Vec<&str> = first.rows.iter().map(|r| r[column].as_str()).collect();
        points.sort_unstable();
        points.dedup();
        facts.push(if points.len() == 1 { "1 point".into() } else { format!("{} points", points.len()) });
    }
    let axes: Vec<&str> = first.axes().into_iter().map(|c| first.header[c].as_str()).filter(|n| !["network", "design"].contains(n)).collect();
    if !axes.is_empty() && first.file != "cost_comparison.csv" {
        facts.push(format!("swept: {}", escape(&axes.join(", "))));
    }
    let of_table = first.column("tool_version").and_then(|c| Some(first.rows.first()?[c].clone()));
    let of_provenance = || folder.provenance.first().and_then(|(_, p)| Some(p["tool_version"].as_str()?.to_string()));
    let version = of_table.or_else(of_provenance).unwrap_or_else(|| "unknown".into());
    facts.push(format!("version {}", escape(&version)));
    format!("<p class=\"lead\">{}</p>\n", facts.join(" · "))
}

/// A value of a training, whose tables have no parameters: from its provenance. Of a path what a network or data set goes by, its file's
/// name, or its folder's where that says nothing.
fn of_training(folder: &Folder, key: &str) -> String {
    let known = folder.provenance.iter().find_map(|(_, p)| p["config"][key].as_str());
    let path = Path::new(known.unwrap_or_default().trim_matches('"'));
    let stem = |path: &Path| path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    match (stem(path), path.parent().map(stem)) {
        (own, Some(parent)) if own == "network" && !parent.is_empty() => parent,
        (own, _) => own,
    }
}

/// The subcommand that writes a table.
fn command(file: &str) -> &'static str {
    match file.split(['_', '.']).next().unwrap_or("") {
        "check" => "check",
        "explain" => "explain",
        "pareto" => "pareto",
        "search" => "search",
        "cost" => "cost",
        "curve" => "train",
        _ => "run",
    }
}

/// The values of a parameter, at most three of them by name.
fn value(table: &Csv, name: &str) -> String {
    let Some(column) = table.column(name).filter(|c| *c < table.first_own) else { return String::new() };
    let mut values: Vec<&str> = Vec::new();
    for row in &table.rows {
        if !values.contains(&row[column].as_str()) {
            values.push(&row[column]);
        }
    }
    if values.len() > 3 { format!("{} and {} more", values[..2].join(", "), values.len() - 2) } else { values.join(", ") }
}
