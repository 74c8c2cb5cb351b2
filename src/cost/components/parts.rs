//! The parts that a design is made of: a part is a section of a component set, a column of every table, and knows what is
//! counted of it.
//!
//! To add one: a line in [`PARTS`], what it counts in `src/cost/events.rs`, its section in every file of `components/`.

use crate::cost::events::{Busiest, Events, Hardware};

/// What happens to a part: the key of its price without `_pj`, and how often.
pub type Happens = (&'static str, fn(&Events) -> u64);

/// A part.
#[derive(Debug)]
pub struct Part {
    /// Name of its section and column.
    pub name: &'static str,
    /// What happens to it.
    pub events: &'static [Happens],
    /// What `area_um2` and `leakage_mw` are of.
    pub unit: &'static str,
    /// How many of these there are.
    pub units: fn(&Hardware) -> u64,
    /// The key of how much its busiest unit does in a ns, and of what: data through it takes time.
    pub rate: Option<(&'static str, fn(&Busiest) -> u64)>,
    /// Whether it is a memory, whose figures may be those of an SRAM (`sram`, in `src/cost/components/memory.rs`).
    pub memory: bool,
}

const fn part(name: &'static str, events: &'static [Happens], unit: &'static str, units: fn(&Hardware) -> u64) -> Part {
    Part { name, events, unit, units, rate: None, memory: false }
}

impl Part {
    const fn memory(self) -> Part {
        Part { memory: true, ..self }
    }
    const fn rate(self, key: &'static str, amount: fn(&Busiest) -> u64) -> Part {
        Part { rate: Some((key, amount)), ..self }
    }
}

/// Place of the ADC in [`PARTS`]: its figures come from a law.
pub const ADC: usize = 0;
/// Place of the array in [`PARTS`]: it also has a settling time and a price of writing.
pub const ARRAY: usize = 1;

/// All parts, in the order of tables: the bank's, the tile's, the chip's.
#[rustfmt::skip] // it is read as a table
pub const PARTS: [Part; 20] = [
    part("adc", &[("conversion", |e| e.adc_conversions)], "ADC", |h| h.adcs),
    part("array", &[("read_cell", |e| e.cell_reads)], "cell", |h| h.cells),
    part("array_periphery", &[("activation", |e| e.ou_activations)], "array", |h| h.arrays),
    part("wordline_driver", &[("drive", |e| e.wordline_drives)], "driver", |h| h.wordline_drivers),
    part("sample_hold", &[("hold", |e| e.adc_conversions)], "sample-and-hold", |h| h.sample_holds),
    part("shift_add", &[("add", |e| e.shift_adds), ("add_bit", |e| e.shift_add_bits)], "adder", |h| h.shift_adders),
    part("input_register", &[("write_bit", |e| e.input_register_bits_written), ("read_bit", |e| e.input_register_bits_read)], "bit", |h| h.input_register_bits).memory(),
    part("output_register", &[("write_bit", |e| e.output_register_bits_written), ("read_bit", |e| e.output_register_bits_read)], "bit", |h| h.output_register_bits).memory(),
    part("table", &[("read_entry", |e| e.table_reads), ("read_bit", |e| e.table_bits_read)], "bit", |h| h.table_bits).memory(),
    part("controller", &[("step", |e| e.controller_steps)], "controller", |h| h.controllers),
    part("accumulator", &[("add", |e| e.accumulations), ("add_bit", |e| e.accumulation_bits)], "adder", |h| h.accumulators).rate("adds_per_ns", |b| b.accumulations),
    part("tile_register", &[("write_bit", |e| e.tile_register_bits_written), ("read_bit", |e| e.tile_register_bits_read)], "bit", |h| h.tile_register_bits).memory(),
    part("buffer", &[("write_bit", |e| e.buffer_bits_written), ("read_bit", |e| e.buffer_bits_read)], "bit", |h| h.buffer_bits).memory().rate("bits_per_ns", |b| b.buffer_bits),
    part("bus", &[("bit", |e| e.bus_bits)], "bus", |h| h.buses).rate("bits_per_ns", |b| b.bus_bits),
    part("router", &[("hop_bit", |e| e.router_hop_bits)], "router", |h| h.routers).rate("bits_per_ns", |b| b.router_bits),
    part("activation", &[("function", |e| e.activation_functions)], "unit", |h| h.activation_units),
    part("pooling", &[("comparison", |e| e.pool_comparisons), ("add", |e| e.pool_adds)], "unit", |h| h.pooling_units),
    part("residual_add", &[("add", |e| e.residual_adds)], "adder", |h| h.residual_adders),
    part("requantisation", &[("value", |e| e.requantisations)], "unit", |h| h.requantisers),
    part("off_chip", &[("read_bit", |e| e.off_chip_bits_read), ("write_bit", |e| e.off_chip_bits_written)], "link", |h| h.off_chip_links).rate("bits_per_ns", |b| b.off_chip_bits),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_has_one_price() {
        assert_eq!((PARTS[ADC].name, PARTS[ARRAY].name), ("adc", "array"));
        let mut priced: Vec<u64> = Vec::new();
        let one_each = |i: usize| {
            let mut e = Events::default();
            // Each field gets a number of its own, so that a price tells which field it is of.
            macro_rules! number { ($($f:ident),*) => {{ let mut n = 0; $(e.$f = n; n += 1;)* assert_eq!(n, Events::NAMES.len() as u64); }} }
            number!(ou_activations, adc_conversions, wordline_drives, cell_reads, shift_adds, shift_add_bits, input_register_bits_written, input_register_bits_read, output_register_bits_written, output_register_bits_read, table_reads, table_bits_read, controller_steps, accumulations, accumulation_bits, tile_register_bits_written, tile_register_bits_read, buffer_bits_written, buffer_bits_read, bus_bits, router_hop_bits, activation_functions, pool_comparisons, pool_adds, residual_adds, requantisations, off_chip_bits_read, off_chip_bits_written, programmed_cells);
            PARTS[i].events.iter().map(|(_, count)| count(&e)).collect::<Vec<_>>()
        };
        (0..PARTS.len()).for_each(|i| priced.extend(one_each(i)));
        priced.sort();
        // Conversions are priced twice, at the ADC and at the sample-and-hold; programming is priced apart.
        let mut all: Vec<u64> = (0..Events::NAMES.len() as u64 - 1).collect();
        all.insert(1, 1);
        assert_eq!(priced, all);
    }
}
