//! The kernels that are measured, and their measurement.
//!
//! To add a kernel: a function that runs one chip and takes the time of its stages, and a line in [`KERNELS`].

use super::cases::{COMPARED_VECTORS, Case, Fraction, Product};
use super::clock::{Effort, Stages, cpu_seconds, timed};
use super::look_up::{self, LookUps};
use crate::engine::{self, Engine};
use crate::engine::cpu::crossbar_mvm::{Counts, Mvm};
use crate::engine::cpu::program_cells::program_cells;
#[cfg(feature = "gpu")]
use crate::engine::gpu::{Cells, GpuEngine, MvmInput};
use crate::error::Result;
use serde::Serialize;
use std::time::Instant;

/// One chip on the CPU: draws it afresh, multiplies all vectors, adds to the stages, returns
/// `[vector][accumulator]`.
pub type OnCpu = fn(&Product, u32, &mut Stages) -> Vec<i64>;

/// The same on a GPU for some chips, one after another: `[chip][vector][accumulator]`.
#[cfg(feature = "gpu")]
pub type OnGpu = fn(&GpuEngine, &Product, std::ops::Range<u32>) -> Result<Vec<i64>>;

/// A kernel.
pub struct Kernel {
    /// Its name.
    pub name: &'static str,
    /// The cases it is made for.
    pub takes: fn(&Product) -> bool,
    /// On the CPU.
    pub cpu: Option<OnCpu>,
    /// On a GPU.
    #[cfg(feature = "gpu")]
    pub gpu: Option<OnGpu>,
    /// What it looks up for one chip, if that is how it works.
    pub look_ups: Option<fn(&Product, &Engine) -> Option<LookUps>>,
}

/// All kernels. The first one is what others are compared with.
pub const KERNELS: &[Kernel] = &[
    // It computes in 32 bits whatever the fraction is: once is enough.
    Kernel {
        name: "direct",
        takes: |product| product.case.fraction == Fraction::Max || product.case.vectors == COMPARED_VECTORS,
        cpu: Some(direct),
        #[cfg(feature = "gpu")]
        gpu: Some(|gpu, product, trials| on_gpu(engine::Kernel::Direct, gpu, product, trials)),
        look_ups: None,
    },
    Kernel {
        name: "table",
        takes: |product| engine::Kernel::Table.can(&product.layer),
        cpu: Some(look_up::table),
        #[cfg(feature = "gpu")]
        gpu: Some(|gpu, product, trials| on_gpu(engine::Kernel::Table, gpu, product, trials)),
        look_ups: Some(look_up::code_rows),
    },
    Kernel {
        name: "split",
        takes: |product| engine::Kernel::Split.can(&product.layer),
        cpu: Some(look_up::split),
        #[cfg(feature = "gpu")]
        gpu: Some(|gpu, product, trials| on_gpu(engine::Kernel::Split, gpu, product, trials)),
        look_ups: Some(look_up::sum_rows),
    },
];

fn direct(product: &Product, trial: u32, stages: &mut Stages) -> Vec<i64> {
    let cells = timed(&mut stages.sampling_s, || program_cells(&product.layer, &product.table, None, product.seed, trial));
    timed(&mut stages.product_s, || {
        let mut mvm = Mvm::new(&product.layer, &product.window, 0);
        mvm.run(&cells, &product.inputs, product.shape, &mut Counts::default());
        mvm.accumulators
    })
}

#[cfg(feature = "gpu")]
fn on_gpu(kernel: engine::Kernel, gpu: &GpuEngine, product: &Product, trials: std::ops::Range<u32>) -> Result<Vec<i64>> {
    let input = MvmInput { layer: &product.layer, window: &product.window, zero: 0, input: &product.inputs, shape: product.shape };
    Ok(gpu.mvm_by(Some(kernel), &input, &Cells::Drawn(&product.table, product.seed, trials), false)?.accumulators)
}

/// A kernel's speed in one case. `trial_vectors_per_s` and what follows from it are of the median.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speed {
    /// `cpu` or `gpu`.
    pub engine: &'static str,
    /// Name of the kernel.
    pub kernel: &'static str,
    /// Wordlines that are on at once.
    pub ou_wordlines: usize,
    /// Input vectors per chip.
    pub vectors: usize,
    /// `max` or `coarse`.
    pub fraction: &'static str,
    /// Fraction bits of a conductance.
    pub fraction_bits: u32,
    /// Measurements.
    pub repeats: usize,
    /// Chips of one measurement.
    pub chips_per_repeat: u32,
    /// A fresh chip and all vectors, everything counted: the fastest measurement.
    pub ms_per_trial_min: f64,
    /// The median.
    pub ms_per_trial_median: f64,
    /// Input preparation within the fastest; on a GPU by the clock of the device, one measurement; null where it has none.
    pub patterns_ms: Option<f64>,
    /// Drawing the cells within the fastest.
    pub sampling_ms: Option<f64>,
    /// Building tables within the fastest.
    pub tables_ms: Option<f64>,
    /// The product within the fastest.
    pub product_ms: Option<f64>,
    /// Vectors times chips in a second.
    pub trial_vectors_per_s: f64,
    /// Multiply-accumulates of the integer product in a second, millions.
    pub ideal_mmac_per_s: f64,
    /// ADC conversions in a second.
    pub conversions_per_s: f64,
    /// Of the product: the loop of look-ups by itself.
    pub look_up_ms: Option<f64>,
    /// Table rows of 64 bytes looked up for one chip.
    pub rows_looked_up: Option<u64>,
    /// Size of the tables that they come from, at a time.
    pub table_kib: Option<usize>,
    /// Rows looked up in a second of `look_up_ms` (of the whole time where stages are not measured), divided by this run's
    /// rate of random rows from the smallest table measured that is no smaller.
    pub share_of_row_limit: Option<f64>,
    /// True if this kernel gives the integers of the first one on the CPU (first chip, 64 vectors).
    pub equals_direct: bool,
}

/// Least time of a measurement on a GPU: many times the cost of handing work over.
const LEAST_GPU_S: f64 = 0.05;

/// Measures `kernel` on `engine`; `None` if it is not made for the case or the engine. `rows_per_s` is the engine's
/// limit by the size of a table in KiB. On the CPU, call it on a pool of one thread.
pub fn measure(kernel: &Kernel, engine: &Engine, case: &Case, effort: &Effort, rows_per_s: &dyn Fn(usize) -> Option<f64>) -> Result<Option<Speed>> {
    let product = Product::new(case)?;
    if !(kernel.takes)(&product) || !is_there(kernel, engine) {
        return Ok(None);
    }
    let compared = Product::new(&Case { vectors: COMPARED_VECTORS, ..*case })?;
    let expected = KERNELS[0].cpu.map(|direct| direct(&compared, 0, &mut Stages::default()));
    let (one_chip, _) = run(kernel, engine, &compared, 0, 1)?;
    let equals_direct = expected.is_some_and(|e| e == one_chip);

    // The shaders are compiled by now.
    let chips = chips_per_repeat(engine, &|| run(kernel, engine, &product, 0, 1).map(|_| ()))?;
    let timing = effort.repeat(|i| {
        let (started, cpu_s) = (Instant::now(), cpu_seconds());
        let (accumulators, stages) = run(kernel, engine, &product, 1 + i * chips, chips)?;
        // Stages are taken where this thread does all the work.
        let seconds = stages.map_or(started.elapsed().as_secs_f64(), |s| cpu_seconds() - cpu_s - s.aside_s);
        std::hint::black_box(accumulators);
        Ok((seconds / f64::from(chips), stages))
    })?;
    let stages = timing.of_fastest.map_or_else(|| on_device(kernel, engine, &product, chips), |stages| Ok(Some(stages)))?;
    let ms = |stage: fn(&Stages) -> f64| stages.map(|s| stage(&s) * 1e3);
    let look_ups = kernel.look_ups.and_then(|f| f(&product, engine));
    let looking_s = stages.map_or(timing.min_s, |s| s.look_up_s);
    let share = |l: &LookUps| Some(l.rows as f64 / looking_s / rows_per_s(l.table_kib)?);
    Ok(Some(Speed {
        engine: engine_name(engine),
        kernel: kernel.name,
        ou_wordlines: case.ou_wordlines,
        vectors: case.vectors,
        fraction: case.fraction.name(),
        fraction_bits: product.table.fraction_bits,
        repeats: timing.repeats,
        chips_per_repeat: chips,
        ms_per_trial_min: timing.min_s * 1e3,
        ms_per_trial_median: timing.median_s * 1e3,
        patterns_ms: ms(|s| s.patterns_s),
        sampling_ms: ms(|s| s.sampling_s),
        tables_ms: ms(|s| s.tables_s),
        product_ms: ms(|s| s.product_s),
        trial_vectors_per_s: case.vectors as f64 / timing.median_s,
        ideal_mmac_per_s: product.macs() as f64 / timing.median_s * 1e-6,
        conversions_per_s: product.conversions() as f64 / timing.median_s,
        look_up_ms: look_ups.as_ref().and(ms(|s| s.look_up_s)),
        rows_looked_up: look_ups.as_ref().map(|l| l.rows),
        table_kib: look_ups.as_ref().map(|l| l.table_kib),
        share_of_row_limit: look_ups.as_ref().and_then(share),
        equals_direct,
    }))
}

/// The engine's word in tables.
pub fn engine_name(engine: &Engine) -> &'static str {
    match engine {
        Engine::Cpu => "cpu",
        #[cfg(feature = "gpu")]
        Engine::Gpu(_) => "gpu",
    }
}

fn is_there(kernel: &Kernel, engine: &Engine) -> bool {
    match engine {
        Engine::Cpu => kernel.cpu.is_some(),
        #[cfg(feature = "gpu")]
        Engine::Gpu(_) => kernel.gpu.is_some(),
    }
}

/// Runs `chips` chips from `trial` on; stages where they are measured.
fn run(kernel: &Kernel, engine: &Engine, product: &Product, trial: u32, chips: u32) -> Result<(Vec<i64>, Option<Stages>)> {
    let trials = trial..trial + chips;
    match engine {
        Engine::Cpu => {
            let mut stages = Stages::default();
            let mut of_chip = |t| kernel.cpu.map_or(Vec::new(), |f| f(product, t, &mut stages));
            // The first chip's are moved: copying them would count.
            let mut accumulators = of_chip(trial);
            trials.skip(1).for_each(|t| accumulators.extend(of_chip(t)));
            Ok((accumulators, Some(stages)))
        }
        #[cfg(feature = "gpu")]
        Engine::Gpu(gpu) => Ok((kernel.gpu.map_or(Ok(Vec::new()), |f| f(gpu, product, trials))?, None)),
    }
}

/// The stages of a chip on a GPU by the device's own clock, if it has one.
fn on_device(kernel: &Kernel, engine: &Engine, product: &Product, chips: u32) -> Result<Option<Stages>> {
    #[cfg(feature = "gpu")]
    if let (Engine::Gpu(gpu), Some(run)) = (engine, kernel.gpu)
        && gpu.has_timestamps()
    {
        let (_, passes) = gpu.timed(|gpu| run(gpu, product, 0..chips))?;
        let mut stages = Stages::default();
        for pass in passes {
            let stage = match pass.pass.as_str() {
                "program_cells" => &mut stages.sampling_s,
                "gather" | "patterns" => &mut stages.patterns_s,
                "code_tables" | "sum_tables" => &mut stages.tables_s,
                _ => &mut stages.product_s,
            };
            *stage += pass.nanoseconds * 1e-9 / f64::from(chips);
        }
        stages.look_up_s = stages.product_s;
        return Ok(Some(stages));
    }
    Ok(None)
}

/// One on the CPU, where stages are timed by themselves; on a GPU as many as take a while.
fn chips_per_repeat(engine: &Engine, run_one: &dyn Fn() -> Result<()>) -> Result<u32> {
    if matches!(engine, Engine::Cpu) {
        return Ok(1);
    }
    let started = Instant::now();
    run_one()?;
    Ok((LEAST_GPU_S / started.elapsed().as_secs_f64().max(1e-6)).ceil().clamp(1.0, 64.0) as u32)
}
