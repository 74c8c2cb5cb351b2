//! `QuantizeLinear` and `DequantizeLinear`: integer weights with their scale are taken as they are, ranges of activations
//! become ranges of the nodes that make them. A range that begins at 0 is a ReLU as well: quantisers leave out the one before.

use super::super::netgraph::{Activation, Builder, Value};
use super::super::tensor::{Constant, Eight, Values};
use super::super::constants;
use super::Inputs;
use crate::error::Result;
use crate::network::{LARGEST_INTEGER, Op, Source};
use std::rc::Rc;

/// Both; which of them, and of what, tells the node.
pub fn linear(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["axis", "saturate", "output_dtype", "precision", "block_size"])?;
    if node.int("block_size", 0) != 0 {
        return Err(node.refuse("scales of blocks are not supported; one for all or one for each output is"));
    }
    match (inputs.values.first(), node.op.as_str()) {
        (Some(Some(Value::Constant(_))), "DequantizeLinear") => weights(inputs),
        (Some(Some(Value::Constant(_))), _) => Err(node.refuse("a constant that is quantised when the network runs").hint("fold constants when exporting, so that weights are stored as integers")),
        (_, "QuantizeLinear") => range(inputs, builder),
        _ => Ok(Value::Activation(inputs.activation(0)?)),
    }
}

/// (q - zero) scale of constants.
fn weights(inputs: &Inputs) -> Result<Value> {
    let node = inputs.node;
    let (data, scale, zero) = (inputs.constant(0)?, inputs.constant(1)?, inputs.optional(2)?);
    let axis = if scale.len() == 1 { 0 } else { constants::axis_of(node, node.int("axis", 1), data.shape.len())? };
    let places = data.shape.get(axis).copied().unwrap_or(1);
    let steps: Vec<f64> = scale.floats().iter().map(|&s| f64::from(s)).collect();
    if steps.len() != 1 && steps.len() != places {
        return Err(node.refuse(format!("{} scales for an axis of {places}", steps.len())));
    }
    if steps.iter().any(|&s| !(s.is_normal() && s > 0.0)) {
        return Err(node.refuse("a scale that is not above 0"));
    }
    let zeros = match &zero {
        Some(zero) => constants::whole(node, zero)?.to_vec(),
        None => vec![0],
    };
    if zeros.len() != 1 && zeros.len() != places {
        return Err(node.refuse(format!("{} zero points for an axis of {places}", zeros.len())));
    }
    let inner: usize = data.shape.iter().skip(axis + 1).product();
    let numbers = constants::whole(node, &data)?.iter().enumerate();
    let numbers: Vec<i64> = numbers.map(|(i, &n)| n.saturating_sub(if zeros.len() == 1 { zeros[0] } else { zeros[i / inner.max(1) % places.max(1)] })).collect();
    let largest = numbers.iter().map(|n| n.unsigned_abs()).max().unwrap_or(0);
    let integers = numbers.iter().map(|&n| i32::try_from(n)).collect::<std::result::Result<Vec<i32>, _>>();
    match (integers, &data.values) {
        (Ok(integers), Values::Integers(_, Eight::Signed | Eight::Unsigned)) if largest <= LARGEST_INTEGER as u64 => Ok(Value::Constant(Rc::new(Constant { shape: data.shape.clone(), values: Values::Steps { integers, steps, axis } }))),
        // Biases are integers of 32 bits; ours are floats.
        (Ok(integers), _) => {
            let exact = Constant { shape: data.shape.clone(), values: Values::Steps { integers, steps, axis } };
            Ok(Value::Constant(Rc::new(Constant { shape: exact.shape.clone(), values: Values::Floats(exact.floats()) })))
        }
        (Err(_), _) => Err(node.refuse("an integer that 32 bits do not hold")),
    }
}

/// What the integers of an activation span is the range of the node that makes it.
fn range(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    let value = inputs.activation(0)?;
    let (scale, zero) = (inputs.constant(1)?, inputs.optional(2)?);
    let (least, largest) = match zero.as_deref().map(|z| (&z.values, z.floats())) {
        None => (0.0, 255.0),
        Some((Values::Integers(_, eight @ (Eight::Signed | Eight::Unsigned)), zero)) if zero.len() == 1 => {
            let least = if *eight == Eight::Signed { -128.0 } else { 0.0 };
            (least - f64::from(zero[0]), least + 255.0 - f64::from(zero[0]))
        }
        Some(_) => return Err(node.refuse("integers of another type or scales per channel; one scale with 8 bits is supported")),
    };
    let (&[scale], true) = (scale.floats().as_slice(), scale.len() == 1) else {
        return Err(node.refuse(format!("a scale of shape {:?}; one for the whole activation is supported", scale.shape)));
    };
    let range = [least * f64::from(scale), largest * f64::from(scale)];
    let alone = builder.readers(node, 0) == 1;
    match value.source {
        Source::Node(_) if least == 0.0 => Ok(Value::Activation(Activation { source: from_zero(inputs, value.source, alone, range, builder)?, ..value })),
        Source::Node(index) if alone => {
            builder.network.nodes[index].range = Some(range);
            Ok(Value::Activation(value))
        }
        // The input's range follows from its pixels; a value that others take as it is, is calibrated.
        _ => Ok(Value::Activation(value)),
    }
}

/// The value with its ends at 0 and at the range's: in the ReLU that makes it, by a node of its own, or as it is if it ends there.
fn from_zero(inputs: &Inputs, source: Source, alone: bool, range: [f64; 2], builder: &mut Builder) -> Result<Source> {
    let high = range[1] as f32;
    let mut maker = source;
    while let Source::Node(index) = maker {
        let made = &mut builder.network.nodes[index];
        match &mut made.op {
            Op::ClippedRelu { high: end } if *end <= high => return Ok(source),
            op @ (Op::Relu | Op::ClippedRelu { .. }) if maker == source && alone => {
                *op = Op::ClippedRelu { high };
                made.range = Some(range);
                return Ok(source);
            }
            // These change no value.
            Op::MaxPool { .. } | Op::Flatten | Op::Subsample { .. } => maker = made.inputs[0],
            _ => break,
        }
    }
    let clipped = builder.push(inputs.node, &inputs.name(None), Op::ClippedRelu { high }, vec![source])?;
    if let Source::Node(index) = clipped {
        builder.network.nodes[index].range = Some(range);
    }
    Ok(clipped)
}
