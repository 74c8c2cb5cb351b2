//! Designs beside each other: what each gains over the first one of the list, network by network, and its mean over networks.
//!
//! Every gain stands beside what it rests on: where bit planes are, whether there are copies, the component set.

use super::cost::Bill;
use super::{Column, Leading, Row, Table, each};
use crate::cost::price::Band;
use crate::cost::priced::Priced;
use crate::stats::number;

/// Gains over the first design.
pub(super) const TABLE: Table<Bill> = Table {
    file: "cost_comparison.csv",
    row: "network, design and component set; written where the file names several designs",
    columns: &[
        Column { name: "components", meaning: "the component set" },
        Column { name: "baseline", meaning: "the first design of the list, with which the others are compared" },
        Column { name: "copies", meaning: "crossbars that copies of layers may take, or that there are none" },
        Column { name: "speedup", meaning: "latency of the baseline / latency, layers one after another" },
        Column { name: "speedup_pipelined", meaning: "the same of the time between images where layers are a pipeline" },
        Column { name: "energy_gain", meaning: "energy of the baseline / energy" },
        Column { name: "area_gain", meaning: "area of the baseline / area" },
        Column { name: "table_bytes", meaning: "bytes of the table of precisions, or of the index, of one copy" },
    ],
    rows: |bills| {
        let of_bill = |(of, bill): (usize, &Bill)| gains(bills, bill).into_iter().map(move |g| Row { of, values: comparison_row(bill, bills[0].costed.design.name, &g) }).collect::<Vec<_>>();
        bills.iter().enumerate().flat_map(of_bill).collect()
    },
};

/// Means over networks.
pub(super) const MEANS: Table<Mean> = Table {
    file: "cost_means.csv",
    row: "design and component set",
    columns: &[
        Column { name: "networks", meaning: "networks that the means are over" },
        Column { name: "speedup_geomean", meaning: "geometric mean of `speedup`" },
        Column { name: "speedup_mean", meaning: "arithmetic mean of it" },
        Column { name: "speedup_min", meaning: "least" },
        Column { name: "speedup_max", meaning: "most" },
        Column { name: "speedup_pipelined_geomean", meaning: "geometric mean of `speedup_pipelined`" },
        Column { name: "energy_gain_geomean", meaning: "geometric mean of `energy_gain`" },
        Column { name: "energy_gain_mean", meaning: "arithmetic mean of it" },
        Column { name: "energy_gain_min", meaning: "least" },
        Column { name: "energy_gain_max", meaning: "most" },
    ],
    rows: |means| each(means, |mean| vec![mean_row(mean)]),
};

/// What a design gains over the first, of one network under one component set.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// The component set.
    pub components: String,
    /// Of latency.
    pub speedup: f64,
    /// Of the time between images.
    pub pipelined: f64,
    /// Of energy.
    pub energy: f64,
    /// Of area.
    pub area: f64,
}

/// Gains of a design under one set, of every network that both are priced for.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    /// The design.
    pub design: &'static str,
    /// The design it is compared with.
    pub baseline: &'static str,
    /// Where its bit planes are.
    pub bit_planes: &'static str,
    /// Whether there are copies.
    pub has_copies: bool,
    /// The component set.
    pub components: String,
    /// Of each network.
    pub gains: Vec<Gain>,
}

/// Whether there are designs to be compared.
pub fn has_others(bills: &[Bill]) -> bool {
    bills.first().is_some_and(|first| bills.iter().any(|b| b.costed.design.name != first.costed.design.name))
}

/// What a bill's design gains over the first design for the same network, under each set that knows both.
pub fn gains(bills: &[Bill], bill: &Bill) -> Vec<Gain> {
    let is_baseline = |b: &&Bill| b.costed.network == bill.costed.network && b.costed.design.name == bills[0].costed.design.name;
    let Some(baseline) = bills.iter().find(is_baseline) else { return Vec::new() };
    let gain = |p: &Priced| {
        let base = baseline.prices.sets.iter().find(|b| b.set == p.set)?;
        Some(Gain {
            components: p.set.clone(),
            speedup: base.total.latency_ns / p.total.latency_ns,
            pipelined: base.interval_ns / p.interval_ns,
            energy: base.total.total_pj() / p.total.total_pj(),
            area: base.area_um2.total() / p.area_um2.total(),
        })
    };
    bill.prices.sets.iter().filter_map(gain).collect()
}

/// Gains of each design under each set, over networks.
pub fn means(bills: &[Bill]) -> Vec<Mean> {
    let mut means: Vec<Mean> = Vec::new();
    for bill in bills {
        let costed = &bill.costed;
        for gain in gains(bills, bill) {
            match means.iter_mut().find(|m| m.design == costed.design.name && m.components == gain.components) {
                Some(mean) => mean.gains.push(gain),
                None => means.push(Mean {
                    design: costed.design.name,
                    baseline: bills[0].costed.design.name,
                    bit_planes: crate::config::Choice::word(costed.scheme.bit_planes),
                    has_copies: bills.iter().any(|b| b.costed.layers.iter().any(|l| l.replicas > 1)),
                    components: gain.components.clone(),
                    gains: vec![gain],
                }),
            }
        }
    }
    means
}

impl Mean {
    /// Geometric mean of a gain.
    pub fn geometric(&self, of: impl Fn(&Gain) -> f64) -> f64 {
        libm::exp(self.gains.iter().map(|g| libm::log(of(g))).sum::<f64>() / self.gains.len() as f64)
    }

    fn arithmetic(&self, of: impl Fn(&Gain) -> f64) -> f64 {
        self.gains.iter().map(of).sum::<f64>() / self.gains.len() as f64
    }

    fn band(&self, of: impl Fn(&Gain) -> f64) -> [f64; 2] {
        Band::of(self.gains.iter().map(of)).map_or([f64::NAN; 2], |b| [b.min, b.max])
    }
}

impl Leading for Mean {
    fn leading(&self) -> Vec<(String, String)> {
        let copies = if self.has_copies { "yes" } else { "none" };
        let own = [("tool_version", env!("CARGO_PKG_VERSION")), ("baseline", self.baseline), ("design", self.design), ("bit_planes", self.bit_planes), ("copies", copies), ("components", &self.components)];
        own.map(|(name, value)| (name.to_string(), value.to_string())).to_vec()
    }
}

fn comparison_row(bill: &Bill, baseline: &str, gain: &Gain) -> Vec<String> {
    let copies = bill.costed.assumptions.iter().find(|a| a.name == "arrays").map_or(String::new(), |a| a.value.clone());
    let figures = [gain.speedup, gain.pipelined, gain.energy, gain.area].map(number);
    let words = [gain.components.clone(), baseline.to_string(), copies];
    words.into_iter().chain(figures).chain([bill.costed.total.table_bits.div_ceil(8).to_string()]).collect()
}

fn mean_row(mean: &Mean) -> Vec<String> {
    let ([slowest, fastest], [least, most]) = (mean.band(|g| g.speedup), mean.band(|g| g.energy));
    let figures = [
        mean.geometric(|g| g.speedup), mean.arithmetic(|g| g.speedup), slowest, fastest, mean.geometric(|g| g.pipelined),
        mean.geometric(|g| g.energy), mean.arithmetic(|g| g.energy), least, most,
    ];
    [mean.gains.len().to_string()].into_iter().chain(figures.map(number)).collect()
}
