//! A counted network under component sets: energy, time and area by part, layer by layer, and their spread over the sets.

use super::chip::{hardware, reading};
use super::components::{BAND, ComponentSet};
use super::costed::Costed;
use super::price::{self, Breakdown, Cost, Stages};
use super::traffic::{busiest, events};
use crate::config::cost::CostConfig;
use crate::error::{Error, Result};

/// A network's cost under one component set.
#[derive(Debug, Clone, PartialEq)]
pub struct Priced {
    /// The set.
    pub set: String,
    /// What it is.
    pub title: String,
    /// An OU cycle.
    pub ou_cycle_ns: f64,
    /// Of each layer, copies sharing its positions.
    pub layers: Vec<Cost>,
    /// Their sum: energy and time of an image whose layers run one after another.
    pub total: Cost,
    /// Time between images where layers are a pipeline: that of the slowest.
    pub interval_ns: f64,
    /// Area by part.
    pub area_um2: Breakdown,
}

/// What component sets say, and which of them have nothing to say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prices {
    /// Costs, a set each.
    pub sets: Vec<Priced>,
    /// Sets of the band that do not know such a converter: name and why.
    pub silent: Vec<(String, String)>,
}

/// Costs under the sets that a configuration names: "band" is [`BAND`], anything else one set.
///
/// # Errors
/// A set that is not there or cannot be read, and one named alone that does not know such a converter.
pub fn price(costed: &Costed, components: &str, stages: Stages) -> Result<Prices> {
    if components != crate::config::cost::BAND {
        return Ok(Prices { sets: vec![under(costed, &ComponentSet::find(components)?, stages)?], silent: Vec::new() });
    }
    let mut prices = Prices::default();
    for name in BAND {
        match under(costed, &ComponentSet::named(name)?, stages) {
            Ok(priced) => prices.sets.push(priced),
            Err(error) => prices.silent.push((name.into(), error.message)),
        }
    }
    Ok(prices)
}

/// Costs under the sets that `config` names, and as it says.
///
/// # Errors
/// As [`price`]; the place names the file of `config` as well.
pub fn price_as(costed: &Costed, config: &CostConfig) -> Result<Prices> {
    price(costed, &config.components, config.layer_stages).map_err(|e| match &e.place {
        Some(place) if !place.starts_with(&config.place) => Error { place: Some(format!("{}: cost.components: {place}", config.place)), ..e },
        _ => e,
    })
}

/// The cost under one set.
///
/// # Errors
/// A set that does not know such a converter.
pub fn under(costed: &Costed, set: &ComponentSet, stages: Stages) -> Result<Priced> {
    let prices = set.prices(&reading(costed.design, &costed.scheme))?;
    let powered = hardware(costed);
    let layers: Vec<Cost> = (0..costed.layers.len())
        .map(|index| {
            let events = events(costed, index);
            price::layer(&prices, &events, &busiest(costed, index, &events), &powered, stages)
        })
        .collect();
    let mut total = Cost::default();
    layers.iter().for_each(|&layer| total += layer);
    Ok(Priced {
        set: set.name.clone(),
        title: set.title.clone(),
        ou_cycle_ns: prices.ou_cycle_ns,
        interval_ns: layers.iter().map(|l| l.latency_ns).fold(0.0, f64::max),
        total,
        layers,
        area_um2: price::area_um2(&prices, &powered),
    })
}
