//! `Relu`, `Clip`, `Softmax`, and what changes nothing at inference.

use super::super::netgraph::{Builder, Value};
use super::Inputs;
use crate::error::Result;
use crate::network::Op;

/// `Relu`, or `Clip` from 0.
pub fn clip(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["min", "max", "consumed_inputs"])?;
    let bound = |place: usize, key: &str, missing: f32| match (node.op.as_str(), inputs.optional(place)?) {
        ("Relu", _) => Ok(missing),
        (_, Some(constant)) if constant.len() == 1 => Ok(constant.floats()[0]),
        (_, Some(constant)) => Err(node.refuse(format!("{key} has shape {:?}; one number is needed", constant.shape))),
        (_, None) => Ok(node.float(key, missing)),
    };
    let (low, high) = if node.op == "Relu" { (0.0, f32::INFINITY) } else { (bound(1, "min", f32::NEG_INFINITY)?, bound(2, "max", f32::INFINITY)?) };
    if low != 0.0 || high.is_nan() || high <= 0.0 {
        return Err(node.refuse(format!("from {low} to {high}; supported: from 0 to a number above it, or without an end")).hint("train with an activation that begins at 0"));
    }
    let mut value = inputs.activation(0)?;
    inputs.no_padding(&value)?;
    // Element by element: it does not matter how they are arranged.
    let op = if high >= f32::MAX { Op::Relu } else { Op::ClippedRelu { high } };
    value.source = builder.push(node, &inputs.name(None), op, vec![value.source])?;
    Ok(Value::Activation(value))
}

/// `Softmax` or `LogSoftmax` at the end, which leave the largest logit the largest.
pub fn softmax(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["axis"])?;
    let value = inputs.activation(0)?;
    let classes = value.dims.get(1).copied().unwrap_or(0);
    let axis = node.int("axis", if node.opset < 13 { 1 } else { -1 });
    let over_classes = axis == 1 || (axis == -1 && value.dims.len() == 2);
    if !over_classes || value.dims.iter().skip(1).product::<usize>() != classes {
        return Err(node.refuse(format!("over axis {axis} of {:?}; over the classes of [N, classes] is supported", value.dims)));
    }
    if node.outputs.first().is_none_or(|name| !builder.ends_with(name)) {
        return Err(node.refuse("something follows it; at the end it can be left out, elsewhere not").hint("attention has no place on a crossbar: use a network of convolutions and linear layers"));
    }
    builder.notes.push(format!("`{}` at the end is left out: the class with the largest value stays the same", node.op));
    Ok(Value::Activation(value))
}

/// `Identity`, `Dropout` in inference mode, and `Cast` between floats.
pub fn pass(inputs: &Inputs) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["to", "saturate", "ratio", "seed", "is_test", "round_mode"])?;
    if node.op == "Dropout" && inputs.optional(2)?.is_some_and(|training| training.floats().iter().any(|&v| v != 0.0)) {
        return Err(node.refuse("training mode").hint("export in inference mode: model.eval()"));
    }
    if node.op == "Cast" && !matches!(node.int("to", 0), 1 | 11) {
        return Err(node.refuse(format!("activations as {}; float32 is supported", super::super::tensor::type_name(node.int("to", 0) as i32))));
    }
    Ok(Value::Activation(inputs.activation(0)?))
}
