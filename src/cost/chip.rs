//! What a chip has for a network: its arrays with all copies, and what stands beside them, used or not.

use super::costed::Costed;
use super::events::{Hardware, Reading};

/// Links of a chip to the outside (ISAAC, Table I).
pub const OFF_CHIP_LINKS: u64 = 4;

/// How its arrays are read. Conversions of one activation run while the next settles.
pub fn reading(costed: &Costed) -> Reading {
    let scheme = &costed.scheme;
    Reading {
        adc_bits: scheme.adc_bits,
        wordlines_on: scheme.ou_wordlines,
        conversions_per_adc: scheme.ou_bitlines.div_ceil(adcs(costed)),
        pipelined: true,
    }
}

fn adcs(costed: &Costed) -> u64 {
    costed.design.chip.adcs.unwrap_or(costed.scheme.ou_bitlines)
}

/// What there is.
pub fn hardware(costed: &Costed) -> Hardware {
    let (scheme, chip) = (&costed.scheme, &costed.design.chip);
    let arrays = costed.pipeline.crossbars;
    let (register_groups, tiles) = (arrays.div_ceil(chip.arrays_per_registers), arrays.div_ceil(chip.arrays_per_tile));
    let banks_with = |count: u64| if costed.design.has_table { count } else { 0 };
    Hardware {
        arrays,
        cells: arrays * scheme.rows * scheme.cols,
        wordline_drivers: arrays * scheme.rows,
        sample_holds: if chip.sample_holds { arrays * scheme.cols } else { 0 },
        adcs: arrays * adcs(costed),
        shift_adders: register_groups * chip.shift_adders,
        input_register_bits: register_groups * chip.input_register_bits,
        output_register_bits: register_groups * chip.output_register_bits,
        table_bits: costed.layers.iter().map(|l| l.counts.table_bits * l.replicas).sum(),
        controllers: banks_with(arrays),
        accumulators: tiles,
        tile_register_bits: tiles * chip.tile_register_bits,
        buffer_bits: tiles * chip.buffer_bits,
        buses: tiles,
        routers: tiles.div_ceil(chip.tiles_per_router),
        activation_units: 2 * tiles,
        pooling_units: tiles,
        residual_adders: tiles,
        requantisers: tiles,
        off_chip_links: OFF_CHIP_LINKS,
    }
}
