//! `bwq status`: how far a results folder is, and what of it is missing.

use super::StatusArgs;
use super::terminal::print;
use bwq::error::{Error, Result, exit};
use bwq::sweep::manifest::{Manifest, varying};
use bwq::sweep::merge::progress;
use bwq::sweep::shard;
use serde_json::json;
use std::fmt::Write;

/// How far a results folder is: exit 0 if complete, 3 if not.
pub fn status(args: &StatusArgs) -> Result<u8> {
    let manifest = Manifest::read(&args.dir)?;
    if let (true, Some(shards)) = (args.missing, args.shards) {
        return missing(args, &manifest, shards);
    }
    let points = progress(&args.dir, &manifest);
    let (done, all) = points.iter().fold((0, 0), |(d, a), p| (d + p.0, a + p.1));
    let mut text = String::new();
    if args.json {
        let list: Vec<_> = manifest.points.iter().zip(&points).map(|(m, p)| json!({ "config_hash": m.short(), "blocks_done": p.0, "blocks": p.1 })).collect();
        let _ = writeln!(text, "{}", json!({ "blocks_done": done, "blocks": all, "points": list }));
    } else {
        let names = varying(&manifest.points.iter().collect::<Vec<_>>());
        for (m, p) in manifest.points.iter().zip(&points) {
            let values: Vec<String> = names.iter().map(|name| format!("{name} {}", m.shown(name))).collect();
            let _ = writeln!(text, "{}  {:>4} of {:<4} blocks  {}", m.short(), p.0, p.1, values.join(", "));
        }
        let _ = writeln!(text, "{done} of {all} blocks are done");
    }
    print(&text)?;
    Ok(if done == all { exit::DONE } else { exit::INCOMPLETE })
}

/// `--missing --shards N`: the shards to run again, fit for `sbatch --array=`; nothing if there is none.
fn missing(args: &StatusArgs, manifest: &Manifest, shards: u64) -> Result<u8> {
    if shards == 0 {
        return Err(Error::usage("--shards 0: at least 1"));
    }
    let missing = shard::missing(&args.dir, manifest, shards);
    if args.json {
        print(&format!("{}\n", json!({ "shards": shards, "missing": missing })))?;
    } else if !missing.is_empty() {
        print(&format!("{}\n", shard::ranges(&missing)))?;
    }
    Ok(if missing.is_empty() { exit::DONE } else { exit::INCOMPLETE })
}
