//! The layers of a network of ours, as a cost model sees them.

use super::shape::{Builder, NetworkShape, Value};
use crate::error::{Error, Result};
use crate::network::shape::Window;
use crate::network::{Network, Op, Source};

/// The shape of a network whose batch norms may stand for themselves or be folded already.
///
/// # Errors
/// A network without weights.
pub fn shape_of(network: &Network) -> Result<NetworkShape> {
    let mut net = Builder::new(&network.name, network.input_shape.map(|n| n as u64));
    for node in &network.nodes {
        let source = node.inputs.first().copied().unwrap_or(Source::Input);
        net.at(value(network.shape_of(source)));
        let output = value(&node.out_shape);
        match &node.op {
            Op::Conv2d { weight, bias, stride, pad, dilation, groups } => {
                let &[outputs, _, height, width] = weight.shape.as_slice() else {
                    return Err(Error::internal(format!("node `{}` has no weight of four axes", node.name)));
                };
                let window = Window { kernel: [height, width], stride: *stride, pad: *pad, dilation: *dilation };
                net.conv(&node.name, outputs as u64, window, *groups as u64, bias.is_some())?;
            }
            Op::Linear { bias, .. } => {
                net.linear(&node.name, output[0], bias.is_some());
            }
            Op::BatchNorm { .. } => {
                let folded = matches!(source, Source::Node(i) if matches!(network.nodes[i].op, Op::Conv2d { .. } | Op::Linear { .. }));
                net.norm(folded);
            }
            Op::Relu | Op::ClippedRelu { .. } => {
                net.relu();
            }
            Op::MaxPool { kernel, stride, pad } => {
                net.max_pool(&node.name, Window { kernel: *kernel, stride: *stride, pad: *pad, dilation: [1, 1] })?;
            }
            Op::AvgPool { kernel, stride, pad } => {
                net.average_pool(&node.name, Window { kernel: *kernel, stride: *stride, pad: *pad, dilation: [1, 1] })?;
            }
            Op::GlobalAvgPool => {
                net.global_pool();
            }
            Op::Flatten => {}
            Op::Add => {
                net.add();
            }
            Op::Concat | Op::Subsample { .. } | Op::PadChannels { .. } => {
                net.moved_to(output);
            }
        }
    }
    net.finish()
}

fn value(shape: &[usize]) -> Value {
    match *shape {
        [c, h, w] => [c as u64, h as u64, w as u64],
        _ => [shape.iter().product::<usize>() as u64, 1, 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_network() {
        let network = crate::embedded::network().expect("reads");
        let shape = shape_of(&network).expect("layers");
        assert_eq!(shape.macs(), network.macs());
        assert_eq!(shape.layers.len(), 7);
        assert_eq!(shape.layers.iter().map(|l| l.digital.scaled).sum::<u64>(), 0, "its batch norms follow convolutions");
    }
}
