//! Which kernel computes a part of a layer, and how large its tables are.

use crate::crossbar::CrossbarLayer;
use crate::engine::Kernel;
use crate::engine::cpu::plain::{code_tables, sum_tables};
use crate::engine::cpu::plain::units::{Units, is_eligible};

/// Sizes of the tables of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct TableShape {
    /// Blocks of rows with a table each.
    pub units: Units,
    /// Columns are padded to a multiple of this.
    pub padding: usize,
    /// Bytes of one entry of one column.
    entry_bytes: usize,
}

impl TableShape {
    /// The tables of `kernel` for `layer`; `None` for the direct one.
    pub fn new(layer: &CrossbarLayer, kernel: Kernel) -> Option<Self> {
        let (padding, entry_bytes) = match kernel {
            Kernel::Direct => return None,
            Kernel::Table => (code_tables::PADDING, 2),
            Kernel::Split => (sum_tables::PADDING, 4 * layer.planes.converted * layer.planes.slices),
        };
        Some(TableShape { units: Units::new(layer, kernel), padding, entry_bytes })
    }

    /// Rows of all tables of one chip.
    pub fn rows(&self) -> usize {
        self.units.len() * self.units.entries()
    }

    /// Bytes of the tables of one chip for a tile of `columns` columns.
    pub fn bytes(&self, columns: usize) -> u64 {
        self.rows() as u64 * (columns.next_multiple_of(self.padding) * self.entry_bytes) as u64
    }

    /// Whole blocks of columns whose tables of one of `groups` row groups take `bytes` bytes.
    pub fn columns_in(&self, bytes: usize, groups: usize) -> usize {
        let of_group = self.bytes(self.padding) as usize / groups.max(1);
        bytes / of_group.max(1) * self.padding
    }

    /// Bytes of the counts of clipped conversions of one chip, its flag included.
    pub fn clips_bytes(&self) -> u64 {
        (self.rows() as u64 + 1) * 4
    }
}

/// The kernel for `vectors` vectors per chip: `forced`, if it can do it, or else the one that should be fastest.
pub fn select(layer: &CrossbarLayer, vectors: usize, forced: Option<Kernel>) -> Kernel {
    if let Some(kernel) = forced {
        return if is_eligible(layer, kernel) { kernel } else { Kernel::Direct };
    }
    let cost = |kernel: &Kernel| cost(layer, *kernel, vectors as f64);
    Kernel::ALL.into_iter().filter(|k| is_eligible(layer, *k)).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(Kernel::Direct)
}

// Nanoseconds per column as measured on lavapipe, two cores of a Zen 4 (`cargo bench --bench gpu_kernels`); only their
// ratios count.

/// Adding the current of a cell in four steps.
const CELL: f64 = 0.85;
/// A conversion.
const CONVERSION: f64 = 1.2;
/// What one slice counts in an entry of a table of codes.
const CODE: f64 = 2.75;
/// An entry of a table of sums.
const SUM: f64 = 1.7;
/// Looking up a code: two columns are one word.
const CODE_LOOK_UP: f64 = 0.4;
/// Looking up a sum.
const SUM_LOOK_UP: f64 = 1.0;

/// What a product costs per column.
fn cost(layer: &CrossbarLayer, kernel: Kernel, vectors: f64) -> f64 {
    let (steps, slices) = (f64::from(layer.input_steps), (layer.planes.converted * layer.planes.slices) as f64);
    let conversions = layer.groups.len() as f64 * steps * CONVERSION;
    let (entries, units) = TableShape::new(layer, kernel).map_or((0.0, 0.0), |t| (t.rows() as f64, t.units.len() as f64));
    match kernel {
        Kernel::Direct => vectors * slices * (layer.rows as f64 * (steps / 4.0).ceil() * CELL + conversions),
        Kernel::Table => entries * slices * CODE + vectors * units * steps * CODE_LOOK_UP,
        Kernel::Split => entries * slices * SUM + vectors * slices * (units * steps * SUM_LOOK_UP + conversions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AdcBits, AdcConfig, AdcRange, CrossbarConfig, DigitalLayers, Encoding, RowCut, Subtraction};
    use crate::crossbar::layer::{Build, Weights};

    fn layer(ou_wordlines: usize, adc: AdcBits) -> CrossbarLayer {
        let crossbar = CrossbarConfig {
            rows: 128,
            cols: 128,
            ou_wordlines,
            ou_bitlines: 8,
            cell_bits: 1,
            dac_bits: 1,
            row_cut: RowCut::BlockAligned,
            encoding: Encoding::Differential(Subtraction::Analog),
            digital_layers: DigitalLayers::None,
        };
        let build = Build {
            name: "layer",
            layer: 0,
            first_output: 0,
            weight_bits: 8,
            input_bits: 8,
            crossbar: &crossbar,
            adc: &AdcConfig { bits: adc, range: AdcRange::Full },
            g_off: 0.0,
            fraction_bits: 20,
            calibrated_multiple: 1,
            digital: false,
        };
        let weights = vec![1; 576 * 8];
        CrossbarLayer::new(&build, &Weights { rows: 576, outputs: 8, values: &weights, magnitude_bits: &|_, _| 7 }).expect("a layer")
    }

    /// Tables pay for themselves with many vectors, each kind where it can be.
    #[test]
    fn tables_for_many_vectors() {
        let low = layer(9, AdcBits::Lossless);
        assert_eq!((select(&low, 1, None), select(&low, 1000, None)), (Kernel::Direct, Kernel::Table));
        let high = layer(64, AdcBits::Lossless);
        assert_eq!((select(&high, 1, None), select(&high, 1000, None)), (Kernel::Direct, Kernel::Split));
        assert_eq!(select(&high, 1000, Some(Kernel::Table)), Kernel::Direct, "64 index bits");
        let ideal = layer(9, AdcBits::Ideal);
        assert_eq!(select(&ideal, 1000, Some(Kernel::Table)), Kernel::Direct, "unrounded sums fit no table of codes");
        assert_eq!(select(&ideal, 1000, Some(Kernel::Split)), Kernel::Split);
    }
}
