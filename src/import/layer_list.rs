//! A safetensors file with a list of layers: a `netgraph-1` graph in which whatever follows from the rest may be left out.
//!
//! Left out, `inputs` is the node before, `weights` are the tensors of the module with the node's name as a PyTorch state dict
//! has them (`NAME.weight`, `NAME.bias`, `NAME.running_mean`, `NAME.running_var`), and `format`, `name` and `preprocess` are
//! what the command line says. So a chain of layers is a list of names and operations.

use super::{Imported, Options, checked, clipped, graph};
use crate::error::{Error, Result};
use crate::files;
use crate::network::read;
use crate::network::weights::tensors;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Largest list of layers, in bytes.
const LARGEST_LIST: u64 = 1 << 26;

/// Most channels of an image: what is said of pixels is completed for each.
const MOST_CHANNELS: u64 = 1 << 16;

/// Imports the weights at `weights` with the list of layers at `list`.
///
/// # Errors
/// What cannot be read, and whatever [`read::parse`] refuses of the completed graph.
pub fn import_layers(weights: &Path, list: &Path, options: &Options) -> Result<Imported> {
    let bytes = files::regular(weights, graph::LARGEST_FILE)?;
    let place = list.display().to_string();
    let value = crate::json::parse(&files::utf8(files::regular(list, LARGEST_LIST)?, &place)?, &place)?;
    let tensors = tensors(&bytes, &weights.display().to_string())?;
    let names: BTreeSet<&str> = tensors.names().into_iter().collect();
    let stem = weights.file_stem().map_or_else(|| "network".into(), |stem| stem.to_string_lossy().into_owned());
    let completed = completed(value, &names, options, &stem).map_err(|message| Error::input(&place, message))?;
    let network = checked(&read::parse(&completed.to_string(), &bytes, &place)?, &place)?;
    Ok(Imported { network, notes: unused(&completed, &names).into_iter().collect() })
}

/// The graph with all that was left out.
fn completed(value: Value, tensors: &BTreeSet<&str>, options: &Options, stem: &str) -> std::result::Result<Value, String> {
    let mut graph: Map<String, Value> = match value {
        Value::Object(graph) => graph,
        Value::Array(nodes) => [("nodes".to_string(), Value::Array(nodes))].into_iter().collect(),
        _ => return Err("the file must be an object with `nodes`, or the list of nodes itself".into()),
    };
    graph.entry("format").or_insert(json!("netgraph-1"));
    match &options.name {
        Some(name) => graph.insert("name".into(), json!(name)),
        None => Some(graph.entry("name").or_insert(json!(stem)).clone()),
    };
    if let Some(shape) = options.input_shape {
        graph.insert("input".into(), json!({ "shape": shape }));
    }
    let channels = graph.get("input").and_then(|input| input.get("shape")).and_then(|shape| shape.get(0)).and_then(Value::as_u64);
    let channels = channels.ok_or("input.shape [C, H, W] is missing: in the file, or --input-shape C,H,W")?;
    if channels > MOST_CHANNELS {
        return Err(format!("input.shape: {channels} channels; at most {MOST_CHANNELS}"));
    }
    if !options.pixels.is_unsaid() || !graph.contains_key("preprocess") {
        let p = options.pixels.preprocess(channels as usize).map_err(|e| e.message)?;
        graph.insert("preprocess".into(), json!({ "layout": "NCHW", "scale": p.scale, "mean": p.mean, "std": p.std }));
    }
    let mut before = "input".to_string();
    let Some(Value::Array(nodes)) = graph.get_mut("nodes") else { return Err("`nodes` must be a list".into()) };
    for (index, node) in nodes.iter_mut().enumerate() {
        let Value::Object(node) = node else { return Err(format!("node {index} must be an object")) };
        let name = node.get("name").and_then(Value::as_str).ok_or_else(|| format!("node {index} has no `name`"))?.to_string();
        node.entry("inputs").or_insert(json!([before]));
        let roles: &[(&str, &str)] = match node.get("op").and_then(Value::as_str) {
            Some("conv2d" | "linear") => &[("weight", "weight"), ("bias", "bias")],
            Some("batchnorm") => &[("gamma", "weight"), ("beta", "bias"), ("mean", "running_mean"), ("var", "running_var")],
            _ => &[],
        };
        if !roles.is_empty() && !node.contains_key("weights") {
            let of = |&(role, suffix): &(&str, &str)| (role.to_string(), json!(format!("{name}.{suffix}")));
            // A bias may be missing, everything else is asked for by name.
            let there = |(role, suffix): &&(&str, &str)| *role != "bias" || tensors.contains(format!("{name}.{suffix}").as_str());
            node.insert("weights".into(), Value::Object(roles.iter().filter(there).map(of).collect()));
        }
        before = name;
    }
    Ok(Value::Object(graph))
}

/// Says which tensors no node takes: a forgotten layer shows here.
fn unused(graph: &Value, tensors: &BTreeSet<&str>) -> Option<String> {
    let nodes = graph.get("nodes").and_then(Value::as_array);
    let taken: BTreeSet<&str> = nodes.into_iter().flatten().filter_map(|node| node.get("weights")?.as_object()).flat_map(|w| w.values().filter_map(Value::as_str)).collect();
    let left: Vec<String> = tensors.iter().filter(|t| !taken.contains(*t) && !t.ends_with(".num_batches_tracked")).map(|t| format!("`{}`", clipped(t))).collect();
    let more = if left.len() > 8 { ", ..." } else { "" };
    (!left.is_empty()).then(|| format!("{} of {} tensors are in no node: {}{more}", left.len(), tensors.len(), left[..left.len().min(8)].join(", ")))
}
