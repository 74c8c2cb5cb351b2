//! Where does it break? Some chips on some images, layer by layer, beside error-free cells and exact products.

use super::crossbar_mvm::{Counts, Mvm};
use super::program_cells::{Cells, nominal_cells};
use super::{Chip, Halt, Prepared, SpareTensors, digital, requantize, run_steps};
use crate::engine::{IntegerImages, LayerTally, PlacedPart, Plan, Stop};
use rayon::prelude::*;
use std::ops::Range;

/// The chips `trials` on the first images, layer by layer: where does it break? `None` once `stop` was true.
pub fn tally_layers(plan: &Plan, images: &IntegerImages, trials: Range<u32>, stop: &Stop) -> Option<Vec<Vec<LayerTally>>> {
    if trials.is_empty() {
        return Some(Vec::new());
    }
    let halt = Halt::new(stop);
    // Products are computed directly here: tables would be built for nothing.
    let prepared = Prepared { keep_tables: false, ..Prepared::new(plan, images.len()) };
    let program = |trial| {
        let mut chip = Chip::blank(&prepared);
        chip.program(&prepared, trial, &|| halt.now());
        chip
    };
    let chips: Vec<Chip> = trials.map(program).collect();
    let nominal = |p: &PlacedPart| {
        let (table, effects) = plan.laws_of(&p.crossbar);
        nominal_cells(&p.crossbar, table, effects)
    };
    let error_free: Vec<Vec<Cells>> = plan.layers.par_iter().map(|parts| parts.iter().map(nominal).collect()).collect();
    let exact = digital::pack(&plan.network);
    let of_image = |chip: &Chip, number: usize| {
        let mut tallies = vec![LayerTally::default(); plan.layers.len()];
        run_steps(&plan.network, images.image(number), &mut SpareTensors::default(), &mut |layer, matrix, input, output| {
            if halt.now() {
                return;
            }
            for (part, (placed, of_chip)) in plan.layers[layer].iter().zip(&chip.parts[layer]).enumerate() {
                let of_part = &matrix.parts[part];
                let mut counts = Counts::default();
                let mut mvm = Mvm::new(&placed.crossbar, &of_part.window, matrix.input_zero as u32);
                mvm.compare(&error_free[layer][part]);
                mvm.read(of_chip.reads, number as u32);
                mvm.run(&of_chip.cells, input.values, input.shape, &mut counts);
                requantize::requantize(chip.scale(plan, layer, part), &mvm, of_part.first_output, output);
                let exact = exact[layer][part].product(matrix.input_zero as u32, input);
                tallies[layer].add(placed, &counts, &mvm, &exact, of_part.window.positions());
            }
        });
        tallies
    };
    let of_chip = |chip: &Chip| {
        let sums: Vec<Vec<LayerTally>> = (0..images.len()).into_par_iter().with_max_len(1).map(|i| of_image(chip, i)).collect();
        sums.iter().fold(vec![LayerTally::default(); plan.layers.len()], |mut total, tallies| {
            total.iter_mut().zip(tallies).for_each(|(a, b)| a.merge(b));
            total
        })
    };
    let tallies = chips.par_iter().map(of_chip).collect();
    (!halt.happened()).then_some(tallies)
}
