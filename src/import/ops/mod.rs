//! The operations of ONNX that a network of ours is made of, one file per family.
//!
//! To add an operation: an arm in [`translate`], its name in [`SUPPORTED`], a function in the file of its family, a case in
//! `tests/import/operations.rs`.

mod activations;
mod affine;
mod layers;
mod pools;
mod quantised;
mod shapes;

use super::clipped;
use super::graph::Node;
use super::netgraph::{Activation, Builder, Value};
use super::tensor::Constant;
use crate::error::{Error, Result};
use std::rc::Rc;

/// What is taken; operations of constants alone are more: `constants::folds`.
const SUPPORTED: &str = "Add, AveragePool, BatchNormalization, Cast, Clip, Concat, Conv, DequantizeLinear, Div, Dropout, Flatten, Gemm, GlobalAveragePool, \
GlobalMaxPool, Identity, LogSoftmax, MatMul, MaxPool, Mul, Pad, QuantizeLinear, ReduceMean, Relu, Reshape, Shape, Slice, Softmax, Squeeze, Sub, Sum, \
Transpose, Unsqueeze";

/// The value that `node` makes of its inputs, of which at least one depends on the image (or nothing folds it).
///
/// # Errors
/// What is not supported, with what could be done.
pub fn translate(node: &Node, inputs: &[Option<Value>], builder: &mut Builder) -> Result<Value> {
    let inputs = Inputs { node, values: inputs };
    match node.op.as_str() {
        "Conv" => layers::conv(&inputs, builder),
        "Gemm" => layers::gemm(&inputs, builder),
        "MatMul" => layers::matmul(&inputs, builder),
        "BatchNormalization" => affine::batch_normalization(&inputs, builder),
        "Add" | "Sub" | "Mul" | "Div" | "Sum" => affine::arithmetic(&inputs, builder),
        "Relu" | "Clip" => activations::clip(&inputs, builder),
        "Softmax" | "LogSoftmax" => activations::softmax(&inputs, builder),
        "Identity" | "Dropout" | "Cast" => activations::pass(&inputs),
        "MaxPool" | "AveragePool" => pools::window(&inputs, builder),
        "GlobalAveragePool" | "GlobalMaxPool" | "ReduceMean" => pools::global(&inputs, builder),
        "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" => shapes::reshape(&inputs, builder),
        "Transpose" => shapes::transpose(&inputs, builder),
        "Pad" => shapes::pad(&inputs, builder),
        "Slice" => shapes::slice(&inputs, builder),
        "Concat" => shapes::concat(&inputs, builder),
        "Shape" => shapes::shape(&inputs),
        "QuantizeLinear" | "DequantizeLinear" => quantised::linear(&inputs, builder),
        other => Err(unsupported(node, other)),
    }
}

fn unsupported(node: &Node, op: &str) -> Error {
    let hint = match op {
        "LeakyRelu" | "PRelu" | "Elu" | "Selu" | "Celu" | "Gelu" | "Sigmoid" | "HardSigmoid" | "HardSwish" | "Swish" | "Mish" | "Tanh" | "Softplus" | "Softsign" | "ThresholdedRelu" => {
            "activations are Relu and Clip from 0: train the network with one of these"
        }
        "InstanceNormalization" | "LayerNormalization" | "GroupNormalization" | "LpNormalization" | "LRN" => "norms that follow the image have no place on a crossbar: train with batch normalisation",
        "QLinearConv" | "QLinearMatMul" | "QLinearAdd" | "ConvInteger" | "MatMulInteger" | "DynamicQuantizeLinear" => "quantise in QDQ form (QuantizeLinear, DequantizeLinear), or import the float model",
        "If" | "Loop" | "Scan" => "export with inputs of fixed shape, in inference mode, so that nothing is left to decide",
        "ConvTranspose" | "Resize" | "Upsample" => "classifiers are simulated: no operation makes an image larger",
        "LSTM" | "GRU" | "RNN" | "Attention" | "Einsum" => "networks of convolutions and linear layers are simulated",
        "ArgMax" | "TopK" => "export the model so that it returns the logits",
        _ => "",
    };
    let error = node.refuse(format!("operation `{}` is not supported; supported: {SUPPORTED}", clipped(op)));
    if hint.is_empty() { error.hint("remove it from the model, or write it with supported operations, and export again") } else { error.hint(hint) }
}

/// The inputs of a node, by kind.
struct Inputs<'a> {
    node: &'a Node,
    values: &'a [Option<Value>],
}

impl Inputs<'_> {
    /// The activation in place `index`.
    fn activation(&self, index: usize) -> Result<Activation> {
        match self.values.get(index) {
            Some(Some(Value::Activation(activation))) => Ok(activation.clone()),
            Some(Some(Value::Constant(_))) => Err(self.node.refuse(format!("input {index} is a constant; it must depend on the image"))),
            _ => Err(self.node.refuse(format!("input {index} is missing"))),
        }
    }

    /// The constant in place `index`, if there is something.
    fn optional(&self, index: usize) -> Result<Option<Rc<Constant>>> {
        match self.values.get(index) {
            Some(Some(Value::Constant(constant))) => Ok(Some(constant.clone())),
            Some(Some(Value::Activation(_))) => Err(self.node.refuse(format!("input {index} `{}` depends on the image; a constant is needed", clipped(self.node.input(index).unwrap_or(""))))
                .hint("export in inference mode, so that weights and shapes are constants")),
            _ => Ok(None),
        }
    }

    /// The constant in place `index`.
    fn constant(&self, index: usize) -> Result<Rc<Constant>> {
        self.optional(index)?.ok_or_else(|| self.node.refuse(format!("input {index} is missing")))
    }

    /// The numbers of a constant with one axis of `len` (or with none of it, if it is left out).
    fn vector(&self, index: usize, len: usize) -> Result<Option<Vec<f32>>> {
        let Some(constant) = self.optional(index)? else { return Ok(None) };
        match constant.shape[..] {
            [n] if n == len => Ok(Some(constant.floats())),
            _ => Err(self.node.refuse(format!("input {index} has shape {:?}; [{len}] is needed", constant.shape))),
        }
    }

    /// The activation in place `index` as an image of our network: [C, H, W], not transposed; padding may wait at it.
    fn image(&self, index: usize, builder: &Builder) -> Result<(Activation, [usize; 3])> {
        let value = self.activation(index)?;
        let [top, left, bottom, right] = value.pad;
        if let (&[c, h, w], &[_, dc, dh, dw], None) = (builder.shape_of(value.source), value.dims.as_slice(), &value.order)
            && [dc, dh, dw] == [c, h + top + bottom, w + left + right]
        {
            return Ok((value, [c, h, w]));
        }
        Err(self.not_as_made(&value, builder, "an image [N, C, H, W]"))
    }

    /// The same without padding.
    fn whole_image(&self, index: usize, builder: &Builder) -> Result<(Activation, [usize; 3])> {
        let (value, shape) = self.image(index, builder)?;
        self.no_padding(&value)?;
        Ok((value, shape))
    }

    /// An activation that no operation has transposed; flattened in our network, too, if it has one axis beside the batch.
    fn untransposed(&self, index: usize, builder: &mut Builder) -> Result<Activation> {
        let mut value = self.activation(index)?;
        self.no_padding(&value)?;
        if value.order.is_none() && value.dims.len() == 2 {
            value.source = builder.flat(self.node, value.source)?;
        }
        match value.order.is_none() && value.dims[1..] == *builder.shape_of(value.source) {
            true => Ok(value),
            false => Err(self.not_as_made(&value, builder, "[N, C, H, W] or [N, C]")),
        }
    }

    fn no_padding(&self, value: &Activation) -> Result<()> {
        match value.pad {
            [0, 0, 0, 0] => Ok(()),
            pad => Err(self.node.refuse(format!("its input was padded by {pad:?} before; padding may stand before a Conv or a pooling only"))),
        }
    }

    fn not_as_made(&self, value: &Activation, builder: &Builder, needed: &str) -> Error {
        let transposed = if value.order.is_some() { ", transposed" } else { "" };
        self.node.refuse(format!("its input has shape {:?}{transposed} (in our network {:?}); {needed} is needed, channels first, as it was made", value.dims, builder.shape_of(value.source)))
            .hint("transposing and reshaping may stand before a linear layer, where the weights are put in order, or cancel out")
    }

    /// A name for the layer: the module's, where the weight's name or the node's tells it.
    fn name(&self, weight: Option<usize>) -> String {
        let node = self.node;
        let of_weight = weight.and_then(|i| node.input(i)).and_then(|name| name.strip_suffix(".weight"));
        let output = node.outputs.first().map_or("", String::as_str);
        [of_weight.unwrap_or(""), &module_path(&node.name, &node.op), output, &node.op].into_iter().find(|name| !name.is_empty()).unwrap_or("node").to_string()
    }
}

/// The module that a node called `/layer1/layer1.0/conv1/Conv_1` is of, as PyTorch names it: `layer1.0.conv1`. Another name stays.
fn module_path(name: &str, op: &str) -> String {
    let Some(path) = name.strip_prefix('/') else { return name.to_string() };
    let (path, last) = path.rsplit_once('/').unwrap_or(("", path));
    if last.strip_prefix(op).is_none_or(|rest| !rest.chars().all(|c| c == '_' || c.is_ascii_digit())) || path.is_empty() {
        return last.to_string();
    }
    let parts: Vec<&str> = path.split('/').collect();
    // A list of modules stands twice: as itself and before the number of its element.
    let repeated = |i: usize| parts.get(i + 1).is_some_and(|next| next.strip_prefix(parts[i]).is_some_and(|rest| rest.starts_with('.')));
    (0..parts.len()).filter(|&i| !repeated(i)).map(|i| parts[i]).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::module_path;

    #[test]
    fn modules_have_the_names_that_pytorch_gives_them() {
        assert_eq!(module_path("/layer1/layer1.0/conv1/Conv", "Conv"), "layer1.0.conv1");
        assert_eq!(module_path("/features/features.17/conv/conv.1/conv.1.2/Clip", "Clip"), "features.17.conv.1.2");
        assert_eq!(module_path("/layer1/layer1.0/relu_1/Relu", "Relu"), "layer1.0.relu_1");
        assert_eq!(module_path("/Add_3", "Add"), "Add_3");
        assert_eq!(module_path("node_relu_1", "Relu"), "node_relu_1");
        assert_eq!(module_path("conv1", "Conv"), "conv1");
    }
}
