//! The layers whose weights are searched, and the windows of their inputs.

use crate::network::{Network, Op, Tensor};

/// A convolution or a fully connected layer of a network whose batch norms are folded.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'n> {
    /// Index of its node.
    pub node: usize,
    /// Name of its node.
    pub name: &'n str,
    /// `[output][row]`.
    pub weight: &'n Tensor,
    /// Rows of its matrix: inputs of one output.
    pub rows: usize,
    /// Outputs, of all channel groups.
    pub outputs: usize,
    /// Channel groups; each has inputs of its own.
    pub groups: usize,
    /// Positions of the window in one image.
    pub positions: usize,
}

/// The layers of a network, in execution order.
pub fn layers(network: &Network) -> Vec<Layer<'_>> {
    (0..network.nodes.len()).filter_map(|node| layer(network, node)).collect()
}

/// The layer of a node, if it has weights.
pub fn layer(network: &Network, node: usize) -> Option<Layer<'_>> {
    let of = &network.nodes[node];
    let (weight, groups) = match &of.op {
        Op::Conv2d { weight, groups, .. } => (weight, *groups),
        Op::Linear { weight, .. } => (weight, 1),
        _ => return None,
    };
    let outputs = weight.shape[0];
    Some(Layer { node, name: &of.name, weight, rows: weight.values.len() / outputs.max(1), outputs, groups, positions: of.out_shape[1..].iter().product() })
}

impl Layer<'_> {
    /// Outputs of one channel group.
    pub fn group_outputs(&self) -> usize {
        self.outputs / self.groups
    }

    /// The inputs of channel group `group` at the positions `at`, `[row][position]`, from the layer's whole input of one image.
    pub fn inputs(&self, network: &Network, group: usize, input: &[f32], at: &[usize]) -> Vec<f32> {
        let node = &network.nodes[self.node];
        let Op::Conv2d { weight, stride, pad, dilation, .. } = &node.op else { return input.to_vec() };
        let shape = network.shape_of(node.inputs[0]);
        let ([height, width], [kernel_height, kernel_width]) = ([shape[1], shape[2]], [weight.shape[2], weight.shape[3]]);
        let (channels, out_width) = (weight.shape[1], node.out_shape[2]);
        let mut columns = Vec::with_capacity(self.rows * at.len());
        for plane in input.chunks_exact(height * width).skip(group * channels).take(channels) {
            for (ky, kx) in (0..kernel_height).flat_map(|ky| (0..kernel_width).map(move |kx| (ky, kx))) {
                columns.extend(at.iter().map(|&position| {
                    let y = (position / out_width * stride[0] + ky * dilation[0]).checked_sub(pad[0]).filter(|&y| y < height);
                    let x = (position % out_width * stride[1] + kx * dilation[1]).checked_sub(pad[1]).filter(|&x| x < width);
                    y.zip(x).map_or(0.0, |(y, x)| plane[y * width + x])
                }));
            }
        }
        columns
    }
}
