//! A whole network under a scheme: counts of every layer and their sum, replicas, and every assumption by name.

use super::blocks::Bits;
use super::budget::budget;
use super::count::{Counts, count};
use super::squeeze::reads::Reads;
use super::squeezed::sparsity;
use super::designs::{self, Design};
use super::mapping::Load;
use super::network::{self, Subject};
use super::precision;
use super::replicate::{Pipeline, Stage, pipeline, replicate};
use super::scheme::Scheme;
use super::shape::Layer;
use crate::config::Choice;
use crate::config::cost::{CostConfig, Groups, Packing, keys};
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};

/// A layer and what it comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerCost {
    /// The layer.
    pub layer: Layer,
    /// Bits of its weights.
    pub bits: Bits<'static>,
    /// What it takes for one position and input step.
    pub load: Load,
    /// Its counts, without replicas.
    pub counts: Counts,
    /// The part of its OU activations that is done.
    pub reads: Reads,
    /// Copies of it.
    pub replicas: u64,
}

/// Something that a count rests on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Assumption {
    /// Name; of a key, the key's.
    pub name: &'static str,
    /// Value.
    pub value: String,
    /// What it means.
    pub meaning: &'static str,
}

/// A network that has been counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Costed {
    /// Name of the network.
    pub network: String,
    /// The design.
    pub design: &'static Design,
    /// The settings.
    pub scheme: Scheme,
    /// Layers, in order of execution.
    pub layers: Vec<LayerCost>,
    /// Their sum.
    pub total: Counts,
    /// The pipeline of layers: with replicas where there is a budget of arrays.
    pub pipeline: Pipeline,
    /// What all this rests on.
    pub assumptions: Vec<Assumption>,
    /// SHA-256 of settings, layers and bits.
    pub hash: String,
}

/// Most work of a network that is counted: beyond it, sums might not fit into 64 bits.
const MOST_WORK: u128 = 1 << 60;

/// Most blocks of a convolution with groups that is laid out as one matrix.
const MOST_DENSE_BLOCKS: u128 = 1 << 26;

/// Counts what a configuration asks for.
///
/// # Errors
/// What the network, the precision map and the scheme refuse, and an array budget that is too small.
pub fn cost(config: &CostConfig) -> Result<Costed> {
    let subject = network::find(&config.network, &config.place)?;
    cost_of(config, &subject)
}

/// Counts what a configuration asks for, of a network at hand.
///
/// # Errors
/// As [`cost`], but for the network.
pub fn cost_of(config: &CostConfig, subject: &Subject) -> Result<Costed> {
    let design = designs::find(&config.design).ok_or_else(|| Error::internal(format!("no design `{}`", config.design)))?;
    let config = &with_activation_bits(config, design, subject)?;
    let draft = Scheme::new(config, design, false)?;
    let precision = precision::bits(config, design, subject, &draft)?;
    let scheme = Scheme::new(config, design, precision.is_uniform())?;
    let work = subject.shape.layers.iter().map(|l| u128::from(l.macs())).sum::<u128>() * u128::from(2 * u64::from(scheme.weight_bits) * scheme.input_steps());
    // As a dense matrix, groups take as many times the work as there are groups.
    let groups = subject.shape.layers.iter().map(|l| u128::from(l.groups)).max().unwrap_or(1);
    if work * groups > MOST_WORK {
        return Err(Error::input(&config.place, format!("network `{}`: {work} products of bits in an image are more than can be counted ({MOST_WORK})", subject.shape.name)));
    }
    let ous = |l: &Layer| u128::from(l.rows * l.groups / scheme.ou_wordlines) * u128::from(l.outputs * l.groups / scheme.ou_bitlines);
    if let Some(l) = subject.shape.layers.iter().find(|l| scheme.groups == Groups::Dense && l.groups > 1 && ous(l) > MOST_DENSE_BLOCKS) {
        return Err(Error::input(&config.place, format!("`cost.groups = \"dense\"`: layer `{}` as one matrix has more than {MOST_DENSE_BLOCKS} blocks", l.name)).hint("groups = \"diagonal\""));
    }
    let mut layers: Vec<LayerCost> = Vec::with_capacity(subject.shape.layers.len());
    let sparsity = sparsity(config, design, subject, &scheme)?;
    for (index, (layer, bits)) in subject.shape.layers.iter().zip(precision.layers).enumerate() {
        let (load, counts, reads) = match &sparsity {
            Some(sparsity) => sparsity.count(index, layer, &scheme),
            None => {
                let (load, counts) = count(layer, &bits, &scheme);
                (load, counts, Reads::ALL)
            }
        };
        layers.push(LayerCost { layer: layer.clone(), bits, load, counts, reads, replicas: 1 });
    }
    if scheme.packing == Packing::Shared {
        share(&mut layers, &scheme);
    }
    let stages: Vec<Stage> = layers.iter().map(stage).collect();
    let budget = budget(config, subject, design, &scheme, &layers)?;
    let pipeline = match budget {
        Some(arrays) => replicate(&stages, arrays, &config.place)?,
        None => pipeline(&stages, vec![1; stages.len()]),
    };
    layers.iter_mut().zip(&pipeline.replicas).for_each(|(l, &r)| l.replicas = r);
    let total = layers.iter().map(|l| l.counts).sum();
    let mut assumptions = assumptions(config, subject, design, &scheme, &precision.source, budget);
    assumptions.extend(sparsity.iter().flat_map(|s| s.assumptions(&layers, &scheme)));
    Ok(Costed { network: subject.shape.name.clone(), design, scheme, hash: hash(&assumptions, &layers), layers, total, pipeline, assumptions })
}

/// The configuration with the activation bits of Table II, where it asks for them; or, where it says nothing and the design's bits
/// may differ, with those that the network was trained for.
fn with_activation_bits(config: &CostConfig, design: &Design, subject: &Subject) -> Result<CostConfig> {
    let mut config = config.clone();
    if config.activation_bits_of_table2 {
        let bits = subject.published.and_then(|p| p.activation_bits(design));
        config.activation_bits = Some(bits.ok_or_else(|| {
            Error::input(&config.place, format!("`cost.activation_bits = \"table2\"`: the paper's Table II has none for `{}` on {}", subject.shape.name, design.name)).hint("give a number")
        })?);
    } else if design.takes_map() {
        config.activation_bits = config.activation_bits.or(subject.activation_bits);
    }
    Ok(config)
}

fn stage(layer: &LayerCost) -> Stage {
    Stage {
        crossbars: layer.counts.crossbars,
        cycles_per_position: layer.counts.cycles_sequential.div_ceil(layer.layer.positions.max(1)),
        positions: layer.layer.positions,
        inputs: [layer.layer.input.iter().product(), layer.layer.line_buffer_values()],
    }
}

/// Lays the OUs of all layers one after another: a layer begins in the crossbar where the one before ends.
fn share(layers: &mut [LayerCost], scheme: &Scheme) {
    let slots = scheme.ous()[0] * scheme.ous()[1];
    let mut taken = 0;
    for l in layers {
        let (begin, end) = (taken, taken + l.load.ous);
        // A whole array of OUs, unless the layer begins or ends inside it.
        let first = (begin.next_multiple_of(slots).max(begin) - begin).min(l.load.ous);
        let rest = l.load.ous - first;
        l.load.fullest = first.max(rest.min(slots));
        l.load.crossbars = end.div_ceil(slots) - begin.div_ceil(slots);
        l.counts.crossbars = l.load.crossbars;
        l.counts.cycles_sequential = l.load.fullest * l.layer.positions * scheme.input_steps();
        taken = end;
    }
}

fn assumptions(config: &CostConfig, subject: &Subject, design: &Design, scheme: &Scheme, precision: &str, budget: Option<u64>) -> Vec<Assumption> {
    let meaning = |name: &str| keys::KEYS.iter().find(|k| k.name() == name).map_or("", |k| k.meaning);
    let of = |name: &'static str, value: String, meaning: &'static str| Assumption { name, value, meaning };
    let mut all: Vec<Assumption> = scheme.settings().into_iter().map(|(name, value)| of(name, value, meaning(name))).collect();
    all.push(of("precision_map", precision.into(), meaning("precision_map")));
    all.push(of("arrays", budget.map_or("as many as one copy takes".into(), |n| n.to_string()), meaning("arrays")));
    all.push(of("cycle", "one OU of each crossbar".into(), "what is active in one cycle; crossbars work side by side, so a layer takes the cycles of its fullest"));
    all.push(of("row_order", "(cin, kh, kw)".into(), "how a kernel becomes rows, the last fastest: a 3x3 kernel is 9 rows"));
    all.push(of("components", config.components.clone(), meaning("components")));
    all.push(of("layer_stages", config.layer_stages.word().into(), meaning("layer_stages")));
    all.push(of("ou_cycle", "pipelined".into(), "one activation is converted while the next settles: a cycle is the longer of both"));
    all.push(of("input_fetch", "anew at every position".into(), "from the tile's buffer over its bus into the register of every array that has the rows"));
    all.push(of("router_hops", design.chip.hops.to_string(), "routers that a layer's outputs pass"));
    all.push(of("partial_blocks", "whole OUs".into(), "an OU that weights fill in part is read and converted as a whole"));
    if subject.shape.layers.iter().any(Layer::is_depthwise) {
        all.push(of("depthwise", scheme.settings().into_iter().find(|(n, _)| *n == "groups").map_or(String::new(), |(_, v)| v), "how a depthwise convolution lies in crossbars: its channels share no inputs"));
    }
    all.extend(design.measured.iter().map(|&m| of("measured", m.into(), "measured on weights")));
    all.extend(design.published.iter().map(|&p| of("published", p.into(), "taken from a paper")));
    all.extend(design.assumed.iter().map(|&a| of("assumed", a.into(), "stated nowhere")));
    if let Some((bits, why)) = design.adc.filter(|(bits, _)| *bits == scheme.adc_bits && *bits < scheme.lossless_adc_bits()) {
        all.push(of("adc_below_lossless", format!("{bits} of {} bits", scheme.lossless_adc_bits()), why));
    } else if scheme.adc_bits < scheme.lossless_adc_bits() {
        all.push(of("adc_below_lossless", format!("{} of {} bits", scheme.adc_bits, scheme.lossless_adc_bits()), "the converter may clip: adc_clips = true"));
    }
    all
}

fn hash(assumptions: &[Assumption], layers: &[LayerCost]) -> String {
    let mut hash = Sha256::new();
    for a in assumptions {
        hash.update(format!("{} = {}\n", a.name, a.value));
    }
    for l in layers {
        hash.update(format!("{:?}\n{:?}\n", l.layer, l.bits));
    }
    crate::sweep::block::hex(&hash.finalize())
}

impl LayerCost {
    /// Mean bits of a weight, signs apart.
    pub fn mean_bits(&self) -> f64 {
        match &self.bits {
            Bits::Uniform(bits) => f64::from(*bits),
            Bits::Blocks(blocks) => {
                let [rows, outputs] = [self.layer.rows, self.layer.outputs * self.layer.groups];
                let extent = |all: u64, size: u64, index: usize| size.min(all - index as u64 * size);
                let bits_of = |(i, row): (usize, &Vec<u8>)| {
                    extent(rows, blocks.size[0], i) * row.iter().enumerate().map(|(j, &b)| u64::from(b) * extent(outputs, blocks.size[1], j)).sum::<u64>()
                };
                blocks.bits.iter().enumerate().map(bits_of).sum::<u64>() as f64 / (rows * outputs) as f64
            }
        }
    }
}

impl Costed {
    /// Mean bits of a weight of the network, signs apart.
    pub fn mean_bits(&self) -> f64 {
        self.layers.iter().map(|l| l.mean_bits() * l.counts.weights as f64).sum::<f64>() / self.total.weights as f64
    }

    /// OU cycles of a layer whose copies share out its positions.
    pub fn cycles_with_replicas(&self, layer: &LayerCost) -> u64 {
        stage(layer).cycles(layer.replicas)
    }

    /// Short form of the hash.
    pub fn short_hash(&self) -> &str {
        &self.hash[..16.min(self.hash.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::cost::parse;

    fn costed(text: &str) -> Costed {
        cost(&parse(text, "c", &[], &[]).expect(text)).expect(text)
    }

    /// Layers that share crossbars take fewer, and no more cycles than one array has OUs.
    #[test]
    fn packing_layers() {
        let text = "[cost]\nnetwork = \"resnet20-cifar10\"\nweight_bits = 2\nactivation_bits = 4\n";
        let (own, shared) = (costed(text), costed(&format!("{text}packing = \"shared\"\n")));
        assert_eq!(own.total.ou_activations, shared.total.ou_activations);
        assert_eq!((own.total.crossbars, shared.total.crossbars), (59, 7468u64.div_ceil(14 * 16)));
        assert_eq!(own.total.crossbars, own.layers.iter().map(|l| l.counts.crossbars).sum::<u64>());
        assert!(shared.layers.iter().all(|l| l.load.fullest <= 14 * 16));
    }

    /// The arrays of the paper's ISAAC, filled with copies.
    #[test]
    fn iso_array() {
        let text = "[cost]\nnetwork = \"resnet20-cifar10\"\nweight_bits = 2\nactivation_bits = 4\n";
        let (own, iso) = (costed(text), costed(&format!("{text}arrays = \"isaac-ou\"\n")));
        assert!(iso.pipeline.crossbars <= 320 && iso.pipeline.interval_cycles < own.pipeline.interval_cycles);
        assert_eq!(own.pipeline.cycles_sequential, own.total.cycles_sequential);
        assert!(iso.layers.iter().any(|l| l.replicas > 1));
        assert!(cost(&parse(&format!("{text}arrays = 58\n"), "c", &[], &[]).expect("parses")).is_err());
    }

    /// The area of the paper's ISAAC, filled with copies: as much area as that at most, and less with one array less.
    #[test]
    fn iso_area() {
        let text = "[cost]\nnetwork = \"resnet20-cifar10\"\ncomponents = \"isaac\"\n";
        let area = |c: &Costed| crate::cost::priced::price(c, "isaac", crate::cost::price::Stages::Overlap).expect("prices").sets[0].area_um2.total();
        let isaac = area(&costed(&format!("{text}design = \"isaac-ou\"\n")));
        let iso = costed(&format!("{text}weight_bits = 2\narea_mm2 = \"isaac-ou\"\n"));
        assert!(area(&iso) <= isaac, "{} and {isaac}", area(&iso));
        assert!(area(&iso) > 0.8 * isaac && iso.layers.iter().any(|l| l.replicas > 1), "{} and {isaac}", area(&iso));
        let message = |more: &str| cost(&parse(&format!("{text}{more}"), "c", &[], &[]).expect("parses")).expect_err(more).to_string();
        assert!(message("area_mm2 = 1.0\n").contains("one copy of the network takes"));
        assert!(message("area_mm2 = 1.0\narrays = 400\n").contains("leave one of the two out"));
        assert!(cost(&parse("[cost]\narea_mm2 = 9.0\n", "c", &[], &[]).expect("parses")).expect_err("a band").to_string().contains("components = \"isaac\""));
    }

    #[test]
    fn means_and_assumptions() {
        let made = costed("[cost]\nnetwork = \"mobilenetv2-cifar10\"\nprecision_map = \"synthetic\"\n");
        assert!((made.mean_bits() - 0.676).abs() < 0.01, "{}", made.mean_bits());
        let bits = |design: &str| costed(&format!("[cost]\nnetwork = \"mobilenetv2-cifar100\"\nactivation_bits = \"table2\"\ndesign = \"{design}\"\n")).scheme.activation_bits;
        assert_eq!([bits("bwq-h"), bits("bsq")], [4, 8]);
        assert!(cost(&parse("[cost]\nactivation_bits = \"table2\"\n", "c", &[], &[]).expect("parses")).is_err());
        let names: Vec<&str> = made.assumptions.iter().map(|a| a.name).collect();
        for name in ["depthwise", "signs", "row_cut", "mapping", "precision_map", "published", "assumed"] {
            assert!(names.contains(&name), "{name}");
        }
        assert!(made.assumptions.iter().all(|a| !a.meaning.is_empty()));
        let isaac = costed("[cost]\ndesign = \"isaac\"\n");
        assert!(isaac.assumptions.iter().any(|a| a.name == "adc_below_lossless" && a.value == "8 of 9 bits"));
        assert_ne!(isaac.hash, made.hash);
    }
}
