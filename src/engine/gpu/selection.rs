//! Which kernel computes a part of a layer, and how large its tables are.

use crate::crossbar::CrossbarLayer;
use crate::engine::Kernel;
use crate::engine::cpu::{code_tables, sum_tables};
use crate::engine::units::{Units, is_eligible};

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

    /// Bytes of the counts of clipped conversions of one chip, its flag included.
    pub fn clips_bytes(&self) -> u64 {
        (self.rows() as u64 + 1) * 4
    }
}

/// The kernel for `vectors` vectors per chip: `forced`, if it can do it, or else the one that takes the fewest
/// operations, weighed as they were measured against each other.
pub fn select(layer: &CrossbarLayer, vectors: usize, forced: Option<Kernel>) -> Kernel {
    if let Some(kernel) = forced {
        return if is_eligible(layer, kernel) { kernel } else { Kernel::Direct };
    }
    let cost = |kernel: &Kernel| cost(layer, *kernel, vectors as f64);
    Kernel::ALL.into_iter().filter(|k| is_eligible(layer, *k)).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(Kernel::Direct)
}

/// A conversion, where adding the current of a cell costs 1.
const CONVERSION: f64 = 12.0;
/// A look-up of the entry of one column in a table of codes.
const CODE: f64 = 1.0;
/// A look-up in a table of sums.
const SUM: f64 = 1.5;

/// What a product costs per column, in additions of a cell's current.
fn cost(layer: &CrossbarLayer, kernel: Kernel, vectors: f64) -> f64 {
    let (steps, slices) = (f64::from(layer.input_steps), (layer.planes.converted * layer.planes.slices) as f64);
    let conversions = layer.groups.len() as f64 * slices;
    let Some(shape) = TableShape::new(layer, kernel) else {
        return vectors * steps * (layer.rows as f64 * slices + conversions * CONVERSION);
    };
    let entries = shape.rows() as f64 * slices;
    let looked_up = shape.units.len() as f64 * vectors * steps;
    match kernel {
        Kernel::Direct | Kernel::Table => entries * CONVERSION + looked_up * CODE,
        Kernel::Split => entries + looked_up * slices * SUM + vectors * steps * conversions * CONVERSION,
    }
}
