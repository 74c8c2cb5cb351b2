//! A whole network: the embedded one on fresh chips, at three heights.

use super::clock::{CPU_CLOCK, Effort, cpu_seconds};
use super::kernels::engine_name;
use crate::config::{self, Overrides};
use crate::embedded;
use crate::engine::cpu::{self, Chip, Prepared};
use crate::engine::{Engine, IntegerImages, Plan};
use crate::error::{Error, Result};
use crate::network::fold::fold_batchnorm;
use crate::quantize::IntegerNetwork;
use crate::quantize::lower::lower;
use rayon::ThreadPool;
use serde::Serialize;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

/// Images that set the activation ranges.
const CALIBRATION_IMAGES: usize = 64;
/// Images of a chip on an engine that needs many to be busy.
const MANY_IMAGES: usize = 1000;
/// An engine that takes the usual number of images in less than this gets many.
const TOO_SHORT_S: f64 = 0.1;

/// The network's speed on one engine at one height.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkSpeed {
    /// `cpu` or `gpu`.
    pub engine: &'static str,
    /// CPU threads; null on a GPU.
    pub threads: Option<usize>,
    /// `thread CPU time` or `wall time`.
    pub clock: &'static str,
    /// Wordlines that are on at once.
    pub ou_wordlines: usize,
    /// Images per chip.
    pub images: usize,
    /// Multiply-accumulates of an image.
    pub macs_per_image: u64,
    /// Measurements.
    pub repeats: usize,
    /// A fresh chip on all images, divided by their number, its programming counted: the fastest.
    pub ms_per_image_and_chip_min: f64,
    /// The median.
    pub ms_per_image_and_chip_median: f64,
    /// Programming a chip (drawing all cells, building the tables that are kept): the fastest; null where it is not measured by itself.
    pub programming_ms_per_chip: Option<f64>,
    /// Multiply-accumulates of the integer network in a second, millions, by the median.
    pub ideal_mmac_per_s: f64,
}

/// The embedded network, quantised, and its images.
pub struct Embedded {
    network: Arc<IntegerNetwork>,
    images: IntegerImages,
    usual_images: usize,
    heights: &'static [usize],
}

impl Embedded {
    /// Quantises it.
    pub fn new(quick: bool) -> Result<Self> {
        let dataset = embedded::dataset(MANY_IMAGES, CALIBRATION_IMAGES)?;
        let point = config::parse_mvm("", "the benchmark's network", &Overrides::default())?;
        let network = Arc::new(lower(&fold_batchnorm(&embedded::network()?)?, &dataset, &point.quantization, None)?);
        let images = IntegerImages::new(&network, &dataset);
        let (usual_images, heights): (usize, &[usize]) = if quick { (4, &[9]) } else { (32, &[9, 32, 128]) };
        Ok(Embedded { network, images, usual_images, heights })
    }

    fn plan(&self, ou_wordlines: usize) -> Result<Plan> {
        let toml = format!(
            "[crossbar]\nou_wordlines = {ou_wordlines}\n[adc]\nbits = \"lossless\"\nrange = \"full\"\n\
             [device]\non_off_ratio = \"infinite\"\nprogramming_error = {{ law = \"normal-proportional\", sigma_rel = 0.1 }}\n"
        );
        Plan::new(self.network.clone(), &config::parse_mvm(&toml, "the benchmark's network", &Overrides::default())?, &[])
    }

    /// The CPU engine on a pool of threads: one thread in its CPU time, several in wall time.
    pub fn on_cpu(&self, pool: &ThreadPool, effort: &Effort) -> Result<Vec<NetworkSpeed>> {
        let threads = pool.current_num_threads();
        let images = self.images.first(self.usual_images);
        let one_height = |&height: &usize| {
            let plan = self.plan(height)?;
            let now = || if threads == 1 { cpu_seconds() } else { wall_seconds() };
            let (all, programming) = pool.install(|| {
                let prepared = Prepared::new(&plan, images.len());
                let timed = |work: &dyn Fn(u32) -> Result<()>| effort.repeat(|i| { let before = now(); work(i)?; Ok((now() - before, ())) });
                let chip = RefCell::new(Chip::blank(&prepared));
                let all = timed(&|i| {
                    let mut chip = chip.borrow_mut();
                    chip.program(&prepared, i);
                    std::hint::black_box(cpu::run_chip(&prepared, &chip, &images, false));
                    Ok(())
                })?;
                let programming = timed(&|i| {
                    chip.borrow_mut().program(&prepared, i);
                    Ok(())
                })?;
                Ok::<_, Error>((all, programming))
            })?;
            let speed = self.speed(&Engine::Cpu, height, images.len(), 1, [all.min_s, all.median_s], all.repeats);
            let clock = if threads == 1 { CPU_CLOCK } else { "wall time" };
            Ok(NetworkSpeed { threads: Some(threads), clock, programming_ms_per_chip: Some(programming.min_s * 1e3), ..speed })
        };
        self.heights.iter().map(one_height).collect()
    }

    /// An engine that is no CPU, in wall time.
    pub fn on_gpu(&self, engine: &Engine, effort: &Effort) -> Result<Vec<NetworkSpeed>> {
        let one_height = |&height: &usize| {
            let plan = self.plan(height)?;
            let mut images = self.images.first(self.usual_images);
            engine.run(&plan, &images.first(1), 0..1, false)?; // compiles
            let started = wall_seconds();
            engine.run(&plan, &images, 0..1, false)?;
            let mut chips = 1;
            if wall_seconds() - started < TOO_SHORT_S {
                (images, chips) = (self.images.clone(), 4);
            }
            let timing = effort.repeat(|i| {
                let before = wall_seconds();
                engine.run(&plan, &images, i * chips..(i + 1) * chips, false)?;
                Ok((wall_seconds() - before, ()))
            })?;
            Ok(self.speed(engine, height, images.len(), chips, [timing.min_s, timing.median_s], timing.repeats))
        };
        self.heights.iter().map(one_height).collect()
    }

    fn speed(&self, engine: &Engine, ou_wordlines: usize, images: usize, chips: u32, seconds: [f64; 2], repeats: usize) -> NetworkSpeed {
        let [min, median] = seconds.map(|s| s / (images as f64 * f64::from(chips)));
        NetworkSpeed {
            engine: engine_name(engine),
            threads: None,
            clock: "wall time",
            ou_wordlines,
            images,
            macs_per_image: self.network.macs(),
            repeats,
            ms_per_image_and_chip_min: min * 1e3,
            ms_per_image_and_chip_median: median * 1e3,
            programming_ms_per_chip: None,
            ideal_mmac_per_s: self.network.macs() as f64 / median * 1e-6,
        }
    }
}

fn wall_seconds() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}
