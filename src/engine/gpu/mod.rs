//! The GPU engine: WGSL compute passes through wgpu, each the twin of the CPU pass of the same name.
//!
//! ```text
//!  for some trials at once, for some images at once (batch):
//!    images -> [ program_cells -> product -> requantize | add | pool | copy ]  per step  -> tally
//!
//!  product, direct:  gather -> crossbar_mvm
//!           table:   patterns, code_tables -> look_up_codes
//!           split:   patterns, sum_tables -> look_up_sums
//! ```
//!
//! Where cells are more than a draw from a table (`Plan::host_cells`), the CPU engine programs them and they are uploaded in
//! the place of `program_cells`.
//!
//! Only this folder knows wgpu. `adapter` chooses (of what a job was `given`), `device` opens and reports errors, `shaders` and `passes` compile,
//! `layout` mirrors uniforms, `recorder` hands over, `batch` sizes, `selection` chooses kernels, `product`, `tables` and `chips` run,
//! `timestamps` measures, `bisect` tells where a wrong result begins. To add a pass, see [`crate::engine::cpu`].

mod adapter;
mod batch;
mod bisect;
mod chips;
mod converter;
mod device;
mod given;
mod layout;
mod limits;
mod mvm;
mod passes;
mod probe;
mod product;
mod recorder;
mod selection;
mod shaders;
mod tables;
mod timestamps;

pub use adapter::{AdapterReport, list_adapters};
pub use batch::{BatchLimits, DEFAULT_MEMORY_BYTES};
pub use bisect::Divergence;
pub use limits::{GpuLimits, GpuRowRate};
pub use mvm::{Cells, MvmInput, MvmOutput};
pub use timestamps::PassTime;

use crate::engine::{IntegerImages, Plan, Stop, TrialCounts, stopped};
use crate::error::{Error, Result};
use batch::Batch;
use chips::{Chips, Loaded};
use device::{Device, ReadBack};
use layout::TrialCounters;
use passes::Passes;
use recorder::Recorder;
use std::ops::Range;

/// The adapter that a job takes which names none, and why; software ones are passed over. Nothing is opened.
pub fn job_choice() -> Result<String> {
    let (_, report, why) = adapter::choose(None, false)?;
    Ok(describe_choice(&report, &why))
}

fn describe_choice(report: &AdapterReport, why: &str) -> String {
    let at = if report.pci_bus_id.is_empty() { String::new() } else { format!(" at PCI {}", report.pci_bus_id) };
    format!("adapter {}: {}{at} ({why})", report.index, report.name)
}

/// A GPU with its passes compiled.
pub struct GpuEngine {
    device: Device,
    passes: Passes,
    limits: BatchLimits,
    /// Why this adapter.
    why: String,
}

impl GpuEngine {
    /// Opens an adapter. `selector`: its number, a part of its name, or its PCI bus id. Without one the first is taken that
    /// `CUDA_VISIBLE_DEVICES` names, else the best, a software adapter (lavapipe, say) last and only if `allow_software`.
    pub fn new(selector: Option<&str>, allow_software: bool) -> Result<Self> {
        let (adapter, report, why) = adapter::choose(selector, allow_software)?;
        let device = Device::open(&adapter, report)?;
        let passes = Passes::new(&device)?;
        let limits = BatchLimits::of(&device.report);
        Ok(GpuEngine { device, passes, limits, why })
    }

    /// Limits of a batch: those that suit the adapter unless they were changed.
    pub fn limits(&self) -> BatchLimits {
        self.limits
    }

    /// The same engine with other limits of a batch; results are the same.
    pub fn with_limits(mut self, limits: BatchLimits) -> Self {
        self.set_limits(limits);
        self
    }

    /// Changes the limits of a batch.
    pub fn set_limits(&mut self, limits: BatchLimits) {
        self.limits = limits;
    }

    /// One line for messages and provenance.
    pub fn describe(&self) -> String {
        let r = &self.device.report;
        format!("gpu {} ({}, {}, {})", r.name, r.kind, r.backend, r.driver)
    }

    /// Which adapter was taken, and why.
    pub fn choice(&self) -> String {
        describe_choice(&self.device.report, &self.why)
    }

    /// Name of the adapter.
    pub fn adapter_name(&self) -> String {
        self.device.report.name.clone()
    }

    /// Driver and its version.
    pub fn driver(&self) -> String {
        self.device.report.driver.clone()
    }

    /// True for an adapter that computes on the CPU.
    pub fn is_software(&self) -> bool {
        self.device.report.is_software
    }

    /// Runs the chips `trials` of `plan` on the test images. `keep_logits` also returns what the network said.
    pub fn run(&self, plan: &Plan, images: &IntegerImages, trials: Range<u32>, keep_logits: bool) -> Result<Vec<TrialCounts>> {
        self.run_until(plan, images, trials, keep_logits, &|| false)
    }

    /// The same; `stop` is looked at before every batch of images.
    pub fn run_until(&self, plan: &Plan, images: &IntegerImages, trials: Range<u32>, keep_logits: bool, stop: &Stop) -> Result<Vec<TrialCounts>> {
        if trials.is_empty() {
            return Ok(Vec::new());
        }
        if images.is_empty() {
            return Err(Error::input("images", "there are none to run"));
        }
        if let Some((key, what)) = plan.cpu_only {
            return Err(Error::input(key, format!("the GPU engine cannot do {what}")).hint("use --engine cpu"));
        }
        // Where every chip is the same, one stands for all.
        let computed = if plan.deterministic { trials.start..trials.start + 1 } else { trials.clone() };
        let batch = Batch::new(plan, images.len(), computed.len(), &self.limits, &self.device)?;
        let loaded = Loaded::new(&self.device, plan, &batch)?;
        let mut counts = Vec::with_capacity(trials.len());
        let mut former: Option<Done> = None;
        for first in computed.clone().step_by(batch.trials) {
            let some = first..computed.end.min(first.saturating_add(batch.trials as u32));
            let chips = Chips::new(self, plan, &batch, &loaded, some)?;
            // The device goes on with these while the counts of those before them are read.
            if let Some(done) = former.replace(run_chips(chips, images, keep_logits, stop)?) {
                counts.extend(done.counts(&self.device)?);
            }
        }
        if let Some(done) = former {
            counts.extend(done.counts(&self.device)?);
        }
        if plan.deterministic {
            counts = vec![counts.swap_remove(0); trials.len()];
        }
        Ok(counts)
    }
}

/// Chips whose work is handed over.
struct Done {
    /// What is known of each so far: the cells that the host has cut.
    counts: Vec<TrialCounts>,
    counters: ReadBack,
    /// Logits of batch after batch of images, where asked for: how many each chip has of a batch, and all of them.
    logits: Vec<(usize, ReadBack)>,
}

impl Done {
    fn counts(mut self, device: &Device) -> Result<Vec<TrialCounts>> {
        for (of_trial, batch) in self.logits {
            let logits: Vec<u32> = batch.wait(device, "logits")?;
            self.counts.iter_mut().zip(logits.chunks(of_trial.max(1)).cycle()).for_each(|(c, logits)| c.logits.extend(logits));
        }
        for (counts, counters) in self.counts.iter_mut().zip(self.counters.wait::<TrialCounters>(device, "counters")?) {
            counts.correct = u64::from(counters.correct);
            counts.clipped = counters.clipped();
            counts.saturated_cells += counters.saturated();
        }
        Ok(self.counts)
    }
}

/// All images on some chips: the order of the passes.
fn run_chips(mut chips: Chips, images: &IntegerImages, keep_logits: bool, stop: &Stop) -> Result<Done> {
    let cut_on_host = |trial| TrialCounts { saturated_cells: chips.cut_on_host(trial), ..TrialCounts::default() };
    let counts: Vec<TrialCounts> = (0..chips.trials.len()).map(cut_on_host).collect();
    let mut logits = Vec::new();
    for first in (0..images.len()).step_by(chips.batch.images) {
        if stop() {
            return Err(stopped());
        }
        chips.load_images(images, first..(first + chips.batch.images).min(images.len()))?;
        let mut recorder = Recorder::new(&chips.engine.device);
        for step in &chips.plan.network.steps {
            chips.run(step, &mut recorder)?;
        }
        chips.tally(recorder)?;
        if keep_logits {
            logits.push((chips.images.len() * chips.plan.network.tensors[chips.plan.network.output].len(), chips.read_logits()?));
        }
    }
    Ok(Done { counts, counters: chips.read_counters()?, logits })
}
