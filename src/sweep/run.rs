//! Runs the blocks of a sweep that are missing.

use super::at_work::AtWork;
use super::blocks::Blocks;
use super::manifest::Manifest;
use super::materials::Materials;
use super::merge::progress;
use super::shard::Shard;
use super::{Observer, atomic};
use crate::config::Sweep;
use crate::engine::{Engine, Kernel};
use crate::error::{Error, Kind, Result};
use crate::stats::half_width;
use crate::warning::Warning;
use serde_json::json;
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a run is asked for.
pub struct Request<'a> {
    /// Points.
    pub sweep: &'a Sweep,
    /// Results folder.
    pub out: &'a Path,
    /// Where the work is done.
    pub engine: &'a Engine,
    /// The kernel to use where it can; `None` = the cheapest of each layer. Results do not depend on it.
    pub kernel: Option<Kernel>,
    /// Which blocks.
    pub shard: Shard,
    /// A point has chips enough once its mean is known to +- this; the trials of the sweep are then the most.
    pub half_width_frac: Option<f64>,
    /// The command line, for provenance.
    pub command: &'a [String],
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Blocks made now.
    pub made: u64,
    /// Blocks that were there already.
    pub found: u64,
    /// Blocks of other shards that are still missing.
    pub missing: u64,
    /// Points whose mean is not yet known as well as was asked for.
    pub wide: u64,
}

/// Runs the missing blocks of the shard; finished ones are kept as they are. Interrupted, it gives the block at hand
/// up and ends with [`Kind::Interrupted`]. While the lock that comes with the outcome is kept, the folder stays this sweep's.
pub fn run(request: &Request, materials: &mut Materials, observer: &dyn Observer) -> Result<(Outcome, AtWork)> {
    let mut manifest = Manifest::new(request.sweep, materials)?;
    let before = Manifest::read(request.out).ok().filter(|before| !before.is_of_same_points(&manifest));
    let at_work = AtWork::join(request.out, &manifest)?;
    if let Some(before) = before {
        observer.say(&format!("{}: it held a sweep of {} points; its blocks stay, its tables and figures are replaced by those of this one", request.out.display(), before.points.len()));
    }
    at_work.without_locks().iter().for_each(|line| observer.say(line));
    manifest.write(request.out)?;
    if let Some(p) = manifest.points.iter().find(|p| p.trials % p.block_trials != 0) {
        observer.say(&format!("chips are run in whole blocks of {}: {} asked for, {} run and kept", p.block_trials, p.trials, p.blocks() * p.block_trials));
    }
    let (enough, mut outcome) = session(request, &manifest, materials, observer, |blocks| run_all(request, blocks))?;
    if request.half_width_frac.is_some() {
        // From here on the points have as many trials as they took: `merge` and `status` need no rule.
        for (point, enough) in manifest.points.iter_mut().zip(&enough) {
            point.trials = enough.unwrap_or(point.trials);
        }
        manifest.write(request.out)?;
        outcome.wide = enough.iter().filter(|e| e.is_none()).count() as u64;
    }
    outcome.missing = progress(request.out, &manifest).iter().map(|(finished, all)| u64::from(all - finished)).sum();
    Ok((outcome, at_work))
}

/// Does `work` with the blocks of a sweep, waits for what is being written, and leaves a log, also when interrupted.
pub fn session<T>(request: &Request, manifest: &Manifest, materials: &mut Materials, observer: &dyn Observer, work: impl FnOnce(&mut Blocks) -> Result<T>) -> Result<(T, Outcome)> {
    let started = SystemTime::now();
    let record = Record { observer, warnings: Mutex::default() };
    let mut blocks = Blocks::new(request, manifest, materials, &record);
    let done = work(&mut blocks);
    // A block that was finished before the error or the interruption is kept.
    blocks.finish()?;
    let outcome = Outcome { made: blocks.made, found: blocks.found, ..Outcome::default() };
    match done {
        Err(error) if error.kind == Kind::Interrupted => {
            write_log(request, &started, outcome, &record.warnings())?;
            Err(Error::interrupted(format!("stopped after {} new blocks, all kept; the same command goes on from here", outcome.made)))
        }
        Err(error) => Err(error),
        Ok(result) => {
            write_log(request, &started, outcome, &record.warnings())?;
            Ok((result, outcome))
        }
    }
}

/// Runs the shard's blocks in the order of points and trials; returns the trials that were enough for each point, where
/// the request has a rule for that and they were.
fn run_all(request: &Request, blocks: &mut Blocks) -> Result<Vec<Option<u32>>> {
    let manifest = blocks.manifest;
    let images_of = |index: usize| manifest.points[index].images * u64::from(manifest.points[index].block_trials);
    let work = || manifest.blocks().enumerate().filter(|(k, _)| request.shard.takes(*k as u64)).map(|(_, block)| block);
    let total = work().map(|(index, _)| images_of(index)).sum();
    let mut done = 0;
    let mut enough = vec![None; manifest.points.len()];
    let mut counts: Vec<u64> = Vec::new();
    blocks.observer.progress(0, total);
    for (index, number) in work() {
        if enough[index].is_none() {
            let trials = blocks.trials(index, number)?;
            if let Some(half_width) = request.half_width_frac {
                let of = &manifest.points[index];
                if number == 0 {
                    counts.clear();
                }
                counts.extend(trials.iter().filter(|t| t.trial < of.trials).map(|t| t.correct));
                if counts.len().is_multiple_of(of.chips().in_one()) && half_width::reached(half_width, &counts, of.images, of.chips()) {
                    enough[index] = Some(counts.len() as u32);
                }
            }
        }
        done += images_of(index);
        blocks.observer.progress(done, total);
    }
    Ok(enough)
}

/// Passes everything on, and keeps the warnings for the log.
struct Record<'a> {
    observer: &'a dyn Observer,
    warnings: Mutex<Vec<String>>,
}

impl Record<'_> {
    /// Warnings so far, each once.
    fn warnings(&self) -> Vec<String> {
        self.warnings.lock().map(|w| w.clone()).unwrap_or_default()
    }
}

impl Observer for Record<'_> {
    fn say(&self, line: &str) {
        self.observer.say(line);
    }

    fn warn(&self, warning: &Warning) {
        self.observer.warn(warning);
        let text = warning.to_string();
        if let Ok(mut warnings) = self.warnings.lock()
            && !warnings.contains(&text)
        {
            warnings.push(text);
        }
    }

    fn progress(&self, done: u64, total: u64) {
        self.observer.progress(done, total);
    }

    fn interrupted(&self) -> bool {
        self.observer.interrupted()
    }
}

/// One file per run, for provenance: who made what, when, where, and what it warned of.
fn write_log(request: &Request, started: &SystemTime, outcome: Outcome, warnings: &[String]) -> Result<()> {
    let seconds = |t: &SystemTime| t.duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
    let log = json!({
        "command": request.command,
        "preset": request.sweep.preset.as_ref().map(|p| p.name),
        "tool_version": env!("CARGO_PKG_VERSION"),
        "commit": option_env!("BWQ_COMMIT").unwrap_or("unknown"),
        "engine": request.engine.describe(),
        "host": atomic::host(),
        "started_unix_s": seconds(started),
        "ended_unix_s": seconds(&SystemTime::now()),
        "blocks_made": outcome.made,
        "blocks_found": outcome.found,
        "warnings": warnings,
    });
    let name = format!("{}-{}-{}.json", started.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis()), atomic::host(), std::process::id());
    let text = serde_json::to_vec_pretty(&log).map_err(|e| Error::internal(e.to_string()))?;
    atomic::write(&request.out.join("runs").join(name), &text)
}
