//! Blocks -> results, in (point, trial) order. The first place where floats appear.

use super::block::{Block, Trial};
use super::blocks::other_scales;
use super::manifest::{Manifest, ManifestPoint};
use super::references::References;
use crate::error::{Error, Result};
use crate::stats::{Summary, summarize};
use std::collections::BTreeSet;
use std::path::Path;

/// One point's results.
pub struct PointResult {
    /// Hashes, parameters, sizes.
    pub point: ManifestPoint,
    /// Accuracies before any trial.
    pub references: References,
    /// Trials, in order.
    pub trials: Vec<Trial>,
    /// Statistics over them.
    pub summary: Summary,
}

/// A merged sweep.
pub struct Merged {
    /// In the order of the sweep; points without a finished block are left out of a partial merge.
    pub points: Vec<PointResult>,
    /// Engines and adapters that made the blocks.
    pub engines: BTreeSet<String>,
    /// Blocks that are missing.
    pub missing: u64,
}

/// How far a results folder is: per point (finished blocks, all blocks).
pub fn progress(out: &Path, manifest: &Manifest) -> Vec<(u32, u32)> {
    manifest.points.iter().map(|p| (finished(out, p).iter().filter(|f| **f).count() as u32, p.blocks())).collect()
}

/// Which blocks of a point are there, to their end. One counts once its point's accuracies before any trial are there: merge needs both.
pub fn finished(out: &Path, point: &ManifestPoint) -> Vec<bool> {
    let referenced = References::path(out, &point.hash).exists();
    (0..point.blocks()).map(|b| referenced && Block::has_end(out, &point.hash, b)).collect()
}

/// Merges the blocks of a results folder. Unless `partial`, every block must be there.
pub fn merge(out: &Path, partial: bool) -> Result<Merged> {
    let manifest = Manifest::read(out)?;
    let mut merged = Merged { points: Vec::new(), engines: BTreeSet::new(), missing: 0 };
    for point in manifest.points {
        let mut trials: Vec<Trial> = Vec::new();
        let mut hosts = BTreeSet::new();
        for number in 0..point.blocks() {
            match Block::read(out, &point, number)? {
                None => merged.missing += 1,
                Some(block) => {
                    hosts.insert(block.host_hash);
                    merged.engines.insert(block.engine);
                    trials.extend(block.trials);
                }
            }
        }
        // A block is whole whatever the number of trials asked for.
        trials.retain(|t| t.trial < point.trials);
        let Some(references) = References::read(out, &point)? else {
            merged.missing += u64::from(!trials.is_empty());
            continue;
        };
        if hosts.iter().any(|h| *h != references.host_hash) {
            return Err(other_scales(out, &point));
        }
        if trials.is_empty() {
            continue;
        }
        let correct: Vec<u64> = trials.iter().map(|t| t.correct).collect();
        let summary = summarize(&correct, point.images, references.quantised_correct, point.max_drop, point.chips())?;
        merged.points.push(PointResult { point, references, trials, summary });
    }
    if merged.missing > 0 && !partial {
        return Err(Error::incomplete(format!("{}: {} blocks are missing", out.display(), merged.missing))
            .hint("run the sweep again with the same --out to finish them, or merge what is there with --partial"));
    }
    if merged.points.is_empty() {
        return Err(Error::incomplete(format!("{}: no finished block", out.display())));
    }
    Ok(merged)
}
