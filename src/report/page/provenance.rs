//! Where the numbers come from: points with their hashes, runs with their commands, times and machines.

use super::folder::{Csv, Folder};
use super::html::{Head, escape, folded, pairs, paragraph, table};
use super::numbers::{significant, utc};
use crate::error::Result;
use serde_json::Value;

/// All of it, from the files beside the tables.
pub fn of(folder: &Folder) -> Result<String> {
    let Some((file, first)) = folder.provenance.first() else {
        return Ok(paragraph("No provenance file lies beside the tables."));
    };
    let mut facts = vec![("program".to_string(), escape(&format!("{} {}, commit {}", text(&first["tool"]), text(&first["tool_version"]), text(&first["commit"]))))];
    if let Some(engines) = first["engines"].as_array() {
        facts.push(("engine and adapter".into(), escape(&engines.iter().map(text).collect::<Vec<_>>().join("; "))));
    }
    if first["command"].is_array() {
        facts.push(("command".into(), code(&first["command"])));
    }
    if first["host"].is_string() {
        facts.push(("host".into(), escape(&text(&first["host"]))));
    }
    if let Some(missing) = first["missing_blocks"].as_u64() {
        facts.push(("missing blocks".into(), missing.to_string()));
    }
    facts.push(("files".into(), escape(&folder.provenance.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "))));
    let mut html = paragraph(&format!("From {file}."));
    html += &pairs(&facts);
    html += &runs(folder);
    html += &points(folder, first);
    Ok(html)
}

/// Each run with its command, times and host.
fn runs(folder: &Folder) -> String {
    let mut html = String::new();
    for (i, run) in folder.runs().into_iter().enumerate() {
        let (started, ended) = (run["started_unix_s"].as_f64().unwrap_or(0.0), run["ended_unix_s"].as_f64().unwrap_or(0.0));
        let mut facts = vec![
            ("command".to_string(), code(&run["command"])),
            ("started".into(), utc(started)),
            ("took".into(), format!("{} s", significant((ended - started).max(0.0), 4))),
            ("blocks made, found".into(), format!("{}, {}", run["blocks_made"].as_u64().unwrap_or(0), run["blocks_found"].as_u64().unwrap_or(0))),
            ("engine".into(), escape(&text(&run["engine"]))),
            ("host".into(), escape(&text(&run["host"]))),
            ("program".into(), escape(&format!("{}, commit {}", text(&run["tool_version"]), text(&run["commit"])))),
        ];
        if run["preset"].is_string() {
            facts.push(("preset".into(), escape(&text(&run["preset"]))));
        }
        html += &format!("<h3>Run {}</h3>\n{}", i + 1, pairs(&facts));
    }
    html
}

/// Hashes and seeds.
fn points(folder: &Folder, first: &Value) -> String {
    let Some(list) = first["points"].as_array().filter(|l| !l.is_empty()) else { return String::new() };
    let network = |hash: &str| folder.manifest.iter().flat_map(|m| &m.points).find(|p| p.hash == hash).map_or(String::new(), |p| p.network_hash.clone());
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|p| {
            let hash = text(&p["config_hash"]);
            let row = |t: &Csv| t.rows.iter().find(|r| t.column("config_hash").is_some_and(|c| !r[c].is_empty() && hash.starts_with(&r[c]))).map(|r| t.place(r, &[]));
            let place = folder.tables.first().and_then(row).unwrap_or_default();
            vec![place, p["seed"].to_string(), p["trials"].to_string(), p["images"].to_string(), network(&hash), hash]
        })
        .collect();
    let heads = ["point", "seed", "chips asked for", "images", "hash of network and data (SHA-256)", "hash of the point (SHA-256)"].map(Head::plain);
    folded(&format!("Points: seeds and hashes ({})", rows.len()), &table("Points.", &heads, &rows))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("unknown").to_string()
}

/// A command line as it could be typed.
fn code(command: &Value) -> String {
    let words = command.as_array().into_iter().flatten().map(|w| quoted(&text(w)));
    format!("<code>{}</code>", escape(&words.collect::<Vec<_>>().join(" ")))
}

/// A word of a command line, in quotes where a shell would cut it.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./=:,+%@".contains(c));
    if plain { word.to_string() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
