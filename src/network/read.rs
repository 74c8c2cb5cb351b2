//! Reads a network: a graph in JSON (format `netgraph-1`) and its weights, float32 or integers, in a `.safetensors` beside it.
//!
//! Every number is checked against the others before anything is computed with it, so that what comes out of here
//! runs: shapes fit, weights are finite, inputs are earlier nodes. What does not is refused with the node's index
//! and name, or the tensor's.

use super::fields::{Fields, clipped};
use super::weights::Weights;
use super::{Network, Node, Op, Preprocess, Source, shape};
use crate::error::{Error, Result};
use crate::{files, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub(super) const FORMAT: &str = "netgraph-1";

/// Reads `json` (or the only `.json` in that folder) and the `.safetensors` of the same stem beside it.
///
/// # Errors
/// A file that cannot be read, and whatever [`parse`] refuses.
pub fn read(json: &Path) -> Result<Network> {
    let json = &if json.is_dir() { only_graph(json)? } else { json.to_owned() };
    if json.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx")) {
        return Err(Error::input(json.display(), "this is an ONNX file").hint("turn it into our form first: bwq import MODEL.onnx -o DIR"));
    }
    let text = files::utf8(files::regular(json, u64::MAX)?, &json.display().to_string())?;
    let weights = json.with_extension("safetensors");
    let bytes = files::regular(&weights, u64::MAX).map_err(|e| e.hint("the weights lie beside the graph, under the same name"))?;
    parse_named(&text, &bytes, &json.display().to_string(), &weights.display().to_string())
}

/// Reads a network from memory; `place` is its name in messages.
///
/// # Errors
/// Broken JSON (with its line), a broken header of the weights, an unknown operation, key or input, a name used twice,
/// a tensor that is missing, of another type or shape or not finite, and shapes that do not fit together.
pub fn parse(json_text: &str, weights: &[u8], place: &str) -> Result<Network> {
    parse_named(json_text, weights, place, &format!("{place} (weights)"))
}

fn parse_named(json_text: &str, weights: &[u8], place: &str, weights_place: &str) -> Result<Network> {
    let value = json::parse(json_text, place)?;
    let weights = Weights::open(weights, weights_place)?;
    let at_top = |message: String| Error::input(place, message);

    let mut top = Fields::new(value, "the file").map_err(at_top)?;
    match top.text("format").map_err(at_top)? {
        format if format == FORMAT => {}
        other => return Err(at_top(format!("format `{}`; supported: `{FORMAT}`", clipped(&other)))),
    }
    let name = top.text("name").map_err(at_top)?;
    let input_shape = input_shape(&mut top).map_err(at_top)?;
    let preprocess = preprocess(&mut top, input_shape[0]).map_err(at_top)?;

    let mut network = Network { name, input_shape, preprocess, nodes: Vec::new() };
    let mut names = HashMap::new();
    for (index, value) in top.list("nodes").map_err(at_top)?.into_iter().enumerate() {
        let node = node(value, index, &network, &names, &weights, place)?;
        if node.name == "input" || names.insert(node.name.clone(), index).is_some() {
            return Err(at_top(format!("node {index} `{}`: the name is taken already", clipped(&node.name)))
                .hint("every node needs a name of its own; `input` is the network's input"));
        }
        network.nodes.push(node);
    }
    if network.nodes.is_empty() {
        return Err(at_top("the list of nodes is empty".into()));
    }
    Ok(network)
}

fn input_shape(top: &mut Fields) -> std::result::Result<[usize; 3], String> {
    let list = top.object("input")?.counts("shape").map_err(|e| format!("input: {e}"))?;
    let shape = list.as_slice().try_into().map_err(|_| format!("input.shape must be [C, H, W], not {list:?}"))?;
    shape::values(&list)?;
    Ok(shape)
}

fn preprocess(top: &mut Fields, channels: usize) -> std::result::Result<Preprocess, String> {
    let mut fields = top.object("preprocess")?;
    if let Some(layout) = fields.take("layout").filter(|layout| layout != "NCHW") {
        return Err(format!("preprocess.layout is {layout}; supported: \"NCHW\""));
    }
    let at = |e: String| format!("preprocess: {e}");
    let (scale, mean, std) = (fields.real("scale").map_err(at)?, fields.reals("mean").map_err(at)?, fields.reals("std").map_err(at)?);
    if mean.len() != channels || std.len() != channels {
        return Err(format!("preprocess: {} means and {} stds for {channels} input channels", mean.len(), std.len()));
    }
    if scale <= 0.0 || std.iter().any(|&s| s <= 0.0) {
        return Err("preprocess: `scale` and every `std` must be above 0".into());
    }
    // Normalised pixels must be finite in f32.
    if mean.iter().zip(&std).any(|(m, s)| [(-m) / s, (255.0 * scale - m) / s].iter().any(|x| !(*x as f32).is_finite())) {
        return Err("preprocess: a normalised pixel is too large for float32".into());
    }
    Ok(Preprocess { scale, mean, std })
}

fn node(
    value: serde_json::Value, index: usize, before: &Network, names: &HashMap<String, usize>, weights: &Weights, place: &str,
) -> Result<Node> {
    let at = |name: &str, message: String| Error::input(place, format!("node {index}{name}: {message}"));
    let mut fields = Fields::new(value, "a node").map_err(|e| at("", e))?;
    let name = fields.text("name").map_err(|e| at("", e))?;
    let quoted = format!(" `{}`", clipped(&name));
    let at = |message: String| at(&quoted, message);

    let kind = fields.text("op").map_err(at)?;
    if !Op::NAMES.contains(&kind.as_str()) {
        let error = at(format!("operation `{}` is not supported; supported: {}", clipped(&kind), Op::NAMES.join(", ")));
        return Err(match likely(&kind) {
            Some(op) => error.hint(format!("did you mean `{op}`?")),
            None => error,
        });
    }
    let mut inputs = Vec::new();
    for input in fields.texts("inputs").map_err(at)? {
        inputs.push(match (input.as_str(), names.get(&input)) {
            ("input", _) => Source::Input,
            (_, Some(&earlier)) => Source::Node(earlier),
            _ => {
                let hint = if input == name { "a node cannot be its own input" } else { "nodes stand in execution order; an input is `input` or an earlier node" };
                return Err(at(format!("input `{}` is not known here", clipped(&input))).hint(hint));
            }
        });
    }
    let tensors = match fields.take("weights") {
        Some(value) => Fields::new(value, "`weights`").map_err(at)?,
        None => Fields::new(serde_json::json!({}), "`weights`").map_err(at)?,
    };
    let op = operation(&kind, &mut fields, tensors, weights, &at)?;

    let shapes: Vec<&[usize]> = inputs.iter().map(|&source| before.shape_of(source)).collect();
    let out_shape = shape::output_shape(&op, &shapes).map_err(at)?;
    if fields.take("out_shape").is_some_and(|stated| stated != serde_json::json!(out_shape)) {
        return Err(at(format!("`out_shape` in the file differs from what follows from its inputs, {out_shape:?}"))
            .hint("check stride, padding and the weight's shape"));
    }
    if let (Some(stated), Op::Conv2d { weight, .. } | Op::Linear { weight, .. }) = (fields.take("weight_shape"), &op)
        && stated != serde_json::json!(weight.shape)
    {
        return Err(at(format!("`weight_shape` in the file differs from the weight's, {:?}", weight.shape)));
    }
    // For people only; they follow from the rest.
    for key in ["matrix", "macs"] {
        fields.take(key);
    }
    let range = activation_range(&mut fields).map_err(at)?;
    fields.finish(&format!("`{kind}`")).map_err(|e| at(e).hint("remove the key, or check its spelling and the operation it is meant for"))?;
    Ok(Node { name, op, inputs, out_shape, range })
}

/// [lowest, highest] value of a node's output, if the file says.
fn activation_range(fields: &mut Fields) -> std::result::Result<Option<[f64; 2]>, String> {
    if !fields.has("activation_range") {
        return Ok(None);
    }
    match fields.reals("activation_range")?[..] {
        [low, high] if low <= 0.0 && high >= 0.0 && high - low >= f64::from(f32::MIN_POSITIVE) && high - low <= f64::from(f32::MAX) => Ok(Some([low, high])),
        ref other => Err(format!("activation_range {other:?}; [lowest, highest] with 0 between them or at an end")),
    }
}

/// Takes the keys and tensors of one operation.
fn operation(
    kind: &str, fields: &mut Fields, mut tensors: Fields, weights: &Weights, at: &dyn Fn(String) -> Error,
) -> Result<Op> {
    let op = match kind {
        "conv2d" => Op::Conv2d {
            weight: weights.weight(&mut tensors, at)?,
            bias: weights.optional(&mut tensors, "bias", at)?,
            stride: fields.pair("stride", Some([1, 1])).map_err(at)?,
            pad: fields.pad("pad").map_err(at)?,
            dilation: fields.pair("dilation", Some([1, 1])).map_err(at)?,
            groups: fields.count_or("groups", 1).map_err(at)?,
        },
        "linear" => Op::Linear { weight: weights.weight(&mut tensors, at)?, bias: weights.optional(&mut tensors, "bias", at)? },
        "batchnorm" => {
            let mut vector = |key| weights.vector(&mut tensors, key, at);
            let (gamma, beta, mean, var) = (vector("gamma")?, vector("beta")?, vector("mean")?, vector("var")?);
            let eps = fields.real("eps").map_err(at)?;
            if eps < 0.0 || var.iter().any(|&v| v < 0.0 || f64::from(v) + eps <= 0.0) {
                return Err(at(format!("`eps` is {eps} and the least `var` is {:?}; no var may be negative, and var + eps must be above 0",
                    var.iter().copied().fold(f32::INFINITY, f32::min))));
            }
            Op::BatchNorm { gamma, beta, mean, var, eps }
        }
        "maxpool" | "avgpool" => {
            let kernel = fields.pair("kernel", None).map_err(at)?;
            let (stride, pad) = (fields.pair("stride", Some(kernel)).map_err(at)?, fields.pad("pad").map_err(at)?);
            if kind == "maxpool" { Op::MaxPool { kernel, stride, pad } } else { Op::AvgPool { kernel, stride, pad } }
        }
        "subsample" => Op::Subsample { stride: fields.pair("stride", None).map_err(at)? },
        "pad_channels" => Op::PadChannels { before: fields.count("before").map_err(at)?, after: fields.count("after").map_err(at)? },
        "relu" => Op::Relu,
        "relu6" => Op::ClippedRelu { high: 6.0 },
        "clipped_relu" => match fields.real("high").map_err(at)? as f32 {
            high if high.is_normal() && high > 0.0 => Op::ClippedRelu { high },
            high => return Err(at(format!("`high` is {high}; a number above 0 is needed"))),
        },
        "global_avgpool" => Op::GlobalAvgPool,
        "flatten" => Op::Flatten,
        "add" => Op::Add,
        "concat" => Op::Concat,
        other => return Err(Error::internal(format!("operation `{other}` is listed and not read"))),
    };
    tensors.finish(&format!("`weights` of `{kind}`")).map_err(at)?;
    Ok(op)
}

/// The operation that another spelling (`Conv`, `MaxPool2d`, `BatchNormalization`) likely means.
fn likely(given: &str) -> Option<&'static str> {
    let bare = |s: &str| s.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect::<String>();
    let given = bare(given);
    let close = |op: &&&str| {
        let op = bare(op);
        given == op || (given.len() >= 4 && op.len() >= 4 && (given.starts_with(&op) || op.starts_with(&given)))
    };
    match given.as_str() {
        "gemm" | "dense" | "fc" | "matmul" => Some("linear"),
        "globalaveragepool" => Some("global_avgpool"),
        "averagepool" => Some("avgpool"),
        _ => Op::NAMES.iter().find(|op| bare(op) == given).or_else(|| Op::NAMES.iter().find(close)).copied(),
    }
}

fn only_graph(folder: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, "read the folder", &e))?;
    let has_weights = |path: &PathBuf| path.extension().is_some_and(|e| e == "json") && path.with_extension("safetensors").is_file();
    let mut graphs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(has_weights).collect();
    graphs.sort();
    match graphs.len() {
        1 => Ok(graphs.remove(0)),
        n => Err(Error::input(folder.display(), format!("{n} networks (.json with .safetensors) in this folder; one is needed"))
            .hint("name the .json file")),
    }
}
