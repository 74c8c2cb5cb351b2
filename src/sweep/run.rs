//! Runs the blocks of a sweep that are missing.

use super::block::{Block, Trial};
use super::manifest::{Manifest, ManifestPoint};
use super::materials::Materials;
use super::merge::progress;
use super::references::{Ready, Referees, References};
use super::shard::Shard;
use super::{Observer, atomic};
use crate::config::Sweep;
use crate::engine::{Engine, Kernel, TrialCounts, cpu, stopped};
use crate::error::{Error, Kind, Result};
use crate::warning::Warning;
use serde_json::json;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

/// Chips whose layers are tallied, and images of each.
pub const LAYER_TRIALS: u32 = 2;
/// See [`LAYER_TRIALS`].
pub const LAYER_IMAGES: usize = 4;

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
    /// The command line, for provenance.
    pub command: &'a [String],
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Blocks made now.
    pub made: u64,
    /// Blocks that were there already.
    pub found: u64,
    /// Blocks of other shards that are still missing.
    pub missing: u64,
}

/// Runs the missing blocks of the shard; finished ones are kept as they are. Interrupted, it gives the block at hand
/// up and ends with [`Kind::Interrupted`].
pub fn run(request: &Request, materials: &mut Materials, observer: &dyn Observer) -> Result<Outcome> {
    let started = SystemTime::now();
    let manifest = Manifest::new(request.sweep, materials)?;
    manifest.write(request.out)?;
    if let Some(p) = manifest.points.iter().find(|p| p.trials % p.block_trials != 0) {
        observer.say(&format!("chips are run in whole blocks of {}: {} asked for, {} run and kept", p.block_trials, p.trials, p.blocks() * p.block_trials));
    }
    let mut outcome = Outcome { made: 0, found: 0, missing: 0 };
    let mut writer = Writer::default();
    let ran = run_blocks(request, &manifest, materials, observer, &mut writer, &mut outcome);
    // A block that was finished before the error or the interruption is kept.
    outcome.made += writer.finish()?;
    match ran {
        Err(error) if error.kind == Kind::Interrupted => {
            write_log(request, &started, outcome)?;
            Err(Error::interrupted(format!("stopped after {} new blocks, all kept; the same command goes on from here", outcome.made)))
        }
        Err(error) => Err(error),
        Ok(()) => {
            outcome.missing = progress(request.out, &manifest).iter().map(|(finished, all)| u64::from(all - finished)).sum();
            write_log(request, &started, outcome)?;
            Ok(outcome)
        }
    }
}

/// Runs the missing blocks one after another.
fn run_blocks(request: &Request, manifest: &Manifest, materials: &mut Materials, observer: &dyn Observer, writer: &mut Writer, outcome: &mut Outcome) -> Result<()> {
    let work: Vec<(usize, u32)> = manifest.blocks().enumerate().filter(|(k, _)| request.shard.takes(*k as u64)).map(|(_, b)| b).collect();
    let images_of = |(point, _): &(usize, u32)| manifest.points[*point].images * u64::from(manifest.points[*point].block_trials);
    let total = work.iter().map(images_of).sum();
    let mut done = 0;
    observer.progress(0, total);
    let mut referees = Referees::new(request, observer);
    let mut ready: Option<(usize, Ready)> = None;
    for item in &work {
        let (index, number) = *item;
        if observer.interrupted() {
            return Err(stopped());
        }
        let of = &manifest.points[index];
        let first = number * of.block_trials;
        let there = Block::read(request.out, &of.hash, number, first, of.block_trials)?;
        let is_there = there.is_some();
        if is_there {
            outcome.found += 1;
        }
        if !is_there || References::read(request.out, &of.hash)?.is_none() {
            if ready.as_ref().is_none_or(|(i, _)| *i != index) {
                let made = referees.ready(&request.sweep.points[index], of, materials)?;
                observer.say(&reference_line(of, &made.references));
                ready = Some((index, made));
            }
            let Some((_, ready)) = &ready else { continue };
            if !is_there {
                let trials = run_block(request.engine, ready, first, of.block_trials, observer)?;
                let saturated: u64 = trials.iter().map(|t| t.saturated_cells).sum();
                if saturated > 0 {
                    observer.warn(&Warning::SaturatedCells { point: of.short().into(), cells: saturated });
                }
                let block = Block::new(of.hash.clone(), ready.references.host_hash.clone(), number, request.engine.describe(), trials);
                outcome.made += writer.write(block, request.out)?;
            }
        }
        done += images_of(item);
        observer.progress(done, total);
    }
    Ok(())
}

/// Writes a block while the next one is computed: flushing a file to the disk takes no core.
#[derive(Default)]
struct Writer {
    at_work: Option<JoinHandle<Result<()>>>,
}

impl Writer {
    /// Begins to write a block once the former is written; returns how many blocks that was.
    fn write(&mut self, block: Block, out: &Path) -> Result<u64> {
        let written = self.finish()?;
        let out = out.to_path_buf();
        self.at_work = Some(std::thread::spawn(move || block.write(&out)));
        Ok(written)
    }

    /// Waits for the block that is being written; returns how many blocks that was.
    fn finish(&mut self) -> Result<u64> {
        let Some(writing) = self.at_work.take() else { return Ok(0) };
        writing.join().map_err(|_| Error::internal("the writer of a block panicked"))??;
        Ok(1)
    }
}

/// The trials of one block. The layers of the first chips are looked at beside the engine's work.
fn run_block(engine: &Engine, ready: &Ready, first: u32, count: u32, observer: &dyn Observer) -> Result<Vec<Trial>> {
    let Ready { plan, images, references } = ready;
    let few = images.first(images.len().min(LAYER_IMAGES));
    let stop = || observer.interrupted();
    let run = || {
        if plan.deterministic {
            // Every chip is the nominal one, which has run already.
            let nominal = TrialCounts { correct: references.nominal_correct, clipped: references.nominal_clipped, ..Default::default() };
            return Ok(vec![nominal; count as usize]);
        }
        engine.run_until(plan, images, first..first + count, false, &stop)
    };
    let looked_at = first..(first + count).min(LAYER_TRIALS).max(first);
    let (counts, tallies) = rayon::join(run, || cpu::tally_layers(plan, &few, looked_at, &stop));
    let (counts, mut tallies) = (counts?, tallies.ok_or_else(stopped)?.into_iter());
    let trial = |(trial, c): (u32, TrialCounts)| Trial {
        trial,
        correct: c.correct,
        clipped: c.clipped,
        saturated_cells: c.saturated_cells,
        layers: tallies.next().unwrap_or_default(),
    };
    Ok((first..first + count).zip(counts).map(trial).collect())
}

fn reference_line(of: &ManifestPoint, r: &References) -> String {
    let frac = |correct: u64| format!("{:.4}", correct as f64 / of.images as f64);
    let value = |name: &str| of.value(name);
    let sigma = [value("sigma_ln"), value("sigma_rel")].concat();
    format!(
        "{} wordlines, {}{}{}: accuracy float {}, quantised {}, ideal crossbar {} (equal), without random errors {}; rounding of conductances {:.1e} ADC steps rms, programming error {:.2}",
        value("ou_wordlines"),
        value("programming_error_law"),
        if sigma.is_empty() { "" } else { " " },
        sigma,
        frac(r.float_correct),
        frac(r.quantised_correct),
        frac(r.ideal_correct),
        frac(r.nominal_correct),
        r.rounding_rms_steps,
        r.programming_error_rms_steps,
    )
}

/// One file per run, for provenance: who made what, when, where.
fn write_log(request: &Request, started: &SystemTime, outcome: Outcome) -> Result<()> {
    let seconds = |t: &SystemTime| t.duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
    let log = json!({
        "command": request.command,
        "tool_version": env!("CARGO_PKG_VERSION"),
        "commit": option_env!("BWQ_COMMIT").unwrap_or("unknown"),
        "engine": request.engine.describe(),
        "host": atomic::host(),
        "started_unix_s": seconds(started),
        "ended_unix_s": seconds(&SystemTime::now()),
        "blocks_made": outcome.made,
        "blocks_found": outcome.found,
    });
    let name = format!("{}-{}-{}.json", started.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis()), atomic::host(), std::process::id());
    let text = serde_json::to_vec_pretty(&log).map_err(|e| Error::internal(e.to_string()))?;
    atomic::write(&request.out.join("runs").join(name), &text)
}
