//! How often each thing happens in a layer, and what its busiest units have to do: from its load, its positions and its chip.
//!
//! Assumed where no design states it: the inputs of every position are fetched anew from the tile's buffer, go over the bus once,
//! and are written into the register of every array that has their rows; a layer's outputs are written to one buffer and pass
//! `hops` routers; a layer's work is shared evenly by the tiles it lies in.

use super::blocks::Bits;
use super::costed::{Costed, LayerCost};
use super::events::{Busiest, Events};
use crate::config::cost::Signs;

/// What happens in the layer `index` for one image.
pub fn events(costed: &Costed, index: usize) -> Events {
    let (l, scheme, chip) = (&costed.layers[index], &costed.scheme, &costed.design.chip);
    let (layer, load) = (&l.layer, &l.load);
    let steps = layer.positions * scheme.input_steps();
    let activation_bits = u64::from(scheme.activation_bits);
    let sum_bits = sum_bits(costed, l);
    let subtracted_first = if scheme.signs == Signs::PairedDigital { 2 } else { 1 };
    let cells_of_column = if scheme.signs == Signs::PairedAnalog { 2 } else { 1 };
    let shift_adds = l.counts.adc_conversions / subtracted_first;
    let register_sums = if chip.sums_stay { l.reads.of((load.sums + load.offset_columns) * steps) } else { shift_adds };
    let (inputs, outputs) = (layer.positions * layer.rows * layer.groups, layer.positions * layer.outputs * layer.groups);
    let driven = scheme.ou_wordlines * if chip.holds_inputs { load.driven_ou_rows } else { load.ous };
    let digital = &layer.digital;
    let is_last = index + 1 == costed.layers.len();
    Events {
        ou_activations: l.counts.ou_activations,
        adc_conversions: l.counts.adc_conversions,
        wordline_drives: l.counts.ou_activations * scheme.ou_wordlines,
        cell_reads: l.counts.adc_conversions * scheme.ou_wordlines * cells_of_column,
        shift_adds,
        shift_add_bits: shift_adds * sum_bits,
        input_register_bits_written: layer.positions * load.crossbar_rows * activation_bits,
        input_register_bits_read: l.reads.of(driven * steps) * u64::from(scheme.dac_bits),
        output_register_bits_written: register_sums * sum_bits,
        output_register_bits_read: register_sums * sum_bits,
        table_reads: l.counts.table_reads,
        table_bits_read: l.counts.table_reads * u64::from(scheme.table_entry_bits.unwrap_or(0)),
        controller_steps: if costed.design.has_table { l.counts.ou_activations } else { 0 },
        accumulations: load.row_bands.saturating_sub(1) * outputs,
        accumulation_bits: load.row_bands.saturating_sub(1) * outputs * sum_bits,
        tile_register_bits_written: load.row_bands * outputs * sum_bits,
        tile_register_bits_read: load.row_bands * outputs * sum_bits,
        buffer_bits_written: (outputs + digital.moved) * activation_bits,
        buffer_bits_read: (inputs + digital.moved) * activation_bits,
        bus_bits: (inputs + outputs + 2 * digital.moved) * activation_bits,
        router_hop_bits: outputs * activation_bits * chip.hops,
        activation_functions: digital.activations,
        pool_comparisons: digital.comparisons,
        pool_adds: digital.pool_adds,
        residual_adds: digital.additions,
        requantisations: outputs + digital.additions + digital.scaled,
        off_chip_bits_read: if index == 0 { layer.input.iter().product::<u64>() * activation_bits } else { 0 },
        off_chip_bits_written: if is_last { outputs * activation_bits } else { 0 },
        programmed_cells: load.cells * cells_of_column * l.replicas,
    }
}

/// What the busiest units have to do, copies sharing the layer's positions.
pub fn busiest(costed: &Costed, index: usize, events: &Events) -> Busiest {
    let l = &costed.layers[index];
    let chip = &costed.design.chip;
    let tiles = (l.counts.crossbars * l.replicas).div_ceil(chip.arrays_per_tile).max(1);
    let routers = tiles.div_ceil(chip.tiles_per_router);
    Busiest {
        ou_cycles: costed.cycles_with_replicas(l),
        buffer_bits: (events.buffer_bits_read + events.buffer_bits_written).div_ceil(tiles),
        bus_bits: events.bus_bits.div_ceil(tiles),
        router_bits: events.router_hop_bits.div_ceil(routers),
        accumulations: events.accumulations.div_ceil(tiles),
        off_chip_bits: (events.off_chip_bits_read + events.off_chip_bits_written).div_ceil(super::chip::OFF_CHIP_LINKS),
    }
}

/// Bits of a sum of products of the layer.
fn sum_bits(costed: &Costed, l: &LayerCost) -> u64 {
    let weight_bits = match &l.bits {
        Bits::Uniform(bits) => *bits,
        Bits::Blocks(blocks) => blocks.bits.iter().flatten().copied().max().unwrap_or(0).into(),
    };
    let grown = weight_bits + costed.scheme.activation_bits + l.layer.rows.next_power_of_two().ilog2();
    u64::from(costed.design.chip.sum_bits.unwrap_or(grown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::cost::parse;
    use crate::cost::costed::cost;

    /// layer1.0.conv1 of ResNet-18 is a 3x3 convolution from 64 to 64 channels at 32x32: 5 crossbars deep, 4 wide.
    #[test]
    fn traffic_of_a_layer() {
        let config = parse("[cost]\nnetwork = \"resnet18-cifar10\"\ndesign = \"isaac-ou\"\nweight_bits = 8\nactivation_bits = 8\n", "c", &[], &[]).expect("parses");
        let costed = cost(&config).expect("counts");
        let e = events(&costed, 1);
        let ous = 35_651_584;
        assert_eq!((e.ou_activations, e.wordline_drives, e.cell_reads, e.shift_add_bits), (ous, 9 * ous, 72 * ous, 8 * 26 * ous));
        assert_eq!((e.input_register_bits_written, e.output_register_bits_written), (1024 * 576 * 8 * 4, ous * 26));
        assert_eq!((e.accumulations, e.tile_register_bits_read), (4 * 64 * 1024, 5 * 64 * 1024 * 26));
        assert_eq!((e.buffer_bits_read, e.bus_bits, e.controller_steps, e.off_chip_bits_read), (1024 * 576 * 8, 1024 * 640 * 8, 0, 0));
        assert_eq!(busiest(&costed, 1, &e).ou_cycles, 1_966_080);
        assert_eq!(events(&costed, 0).off_chip_bits_read, 3 * 32 * 32 * 8);
    }

    /// ResNet-20's shortcuts: every other pixel and zero channels are moved, and the sum is digital.
    #[test]
    fn digital_work_between_layers() {
        let costed = cost(&parse("[cost]\nnetwork = \"resnet20-cifar10\"\nactivation_bits = 4\n", "c", &[], &[]).expect("parses")).expect("counts");
        let index = costed.layers.iter().position(|l| l.layer.name == "s2_1").expect("is there");
        let (e, values) = (events(&costed, index), 32 * 16 * 16);
        assert_eq!((e.residual_adds, e.activation_functions, e.requantisations), (values, values, 2 * values));
        assert_eq!((e.buffer_bits_written, e.buffer_bits_read), (2 * values * 4, (256 * 288 + values) * 4));
        let last = events(&costed, 18);
        assert_eq!((last.pool_adds, events(&costed, 19).off_chip_bits_written), (63 * 64, 10 * 4));
    }
}
