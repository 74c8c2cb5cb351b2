//! Read noise on the CPU, in the two models of `device.read_noise.model`.
//!
//! `exact` draws an error for each conversion, on the direct way. `flips` looks codes up, as a chip without
//! noise does, and decides by random numbers which of them turn out different: [`flip_tables`] says how a table's
//! row is made, [`look_up_flips`] how it is read. The models agree in distribution, not in numbers; their words come from the
//! same streams ([`crate::rng::Reads`]).

use super::product::Product;
use super::program_cells::program_cells;
use crate::config::ReadNoiseModel;
use crate::engine::Plan;

pub mod exact;
pub mod flip_tables;
pub mod look_up_flips;

/// Share of the noise's variance that the kept flips hold in the layer where they hold least, on the first row groups of the
/// first chip, over all patterns alike; `None` where the model is another.
pub fn held_by_flips(plan: &Plan) -> Option<(String, f64)> {
    let parts = plan.network.matrices().flat_map(|(_, matrix)| plan.layers[matrix.layer].iter().zip(&matrix.parts).map(move |(placed, part)| (placed, part, matrix)));
    let flips = parts.filter(|(placed, ..)| placed.crossbar.read_noise.as_ref().is_some_and(|law| law.model == ReadNoiseModel::Flips));
    let shares = flips.map(|(placed, part, matrix)| {
        let layer = &placed.crossbar;
        let product = Product::new(layer, &part.window, matrix.input_bits, matrix.input_zero as u32, plan.kernel, 1);
        let of_chip = product.on_chip(program_cells(layer, &plan.table, plan.effects.as_ref(), plan.seed, plan.chip(0)));
        (layer.name.clone(), product.held(&of_chip, 1).share())
    });
    shares.min_by(|a, b| a.1.total_cmp(&b.1))
}
