//! The accuracies before any trial: float, quantised, ideal crossbar, crossbar as configured without random errors.
//!
//! The ideal crossbar must give the quantised network's logits exactly, image by image, or the program stops:
//! whatever is lost later is then lost to the device, not to the simulator.

use super::manifest::ManifestPoint;
use super::materials::{Material, Materials};
use super::{Observer, atomic};
use crate::config::{AdcRange, PointConfig};
use crate::crossbar::Conversion;
use crate::engine::cpu::{calibrate, digital};
use crate::engine::{Engine, IntegerImages, Plan, ideal, nominal};
use crate::error::{Error, Result};
use crate::network::float;
use crate::quantize::IntegerNetwork;
use crate::warning::Warning;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
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
#[derive(Default)]
pub struct Referees {
    float: HashMap<String, u64>,
    digital: HashMap<String, Arc<Vec<u32>>>,
    ideal: HashMap<String, u64>,
    nominal: HashMap<String, (u64, u64)>,
}

impl References {
    /// Where those of a point lie under the results folder.
    pub fn path(out: &Path, hash: &str) -> PathBuf {
        out.join("references").join(format!("{}.json", &hash[..16.min(hash.len())]))
    }

    /// Those of a point in a results folder, if they are there.
    pub fn read(out: &Path, hash: &str) -> Result<Option<Self>> {
        let path = Self::path(out, hash);
        match std::fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(&path, "read", &e)),
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|e| Error::input(path.display(), format!("not a reference of this version: {e}")).hint("move the file away and run again")),
        }
    }

    fn write(&self, out: &Path, hash: &str) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::internal(e.to_string()))?;
        atomic::write(&Self::path(out, hash), &text)
    }
}

/// The plan of a point, its ADC calibrated if it asks for that.
pub fn plan_of(point: &PointConfig, network: &Arc<IntegerNetwork>, material: &Material) -> Result<Plan> {
    if point.adc.range != AdcRange::Calibrated {
        return Plan::new(network.clone(), point, &[]);
    }
    // The sums' histogram needs the layout only; a lossless converter has the same.
    let layout = Plan::new(network.clone(), &ideal(point), &[])?;
    let images = IntegerImages::from_pixels(network, &material.dataset.calibration, Vec::new());
    let few = IntegerImages { values: images.values[..images.size * images.len().min(ADC_CALIBRATION_IMAGES)].to_vec(), ..images };
    Plan::new(network.clone(), point, &calibrate::calibrate_adc(&layout, &few, point.adc.bits))
}

/// Calibration images whose currents set a calibrated ADC range.
const ADC_CALIBRATION_IMAGES: usize = 8;

impl Referees {
    /// Makes `point` ready: reads or computes its references.
    pub fn ready(&mut self, point: &PointConfig, of: &ManifestPoint, materials: &mut Materials, engine: &Engine, out: &Path, observer: &dyn Observer) -> Result<Ready> {
        let material = materials.of(point)?;
        let network = materials.quantized(point)?;
        let plan = plan_of(point, &network, &material)?;
        let images = IntegerImages::new(&network, &material.dataset);
        warn_of(point, &plan, &material, observer);
        if let Some(references) = References::read(out, &of.hash)? {
            if references.host_hash != plan.host_hash() {
                return Err(Error::input(
                    References::path(out, &of.hash).display(),
                    "this machine computes other scales, thresholds or quantiles than the one that started these results",
                )
                .hint("use a new --out folder, and report the two machines: they should agree to the last bit"));
            }
            return Ok(Ready { plan, images, references });
        }
        let float_correct = self.float(&material);
        let digital = self.digital(of, &network, &images);
        let quantised_correct = digital::correct(&digital, &images.labels);
        let ideal_correct = self.ideal(point, of, &network, &images, engine, &digital)?;
        let (nominal_correct, nominal_clipped) = self.nominal(point, of, &network, &material, &images, engine)?;
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

    fn float(&mut self, material: &Material) -> u64 {
        let key = format!("{} {}", material.network_hash, material.dataset_hash);
        *self.float.entry(key).or_insert_with(|| float::accuracy(&material.network, &material.dataset) as u64)
    }

    fn digital(&mut self, of: &ManifestPoint, network: &IntegerNetwork, images: &IntegerImages) -> Arc<Vec<u32>> {
        self.digital.entry(of.network_hash.clone()).or_insert_with(|| Arc::new(digital::logits(network, images))).clone()
    }

    fn ideal(&mut self, point: &PointConfig, of: &ManifestPoint, network: &Arc<IntegerNetwork>, images: &IntegerImages, engine: &Engine, digital: &[u32]) -> Result<u64> {
        let point = without_seed(ideal(point));
        let key = format!("{} {}", of.network_hash, point.canonical());
        if let Some(&correct) = self.ideal.get(&key) {
            return Ok(correct);
        }
        let plan = Plan::new(network.clone(), &point, &[])?;
        let counts = run_once(engine, &plan, images, true)?;
        if counts.logits != digital {
            let classes = digital.len() / images.len().max(1);
            let image = counts.logits.iter().zip(digital).position(|(a, b)| a != b).unwrap_or(0) / classes.max(1);
            return Err(Error::internal(format!(
                "the ideal crossbar differs from the quantised network (first at image {image}, {}): nothing is simulated on such ground",
                engine.describe()
            )));
        }
        self.ideal.insert(key, counts.correct);
        Ok(counts.correct)
    }

    fn nominal(&mut self, point: &PointConfig, of: &ManifestPoint, network: &Arc<IntegerNetwork>, material: &Material, images: &IntegerImages, engine: &Engine) -> Result<(u64, u64)> {
        let point = without_seed(nominal(point));
        let key = format!("{} {}", of.network_hash, point.canonical());
        if let Some(&found) = self.nominal.get(&key) {
            return Ok(found);
        }
        let counts = run_once(engine, &plan_of(&point, network, material)?, images, false)?;
        self.nominal.insert(key, (counts.correct, counts.clipped));
        Ok((counts.correct, counts.clipped))
    }
}

fn run_once(engine: &Engine, plan: &Plan, images: &IntegerImages, keep_logits: bool) -> Result<crate::engine::TrialCounts> {
    engine.run(plan, images, 0..1, keep_logits)?.pop().ok_or_else(|| Error::internal("the engine returned no trial"))
}

/// Nothing random happens there, so seeds share the result.
fn without_seed(mut point: PointConfig) -> PointConfig {
    point.monte_carlo.seed = 0;
    point
}

fn warn_of(point: &PointConfig, plan: &Plan, material: &Material, observer: &dyn Observer) {
    if material.dataset.calibration_source.contains("test images") {
        observer.warn(&Warning::CalibratedOnTestImages);
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
