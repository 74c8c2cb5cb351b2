//! A sweep: points x trials, cut into blocks that are run, kept, resumed and merged.
//!
//! The unit of work is a *block*: a fixed group of trials of one point. Its size and its name depend on the
//! point alone, so any number of shards, threads or restarts makes the same files, and the same command
//! again finishes what is missing. Blocks hold integers; floats appear in [`merge`] only, in (point, trial) order.
//!
//! The data's way: [`materials`] (network, data, quantised once) -> [`manifest`] (points with their hashes) ->
//! [`references`] (accuracies before any trial) -> [`run`] ([`blocks`] on disk) -> [`merge`]. [`check`] takes blocks one
//! by one, until their chips answer its question.

pub mod at_work;
pub mod atomic;
pub mod block;
pub mod blocks;
pub mod check;
pub mod estimate;
pub mod folder;
pub mod manifest;
pub mod materials;
pub mod merge;
pub mod references;
pub mod run;
pub mod shard;
pub mod slurm;

use crate::warning::Warning;

/// Who hears of a run as it goes. The library itself never prints.
pub trait Observer: Sync {
    /// A line worth reading.
    fn say(&self, line: &str);
    /// A warning; the same one may come more than once.
    fn warn(&self, warning: &Warning);
    /// Work done so far, in images x trials, of all.
    fn progress(&self, done: u64, total: u64);
    /// True once somebody asked to stop.
    fn interrupted(&self) -> bool;
}

/// Changes whenever the same point would give other integers; part of every point's hash.
pub const SEMANTICS: &str = "bwq-integers-2";
