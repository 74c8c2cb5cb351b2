//! Counts times prices: energy, time, area of each part.
//!
//! ```text
//!  energy of a part = sum over its events (count x pJ) + OU activations x OU cycle x mW while read     (mW x ns = pJ)
//!  leakage          = sum over parts (units x mW) x latency: everything that is powered leaks, used or not
//!  stage            = OU cycles x OU cycle; bits of the busiest buffer, bus, router, link, additions of an accumulator / rate
//!  latency          = the longest stage (they overlap), or their sum
//! ```
//!
//! Sums run over parts and layers in fixed order. Programming is once, not per image, and stands apart.

use super::components::Prices;
use super::components::parts::PARTS;
use super::events::{Busiest, Events, Hardware};
use std::ops::AddAssign;

/// How many parts there are.
const N: usize = PARTS.len();

/// One figure for each part, in the order of [`PARTS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breakdown(pub [f64; N]);

impl Default for Breakdown {
    fn default() -> Self {
        Breakdown([0.0; N])
    }
}

impl Breakdown {
    fn of(figure: impl FnMut(usize) -> f64) -> Breakdown {
        Breakdown(std::array::from_fn(figure))
    }

    /// Sum over the parts.
    pub fn total(&self) -> f64 {
        self.0.iter().sum()
    }

    /// The figure of a part; `None` if there is no part of that name.
    pub fn part(&self, name: &str) -> Option<f64> {
        PARTS.iter().position(|p| p.name == name).map(|i| self.0[i])
    }

    /// Names with figures.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        PARTS.iter().map(|p| p.name).zip(self.0)
    }
}

impl AddAssign for Breakdown {
    fn add_assign(&mut self, other: Breakdown) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a += b);
    }
}

/// Energy of events, per part, in pJ. Leakage is not in it.
pub fn energy_pj(prices: &Prices, events: &Events) -> Breakdown {
    let read_ns = events.ou_activations as f64 * prices.ou_cycle_ns;
    Breakdown::of(|i| {
        let (part, price) = (&PARTS[i], &prices.parts[i]);
        let by_event = part.events.iter().zip(&price.event_pj).map(|((_, count), pj)| count(events) as f64 * pj);
        by_event.sum::<f64>() + price.while_read_mw * read_ns
    })
}

/// Energy of writing the cells, once, in pJ.
pub fn programming_pj(prices: &Prices, events: &Events) -> f64 {
    events.programmed_cells as f64 * prices.write_cell_pj
}

/// Area, per part, in um2.
pub fn area_um2(prices: &Prices, hardware: &Hardware) -> Breakdown {
    Breakdown::of(|i| (PARTS[i].units)(hardware) as f64 * prices.parts[i].area_um2)
}

/// Leakage of all that is powered, per part, in mW.
pub fn leakage_mw(prices: &Prices, hardware: &Hardware) -> Breakdown {
    Breakdown::of(|i| (PARTS[i].units)(hardware) as f64 * prices.parts[i].leakage_mw)
}

/// Whether the stages of a layer work at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stages {
    /// Each works on another position: a layer takes as long as the longest.
    Overlap,
    /// One after another: a layer takes as long as all of them.
    InTurn,
}

/// Time that each stage of a layer takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// OU cycles of the fullest array.
    pub arrays_ns: f64,
    /// Data through each part that has a rate; 0 for parts that have none.
    pub parts_ns: Breakdown,
}

impl Times {
    /// The layer's latency.
    pub fn latency_ns(&self, stages: Stages) -> f64 {
        match stages {
            Stages::Overlap => self.parts_ns.0.iter().fold(self.arrays_ns, |longest, &ns| longest.max(ns)),
            Stages::InTurn => self.arrays_ns + self.parts_ns.total(),
        }
    }
}

/// Time that each stage of a layer takes.
pub fn times(prices: &Prices, busiest: &Busiest) -> Times {
    let parts_ns = Breakdown::of(|i| PARTS[i].rate.map_or(0.0, |(_, amount)| amount(busiest) as f64 / prices.parts[i].rate_per_ns));
    Times { arrays_ns: busiest.ou_cycles as f64 * prices.ou_cycle_ns, parts_ns }
}

/// What a layer costs; additive over layers that run one after another.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Energy of what happens, per part.
    pub energy_pj: Breakdown,
    /// Energy that all that is powered leaks in that time.
    pub leakage_pj: f64,
    /// Time.
    pub latency_ns: f64,
    /// Writing the cells, once: not in the total.
    pub programming_pj: f64,
}

impl Cost {
    /// The columns of a table, in fixed order: every part, then leakage. They sum to [`Cost::total_pj`].
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.energy_pj.named().chain([("leakage", self.leakage_pj)])
    }

    /// Energy of an image in pJ.
    pub fn total_pj(&self) -> f64 {
        self.energy_pj.total() + self.leakage_pj
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        self.energy_pj += other.energy_pj;
        self.leakage_pj += other.leakage_pj;
        self.latency_ns += other.latency_ns;
        self.programming_pj += other.programming_pj;
    }
}

/// The cost of a layer while `powered` (the whole chip, other layers' arrays included) leaks.
pub fn layer(prices: &Prices, events: &Events, busiest: &Busiest, powered: &Hardware, stages: Stages) -> Cost {
    let latency_ns = times(prices, busiest).latency_ns(stages);
    Cost {
        energy_pj: energy_pj(prices, events),
        leakage_pj: leakage_mw(prices, powered).total() * latency_ns,
        latency_ns,
        programming_pj: programming_pj(prices, events),
    }
}

/// The spread of one figure over component sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Band {
    /// Of the figure under each set; `None` of no sets.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Band> {
        figures.into_iter().fold(None, |band: Option<Band>, x| Some(band.map_or(Band { min: x, max: x }, |b| Band { min: b.min.min(x), max: b.max.max(x) })))
    }
}
