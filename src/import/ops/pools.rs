//! Poolings: `MaxPool`, `AveragePool`, their global forms, and `ReduceMean` over height and width.

use super::super::netgraph::{Activation, Builder, Value};
use super::super::constants;
use super::{Inputs, layers};
use crate::error::Result;
use crate::network::shape::Window;
use crate::network::{Op, Source};

/// `MaxPool` and `AveragePool`.
pub fn window(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "storage_order", "strides"])?;
    let (image, [_, h, w]) = inputs.image(0, builder)?;
    let kernel = node.counts("kernel_shape", None)?;
    let window = Window { kernel, stride: node.counts("strides", Some([1, 1]))?, pad: [0; 4], dilation: [1, 1] };
    if node.counts("dilations", Some([1, 1]))? != [1, 1] {
        return Err(node.refuse("a pooling window with gaps (dilations) is not supported"));
    }
    if window.stride.contains(&0) {
        return Err(node.refuse("a stride of 0"));
    }
    let size = [h + image.pad[0] + image.pad[2], w + image.pad[1] + image.pad[3]];
    let stated = layers::padding(inputs, &window, size)?;
    let extra = if node.int("ceil_mode", 0) == 0 { [0, 0] } else { std::array::from_fn(|axis| ceil_extra(&window, stated, size, axis)) };
    let name = inputs.name(None);
    let waiting = image.pad != [0; 4];
    let pad = [stated[0] + image.pad[0], stated[1] + image.pad[1], stated[2] + image.pad[2] + extra[0], stated[3] + image.pad[3] + extra[1]];
    if node.op == "MaxPool" {
        // Zeros around an image that is nowhere below zero lose against it, as nothing does: ours are minus infinity.
        let not_negative = matches!(image.source, Source::Node(i) if matches!(builder.network.nodes[i].op, Op::Relu | Op::ClippedRelu { .. }));
        if waiting && !not_negative {
            return Err(node.refuse("zeros around an image that may be below zero: a maximum would see them").hint("pad in the pooling itself"));
        }
        return builder.push_natural(node, &name, Op::MaxPool { kernel, stride: window.stride, pad }, vec![image.source]);
    }
    // Ours divides by the whole window, padding included.
    if extra != [0, 0] || (stated != [0; 4] && node.int("count_include_pad", 0) == 0) {
        return Err(node.refuse("windows at the border are divided by fewer values than others (ceil_mode, or padding that is not counted); not supported")
            .hint("use count_include_pad = True and ceil_mode = False, or a size that the stride divides"));
    }
    builder.push_natural(node, &name, Op::AvgPool { kernel, stride: window.stride, pad }, vec![image.source])
}

/// Rows or columns after the image that make the last window whole, which `ceil_mode` keeps; a window begins within the image
/// or the padding before it.
fn ceil_extra(window: &Window, pad: [usize; 4], size: [usize; 2], axis: usize) -> usize {
    let padded = size[axis] + pad[axis] + pad[axis + 2];
    let (kernel, stride) = (window.kernel[axis], window.stride[axis]);
    let Some(room) = padded.checked_sub(kernel) else { return 0 };
    let last = room.div_ceil(stride) * stride;
    let last = if last >= size[axis] + pad[axis] { last - stride } else { last };
    (last + kernel).saturating_sub(padded)
}

/// `GlobalAveragePool`, `GlobalMaxPool`, and `ReduceMean` over height and width.
pub fn global(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["axes", "keepdims", "noop_with_empty_axes"])?;
    let (image, [c, h, w]) = inputs.whole_image(0, builder)?;
    let mut keeps = true;
    if node.op == "ReduceMean" {
        let listed = inputs.optional(1)?;
        let listed = match listed.as_deref() {
            Some(constant) => Some(constants::whole(node, constant)?.to_vec()),
            None => node.ints("axes").map(<[i64]>::to_vec),
        };
        let axes = listed.iter().flatten().map(|&axis| constants::axis_of(node, axis, 4)).collect::<Result<Vec<_>>>()?;
        if axes.len() != 2 || !axes.contains(&2) || !axes.contains(&3) {
            return Err(node.refuse(format!("a mean over axes {:?}; over height and width, [2, 3], is supported", listed.unwrap_or_default())));
        }
        keeps = node.int("keepdims", 1) != 0;
    }
    let op = if node.op == "GlobalMaxPool" { Op::MaxPool { kernel: [h, w], stride: [1, 1], pad: [0; 4] } } else { Op::GlobalAvgPool };
    let source = builder.push(node, &inputs.name(None), op, vec![image.source])?;
    let dims = if keeps { vec![builder.batch, c, 1, 1] } else { vec![builder.batch, c] };
    Ok(Value::Activation(Activation { source, dims, order: None, pad: [0; 4] }))
}
