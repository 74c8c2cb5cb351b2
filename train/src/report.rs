//! The tables of a training: `curve.csv` (after every epoch), `layers.csv`, and the provenance of both.

use crate::config::Config;
use crate::export::Agreement;
use crate::model::Model;
use crate::search::Row;
use bwq::error::{Error, Result};
use serde_json::json;

/// curve.csv.
pub fn curve(rows: &[Row]) -> String {
    let mut text = String::from("setting,epoch,alpha,activation_bits,learning_rate,loss,lasso,training_accuracy_frac,accuracy_frac,mean_bits,compression\n");
    for r in rows {
        text += &format!(
            "{},{},{},{},{},{},{},{},{},{},{}\n",
            r.setting, r.epoch, r.alpha, r.activation_bits, r.learning_rate, r.loss, r.lasso, r.training_accuracy_frac, r.accuracy_frac, r.mean_bits, r.compression
        );
    }
    text
}

/// layers.csv: precision of every layer.
pub fn layers(model: &Model) -> String {
    let mut text = String::from("layer,rows,outputs,blocks,blocks_without_bits,mean_bits,most_bits\n");
    for layer in &model.layers {
        let b = &layer.blocks;
        let (zero, most) = (layer.bits.iter().filter(|&&bits| bits == 0).count(), layer.bits.iter().max().copied().unwrap_or(0));
        text += &format!("{},{},{},{},{zero},{},{most}\n", layer.name, b.rows, b.outputs, b.len(), layer.total_bits() as f64 / b.weights() as f64);
    }
    text
}

/// train.provenance.json: where the files come from.
pub fn provenance(config: &Config, identity: &serde_json::Value, agreement: &Agreement, seconds: f64) -> Result<String> {
    let value = json!({
        "tool": "bwq-train",
        "tool_version": env!("CARGO_PKG_VERSION"),
        "commit": bwq::report::provenance::COMMIT,
        "config": config.resolved.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "inputs": identity,
        "images": agreement.images,
        "trained_correct": agreement.trained_correct,
        "engine_correct": agreement.engine_correct,
        "different_classes": agreement.different,
        "command": std::env::args().collect::<Vec<_>>(),
        "host": bwq::sweep::atomic::host(),
        "seconds_of_last_run": seconds,
    });
    serde_json::to_string_pretty(&value).map(|text| text + "\n").map_err(|e| Error::internal(e.to_string()))
}
