//! The tables of a training: `curve.csv` (after every epoch), `layers.csv`, and the provenance of both.

use crate::config::Config;
use crate::export::Agreement;
use crate::model::Model;
use crate::planes::Layer;
use crate::search::Row;
use bwq::error::{Error, Result};
use bwq::report::Column;
use serde_json::json;

/// Columns of curve.csv, a row after every epoch.
pub const CURVE: &[Column] = &[
    Column { name: "setting", meaning: "setting of alpha and activation bits, from 0" },
    Column { name: "epoch", meaning: "epochs done in all settings" },
    Column { name: "alpha", meaning: "strength of the lasso" },
    Column { name: "activation_bits", meaning: "bits of an activation" },
    Column { name: "learning_rate", meaning: "learning rate at the end of the epoch" },
    Column { name: "loss", meaning: "mean cross entropy of the epoch's training images, in nats" },
    Column { name: "lasso", meaning: "the lasso's term of the loss after the epoch" },
    Column { name: "training_accuracy_frac", meaning: "share of the epoch's training images classified as labelled" },
    Column { name: "accuracy_frac", meaning: "share of the test images, by the integers that the engine runs" },
    Column { name: "mean_bits", meaning: "mean magnitude bits of a weight" },
    Column { name: "compression", meaning: "32-bit weights over magnitude bits, the paper's count: 32 / mean_bits" },
];

/// Columns of layers.csv, a row for each layer of the network kept.
pub const LAYERS: &[Column] = &[
    Column { name: "layer", meaning: "name of the layer" },
    Column { name: "rows", meaning: "rows of its matrix" },
    Column { name: "outputs", meaning: "columns of its matrix" },
    Column { name: "blocks", meaning: "groups of weights with one precision" },
    Column { name: "blocks_without_bits", meaning: "those of 0 bits" },
    Column { name: "mean_bits", meaning: "mean magnitude bits of a weight" },
    Column { name: "most_bits", meaning: "most magnitude bits of a group" },
];

/// A CSV table; rows have their columns' order.
fn csv(columns: &[Column], rows: impl Iterator<Item = Vec<String>>) -> String {
    let names = columns.iter().map(|c| c.name.to_string()).collect();
    std::iter::once(names).chain(rows).map(|row: Vec<String>| row.join(",") + "\n").collect()
}

/// curve.csv.
pub fn curve(rows: &[Row]) -> String {
    let fields = |r: &Row| {
        let floats = [r.learning_rate, r.loss, r.lasso, r.training_accuracy_frac, r.accuracy_frac, r.mean_bits, r.compression];
        let first = [r.setting.to_string(), r.epoch.to_string(), r.alpha.to_string(), r.activation_bits.to_string()];
        first.into_iter().chain(floats.map(|x| x.to_string())).collect()
    };
    csv(CURVE, rows.iter().map(fields))
}

/// layers.csv.
pub fn layers(model: &Model) -> String {
    let fields = |layer: &Layer| {
        let b = &layer.blocks;
        let zero = layer.bits.iter().filter(|&&bits| bits == 0).count();
        let most = layer.bits.iter().max().copied().unwrap_or(0);
        let mean = layer.total_bits() as f64 / b.weights() as f64;
        vec![layer.name.clone(), b.rows.to_string(), b.outputs.to_string(), b.len().to_string(), zero.to_string(), mean.to_string(), most.to_string()]
    };
    csv(LAYERS, model.layers.iter().map(fields))
}

/// The tables' part of docs/train.md.
pub fn tables_markdown() -> String {
    let table = |title: &str, columns: &[Column]| {
        let rows: String = columns.iter().map(|c| format!("| `{}` | {} |\n", c.name, c.meaning)).collect();
        format!("\n## {title}\n\n| column | meaning |\n|---|---|\n{rows}")
    };
    table("`curve.csv`: a row after every epoch", CURVE) + &table("`layers.csv`: a row for each layer of the network kept", LAYERS)
}

/// train.provenance.json: where the files come from.
pub fn provenance(config: &Config, identity: &serde_json::Value, float_correct: usize, agreement: &Agreement, seconds: f64) -> Result<String> {
    let value = json!({
        "tool": "bwq-train",
        "tool_version": env!("CARGO_PKG_VERSION"),
        "commit": bwq::report::provenance::COMMIT,
        "config": config.resolved.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "inputs": identity,
        "images": agreement.images,
        "float_correct": float_correct,
        "trained_correct": agreement.trained_correct,
        "engine_correct": agreement.engine_correct,
        "different_classes": agreement.different,
        "command": std::env::args().collect::<Vec<_>>(),
        "host": bwq::sweep::atomic::host(),
        "seconds_of_last_run": seconds,
    });
    serde_json::to_string_pretty(&value).map(|text| text + "\n").map_err(|e| Error::internal(e.to_string()))
}
