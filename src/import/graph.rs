//! An ONNX file as a graph: nodes with names for messages and typed attributes, constants, one input and one output.

use super::clipped;
use super::external::Folder;
use super::messages::{AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::tensor::{self, Constant, type_name};
use crate::error::{Error, Result};
use crate::network::shape::MAX_VALUES;
use prost::Message;
use std::collections::HashMap;
use std::rc::Rc;

/// What an import reads of a model.
pub struct Graph {
    /// In execution order.
    pub nodes: Vec<Node>,
    /// Initializers by name.
    pub constants: HashMap<String, Rc<Constant>>,
    /// The images' name, and lengths of its axes; `None` = open.
    pub input: (String, Vec<Option<usize>>),
    /// Name of the logits.
    pub output: String,
    /// How many nodes (and the graph's output) read each value.
    pub readers: HashMap<String, usize>,
}

/// One node.
pub struct Node {
    /// File, number, name and operation, for messages.
    pub place: String,
    /// Its name in the file; may be empty.
    pub name: String,
    /// The operation.
    pub op: String,
    /// Names of values; empty = left out.
    pub inputs: Vec<String>,
    /// Names of values.
    pub outputs: Vec<String>,
    attributes: HashMap<String, AttributeProto>,
    /// Version of ONNX's operations in this file.
    pub opset: i64,
    /// For tensors in attributes.
    folder: Rc<Folder>,
}

/// Largest count or size that an attribute may state, as in our own graphs.
const MAX_NUMBER: i64 = 1 << 20;

impl Node {
    /// An error about this node.
    pub fn refuse(&self, message: impl Into<String>) -> Error {
        Error::input(&self.place, message)
    }

    /// The value named in place `index`, if it is not left out.
    pub fn input(&self, index: usize) -> Option<&str> {
        self.inputs.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// True if the file states the attribute.
    pub fn has(&self, key: &str) -> bool {
        self.attributes.contains_key(key)
    }

    /// A whole number.
    pub fn int(&self, key: &str, missing: i64) -> i64 {
        self.attributes.get(key).map_or(missing, |a| a.i)
    }

    /// Whole numbers.
    pub fn ints(&self, key: &str) -> Option<&[i64]> {
        self.attributes.get(key).map(|a| a.ints.as_slice())
    }

    /// A number.
    pub fn float(&self, key: &str, missing: f32) -> f32 {
        self.attributes.get(key).map_or(missing, |a| a.f)
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<String> {
        self.attributes.get(key).map(|a| String::from_utf8_lossy(&a.s).into_owned())
    }

    /// A tensor.
    pub fn tensor(&self, key: &str) -> Result<Option<Constant>> {
        match self.attributes.get(key).and_then(|a| a.t.as_ref()) {
            Some(tensor) => tensor::read(tensor, &format!("{}: attribute `{key}`", self.place), &self.folder).map(Some),
            None => Ok(None),
        }
    }

    /// Counts of a list of `N`; `missing` where the file has none.
    pub fn counts<const N: usize>(&self, key: &str, missing: Option<[usize; N]>) -> Result<[usize; N]> {
        let list = match (self.ints(key), missing) {
            (None, Some(missing)) => return Ok(missing),
            (None, None) => return Err(self.refuse(format!("attribute `{key}` is missing"))),
            (Some(list), _) => list,
        };
        let counts: Vec<usize> = list.iter().filter(|n| (0..=MAX_NUMBER).contains(*n)).map(|&n| n as usize).collect();
        counts.try_into().map_err(|_| self.refuse(format!("{key} {:?}; supported: {N} numbers from 0 to {MAX_NUMBER}", list.iter().take(8).collect::<Vec<_>>())))
    }

    /// Refuses an attribute that is not among `known`: nothing that a file says is passed over in silence.
    pub fn knows_only(&self, known: &[&str]) -> Result<()> {
        match self.attributes.keys().filter(|key| !known.contains(&key.as_str())).min() {
            Some(key) => Err(self.refuse(format!("attribute `{}` is not supported; supported: {}", clipped(key), known.join(", ")))),
            None => Ok(()),
        }
    }
}

/// Largest file that is read: what a protocol buffer may be.
pub const LARGEST_FILE: u64 = (1 << 31) - 1;

/// Reads a model's bytes; `place` is the file's name in messages.
///
/// # Errors
/// Bytes that are no ONNX model, operations that are not ONNX's, more than one input or output, and what [`tensor::read`] refuses.
pub fn read(bytes: Vec<u8>, place: &str, folder: Folder) -> Result<Graph> {
    let len = bytes.len();
    let model = ModelProto::decode(prost::bytes::Bytes::from(bytes)).map_err(|e| {
        Error::input(place, format!("not a whole ONNX file ({len} bytes): {e}")).hint("was it copied or downloaded to its end?")
    })?;
    let at = |message: String| Error::input(place, message);
    let graph = model.graph.ok_or_else(|| at(format!("no graph in these {len} bytes")).hint("is it an ONNX model?"))?;
    let opset = model.opset_import.iter().find(|set| is_standard(&set.domain)).map_or(1, |set| set.version);
    let folder = Rc::new(folder);

    let mut constants = HashMap::new();
    for (index, tensor) in graph.initializer.into_iter().enumerate() {
        let tensor = TensorProto::decode(tensor).map_err(|e| at(format!("tensor {index} is broken: {e}")))?;
        let read = tensor::read(&tensor, &format!("{place}: tensor `{}`", clipped(&tensor.name)), &folder)?;
        constants.insert(tensor.name, Rc::new(read));
    }
    // Files of old versions list constants among the inputs.
    let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(|input| !constants.contains_key(&input.name)).collect();
    let names = |list: &[&ValueInfoProto]| list.iter().take(8).map(|v| format!("`{}`", clipped(&v.name))).collect::<Vec<_>>().join(", ");
    let [input] = inputs[..] else {
        return Err(at(format!("{} inputs ({}); one is needed: the images", inputs.len(), names(&inputs))));
    };
    let outputs: Vec<&ValueInfoProto> = graph.output.iter().collect();
    let [output] = outputs[..] else {
        return Err(at(format!("{} outputs ({}); one is needed: the logits", outputs.len(), names(&outputs))).hint("export the model so that it returns the logits alone"));
    };
    let mut readers: HashMap<String, usize> = HashMap::new();
    let mut nodes = Vec::with_capacity(graph.node.len());
    for (index, node) in graph.node.into_iter().enumerate() {
        let node = NodeProto::decode(node).map_err(|e| at(format!("node {index} is broken: {e}")))?;
        let name = if node.name.is_empty() { node.output.first().cloned().unwrap_or_default() } else { node.name.clone() };
        let place = format!("{place}: node {index} `{}` ({})", clipped(&name), clipped(&node.op_type));
        if !is_standard(&node.domain) {
            return Err(Error::input(place, format!("an operation of `{}`, not of ONNX itself", clipped(&node.domain)))
                .hint("export the model with ONNX's own operations only, before any optimiser of a runtime"));
        }
        for name in &node.input {
            *readers.entry(name.clone()).or_default() += 1;
        }
        if node.op_type.is_empty() || node.output.is_empty() {
            return Err(Error::input(place, "it has no operation or no output"));
        }
        let mut attributes = HashMap::new();
        for attribute in node.attribute.into_iter() {
            let attribute = AttributeProto::decode(attribute).map_err(|e| Error::input(&place, format!("an attribute is broken: {e}")))?;
            attributes.insert(attribute.name.clone(), attribute);
        }
        nodes.push(Node { place, name: node.name, op: node.op_type, inputs: node.input, outputs: node.output, attributes, opset, folder: folder.clone() });
    }
    *readers.entry(output.name.clone()).or_default() += 1;
    Ok(Graph { nodes, constants, input: (input.name.clone(), axes(input).map_err(at)?), output: output.name.clone(), readers })
}

/// ONNX's own operations have no domain, or this one.
fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// Lengths of the input's axes, `None` where the file leaves one open.
fn axes(input: &ValueInfoProto) -> std::result::Result<Vec<Option<usize>>, String> {
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let name = clipped(&input.name);
    if let Some(tensor) = tensor.filter(|t| t.elem_type != 1) {
        return Err(format!("the input `{name}` is {}; supported: float32", type_name(tensor.elem_type)));
    }
    let shape = tensor.and_then(|t| t.shape.as_ref()).ok_or_else(|| format!("the input `{name}` has no shape"))?;
    let length = |value: Option<i64>| match value {
        Some(n) if n > MAX_VALUES as i64 => Err(format!("the input `{name}` has an axis of {n}; at most {MAX_VALUES} values are taken")),
        Some(n) if n > 0 => Ok(Some(n as usize)),
        _ => Ok(None),
    };
    shape.dim.iter().map(|dim| length(dim.dim_value)).collect()
}
