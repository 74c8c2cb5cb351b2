//! The error budget of a point: what each cause costs, added in turn to an ideal crossbar and taken alone from the
//! configured one, and what each layer contributes. All on the same chips, so differences are paired.
//!
//! The two columns answer two questions. *Added in turn*: how does the loss build up? Its parts sum to the whole loss,
//! but depend on the order, which is the one a signal meets. *Taken away*: what would it bring to be rid of this cause
//! alone? Where causes hide each other the second is the smaller.

pub mod causes;

use crate::config::PointConfig;
use crate::engine::cpu::{self, digital};
use crate::engine::{Engine, IntegerImages, Kernel, LayerTally, Plan, stopped};
use crate::error::Result;
use crate::network::float;
use crate::quantize::IntegerNetwork;
use crate::stats::{Interval, student_t};
use crate::sweep::Observer;
use crate::sweep::materials::{Material, Materials, layer_names};
use crate::sweep::references::plan_where;
use crate::sweep::run::{LAYER_IMAGES, LAYER_TRIALS};
use causes::{CAUSES, Cause, start};
use std::sync::Arc;

/// A difference of accuracies over the same chips, as a share of the images.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Mean over chips.
    pub mean: f64,
    /// Its 95 % interval; none for a single chip.
    pub interval: Option<Interval>,
}

/// What one cause costs.
pub struct CauseLine {
    /// Name.
    pub cause: &'static str,
    /// Its settings.
    pub setting: String,
    /// Mean accuracy once it and all before it are there.
    pub accuracy_after: f64,
    /// Loss when it is added after those before it.
    pub added: Difference,
    /// Accuracy won when it alone is taken away from the whole; none for the step from floats to integers.
    pub removed: Option<Difference>,
    /// Standard deviation of the accuracy over chips, once it and all before it are there; none for a single chip.
    pub sd_after: Option<f64>,
    /// The share of the configured point's variance over chips that goes with it: 1 - variance without it / variance.
    /// Negative where chips are more alike with it. None where chips are all alike.
    pub variance_share: Option<f64>,
    /// Per layer, tallies with it and all before it.
    pub layers: Vec<LayerTally>,
}

/// What one layer costs.
pub struct LayerLine {
    /// Name.
    pub layer: String,
    /// Loss when all causes act in this layer alone.
    pub alone: Difference,
    /// Accuracy won when this layer alone is ideal.
    pub ideal: Difference,
}

/// The budget of a point.
pub struct Budget {
    /// The point.
    pub point: PointConfig,
    /// Chips of each run.
    pub chips: u32,
    /// Accuracy of the float network.
    pub float: f64,
    /// Accuracy of the quantised network.
    pub quantised: f64,
    /// Mean accuracy of the point.
    pub full: f64,
    /// Causes, in the order they are added.
    pub causes: Vec<CauseLine>,
    /// Names of the layers with weights.
    pub layer_names: Vec<String>,
    /// What they cost; empty if that was not asked for.
    pub layers: Vec<LayerLine>,
}

/// How a budget is made.
pub struct Request<'a> {
    /// Where the work is done.
    pub engine: &'a Engine,
    /// The kernel to use where it can.
    pub kernel: Option<Kernel>,
    /// Also the layers, one by one.
    pub layers: bool,
}

/// Runs variants of a point.
struct Runs<'a> {
    request: &'a Request<'a>,
    observer: &'a dyn Observer,
    material: Arc<Material>,
    network: Arc<IntegerNetwork>,
    images: IntegerImages,
    chips: u32,
    done: u64,
    total: u64,
}

/// The budget of `point` over its `trials` chips.
pub fn explain(point: &PointConfig, request: &Request, materials: &mut Materials, observer: &dyn Observer) -> Result<Budget> {
    let (material, network) = (materials.of(point)?, materials.quantized(point)?);
    let images = IntegerImages::new(&network, &material.dataset);
    let causes: Vec<&Cause> = CAUSES.iter().filter(|c| c.is_in(point)).collect();
    let names = layer_names(&material.network);
    let chips = point.monte_carlo.trials;
    let runs = 1 + 2 * causes.len() as u64 + if request.layers { 2 * names.len() as u64 } else { 0 };
    let total = runs * u64::from(chips) * images.len() as u64;
    let count = images.len() as f64;
    let mut runs = Runs { request, observer, material, network, images, chips, done: 0, total };
    let float = float::accuracy_until(&runs.material.network, &runs.material.dataset, &|| observer.interrupted()).ok_or_else(stopped)? as f64 / count;
    let digital = digital::logits_until(&runs.network, &runs.images, &|| observer.interrupted()).ok_or_else(stopped)?;
    let quantised = digital::correct(&digital, &runs.images.labels) as f64 / count;
    let mut at = start(point);
    let mut before = runs.accuracies(&runs.plan(&at, &|_| false)?)?;
    let mut lines = vec![CauseLine {
        cause: "quantization",
        setting: format!("{} weight bits, {} activation bits", point.quantization.weight_bits, point.quantization.activation_bits),
        accuracy_after: mean(&before),
        added: Difference { mean: float - mean(&before), interval: None },
        removed: None,
        sd_after: None,
        variance_share: None,
        layers: Vec::new(),
    }];
    let whole = runs.plan(point, &|_| false)?;
    let full = runs.accuracies(&whole)?;
    for cause in causes {
        at = cause.taken_from(&at, point);
        let plan = runs.plan(&at, &|_| false)?;
        let after = runs.accuracies(&plan)?;
        let without = runs.accuracies(&runs.plan(&cause.taken_from(point, &start(point)), &|_| false)?)?;
        lines.push(CauseLine {
            cause: cause.name,
            setting: (cause.setting)(point),
            accuracy_after: mean(&after),
            added: difference(&before, &after),
            removed: Some(difference(&without, &full)),
            sd_after: variance(&after).map(libm::sqrt),
            variance_share: variance(&full).filter(|v| *v > 0.0).zip(variance(&without)).map(|(all, without)| 1.0 - without / all),
            layers: runs.tallies(&plan)?,
        });
        before = after;
    }
    let mut layers = Vec::new();
    for (index, layer) in names.iter().cloned().enumerate().filter(|_| request.layers) {
        let ideal = vec![quantised; chips as usize];
        let alone = runs.accuracies(&runs.plan(point, &|l| l != index)?)?;
        let without = runs.accuracies(&runs.plan(point, &|l| l == index)?)?;
        layers.push(LayerLine { layer, alone: difference(&ideal, &alone), ideal: difference(&without, &full) });
    }
    Ok(Budget { point: point.clone(), chips, float, quantised, full: mean(&full), causes: lines, layer_names: names, layers })
}

impl Runs<'_> {
    /// The plan of a variant; `digital` layers are ideal.
    fn plan(&self, point: &PointConfig, digital: &dyn Fn(usize) -> bool) -> Result<Plan> {
        let plan = plan_where(point, &self.network, &self.material, digital)?;
        Ok(Plan { kernel: self.request.kernel, ..plan })
    }

    /// Accuracy of every chip.
    fn accuracies(&mut self, plan: &Plan) -> Result<Vec<f64>> {
        // Where every chip is the same one, one is enough.
        let trials = if plan.deterministic { 1 } else { self.chips };
        let counts = self.request.engine.run_until(plan, &self.images, 0..trials, false, &|| self.observer.interrupted())?;
        self.done += u64::from(self.chips) * self.images.len() as u64;
        self.observer.progress(self.done.min(self.total), self.total);
        let frac = |c: &crate::engine::TrialCounts| c.correct as f64 / self.images.len() as f64;
        Ok((0..self.chips as usize).map(|i| frac(&counts[i.min(trials as usize - 1)])).collect())
    }

    /// Tallies per layer, over the first few chips and images.
    fn tallies(&self, plan: &Plan) -> Result<Vec<LayerTally>> {
        let few = self.images.first(self.images.len().min(LAYER_IMAGES));
        let of_chips = cpu::tally_layers(plan, &few, 0..LAYER_TRIALS.min(self.chips), &|| self.observer.interrupted()).ok_or_else(stopped)?;
        let mut total = vec![LayerTally::default(); plan.layers.len()];
        of_chips.iter().for_each(|tallies| total.iter_mut().zip(tallies).for_each(|(a, b)| a.merge(b)));
        Ok(total)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Sample variance; none for a single value.
fn variance(values: &[f64]) -> Option<f64> {
    let m = mean(values);
    (values.len() > 1).then(|| values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (values.len() - 1) as f64)
}

/// `before` less `after`, chip by chip.
fn difference(before: &[f64], after: &[f64]) -> Difference {
    let differences: Vec<f64> = before.iter().zip(after).map(|(b, a)| b - a).collect();
    let m = mean(&differences);
    let sd = libm::sqrt(variance(&differences).unwrap_or(0.0));
    Difference { mean: m, interval: student_t(m, sd, differences.len() as u64, 0.95, -1.0, 1.0) }
}
