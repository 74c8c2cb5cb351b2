//! What is made small: the cost of a block by its bits.

/// What the cost of a block depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// Rows of weights that are there (the last blocks of a layer are smaller).
    pub rows: usize,
    /// Columns that are there.
    pub columns: usize,
    /// Positions of the layer's window in one image.
    pub positions: usize,
}

/// The hardware that an objective knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hardware {
    /// Wordlines and bitlines of an operation unit.
    pub ou: [usize; 2],
    /// Bits of a cell.
    pub cell_bits: u32,
    /// Input steps of an activation: activation bits / DAC bits, rounded up.
    pub input_steps: u32,
}

/// What an image takes, by the cost model.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Energy, leakage included.
    pub energy_pj: f64,
    /// Time, layers one after another.
    pub latency_ns: f64,
}

impl Hardware {
    /// OU operations of a block of `bits` magnitude bits in one image: one per bit slice, input step and position (PAPER:
    /// section III, precision-aware mapping), for each OU that the block fills.
    pub fn ou_operations(&self, block: &Block, bits: u32) -> u64 {
        let units = block.rows.div_ceil(self.ou[0]) * block.columns.div_ceil(self.ou[1]);
        units as u64 * u64::from(bits.div_ceil(self.cell_bits)) * u64::from(self.input_steps) * block.positions as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_costs_one_operation_per_bit_step_and_position() {
        let hardware = Hardware { ou: [9, 8], cell_bits: 1, input_steps: 8 };
        let block = Block { rows: 9, columns: 8, positions: 100 };
        assert_eq!(hardware.ou_operations(&block, 3), 3 * 8 * 100);
        assert_eq!(hardware.ou_operations(&Block { rows: 10, ..block }, 3), 2 * 3 * 8 * 100);
        assert_eq!(Hardware { cell_bits: 2, ..hardware }.ou_operations(&block, 3), 2 * 8 * 100);
        assert_eq!(hardware.ou_operations(&block, 0), 0);
    }
}
