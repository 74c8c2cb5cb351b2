//! Energy and time by the cost model, where a search makes them small.
//!
//! A layer is priced whole, once for each number of bits everywhere; a block bears the share of it that it has of the layer's weights. Of
//! time, which the busiest crossbar decides (so that a bit may cost none, or even save some where it opens one more crossbar), every
//! bit bears the same share. Which candidate is cheapest is then told by the whole network's figures with its own map.

use super::objective::Figures;
use crate::config::PointConfig;
use crate::config::cost::{CostConfig, MapSource};
use crate::cost::costed::cost_of;
use crate::cost::network::{Subject, of};
use crate::cost::priced::{Priced, price_as};
use crate::error::{Error, Result};
use crate::network::Network;
use crate::pareto::on_hardware::configuration;
use crate::quantize::PrecisionMap;
use std::collections::BTreeMap;

/// Prices of a network's bits under one component set.
#[derive(Debug)]
pub struct Pricing {
    config: CostConfig,
    subject: Subject,
    /// Of each layer, for 0 bits everywhere, 1, ...: what it takes beyond 0 bits.
    layers: BTreeMap<String, Vec<Figures>>,
}

impl Pricing {
    /// Prices every layer. `network` has its batch norms folded; `block` is what maps will have; bits go to the point's `weight_bits` - 1.
    ///
    /// # Errors
    /// What the cost model refuses, or has no price for; a component set that cannot be read.
    pub fn new(point: &PointConfig, rest: &CostConfig, network: &Network, block: [usize; 2]) -> Result<Self> {
        let mut pricing = Pricing { config: configuration(point, rest)?, subject: of(network, network.clone())?, layers: BTreeMap::new() };
        let everywhere = |bits: u8| {
            let map = |l: &crate::cost::shape::Layer| vec![vec![bits; (l.outputs * l.groups).div_ceil(block[1] as u64) as usize]; l.rows.div_ceil(block[0] as u64) as usize];
            PrecisionMap::new(block, pricing.subject.shape.layers.iter().map(|l| (l.name.clone(), map(l))).collect())
        };
        let priced: Vec<Priced> = (0..point.quantization.weight_bits).map(|bits| pricing.priced(everywhere(bits as u8))).collect::<Result<_>>()?;
        let most = priced.len() - 1;
        let beyond = |index: usize, bits: usize| {
            let [none, these, all] = [0, bits, most].map(|bits| &priced[bits].layers[index]);
            Figures { energy_pj: these.total_pj() - none.total_pj(), latency_ns: (all.latency_ns - none.latency_ns) * bits as f64 / most as f64 }
        };
        pricing.layers = pricing.subject.shape.layers.iter().enumerate().map(|(i, l)| (l.name.clone(), (0..=most).map(|bits| beyond(i, bits)).collect())).collect();
        Ok(pricing)
    }

    fn priced(&self, map: PrecisionMap) -> Result<Priced> {
        let config = CostConfig { precision_map: MapSource::Given(map), ..self.config.clone() };
        let costed = cost_of(&config, &self.subject)?;
        price_as(&costed, &config)?.sets.pop().ok_or_else(|| Error::internal("a component set without a price"))
    }

    /// What a layer takes with that many bits everywhere, beyond what it takes with none.
    pub fn layer(&self, name: &str, bits: u32) -> Figures {
        self.layers.get(name).and_then(|of| of.get(bits as usize)).copied().unwrap_or_default()
    }

    /// What the network takes with a map.
    ///
    /// # Errors
    /// A map of another network.
    pub fn network(&self, map: PrecisionMap) -> Result<Figures> {
        let priced = self.priced(map)?;
        Ok(Figures { energy_pj: priced.total.total_pj(), latency_ns: priced.total.latency_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, search};
    use crate::embedded;
    use crate::network::fold::fold_batchnorm;

    #[test]
    fn bits_cost_more_and_a_map_costs_what_its_bits_do() {
        let text = "[search]\nobjective = \"energy_pj\"\n[cost]\ncomponents = \"isaac\"\n";
        let s = search::parse(text, "s.toml", &Overrides::default()).expect("a search");
        let network = fold_batchnorm(&embedded::network().expect("a network")).expect("folded");
        let pricing = Pricing::new(s.point(), &s.cost, &network, [9, 8]).expect("prices");
        let mut all = [0.0; 2];
        for name in pricing.layers.keys() {
            for bits in 1..8 {
                let (more, less) = (pricing.layer(name, bits), pricing.layer(name, bits - 1));
                assert!(more.energy_pj > less.energy_pj && more.latency_ns > less.latency_ns, "{name}: {bits} bits");
            }
            all[0] += pricing.layer(name, 5).energy_pj;
            all[1] += pricing.layer(name, 2).energy_pj;
        }
        let map = |bits: u8| {
            let of = |l: &crate::cost::shape::Layer| (l.name.clone(), vec![vec![bits; l.outputs.div_ceil(8) as usize]; l.rows.div_ceil(9) as usize]);
            PrecisionMap::new([9, 8], pricing.subject.shape.layers.iter().map(of).collect())
        };
        let [five, two] = [5, 2].map(|bits| pricing.network(map(bits)).expect("a price").energy_pj);
        assert!(((five - two) - (all[0] - all[1])).abs() < 1e-9 * five, "layers sum to the network");
    }
}
