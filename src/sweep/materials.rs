//! Networks and test sets, read, folded and quantised once and shared by the points that use them.

use super::block::hex;
use crate::config::keys::{self, Kind};
use crate::config::source::nearest;
use crate::config::{PointConfig, PrecisionMapConfig, QuantizationConfig};
use crate::dataset::{self, Dataset};
use crate::embedded;
use crate::error::{Error, Result};
use crate::network::{self, Network, fold, read};
use crate::quantize::{IntegerNetwork, PrecisionMap, lower::lower};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Images whose activations set the clipping ranges.
pub const CALIBRATION_IMAGES: usize = 256;

/// The word for the float network and the images inside the program.
pub const EMBEDDED: &str = "embedded";
/// The word for its quantised form, and for that form's precision map.
pub const EMBEDDED_BWQ_A: &str = "embedded-bwq-a";

/// The network that `network.model` names.
///
/// # Errors
/// What cannot be read.
pub fn network_of(model: &str) -> Result<Network> {
    match model {
        EMBEDDED => embedded::network(),
        EMBEDDED_BWQ_A => embedded::bwq_a(),
        path => read::read(Path::new(path)),
    }
}

/// The precision map that `quantization.precision_map` names.
///
/// # Errors
/// What cannot be read.
pub fn precision_map_of(map: &str) -> Result<PrecisionMap> {
    if map == EMBEDDED_BWQ_A { embedded::bwq_a_map() } else { PrecisionMap::read(Path::new(map)) }
}

/// A network and the test set it runs on.
pub struct Material {
    /// As read.
    pub network: Network,
    /// Batch norms folded.
    pub folded: Network,
    /// Test images and calibration images.
    pub dataset: Dataset,
    /// SHA-256 of the network's contents.
    pub network_hash: String,
    /// SHA-256 of the images and labels used.
    pub dataset_hash: String,
}

/// Everything the points of a sweep are made of; loaded on first use.
#[derive(Default)]
pub struct Materials {
    loaded: HashMap<(String, String, usize), Arc<Material>>,
    maps: HashMap<String, PrecisionMap>,
    quantized: Vec<(Arc<Material>, QuantizationConfig, Arc<IntegerNetwork>)>,
}

impl Materials {
    /// The network and test set of a point.
    pub fn of(&mut self, point: &PointConfig) -> Result<Arc<Material>> {
        let n = &point.network;
        let key = (n.model.clone(), n.dataset.clone(), n.images);
        if let Some(found) = self.loaded.get(&key) {
            return Ok(found.clone());
        }
        let network = network_of(&n.model).map_err(named("network.model", &n.model))?;
        let dataset = if n.dataset == EMBEDDED {
            embedded::dataset(n.images, CALIBRATION_IMAGES)?
        } else {
            dataset::load(Path::new(&n.dataset), n.images, CALIBRATION_IMAGES).map_err(named("network.dataset", &n.dataset))?
        };
        dataset.check_fits(network.input_shape, network.classes())?;
        let material = Arc::new(Material {
            folded: fold::fold_batchnorm(&network)?,
            network_hash: hex(&network.content_hash()),
            dataset_hash: hex(&dataset.content_hash()),
            network,
            dataset,
        });
        self.loaded.insert(key, material.clone());
        Ok(material)
    }

    /// The precision map of a point, if it has one.
    pub fn map_of(&mut self, point: &PointConfig) -> Result<Option<PrecisionMap>> {
        let PrecisionMapConfig::File(path) = &point.quantization.precision_map else { return Ok(None) };
        if !self.maps.contains_key(path) {
            self.maps.insert(path.clone(), precision_map_of(path).map_err(named("quantization.precision_map", path))?);
        }
        Ok(self.maps.get(path).cloned())
    }

    /// The integer network of a point.
    pub fn quantized(&mut self, point: &PointConfig) -> Result<Arc<IntegerNetwork>> {
        let material = self.of(point)?;
        let found = self.quantized.iter().find(|(m, q, _)| Arc::ptr_eq(m, &material) && *q == point.quantization);
        if let Some((_, _, network)) = found {
            return Ok(network.clone());
        }
        let map = self.map_of(point)?;
        let network = Arc::new(lower(&material.folded, &material.dataset, &point.quantization, map)?);
        self.quantized.push((material, point.quantization.clone(), network.clone()));
        Ok(network)
    }

    /// SHA-256 of a precision map's contents, `uniform` without one.
    pub fn map_hash(&mut self, point: &PointConfig) -> Result<String> {
        use sha2::{Digest, Sha256};
        let Some(map) = self.map_of(point)? else { return Ok("uniform".into()) };
        let text = serde_json::to_vec(&map).unwrap_or_default();
        Ok(hex(&Sha256::digest(&text)))
    }
}

/// Adds to an error about the path `given` which key it stands in, or which word was probably meant.
fn named<'a>(key: &'static str, given: &'a str) -> impl FnOnce(Error) -> Error + 'a {
    move |e| {
        let words = match keys::find(key).map(|key| key.kind) {
            Some(Kind::Path { words }) if !Path::new(given).exists() => words,
            _ => &[],
        };
        match nearest(given, words.iter().copied()) {
            Some(word) => e.hint(format!("did you mean \"{word}\"? Anything else is a path, as seen from where bwq is called")),
            None if e.hint.is_some() => e,
            None => e.hint(format!("it is `{key}` of the sweep; paths are as seen from where bwq is called")),
        }
    }
}

/// Layers with weights, for tables.
pub fn layer_names(network: &network::Network) -> Vec<String> {
    let has_weights = |n: &&network::Node| matches!(n.op, network::Op::Conv2d { .. } | network::Op::Linear { .. });
    network.nodes.iter().filter(has_weights).map(|n| n.name.clone()).collect()
}
