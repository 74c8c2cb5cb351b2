//! How fast each kernel is on each engine, beside what the machine can do at most, measured in the same run.
//!
//! ```text
//!  limits (rows, copies, clock) ------------------+
//!  cases (the standard layer) -> kernels (times) --+-> Report {text, JSON}
//!  whole networks -> network -------------------+
//!  layers of bundled networks -> cost ----------+
//! ```
//!
//! A time on the CPU is that of one thread on its processor, so that a busy machine does not show; a GPU's is wall time.
//! `docs/bench.md` says what every key of the report means. To add a kernel: [`kernels::KERNELS`].

pub mod cases;
pub mod clock;
pub mod cost;
pub mod kernels;
pub mod limits;
pub mod look_up;
pub mod machine;
pub mod network;
mod random_rows;
pub mod report;

pub use report::Report;

use crate::engine::Engine;
#[cfg(feature = "gpu")]
use crate::engine::gpu::GpuLimits;
use crate::error::{Error, Result};
use crate::sweep::Observer;
use clock::Effort;
use rayon::{ThreadPool, ThreadPoolBuilder};
use report::Limits;

/// Stands in for a GPU's limits in a build without one.
#[cfg(not(feature = "gpu"))]
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub enum GpuLimits {}

/// What to measure.
pub struct Request<'a> {
    /// On which engines.
    pub engines: &'a [Engine],
    /// A look of some seconds, not figures to be quoted.
    pub quick: bool,
    /// Threads of the network's second measurement on the CPU; none is made with one.
    pub threads: usize,
    /// A network to measure beside the embedded one.
    pub network: Option<network::Files>,
}

/// Measures everything; one thing at a time.
pub fn run(request: &Request, observer: &dyn Observer) -> Result<Report> {
    let effort = Effort::new(request.quick);
    let mut report = Report::new(request);
    let single = pool(1)?;
    observer.say("measuring the machine's limits ...");
    for engine in request.engines {
        match engine {
            Engine::Cpu => report.limits.cpu = Some(single.install(limits::measure)?),
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => report.limits.gpu = Some(gpu.speed_limits()?),
        }
    }
    let cases = cases::cases(request.quick);
    for engine in request.engines {
        let limits = report.limits.clone();
        let limit = |table_kib| rows_per_s(engine, &limits, table_kib);
        for case in &cases {
            observer.say(&format!("measuring {} wordlines, {} vectors, fraction {}, on the {} ...", case.ou_wordlines, case.vectors, case.fraction.name(), kernels::engine_name(engine)));
            for kernel in kernels::KERNELS {
                report.kernels.extend(single.install(|| kernels::measure(kernel, engine, case, &effort, &limit))?);
            }
        }
    }
    let mut heights: Vec<usize> = cases.iter().map(|c| c.ou_wordlines).filter(|&h| h >= cases::COARSE_FROM).collect();
    heights.dedup();
    for height in heights {
        report.precision.push(single.install(|| cases::precision(height))?);
    }
    let files = std::iter::once(None).chain(request.network.as_ref().map(Some));
    for files in files {
        observer.say(&format!("measuring network {} ...", files.map_or("embedded".into(), |f| f.model.display().to_string())));
        let measured = network::Measured::new(files, request.quick)?;
        for engine in request.engines {
            match engine {
                Engine::Cpu => {
                    report.network.extend(measured.on_cpu(&single, &effort)?);
                    if request.threads > 1 {
                        report.network.extend(measured.on_cpu(&pool(request.threads)?, &effort)?);
                    }
                }
                #[cfg(feature = "gpu")]
                Engine::Gpu(_) => report.network.extend(measured.on_gpu(engine, &effort)?),
            }
        }
    }
    observer.say("measuring the cost model ...");
    report.cost = Some(single.install(|| cost::measure(&effort))?);
    report.finish();
    Ok(report)
}

/// A pool of threads of our own: what runs on a pool of one runs on one thread, whatever it spawns.
fn pool(threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| Error::usage(format!("{threads} threads cannot be started: {e}")))
}

/// The random 64-byte rows that an engine can read in a second from a table of a size.
fn rows_per_s(engine: &Engine, limits: &Limits, table_kib: usize) -> Option<f64> {
    match engine {
        Engine::Cpu => limits.cpu.as_ref().and_then(|l| l.rows_per_s(table_kib)),
        #[cfg(feature = "gpu")]
        Engine::Gpu(_) => limits.gpu.as_ref().and_then(|l| l.rows_per_s(table_kib)),
    }
}
