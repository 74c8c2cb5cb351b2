//! A small simulator of the schedule of BWQ-H (Algorithm 2 of the paper): bits in explicit cells, one OU a cycle in each
//! crossbar. It is the oracle of the closed formulas in `mapping` and `count`, and shares no code with them.
//!
//! Algorithm 2 cannot be run as it is printed (indices from 0 used as from 1, rows after columns, a column index that is
//! never reset, no loop over input bits); this is what the prose and Fig. 6b say: for each input bit, for each row of blocks,
//! its inputs are fetched once and held while the OUs of all its blocks are read, most significant bit first, `psum = (psum
//! << 1) + ADC`. The table says how many OUs a block takes; spare OUs and blocks of no bits are skipped. Where a block's OUs
//! lie in two crossbars, each adds its share at its worth.

use crate::config::RowCut;
use crate::config::cost::Placement;

/// What the simulator runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Wordlines and bitlines of a crossbar.
    pub crossbar: [usize; 2],
    /// Wordlines and bitlines of an OU, which is the size of a block.
    pub ou: [usize; 2],
    /// Bits of a cell.
    pub cell_bits: u32,
    /// Bits of an input step.
    pub dac_bits: u32,
    /// Bits of an activation.
    pub activation_bits: u32,
    /// Where rows are cut.
    pub row_cut: RowCut,
    /// How blocks share columns.
    pub placement: Placement,
}

/// One cycle of one crossbar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycle {
    /// Crossbar: [from the top, from the left].
    pub crossbar: [usize; 2],
    /// OU in it: [row, column].
    pub ou: [usize; 2],
    /// Block: [row, column]; of a block that a border cuts, both parts have its number.
    pub block: [usize; 2],
    /// Slice of the block's weights, 0 the least significant.
    pub slice: u32,
    /// Input step, 0 the least significant.
    pub input_step: u32,
}

/// What a position's product took, and what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// Every OU that was read, crossbar after crossbar, in the order of each.
    pub cycles: Vec<Cycle>,
    /// Rows of blocks whose inputs were fetched, over input steps.
    pub fetches: usize,
    /// Entries of the table that were read, over input steps: one for every block.
    pub table_reads: usize,
    /// OUs that were spare and skipped, over input steps.
    pub skipped: usize,
    /// The product: one number for each output.
    pub outputs: Vec<i64>,
}

/// An OU's cells in a crossbar, and what they stand for.
struct Placed {
    at: Cycle,
    rows: [usize; 2],
    /// `[row][bitline]`: a slice of the magnitude, with the sign of its weight. How signs are held is not the schedule's matter.
    cells: Vec<Vec<i64>>,
}

impl Run {
    /// Cycles of the crossbar that has most.
    pub fn longest(&self) -> usize {
        let mut counts = std::collections::BTreeMap::new();
        self.cycles.iter().for_each(|c| *counts.entry(c.crossbar).or_insert(0) += 1);
        counts.into_values().max().unwrap_or(0)
    }
}

impl Machine {
    /// The product of `weights` `[row][output]` with one vector of inputs, weights of a block `[row][column]` having at most
    /// `bits` bits of magnitude.
    pub fn run(&self, weights: &[Vec<i64>], bits: &[Vec<u8>], inputs: &[u64]) -> Run {
        let outputs = weights.first().map_or(0, Vec::len);
        let mut run = Run { outputs: vec![0; outputs], ..Run::default() };
        let (placed, spare) = self.place(weights, bits);
        let steps = self.activation_bits.div_ceil(self.dac_bits);
        let mut crossbars: Vec<[usize; 2]> = placed.iter().map(|p| p.at.crossbar).collect();
        crossbars.sort_unstable();
        crossbars.dedup();
        for input_step in 0..steps {
            run.table_reads += bits.iter().map(Vec::len).sum::<usize>();
            run.skipped += spare;
            for crossbar in &crossbars {
                self.step(*crossbar, input_step, &placed, inputs, &mut run);
            }
        }
        run
    }

    /// One input step of one crossbar: its rows of blocks from the top, the OUs of each from the left.
    fn step(&self, crossbar: [usize; 2], input_step: u32, placed: &[Placed], inputs: &[u64], run: &mut Run) {
        let here: Vec<&Placed> = placed.iter().filter(|p| p.at.crossbar == crossbar).collect();
        for ou_row in here.chunk_by(|a, b| a.at.ou[0] == b.at.ou[0]) {
            let [start, end] = ou_row[0].rows;
            let mask = (1u64 << self.dac_bits) - 1;
            let held: Vec<i64> = inputs[start..end].iter().map(|x| (x >> (input_step * self.dac_bits) & mask) as i64).collect();
            run.fetches += 1;
            for block in ou_row.chunk_by(|a, b| a.at.block == b.at.block) {
                let mut psum = vec![0i64; self.ou[1]];
                for ou in block {
                    for (sum, bitline) in psum.iter_mut().zip(0..) {
                        let adc: i64 = held.iter().zip(&ou.cells).map(|(x, row)| x * row[bitline]).sum();
                        *sum = (*sum << self.cell_bits) + adc;
                    }
                    run.cycles.push(Cycle { input_step, ..ou.at });
                }
                // Slices that are in the next crossbar, or none.
                let worth = block[block.len() - 1].at.slice * self.cell_bits + input_step * self.dac_bits;
                let first = block[0].at.block[1] * self.ou[1];
                for (output, sum) in run.outputs[first..].iter_mut().zip(&psum) {
                    *output += sum << worth;
                }
            }
        }
    }

    /// Writes the cells: every OU that holds something, in the order of reading, and how many are spare before the last of a row.
    fn place(&self, weights: &[Vec<i64>], bits: &[Vec<u8>]) -> (Vec<Placed>, usize) {
        let ([height, width], beside) = (self.ou, self.crossbar[1] / self.ou[1]);
        let slices_of = |block: [usize; 2]| u32::from(bits[block[0]][block[1]]).div_ceil(self.cell_bits);
        let (mut placed, mut spare) = (Vec::new(), 0);
        for (top, pieces) in self.rows_of_crossbars(weights.len()).into_iter().enumerate() {
            let columns = bits.first().map_or(0, Vec::len);
            let widest = |column: usize| pieces.iter().flat_map(|&[start, end]| start / height..end.div_ceil(height)).map(|row| slices_of([row, column])).max().unwrap_or(0);
            for (ou_row, &[start, end]) in pieces.iter().enumerate() {
                let mut next = 0;
                for column in 0..columns {
                    // Where a crossbar's rows are cut physically, a piece can have a share in two rows of blocks: it holds the wider.
                    let block_row = (start / height..end.div_ceil(height)).max_by_key(|&row| (slices_of([row, column]), std::cmp::Reverse(row))).unwrap_or(0);
                    let slices = slices_of([block_row, column]);
                    let room = if self.placement == Placement::BitAligned { widest(column) } else { slices };
                    spare += (room - slices) as usize;
                    next += (room - slices) as usize;
                    for slice in (0..slices).rev() {
                        let cell = |row: usize, bitline: usize| {
                            let weight = weights[row].get(column * width + bitline).copied().unwrap_or(0);
                            weight.signum() * (weight.abs() >> (slice * self.cell_bits) & ((1 << self.cell_bits) - 1))
                        };
                        let at = Cycle { crossbar: [top, next / beside], ou: [ou_row, next % beside], block: [block_row, column], slice, input_step: 0 };
                        placed.push(Placed { at, rows: [start, end], cells: (start..end).map(|row| (0..width).map(|bitline| cell(row, bitline)).collect()).collect() });
                        next += 1;
                    }
                }
            }
        }
        (placed, spare)
    }

    /// For each crossbar from the top, the rows `[start, end)` of each of its rows of OUs.
    fn rows_of_crossbars(&self, rows: usize) -> Vec<Vec<[usize; 2]>> {
        let mut crossbars = Vec::new();
        let mut row = 0;
        while row < rows {
            let (first, mut pieces) = (row, Vec::new());
            while row < rows {
                let room = self.crossbar[0] - (row - first);
                let height = match self.row_cut {
                    RowCut::BlockAligned if room < self.ou[0] => break,
                    RowCut::Physical if room == 0 => break,
                    _ => self.ou[0].min(room).min(rows - row),
                };
                pieces.push([row, row + height]);
                row += height;
            }
            crossbars.push(pieces);
        }
        crossbars
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the paper's Algorithm 2: two 2 x 2 blocks on a 4 x 4 array, the first in OU1 and OU2, the second in OU4 (OU3
    /// is spare): 6 cycles with 2 input bits.
    #[test]
    fn six_cycles() {
        let machine = Machine { crossbar: [4, 4], ou: [2, 2], cell_bits: 1, dac_bits: 1, activation_bits: 2, row_cut: RowCut::BlockAligned, placement: Placement::BitAligned };
        let weights = [[3, -2], [1, 2], [1, 0], [-1, 1]].map(Vec::from);
        let run = machine.run(&weights, &[vec![2], vec![1]], &[1, 2, 3, 1]);
        let cycle = |input_step, ou, row: usize, slice| Cycle { crossbar: [0, 0], ou, block: [row, 0], slice, input_step };
        let of_step = |step| [cycle(step, [0, 0], 0, 1), cycle(step, [0, 1], 0, 0), cycle(step, [1, 1], 1, 0)];
        assert_eq!(run.cycles, [of_step(0), of_step(1)].concat(), "OU1, OU2, OU4 for each input bit");
        assert_eq!((run.longest(), run.skipped, run.fetches, run.table_reads), (6, 2, 4, 4));
        assert_eq!(run.outputs, [3 + 2 + 3 - 1, -2 + 4 + 1]);
    }

    /// Closed up, the second block lies in OU3, and nothing is spare.
    #[test]
    fn packed() {
        let machine = Machine { crossbar: [4, 4], ou: [2, 2], cell_bits: 1, dac_bits: 1, activation_bits: 2, row_cut: RowCut::BlockAligned, placement: Placement::Packed };
        let run = machine.run(&[[3, -2], [1, 2], [1, 0], [-1, 1]].map(Vec::from), &[vec![2], vec![1]], &[1, 2, 3, 1]);
        assert_eq!((run.cycles[2].ou, run.skipped, run.cycles.len()), ([1, 0], 0, 6));
    }
}
