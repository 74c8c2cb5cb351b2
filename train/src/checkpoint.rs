//! The state of a training on disk: `checkpoint.safetensors`, there whole or not at all. The same command goes on from it.

use crate::model::{Model, Running};
use crate::ops::loss::Loss;
use crate::planes::Layer;
use crate::search::{Best, Row, State, settings};
use crate::train::{Position, Trainer};
use crate::vectors::Vector;
use bwq::error::{Error, Result};
use bwq::sweep::atomic;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// What is no tensor.
#[derive(Serialize, Deserialize)]
struct Header {
    /// Which training it is: its values and the hashes of network and data.
    training: String,
    setting: usize,
    epoch: usize,
    step: usize,
    total_epochs: usize,
    loss_sum: f64,
    loss_correct: usize,
    activation_bits: u32,
    best: Option<BestHeader>,
    rows: Vec<Row>,
    done: bool,
}

#[derive(Serialize, Deserialize)]
struct BestHeader {
    alpha: f64,
    activation_bits: u32,
    correct: usize,
}

/// Named vectors of f32: length and bytes.
type Tensors = Vec<(String, usize, Vec<u8>)>;

/// Writes the state of the training that `training` identifies.
pub fn write(path: &Path, training: &str, state: &State) -> Result<()> {
    let mut tensors = Tensors::new();
    put(&mut tensors, "model", &state.model);
    if let Some(best) = &state.best {
        put(&mut tensors, "best", &best.model);
    }
    let at = &state.at;
    let header = Header {
        training: training.into(),
        setting: state.setting,
        epoch: at.epoch,
        step: at.step,
        total_epochs: at.total_epochs,
        loss_sum: at.loss.sum,
        loss_correct: at.loss.correct,
        activation_bits: state.model.activation_bits,
        best: state.best.as_ref().map(|b| BestHeader { alpha: b.alpha, activation_bits: b.model.activation_bits, correct: b.correct }),
        rows: state.rows.clone(),
        done: state.done,
    };
    let internal = |e: String| Error::internal(format!("the checkpoint cannot be written: {e}"));
    let text = serde_json::to_string(&header).map_err(|e| internal(e.to_string()))?;
    let views = tensors.iter().map(|(name, len, bytes)| {
        TensorView::new(Dtype::F32, vec![*len], bytes).map(|view| (name.clone(), view)).map_err(|e| internal(e.to_string()))
    });
    let bytes = safetensors::serialize(views.collect::<Result<Vec<_>>>()?, Some(HashMap::from([("state".to_string(), text)])));
    atomic::write(path, &bytes.map_err(|e| internal(e.to_string()))?)
}

/// Reads a state of `trainer`'s training over `fresh`, a state at its beginning; `None` if there is no file.
///
/// # Errors
/// A file of another training, a broken one, and a state that the training cannot come to.
pub fn read(path: &Path, training: &str, fresh: &State, trainer: &Trainer) -> Result<Option<State>> {
    let bytes = match std::fs::read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|e| Error::io(path, "read", &e))?,
    };
    let broken = |e: String| Error::input(path.display(), format!("not a checkpoint of this version: {e}")).hint("move the file away to begin again");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| broken(e.to_string()))?;
    let text = metadata.metadata().as_ref().and_then(|m| m.get("state")).ok_or_else(|| broken("no state in it".into()))?;
    let header: Header = serde_json::from_str(text).map_err(|e| broken(e.to_string()))?;
    if header.training != training {
        return Err(Error::input(path.display(), "this checkpoint is of a training with other values, network or data")
            .hint("choose another --out DIR, or move the folder away"));
    }
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| broken(e.to_string()))?;
    let best = match &header.best {
        Some(best) => Some(Best {
            model: take(&tensors, "best", &fresh.model, best.activation_bits).map_err(broken)?,
            alpha: best.alpha,
            correct: best.correct,
        }),
        None => None,
    };
    let state = State {
        setting: header.setting,
        at: Position {
            epoch: header.epoch,
            step: header.step,
            total_epochs: header.total_epochs,
            loss: Loss { sum: header.loss_sum, correct: header.loss_correct },
        },
        model: take(&tensors, "model", &fresh.model, header.activation_bits).map_err(broken)?,
        best,
        rows: header.rows,
        done: header.done,
    };
    possible(&state, trainer).map_err(broken)?;
    Ok(Some(state))
}

/// That a training can come to a state: what follows trusts its numbers.
fn possible(state: &State, trainer: &Trainer) -> std::result::Result<(), String> {
    let (config, at) = (trainer.config, &state.at);
    let models = || [Some(&state.model), state.best.as_ref().map(|b| &b.model)].into_iter().flatten();
    let in_setting = state.setting < settings(trainer) && at.epoch < config.epochs && at.step < trainer.steps();
    match () {
        _ if !state.done && !in_setting => Err(format!("setting {}, epoch {}, step {}", state.setting, at.epoch, at.step)),
        _ if at.total_epochs != state.rows.len() => Err(format!("{} epochs in {} rows", at.total_epochs, state.rows.len())),
        _ if state.setting >= config.alpha.len() && state.best.is_none() && !state.done => Err(format!("setting {} without a model within the budget", state.setting)),
        _ if !at.loss.sum.is_finite() || at.loss.correct > trainer.training.len() => Err(format!("loss {} of {} right answers", at.loss.sum, at.loss.correct)),
        _ => match models().map(|m| m.activation_bits).find(|bits| !config.activation_bits.contains(bits)) {
            Some(bits) => Err(format!("activations of {bits} bits")),
            None => Ok(()),
        },
    }
}

fn put(tensors: &mut Tensors, prefix: &str, model: &Model) {
    let mut floats = |name: String, values: &[f32]| {
        tensors.push((format!("{prefix}/{name}"), values.len(), values.iter().flat_map(|v| v.to_le_bytes()).collect()));
    };
    for layer in &model.layers {
        let name = &layer.name;
        floats(format!("{name}/planes"), &layer.planes.concat().concat());
        floats(format!("{name}/momentum"), &layer.momentum.concat().concat());
        floats(format!("{name}/step"), &[&layer.step[..], &layer.step_momentum].concat());
        floats(format!("{name}/bits"), &layer.bits.iter().map(|&b| f32::from(b)).collect::<Vec<_>>());
    }
    for vector in &model.vectors {
        floats(format!("{}/values", vector.name), &vector.values);
        floats(format!("{}/vector_momentum", vector.name), &vector.momentum);
    }
    for (index, running) in model.running.iter().enumerate() {
        floats(format!("running.{index}/mean"), &running.mean);
        floats(format!("running.{index}/var"), &running.var);
    }
}

fn take(tensors: &SafeTensors, prefix: &str, shape: &Model, activation_bits: u32) -> std::result::Result<Model, String> {
    let floats = |name: String, len: usize| -> std::result::Result<Vec<f32>, String> {
        let view = tensors.tensor(&format!("{prefix}/{name}")).map_err(|e| format!("{name}: {e}"))?;
        let values: Vec<f32> = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if view.dtype() != Dtype::F32 || values.len() != len {
            return Err(format!("{name} has {} values of type {:?}, not {len} of F32", values.len(), view.dtype()));
        }
        match values.iter().find(|v| !v.is_finite()) {
            Some(bad) => Err(format!("{name} has the value {bad}")),
            None => Ok(values),
        }
    };
    let planes = |values: Vec<f32>, of: &Layer| -> [Vec<Vec<f32>>; 2] {
        let (depth, weights) = (of.planes[0].len(), of.blocks.weights());
        let part = |part: usize| (0..depth).map(|bit| values[(part * depth + bit) * weights..][..weights].to_vec()).collect();
        [part(0), part(1)]
    };
    let bits = |values: Vec<f32>, of: &Layer| -> std::result::Result<Vec<u8>, String> {
        let depth = of.planes[0].len();
        let whole = |&b: &f32| if b.fract() == 0.0 && (0.0..=depth as f32).contains(&b) { Ok(b as u8) } else { Err(format!("{b} bits of {depth}")) };
        values.iter().map(whole).collect()
    };
    let layer = |of: &Layer| -> std::result::Result<Layer, String> {
        let (name, all) = (&of.name, 2 * of.planes[0].len() * of.blocks.weights());
        let mut step = floats(format!("{name}/step"), 2 * of.step.len())?;
        let step_momentum = step.split_off(of.step.len());
        Ok(Layer {
            planes: planes(floats(format!("{name}/planes"), all)?, of),
            momentum: planes(floats(format!("{name}/momentum"), all)?, of),
            step,
            step_momentum,
            bits: bits(floats(format!("{name}/bits"), of.bits.len())?, of).map_err(|e| format!("{name}/bits: {e}"))?,
            ..of.clone()
        })
    };
    let vector = |of: &Vector| -> std::result::Result<Vector, String> {
        Ok(Vector {
            values: floats(format!("{}/values", of.name), of.values.len())?,
            momentum: floats(format!("{}/vector_momentum", of.name), of.values.len())?,
            ..of.clone()
        })
    };
    let running = |(index, of): (usize, &Running)| -> std::result::Result<Running, String> {
        let len = of.mean.len();
        Ok(Running { mean: floats(format!("running.{index}/mean"), len)?, var: floats(format!("running.{index}/var"), len)? })
    };
    Ok(Model {
        layers: shape.layers.iter().map(layer).collect::<std::result::Result<_, _>>()?,
        vectors: shape.vectors.iter().map(vector).collect::<std::result::Result<_, _>>()?,
        running: shape.running.iter().enumerate().map(running).collect::<std::result::Result<_, _>>()?,
        activation_bits,
    })
}
