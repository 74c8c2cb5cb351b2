//! Operations that move elements and change none.

use super::super::netgraph::{Activation, Builder, Value};
use super::super::tensor::Constant;
use super::super::constants;
use super::Inputs;
use crate::error::Result;
use crate::network::Op;
use std::rc::Rc;

/// `Flatten`, `Reshape`, `Squeeze`, `Unsqueeze`: other axes, the same elements.
pub fn reshape(inputs: &Inputs, builder: &Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["axis", "axes", "allowzero", "shape"])?;
    let value = inputs.activation(0)?;
    inputs.no_padding(&value)?;
    let second = inputs.optional(1)?;
    let dims = constants::reshaped(node, &value.dims, second.as_deref())?;
    if dims.first() != Some(&builder.batch) {
        return Err(node.refuse(format!("{:?} becomes {dims:?}: the first axis, the images, must stay {}", value.dims, builder.batch))
            .hint("reshape with -1 for the other axes, and export with the batch size that the shapes are written for"));
    }
    Ok(Value::Activation(Activation { dims, ..value }))
}

/// `Transpose`: a new order of the elements of each image.
pub fn transpose(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["perm"])?;
    let value = inputs.activation(0)?;
    inputs.no_padding(&value)?;
    let perm = constants::permutation(node, value.dims.len())?;
    if perm.first() != Some(&0) {
        return Err(node.refuse(format!("perm {perm:?}: the first axis, the images, must stay first")));
    }
    let shape = &value.dims[1..];
    builder.spend(node, shape.iter().product())?;
    let perm: Vec<usize> = perm[1..].iter().map(|axis| axis - 1).collect();
    let from = constants::transposed(shape, &perm);
    let order: Vec<u32> = match &value.order {
        Some(old) => from.iter().map(|&i| old[i]).collect(),
        None => from.iter().map(|&i| i as u32).collect(),
    };
    let same = order.iter().enumerate().all(|(i, &place)| i == place as usize);
    let dims = [&[builder.batch], perm.iter().map(|&axis| shape[axis]).collect::<Vec<_>>().as_slice()].concat();
    Ok(Value::Activation(Activation { source: value.source, dims, order: (!same).then(|| Rc::new(order)), pad: [0; 4] }))
}

/// `Pad` with zeros: of height and width it waits for the next convolution or pooling, of channels it is a node of ours.
pub fn pad(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["mode", "pads", "value"])?;
    let (mut value, [c, ..]) = inputs.image(0, builder)?;
    let (pads, fill, axes) = (inputs.optional(1)?, inputs.optional(2)?, inputs.optional(3)?);
    let mode = node.text("mode").unwrap_or_else(|| "constant".into());
    let fill = fill.map_or(node.float("value", 0.0), |c| c.floats().first().copied().unwrap_or(0.0));
    if mode != "constant" || fill != 0.0 {
        return Err(node.refuse(format!("mode `{}` with value {fill}; zeros (mode `constant`) are supported", super::super::clipped(&mode))));
    }
    let pads = match &pads {
        Some(constant) => constants::whole(node, constant)?.to_vec(),
        None => node.ints("pads").unwrap_or_default().to_vec(),
    };
    let axes = match &axes {
        Some(constant) => constants::whole(node, constant)?.iter().map(|&axis| constants::axis_of(node, axis, 4)).collect::<Result<Vec<_>>>()?,
        None => (0..4).collect(),
    };
    let mut around = [[0usize; 2]; 4];
    if pads.len() != 2 * axes.len() {
        return Err(node.refuse(format!("{} pads for {} axes", pads.len(), axes.len())));
    }
    for (i, &axis) in axes.iter().enumerate() {
        for end in 0..2 {
            let n = pads[i + end * axes.len()];
            around[axis][end] = usize::try_from(n).ok().filter(|&n| n <= 1 << 20).ok_or_else(|| node.refuse(format!("pads {n}; 0 to {} is supported", 1 << 20)))?;
        }
    }
    let [batch, channels, [top, bottom], [left, right]] = around;
    if batch != [0, 0] {
        return Err(node.refuse("padding adds images"));
    }
    if channels != [0, 0] {
        inputs.no_padding(&value)?;
        value.source = builder.push(node, &inputs.name(None), Op::PadChannels { before: channels[0], after: channels[1] }, vec![value.source])?;
        value.dims[1] = c + channels[0] + channels[1];
    }
    for (place, n) in [top, left, bottom, right].into_iter().enumerate() {
        value.pad[place] = value.pad[place].saturating_add(n);
        value.dims[2 + place % 2] = value.dims[2 + place % 2].saturating_add(n);
    }
    Ok(Value::Activation(value))
}

/// `Slice` that keeps every n-th row or column from the first on.
pub fn slice(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["starts", "ends", "axes"])?;
    let (image, [c, h, w]) = inputs.whole_image(0, builder)?;
    let constants = (0..node.inputs.len()).map(|i| if i == 0 { Ok(None) } else { inputs.optional(i) }).collect::<Result<Vec<_>>>()?;
    let mut stride = [1, 1];
    for (axis, [start, end, step]) in constants::cuts(node, &image.dims, &constants)? {
        let length = [builder.batch, c, h, w][axis] as i64;
        let whole = (start == 0 || start == -length || start == i64::MIN) && end >= length;
        match (whole, axis, usize::try_from(step)) {
            (true, _, Ok(1)) => {}
            (true, 2 | 3, Ok(step)) if step <= 1 << 20 => stride[axis - 2] = step,
            _ => {
                return Err(node.refuse(format!("{start} to {end} by {step} along axis {axis} of {:?}; every n-th row or column of the whole is supported", image.dims))
                    .hint("channel shuffles, splits and crops have no place in the graph: write them as convolutions, or leave them out"));
            }
        }
    }
    match stride {
        [1, 1] => Ok(Value::Activation(image)),
        stride => builder.push_natural(node, &inputs.name(None), Op::Subsample { stride }, vec![image.source]),
    }
}

/// `Concat` along channels.
pub fn concat(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["axis"])?;
    let mut sources = Vec::with_capacity(inputs.values.len());
    let mut rank = 4;
    for index in 0..inputs.values.len() {
        let value = inputs.activation(index)?;
        inputs.no_padding(&value)?;
        rank = value.dims.len();
        // A row of numbers may be an image of 1 x 1.
        let shape = builder.shape_of(value.source);
        let row = value.dims.len() == 2 && shape.len() == 3 && shape[1..] == [1, 1];
        if value.order.is_some() || !(row || value.dims[1..] == *shape) || shape.len() != 3 {
            return Err(inputs.not_as_made(&value, builder, "an image [N, C, H, W]"));
        }
        sources.push(value.source);
    }
    let axis = constants::axis_of(node, node.int("axis", 1), rank)?;
    if axis != 1 {
        return Err(node.refuse(format!("along axis {axis}; along channels, axis 1, is supported")));
    }
    let source = builder.push(node, &inputs.name(None), Op::Concat, sources)?;
    let channels = builder.shape_of(source)[0];
    Ok(match rank {
        2 => Value::Activation(Activation { source, dims: vec![builder.batch, channels], order: None, pad: [0; 4] }),
        _ => builder.natural(source),
    })
}

/// `Shape`: known, as the input's is.
pub fn shape(inputs: &Inputs) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["start", "end"])?;
    let dims: Vec<i64> = match inputs.values.first() {
        Some(Some(Value::Constant(constant))) => constant.shape.iter().map(|&n| n as i64).collect(),
        _ => inputs.activation(0)?.dims.iter().map(|&n| n as i64).collect(),
    };
    let rank = dims.len() as i64;
    let bound = |n: i64| (if n < 0 { n.saturating_add(rank) } else { n }).clamp(0, rank) as usize;
    let (start, end) = (bound(node.int("start", 0)), bound(node.int("end", rank)));
    Ok(Value::Constant(Rc::new(Constant::of_shape(dims[start..end.max(start)].to_vec()))))
}
