//! The parts that a design is made of: a part is a section of a component set, a column of every table, and knows what is
//! counted of it.
//!
//! To add one: a line in [`PARTS`], what it counts in `src/cost/events.rs`, its section in every file of `components/`.

use crate::cost::events::{Busiest, Events, Hardware};

/// What happens to a part: the key of its price without `_pj`, and how often.
pub type Happens = (&'static str, fn(&Events) -> u64);

/// How much its busiest unit has to do of what takes time: the key of what it does in a ns, and the count.
pub type Rate = (&'static str, fn(&Busiest) -> u64);

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
    /// What takes time, if data through it does.
    pub rate: Option<Rate>,
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
    fn everything_counted_has_one_price() {
        assert_eq!((PARTS[ADC].name, PARTS[ARRAY].name), ("adc", "array"));
        // Each field holds its place, so that what is priced tells which field it is.
        let (events, hardware, busiest) = (Events::of(|place| place), Hardware::of(|place| place), Busiest::of(|place| place));
        let sorted = |mut found: Vec<u64>| (found.sort(), found).1;
        let priced = sorted(PARTS.iter().flat_map(|p| p.events).map(|(_, count)| count(&events)).collect());
        // A conversion is also held; programming is priced apart.
        let conversions = 1;
        assert_eq!(priced, sorted((0..Events::NAMES.len() as u64 - 1).chain([conversions]).collect()));
        assert_eq!(sorted(PARTS.iter().map(|p| (p.units)(&hardware)).collect()), (0..Hardware::NAMES.len() as u64).collect::<Vec<_>>());
        // OU cycles come first, and their length is no part's.
        let timed = PARTS.iter().filter_map(|p| p.rate).map(|(_, amount)| amount(&busiest)).collect();
        assert_eq!(sorted(timed), (1..Busiest::NAMES.len() as u64).collect::<Vec<_>>());
    }
}
