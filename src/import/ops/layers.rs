//! Operations with weights: `Conv`, `Gemm`, `MatMul`.

use super::super::netgraph::{Builder, Value};
use super::super::tensor::{Constant, Values};
use super::Inputs;
use crate::error::Result;
use crate::network::shape::Window;
use crate::network::{Op, Tensor};

/// `Conv`: weight [out, in / groups, kh, kw], as ours. Padding that waits at the image becomes its own.
pub fn conv(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"])?;
    let weight = inputs.constant(1)?;
    let &[outputs, _, kh, kw] = weight.shape.as_slice() else {
        return Err(node.refuse(format!("a weight of shape {:?}; convolutions over height and width are supported: [out, in / groups, kh, kw]", weight.shape)));
    };
    let (image, [_, h, w]) = inputs.image(0, builder)?;
    if node.counts("kernel_shape", Some([kh, kw]))? != [kh, kw] {
        return Err(node.refuse(format!("kernel_shape differs from the weight's shape {:?}", weight.shape)));
    }
    let window = Window { kernel: [kh, kw], stride: node.counts("strides", Some([1, 1]))?, pad: [0; 4], dilation: node.counts("dilations", Some([1, 1]))? };
    let [top, left, bottom, right] = image.pad;
    let own = padding(inputs, &window, [h + top + bottom, w + left + right])?;
    let pad = std::array::from_fn(|i| own[i] + image.pad[i]);
    let groups = usize::try_from(node.int("group", 1)).map_err(|_| node.refuse("a negative number of groups"))?;
    let op = Op::Conv2d { weight: tensor(inputs, &weight, 0)?, bias: inputs.vector(2, outputs)?, stride: window.stride, pad, dilation: window.dilation, groups };
    builder.push_natural(node, &inputs.name(Some(1)), op, vec![image.source])
}

/// Padding of a window by `pads` or by `auto_pad`, for an image of `size`.
pub fn padding(inputs: &Inputs, window: &Window, size: [usize; 2]) -> Result<[usize; 4]> {
    let node = inputs.node;
    match node.text("auto_pad").as_deref() {
        None | Some("NOTSET" | "") => node.counts("pads", Some([0; 4])),
        Some("VALID") => Ok([0; 4]),
        Some(same @ ("SAME_UPPER" | "SAME_LOWER")) => {
            let mut pad = [0; 4];
            for axis in 0..2 {
                let reach = (window.kernel[axis].max(1) - 1) * window.dilation[axis] + 1;
                let stride = window.stride[axis].max(1);
                let needed = ((size[axis].div_ceil(stride).max(1) - 1) * stride + reach).saturating_sub(size[axis]);
                let before = if same == "SAME_UPPER" { needed / 2 } else { needed.div_ceil(2) };
                (pad[axis], pad[axis + 2]) = (before, needed - before);
            }
            Ok(pad)
        }
        Some(other) => Err(node.refuse(format!("auto_pad `{}`; supported: NOTSET, VALID, SAME_UPPER, SAME_LOWER", super::super::clipped(other)))),
    }
}

/// `Gemm`: alpha x W' + beta b.
pub fn gemm(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["alpha", "beta", "transA", "transB", "broadcast"])?;
    if node.int("transA", 0) != 0 {
        return Err(node.refuse("transA = 1: the images would be summed over"));
    }
    let weight = inputs.constant(1)?;
    let weight = if node.int("transB", 0) == 0 { outputs_first(inputs, &weight)? } else { (*weight).clone() };
    let outputs = weight.shape.first().copied().unwrap_or(0);
    let bias = match inputs.optional(2)? {
        None => None,
        Some(bias) => {
            let values: Vec<f32> = bias.floats().iter().map(|b| b * node.float("beta", 1.0)).collect();
            match bias.shape[..] {
                [] | [1] | [1, 1] => Some(vec![values[0]; outputs]),
                [n] | [1, n] if n == outputs => Some(values),
                _ => return Err(node.refuse(format!("a bias of shape {:?} for {outputs} outputs", bias.shape))),
            }
        }
    };
    linear(inputs, &weight, node.float("alpha", 1.0), bias, builder)
}

/// `MatMul` with a constant [in, out] on the right.
pub fn matmul(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    inputs.node.knows_only(&[])?;
    let weight = outputs_first(inputs, &*inputs.constant(1)?)?;
    linear(inputs, &weight, 1.0, None, builder)
}

/// [in, out] -> [out, in].
fn outputs_first(inputs: &Inputs, weight: &Constant) -> Result<Constant> {
    let &[rows, outputs] = weight.shape.as_slice() else {
        return Err(inputs.node.refuse(format!("a weight of shape {:?}; [in, out] is needed", weight.shape)));
    };
    let from: Vec<usize> = (0..outputs).flat_map(|n| (0..rows).map(move |k| k * outputs + n)).collect();
    Ok(weight.rearranged(vec![outputs, rows], &from, |axis| 1 - axis.min(1)))
}

/// A linear layer with weight [out, in], the columns put in the order that the elements have in our network.
fn linear(inputs: &Inputs, weight: &Constant, factor: f32, bias: Option<Vec<f32>>, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    let value = inputs.activation(0)?;
    inputs.no_padding(&value)?;
    let (&[_, rows], &[outputs, columns]) = (value.dims.as_slice(), weight.shape.as_slice()) else {
        return Err(node.refuse(format!("an input of shape {:?} and a weight of shape {:?}; [N, in] and [in, out] are needed", value.dims, weight.shape)));
    };
    if rows != columns {
        return Err(node.refuse(format!("an input of shape {:?} for a weight of {columns} inputs and {outputs} outputs", value.dims)));
    }
    let mut weight = weight.clone();
    if let Some(order) = &value.order {
        let mut from: Vec<usize> = vec![0; outputs * rows];
        for output in 0..outputs {
            for (i, &ours) in order.iter().enumerate() {
                from[output * rows + ours as usize] = output * rows + i;
            }
        }
        weight = weight.rearranged(weight.shape.clone(), &from, |axis| axis);
    }
    let mut weight = tensor(inputs, &weight, 0)?;
    if factor != 1.0 {
        weight.values.iter_mut().for_each(|w| *w *= factor);
        weight.step = weight.step.map(|step| step.iter().map(|s| s * f64::from(factor)).collect());
        if weight.step.as_ref().is_some_and(|step| step.iter().any(|&s| s <= 0.0)) {
            return Err(node.refuse(format!("alpha {factor} with integer weights; above 0 is supported")));
        }
    }
    let source = builder.flat(node, value.source)?;
    builder.push_natural(node, &inputs.name(Some(1)), Op::Linear { weight, bias }, vec![source])
}

/// A constant as our weights, outputs along `axis`.
fn tensor(inputs: &Inputs, constant: &Constant, output_axis: usize) -> Result<Tensor> {
    match &constant.values {
        Values::Steps { integers, steps, axis } => {
            let outputs = constant.shape[output_axis];
            let step = match steps[..] {
                [one] => vec![one; outputs],
                _ if *axis == output_axis && steps.len() == outputs => steps.clone(),
                _ => return Err(inputs.node.refuse(format!("a scale for each place on axis {axis} of its weight; one for all or one for each output is supported"))),
            };
            Ok(Tensor::of_integers(constant.shape.clone(), integers, step))
        }
        Values::Integers(..) => Err(inputs.node.refuse("weights are whole numbers without a scale").hint("int8 weights come through DequantizeLinear, which has their scale")),
        Values::Floats(values) => Ok(Tensor::of_floats(constant.shape.clone(), values.clone())),
    }
}
