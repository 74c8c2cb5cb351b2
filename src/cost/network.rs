//! Where the network of a cost comes from: the program, its bundled layer tables, or a file.

use super::from_network::shape_of;
use super::shape::NetworkShape;
use super::zoo::{self, Published};
use crate::error::Result;
use crate::network::{Network, fold};
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
    /// Whether it is inside the program.
    pub is_embedded: bool,
}

/// The network of a name or path; `place` is where it was asked for.
///
/// # Errors
/// A name that is neither, a file that cannot be read, batch norms that cannot be folded.
pub fn find(name: &str, place: &str) -> Result<Subject> {
    let is_embedded = [EMBEDDED, EMBEDDED_BWQ_A].contains(&name);
    if let Some(bundled) = zoo::find(name) {
        return Ok(Subject { shape: bundled.shape()?, weights: None, published: bundled.published, is_embedded });
    }
    if !is_embedded && !Path::new(name).exists() {
        return Err(zoo::unknown(name, place));
    }
    let network = network_of(name)?;
    Ok(Subject { shape: shape_of(&network)?, weights: Some(fold::fold_batchnorm(&network)?), published: None, is_embedded })
}
