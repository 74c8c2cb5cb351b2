//! What a reader should know before using the numbers: missing blocks, tables of another sweep, warnings that the runs gave.

use super::folder::Folder;
use super::html::escape;
use crate::error::Result;
use serde_json::Value;

/// All of it as a list.
pub fn of(folder: &Folder) -> Result<String> {
    let mut lines = Vec::new();
    let missing = folder.missing_blocks();
    if missing > 0 {
        lines.push(format!("The sweep is not complete: the tables were made without {missing} of its blocks. Intervals are those of the chips that are there."));
    }
    lines.extend(other_sweep(folder));
    for (name, provenance) in &folder.provenance {
        let engines: Vec<&str> = provenance["engines"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if engines.len() > 1 {
            lines.push(format!("The blocks were made on different adapters ({}); the integers are the same on all ({name}).", engines.join("; ")));
            break;
        }
    }
    let mut given: Vec<&str> = folder.runs().into_iter().flat_map(|run| run["warnings"].as_array().into_iter().flatten()).filter_map(Value::as_str).collect();
    let mut seen = Vec::new();
    given.retain(|w| !seen.contains(w) && { seen.push(*w); true });
    lines.extend(given.into_iter().map(|w| format!("The run warned: {w}.")));
    if lines.is_empty() {
        return Ok(String::new());
    }
    Ok(format!("<ul class=\"warnings\">\n{}</ul>\n", lines.iter().map(|l| format!("<li>{}</li>\n", escape(l))).collect::<String>()))
}

/// Points of the sweep's last run that the summary lacks, or has with other chips.
fn other_sweep(folder: &Folder) -> Option<String> {
    let (manifest, summary) = (folder.manifest.as_ref()?, folder.table("summary.csv")?);
    let hash = summary.column("config_hash")?;
    let held = |p: &&crate::sweep::manifest::ManifestPoint| {
        let row = summary.rows.iter().find(|r| r[hash] == p.short());
        row.is_some_and(|r| summary.own(r, "trials") == p.trials.to_string())
    };
    let count = manifest.points.iter().filter(held).count();
    let (all, rows) = (manifest.points.len(), summary.rows.len());
    (count < all || rows != all).then(|| {
        format!("The last run was of {all} points; summary.csv has {rows}, {count} of them with all the chips asked for. `bwq merge` makes the tables of what is there now.")
    })
}
