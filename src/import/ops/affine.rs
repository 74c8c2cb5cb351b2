//! Operations that scale and shift channels: `BatchNormalization`, and `Add`, `Sub`, `Mul`, `Div` with constants. Also the sum of
//! activations.
//!
//! After a layer they are a batch normalisation of ours, which is folded into the layer when the network is quantised (a sum
//! alone is the layer's bias); on the input they are part of the preprocessing of pixels.

use super::super::netgraph::{Activation, Builder, Value};
use super::Inputs;
use crate::error::Result;
use crate::network::{Op, Source};

/// `BatchNormalization` in inference mode.
pub fn batch_normalization(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["epsilon", "momentum", "training_mode", "spatial", "is_test", "consumed_inputs"])?;
    if node.int("training_mode", 0) != 0 || node.int("spatial", 1) != 1 {
        return Err(node.refuse("statistics of the images at hand; fixed ones per channel are supported").hint("export in inference mode: model.eval()"));
    }
    let value = inputs.untransposed(0, builder)?;
    let channels = value.dims[1];
    let vector = |i: usize| inputs.vector(i, channels)?.ok_or_else(|| node.refuse(format!("input {i} is missing")));
    let (gamma, beta, mean, var) = (vector(1)?, vector(2)?, vector(3)?, vector(4)?);
    // 1e-5 and the like are stored as float32; the decimal number that was meant is the nearest short one.
    let eps = node.float("epsilon", 1e-5).to_string().parse().unwrap_or(1e-5);
    if value.source == Source::Input {
        let factor: Vec<f64> = gamma.iter().zip(&var).map(|(&g, &v)| f64::from(g) / (f64::from(v) + eps).sqrt()).collect();
        let shift = (0..channels).map(|c| f64::from(beta[c]) - f64::from(mean[c]) * factor[c]).collect();
        return preprocess(inputs, 0, value, Affine { factor, shift }, builder);
    }
    builder.push_natural(node, &inputs.name(Some(1)), Op::BatchNorm { gamma, beta, mean, var, eps }, vec![value.source])
}

/// y = factor x + shift, per channel.
struct Affine {
    factor: Vec<f64>,
    shift: Vec<f64>,
}

/// `Add`, `Sub`, `Mul`, `Div`, `Sum`.
pub fn arithmetic(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    node.knows_only(&["axis", "broadcast"])?;
    let constant = inputs.values.iter().position(|value| matches!(value, Some(Value::Constant(_))));
    match (constant, inputs.values.len()) {
        (None, _) if node.op == "Add" || node.op == "Sum" => sum(inputs, builder),
        (None, _) => Err(node.refuse(format!("`{}` of two activations is not supported; their sum is", node.op)).hint("gates and attention (squeeze-and-excitation) have no place on a crossbar: use a network without")),
        (Some(at), 2) => with_constant(inputs, at, builder),
        (Some(_), n) => Err(node.refuse(format!("{n} inputs, one of them a constant; two are supported"))),
    }
}

fn sum(inputs: &Inputs, builder: &mut Builder) -> Result<Value> {
    let mut sum = inputs.untransposed(0, builder)?;
    for index in 1..inputs.values.len() {
        let next = inputs.untransposed(index, builder)?;
        let source = builder.push(inputs.node, &inputs.name(None), Op::Add, vec![sum.source, next.source])?;
        sum = Activation { source, ..sum };
    }
    Ok(Value::Activation(sum))
}

fn with_constant(inputs: &Inputs, at: usize, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    let constant = inputs.constant(at)?;
    let value = inputs.untransposed(1 - at, builder)?;
    let channels = value.dims[1];
    // One value for all, or one for each channel: its axis must be the second of the activation's.
    let rank = constant.shape.len();
    let channel_axis = if node.int("broadcast", 0) == 1 { Some(0) } else { (rank + 1).checked_sub(value.dims.len()) };
    let per_channel = channel_axis.is_some_and(|axis| axis < rank && (0..rank).all(|i| constant.shape[i] == if i == axis { channels } else { 1 }));
    let values: Vec<f64> = match constant.floats()[..] {
        [one] => vec![f64::from(one); channels],
        ref all if per_channel => all.iter().map(|&v| f64::from(v)).collect(),
        _ => return Err(node.refuse(format!("a constant of shape {:?} with an activation of shape {:?}; one value for all or for each channel is supported", constant.shape, value.dims))),
    };
    let ones = || vec![1.0; channels];
    let negative = || values.iter().map(|v| -v).collect();
    let affine = match (node.op.as_str(), at) {
        ("Add" | "Sum", _) => Affine { factor: ones(), shift: values },
        ("Sub", 1) => Affine { factor: ones(), shift: negative() },
        ("Sub", _) => Affine { factor: vec![-1.0; channels], shift: values },
        ("Mul", _) => Affine { factor: values, shift: vec![0.0; channels] },
        ("Div", 1) => Affine { factor: values.iter().map(|v| 1.0 / v).collect(), shift: vec![0.0; channels] },
        _ => return Err(node.refuse("a constant divided by an activation is not supported")),
    };
    apply(inputs, 1 - at, value, affine, builder)
}

fn apply(inputs: &Inputs, at: usize, value: Activation, affine: Affine, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    let Source::Node(layer) = value.source else {
        return preprocess(inputs, at, value, affine, builder);
    };
    let only_reader = builder.readers(node, at) == 1;
    if let Op::Linear { bias, .. } | Op::Conv2d { bias, .. } = &mut builder.network.nodes[layer].op
        && only_reader
        && affine.factor.iter().all(|&f| f == 1.0)
    {
        let old = bias.take();
        *bias = Some(affine.shift.iter().enumerate().map(|(c, &b)| (old.as_ref().map_or(0.0, |old| f64::from(old[c])) + b) as f32).collect());
        return Ok(Value::Activation(value));
    }
    let [gamma, beta] = [&affine.factor, &affine.shift].map(|list| list.iter().map(|&v| v as f32).collect::<Vec<f32>>());
    let (mean, var) = (vec![0.0; gamma.len()], vec![1.0; gamma.len()]);
    builder.push_natural(node, &inputs.name(None), Op::BatchNorm { gamma, beta, mean, var, eps: 0.0 }, vec![value.source])
}

/// factor ((scale u8 - mean) / std) + shift = (scale u8 - (mean - shift std / factor)) / (std / factor)
fn preprocess(inputs: &Inputs, at: usize, value: Activation, affine: Affine, builder: &mut Builder) -> Result<Value> {
    let node = inputs.node;
    if builder.readers(node, at) != 1 {
        return Err(node.refuse("it scales or shifts the input, which other nodes take as it is"));
    }
    if affine.factor.iter().any(|&f| !(f > 0.0 && f.is_finite())) || affine.factor.len() != builder.network.input_shape[0] {
        return Err(node.refuse("it scales the input's channels; factors above 0 are supported"));
    }
    let p = &mut builder.network.preprocess;
    for (c, (factor, shift)) in affine.factor.iter().zip(&affine.shift).enumerate() {
        p.mean[c] -= shift * p.std[c] / factor;
        p.std[c] /= factor;
    }
    let mut name = inputs.name(None);
    name = super::super::clipped(&name);
    builder.notes.push(format!("`{name}` ({}) scales or shifts the input: it is now part of the pixels' preprocessing", node.op));
    Ok(Value::Activation(value))
}
