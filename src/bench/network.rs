//! A whole network on fresh chips, at three heights: the embedded one, and one of the user's.

use super::cases::Fraction;
use super::clock::{CPU_CLOCK, Effort, cpu_seconds};
use super::kernels::engine_name;
use crate::config::{self, Overrides};
use crate::engine::cpu::{self, Chip, Prepared};
use crate::engine::{Engine, IntegerImages, Plan};
use crate::error::{Error, Result};
use crate::quantize::IntegerNetwork;
use crate::sweep::materials::Materials;
use rayon::ThreadPool;
use serde::Serialize;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Images of a chip on an engine that needs many to be busy.
const MANY_IMAGES: usize = 1000;
/// An engine that takes the usual number of images in less than this gets many, and then more chips.
const TOO_SHORT_S: f64 = 0.1;
/// Most chips of a measurement.
const MOST_CHIPS: u32 = 256;

/// The network's speed on one engine at one height.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkSpeed {
    /// Name of the network.
    pub network: String,
    /// `cpu` or `gpu`.
    pub engine: &'static str,
    /// CPU threads; null on a GPU.
    pub threads: Option<usize>,
    /// `thread CPU time` or `wall time`.
    pub clock: &'static str,
    /// Wordlines that are on at once.
    pub ou_wordlines: usize,
    /// `max` or `coarse`.
    pub fraction: &'static str,
    /// Images per chip.
    pub images: usize,
    /// Chips of a measurement.
    pub chips: u32,
    /// Multiply-accumulates of an image.
    pub macs_per_image: u64,
    /// Measurements.
    pub repeats: usize,
    /// An image on a programmed chip: the fastest. On a GPU a fresh chip on all images, its programming counted, divided by their number.
    pub ms_per_image_and_chip_min: f64,
    /// The median.
    pub ms_per_image_and_chip_median: f64,
    /// Programming a chip (drawing all cells, building the tables that are kept): the fastest; null where it is not measured by itself.
    pub programming_ms_per_chip: Option<f64>,
    /// Multiply-accumulates of the integer network in a second, millions, by the median.
    pub ideal_mmac_per_s: f64,
    /// Time of each pass of the shaders by the clock of the device, one measurement; null where there is none.
    pub passes: Option<Vec<PassSpeed>>,
}

/// What a pass takes of a network's time on a GPU.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassSpeed {
    /// Its shader.
    pub pass: String,
    /// Of all its dispatches.
    pub ms_per_image_and_chip: f64,
    /// How many there were for all images and chips.
    pub dispatches: u64,
}

/// A network, quantised, and its images.
pub struct Measured {
    network: Arc<IntegerNetwork>,
    images: IntegerImages,
    usual_images: usize,
    heights: &'static [(usize, Fraction)],
}

/// A network's file and its data.
#[derive(Debug, Clone)]
pub struct Files {
    /// As `network.model` of a sweep file.
    pub model: PathBuf,
    /// As `network.dataset`.
    pub dataset: PathBuf,
}

impl Measured {
    /// Reads and quantises the embedded network, or that of `files`.
    pub fn new(files: Option<&Files>, quick: bool) -> Result<Self> {
        let usual_images = if quick { 4 } else { 64 };
        // A TOML string of its own: the quotes and backslashes of a path escaped.
        let path = |p: &PathBuf| format!("{:?}", p.to_string_lossy());
        let [model, dataset] = files.map_or(["\"embedded\"".into(), "\"embedded\"".into()], |f| [path(&f.model), path(&f.dataset)]);
        let images = if files.is_some() { usual_images } else { MANY_IMAGES };
        let sweep = config::parse(&format!("[network]\nmodel = {model}\ndataset = {dataset}\nimages = {images}\n"), "the benchmark's network", &Overrides::default())?;
        let Some(point) = sweep.points.first() else { return Err(Error::internal("a sweep without a point")) };
        let mut materials = Materials::default();
        let (material, network) = (materials.of(point)?, materials.quantized(point)?);
        let images = IntegerImages::new(&network, &material.dataset);
        let heights: &[_] = if quick { &[(9, Fraction::Max)] } else { &[(9, Fraction::Max), (32, Fraction::Max), (32, Fraction::Coarse), (128, Fraction::Max), (128, Fraction::Coarse)] };
        Ok(Measured { network, usual_images: usual_images.min(images.len()), images, heights })
    }

    fn plan(&self, ou_wordlines: usize, fraction: Fraction) -> Result<Plan> {
        let with = |bits: &str| {
            let toml = format!(
                "[crossbar]\nou_wordlines = {ou_wordlines}\n[adc]\nbits = \"lossless\"\nrange = \"full\"\n\
                 [device]\non_off_ratio = 100\nfraction_bits = {bits}\nprogramming_error = {{ law = \"lognormal\", sigma_ln = 0.1 }}\n"
            );
            Plan::new(self.network.clone(), &config::parse_mvm(&toml, "the benchmark's network", &Overrides::default())?, &[])
        };
        let plan = with("\"max\"")?;
        let conversion = plan.layers.iter().flatten().find_map(|p| p.crossbar.conversion.bits(p.crossbar.planes.signed()));
        match (fraction, conversion) {
            (Fraction::Coarse, Some(bits)) => with(&16u32.saturating_sub(bits).to_string()),
            _ => Ok(plan),
        }
    }

    /// The CPU engine on a pool of threads: one thread in its CPU time, several in wall time.
    pub fn on_cpu(&self, pool: &ThreadPool, effort: &Effort) -> Result<Vec<NetworkSpeed>> {
        let threads = pool.current_num_threads();
        let images = self.images.first(self.usual_images);
        let one_height = |&(height, fraction): &(usize, Fraction)| {
            let plan = self.plan(height, fraction)?;
            let now = || if threads == 1 { cpu_seconds() } else { wall_seconds() };
            let (all, programming) = pool.install(|| {
                let prepared = Prepared::new(&plan, images.len());
                let timed = |work: &dyn Fn(u32) -> Result<()>| effort.repeat(|i| { let before = now(); work(i)?; Ok((now() - before, ())) });
                let chip = RefCell::new(Chip::blank(&prepared));
                let programming = timed(&|i| {
                    chip.borrow_mut().program(&prepared, i, &|| false);
                    Ok(())
                })?;
                let all = timed(&|_| {
                    std::hint::black_box(cpu::run_chip(&prepared, &chip.borrow(), &images, false));
                    Ok(())
                })?;
                Ok::<_, Error>((all, programming))
            })?;
            let speed = self.speed(&Engine::Cpu, height, fraction, images.len(), 1, [all.min_s, all.median_s], all.repeats);
            let clock = if threads == 1 { CPU_CLOCK } else { "wall time" };
            Ok(NetworkSpeed { threads: Some(threads), clock, programming_ms_per_chip: Some(programming.min_s * 1e3), ..speed })
        };
        self.heights.iter().map(one_height).collect()
    }

    /// An engine that is no CPU, in wall time.
    pub fn on_gpu(&self, engine: &Engine, effort: &Effort) -> Result<Vec<NetworkSpeed>> {
        let one_height = |&(height, fraction): &(usize, Fraction)| {
            let plan = self.plan(height, fraction)?;
            let mut images = self.images.first(self.usual_images);
            engine.run(&plan, &images.first(1), 0..1, false)?; // compiles
            let started = wall_seconds();
            engine.run(&plan, &images, 0..1, false)?;
            let mut chips = 1;
            if wall_seconds() - started < TOO_SHORT_S {
                images = self.images.clone();
                let mut too_short = true;
                while too_short && chips < MOST_CHIPS {
                    chips *= 4;
                    let started = wall_seconds();
                    engine.run(&plan, &images, 0..chips, false)?;
                    too_short = wall_seconds() - started < TOO_SHORT_S;
                }
            }
            let timing = effort.repeat(|i| {
                let before = wall_seconds();
                engine.run(&plan, &images, i * chips..(i + 1) * chips, false)?;
                Ok((wall_seconds() - before, ()))
            })?;
            let speed = self.speed(engine, height, fraction, images.len(), chips, [timing.min_s, timing.median_s], timing.repeats);
            Ok(NetworkSpeed { passes: passes(engine, &plan, &images, chips)?, ..speed })
        };
        self.heights.iter().map(one_height).collect()
    }

    fn speed(&self, engine: &Engine, ou_wordlines: usize, fraction: Fraction, images: usize, chips: u32, seconds: [f64; 2], repeats: usize) -> NetworkSpeed {
        let [min, median] = seconds.map(|s| s / (images as f64 * f64::from(chips)));
        NetworkSpeed {
            network: self.network.name.clone(),
            engine: engine_name(engine),
            threads: None,
            clock: "wall time",
            ou_wordlines,
            fraction: fraction.name(),
            images,
            chips,
            macs_per_image: self.network.macs(),
            repeats,
            ms_per_image_and_chip_min: min * 1e3,
            ms_per_image_and_chip_median: median * 1e3,
            programming_ms_per_chip: None,
            ideal_mmac_per_s: self.network.macs() as f64 / median * 1e-6,
            passes: None,
        }
    }
}

/// What each pass takes on a device that has a clock.
fn passes(engine: &Engine, plan: &Plan, images: &IntegerImages, chips: u32) -> Result<Option<Vec<PassSpeed>>> {
    #[cfg(feature = "gpu")]
    if let Engine::Gpu(gpu) = engine
        && gpu.has_timestamps()
    {
        let (_, times) = gpu.timed(|gpu| gpu.run(plan, images, 0..chips, false))?;
        let all = images.len() as f64 * f64::from(chips);
        return Ok(Some(times.into_iter().map(|t| PassSpeed { pass: t.pass, ms_per_image_and_chip: t.nanoseconds * 1e-6 / all, dispatches: t.dispatches }).collect()));
    }
    Ok(None)
}

fn wall_seconds() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}
