//! Blocks chosen once more, each with all others as they are.
//!
//! The first rounding chooses a block before the rows after it are known. Here every block is taken out in turn: with E = integers
//! x step - target and H the covariance, the error of an output is E H E^T, and as a function of the block's rows R alone it is
//! least at E_R = -H_RR^-1 c with c = (E H)_R - E_R H_RR. The block is rounded around there at every number of bits, and the cheapest
//! takes the old one's place if error and price together fall. So they never rise.

use super::layer::Layer;
use super::linear::{cholesky, dot, solve};
use super::rounding::{Line, Rounded, factor, line};
use rayon::prelude::*;
use std::ops::Range;

/// Passes over all blocks.
const PASSES: usize = 3;

/// What is refined, and by which measure.
pub struct Task<'a> {
    /// The layer.
    pub layer: &'a Layer<'a>,
    /// Damped covariance of each channel group.
    pub h: &'a [Vec<f64>],
    /// Wanted weights, `[output][row]`.
    pub target: &'a [f64],
    /// What an integer is worth, per output.
    pub step: &'a [f64],
    /// Rows and columns of a block.
    pub block: [usize; 2],
    /// As in [`super::rounding::Task`].
    pub price: &'a (dyn Fn(usize, usize, u32) -> f64 + Sync),
    /// Numbers of bits to choose from.
    pub bits: Range<u32>,
}

/// Chooses every block again; `None` if a part of a covariance is not positive definite.
pub fn refine(task: &Task, rounded: Rounded) -> Option<Rounded> {
    let [height, width] = task.block;
    let (rows, outputs) = (task.layer.rows, task.layer.outputs);
    let blocks: Vec<Vec<BlockRow>> = task.h.par_iter().map(|h| (0..rows.div_ceil(height)).map(|i| BlockRow::new(h, rows, i * height..rows.min((i + 1) * height))).collect()).collect::<Option<_>>()?;
    let columns: Vec<(Vec<i32>, Vec<u8>, f64, f64)> = (0..outputs.div_ceil(width))
        .into_par_iter()
        .map(|column| {
            let range = column * width..outputs.min((column + 1) * width);
            let integers = rounded.integers[range.start * rows..range.end * rows].to_vec();
            let bits = rounded.bits.iter().map(|row| row[column]).collect();
            Column::new(task, range, integers, bits).passes(&blocks)
        })
        .collect();
    let mut all = Rounded { integers: Vec::new(), bits: vec![Vec::new(); rounded.bits.len()], error: 0.0, price: 0.0 };
    for (integers, bits, error, price) in columns {
        all.integers.extend(integers);
        all.bits.iter_mut().zip(bits).for_each(|(row, bits)| row.push(bits));
        all.error += error;
        all.price += price;
    }
    Some(all)
}

/// The rows of a block row, with H_RR = L L^T and the factor by which they are rounded.
struct BlockRow {
    rows: Range<usize>,
    part: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl BlockRow {
    fn new(h: &[f64], n: usize, rows: Range<usize>) -> Option<Self> {
        let part: Vec<f64> = rows.clone().flat_map(|a| h[a * n + rows.start..a * n + rows.end].iter().copied()).collect();
        let len = rows.len();
        Some(BlockRow { lower: cholesky(&part, len)?, upper: factor(&part, &(0..len).collect::<Vec<_>>())?, part, rows })
    }
}

/// The blocks of some outputs.
struct Column<'a> {
    task: &'a Task<'a>,
    outputs: Range<usize>,
    integers: Vec<i32>,
    bits: Vec<u8>,
    /// E, `[output][row]`.
    errors: Vec<f64>,
    /// E H, `[output][row]`.
    products: Vec<f64>,
}

impl<'a> Column<'a> {
    fn new(task: &'a Task<'a>, outputs: Range<usize>, integers: Vec<i32>, bits: Vec<u8>) -> Self {
        let rows = task.layer.rows;
        let target = &task.target[outputs.start * rows..outputs.end * rows];
        let errors: Vec<f64> = integers.iter().zip(target).enumerate().map(|(i, (&n, w))| f64::from(n) * task.step[outputs.start + i / rows] - w).collect();
        let mut column = Column { task, outputs, integers, bits, errors, products: Vec::new() };
        column.products = (0..column.outputs.len()).flat_map(|i| column.h(i).chunks_exact(rows).map(|h| dot(h, column.of(i))).collect::<Vec<f64>>()).collect();
        column
    }

    fn h(&self, i: usize) -> &'a [f64] {
        &self.task.h[(self.outputs.start + i) / self.task.layer.group_outputs()]
    }

    fn of(&self, i: usize) -> &[f64] {
        let rows = self.task.layer.rows;
        &self.errors[i * rows..(i + 1) * rows]
    }

    fn passes(mut self, blocks: &[Vec<BlockRow>]) -> (Vec<i32>, Vec<u8>, f64, f64) {
        for _ in 0..PASSES {
            let mut changed = false;
            for index in 0..self.bits.len() {
                changed |= self.choose(index, blocks);
            }
            if !changed {
                break;
            }
        }
        let error = self.errors.iter().zip(&self.products).map(|(e, p)| e * p).sum();
        let price = self.bits.iter().enumerate().map(|(i, &b)| (self.task.price)(blocks[0][i].rows.len(), self.outputs.len(), u32::from(b))).sum();
        (self.integers, self.bits, error, price)
    }

    /// Chooses one block again; true if it changed.
    fn choose(&mut self, index: usize, blocks: &[Vec<BlockRow>]) -> bool {
        let (task, rows) = (self.task, self.task.layer.rows);
        let group = |i: usize| (self.outputs.start + i) / task.layer.group_outputs();
        let range = blocks[0][index].rows.clone();
        let len = range.len();
        // Errors with which the block would be best, and those that it has, measured from there.
        let mut wanted = Vec::with_capacity(self.outputs.len());
        let mut now = (task.price)(len, self.outputs.len(), u32::from(self.bits[index]));
        for i in 0..self.outputs.len() {
            let block = &blocks[group(i)][index];
            let own = &self.of(i)[range.clone()];
            let mut best: Vec<f64> = block.part.chunks_exact(len).zip(&self.products[i * rows + range.start..]).map(|(h, p)| dot(h, own) - p).collect();
            solve(&block.lower, len, &mut best);
            let off: Vec<f64> = own.iter().zip(&best).map(|(e, b)| e - b).collect();
            now += block.part.chunks_exact(len).zip(&off).map(|(h, o)| o * dot(h, &off)).sum::<f64>();
            wanted.push(best);
        }
        let mut chosen: Option<(u32, Vec<Line>)> = None;
        for bits in task.bits.clone() {
            let lines: Vec<Line> = wanted.iter().enumerate().map(|(i, best)| {
                let target = &task.target[(self.outputs.start + i) * rows + range.start..][..len];
                let around: Vec<f64> = target.iter().zip(best).map(|(t, b)| t + b).collect();
                line(&around, &blocks[group(i)][index].upper, len, 0, task.step[self.outputs.start + i], bits)
            }).collect();
            let needed = Line::needed_bits(&lines);
            let cost = lines.iter().map(|l| l.error).sum::<f64>() + (task.price)(len, self.outputs.len(), needed);
            // Less than a rounding error is no gain.
            if cost < now * (1.0 - 1e-9) {
                now = cost;
                chosen = Some((needed, lines));
            }
            if needed < bits {
                break;
            }
        }
        let Some((bits, lines)) = chosen else { return false };
        self.bits[index] = bits as u8;
        for (i, line) in lines.iter().enumerate() {
            let h = self.h(i);
            for (row, &integer) in range.clone().zip(&line.integers) {
                let at = i * rows + row;
                let change = f64::from(integer - self.integers[at]) * task.step[self.outputs.start + i];
                if change != 0.0 {
                    self.integers[at] = integer;
                    self.errors[at] += change;
                    self.products[i * rows..(i + 1) * rows].iter_mut().zip(&h[row * rows..(row + 1) * rows]).for_each(|(p, h)| *p += change * h);
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::linear::positive;
    use super::super::rounding::{self, Order};
    use super::*;
    use crate::network::Tensor;

    /// Error and price together never rise, the error is that of the integers, and bits are those they need.
    #[test]
    fn choosing_again_never_costs_more() {
        for (rows, outputs, seed) in [(5, 3, 1), (18, 8, 2), (20, 11, 3), (9, 1, 4)] {
            let h = vec![positive(rows, seed)];
            let target: Vec<f64> = (0..rows * outputs).map(|i| ((i * i * 31 + seed * 17) % 101) as f64 / 50.0 - 1.0).collect();
            let weight = Tensor::of_floats(vec![outputs, rows], target.iter().map(|&w| w as f32).collect());
            let layer = Layer { node: 0, name: "l", weight: &weight, rows, outputs, groups: 1, positions: 1 };
            let step = vec![0.3; outputs];
            let price = |rows: usize, columns: usize, bits: u32| 0.02 * (rows * columns) as f64 * f64::from(bits);
            let order = Order::new(rows, 9, &h).expect("positive definite");
            let first = rounding::round(&rounding::Task { layer: &layer, order: &order, target: &target, step: &step, block_width: 8, price: &price, bits: 0..5 });
            let error = |integers: &[i32]| {
                let e: Vec<f64> = integers.iter().zip(&target).map(|(&n, t)| f64::from(n) * 0.3 - t).collect();
                e.chunks(rows).map(|e| h[0].chunks(rows).zip(e).map(|(h, e_i)| e_i * dot(h, e)).sum::<f64>()).sum::<f64>()
            };
            assert!((first.error - error(&first.integers)).abs() < 1e-9 * first.error.max(1.0), "the rounding's own count of its error");
            let again = refine(&Task { layer: &layer, h: &h, target: &target, step: &step, block: [9, 8], price: &price, bits: 0..5 }, first.clone()).expect("positive definite");
            assert!(again.error + again.price <= first.error + first.price + 1e-12, "{} {} to {} {}", first.error, first.price, again.error, again.price);
            assert!((again.error - error(&again.integers)).abs() < 1e-9 * again.error.max(1.0));
            assert_eq!(again.bits, super::super::candidate::needed_bits(&again.integers, rows, [9, 8]));
        }
    }
}
