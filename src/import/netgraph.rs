//! The network of ours that grows while the nodes of an ONNX graph are taken in turn.
//!
//! An activation of the ONNX graph is an output of a node of ours and how it looks there: lengths of its axes, and the order of
//! its elements where they were transposed. So reshaping, flattening and transposing cost nothing until an operation needs
//! them, and a linear layer takes elements in any order (its weight's columns are put in ours).

use super::clipped;
use super::constants;
use super::graph::{Graph, Node};
use super::ops;
use super::tensor::Constant;
use crate::error::{Error, Result};
use crate::network::shape::output_shape;
use crate::network::{Network, Node as OurNode, Op, Preprocess, Source};
use std::collections::HashMap;
use std::rc::Rc;

/// What a name of the ONNX graph stands for.
#[derive(Clone)]
pub enum Value {
    /// Known numbers.
    Constant(Rc<Constant>),
    /// Computed from the image.
    Activation(Activation),
}

/// A tensor that depends on the image.
#[derive(Clone)]
pub struct Activation {
    /// Where it comes from in our network.
    pub source: Source,
    /// Lengths of its axes in the ONNX graph, the batch first.
    pub dims: Vec<usize>,
    /// For each of its elements (of one image), the place of that element in our tensor; `None` = the same order.
    pub order: Option<Rc<Vec<u32>>>,
    /// Zeros around the image that wait for a convolution or a pooling: [top, left, bottom, right].
    pub pad: [usize; 4],
}

/// Our network so far, and what every name stands for.
pub struct Builder {
    /// Nodes so far.
    pub network: Network,
    /// What was done that a user should know, in words.
    pub notes: Vec<String>,
    /// Images that the ONNX graph takes at once; every activation's first axis.
    pub batch: usize,
    values: HashMap<String, Value>,
    output: String,
    readers: HashMap<String, usize>,
    /// Names that are taken, and how often each was asked for.
    names: HashMap<String, usize>,
    flattened: HashMap<Source, Source>,
    /// Values of constants and orders that may still be made.
    budget: usize,
}

/// Values that constants and orders may have in all, beyond a few times the file's own.
const BUDGET: usize = 1 << 24;

impl Builder {
    /// Begins with the input. `input_shape` is [C, H, W] of our images, `input` the same tensor as the ONNX graph sees it.
    pub fn new(name: String, input_shape: [usize; 3], preprocess: Preprocess, graph: &mut Graph, input: Activation) -> Self {
        let budget = BUDGET + 4 * graph.constants.values().map(|c| c.len()).sum::<usize>();
        let batch = input.dims.first().copied().unwrap_or(1);
        let mut values: HashMap<String, Value> = std::mem::take(&mut graph.constants).into_iter().map(|(name, c)| (name, Value::Constant(c))).collect();
        values.insert(graph.input.0.clone(), Value::Activation(input));
        Builder {
            network: Network { name, input_shape, preprocess, nodes: Vec::new() },
            notes: Vec::new(),
            batch,
            values,
            output: graph.output.clone(),
            readers: std::mem::take(&mut graph.readers),
            names: [("input".to_string(), 1)].into(),
            flattened: HashMap::new(),
            budget,
        }
    }

    /// Takes the next node.
    ///
    /// # Errors
    /// What the operation refuses; an input that no earlier node makes; a name that is made twice.
    pub fn take(&mut self, node: &Node) -> Result<()> {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for name in &node.inputs {
            inputs.push(match self.values.get(name) {
                _ if name.is_empty() => None,
                Some(value) => Some(value.clone()),
                None => return Err(node.refuse(format!("its input `{}` is made by no earlier node", clipped(name)))),
            });
        }
        let known = |value: &Option<Value>| match value {
            None => Some(None),
            Some(Value::Constant(constant)) => Some(Some(constant.clone())),
            Some(Value::Activation(_)) => None,
        };
        let value = match inputs.iter().map(known).collect::<Option<Vec<_>>>() {
            Some(constants) if constants::folds(&node.op) => {
                let constant = constants::evaluate(node, &constants)?;
                self.spend(node, constant.len())?;
                Value::Constant(Rc::new(constant))
            }
            _ => ops::translate(node, &inputs, self)?,
        };
        let Some(name) = node.outputs.first().filter(|name| !name.is_empty()) else {
            return Err(node.refuse("it has no output"));
        };
        match self.values.insert(name.clone(), value) {
            None => Ok(()),
            Some(_) => Err(node.refuse(format!("its output `{}` exists already", clipped(name)))),
        }
    }

    /// Counts values that are made, against a bound that no honest file comes near.
    pub fn spend(&mut self, node: &Node, values: usize) -> Result<()> {
        self.budget = self.budget.checked_sub(values).ok_or_else(|| node.refuse("constants that are rearranged again and again, far beyond the file's own size"))?;
        Ok(())
    }

    /// How many nodes read the value that `node` has in place `index`.
    pub fn readers(&self, node: &Node, index: usize) -> usize {
        node.input(index).and_then(|name| self.readers.get(name)).copied().unwrap_or(0)
    }

    /// True if `name` is the graph's output and no node reads it.
    pub fn ends_with(&self, name: &str) -> bool {
        name == self.output && self.readers.get(name) == Some(&1)
    }

    /// Shape of one image of our tensor.
    pub fn shape_of(&self, source: Source) -> &[usize] {
        self.network.shape_of(source)
    }

    /// Adds a node of ours called `name`, or nearly so if that is taken.
    ///
    /// # Errors
    /// Shapes that do not fit together.
    pub fn push(&mut self, node: &Node, name: &str, op: Op, inputs: Vec<Source>) -> Result<Source> {
        let shapes: Vec<&[usize]> = inputs.iter().map(|&source| self.shape_of(source)).collect();
        let out_shape = output_shape(&op, &shapes).map_err(|why| node.refuse(why))?;
        let name = self.unique(name);
        self.network.nodes.push(OurNode { name, op, inputs, out_shape, range: None });
        Ok(Source::Node(self.network.nodes.len() - 1))
    }

    /// `name`, with a number behind it if it is taken.
    fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_string();
        while self.names.contains_key(&unique) {
            let count = self.names.entry(name.to_string()).or_default();
            *count += 1;
            unique = format!("{name}_{count}");
        }
        self.names.insert(unique.clone(), 1);
        unique
    }

    /// The same, and its output as the ONNX graph sees it: the batch before our shape.
    pub fn push_natural(&mut self, node: &Node, name: &str, op: Op, inputs: Vec<Source>) -> Result<Value> {
        let source = self.push(node, name, op, inputs)?;
        Ok(self.natural(source))
    }

    /// A tensor of ours as the ONNX graph sees it where nothing was reshaped.
    pub fn natural(&self, source: Source) -> Value {
        let dims = [&[self.batch], self.shape_of(source)].concat();
        Value::Activation(Activation { source, dims, order: None, pad: [0; 4] })
    }

    /// The tensor flattened, by a node of its own unless it is flat or there is such a node.
    pub fn flat(&mut self, node: &Node, source: Source) -> Result<Source> {
        if self.shape_of(source).len() == 1 {
            return Ok(source);
        }
        if let Some(&flat) = self.flattened.get(&source) {
            return Ok(flat);
        }
        let name = match source {
            Source::Input => "input.flat".to_string(),
            Source::Node(index) => format!("{}.flat", self.network.nodes[index].name),
        };
        let flat = self.push(node, &name, Op::Flatten, vec![source])?;
        self.flattened.insert(source, flat);
        Ok(flat)
    }

    /// The network, which ends with the graph's output; nodes that do not lead there are left out.
    ///
    /// # Errors
    /// An output that is not one row of numbers for each image, or depends on no image.
    pub fn finish(mut self, place: &str) -> Result<(Network, Vec<String>)> {
        let at = |message: String| Error::input(place, message);
        let output = &std::mem::take(&mut self.output);
        let value = match self.values.remove(output) {
            Some(Value::Activation(value)) => value,
            Some(Value::Constant(_)) => return Err(at(format!("the output `{}` does not depend on the input", clipped(output)))),
            None => return Err(at(format!("the output `{}` is made by no node", clipped(output)))),
        };
        if value.order.is_some() || value.pad != [0; 4] || value.dims.iter().skip(2).any(|&n| n != 1) {
            return Err(at(format!("the output `{}` has shape {:?}; one row of logits for each image is needed", clipped(output), value.dims)));
        }
        let Source::Node(last) = value.source else {
            return Err(at("the output is the input".into()));
        };
        let mut needed = vec![false; self.network.nodes.len()];
        needed[last] = true;
        for index in (0..=last).rev() {
            if needed[index] {
                for source in &self.network.nodes[index].inputs {
                    if let Source::Node(earlier) = source {
                        needed[*earlier] = true;
                    }
                }
            }
        }
        let mut moved = vec![0; needed.len()];
        let mut nodes: Vec<OurNode> = Vec::new();
        for (index, mut node) in std::mem::take(&mut self.network.nodes).into_iter().enumerate().filter(|(index, _)| needed[*index]) {
            for source in &mut node.inputs {
                if let Source::Node(earlier) = source {
                    *earlier = moved[*earlier];
                }
            }
            moved[index] = nodes.len();
            nodes.push(node);
        }
        if let Some((name, values)) = nodes.last().filter(|node| node.out_shape.len() > 1).map(|node| (format!("{}.flat", node.name), node.out_shape.iter().product())) {
            let name = self.unique(&name);
            nodes.push(OurNode { name, op: Op::Flatten, inputs: vec![Source::Node(nodes.len() - 1)], out_shape: vec![values], range: None });
        }
        self.network.nodes = nodes;
        Ok((self.network, self.notes))
    }
}
