//! What is counted: how often each thing happens in a layer ([`Events`]), what the busiest unit of each kind does
//! ([`Busiest`]), how an array is read ([`Reading`]), and what the chip is made of ([`Hardware`]).
//!
//! All counts are integers and know no energy, no time and no area: `price` puts a component set's figures to them. Data is
//! counted in bits, so that 3-bit activations are exact; whether they are packed or fill bytes is the design's to say.
//!
//! An operation unit is charged whole: where a border cuts it, all its wordlines, bitlines and cells still count. That is the
//! rule of conversions (OU activations x OU columns), and here it is the rule of drives and cells too.
//!
//! To add one: a line with its rule in the list below, and its price in `PARTS` in `src/cost/components/parts.rs`.

use std::ops::AddAssign;

/// A struct of counts, added field by field, with its names and values in the order of the fields.
macro_rules! counts {
    ($(#[$doc:meta])* $name:ident { $($(#[$rule:meta])* $field:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
        pub struct $name { $($(#[$rule])* pub $field: u64,)+ }

        impl $name {
            /// Names of the fields, in their order.
            pub const NAMES: &[&str] = &[$(stringify!($field)),+];

            /// The counts, in the order of [`Self::NAMES`].
            pub fn values(&self) -> Vec<u64> {
                vec![$(self.$field),+]
            }

            /// Each count by its place.
            #[cfg(test)]
            pub(crate) fn of(count: impl Fn(u64) -> u64) -> $name {
                let mut places = 0..;
                $name { $($field: count(places.next().unwrap_or_default())),+ }
            }

            /// Every count `n` times.
            pub fn times(&self, n: u64) -> $name {
                $name { $($field: self.$field * n),+ }
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: $name) {
                $(self.$field += other.$field;)+
            }
        }
    };
}

counts! {
    /// How often each thing happens in one layer and one image, over all its arrays. Additive over layers.
    Events {
        /// Reads of an OU: one per OU, input step and position. Where a whole array is read at once (ISAAC), reads of arrays.
        ou_activations,
        /// OU activations x OU columns, unused columns of a cut OU included. Their resolution is [`Reading::adc_bits`].
        adc_conversions,
        /// Wordlines driven by a DAC: OU activations x `ou_wordlines`; where a design holds the drivers while the OUs side by
        /// side are read (BWQ-H), `ou_wordlines` for each OU row, input step and position instead. The design says which.
        wordline_drives,
        /// Cells that are read: OU activations x `ou_wordlines` x `ou_bitlines`.
        cell_reads,
        /// Codes shifted and added in the bank: one per conversion, or one per pair of columns that is subtracted first.
        shift_adds,
        /// Their widths summed: each is as wide as its sum, weight bits + activation bits + ceil(log2 of the rows summed). ISAAC as
        /// published keeps 16 bits.
        shift_add_bits,
        /// Bits put into the banks' input registers: each input of each array's rows once per position that needs it anew.
        input_register_bits_written,
        /// Bits given to the DACs: DAC bits x wordline drives.
        input_register_bits_read,
        /// Bits of partial sums put into the banks' output registers: those of `shift_add_bits` (ISAAC), or once per weight, input
        /// step and OU row where they stay in the adder until a weight's bits are through (BWQ-H, MSB first).
        output_register_bits_written,
        /// Bits of partial sums taken out of them, to be added to and to be sent on.
        output_register_bits_read,
        /// Entries read from the table of block precisions, or of an index: per input bit, or once per vector where the
        /// controller keeps them. The design says which. A block of 0 bits costs this and nothing else.
        table_reads,
        /// Bits of those entries.
        table_bits_read,
        /// Addresses made by a bank's controller: one per OU activation. 0 where the order is fixed (ISAAC).
        controller_steps,
        /// Additions in the tile of partial sums from several arrays: (arrays that share an output - 1) x outputs x positions.
        accumulations,
        /// Their widths summed.
        accumulation_bits,
        /// Bits put into the tile's output register.
        tile_register_bits_written,
        /// Bits taken out of it.
        tile_register_bits_read,
        /// Bits put into the tiles' buffers (eDRAM or SRAM): a layer's outputs, for each tile that keeps them.
        buffer_bits_written,
        /// Bits taken out of them: a layer's inputs, once per position and tile that needs them anew.
        buffer_bits_read,
        /// Bits over the tile's bus between buffer and banks, both ways.
        bus_bits,
        /// Bits between tiles, each times the routers it passes.
        router_hop_bits,
        /// Activation functions: outputs x positions, where there is one.
        activation_functions,
        /// Comparisons of maximum pooling: (window - 1) per output.
        pool_comparisons,
        /// Additions of average pooling: (window - 1) per output.
        pool_adds,
        /// Additions of residual branches: one per value of the sum and per branch beyond the first.
        residual_adds,
        /// Changes of scale (multiply, shift, round): one per value that goes on at another scale.
        requantisations,
        /// Bits read from outside the chip: the image, and weights that are not in cells.
        off_chip_bits_read,
        /// Bits written to the outside: the result.
        off_chip_bits_written,
        /// Cells written when the network is put on the chip. Once, not per image: priced apart from the rest.
        programmed_cells,
    }
}

counts! {
    /// What the unit of each kind with most to do does in one layer and one image: latency follows from it, as units of a
    /// kind work side by side. Additive over layers that run one after another.
    Busiest {
        /// OU cycles of the fullest array.
        ou_cycles,
        /// Bits through the port of a tile's buffer, read and written.
        buffer_bits,
        /// Bits over a tile's bus.
        bus_bits,
        /// Bits through a router.
        router_bits,
        /// Additions by a tile's accumulator.
        accumulations,
        /// Bits over a link of the chip to the outside.
        off_chip_bits,
    }
}

counts! {
    /// What there is, whether it is used or not: area and leakage follow from it. Additive over parts of a chip.
    Hardware {
        /// Crossbars that are powered, replicas and those with unused columns included.
        arrays,
        /// Their cells, used or not.
        cells,
        /// DACs with their drivers: one per wordline that can be driven (all rows of an array, or an OU's behind a decoder).
        wordline_drivers,
        /// Sample-and-holds: one per bitline that is held, 0 where the ADC is connected directly.
        sample_holds,
        /// Converters of [`Reading::adc_bits`] bits.
        adcs,
        /// Shift-and-add units of the banks.
        shift_adders,
        /// Bits of input registers.
        input_register_bits,
        /// Bits of the banks' output registers.
        output_register_bits,
        /// Bits of tables of block precisions, or of indexes.
        table_bits,
        /// Controllers that make addresses of OUs.
        controllers,
        /// Adders of partial sums in tiles.
        accumulators,
        /// Bits of the tiles' output registers.
        tile_register_bits,
        /// Bits of the tiles' buffers.
        buffer_bits,
        /// Buses, one per tile.
        buses,
        /// Routers (ISAAC: four tiles share one).
        routers,
        /// Units of activation functions.
        activation_units,
        /// Pooling units.
        pooling_units,
        /// Adders of residual branches.
        residual_adders,
        /// Units that change scales.
        requantisers,
        /// Links of chips to the outside.
        off_chip_links,
    }
}

/// How an array is read: what the price and the length of an event depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Reading {
    /// Bits of a conversion.
    pub adc_bits: u32,
    /// Wordlines that are on together: the current of a column depends on them.
    pub wordlines_on: u64,
    /// Conversions that each ADC makes of one activation: columns of the OU (or array) / ADCs of the array, rounded up, so at least 1.
    pub conversions_per_adc: u64,
    /// Whether one activation is converted while the next one settles; else the two follow each other.
    pub pipelined: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_field_by_field() {
        let one = Events { ou_activations: 1, programmed_cells: 3, ..Default::default() };
        let mut sum = one.times(2);
        sum += one;
        assert_eq!(sum, Events { ou_activations: 3, programmed_cells: 9, ..Default::default() });
        assert_eq!(sum.values().iter().sum::<u64>(), 12);
        assert_eq!(Events::NAMES.len(), sum.values().len());
        assert_eq!((Events::NAMES[0], Events::NAMES.last()), ("ou_activations", Some(&"programmed_cells")));
    }
}
