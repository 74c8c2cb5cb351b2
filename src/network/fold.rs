//! Batch normalisation into the weights: what follows a convolution or a linear layer becomes part of it, so that
//! only products, biases and simple operations are left.
//!
//! y = gamma (w x + b - mean) / sqrt(var + eps) + beta = (w s) x + (b - mean) s + beta with s = gamma / sqrt(var + eps);
//! computed in f64 and rounded to f32 once.

use super::{Network, Node, Op, Source};
use crate::error::{Error, Result};

/// The same network without batch normalisation. The folded layer keeps its own name and takes the place of the
/// normalisation in the order of execution.
///
/// # Errors
/// A normalisation that does not directly follow a convolution or linear layer of which it is the only consumer, and
/// a folded weight too large for float32.
pub fn fold_batchnorm(network: &Network) -> Result<Network> {
    let consumers = network.consumers();
    // The layer that a normalisation goes into, for every node that is one.
    let mut layer_of = vec![None; network.nodes.len()];
    let mut swallowed = vec![false; network.nodes.len()];
    for (index, node) in network.nodes.iter().enumerate() {
        if let Op::BatchNorm { .. } = node.op {
            let layer = layer_before(network, node, &consumers).map_err(|why| {
                Error::input(&network.name, format!("node {index} `{}`: this batch normalisation cannot be folded: {why}", node.name))
                    .hint("a crossbar has no place for it: train it into a convolution before it, or write it as a 1 x 1 convolution with one group per channel")
            })?;
            layer_of[index] = Some(layer);
            swallowed[layer] = true;
        }
    }

    let mut nodes: Vec<Node> = Vec::new();
    let mut moved = vec![0; network.nodes.len()];
    for (index, node) in network.nodes.iter().enumerate() {
        if swallowed[index] {
            continue;
        }
        let mut node = match layer_of[index] {
            Some(layer) => folded(&network.nodes[layer], node)
                .map_err(|message| Error::input(&network.name, format!("node {index} `{}`: {message}", node.name)))?,
            None => node.clone(),
        };
        for source in &mut node.inputs {
            if let Source::Node(earlier) = source {
                *earlier = moved[*earlier];
            }
        }
        moved[index] = nodes.len();
        nodes.push(node);
    }
    Ok(Network { nodes, ..network.clone() })
}

fn layer_before(network: &Network, node: &Node, consumers: &[usize]) -> std::result::Result<usize, String> {
    let &[Source::Node(layer)] = node.inputs.as_slice() else {
        return Err("it follows the network's input".into());
    };
    let before = &network.nodes[layer];
    match before.op {
        Op::Conv2d { .. } | Op::Linear { .. } if consumers[layer] == 1 => Ok(layer),
        Op::Conv2d { .. } | Op::Linear { .. } => {
            Err(format!("`{}` before it feeds {} nodes, the normalisation must be the only one", before.name, consumers[layer]))
        }
        _ => Err(format!("it follows `{}` ({}), not a conv2d or linear", before.name, before.op.name())),
    }
}

/// `layer` with the normalisation `norm` in its weight and bias.
fn folded(layer: &Node, norm: &Node) -> std::result::Result<Node, String> {
    let mut layer = layer.clone();
    layer.range = norm.range; // what leaves the layer is what left the normalisation
    let (Op::Conv2d { weight, bias, .. } | Op::Linear { weight, bias }, Op::BatchNorm { gamma, beta, mean, var, eps }) =
        (&mut layer.op, &norm.op)
    else {
        return Ok(layer);
    };
    let old = bias.take();
    let mut shifts = Vec::with_capacity(gamma.len());
    let rows = weight.values.len() / gamma.len();
    for (channel, row) in weight.values.chunks_exact_mut(rows).enumerate() {
        let scale = f64::from(gamma[channel]) / (f64::from(var[channel]) + eps).sqrt();
        let was = old.as_ref().map_or(0.0, |bias| f64::from(bias[channel]));
        shifts.push(((was - f64::from(mean[channel])) * scale + f64::from(beta[channel])) as f32);
        row.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
        // Integers stay; a negative factor turns their signs. A factor of zero leaves zeros, of which any step will do.
        if let Some(step) = weight.step.as_mut().filter(|_| scale != 0.0) {
            step[channel] *= scale.abs();
        }
        if row.iter().chain(shifts.last()).any(|w| !w.is_finite()) {
            return Err(format!("folded into `{}`, channel {channel} is too large for float32", layer.name));
        }
    }
    *bias = Some(shifts);
    Ok(layer)
}
