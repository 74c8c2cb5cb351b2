//! Where numbers come from: `NAME.provenance.json` beside each table. What differs from run to run (times, host,
//! adapter) stands here and never in the CSV.

use crate::error::{Error, Result};
use crate::sweep::atomic;
use crate::sweep::manifest::ManifestPoint;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// The commit the program was built from; `-dirty` behind it where sources were changed.
pub const COMMIT: &str = match option_env!("BWQ_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// The provenance of a table of these points: points with all values and hashes, engines, and every run.
pub fn text(out: &Path, points: &[&ManifestPoint], engines: &BTreeSet<String>, missing: u64) -> Result<String> {
    let points: Vec<Value> = points
        .iter()
        .map(|p| json!({ "config_hash": p.hash, "seed": p.seed, "trials": p.trials, "images": p.images, "config": p.columns.iter().cloned().collect::<std::collections::BTreeMap<_, _>>() }))
        .collect();
    let value = json!({
        "tool": "bwq",
        "tool_version": env!("CARGO_PKG_VERSION"),
        "commit": COMMIT,
        "engines": engines,
        "missing_blocks": missing,
        "points": points,
        "runs": runs(out)?,
    });
    serde_json::to_string_pretty(&value).map(|mut text| { text.push('\n'); text }).map_err(|e| Error::internal(e.to_string()))
}

/// The same for a command that keeps no log of its runs: with the command line and the host.
pub fn of_command(out: &Path, points: &[&ManifestPoint], engine: &str, command: &[String]) -> Result<String> {
    let text = text(out, points, &BTreeSet::from([engine.to_string()]), 0)?;
    let mut value: Value = serde_json::from_str(&text).map_err(|e| Error::internal(e.to_string()))?;
    (value["command"], value["host"]) = (json!(command), json!(atomic::host()));
    Ok(serde_json::to_string_pretty(&value).map_err(|e| Error::internal(e.to_string()))? + "\n")
}

/// The text with a section of values by their keys.
pub fn with(text: &str, section: &str, values: &[(&str, String)]) -> Result<String> {
    let internal = |e: serde_json::Error| Error::internal(e.to_string());
    let mut value: Value = serde_json::from_str(text).map_err(internal)?;
    value[section] = values.iter().map(|(key, v)| (key.to_string(), Value::from(v.clone()))).collect::<serde_json::Map<_, _>>().into();
    Ok(serde_json::to_string_pretty(&value).map_err(internal)? + "\n")
}

/// The logs of all runs in the folder, oldest first.
fn runs(out: &Path) -> Result<Vec<Value>> {
    let folder = out.join("runs");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
    let mut names: Vec<_> = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    names.sort();
    let read = |p: &std::path::PathBuf| {
        let text = std::fs::read(p).map_err(|e| Error::io(p, "read", &e))?;
        serde_json::from_slice(&text).map_err(|e| Error::input(p.display(), format!("not a run log: {e}")).hint("move the file away"))
    };
    names.iter().map(read).collect()
}
