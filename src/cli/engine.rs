//! Which engine runs: never a silent fallback.

use super::EngineArgs;
use bwq::config::PointConfig;
use bwq::engine::{Engine, Kernel, cpu_only};
use bwq::error::{Error, Result};
use bwq::sweep::Observer;
#[cfg(feature = "gpu")]
use bwq::engine::gpu::{BatchLimits, GpuEngine};
use bwq::warning::Warning;
use std::str::FromStr;

/// `--engine`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineChoice {
    /// A real GPU if there is one, else the CPU, with a line saying so.
    Auto,
    /// A GPU or a software adapter, or exit 69.
    Gpu,
    /// The CPU.
    Cpu,
}

impl FromStr for EngineChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(EngineChoice::Auto),
            "gpu" => Ok(EngineChoice::Gpu),
            "cpu" => Ok(EngineChoice::Cpu),
            _ => Err("expected auto, gpu or cpu".into()),
        }
    }
}

/// `--kernel`: none is the cheapest of each layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelChoice(pub Option<Kernel>);

impl FromStr for KernelChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(KernelChoice(None)),
            _ => text.parse().map(|kernel| KernelChoice(Some(kernel))).map_err(|_| "expected auto, direct, table or split".into()),
        }
    }
}

/// More threads than any machine has cores.
const MOST_THREADS: usize = 1024;

/// The engine of the command line for these points.
pub fn choose(args: &EngineArgs, points: &[PointConfig], observer: &dyn Observer) -> Result<Engine> {
    for (flag, value) in [("--batch-images", args.batch_images), ("--batch-trials", args.batch_trials)] {
        if value == Some(0) {
            return Err(Error::usage(format!("{flag} 0: at least 1 at a time")).hint("leave it out to take as many as fit"));
        }
    }
    if let Some(threads) = args.threads {
        if !(1..=MOST_THREADS).contains(&threads) {
            return Err(Error::usage(format!("--threads {threads}: 1 to {MOST_THREADS} threads")).hint("leave it out to use all cores"));
        }
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .map_err(|e| Error::usage(format!("--threads {threads}: {e}")))?;
    }
    if args.engine == EngineChoice::Cpu {
        return match &args.adapter {
            Some(_) => Err(Error::usage("--adapter chooses a GPU; it has no meaning with --engine cpu")),
            None => Ok(Engine::Cpu),
        };
    }
    // One engine makes all blocks of a run.
    let insists = args.engine == EngineChoice::Gpu || args.adapter.is_some();
    if let Some((key, what)) = points.iter().find_map(cpu_only) {
        if insists {
            return Err(Error::input(key, format!("the GPU engine cannot do {what}")).hint("use --engine cpu"));
        }
        observer.warn(&Warning::NotOnGpu(format!("{what} ({key})")));
        return Ok(Engine::Cpu);
    }
    gpu(args, insists, observer)
}

#[cfg(feature = "gpu")]
fn gpu(args: &EngineArgs, insists: bool, observer: &dyn Observer) -> Result<Engine> {
    match GpuEngine::new(args.adapter.as_deref(), insists) {
        Ok(gpu) => {
            observer.say(&gpu.choice());
            if gpu.is_software() {
                observer.warn(&Warning::SoftwareAdapterUsed(gpu.adapter_name()));
            }
            let fits = gpu.limits();
            let limits = BatchLimits { images: args.batch_images.unwrap_or(fits.images), trials: args.batch_trials.unwrap_or(fits.trials), ..fits };
            Ok(Engine::Gpu(Box::new(gpu.with_limits(limits))))
        }
        Err(error) if insists => Err(error),
        Err(error) => {
            let adapters = bwq::engine::gpu::list_adapters();
            let told = std::env::var_os("CUDA_VISIBLE_DEVICES").is_some();
            observer.warn(&match adapters.first() {
                Some(adapter) if !told && adapters.iter().all(|a| a.is_software) => Warning::SoftwareAdapterPassedOver(adapter.name.clone()),
                _ => Warning::NoGpu(error.message),
            });
            Ok(Engine::Cpu)
        }
    }
}

#[cfg(not(feature = "gpu"))]
fn gpu(_: &EngineArgs, insists: bool, observer: &dyn Observer) -> Result<Engine> {
    if insists {
        return Err(Error::no_gpu("this program was built without the `gpu` feature").hint("build it with default features, or use --engine cpu"));
    }
    observer.warn(&Warning::NoGpu("built without the `gpu` feature".into()));
    Ok(Engine::Cpu)
}
