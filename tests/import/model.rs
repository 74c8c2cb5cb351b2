//! ONNX models made in memory, and what our network makes of an image.

use bwq::error::Result;
use bwq::import::external::Folder;
use bwq::import::messages::*;
use bwq::import::{Imported, Options, import_bytes};
use bwq::network::float;
use prost::Message;
use prost::bytes::Bytes;
use std::path::Path;

/// A model with the input `x` of `dims` (0 = open) and the output of the last node.
pub fn model(dims: &[i64], nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> ModelProto {
    let dim = dims.iter().map(|&n| DimensionProto { dim_value: (n > 0).then_some(n) }).collect();
    let r#type = Some(TypeProto { tensor_type: Some(TensorTypeProto { elem_type: 1, shape: Some(TensorShapeProto { dim }) }) });
    let output = nodes.last().and_then(|node| node.output.first()).cloned().unwrap_or_default();
    let graph = GraphProto {
        node: nodes.iter().map(|node| node.encode_to_vec().into()).collect(),
        initializer: constants.iter().map(|tensor| tensor.encode_to_vec().into()).collect(),
        input: vec![ValueInfoProto { name: "x".into(), r#type }],
        output: vec![ValueInfoProto { name: output, r#type: None }],
    };
    ModelProto { producer_name: "test".into(), graph: Some(graph), opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }] }
}

/// A node that makes `output`, and is called so.
pub fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    let input = inputs.iter().map(|s| s.to_string()).collect();
    let attribute = attribute.iter().map(|a| a.encode_to_vec().into()).collect();
    NodeProto { input, output: vec![output.into()], name: output.into(), op_type: op.into(), attribute, domain: String::new() }
}

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, ..AttributeProto::default() }
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), ints: ints.to_vec(), ..AttributeProto::default() }
}

pub fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: name.into(), s: Bytes::copy_from_slice(s.as_bytes()), ..AttributeProto::default() }
}

/// A float32 constant.
pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto { dims: dims.to_vec(), data_type: 1, name: name.into(), raw_data: raw.into(), ..TensorProto::default() }
}

/// An int64 constant with one axis.
pub fn longs(name: &str, values: &[i64]) -> TensorProto {
    TensorProto { dims: vec![values.len() as i64], data_type: 7, name: name.into(), int64_data: values.to_vec(), ..TensorProto::default() }
}

/// An int8 constant.
pub fn bytes(name: &str, dims: &[i64], values: &[i8]) -> TensorProto {
    let raw: Vec<u8> = values.iter().map(|&v| v as u8).collect();
    TensorProto { dims: dims.to_vec(), data_type: 3, name: name.into(), raw_data: raw.into(), ..TensorProto::default() }
}

/// Numbers that do not repeat soon, of about one.
pub fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect()
}

/// A 1 x 1 convolution `name` of `input` that leaves its `channels` as they are, and its weight: an import wants a layer.
pub fn same(input: &str, name: &str, channels: usize) -> (NodeProto, TensorProto) {
    let identity: Vec<f32> = (0..channels * channels).map(|i| if i % (channels + 1) == 0 { 1.0 } else { 0.0 }).collect();
    let weight = format!("{name}.weight");
    (node("Conv", &[input, &weight], name, Vec::new()), floats(&weight, &[channels as i64, channels as i64, 1, 1], &identity))
}

pub fn import(model: &ModelProto) -> Result<Imported> {
    import_with(model, &Options::default())
}

pub fn import_with(model: &ModelProto, options: &Options) -> Result<Imported> {
    import_bytes(model.encode_to_vec(), "m.onnx", Folder::of(Path::new("m.onnx")), options)
}

/// What the model makes of `image`, laid out as our network takes it.
pub fn outputs(model: &ModelProto, image: &[f32]) -> Vec<f32> {
    let network = import(model).unwrap_or_else(|e| panic!("{e}")).network;
    float::logits(&network, image)
}
