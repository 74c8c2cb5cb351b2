//! Accuracy under variation against cost: which points of a sweep are worth their energy, time or area, and the cheapest
//! that keeps the accuracy.
//!
//! ```text
//!  PARETO.toml -> config::pareto -> points of a sweep + [cost]
//!    -> on_hardware -> price (closed formulas: every point, under every component set)
//!    -> sweep::check (chips, from the cheapest point up, until each verdict is certain) -> front, knee -> report::pareto
//! ```
//!
//! Blocks are those of `bwq run` in the same folder. A point's mean accuracy is that of its first `mean_chips` chips, a number
//! fixed beforehand, so that no verdict that stops early bends it; the verdict counts every chip it took.

pub mod front;
pub mod knee;
pub mod on_hardware;
pub mod price;

use crate::config::pareto::{DropFrom, Pareto};
use crate::engine::is_deterministic;
use crate::error::Result;
use crate::stats::{Interval, Verdict, allowed_loss, summarize};
use crate::sweep::Observer;
use crate::sweep::check::{Answer, Question, answer};
use crate::sweep::blocks::Blocks;
use crate::sweep::manifest::{Manifest, ManifestPoint};
use crate::sweep::materials::Materials;
use crate::sweep::references::References;
use crate::sweep::run::{Outcome, Request, session};
use crate::warning::Warning;
use front::{Candidate, Place, places};
use knee::{AgainstPaper, Knee, against_paper, knees};
use price::{PointCost, Pricing};
use std::collections::BTreeSet;

/// What its chips say of a point.
#[derive(Debug, Clone, PartialEq)]
pub struct OnChips {
    /// Verdict, yield.
    pub answer: Answer,
    /// Chips of the mean.
    pub mean_chips: u64,
    /// Mean accuracy.
    pub mean: f64,
    /// Its 95 % interval; the mean alone where every chip is the same.
    pub interval: Interval,
}

/// A point with its accuracy and its cost.
#[derive(Debug, Clone, PartialEq)]
pub struct ParetoPoint {
    /// Hashes, parameters, sizes.
    pub point: ManifestPoint,
    /// Name of its variant; empty without one.
    pub variant: String,
    /// Accuracies before any trial.
    pub references: References,
    /// Images that a passing chip has right at least.
    pub least_correct: u64,
    /// What it costs.
    pub cost: PointCost,
    /// `None` if it was left without chips.
    pub chips: Option<OnChips>,
    /// The cheaper point that had passed, for which this one was left without chips.
    pub skipped_for: Option<usize>,
    /// Where it is under each component set that has a price for it, by the set's name.
    pub places: Vec<(String, Place)>,
}

impl ParetoPoint {
    /// The verdict; `None` if it was left without chips.
    pub fn verdict(&self) -> Option<Verdict> {
        self.chips.as_ref().map(|c| c.answer.decision.verdict)
    }

    /// The verdict in a word.
    pub fn verdict_word(&self) -> &'static str {
        self.verdict().map_or("skipped", Verdict::word)
    }

    /// Component sets under which it is on the front.
    pub fn on_front_sets(&self) -> usize {
        self.places.iter().filter(|(_, p)| p.on).count()
    }

    /// Component sets under which it is not shown to be off the front.
    pub fn may_be_on_front_sets(&self) -> usize {
        self.places.iter().filter(|(_, p)| p.may_be).count()
    }
}

/// All that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// In the order of the sweep.
    pub points: Vec<ParetoPoint>,
    /// Component sets that have a price for any point, in their order.
    pub sets: Vec<String>,
    /// The cheapest point that passed, under each set.
    pub knees: Vec<Knee>,
    /// Each of them beside the paper's OU.
    pub against_paper: Vec<AgainstPaper>,
    /// What the costs of the first point rest on.
    pub assumptions: Vec<crate::cost::costed::Assumption>,
    /// Engines and adapters that made the blocks.
    pub engines: BTreeSet<String>,
    /// Blocks made and found.
    pub outcome: Outcome,
}

/// Prices every point, draws chips until each verdict is certain, and says what is on the front. The request's sweep is the
/// question's.
///
/// # Errors
/// What the cost model refuses, before any chip is drawn; what a run meets.
pub fn pareto(request: &Request, question: &Pareto, materials: &mut Materials, observer: &dyn Observer) -> Result<Found> {
    let configs = &question.sweep.points;
    let manifest = Manifest::new(&question.sweep, materials)?;
    let mut pricing = Pricing::new(&question.cost);
    let costs = configs.iter().map(|p| pricing.cost(p, materials)).collect::<Result<Vec<PointCost>>>()?;
    let mut sets: Vec<String> = Vec::new();
    for set in costs.iter().flat_map(|c| &c.sets) {
        if !sets.contains(&set.set) {
            sets.push(set.set.clone());
        }
    }
    let datasets = configs.iter().map(|p| Ok((materials.of(p)?.dataset_hash.clone(), p.network.images))).collect::<Result<Vec<_>>>()?;
    say_chips(question, observer);
    let (mut found, outcome) = session(request, &manifest, materials, observer, |blocks| {
        let references = (0..configs.len()).map(|i| blocks.references(i)).collect::<Result<Vec<References>>>()?;
        let bar = |i: usize| {
            let best = (0..configs.len()).filter(|&j| datasets[j] == datasets[i]).map(|j| references[j].float_correct).max();
            match question.settings.drop_from {
                DropFrom::Quantised => references[i].quantised_correct,
                DropFrom::Float => best.unwrap_or(references[i].float_correct),
            }
        };
        let mut points: Vec<ParetoPoint> = (0..configs.len())
            .map(|i| ParetoPoint {
                point: manifest.points[i].clone(),
                variant: question.variants[i].clone(),
                references: references[i].clone(),
                least_correct: bar(i).saturating_sub(allowed_loss(manifest.points[i].max_drop, manifest.points[i].images)),
                cost: costs[i].clone(),
                chips: None,
                skipped_for: None,
                places: Vec::new(),
            })
            .collect();
        for i in cheapest_first(&costs, question) {
            let passed = |j: &usize| points[*j].verdict() == Some(Verdict::Pass) && costs[*j].no_more_than(&costs[i], &question.settings.minimize);
            points[i].skipped_for = (0..points.len()).find(|j| question.settings.skip_dominated && passed(j));
            if points[i].skipped_for.is_none() {
                points[i].chips = Some(on_chips(request, blocks, i, question, points[i].least_correct)?);
            }
        }
        let engines = std::mem::take(&mut blocks.engines);
        Ok(Found { points, sets, knees: Vec::new(), against_paper: Vec::new(), assumptions: Vec::new(), engines, outcome: Outcome::default() })
    })?;
    found.outcome = outcome;
    place(&mut found, question);
    found.knees = knees(&found.points, &found.sets, question.settings.minimize[0]);
    found.against_paper = against_paper(&found, configs, &mut pricing, materials)?;
    found.assumptions = pricing.assumptions;
    Ok(found)
}

fn say_chips(question: &Pareto, observer: &dyn Observer) {
    let random = || question.sweep.points.iter().filter(|p| !is_deterministic(p));
    let fewest = question.settings.test.fewest();
    if let Some(most) = random().map(|p| u64::from(p.monte_carlo.trials)).min() {
        observer.say(&format!("a point passes after {fewest} chips at the earliest; at most {most} are drawn, and {} at least", question.settings.mean_chips));
        if most < fewest {
            observer.warn(&Warning::TooFewChips { most, fewest });
        }
    }
}

/// Numbers of the points, the least of the first figure first, in the middle (of the logarithms) of its band.
fn cheapest_first(costs: &[PointCost], question: &Pareto) -> Vec<usize> {
    let middle = |i: &usize| costs[*i].band(question.settings.minimize[0]).map_or(f64::INFINITY, |b| b.min * b.max);
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|a, b| middle(a).total_cmp(&middle(b)));
    order
}

fn on_chips(request: &Request, blocks: &mut Blocks, index: usize, question: &Pareto, least_correct: u64) -> Result<OnChips> {
    let of = &blocks.manifest.points[index];
    let asked = Question { test: question.settings.test, least_correct, mean_chips: question.settings.mean_chips };
    let (answer, correct) = answer(request, blocks, index, &asked)?;
    let summary = summarize(&correct, of.images, answer.references.quantised_correct, of.max_drop, of.chips())?;
    let mean = summary.accuracy.mean;
    Ok(OnChips { answer, mean_chips: correct.len() as u64, mean, interval: summary.accuracy.mean_interval.unwrap_or(Interval { lo: mean, hi: mean }) })
}

/// Finds the front under each component set.
fn place(found: &mut Found, question: &Pareto) {
    for set in &found.sets {
        let candidates: Vec<Option<Candidate>> = found
            .points
            .iter()
            .map(|p| {
                let (cost, chips) = (p.cost.under(set)?, p.chips.as_ref()?);
                Some(Candidate { costs: question.settings.minimize.iter().map(|&f| cost.figure(f)).collect(), mean: chips.mean, interval: chips.interval })
            })
            .collect();
        for (point, place) in found.points.iter_mut().zip(places(&candidates)) {
            if point.cost.under(set).is_some() {
                point.places.push((set.clone(), place));
            }
        }
    }
}
