//! What a chip has for a network: its arrays with all copies, and what stands beside them, used or not.

use super::costed::Costed;
use super::designs::Design;
use super::events::{Hardware, Reading};
use super::scheme::Scheme;

/// Links of a chip to the outside (ISAAC, Table I).
pub const OFF_CHIP_LINKS: u64 = 4;

/// How arrays are read. Conversions of one activation run while the next settles.
pub fn reading(design: &Design, scheme: &Scheme) -> Reading {
    Reading {
        adc_bits: scheme.adc_bits,
        wordlines_on: scheme.ou_wordlines,
        conversions_per_adc: scheme.ou_bitlines.div_ceil(adcs(design, scheme)),
        pipelined: true,
    }
}

/// Converters of an array.
fn adcs(design: &Design, scheme: &Scheme) -> u64 {
    design.chip.adcs.unwrap_or(scheme.ou_bitlines)
}

/// What a network's chip has, copies included.
pub fn hardware(costed: &Costed) -> Hardware {
    let table_bits = costed.layers.iter().map(|l| l.counts.table_bits * l.replicas).sum();
    of_arrays(costed.design, &costed.scheme, costed.pipeline.crossbars, table_bits)
}

/// What so many arrays have beside them, with tables of so many bits.
pub fn of_arrays(design: &Design, scheme: &Scheme, arrays: u64, table_bits: u64) -> Hardware {
    let chip = &design.chip;
    let (register_groups, tiles) = (arrays.div_ceil(chip.arrays_per_registers), arrays.div_ceil(chip.arrays_per_tile));
    Hardware {
        arrays,
        cells: arrays * scheme.rows * scheme.cols,
        wordline_drivers: arrays * scheme.rows,
        sample_holds: if chip.sample_holds { arrays * scheme.cols } else { 0 },
        adcs: arrays * adcs(design, scheme),
        shift_adders: register_groups * chip.shift_adders,
        input_register_bits: register_groups * chip.input_register_bits,
        output_register_bits: register_groups * chip.output_register_bits,
        table_bits,
        controllers: if design.has_table { arrays } else { 0 },
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
