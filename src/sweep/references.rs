//! The accuracies before any trial: float, quantised, ideal crossbar, crossbar as configured without random errors.
//!
//! The ideal crossbar must give the quantised network's logits exactly, image by image, or the program stops:
//! whatever is lost later is then lost to the device, not to the simulator.

use super::manifest::ManifestPoint;
use super::materials::{Material, Materials};
use super::run::Request;
use super::{Observer, atomic};
use crate::config::{AdcRange, Compensation, DriftConfig, PointConfig, ProgrammingError};
use crate::dataset::Pixels;
use crate::crossbar::Conversion;
use crate::engine::cpu::compensate::Reference;
use crate::engine::cpu::{calibrate, digital};
use crate::engine::cpu::noise::held_by_flips;
use crate::engine::{Engine, IntegerImages, Kernel, Plan, TrialCounts, ideal, nominal, stopped};
use crate::error::{Error, Result};
use crate::network::float;
use crate::quantize::IntegerNetwork;
use crate::warning::Warning;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is known of a point before its trials. Counts of images; sizes per image and per chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct References {
    /// Images the float network classifies as labelled.
    pub float_correct: u64,
    /// The quantised network in digital arithmetic.
    pub quantised_correct: u64,
    /// The crossbar without errors, with an infinite on/off ratio and a lossless ADC.
    pub ideal_correct: u64,
    /// The crossbar as configured, without what is random.
    pub nominal_correct: u64,
    /// Its clipped conversions over all images.
    pub nominal_clipped: u64,
    /// Its cells that are cut at the largest conductance.
    #[serde(default)]
    pub nominal_saturated_cells: u64,
    /// Conversions of one image.
    pub conversions_per_image: u64,
    /// Cells of one chip.
    pub cells_per_chip: u64,
    /// Resolution of the ADC in bits; `None` for an ideal one.
    pub adc_resolution_bits: Option<u32>,
    /// Fraction bits of a conductance.
    pub conductance_fraction_bits: u32,
    /// Root mean square of what rounding the conductances adds to a sum of `ou_wordlines` cells, in ADC steps.
    pub rounding_rms_steps: f64,
    /// The same for the programming error of cells at g_on.
    pub programming_error_rms_steps: f64,
    /// Hash of what floats on the host decided.
    pub host_hash: String,
}

/// A point ready to run.
pub struct Ready {
    /// For an engine.
    pub plan: Plan,
    /// Its test images.
    pub images: IntegerImages,
    /// Its references.
    pub references: References,
}

/// Computes references, each once however many points share it.
pub struct Referees<'a> {
    /// What they work for.
    pub request: &'a Request<'a>,
    /// Who hears of it.
    pub observer: &'a dyn Observer,
    /// Layers of which the user knows that the wanted kernel cannot compute them.
    other_kernel: BTreeSet<String>,
    float: HashMap<String, u64>,
    digital: HashMap<String, Arc<Vec<u32>>>,
    ideal: HashMap<String, u64>,
    nominal: HashMap<String, [u64; 3]>,
}

impl References {
    /// Where those of a point lie under the results folder.
    pub fn path(out: &Path, hash: &str) -> PathBuf {
        out.join("references").join(format!("{}.json", &hash[..16.min(hash.len())]))
    }

    /// Those of a point in a results folder, if they are there.
    pub fn read(out: &Path, of: &ManifestPoint) -> Result<Option<Self>> {
        let path = Self::path(out, &of.hash);
        let bad = |message: String| Error::input(path.display(), message).hint("move the file away and run again");
        match std::fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(&path, "read", &e)),
            Ok(text) => match serde_json::from_slice::<References>(&text) {
                Err(e) => Err(bad(format!("not a reference of this version: {e}"))),
                Ok(read) if !read.is_possible(of) => Err(bad(format!("counts that no run of {} images can find", of.images))),
                Ok(read) => Ok(Some(read)),
            },
        }
    }

    /// Whether these can be the references of that point.
    fn is_possible(&self, of: &ManifestPoint) -> bool {
        let counts = [self.float_correct, self.quantised_correct, self.ideal_correct, self.nominal_correct];
        let steps = [self.rounding_rms_steps, self.programming_error_rms_steps];
        counts.iter().all(|&n| n <= of.images) && steps.iter().all(|x| x.is_finite() && *x >= 0.0)
    }

    fn write(&self, out: &Path, hash: &str) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::internal(e.to_string()))?;
        atomic::write(&Self::path(out, hash), &text)
    }
}

/// The plan of a point, its ADC calibrated and its chips' compensation prepared if it asks for that.
pub fn plan_of(point: &PointConfig, network: &Arc<IntegerNetwork>, material: &Material) -> Result<Plan> {
    let mut plan = uncompensated(point, network, material, &|_| false)?;
    if point.compensation != Compensation::None {
        let images = IntegerImages::from_pixels(network, &material.dataset.calibration, Vec::new());
        plan.compensation = Some(Arc::new(Reference::new(point.compensation, network, &images)));
    }
    Ok(plan)
}

/// The plan of a point without its compensation; `digital` says which layers more are left digital.
pub fn uncompensated(point: &PointConfig, network: &Arc<IntegerNetwork>, material: &Material, digital: &dyn Fn(usize) -> bool) -> Result<Plan> {
    Plan::with_digital(network.clone(), point, &calibrated_steps(point, network, material)?, digital)
}

/// Per layer, the ADC step in level steps; empty where it is not calibrated.
fn calibrated_steps(point: &PointConfig, network: &Arc<IntegerNetwork>, material: &Material) -> Result<Vec<u64>> {
    if point.adc.range != AdcRange::Calibrated {
        return Ok(Vec::new());
    }
    // The sums' histogram needs the layout only; a lossless converter has the same.
    let layout = Plan::new(network.clone(), &ideal(point), &[])?;
    let images = IntegerImages::from_pixels(network, &material.dataset.calibration, Vec::new());
    let few = images.first(ADC_CALIBRATION_IMAGES);
    Ok(calibrate::calibrate_adc(&layout, &few, point.adc.bits))
}

/// Calibration images whose currents set a calibrated ADC range.
const ADC_CALIBRATION_IMAGES: usize = 8;

impl<'a> Referees<'a> {
    /// Knows no reference yet.
    pub fn new(request: &'a Request<'a>, observer: &'a dyn Observer) -> Self {
        Referees { request, observer, other_kernel: BTreeSet::new(), float: HashMap::new(), digital: HashMap::new(), ideal: HashMap::new(), nominal: HashMap::new() }
    }

    /// Makes `point` ready: reads or computes its references.
    pub fn ready(&mut self, point: &PointConfig, of: &ManifestPoint, materials: &mut Materials) -> Result<Ready> {
        let out = self.request.out;
        let material = materials.of(point)?;
        let network = materials.quantized(point)?;
        let plan = self.with_kernel(plan_of(point, &network, &material)?);
        let images = IntegerImages::new(&network, &material.dataset);
        warn_of(point, &plan, &material, self.observer);
        self.say_other_kernels(&plan);
        if let Some(references) = References::read(out, of)? {
            if references.host_hash != plan.host_hash() {
                return Err(Error::input(
                    References::path(out, &of.hash).display(),
                    "this machine computes other scales, thresholds or quantiles than the one that started these results",
                )
                .hint("use a new --out folder, and report the two machines: they should agree to the last bit"));
            }
            return Ok(Ready { plan, images, references });
        }
        if let Some((layer, share)) = held_by_flips(&plan) {
            self.observer.say(&format!("flips hold {:.2} % of the variance of the read noise, counted over all patterns in layer `{layer}`, where they hold least", 100.0 * share));
        }
        let float_correct = self.float(&material)?;
        let digital = self.digital(of, &network, &images)?;
        let quantised_correct = digital::correct(&digital, &images.labels);
        let ideal_correct = self.ideal(point, of, &network, &images, &digital)?;
        let [nominal_correct, nominal_clipped, nominal_saturated_cells] = self.nominal(point, of, &network, &material, &images)?;
        let conversion = plan.layers.iter().flatten().find(|p| !p.crossbar.digital).map(|p| (&p.crossbar.conversion, &p.crossbar.sums, p.crossbar.planes));
        let (adc_resolution_bits, step) = match conversion {
            Some((Conversion::Rounding(adc), sums, _)) => (Conversion::Rounding(adc.clone()).bits(sums.signed), adc.step),
            Some((Conversion::Ideal, sums, _)) => (None, sums.level_step),
            None => (None, 1.0),
        };
        // An analog difference adds the errors of two cells.
        let cells = point.crossbar.ou_wordlines as f64 * if conversion.is_some_and(|c| c.2.signed()) { 2.0 } else { 1.0 };
        let unit = (1u64 << plan.table.fraction_bits) as f64;
        let references = References {
            float_correct,
            quantised_correct,
            ideal_correct,
            nominal_correct,
            nominal_clipped,
            nominal_saturated_cells,
            conversions_per_image: plan.conversions_per_image(),
            cells_per_chip: plan.cells(),
            adc_resolution_bits,
            conductance_fraction_bits: plan.table.fraction_bits,
            rounding_rms_steps: libm::sqrt(cells / 12.0) / step,
            programming_error_rms_steps: libm::sqrt(point.crossbar.ou_wordlines as f64) * plan.table.on_sd * unit / step,
            host_hash: plan.host_hash(),
        };
        references.write(out, &of.hash)?;
        Ok(Ready { plan, images, references })
    }

    /// Every plan that an engine runs passes here.
    pub fn with_kernel(&self, plan: Plan) -> Plan {
        Plan { kernel: self.request.kernel, ..plan }
    }

    /// Tells once of each layer that the wanted kernel cannot compute.
    fn say_other_kernels(&mut self, plan: &Plan) {
        let Some(kernel) = self.request.kernel else { return };
        let other: BTreeSet<String> = layers_beyond(kernel, plan).difference(&self.other_kernel).cloned().collect();
        if !other.is_empty() {
            self.observer.warn(&Warning::OtherKernel { kernel: kernel.to_string(), layers: other.iter().cloned().collect() });
            self.other_kernel.extend(other);
        }
    }

    fn float(&mut self, material: &Material) -> Result<u64> {
        let key = format!("{} {}", material.network_hash, material.dataset_hash);
        if let Some(&correct) = self.float.get(&key) {
            return Ok(correct);
        }
        let correct = float::accuracy_until(&material.network, &material.dataset, &|| self.observer.interrupted()).ok_or_else(stopped)? as u64;
        self.float.insert(key, correct);
        Ok(correct)
    }

    fn digital(&mut self, of: &ManifestPoint, network: &IntegerNetwork, images: &IntegerImages) -> Result<Arc<Vec<u32>>> {
        if let Some(logits) = self.digital.get(&of.network_hash) {
            return Ok(logits.clone());
        }
        let logits = Arc::new(digital::logits_until(network, images, &|| self.observer.interrupted()).ok_or_else(stopped)?);
        self.digital.insert(of.network_hash.clone(), logits.clone());
        Ok(logits)
    }

    fn ideal(&mut self, point: &PointConfig, of: &ManifestPoint, network: &Arc<IntegerNetwork>, images: &IntegerImages, digital: &[u32]) -> Result<u64> {
        let point = without_seed(ideal(point));
        let key = format!("{} {}", of.network_hash, point.canonical());
        if let Some(&correct) = self.ideal.get(&key) {
            return Ok(correct);
        }
        let plan = self.with_kernel(Plan::new(network.clone(), &point, &[])?);
        let counts = one(self.request.engine.run_until(&plan, images, 0..1, true, &|| self.observer.interrupted())?)?;
        if counts.logits != digital {
            let classes = digital.len() / images.len().max(1);
            let image = counts.logits.iter().zip(digital).position(|(a, b)| a != b).unwrap_or(0) / classes.max(1);
            let place = match &self.request.engine {
                Engine::Cpu => String::new(),
                #[cfg(feature = "gpu")]
                Engine::Gpu(gpu) => gpu.first_difference(&plan, images, image)?.map_or("; not so when it was computed once more".into(), |d| format!("; {d}")),
            };
            return Err(Error::internal(format!(
                "the ideal crossbar differs from the quantised network (first at image {image}, {}{place}): nothing is simulated on such ground",
                self.request.engine.describe()
            )));
        }
        self.ideal.insert(key, counts.correct);
        Ok(counts.correct)
    }

    fn nominal(&mut self, point: &PointConfig, of: &ManifestPoint, network: &Arc<IntegerNetwork>, material: &Material, images: &IntegerImages) -> Result<[u64; 3]> {
        let point = without_seed(nominal(point));
        let key = format!("{} {}", of.network_hash, point.canonical());
        if let Some(&found) = self.nominal.get(&key) {
            return Ok(found);
        }
        let plan = self.with_kernel(plan_of(&point, network, material)?);
        let counts = one(self.request.engine.run_verified(&plan, images, 0..1, &|| self.observer.interrupted())?)?;
        let found = [counts.correct, counts.clipped, counts.saturated_cells];
        self.nominal.insert(key, found);
        Ok(found)
    }
}

/// The counts of a single chip.
fn one(counts: Vec<TrialCounts>) -> Result<TrialCounts> {
    counts.into_iter().next().ok_or_else(|| Error::internal("the engine returned no trial"))
}

/// Names of the layers that `kernel` cannot compute.
fn layers_beyond(kernel: Kernel, plan: &Plan) -> BTreeSet<String> {
    plan.layers.iter().flatten().filter(|p| !kernel.can(&p.crossbar)).map(|p| p.crossbar.name.clone()).collect()
}

/// Nothing random happens there, so seeds share the result, and ways to draw chips.
fn without_seed(mut point: PointConfig) -> PointConfig {
    point.monte_carlo.seed = 0;
    point.monte_carlo.antithetic = false;
    point
}

/// A float image with a value beyond this holds no normalised pixels.
const RAW_PIXELS_FROM: f32 = 40.0;

fn warn_of(point: &PointConfig, plan: &Plan, material: &Material, observer: &dyn Observer) {
    if material.dataset.calibration_source.contains("test images") {
        observer.warn(&Warning::CalibratedOnTestImages);
    }
    if let Pixels::F32(values) = &*material.dataset.images {
        let largest = values.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        if largest > RAW_PIXELS_FROM {
            observer.warn(&Warning::FloatPixels { dataset: material.dataset.name.clone(), largest });
        }
    }
    let drift = &point.device.drift;
    if (drift.nu, drift.sigma_nu) == (0.0, 0.0) && drift.time_s != DriftConfig::default().time_s {
        observer.warn(&Warning::TimeWithoutDrift);
    }
    if let ProgrammingError::Table(measured) = &point.device.programming_error {
        let median_rel = measured.quantile((1 << point.crossbar.cell_bits) - 1, 0.5, false);
        if !(0.5..=2.0).contains(&median_rel) {
            observer.warn(&Warning::MeasuredFarFromNominal { file: measured.path.clone(), median_rel });
        }
    }
    let g_off = crate::device::g_off(point.device.on_off_ratio);
    let levels_per_row = g_off / (1.0 - g_off) * f64::from((1u32 << point.crossbar.cell_bits) - 1);
    let rounded = |p: &crate::engine::PlacedPart| !p.crossbar.digital && p.crossbar.planes.input_sum && p.crossbar.conversion != Conversion::Ideal;
    if levels_per_row.fract() != 0.0 && plan.layers.iter().flatten().any(rounded) {
        observer.warn(&Warning::RoundedOffCurrent { levels_per_row });
    }
    if point.device.on_off_ratio.is_some() && !plan.layers.iter().flatten().any(|p| p.crossbar.planes.signed()) {
        return; // the off current moves every sum off the ties
    }
    for placed in plan.layers.iter().flatten().filter(|p| !p.crossbar.digital) {
        if let Conversion::Rounding(adc) = &placed.crossbar.conversion
            && adc.has_nominal_ties(&placed.crossbar.sums)
        {
            observer.warn(&Warning::AdcTies { layer: placed.crossbar.name.clone(), step_levels: adc.step_levels });
            return;
        }
    }
}
