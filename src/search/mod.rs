//! Block-wise mixed precision for a trained network, without training.
//!
//! For every weight block a number of magnitude bits is chosen, 0 to `weight_bits - 1`, so that a cost (bits, OU operations) is
//! small while the accuracy stays within a budget. Leading bits only are ever missing (the paper's section II), so all blocks of a
//! layer share the worth of the last bit.
//!
//! The data's way: [`layer`] (what has weights) -> [`walk`] (calibration images through the float network and the quantised one)
//! -> [`statistics`] (second moments of a layer's inputs) -> [`fit`] (one layer: step, integers, bits, bias, by [`rounding`], then
//! [`refine`], with [`objective`]'s or [`pricing`]'s costs) -> [`candidate`] (a whole network at one price of a bit) -> [`judge`] (its accuracy, and its chips) ->
//! [`curve`] (prices, until the budget's edge is found). [`sensitivity`] weighs the layers against each other, [`count`] says what
//! bits come to.

pub mod candidate;
pub mod count;
pub mod curve;
pub mod fit;
pub mod judge;
pub mod layer;
pub mod linear;
pub mod objective;
pub mod pricing;
pub mod refine;
pub mod rounding;
pub mod sensitivity;
pub mod statistics;
pub mod walk;

use crate::config::{ActivationSearch, Objective, Search, WeightScale};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::network::{Network, float};
use crate::sweep::Observer;
use crate::sweep::manifest::{Manifest, ManifestPoint};
use crate::sweep::materials::Materials;
use crate::warning::Warning;
use candidate::{Candidate, Method, compensated, rounded};
use count::Counts;
use curve::{Tried, curve};
use judge::{Judge, Yield};
use layer::{Layer, layers};
use objective::{Block, Figures, Hardware};
use pricing::Pricing;
use std::path::Path;

/// Most rows of a layer: a matrix of rows x rows is inverted.
const MOST_ROWS: usize = 8192;

/// What is searched, and by which measure.
pub struct Problem<'a> {
    /// Batch norms folded, float weights.
    pub network: &'a Network,
    /// Normalised calibration images.
    pub images: &'a [Vec<f32>],
    /// Whose candidates can be chosen.
    pub method: Method,
    /// [rows, columns] of a block.
    pub block: [usize; 2],
    /// Most magnitude bits of a block.
    pub most_bits: u32,
    /// Granularity of the scale of the uniform baselines.
    pub weight_scale: WeightScale,
    /// What is made small.
    pub objective: Objective,
    /// What it is counted on.
    pub hardware: Hardware,
    /// Prices, where energy or time is made small.
    pub pricing: Option<Pricing>,
}

impl Problem<'_> {
    /// Cost of a block of so many rows and columns of a layer; it grows with the bits, and 0 bits cost nothing.
    pub fn cost(&self, layer: &Layer, rows: usize, columns: usize, bits: u32) -> f64 {
        let priced = || {
            let share = (rows * columns) as f64 / (layer.rows * layer.outputs) as f64;
            let of = self.pricing.as_ref().map(|p| p.layer(layer.name, bits)).unwrap_or_default();
            Figures { energy_pj: of.energy_pj * share, latency_ns: of.latency_ns * share }
        };
        match self.objective {
            Objective::Bits => f64::from(bits) * (rows * columns) as f64,
            Objective::OuOperations => self.hardware.ou_operations(&Block { rows, columns, positions: layer.positions }, bits) as f64,
            Objective::EnergyPj => priced().energy_pj,
            Objective::LatencyNs => priced().latency_ns,
        }
    }

    /// Cost of a layer with that many bits everywhere.
    pub fn layer_cost(&self, layer: &Layer, bits: u32) -> f64 {
        self.cost(layer, layer.rows, layer.outputs, bits)
    }

    /// What the objective says of a candidate: bits, operations, pJ or ns, whole ones.
    pub fn total(&self, counts: &Counts, figures: Option<&Figures>) -> u64 {
        let figures = figures.copied().unwrap_or_default();
        match self.objective {
            Objective::Bits => counts.magnitude_bits,
            Objective::OuOperations => counts.ou_operations,
            Objective::EnergyPj => figures.energy_pj.round() as u64,
            Objective::LatencyNs => figures.latency_ns.round() as u64,
        }
    }
}

/// What a search is asked for.
pub struct Request<'a> {
    /// Network, data, hardware, budget; how to search.
    pub search: &'a Search,
    /// Results folder.
    pub out: &'a Path,
    /// Where chips are drawn.
    pub engine: &'a Engine,
    /// The command line, for provenance.
    pub command: &'a [String],
}

/// Images classified as labelled, of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Right {
    /// Classified as labelled.
    pub correct: u64,
    /// Images.
    pub images: u64,
}

impl Right {
    /// Share; `None` of no images.
    pub fn frac(&self) -> Option<f64> {
        (self.images > 0).then(|| self.correct as f64 / self.images as f64)
    }
}

/// The network chosen.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Integers and bits.
    pub candidate: Candidate,
    /// Bits of an activation.
    pub activation_bits: u32,
    /// On the images that chose it.
    pub first: Right,
    /// On the rest of the test set, which had no say.
    pub unseen: Right,
    /// What its chips said; `None` where they were not asked.
    pub chips: Option<Yield>,
}

/// The result of a search.
pub struct Found {
    /// Values and hashes of its point.
    pub of: ManifestPoint,
    /// Size of a block.
    pub block: [usize; 2],
    /// Allowed drop against the float network.
    pub max_drop: f64,
    /// The float network on the images that choose.
    pub float_first: Right,
    /// The float network on the rest.
    pub float_unseen: Right,
    /// All that was tried, by method and setting.
    pub tried: Vec<Tried>,
    /// The cheapest that keeps the budget; `None` if none does.
    pub chosen: Option<Chosen>,
    /// Counts of the chosen one's layers.
    pub layer_counts: Vec<(candidate::LayerBits, Counts)>,
    /// Counts of all its layers.
    pub counts: Counts,
}

impl Found {
    /// Images that a candidate may lose at so many times the budget.
    pub fn allowed_loss(&self, times: f64) -> u64 {
        crate::stats::allowed_loss(self.max_drop * times, self.float_first.images)
    }

    /// The cheapest candidate of a method that keeps so many times the budget.
    pub fn best(&self, method: Method, times: f64) -> Option<&Tried> {
        let keeps = self.tried.iter().filter(|t| t.method == method && t.keeps(self.allowed_loss(times)));
        keeps.min_by_key(|t| (t.total, t.lost))
    }
}

/// Searches.
///
/// # Errors
/// What cannot be read or does not fit; interruption.
pub fn search(request: &Request, materials: &mut Materials, observer: &dyn Observer) -> Result<Found> {
    let point = request.search.point();
    let settings = &request.search.settings;
    let of = Manifest::new(&request.search.sweep, materials)?.points.pop().ok_or_else(|| Error::internal("a search without a point"))?;
    let material = materials.of(point)?;
    let judge = Judge::new(request, &material, observer)?;
    let images: Vec<Vec<f32>> = (0..judge.calibration_len()).map(|i| float::normalise(&material.folded, judge.calibration(), i)).collect();
    let c = &point.crossbar;
    let pricing = settings.objective.is_priced().then(|| Pricing::new(point, &request.search.cost, &material.folded, settings.block)).transpose()?;
    let problem = Problem {
        network: &material.folded,
        images: &images,
        method: settings.method,
        block: settings.block,
        most_bits: point.quantization.weight_bits - 1,
        weight_scale: point.quantization.weight_scale,
        objective: settings.objective,
        hardware: Hardware { ou: [c.ou_wordlines, c.ou_bitlines], cell_bits: c.cell_bits, input_steps: point.quantization.activation_bits.div_ceil(c.dac_bits) },
        pricing,
    };
    if let Some(layer) = layers(problem.network).iter().find(|l| l.rows > MOST_ROWS) {
        return Err(Error::input(&point.network.model, format!("layer `{}` has {} rows; a search takes up to {MOST_ROWS}", layer.name, layer.rows)));
    }
    observer.say(&format!("{} layers, {} weights, blocks of {} x {}; {} calibration images", layers(problem.network).len(), problem.layer_weights(), settings.block[0], settings.block[1], images.len()));
    let [float_first, float_unseen] = judge.float()?;
    let mut tried = uniform(&problem, &judge)?;
    let sensitivity = sensitivity::sensitivity(&problem)?;
    for method in [Method::Block, Method::Layer] {
        tried.extend(curve(&problem, method, &sensitivity, &judge, settings.levels)?);
    }
    tried.sort_by(|a, b| a.method.cmp(&b.method).then(a.setting.total_cmp(&b.setting)));
    let chosen = judge.choose(&problem, &mut tried, settings.activation_bits == ActivationSearch::Fewest, materials)?;
    if let Some(c) = &chosen {
        warn_of_unseen(point.monte_carlo.max_drop, float_unseen, c.unseen, observer);
    }
    let layer_counts: Vec<_> = chosen.iter().flat_map(|c| &c.candidate.layers).map(|l| (l.clone(), Counts::of(&problem, problem.method, l))).collect();
    let counts = chosen.as_ref().map_or_else(Counts::default, |c| Counts::of_all(&problem, problem.method, &c.candidate.layers));
    Ok(Found { of, block: settings.block, max_drop: point.monte_carlo.max_drop, float_first, float_unseen, tried, chosen, layer_counts, counts })
}

/// Says so where images without a say lose more than the budget, by more than a standard error of what they lose.
fn warn_of_unseen(budget_frac: f64, float: Right, right: Right, observer: &dyn Observer) {
    let (Some(before), Some(after)) = (float.frac(), right.frac()) else { return };
    let lost_frac = before - after;
    if lost_frac > budget_frac + (lost_frac.max(0.0) / right.images as f64).sqrt() {
        observer.warn(&Warning::BudgetMissedUnseen { lost_frac, budget_frac, images: right.images as usize });
    }
}

/// The uniform baselines, from one bit up to the first width that loses next to nothing.
fn uniform(problem: &Problem, judge: &Judge) -> Result<Vec<Tried>> {
    let mut tried: Vec<Tried> = Vec::new();
    for make in [rounded_to_nearest, rounded_as_searched] {
        for bits in 1..=problem.most_bits {
            tried.extend(make(problem, judge, bits)?);
            if tried[tried.len() - 1].keeps(judge.allowed_loss(1.0) / 4) {
                break;
            }
        }
    }
    Ok(tried)
}

fn rounded_to_nearest(problem: &Problem, judge: &Judge, bits: u32) -> Result<Vec<Tried>> {
    let [full, stripped] = rounded(problem, bits);
    let full = judge.tried(problem, full)?;
    // The same integers: the same accuracy.
    let stripped = Tried::new(problem, stripped, full.first, judge.float_first())?;
    Ok(vec![full, stripped])
}

fn rounded_as_searched(problem: &Problem, judge: &Judge, bits: u32) -> Result<Vec<Tried>> {
    Ok(vec![judge.tried(problem, compensated(problem, bits)?)?])
}

impl Problem<'_> {
    fn layer_weights(&self) -> usize {
        layers(self.network).iter().map(|l| l.rows * l.outputs).sum()
    }
}
