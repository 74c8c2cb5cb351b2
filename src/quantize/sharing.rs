//! Which values of a network share one scale: tensors that only move values (pooling by maximum, strided copies, padding,
//! concatenation, flattening) have that of what they move, so that moving is exact.

use crate::network::{Network, Op};

/// Groups of values with one scale. A value is known by its position, see [`crate::network::Source::position`].
pub struct Sharing {
    /// Per position, the number of its group, which is the position of one of its values.
    pub group: Vec<usize>,
    /// Per position, whether the group of that number enters a crossbar, so that its integers have `activation_bits`.
    pub enters_crossbar: Vec<bool>,
}

/// Whether an operation changes no value.
pub fn moves_only(op: &Op) -> bool {
    matches!(op, Op::MaxPool { .. } | Op::Subsample { .. } | Op::PadChannels { .. } | Op::Concat | Op::Flatten)
}

impl Sharing {
    /// Of a network, its batch norms folded or not.
    pub fn new(network: &Network) -> Self {
        let nodes = &network.nodes;
        let mut group: Vec<usize> = (0..=nodes.len()).collect();
        for (index, node) in nodes.iter().enumerate().filter(|(_, node)| moves_only(&node.op)) {
            for source in &node.inputs {
                let (from, to) = (group[source.position()], group[index + 1]);
                group.iter_mut().filter(|g| **g == to).for_each(|g| *g = from);
            }
        }
        let enters = |g: usize| nodes.iter().any(|n| matches!(n.op, Op::Conv2d { .. } | Op::Linear { .. }) && group[n.inputs[0].position()] == g);
        let enters_crossbar = (0..=nodes.len()).map(enters).collect();
        Sharing { group, enters_crossbar }
    }
}
