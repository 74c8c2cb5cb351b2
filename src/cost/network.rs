//! Where the network of a cost comes from: the program, its bundled layer tables, or a file.

use super::from_network::shape_of;
use super::shape::NetworkShape;
use super::zoo::{self, Published};
use crate::embedded;
use crate::error::Result;
use crate::network::{Network, Op, fold};
use crate::sweep::materials::{EMBEDDED, EMBEDDED_BWQ_A, network_of};
use std::path::Path;

/// A network to be counted.
#[derive(Debug)]
pub struct Subject {
    /// Its layers.
    pub shape: NetworkShape,
    /// Its weights with batch norms folded, where it has any.
    pub weights: Option<Network>,
    /// What the paper's Table II has for it.
    pub published: Option<Published>,
    /// Bits of an activation that it was trained for, where that is known.
    pub activation_bits: Option<u32>,
    /// Whether it is inside the program, and so are images of its.
    pub is_embedded: bool,
}

impl Subject {
    /// Whether its weights are integers, whose bits are known without rounding.
    pub fn has_integers(&self) -> bool {
        let given = |op: &Op| !matches!(op, Op::Conv2d { weight, .. } | Op::Linear { weight, .. } if weight.step.is_none());
        self.weights.as_ref().is_some_and(|network| network.nodes.iter().all(|node| given(&node.op)))
    }
}

/// The network of a name or path; `place` is where it was asked for.
///
/// # Errors
/// A name that is neither, a file that cannot be read, batch norms that cannot be folded.
pub fn find(name: &str, place: &str) -> Result<Subject> {
    if let Some(bundled) = zoo::find(name) {
        return Ok(Subject { shape: bundled.shape()?, weights: None, published: bundled.published, activation_bits: None, is_embedded: false });
    }
    let is_embedded = [EMBEDDED, EMBEDDED_BWQ_A].contains(&name);
    if !is_embedded && !Path::new(name).exists() {
        return Err(zoo::unknown(name, place));
    }
    let network = network_of(name)?;
    let activation_bits = (name == EMBEDDED_BWQ_A).then_some(embedded::BWQ_A_ACTIVATION_BITS);
    Ok(Subject { activation_bits, is_embedded, ..of(&network, fold::fold_batchnorm(&network)?)? })
}

/// A network at hand, as it was read and with its batch norms folded.
///
/// # Errors
/// A network without weights.
pub fn of(network: &Network, folded: Network) -> Result<Subject> {
    Ok(Subject { shape: shape_of(network)?, weights: Some(folded), published: None, activation_bits: None, is_embedded: false })
}
