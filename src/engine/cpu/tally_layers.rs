//! Where does it break? Some chips on some images, layer by layer, beside error-free cells and exact products.
//!
//! All images go through a layer before the next one, so only that layer's cells are there.

use super::crossbar_mvm::{Counts, Mvm};
use super::part_of_chip::PartOfChip;
use super::program_cells::nominal_cells;
use super::{Chip, Halt, Prepared, SpareTensors, View, digital, requantize, run_steps};
use crate::engine::{IntegerImages, LayerTally, Plan, Stop};
use crate::quantize::{Matrix, Requantize};
use rayon::prelude::*;
use std::ops::Range;

/// The chips `trials` on the first images, layer by layer: where does it break? `None` once `stop` was true.
pub fn tally_layers(plan: &Plan, images: &IntegerImages, trials: Range<u32>, stop: &Stop) -> Option<Vec<Vec<LayerTally>>> {
    if trials.is_empty() {
        return Some(Vec::new());
    }
    let halt = Halt::new(stop);
    let exact = digital::pack(&plan.network);
    let of_chip = |trial: u32| {
        let scales = corrected_scales(plan, images.len(), trial, &halt);
        let mut tallies = Vec::with_capacity(plan.layers.len());
        run_steps(&plan.network, &images.integers(0..images.len()), &mut SpareTensors::default(), &mut |layer, matrix, input, output| {
            let scale = |part: usize| scales.get(layer).map_or(&plan.layers[layer][part].requantize, |parts| &parts[part]);
            tallies.push(tally(plan, [layer, trial as usize], matrix, &exact[layer], &scale, input, output, &halt));
        });
        tallies
    };
    let tallies = trials.map(of_chip).collect();
    (!halt.happened()).then_some(tallies)
}

/// How the chip `trial` corrects its outputs; empty if it does not.
fn corrected_scales(plan: &Plan, images: usize, trial: u32, halt: &Halt) -> Vec<Vec<Requantize>> {
    if plan.compensation.is_none() {
        return Vec::new();
    }
    // Products are computed directly here: tables would be built for nothing.
    let prepared = Prepared { keep_tables: false, ..Prepared::new(plan, images) };
    let mut chip = Chip::blank(&prepared);
    chip.program(&prepared, trial, &|| halt.now());
    chip.scales
}

/// One layer of a chip: its sums over all images, whose outputs are left in `output`.
fn tally<'s>(
    plan: &Plan, [layer, trial]: [usize; 2], matrix: &Matrix, exact: &[digital::Exact], scale: &(dyn Fn(usize) -> &'s Requantize + Sync),
    input: View, output: &mut [u32], halt: &Halt,
) -> LayerTally {
    let mut total = LayerTally::default();
    let size = (output.len() / input.images().max(1)).max(1);
    for (i, part) in matrix.parts.iter().enumerate() {
        if halt.now() {
            break;
        }
        let (placed, zero) = (&plan.layers[layer][i], matrix.input_zero as u32);
        let (table, effects) = plan.laws_of(&placed.crossbar);
        let error_free = nominal_cells(&placed.crossbar, table, effects);
        let mut of_chip = PartOfChip::default();
        of_chip.program(plan, &placed.crossbar, trial as u32);
        let of_image = |(number, output): (usize, &mut [u32])| {
            let (mut tally, mut counts) = (LayerTally::default(), Counts::default());
            let input = View { values: input.image(number), ..input };
            let mut mvm = Mvm::new(&placed.crossbar, &part.window, zero);
            mvm.compare(&error_free);
            mvm.read(of_chip.reads, number as u32);
            mvm.run(&of_chip.cells, input.values, input.shape, &mut counts);
            requantize::requantize(scale(i), &mvm, part.first_output, output);
            tally.add(placed, &counts, &mvm, &exact[i].product(zero, input), part.window.positions());
            tally
        };
        let of_images: Vec<LayerTally> = output.par_chunks_mut(size).enumerate().map(of_image).collect();
        of_images.iter().for_each(|tally| total.merge(tally));
    }
    total
}
