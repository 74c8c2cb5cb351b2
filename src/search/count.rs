//! What a candidate's bits come to.

use super::Problem;
use super::candidate::{LayerBits, Method};
use super::objective::Block;
use std::ops::AddAssign;

/// Sizes in bits, and work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Weights.
    pub weights: u64,
    /// Weight blocks.
    pub blocks: u64,
    /// Blocks of no bits.
    pub empty_blocks: u64,
    /// Magnitude bits of all weights.
    pub magnitude_bits: u64,
    /// A sign for each weight of a block that has bits.
    pub sign_bits: u64,
    /// The table of precisions: an entry for each block (block-wise), for each layer, or none (uniform).
    pub table_bits: u64,
    /// OU operations of one image, where blocks lie on OUs.
    pub ou_operations: u64,
}

impl Counts {
    /// Those of one layer.
    pub fn of(problem: &Problem, method: Method, layer: &LayerBits) -> Self {
        let entry_bits = u64::from(u32::BITS - problem.most_bits.leading_zeros());
        let mut counts = Counts::default();
        for (block, bits) in blocks(problem.block, layer) {
            let weights = (block.rows * block.columns) as u64;
            counts += Counts {
                weights,
                blocks: 1,
                empty_blocks: u64::from(bits == 0),
                magnitude_bits: weights * u64::from(bits),
                sign_bits: if bits == 0 { 0 } else { weights },
                table_bits: if matches!(method, Method::Block | Method::UniformStripped | Method::UniformCompensated) { entry_bits } else { 0 },
                ou_operations: problem.hardware.ou_operations(&block, bits),
            };
        }
        if method == Method::Layer {
            counts.table_bits += entry_bits;
        }
        counts
    }

    /// Those of all layers.
    pub fn of_all(problem: &Problem, method: Method, layers: &[LayerBits]) -> Self {
        layers.iter().map(|layer| Counts::of(problem, method, layer)).fold(Counts::default(), |mut sum, counts| {
            sum += counts;
            sum
        })
    }

    /// Mean magnitude bits of a weight.
    pub fn mean_bits(&self) -> f64 {
        self.magnitude_bits as f64 / self.weights.max(1) as f64
    }

    /// 32-bit weights over magnitude bits: the paper's count (Table II). Infinite where no bit is left.
    pub fn compression(&self) -> f64 {
        self.over(self.magnitude_bits)
    }

    /// The same with signs.
    pub fn compression_with_signs(&self) -> f64 {
        self.over(self.magnitude_bits + self.sign_bits)
    }

    /// The same with signs and the table of precisions.
    pub fn compression_with_table(&self) -> f64 {
        self.over(self.magnitude_bits + self.sign_bits + self.table_bits)
    }

    fn over(&self, bits: u64) -> f64 {
        32.0 * self.weights as f64 / bits as f64
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.weights += other.weights;
        self.blocks += other.blocks;
        self.empty_blocks += other.empty_blocks;
        self.magnitude_bits += other.magnitude_bits;
        self.sign_bits += other.sign_bits;
        self.table_bits += other.table_bits;
        self.ou_operations += other.ou_operations;
    }
}

/// The blocks of a layer with their bits.
pub fn blocks(size: [usize; 2], layer: &LayerBits) -> impl Iterator<Item = (Block, u32)> + '_ {
    layer.bits.iter().enumerate().flat_map(move |(row, columns)| {
        columns.iter().enumerate().map(move |(column, &bits)| {
            let extent = |axis: usize, index: usize| size[axis].min(layer.shape[axis] - index * size[axis]);
            (Block { rows: extent(0, row), columns: extent(1, column), positions: layer.positions }, u32::from(bits))
        })
    })
}
