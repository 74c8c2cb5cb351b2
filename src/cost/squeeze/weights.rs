//! The magnitudes that a network's weights have in cells.

use super::Cells;
use super::consecutive::nearest;
use crate::config::WeightScale;
use crate::cost::designs::Squeeze;
use crate::cost::scheme::Scheme;
use crate::network::Network;
use crate::quantize::weights::{integers_of, magnitude_bits};
use crate::search::layer::layers;

/// Magnitudes of `weight_bits` bits of every layer: the file's own integers, or weights rounded with one scale for a layer; then, where
/// the design wants few consecutive bits, the nearest such magnitudes.
///
/// # Errors
/// A layer's own integers that need more bits, in words.
pub fn magnitudes(network: &Network, how: &Squeeze, scheme: &Scheme) -> Result<Vec<Cells>, String> {
    let most = (1u32 << scheme.weight_bits) - 1;
    let of_layer = |layer: crate::search::layer::Layer| {
        let integers = integers_of(layer.weight, scheme.weight_bits + 1, WeightScale::PerLayer).map_err(|(n, _)| {
            format!("layer `{}`: the file's integer weight {n} needs {} bits of magnitude, and cost.weight_bits is {}", layer.name, magnitude_bits(n), scheme.weight_bits)
        })?;
        let magnitude = |&n: &i32| how.consecutive_bits.map_or(n.unsigned_abs(), |window| nearest(n.unsigned_abs(), window, most));
        Ok(Cells::Weights(integers.values.iter().map(magnitude).collect()))
    };
    layers(network).into_iter().map(of_layer).collect()
}
