//! The tables of `bwq cost`: counts of every layer; energy and time of every layer and part, and area, under each component
//! set; where there are several designs, their comparison. Assumptions stand in the provenance beside them.

use super::cost_comparison as comparison;
use super::{Column, Leading, Table, each, write_table};
use crate::cost::costed::{Assumption, Costed, LayerCost};
use crate::cost::count::Counts;
use crate::cost::price::Cost;
use crate::cost::priced::{Priced, Prices};
use crate::error::{Error, Result};
use crate::stats::number;
use crate::sweep::atomic;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A network that was counted and priced.
pub struct Bill {
    /// The counts.
    pub costed: Costed,
    /// The prices.
    pub prices: Prices,
}

/// Every table of a cost.
pub(super) const TABLES: &[Table<Bill>] = &[LAYERS, COMPONENTS, SUMMARY];

const COMPONENTS: Table<Bill> = Table {
    file: "cost_components.csv",
    row: "component set, layer (and `all`) and part; energies of the parts of a layer sum to its total, those of layers to `all`",
    columns: &[
        Column { name: "components", meaning: "the component set" },
        Column { name: "layer", meaning: "name of the layer, or `all`" },
        Column { name: "part", meaning: "a part of the hardware, or `leakage` of all that is powered" },
        Column { name: "energy_pj", meaning: "energy of an image" },
    ],
    rows: |bills| each(bills, component_rows),
};

const SUMMARY: Table<Bill> = Table {
    file: "cost_summary.csv",
    row: "component set",
    columns: &[
        Column { name: "components", meaning: "the component set" },
        Column { name: "ou_cycle_ns", meaning: "length of an OU cycle" },
        Column { name: "energy_pj", meaning: "energy of an image, leakage included" },
        Column { name: "leakage_pj", meaning: "leakage of all that is powered, over the image's latency" },
        Column { name: "latency_ns", meaning: "time of an image, layers one after another, copies sharing positions" },
        Column { name: "interval_ns", meaning: "time between images where layers are a pipeline: that of the slowest" },
        Column { name: "area_mm2", meaning: "area of all that is powered" },
        Column { name: "programming_pj", meaning: "writing all cells once; in no other figure" },
    ],
    rows: |bills| each(bills, |bill| bill.prices.sets.iter().map(summary_row).collect()),
};

const LAYERS: Table<Bill> = Table {
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
        Column { name: "blocks", meaning: "weight blocks; where rows are squeezed out (SRE, SME), entries of their index" },
        Column { name: "table_bits", meaning: "bits of the table of their precisions, or of the index; 0 without one" },
        Column { name: "table_reads", meaning: "entries of it that are read" },
        Column { name: "weights", meaning: "weights" },
        Column { name: "cells", meaning: "cells that hold bits of weights" },
        Column { name: "replicas", meaning: "copies of the layer in the pipeline; empty for `all`" },
        Column { name: "crossbars_with_replicas", meaning: "crossbars of all copies" },
        Column { name: "cycles_with_replicas", meaning: "OU cycles with them; for `all` the sum over layers, as if they ran one after another" },
    ],
    rows: |bills| each(bills, |bill| layer_rows(&bill.costed)),
};

impl Leading for Bill {
    fn leading(&self) -> Vec<(String, String)> {
        let c = &self.costed;
        let own = [("tool_version", env!("CARGO_PKG_VERSION")), ("config_hash", c.short_hash()), ("network", &c.network), ("design", c.design.name)];
        let own = own.map(|(name, value)| (name.to_string(), value.to_string()));
        own.into_iter().chain(c.scheme.settings().into_iter().map(|(name, value)| (name.to_string(), value))).collect()
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

fn component_rows(bill: &Bill) -> Vec<Vec<String>> {
    let rows = |set: &str, layer: &str, cost: &Cost| -> Vec<Vec<String>> { cost.columns().map(|(part, pj)| vec![set.to_string(), layer.to_string(), part.to_string(), number(pj)]).collect() };
    let of_set = |p: &Priced| {
        let layers = bill.costed.layers.iter().zip(&p.layers).flat_map(|(l, cost)| rows(&p.set, &l.layer.name, cost));
        layers.chain(rows(&p.set, "all", &p.total)).collect::<Vec<_>>()
    };
    bill.prices.sets.iter().flat_map(of_set).collect()
}

fn summary_row(p: &Priced) -> Vec<String> {
    let figures = [p.ou_cycle_ns, p.total.total_pj(), p.total.leakage_pj, p.total.latency_ns, p.interval_ns, p.area_um2.total() * 1e-6, p.total.programming_pj];
    [p.set.clone()].into_iter().chain(figures.map(number)).collect()
}

/// What a set says, for a program to read.
fn priced_json(costed: &Costed, p: &Priced) -> Value {
    let parts = |cost: &Cost| cost.columns().map(|(part, pj)| (part.to_string(), Value::from(pj))).collect::<serde_json::Map<_, _>>();
    let cost = |cost: &Cost| json!({ "energy_pj": cost.total_pj(), "latency_ns": cost.latency_ns, "programming_pj": cost.programming_pj, "parts_pj": parts(cost) });
    let layer = |(l, c): (&LayerCost, &Cost)| {
        let mut value = cost(c);
        value["name"] = l.layer.name.clone().into();
        value
    };
    json!({
        "components": p.set,
        "title": p.title,
        "ou_cycle_ns": p.ou_cycle_ns,
        "total": cost(&p.total),
        "interval_ns": p.interval_ns,
        "area_mm2": p.area_um2.total() * 1e-6,
        "area_um2": p.area_um2.named().map(|(part, um2)| (part.to_string(), Value::from(um2))).collect::<serde_json::Map<_, _>>(),
        "layers": costed.layers.iter().zip(&p.layers).map(layer).collect::<Vec<_>>(),
    })
}

/// All of a cost for a program to read, or of several in one list, `costs`: `total` and each of `layers` have the counts by their names.
///
/// # Errors
/// None that a user could cause.
pub fn json(bills: &[Bill]) -> Result<String> {
    let value = match bills {
        [bill] => value_of(bill)?,
        _ => json!({ "format": "bwq-costs-1", "costs": bills.iter().map(value_of).collect::<Result<Vec<_>>>()? }),
    };
    Ok(serde_json::to_string_pretty(&value).map_err(|e| Error::internal(e.to_string()))? + "\n")
}

fn value_of(bill: &Bill) -> Result<Value> {
    let Bill { costed, prices } = bill;
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
    Ok(json!({
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
        "prices": prices.sets.iter().map(|p| priced_json(costed, p)).collect::<Vec<_>>(),
        "unpriced": prices.silent.iter().map(|(set, why)| json!({ "components": set, "why": why })).collect::<Vec<_>>(),
    }))
}

/// What costs rest on, for the provenance: what all have in common, beside it what all of a design have, then each one's own.
fn resting_on(bills: &[Bill]) -> Value {
    let is_in_all = |a: &Assumption, of: &dyn Fn(&Costed) -> bool| bills.iter().filter(|b| of(&b.costed)).all(|b| b.costed.assumptions.contains(a));
    let common = |a: &Assumption| is_in_all(a, &|_| true);
    let of_design = |a: &Assumption, design: &str| is_in_all(a, &|c| c.design.name == design);
    let value = |a: &Assumption| json!([a.name, a.value]);
    let mut designs: Vec<Value> = Vec::new();
    for c in bills.iter().map(|b| &b.costed) {
        if !designs.iter().any(|d| d["design"] == c.design.name) {
            let all: Vec<Value> = c.assumptions.iter().filter(|a| !common(a) && of_design(a, c.design.name)).map(value).collect();
            designs.push(json!({ "design": c.design.name, "assumptions": all }));
        }
    }
    let own = |c: &Costed| {
        let all: Vec<Value> = c.assumptions.iter().filter(|a| !of_design(a, c.design.name)).map(value).collect();
        json!({ "config_hash": c.hash, "network": c.network, "design": c.design.name, "assumptions": all })
    };
    let first = bills.iter().take(1).flat_map(|b| &b.costed.assumptions);
    json!({
        "assumptions": first.filter(|a| common(a)).collect::<Vec<_>>(),
        "designs": designs,
        "costs": bills.iter().map(|b| own(&b.costed)).collect::<Vec<_>>(),
    })
}

fn settings(costed: &Costed) -> Value {
    costed.scheme.settings().into_iter().map(|(name, value)| (name.to_string(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

/// Writes the tables with their provenance into `out`; returns the files.
///
/// # Errors
/// What cannot be written.
pub fn write(out: &Path, bills: &[Bill], command: &[String]) -> Result<Vec<PathBuf>> {
    let provenance = json!({
        "tool": "bwq",
        "tool_version": env!("CARGO_PKG_VERSION"),
        "commit": super::provenance::COMMIT,
        "command": command,
        "host": atomic::host(),
        "rests_on": resting_on(bills),
    });
    let text = serde_json::to_string_pretty(&provenance).map_err(|e| Error::internal(e.to_string()))? + "\n";
    let mut files = Vec::new();
    for table in TABLES {
        files.extend(write_table(out, table, bills, &text)?);
    }
    if comparison::has_others(bills) {
        files.extend(write_table(out, &comparison::TABLE, bills, &text)?);
        files.extend(write_table(out, &comparison::MEANS, &comparison::means(bills), &text)?);
    }
    Ok(files)
}
