//! How many layer configurations the cost model counts and prices in a second on one core.
//!
//! The configurations: every layer of the bundled networks, under every design, with 1 to 8 bits of weights and with 4 and 8
//! bits of activations: all that a search over designs would ask, nothing remembered from one to the next.

use super::clock::{Effort, timed};
use crate::cost::blocks::Bits;
use crate::cost::components::ComponentSet;
use crate::cost::count::count;
use crate::cost::designs::DESIGNS;
use crate::cost::priced::under;
use crate::cost::scheme::Scheme;
use crate::cost::shape::NetworkShape;
use crate::cost::{costed, zoo};
use crate::config::cost::parse;
use crate::error::Result;
use serde::Serialize;
use std::hint::black_box;

/// Speed of the cost model. Keys are described in `docs/bench.md`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostSpeed {
    /// Layer configurations of a repeat.
    pub configurations: u64,
    /// Counted in a second, by closed formulas: crossbars, OU activations, conversions, cycles, tables.
    pub counted_per_s: f64,
    /// Priced in a second beside that: events, energy by part, latency, under one component set.
    pub priced_per_s: f64,
    /// Repeats of the counting.
    pub repeats: usize,
}

/// Measures on this thread.
///
/// # Errors
/// None that a user could cause.
pub fn measure(effort: &Effort) -> Result<CostSpeed> {
    let networks: Vec<NetworkShape> = zoo::ZOO.iter().map(zoo::Bundled::shape).collect::<Result<_>>()?;
    let schemes: Vec<Scheme> = DESIGNS.iter().flat_map(|d| (1..=8).flat_map(move |w| [4, 8].map(|a| Scheme { weight_bits: w, activation_bits: a, ..Scheme::of(d, true) }))).collect();
    let layers: usize = networks.iter().map(|n| n.layers.len()).sum();
    let configurations = (layers * schemes.len()) as u64;
    let counting = effort.repeat(|_| {
        let mut spent = 0.0;
        timed(&mut spent, || {
            for scheme in &schemes {
                for layer in networks.iter().flat_map(|n| &n.layers) {
                    black_box(count(black_box(layer), &Bits::Uniform(scheme.weight_bits), black_box(scheme)));
                }
            }
        });
        Ok((spent, ()))
    })?;
    let set = ComponentSet::named("ppsim")?;
    let config = parse("[cost]\nnetwork = \"mobilenetv2-cifar10\"\n", "bench", &[], &[])?;
    let costed = costed::cost(&config)?;
    let pricing = effort.repeat(|_| {
        let mut spent = 0.0;
        let priced = timed(&mut spent, || (0..20).try_for_each(|_| under(black_box(&costed), &set, config.layer_stages).map(|p| drop(black_box(p)))));
        priced.map(|()| (spent, ()))
    })?;
    let counted_s = counting.median_s / configurations as f64;
    let priced_s = pricing.median_s / (20 * costed.layers.len()) as f64;
    Ok(CostSpeed { configurations, counted_per_s: 1.0 / counted_s, priced_per_s: 1.0 / (counted_s + priced_s), repeats: counting.repeats })
}
