//! The cheapest point that keeps the accuracy, under each component set, and what it saves against the paper's OU.

use super::price::{PointCost, Pricing};
use super::{Found, ParetoPoint};
use crate::config::pareto::Figure;
use crate::config::{AdcBits, AdcConfig, AdcRange, PointConfig};
use crate::error::Result;
use crate::stats::Verdict;
use crate::sweep::materials::Materials;

/// The paper's OU: wordlines and bitlines.
pub const PAPER_OU: [usize; 2] = [9, 8];

/// The knee under one component set.
#[derive(Debug, Clone, PartialEq)]
pub struct Knee {
    /// The component set.
    pub set: String,
    /// The cheapest point that passed, in the first figure that is made small; `None` if none did.
    pub point: Option<usize>,
}

/// A point beside itself with the paper's OU and a lossless converter.
#[derive(Debug, Clone, PartialEq)]
pub struct AgainstPaper {
    /// The point.
    pub point: usize,
    /// The cost of its network, map, encoding and crossbar in OUs of 9 x 8 with a lossless converter.
    pub cost: PointCost,
    /// That point, if it is among those of the sweep.
    pub paper: Option<usize>,
}

/// The knees under all sets.
pub fn knees(points: &[ParetoPoint], sets: &[String], figure: Figure) -> Vec<Knee> {
    let passed = || (0..points.len()).filter(|&i| points[i].verdict() == Some(Verdict::Pass));
    let cost = |i: usize, set: &str| points[i].cost.under(set).map(|c| c.figure(figure));
    let knee = |set: &String| {
        let with_cost = passed().filter_map(|i| Some((cost(i, set)?, i)));
        Knee { set: set.clone(), point: with_cost.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, i)| i) }
    };
    sets.iter().map(knee).collect()
}

/// The same point with the paper's OU and a lossless converter; `None` if such an OU has no room in its crossbar.
pub fn with_papers_ou(point: &PointConfig) -> Option<PointConfig> {
    let [wordlines, bitlines] = PAPER_OU;
    if wordlines > point.crossbar.rows || bitlines > point.crossbar.cols {
        return None;
    }
    let mut paper = point.clone();
    (paper.crossbar.ou_wordlines, paper.crossbar.ou_bitlines) = (wordlines, bitlines);
    paper.adc = AdcConfig { bits: AdcBits::Lossless, range: AdcRange::Full };
    Some(paper)
}

/// Each knee, once, beside the paper's OU.
///
/// # Errors
/// What the cost model refuses.
pub fn against_paper(found: &Found, points: &[PointConfig], pricing: &mut Pricing, materials: &mut Materials) -> Result<Vec<AgainstPaper>> {
    let mut all: Vec<AgainstPaper> = Vec::new();
    for index in found.knees.iter().filter_map(|k| k.point) {
        if all.iter().any(|a| a.point == index) {
            continue;
        }
        if let Some(paper) = with_papers_ou(&points[index]) {
            all.push(AgainstPaper { point: index, cost: pricing.cost(&paper, materials)?, paper: points.iter().position(|p| *p == paper) });
        }
    }
    Ok(all)
}
