//! Bits of the weights of every layer: from a file, from the network's own integers, the same everywhere, or made up.

use super::blocks::{Bits, Blocks};
use super::designs::{Design, Granularity};
use super::network::Subject;
use super::scheme::Scheme;
use super::shape::NetworkShape;
use crate::config::WeightScale;
use crate::config::cost::{CostConfig, MapSource, Signs};
use crate::error::{Error, Result};
use crate::network::{Network, Op};
use crate::quantize::PrecisionMap;
use crate::quantize::weights::{integers_of, magnitude_bits};
use crate::rng::PhiloxStream;
use crate::sweep::materials::precision_map_of;
use std::borrow::Cow;
use std::path::Path;

/// Bits of all layers, and what they rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precision {
    /// Of each layer with weights.
    pub layers: Vec<Bits<'static>>,
    /// Where they come from, in a line.
    pub source: String,
}

impl Precision {
    /// Whether the blocks of every layer have the same bits.
    pub fn is_uniform(&self) -> bool {
        self.layers.iter().all(Bits::is_uniform)
    }
}

/// The bits that a configuration asks for. Of `scheme` only the weights' bits, the signs and the OU's shape have a say.
///
/// # Errors
/// A map of another network, a map for a design that has one number of bits, a mean that is not known or out of range.
pub fn bits(config: &CostConfig, design: &Design, subject: &Subject, scheme: &Scheme) -> Result<Precision> {
    let refuse = |message: String| Error::input(&config.place, message);
    let source = match &config.precision_map {
        MapSource::Auto if subject.has_integers() && design.takes_map() => &MapSource::Own,
        MapSource::Auto => &MapSource::Uniform,
        source => source,
    };
    if *source == MapSource::Uniform {
        let layers = vec![Bits::Uniform(scheme.weight_bits); subject.shape.layers.len()];
        return Ok(Precision { layers, source: format!("uniform: {} bits everywhere", scheme.weight_bits) });
    }
    if !design.takes_map() {
        return Err(refuse(format!("`cost.precision_map`: the design {} has one number of bits for all weights", design.name)).hint("leave it out, or count another design"));
    }
    if scheme.signs == Signs::OffsetColumn {
        return Err(refuse("`cost.signs = \"offset-column\"` beside a precision map: offset weights have no magnitude whose bits could be missing".into()).hint("use pairs of columns"));
    }
    let (blocks, source) = match source {
        MapSource::File(path) => (of_map(precision_map_of(path)?, path, subject, scheme)?, format!("the file {}", Path::new(path).file_name().map_or(path.clone(), |n| n.to_string_lossy().into_owned()))),
        MapSource::Given(map) => (of_map(map.clone(), &config.place, subject, scheme)?, "given".into()),
        MapSource::Synthetic => synthetic(config, design, subject, scheme)?,
        _ => {
            let Some(network) = &subject.weights else {
                return Err(refuse("`cost.precision_map = \"own\"`: a bundled layer table has no weights".into()).hint("\"uniform\", \"synthetic\", or a file"));
            };
            (own(network, scheme).map_err(|message| refuse(message).hint("weight_bits that hold them, 8 at most; or precision_map = \"uniform\""))?, format!("own: leading bits that no weight of a block needs, weights rounded to {} bits of magnitude", scheme.weight_bits))
        }
    };
    let layers = blocks.into_iter().map(|bits| match (design.granularity, bits) {
        (Granularity::Layer, Bits::Blocks(blocks)) => Bits::Uniform(blocks.bits.iter().flatten().copied().max().unwrap_or(0).into()),
        (_, bits) => bits,
    });
    Ok(Precision { layers: layers.collect(), source })
}

fn of_map(mut map: PrecisionMap, place: &str, subject: &Subject, scheme: &Scheme) -> Result<Vec<Bits<'static>>> {
    let layers = &subject.shape.layers;
    map.check_names(layers.iter().map(|l| l.name.as_str()), place)?;
    let mut all = Vec::with_capacity(layers.len());
    for layer in layers {
        // A map's own limit here; what the cells hold is looked at below, in the words of `cost`.
        map.check_layer(&layer.name, layer.rows as usize, (layer.outputs * layer.groups) as usize, u8::BITS, place)?;
        let bits = map.layers.remove(&layer.name).unwrap_or_default();
        if let Some(&most) = bits.iter().flatten().max().filter(|&&b| u32::from(b) > scheme.weight_bits) {
            return Err(Error::input(format!("{place}: layer `{}`", layer.name), format!("{most} bits, but cost.weight_bits allows {}", scheme.weight_bits))
                .hint(format!("set cost.weight_bits = {most} or more (signs are not among them)")));
        }
        all.push(Bits::Blocks(Blocks { size: map.block.map(|n| n as u64), bits: Cow::Owned(bits) }));
    }
    Ok(all)
}

/// Bits that the largest magnitude of each OU-sized block needs.
fn own(network: &Network, scheme: &Scheme) -> std::result::Result<Vec<Bits<'static>>, String> {
    if scheme.weight_bits > u8::BITS {
        return Err(format!("`cost.precision_map = \"own\"` beside `cost.weight_bits = {}`: integers of a network have at most 8 bits of magnitude", scheme.weight_bits));
    }
    let size = [scheme.ou_wordlines, scheme.ou_bitlines];
    let [height, width] = size.map(|n| n as usize);
    let weights = network.nodes.iter().filter_map(|n| if let Op::Conv2d { weight, .. } | Op::Linear { weight, .. } = &n.op { Some((&n.name, weight)) } else { None });
    weights
        .map(|(name, weight)| {
            let integers = integers_of(weight, scheme.weight_bits + 1, WeightScale::PerLayer)
                .map_err(|(n, bits)| format!("layer `{name}`: the file's integer weight {n} needs {} bits of magnitude, and cost.weight_bits is {}", bits - 1, scheme.weight_bits))?;
            let outputs = weight.shape[0];
            let rows = weight.values.len() / outputs;
            let mut bits = vec![vec![0u8; outputs.div_ceil(width)]; rows.div_ceil(height)];
            for (i, &integer) in integers.values.iter().enumerate() {
                let block = &mut bits[i % rows / height][i / rows / width];
                *block = (*block).max(magnitude_bits(integer) as u8);
            }
            Ok(Bits::Blocks(Blocks { size, bits: Cow::Owned(bits) }))
        })
        .collect()
}

/// A made-up map with a mean. Block-wise: in each layer the bits of blocks follow the binomial law of `weight_bits` trials with that
/// mean, by quantiles, so that the mean is met as well as the number of blocks allows, in an order drawn from the seed. Layer-wise:
/// whole numbers about the mean, the fewer bits for the layers of most weights.
fn synthetic(config: &CostConfig, design: &Design, subject: &Subject, scheme: &Scheme) -> Result<(Vec<Bits<'static>>, String)> {
    let table2 = subject.published.and_then(|p| p.compression(design.granularity)).map(|compression| 32.0 / compression);
    let most = scheme.weight_bits.min(u8::BITS);
    let Some(mean) = config.mean_bits.or(table2) else {
        return Err(Error::input(&config.place, format!("`cost.precision_map = \"synthetic\"`: the paper's Table II has no mean for `{}`", subject.shape.name)).hint("give one: mean_bits = 2"));
    };
    if mean > f64::from(most) {
        return Err(Error::input(&config.place, format!("`cost.mean_bits = {mean}` is more than the {most} bits that a block may have")).hint("raise weight_bits (8 at most), or lower mean_bits"));
    }
    let from = if config.mean_bits.is_some() { "as asked" } else { "Table II" };
    if design.granularity == Granularity::Layer {
        return Ok((about_the_mean(&subject.shape, mean), format!("made up: layers of whole bits about a mean of {mean:.4} ({from}), the fewer for those of most weights")));
    }
    let mut stream = PhiloxStream::new(config.seed);
    let shares = binomial(most, mean / f64::from(most));
    let layers = subject.shape.layers.iter().map(|layer| {
        let size = [scheme.ou_wordlines, scheme.ou_bitlines];
        let [above, beside] = [layer.rows.div_ceil(size[0]) as usize, (layer.outputs * layer.groups).div_ceil(size[1]) as usize];
        let count = above * beside;
        let mut all: Vec<u8> = (0..count).map(|i| shares.iter().position(|&share| (i as f64 + 0.5) / count as f64 <= share).unwrap_or(most as usize) as u8).collect();
        for i in (1..count).rev() {
            all.swap(i, stream.below(i as u32 + 1) as usize);
        }
        Bits::Blocks(Blocks { size, bits: Cow::Owned(all.chunks(beside).map(<[u8]>::to_vec).collect()) })
    });
    Ok((layers.collect(), format!("made up: binomial bits of 0 to {most} with a mean of {mean:.4} ({from}) in each layer, seed {}", config.seed)))
}

/// Distribution function of the binomial law.
fn binomial(trials: u32, p: f64) -> Vec<f64> {
    let (mut sum, mut all) = (0.0, Vec::new());
    for k in 0..=trials {
        let choose = (0..k).fold(1.0, |c, i| c * f64::from(trials - i) / f64::from(i + 1));
        sum += choose * p.powi(k as i32) * (1.0 - p).powi((trials - k) as i32);
        all.push(sum);
    }
    all
}

/// Every layer at the mean rounded up; then the largest ones lose a bit while the mean stays at or above `mean`.
fn about_the_mean(shape: &NetworkShape, mean: f64) -> Vec<Bits<'static>> {
    let up = mean.ceil() as u32;
    let mut bits = vec![up; shape.layers.len()];
    let mut order: Vec<usize> = (0..bits.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(shape.layers[i].weights()));
    let mut spare = (f64::from(up) - mean) * shape.weights() as f64;
    for i in order {
        let weights = shape.layers[i].weights() as f64;
        if weights <= spare {
            spare -= weights;
            bits[i] -= 1;
        }
    }
    bits.into_iter().map(Bits::Uniform).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::cost::parse;
    use crate::cost::{designs, network};

    fn precision(text: &str) -> Result<(Precision, Subject)> {
        let config = parse(text, "cost.toml", &[], &[])?;
        let design = designs::find(&config.design).expect("is there");
        let subject = network::find(&config.network, &config.place)?;
        let scheme = Scheme::new(&config, design, false)?;
        Ok((bits(&config, design, &subject, &scheme)?, subject))
    }

    fn mean(precision: &Precision, shape: &NetworkShape) -> f64 {
        let of = |(bits, layer): (&Bits, &crate::cost::shape::Layer)| match bits {
            Bits::Uniform(bits) => f64::from(*bits) * layer.weights() as f64,
            Bits::Blocks(b) => b.bits.iter().flatten().map(|&b| f64::from(b)).sum::<f64>() / b.count() as f64 * layer.weights() as f64,
        };
        precision.layers.iter().zip(&shape.layers).map(of).sum::<f64>() / shape.weights() as f64
    }

    #[test]
    fn the_embedded_network_has_bits_of_its_own() {
        let (own, subject) = precision("").expect("bits");
        let map = crate::embedded::bwq_a_map().expect("a map");
        for (layer, bits) in subject.shape.layers.iter().zip(&own.layers) {
            assert!(matches!(bits, Bits::Blocks(b) if *b.bits == map.layers[&layer.name]), "{}: the bits of its integers are those of its map", layer.name);
        }
        let mean = mean(&own, &subject.shape);
        assert!((1.4..1.5).contains(&mean), "{mean}");
        assert!(precision("[cost]\nnetwork = \"embedded\"").expect("bits").0.is_uniform(), "floats have no bits of their own");
        assert!(precision("[cost]\ndesign = \"isaac\"").expect("bits").0.is_uniform());
        let (layers, _) = precision("[cost]\nnetwork = \"embedded-bwq-a\"\ndesign = \"bsq\"").expect("bits");
        let widest = |bits: &Bits| if let Bits::Blocks(b) = bits { b.bits.iter().flatten().copied().max().unwrap_or(0) } else { 99 };
        let wanted: Vec<Bits> = own.layers.iter().map(|bits| Bits::Uniform(widest(bits).into())).collect();
        assert_eq!(layers.layers, wanted, "BSQ has a layer's widest block");
    }

    #[test]
    fn made_up_maps_have_the_mean_of_table_two() {
        for (design, wanted) in [("bwq-h", 32.0 / 56.46), ("bsq", 32.0 / 26.05)] {
            let text = format!("[cost]\nnetwork = \"resnet18-cifar10\"\nprecision_map = \"synthetic\"\ndesign = \"{design}\"\n");
            let (made, subject) = precision(&text).expect("bits");
            let mean = mean(&made, &subject.shape);
            assert!((mean - wanted).abs() < 0.002, "{design}: {mean} for {wanted}");
            assert_eq!(precision(&text).expect("bits").0, made, "the same again");
        }
        let (made, subject) = precision("[cost]\nnetwork = \"vgg16-cifar10\"\nprecision_map = \"synthetic\"\nmean_bits = 2.5\n").expect("bits");
        assert!((mean(&made, &subject.shape) - 2.5).abs() < 1e-3);
    }

    #[test]
    fn nonsense_is_refused() {
        let message = |text: &str| precision(text).map(|_| ()).expect_err(text).to_string();
        assert!(message("[cost]\ndesign = \"isaac\"\nprecision_map = \"own\"").contains("one number of bits"));
        assert!(message("[cost]\nnetwork = \"resnet18-cifar10\"\nprecision_map = \"own\"").contains("no weights"));
        assert!(message("[cost]\nprecision_map = \"synthetic\"").contains("mean_bits = 2"));
        assert!(message("[cost]\nprecision_map = \"synthetic\"\nmean_bits = 9").contains("more than the 8 bits"));
        assert!(message("[cost]\nprecision_map = \"nowhere.json\"").contains("nowhere.json"));
        assert!(message("[cost]\nnetwork = \"resnet18-cifar1\"").contains("did you mean `resnet18-cifar10`?"));
        assert!(message("[cost]\nsigns = \"offset-column\"").contains("offset"));
        assert!(message("[cost]\nou_wordlines = 200").contains("`cost.ou_wordlines = 200` is more than `cost.rows = 128`"));
        assert!(message("[cost]\nsigns = \"paired-analog\"\nou_bitlines = 100").contains("64 are left"));
        assert!(message("[cost]\nadc_bits = 3").contains("adc_clips = true"));
        assert!(message("[cost]\ndac_bits = 8\nactivation_bits = 4").contains("dac_bits"));
        assert!(message("[cost]\ntable_entry_bits = 3").contains("at least 4"));
        assert!(message("[cost]\nweight_bits = 9").contains("at most 8"));
    }
}
