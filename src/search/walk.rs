//! The calibration images on their way through the float network and, beside it, the quantised one, node by node.
//!
//! A layer is quantised when its inputs are there in both. Its target is what the float network's layer gives; where its
//! output is then added to another branch that is there already, the target takes that branch's error along, with the sign
//! turned: the sum is what should be right.

use super::layer::{Layer, layer};
use super::statistics::{Samples, Statistics};
use crate::error::Result;
use crate::network::{Network, Op, Tensor, float};
use rayon::prelude::*;

/// Most positions of one image that are looked at of a layer.
pub const POSITIONS: usize = 64;
/// Images of a portion of the statistics.
const PORTION: usize = 8;

/// A layer's new weight and bias.
pub struct Replacement {
    /// Weight.
    pub weight: Tensor,
    /// Bias.
    pub bias: Vec<f32>,
}

/// Says what takes the place of a layer's weight, from the statistics of each of its channel groups.
pub type Replace<'a> = dyn FnMut(&Layer, &[Statistics]) -> Result<Option<Replacement>> + 'a;

/// One value of the graph for all images, `[image]`.
type Values = Vec<Vec<f32>>;

/// What is known while walking: position 0 is the input, i + 1 the output of node i.
struct Walk<'n> {
    network: &'n Network,
    float: Vec<Values>,
    quantised: Vec<Values>,
}

/// Walks the normalised `images` through `network` (batch norms folded); `replace` gets each layer with the statistics of each of
/// its channel groups, and may give it another weight. Returns the network of replaced layers.
///
/// # Errors
/// Those of `replace`.
pub fn walk(network: &Network, images: &[Vec<f32>], replace: &mut Replace) -> Result<Network> {
    let nodes = &network.nodes;
    let mut result = network.clone();
    let mut last_use = vec![0; nodes.len() + 1];
    for (index, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|source| last_use[source.position()] = index);
    }
    let none = || vec![Values::new(); nodes.len() + 1];
    let mut walk = Walk { network, float: none(), quantised: none() };
    walk.float[0] = images.to_vec();
    walk.quantised[0] = images.to_vec();
    for index in 0..nodes.len() {
        walk.float[index + 1] = outputs(network, index, &walk.float);
        if let Some(layer) = layer(network, index) {
            let statistics: Vec<Statistics> = (0..layer.groups).map(|group| walk.statistics(&layer, group)).collect();
            if let Some(new) = replace(&layer, &statistics)? {
                put(&mut result, index, new);
            }
        }
        walk.quantised[index + 1] = outputs(&result, index, &walk.quantised);
        for at in nodes[index].inputs.iter().map(|source| source.position()).filter(|&at| last_use[at] == index) {
            walk.float[at] = Values::new();
            walk.quantised[at] = Values::new();
        }
    }
    Ok(result)
}

/// Puts a new weight and bias into a layer.
pub fn put(network: &mut Network, node: usize, new: Replacement) {
    if let Op::Conv2d { weight, bias, .. } | Op::Linear { weight, bias } = &mut network.nodes[node].op {
        *weight = new.weight;
        *bias = Some(new.bias);
    }
}

/// The output of a node for every image.
fn outputs(network: &Network, index: usize, values: &[Values]) -> Values {
    let node = &network.nodes[index];
    let packed = float::pack(node);
    let one = |image: usize| {
        let inputs: Vec<(&[f32], &[usize])> = node.inputs.iter().map(|s| (values[s.position()][image].as_slice(), network.shape_of(*s))).collect();
        float::compute(node, &inputs, &packed)
    };
    (0..values[node.inputs[0].position()].len()).into_par_iter().map(one).collect()
}

impl Walk<'_> {
    fn statistics(&self, layer: &Layer, group: usize) -> Statistics {
        let images = self.float[layer.node + 1].len();
        let input = self.network.nodes[layer.node].inputs[0].position();
        let branch = self.other_branch(layer.node);
        let portion = |portion: usize| {
            let range = portion * PORTION..images.min((portion + 1) * PORTION);
            let parts: Vec<Samples> = range.map(|image| {
                let at = positions(layer.positions, image);
                Samples { inputs: layer.inputs(self.network, group, &self.quantised[input][image], &at), targets: self.targets(layer, group, image, branch, &at) }
            }).collect();
            // [line][image][position]
            let joined = |lines: usize, of: fn(&Samples) -> &[f32]| {
                let line = |line: usize, values: &[f32]| values.chunks_exact(values.len() / lines).nth(line).unwrap_or_default().to_vec();
                (0..lines).flat_map(|i| parts.iter().flat_map(move |part| line(i, of(part)))).collect()
            };
            Samples { inputs: joined(layer.rows, |s| &s.inputs), targets: joined(layer.group_outputs(), |s| &s.targets) }
        };
        Statistics::new(layer.rows, layer.group_outputs(), images.div_ceil(PORTION), &portion)
    }

    /// Wanted outputs of a channel group, `[output][position]`.
    fn targets(&self, layer: &Layer, group: usize, image: usize, branch: Option<usize>, at: &[usize]) -> Vec<f32> {
        let wanted = |index: usize| {
            let own = self.float[layer.node + 1][image][index];
            branch.map_or(own, |b| own + (self.float[b][image][index] - self.quantised[b][image][index]))
        };
        let first = group * layer.group_outputs();
        (first..first + layer.group_outputs()).flat_map(|output| at.iter().map(move |p| output * layer.positions + p)).map(wanted).collect()
    }

    /// The branch that a node's output is added to, if it is there.
    fn other_branch(&self, node: usize) -> Option<usize> {
        let add = self.network.nodes.iter().find(|n| n.op == Op::Add && n.inputs.iter().any(|s| s.position() == node + 1))?;
        let other = add.inputs.iter().map(|source| source.position()).find(|&at| at != node + 1)?;
        (!self.quantised[other].is_empty()).then_some(other)
    }
}

/// Positions of one image: all, or one out of each of [`POSITIONS`] equal stretches, another one for each image.
pub fn positions(count: usize, image: usize) -> Vec<usize> {
    if count <= POSITIONS {
        return (0..count).collect();
    }
    // Stretches of coprime stride: a fixed sequence that favours no place.
    let stretch = count / POSITIONS;
    (0..POSITIONS).map(|i| i * stretch + (image * 7 + i * 13) % stretch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_different_ones_of_each_stretch() {
        assert_eq!(positions(5, 3), [0, 1, 2, 3, 4]);
        for image in 0..20 {
            let at = positions(1000, image);
            assert_eq!(at.len(), POSITIONS);
            assert!(at.windows(2).all(|w| w[0] < w[1]) && at[POSITIONS - 1] < 1000);
        }
        assert_ne!(positions(1024, 0), positions(1024, 1));
    }
}
