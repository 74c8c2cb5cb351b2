//! Prices of a bit, from those that keep a quarter of the budget to those that break it four times over, and the budget's edge.

use super::candidate::{Candidate, Method, searched};
use super::count::Counts;
use super::judge::Judge;
use super::objective::Figures;
use super::sensitivity::Sensitivity;
use super::{Problem, Right};
use crate::error::Result;

/// Budgets that methods are compared at, as so many times the one asked for.
pub const BUDGETS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// Each price is so many times the one before.
const RATIO: f64 = 2.0;
/// Most prices in each direction.
const MOST: i32 = 10;

/// What is known of a candidate.
#[derive(Debug, Clone)]
pub struct Tried {
    /// How its bits were given.
    pub method: Method,
    /// Price, or bits.
    pub setting: f64,
    /// What its bits come to.
    pub counts: Counts,
    /// Its energy and time, where either is made small.
    pub figures: Option<Figures>,
    /// What the objective says of it: bits, OU operations, pJ or ns.
    pub total: u64,
    /// On the images that choose.
    pub first: Right,
    /// Images lost against the float network; negative where more are classified rightly.
    pub lost: i64,
    /// What its chips said, where they were asked.
    pub chips: Option<super::judge::Yield>,
    /// On the rest of the test set, where it was looked at.
    pub unseen: Option<Right>,
    /// The network itself, where it is of the method asked for.
    pub candidate: Option<Candidate>,
}

impl Tried {
    /// A candidate with its accuracy.
    ///
    /// # Errors
    /// What the cost model refuses, where it is asked.
    pub fn new(problem: &Problem, candidate: Candidate, first: Right, float: Right) -> Result<Self> {
        let figures = problem.pricing.as_ref().map(|p| p.network(candidate.map(problem.block))).transpose()?;
        let counts = Counts::of_all(problem, candidate.method, &candidate.layers);
        Ok(Tried {
            method: candidate.method,
            setting: candidate.setting,
            counts,
            total: problem.total(&counts, figures.as_ref()),
            figures,
            first,
            lost: float.correct as i64 - first.correct as i64,
            chips: None,
            unseen: None,
            candidate: (candidate.method == problem.method).then_some(candidate),
        })
    }

    /// Whether it loses at most so many images.
    pub fn keeps(&self, images: u64) -> bool {
        self.lost <= images as i64
    }
}

/// All candidates of a method that were tried, in the order of trying.
///
/// # Errors
/// Inputs that are not finite, scales that do not fit; interruption.
pub fn curve(problem: &Problem, method: Method, sensitivity: &Sensitivity, judge: &Judge, levels: usize) -> Result<Vec<Tried>> {
    let budget = judge.allowed_loss(1.0);
    let at = |price: f64| judge.tried(problem, searched(problem, method, price, &sensitivity.per_error)?);
    let mut tried = vec![at(sensitivity.first_price)?];
    for i in 1..=MOST {
        if !tried[tried.len() - 1].keeps(4 * budget) {
            break;
        }
        tried.push(at(sensitivity.first_price * RATIO.powi(i))?);
    }
    let mut lowest = tried[0].clone();
    for i in 1..=MOST {
        if lowest.keeps(budget / 4) || lowest.counts.mean_bits() > 0.9 * f64::from(problem.most_bits) {
            break;
        }
        lowest = at(sensitivity.first_price * RATIO.powi(-i))?;
        tried.push(lowest.clone());
    }
    let others = BUDGETS.iter().filter(|times| **times != 1.0 && levels > 0).map(|&times| judge.allowed_loss(times));
    for budget in std::iter::repeat_n(budget, levels).chain(others) {
        if let Some(price) = edge(&tried, budget) {
            tried.push(at(price)?);
        }
    }
    Ok(tried)
}

/// The price in the middle between the last that keeps the budget, whatever lies below it, and the first above.
fn edge(tried: &[Tried], budget: u64) -> Option<f64> {
    let keeps = tried.iter().filter(|t| t.keeps(budget)).map(|t| t.setting).max_by(f64::total_cmp)?;
    let breaks = tried.iter().map(|t| t.setting).filter(|s| *s > keeps).min_by(f64::total_cmp)?;
    Some((keeps * breaks).sqrt())
}
