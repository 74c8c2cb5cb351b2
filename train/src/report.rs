//! The tables of a training: `curve.csv` (after every epoch), `layers.csv`, and the provenance of both.

use crate::config::Config;
use crate::export::Agreement;
use crate::model::Model;
use crate::planes::Layer;
use crate::search::Row;
use bwq::error::{Error, Result};
use bwq::report::Column;
use bwq::report::training::{CURVE, LAYERS};
use serde_json::json;

/// A CSV table; rows have their columns' order.
fn csv(columns: &[Column], rows: impl Iterator<Item = Vec<String>>) -> String {
    let names = columns.iter().map(|c| c.name.to_string()).collect();
    std::iter::once(names).chain(rows).map(|row: Vec<String>| row.join(",") + "\n").collect()
}

/// curve.csv.
pub fn curve(rows: &[Row]) -> String {
    let fields = |r: &Row| {
        let floats = [r.learning_rate, r.loss, r.lasso, r.training_accuracy_frac, r.accuracy_frac, r.mean_bits];
        let compression = if r.compression().is_finite() { r.compression().to_string() } else { String::new() };
        let first = [r.setting.to_string(), r.epoch.to_string(), r.alpha.to_string(), r.activation_bits.to_string()];
        first.into_iter().chain(floats.map(|x| x.to_string())).chain([compression]).collect()
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
