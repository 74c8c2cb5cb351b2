//! Writes a network as [`super::read`] reads it: the graph as JSON (`netgraph-1`) and the weights as safetensors.
//!
//! Weights that are integers are written as such (I16) with what one is worth (F64), so that what is read again is
//! equal to the last bit.

use super::{Network, Node, Op, Source, Tensor};
use crate::error::{Error, Result};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Map, Value, json};

/// The two files of a network.
pub struct Files {
    /// The graph, `NAME.json`.
    pub graph: String,
    /// The weights, `NAME.safetensors`.
    pub weights: Vec<u8>,
}

/// A tensor's name, type, shape and bytes.
type Bytes = (String, Dtype, Vec<usize>, Vec<u8>);

/// The files of `network`.
///
/// # Errors
/// None that a network which was read can cause.
pub fn files(network: &Network) -> Result<Files> {
    let mut tensors: Vec<Bytes> = Vec::new();
    let nodes: Vec<Value> = network.nodes.iter().map(|node| of_node(node, network, &mut tensors)).collect();
    let p = &network.preprocess;
    let graph = json!({
        "format": super::read::FORMAT,
        "name": network.name,
        "input": { "shape": network.input_shape },
        "preprocess": { "layout": "NCHW", "scale": p.scale, "mean": p.mean, "std": p.std },
        "nodes": nodes,
    });
    let internal = |e: String| Error::internal(format!("network `{}` cannot be written: {e}", network.name));
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(*dtype, shape.clone(), bytes).map_err(|e| internal(e.to_string()))?)));
    let weights = safetensors::serialize(views.collect::<Result<Vec<_>>>()?, None).map_err(|e| internal(e.to_string()))?;
    Ok(Files { graph: serde_json::to_string_pretty(&graph).map_err(|e| internal(e.to_string()))? + "\n", weights })
}

fn of_node(node: &Node, network: &Network, tensors: &mut Vec<Bytes>) -> Value {
    let mut keys = Map::new();
    let mut put = |key: &str, value: Value| keys.insert(key.into(), value);
    let inputs: Vec<&str> = node.inputs.iter().map(|source| match source {
        Source::Input => "input",
        Source::Node(index) => network.nodes[*index].name.as_str(),
    }).collect();
    put("name", json!(node.name));
    put("op", json!(node.op.name()));
    put("inputs", json!(inputs));
    let mut roles = Map::new();
    let mut floats = |role: &str, values: &[f32]| {
        let name = format!("{}.{role}", node.name);
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        tensors.push((name.clone(), Dtype::F32, vec![values.len()], bytes));
        roles.insert(role.into(), json!(name));
    };
    match &node.op {
        Op::Conv2d { bias, .. } | Op::Linear { bias, .. } => {
            if let Some(bias) = bias {
                floats("bias", bias);
            }
        }
        Op::BatchNorm { gamma, beta, mean, var, .. } => {
            [("gamma", gamma), ("beta", beta), ("mean", mean), ("var", var)].into_iter().for_each(|(role, values)| floats(role, values));
        }
        _ => {}
    }
    match &node.op {
        Op::Conv2d { weight, stride, pad, dilation, groups, .. } => {
            of_weight(&node.name, weight, tensors, &mut roles);
            put("stride", json!(stride));
            put("pad", json!(pad));
            put("dilation", json!(dilation));
            put("groups", json!(groups));
        }
        Op::Linear { weight, .. } => of_weight(&node.name, weight, tensors, &mut roles),
        Op::BatchNorm { eps, .. } => drop(put("eps", json!(eps))),
        Op::MaxPool { kernel, stride, pad } | Op::AvgPool { kernel, stride, pad } => {
            put("kernel", json!(kernel));
            put("stride", json!(stride));
            put("pad", json!(pad));
        }
        Op::Subsample { stride } => drop(put("stride", json!(stride))),
        Op::ClippedRelu { high } if *high != 6.0 => drop(put("high", json!(high))),
        Op::PadChannels { before, after } => {
            put("before", json!(before));
            put("after", json!(after));
        }
        Op::Relu | Op::ClippedRelu { .. } | Op::GlobalAvgPool | Op::Flatten | Op::Add | Op::Concat => {}
    }
    if !roles.is_empty() {
        put("weights", Value::Object(roles));
    }
    if let Some(range) = node.range {
        put("activation_range", json!(range));
    }
    put("out_shape", json!(node.out_shape));
    Value::Object(keys)
}

/// The weight of layer `layer`: floats, or integers and their scale.
fn of_weight(layer: &str, weight: &Tensor, tensors: &mut Vec<Bytes>, roles: &mut Map<String, Value>) {
    let name = format!("{layer}.weight");
    match (weight.integers(), &weight.step) {
        (Some(integers), Some(step)) => {
            let scale = format!("{layer}.weight_scale");
            tensors.push((name.clone(), Dtype::I16, weight.shape.clone(), integers.iter().flat_map(|&n| (n as i16).to_le_bytes()).collect()));
            tensors.push((scale.clone(), Dtype::F64, vec![step.len()], step.iter().flat_map(|s| s.to_le_bytes()).collect()));
            roles.insert("weight_scale".into(), json!(scale));
        }
        _ => tensors.push((name.clone(), Dtype::F32, weight.shape.clone(), weight.values.iter().flat_map(|v| v.to_le_bytes()).collect())),
    }
    roles.insert("weight".into(), json!(name));
}
