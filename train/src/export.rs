//! What a training leaves: the network with its integers, the precision map, and what the engine's integers say of both.

use crate::config::Config;
use crate::model::Model;
use crate::train::Trainer;
use bwq::config::{Clipping, PrecisionMapConfig, QuantizationConfig, WeightScale};
use bwq::engine::IntegerImages;
use bwq::engine::cpu::digital;
use bwq::error::{Error, Result};
use bwq::network::{Network, float::argmax, fold, read, write};
use bwq::quantize::{IntegerNetwork, PrecisionMap, lower::lower};
use bwq::sweep::atomic;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Accuracy of the exported network, twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Test images that the training's own forward pass classifies as labelled.
    pub trained_correct: usize,
    /// Test images that the engine's integer arithmetic does.
    pub engine_correct: usize,
    /// Test images that the two put into different classes.
    pub different: usize,
    /// Test images.
    pub images: usize,
}

/// Bits of every block, in blocks of the file's size even where layers have one precision.
pub fn precision_map(model: &Model, config: &Config) -> PrecisionMap {
    let bits = |layer: &crate::planes::Layer| -> Vec<Vec<u8>> {
        let [rows, columns] = [layer.blocks.rows.div_ceil(config.block[0]), layer.blocks.outputs.div_ceil(config.block[1])];
        let of = |row: usize, column: usize| layer.bits[layer.blocks.of(row * config.block[0], column * config.block[1])];
        (0..rows).map(|row| (0..columns).map(|column| of(row, column)).collect()).collect()
    };
    PrecisionMap::new(config.block, model.layers.iter().map(|layer| (layer.name.clone(), bits(layer))).collect::<BTreeMap<_, _>>())
}

/// Writes `network.json`, `network.safetensors` and `precision_map.json` into `out`; returns them.
pub fn write(trainer: &Trainer, model: &Model, out: &Path) -> Result<[PathBuf; 3]> {
    let files = write::files(&model.network(trainer.network, trainer.graph))?;
    let map = serde_json::to_vec(&precision_map(model, trainer.config)).map_err(|e| Error::internal(e.to_string()))?;
    let paths = ["network.json", "network.safetensors", "precision_map.json"].map(|name| out.join(name));
    atomic::write(&paths[1], &files.weights)?;
    atomic::write(&paths[0], files.graph.as_bytes())?;
    atomic::write(&paths[2], &[map, b"\n".to_vec()].concat())?;
    Ok(paths)
}

/// A network's integers, as the engine runs them.
///
/// # Errors
/// Scales that do not fit integers: a training that went astray.
fn lowered(trainer: &Trainer, network: &Network, activation_bits: u32, map: PrecisionMap) -> Result<IntegerNetwork> {
    // `lower` takes the map itself; where it came from says nothing to it.
    let precision_map = PrecisionMapConfig::Uniform;
    let quantization = QuantizationConfig { weight_bits: trainer.config.weight_bits, activation_bits, weight_scale: WeightScale::PerLayer, clipping: Clipping::Mse, precision_map };
    lower(&fold::fold_batchnorm(network)?, trainer.dataset, &quantization, Some(map))
}

/// Test images that the engine's integers classify as labelled.
///
/// # Errors
/// As [`lowered`].
pub fn engine_correct(trainer: &Trainer, model: &Model) -> Result<usize> {
    let integers = lowered(trainer, &model.network(trainer.network, trainer.graph), model.activation_bits, precision_map(model, trainer.config))?;
    let images = IntegerImages::new(&integers, trainer.dataset);
    Ok(digital::correct(&digital::logits(&integers, &images), &images.labels) as usize)
}

/// Reads what was written as `bwq run` does, and compares its integers with the training's own forward pass (`logits`).
pub fn evaluate(trainer: &Trainer, activation_bits: u32, logits: &[f32], paths: &[PathBuf; 3]) -> Result<Agreement> {
    let network: Network = read::read(&paths[0])?;
    let map = PrecisionMap::read(&paths[2])?;
    let integers = lowered(trainer, &network, activation_bits, map)?;
    let dataset = trainer.dataset;
    let of_engine = digital::logits(&integers, &IntegerImages::new(&integers, dataset));
    let classes = of_engine.len() / dataset.len();
    let largest = |logits: &[u32]| (1..logits.len()).fold(0, |best, class| if logits[class] > logits[best] { class } else { best });
    let different = logits.chunks_exact(classes).zip(of_engine.chunks_exact(classes)).filter(|(a, b)| argmax(a) != largest(b)).count();
    Ok(Agreement {
        trained_correct: trainer.correct(logits),
        engine_correct: digital::correct(&of_engine, &dataset.labels) as usize,
        different,
        images: dataset.len(),
    })
}
