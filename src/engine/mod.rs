//! Engines: the same integers on the CPU ([`cpu`], rayon) and on a GPU ([`gpu`], WGSL through wgpu).
//!
//! An engine takes a [`Plan`] (everything integer that a point needs), test images as integers and a range of
//! trials, and returns counts. Which engine, how many threads, trials or images at a time never shows in them.

pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
mod images;
pub mod kernel;
mod layer_tally;
mod plan;
pub mod units;
mod verify;

pub use images::IntegerImages;
pub use kernel::Kernel;
pub use layer_tally::{ERROR_UNIT, LayerTally};
pub use verify::verify;
pub use plan::{PlacedPart, Plan, cpu_only, decoding, ideal, is_deterministic, multiply_accumulates, nominal};

use crate::error::{Error, Result};
use std::ops::Range;

/// True once the work at hand is to be given up; engines look at it often, from any thread.
pub type Stop<'a> = dyn Fn() -> bool + Sync + 'a;

/// What one chip did on the test images; integers only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrialCounts {
    /// Images classified as labelled.
    pub correct: u64,
    /// Conversions whose current lay more than half a step outside the ADC's range.
    pub clipped: u64,
    /// Cells whose drawn conductance was cut at the largest representable one.
    pub saturated_cells: u64,
    /// Integer logits `[image][class]`, where asked for.
    pub logits: Vec<u32>,
}

/// Where the work is done.
pub enum Engine {
    /// All cores, no GPU library.
    Cpu,
    /// A GPU, or a software adapter that was asked for.
    #[cfg(feature = "gpu")]
    Gpu(Box<gpu::GpuEngine>),
}

impl Engine {
    /// Runs the chips `trials` of `plan` on the test images. `keep_logits` also returns what the network said.
    pub fn run(&self, plan: &Plan, images: &IntegerImages, trials: Range<u32>, keep_logits: bool) -> Result<Vec<TrialCounts>> {
        self.run_until(plan, images, trials, keep_logits, &|| false)
    }

    /// The same; an error of the kind [`crate::error::Kind::Interrupted`] soon after `stop` is true.
    pub fn run_until(&self, plan: &Plan, images: &IntegerImages, trials: Range<u32>, keep_logits: bool, stop: &Stop) -> Result<Vec<TrialCounts>> {
        match self {
            Engine::Cpu => cpu::run_until(plan, images, trials, keep_logits, stop).ok_or_else(stopped),
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.run_until(plan, images, trials, keep_logits, stop),
        }
    }

    /// One line for messages and provenance.
    pub fn describe(&self) -> String {
        match self {
            Engine::Cpu => format!("cpu ({} threads, {})", rayon::current_num_threads(), cpu::instruction_set()),
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => gpu.describe(),
        }
    }
}

/// What an engine returns that was told to stop.
pub fn stopped() -> Error {
    Error::interrupted("stopped")
}
