//! The tables of `bwq cost`: counts of every layer. Assumptions stand in the provenance beside them.

use super::{Column, Leading, Table, each, write_table};
use crate::cost::costed::{Costed, LayerCost};
use crate::cost::count::Counts;
use crate::error::{Error, Result};
use crate::stats::number;
use crate::sweep::atomic;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Every table of a cost.
pub(super) const TABLES: &[Table<Costed>] = &[LAYERS];

const LAYERS: Table<Costed> = Table {
    file: "cost_layers.csv",
    row: "layer with weights, and one for all of them (`all`)",
    columns: &[
        Column { name: "layer", meaning: "name of the layer, or `all`" },
        Column { name: "layer_rows", meaning: "rows of the matrix of one group; empty for `all`" },
        Column { name: "layer_outputs", meaning: "outputs of one group; empty for `all`" },
        Column { name: "layer_groups", meaning: "groups; empty for `all`" },
        Column { name: "positions", meaning: "positions at which the matrix is applied in an image; empty for `all`" },
        Column { name: "mean_bits", meaning: "mean bits of a weight, signs apart" },
        Column { name: "macs", meaning: "multiply-accumulates of an image" },
        Column { name: "crossbars", meaning: "crossbars of one copy; where layers share them, those that the layer is the first to use" },
        Column { name: "ou_activations", meaning: "OUs that are read: positions x input steps x OUs; reads of crossbars where an OU is a whole one" },
        Column { name: "adc_conversions", meaning: "OU activations x OU columns, and those of offset columns" },
        Column { name: "adc_conversions_used", meaning: "of them, those of columns that hold weights" },
        Column { name: "cycles_sequential", meaning: "OU cycles of the fullest crossbar, without copies" },
        Column { name: "blocks", meaning: "weight blocks" },
        Column { name: "table_bits", meaning: "bits of the table of their precisions; 0 without one" },
        Column { name: "table_reads", meaning: "entries of it that are read" },
        Column { name: "weights", meaning: "weights" },
        Column { name: "cells", meaning: "cells that hold bits of weights" },
        Column { name: "replicas", meaning: "copies of the layer in the pipeline; empty for `all`" },
        Column { name: "crossbars_with_replicas", meaning: "crossbars of all copies" },
        Column { name: "cycles_with_replicas", meaning: "OU cycles with them; for `all` the sum over layers, as if they ran one after another" },
    ],
    rows: |results| each(results, layer_rows),
};

impl Leading for Costed {
    fn leading(&self) -> Vec<(String, String)> {
        let own = [("tool_version", env!("CARGO_PKG_VERSION")), ("config_hash", self.short_hash()), ("network", &self.network), ("design", self.design.name)];
        let own = own.map(|(name, value)| (name.to_string(), value.to_string()));
        own.into_iter().chain(self.scheme.settings().into_iter().map(|(name, value)| (name.to_string(), value))).collect()
    }
}

fn layer_rows(costed: &Costed) -> Vec<Vec<String>> {
    let row = |name: &str, shape: [String; 4], mean_bits: f64, counts: &Counts, copies: [String; 3]| {
        let mut row = vec![name.to_string()];
        row.extend(shape);
        row.push(number(mean_bits));
        row.extend(counts.values().map(|n| n.to_string()));
        row.extend(copies);
        row
    };
    let of_layer = |l: &LayerCost| {
        let shape = [l.layer.rows, l.layer.outputs, l.layer.groups, l.layer.positions].map(|n| n.to_string());
        row(&l.layer.name, shape, l.mean_bits(), &l.counts, [l.replicas, l.counts.crossbars * l.replicas, costed.cycles_with_replicas(l)].map(|n| n.to_string()))
    };
    let all = [String::new(), costed.pipeline.crossbars.to_string(), costed.pipeline.cycles_sequential.to_string()];
    costed.layers.iter().map(of_layer).chain([row("all", Default::default(), costed.mean_bits(), &costed.total, all)]).collect()
}

/// All of a cost for a program to read: `total` and each of `layers` have the counts by their names.
///
/// # Errors
/// None that a user could cause.
pub fn json(costed: &Costed) -> Result<String> {
    let internal = |e: serde_json::Error| Error::internal(e.to_string());
    let counts = |counts: &Counts, more: Value| {
        let mut value = serde_json::to_value(counts).map_err(internal)?;
        if let (Some(all), Value::Object(more)) = (value.as_object_mut(), more) {
            all.extend(more);
        }
        Ok::<_, Error>(value)
    };
    let layer = |l: &LayerCost| {
        let of = &l.layer;
        let shape = json!({ "name": of.name, "rows": of.rows, "outputs": of.outputs, "groups": of.groups, "positions": of.positions, "mean_bits": l.mean_bits(), "replicas": l.replicas, "cycles_with_replicas": costed.cycles_with_replicas(l) });
        counts(&l.counts, shape)
    };
    let value = json!({
        "format": "bwq-cost-1",
        "tool_version": env!("CARGO_PKG_VERSION"),
        "config_hash": costed.hash,
        "network": costed.network,
        "design": costed.design.name,
        "settings": settings(costed),
        "assumptions": costed.assumptions,
        "total": counts(&costed.total, json!({ "mean_bits": costed.mean_bits() }))?,
        "pipeline": costed.pipeline,
        "layers": costed.layers.iter().map(layer).collect::<Result<Vec<_>>>()?,
    });
    Ok(serde_json::to_string_pretty(&value).map_err(internal)? + "\n")
}

fn settings(costed: &Costed) -> Value {
    costed.scheme.settings().into_iter().map(|(name, value)| (name.to_string(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

/// Writes the tables with their provenance into `out`; returns the files.
///
/// # Errors
/// What cannot be written.
pub fn write(out: &Path, costed: &Costed, command: &[String]) -> Result<Vec<PathBuf>> {
    let provenance = json!({
        "tool": "bwq",
        "tool_version": env!("CARGO_PKG_VERSION"),
        "commit": super::provenance::COMMIT,
        "config_hash": costed.hash,
        "network": costed.network,
        "design": costed.design.name,
        "config": settings(costed),
        "assumptions": costed.assumptions,
        "command": command,
        "host": atomic::host(),
    });
    let text = serde_json::to_string_pretty(&provenance).map_err(|e| Error::internal(e.to_string()))? + "\n";
    let mut files = Vec::new();
    for table in TABLES {
        files.extend(write_table(out, table, std::slice::from_ref(costed), &text)?);
    }
    Ok(files)
}
