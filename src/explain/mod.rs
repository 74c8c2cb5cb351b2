//! The error budget of a point: what each cause costs, added in turn to an ideal crossbar and taken alone from the
//! configured one, and what each layer contributes. All on the same chips, so differences are paired.
//!
//! The two columns answer two questions. *Added in turn*: how does the loss build up? Its parts sum to the whole loss,
//! but depend on the order, which is the one a signal meets. *Taken away*: what would it bring to be rid of this cause
//! alone? Where causes hide each other the second is the smaller.

pub mod causes;

use crate::config::{Compensation, ConverterReach, PointConfig, ReadNoise, ReadNoiseModel};
use crate::engine::{LayerTally, Plan, cpu, stopped};
use crate::error::{Error, Result};
use crate::quantize::IntegerNetwork;
use crate::stats::{Interval, Sample};
use crate::sweep::blocks::{LAYER_IMAGES, LAYER_TRIALS};
use crate::sweep::manifest::ManifestPoint;
use crate::sweep::materials::{Material, Materials, layer_names};
use crate::sweep::references::{Ready, Referees, uncompensated};
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
    /// The point, as tables know it.
    pub of: ManifestPoint,
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

/// Runs variants of a point.
struct Runs<'a> {
    referees: &'a Referees<'a>,
    material: Arc<Material>,
    network: Arc<IntegerNetwork>,
    ready: Ready,
    chips: u32,
    done: u64,
    total: u64,
    /// Variants that have run: the last cause makes the whole point, and what is left without it came before.
    known: Vec<(PointConfig, Arc<Run>)>,
}

/// The budget of `point` over its `trials` chips; `by_layer` adds what each layer contributes. Its references are computed first, unless the
/// results folder has them.
pub fn explain(point: &PointConfig, of: &ManifestPoint, by_layer: bool, referees: &mut Referees, materials: &mut Materials) -> Result<Budget> {
    if point.monte_carlo.antithetic {
        return Err(Error::input("monte_carlo.antithetic", "a budget compares chip with chip; partners are no chips of their own").hint("--set monte_carlo.antithetic=false"));
    }
    let ready = referees.ready(point, of, materials)?;
    let (material, network) = (materials.of(point)?, materials.quantized(point)?);
    let causes: Vec<&Cause> = CAUSES.iter().filter(|c| c.is_in(point)).collect();
    let names = layer_names(&material.network);
    let chips = point.monte_carlo.trials;
    let count = ready.images.len() as f64;
    let (float, correct) = (ready.references.float_correct as f64 / count, ready.references.quantised_correct);
    let runs = 2 + 2 * causes.len() as u64 + if by_layer { 2 * names.len() as u64 } else { 0 };
    let total = runs * u64::from(chips) * ready.images.len() as u64;
    let mut runs = Runs { referees, material, network, ready, chips, done: 0, total, known: Vec::new() };
    let mut at = start(point);
    let mut before = runs.variant(&at)?;
    let mut lines = vec![CauseLine {
        cause: "quantization",
        setting: format!("{} weight bits, {} activation bits", point.quantization.weight_bits, point.quantization.activation_bits),
        accuracy_after: before.mean(),
        added: Difference { mean: float - before.mean(), interval: None },
        removed: None,
        sd_after: None,
        variance_share: None,
        layers: Vec::new(),
    }];
    let full = runs.variant(point)?;
    for cause in causes {
        at = cause.taken_from(&at, point);
        let after = runs.variant(&at)?;
        let without = runs.variant(&cause.taken_from(point, &start(point)))?;
        lines.push(CauseLine {
            cause: cause.name,
            setting: (cause.setting)(point),
            accuracy_after: after.mean(),
            added: before.less(&after),
            removed: Some(without.less(&full)),
            sd_after: after.sd(),
            variance_share: full.sd().filter(|sd| *sd > 0.0).zip(without.sd()).map(|(all, without)| 1.0 - (without / all).powi(2)),
            layers: runs.tallies(&runs.plan(&at, &|_| false)?)?,
        });
        before = after;
    }
    let mut layers = Vec::new();
    for (index, layer) in names.iter().cloned().enumerate().filter(|_| by_layer) {
        let ideal = Run { correct: vec![correct; chips as usize], images: count as u64 };
        let alone = runs.run(&runs.plan(point, &|l| l != index)?)?;
        let without = runs.run(&runs.plan(point, &|l| l == index)?)?;
        layers.push(LayerLine { layer, alone: ideal.less(&alone), ideal: without.less(&full) });
    }
    Ok(Budget { of: of.clone(), chips, float, quantised: correct as f64 / count, full: full.mean(), causes: lines, layer_names: names, layers })
}

impl Runs<'_> {
    /// The plan of a variant; `digital` layers are ideal.
    fn plan(&self, point: &PointConfig, digital: &dyn Fn(usize) -> bool) -> Result<Plan> {
        let mut point = point.clone();
        if let (ReadNoise::NormalProportional { model, .. } | ReadNoise::NormalIndependent { model, .. }, true) = (&mut point.device.read_noise, point.reach == ConverterReach::Fine) {
            // The fast models are made for steps that noise seldom crosses.
            *model = ReadNoiseModel::Exact;
        }
        let plan = uncompensated(&point, &self.network, &self.material, digital)?;
        // What a chip is compensated towards is the same in every variant.
        let compensation = self.ready.plan.compensation.clone().filter(|_| point.compensation != Compensation::None);
        Ok(self.referees.with_kernel(Plan { compensation, ..plan }))
    }

    /// Every chip of a variant, which runs once however often it is asked for.
    fn variant(&mut self, point: &PointConfig) -> Result<Arc<Run>> {
        if let Some((_, run)) = self.known.iter().find(|(known, _)| known == point) {
            let run = run.clone();
            self.advance();
            return Ok(run);
        }
        let run = Arc::new(self.run(&self.plan(point, &|_| false)?)?);
        self.known.push((point.clone(), run.clone()));
        Ok(run)
    }

    /// One more of the runs is there.
    fn advance(&mut self) {
        self.done += u64::from(self.chips) * self.ready.images.len() as u64;
        self.referees.observer.progress(self.done, self.total);
    }

    /// Every chip of a plan.
    fn run(&mut self, plan: &Plan) -> Result<Run> {
        // Where every chip is the same one, one is enough.
        let trials = if plan.deterministic { 1 } else { self.chips };
        let counts = self.referees.request.engine.run_verified(plan, &self.ready.images, 0..trials, &|| self.referees.observer.interrupted())?;
        self.advance();
        let correct = (0..self.chips as usize).map(|i| counts[i.min(trials as usize - 1)].correct).collect();
        Ok(Run { correct, images: self.ready.images.len() as u64 })
    }

    /// Tallies per layer, over the first few chips and images.
    fn tallies(&self, plan: &Plan) -> Result<Vec<LayerTally>> {
        let few = self.ready.images.first(LAYER_IMAGES);
        let of_chips = cpu::tally_layers(plan, &few, 0..LAYER_TRIALS.min(self.chips), &|| self.referees.observer.interrupted()).ok_or_else(stopped)?;
        let mut total = vec![LayerTally::default(); plan.layers.len()];
        of_chips.iter().for_each(|tallies| total.iter_mut().zip(tallies).for_each(|(a, b)| a.merge(b)));
        Ok(total)
    }
}

/// Correct images of each chip of a run.
struct Run {
    correct: Vec<u64>,
    images: u64,
}

impl Run {
    fn sample(&self) -> Option<Sample> {
        Sample::of(self.correct.iter().map(|&c| c as i64))
    }

    /// Mean accuracy.
    fn mean(&self) -> f64 {
        self.sample().map_or(0.0, |s| s.mean) / self.images as f64
    }

    /// Standard deviation of the accuracy over chips; none for a single chip.
    fn sd(&self) -> Option<f64> {
        Some(self.sample()?.sd? / self.images as f64)
    }

    /// What is lost on the way to `after`, chip by chip.
    fn less(&self, after: &Run) -> Difference {
        let differences = Sample::of(self.correct.iter().zip(&after.correct).map(|(b, a)| *b as i64 - *a as i64));
        let unit = self.images as f64;
        Difference { mean: differences.map_or(0.0, |d| d.mean) / unit, interval: differences.and_then(|d| d.mean_interval(unit, -1.0, 1.0)) }
    }
}
