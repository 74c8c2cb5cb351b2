//! What points cost, under every component set that can say so.

use super::on_hardware::configuration;
use crate::config::PointConfig;
use crate::config::cost::CostConfig;
use crate::config::pareto::Figure;
use crate::cost::costed::{Assumption, cost_of};
use crate::cost::network::{self, Subject};
use crate::cost::price::Band;
use crate::cost::priced::price_as;
use crate::error::Result;
use crate::sweep::materials::Materials;

/// Figures of an image under one component set.
#[derive(Debug, Clone, PartialEq)]
pub struct SetCost {
    /// The set.
    pub set: String,
    /// Energy, leakage included.
    pub energy_pj: f64,
    /// Time, layers one after another.
    pub latency_ns: f64,
    /// Area of all that is powered.
    pub area_um2: f64,
}

/// What a point costs.
#[derive(Debug, Clone, PartialEq)]
pub struct PointCost {
    /// Under each set that has a price for such a converter.
    pub sets: Vec<SetCost>,
    /// Sets that have none, and why.
    pub silent: Vec<(String, String)>,
    /// Bits of the converters.
    pub adc_bits: u32,
    /// Crossbars, copies included.
    pub crossbars: u64,
    /// Conversions of an image that are charged: of whole OUs.
    pub adc_conversions: u64,
    /// Of them, those of bitlines that hold weights.
    pub adc_conversions_used: u64,
    /// Mean bits of a weight, signs apart.
    pub mean_bits: f64,
}

impl SetCost {
    /// One of the figures.
    pub fn figure(&self, figure: Figure) -> f64 {
        match figure {
            Figure::Energy => self.energy_pj,
            Figure::Latency => self.latency_ns,
            Figure::Area => self.area_um2,
        }
    }
}

impl PointCost {
    /// The figures under a set, if it has them.
    pub fn under(&self, set: &str) -> Option<&SetCost> {
        self.sets.iter().find(|s| s.set == set)
    }

    /// Least and greatest of a figure over the sets.
    pub fn band(&self, figure: Figure) -> Option<Band> {
        Band::of(self.sets.iter().map(|s| s.figure(figure)))
    }

    /// Whether this costs no more than `other` in these figures, under every set that has a price for the other.
    pub fn no_more_than(&self, other: &PointCost, figures: &[Figure]) -> bool {
        let under = |o: &SetCost| self.under(&o.set).is_some_and(|s| figures.iter().all(|&f| s.figure(f) <= o.figure(f)));
        !other.sets.is_empty() && other.sets.iter().all(under)
    }
}

/// Prices points; networks are looked at once.
pub struct Pricing<'a> {
    rest: &'a CostConfig,
    subjects: Vec<(String, Subject)>,
    /// What the costs of the first point rest on; of the others, but for their own settings.
    pub assumptions: Vec<Assumption>,
}

impl<'a> Pricing<'a> {
    /// `rest` has what points do not say.
    pub fn new(rest: &'a CostConfig) -> Self {
        Pricing { rest, subjects: Vec::new(), assumptions: Vec::new() }
    }

    /// The cost of a point.
    ///
    /// # Errors
    /// What the cost model has no price for, or refuses.
    pub fn cost(&mut self, point: &PointConfig, materials: &mut Materials) -> Result<PointCost> {
        let config = configuration(point, self.rest)?;
        let known = self.subjects.iter().position(|(model, _)| *model == config.network);
        let index = match known {
            Some(index) => index,
            None => {
                let material = materials.of(point)?;
                self.subjects.push((config.network.clone(), network::of(&material.network, material.folded.clone())?));
                self.subjects.len() - 1
            }
        };
        let costed = cost_of(&config, &self.subjects[index].1)?;
        let prices = price_as(&costed, &config)?;
        if self.assumptions.is_empty() {
            self.assumptions.clone_from(&costed.assumptions);
        }
        let sets = prices.sets.iter().map(|p| SetCost { set: p.set.clone(), energy_pj: p.total.total_pj(), latency_ns: p.total.latency_ns, area_um2: p.area_um2.total() });
        Ok(PointCost {
            sets: sets.collect(),
            silent: prices.silent,
            adc_bits: costed.scheme.adc_bits,
            crossbars: costed.pipeline.crossbars,
            adc_conversions: costed.total.adc_conversions,
            adc_conversions_used: costed.total.adc_conversions_used,
            mean_bits: costed.mean_bits(),
        })
    }
}
