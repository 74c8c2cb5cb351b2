//! Weight blocks of a layer's matrix: rows = (channel, kh, kw) of the inputs, columns = outputs; the last blocks of a layer
//! are smaller. Weights lie output by output, so a block is a few pieces of neighbours, one per output.

use std::ops::Range;

/// How a layer is cut into blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocks {
    /// Rows of the matrix: weights of one output.
    pub rows: usize,
    /// Outputs.
    pub outputs: usize,
    /// [rows, outputs] of a block.
    pub size: [usize; 2],
}

impl Blocks {
    /// [block rows, block columns].
    pub fn grid(&self) -> [usize; 2] {
        [self.rows.div_ceil(self.size[0]), self.outputs.div_ceil(self.size[1])]
    }

    /// Number of blocks.
    pub fn len(&self) -> usize {
        self.grid().iter().product()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of weights.
    pub fn weights(&self) -> usize {
        self.rows * self.outputs
    }

    /// Block of the weight at (row, output), counted row by row of blocks.
    pub fn of(&self, row: usize, output: usize) -> usize {
        row / self.size[0] * self.grid()[1] + output / self.size[1]
    }

    /// Every piece of neighbouring weights that lies in one block: (block, weights), in the order of the weights.
    pub fn pieces(&self) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        (0..self.outputs).flat_map(move |output| {
            (0..self.rows).step_by(self.size[0]).map(move |row| {
                let start = output * self.rows + row;
                (self.of(row, output), start..start + self.size[0].min(self.rows - row))
            })
        })
    }

    /// Number of weights of every block.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.len()];
        self.pieces().for_each(|(block, piece)| sizes[block] += piece.len());
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_every_weight_once_in_its_block() {
        let blocks = Blocks { rows: 20, outputs: 10, size: [9, 8] };
        assert_eq!((blocks.grid(), blocks.len()), ([3, 2], 6));
        let mut next = 0;
        for (block, piece) in blocks.pieces() {
            assert_eq!(piece.start, next);
            for i in piece.clone() {
                assert_eq!(blocks.of(i % 20, i / 20), block);
            }
            next = piece.end;
        }
        assert_eq!(next, 200);
        assert_eq!(blocks.sizes(), [72, 18, 72, 18, 16, 4]);
    }
}
