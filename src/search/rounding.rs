//! Rounding of a layer's weights with a precision for every block.
//!
//! Rows are rounded one after another; what an output loses in one row is made good by the rows still to come, as far as
//! their inputs go together (Hassibi, Stork 1993, "Second order derivatives for network pruning"; Frantar et al. 2023, "GPTQ").
//! With H = covariance of the inputs and H^-1 = U^T U (U upper triangular, rows in the order of rounding), an error e in
//! row i costs (e / U_ii)^2 and moves the rows j > i by -e U_ij / U_ii. A block's precision is chosen when its rows are reached,
//! on weights that carry the errors of all former blocks: the number of bits with the least error + price x cost.

use super::layer::Layer;
use super::linear::{cholesky, inverse};
use super::statistics::Statistics;
use rayon::prelude::*;
use std::ops::Range;

/// Rows that share blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockRow {
    /// Its place in the precision map.
    pub index: usize,
    /// Its rows, in the order of rounding.
    pub rows: Vec<usize>,
}

/// The rows in the order of rounding, and a factor U (see the module) for every channel group.
pub struct Order {
    /// Block rows in the order of rounding.
    pub block_rows: Vec<BlockRow>,
    factors: Vec<Vec<f64>>,
}

impl Order {
    /// Rows whose inputs vary most come first: there errors are dear, and many rows are left to make them good. `damped` holds
    /// the covariance of each channel group. `None` if one is not positive definite.
    pub fn new(rows: usize, block_height: usize, damped: &[Vec<f64>]) -> Option<Self> {
        let variance = |row: usize| damped.iter().map(|h| h[row * rows + row]).sum::<f64>();
        let mut block_rows: Vec<BlockRow> = (0..rows.div_ceil(block_height))
            .map(|index| {
                let mut of: Vec<usize> = (index * block_height..rows.min((index + 1) * block_height)).collect();
                of.sort_by(|a, b| variance(*b).total_cmp(&variance(*a)));
                BlockRow { index, rows: of }
            })
            .collect();
        let mean = |block: &BlockRow| block.rows.iter().map(|&r| variance(r)).sum::<f64>() / block.rows.len() as f64;
        block_rows.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
        let order: Vec<usize> = block_rows.iter().flat_map(|b| b.rows.iter().copied()).collect();
        let factors = damped.par_iter().map(|h| factor(h, &order)).collect::<Option<Vec<_>>>()?;
        Some(Order { block_rows, factors })
    }
}

/// U with H^-1 = U^T U, rows in `order`.
pub fn factor(h: &[f64], order: &[usize]) -> Option<Vec<f64>> {
    let n = order.len();
    let permuted: Vec<f64> = order.iter().flat_map(|&a| order.iter().map(move |&b| h[a * n + b])).collect();
    let lower = cholesky(&inverse(&cholesky(&permuted, n)?, n), n)?;
    let mut upper = vec![0.0; n * n];
    for (i, j) in (0..n).flat_map(|i| (i..n).map(move |j| (i, j))) {
        upper[i * n + j] = lower[j * n + i];
    }
    Some(upper)
}

/// What to round, and by which measure.
pub struct Task<'a> {
    /// The layer.
    pub layer: &'a Layer<'a>,
    /// Order of rounding.
    pub order: &'a Order,
    /// Wanted weights, `[output][row]`.
    pub target: &'a [f64],
    /// What an integer is worth, per output.
    pub step: &'a [f64],
    /// Columns of a block.
    pub block_width: usize,
    /// Price of each number of bits of a block of so many rows and columns, in units of the output error: `(rows, columns, bits)`.
    pub price: &'a (dyn Fn(usize, usize, u32) -> f64 + Sync),
    /// Numbers of bits to choose from.
    pub bits: Range<u32>,
}

/// Integers and their bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Rounded {
    /// `[output][row]`.
    pub integers: Vec<i32>,
    /// `[block row][block column]` magnitude bits: as many as the integers need.
    pub bits: Vec<Vec<u8>>,
    /// Sum over the outputs of the variance of their error.
    pub error: f64,
    /// Sum of the blocks' prices.
    pub price: f64,
}

/// Rounds all blocks. Block columns share nothing, so they are independent.
pub fn round(task: &Task) -> Rounded {
    let (outputs, width) = (task.layer.outputs, task.block_width);
    let columns: Vec<Column> = (0..outputs.div_ceil(width)).into_par_iter().map(|c| Column::round(task, c * width..outputs.min((c + 1) * width))).collect();
    let mut all = Rounded { integers: Vec::new(), bits: vec![Vec::new(); task.order.block_rows.len()], error: 0.0, price: 0.0 };
    for column in columns {
        all.integers.extend(column.integers);
        all.bits.iter_mut().zip(column.bits).for_each(|(row, bits)| row.push(bits));
        all.error += column.error;
        all.price += column.price;
    }
    all
}

/// The blocks of some outputs.
struct Column {
    integers: Vec<i32>,
    bits: Vec<u8>,
    error: f64,
    price: f64,
}

/// One output of a block, rounded.
pub struct Line {
    /// Integers, in the order of rounding.
    pub integers: Vec<i32>,
    /// Errors over U_ii.
    errors: Vec<f64>,
    /// Sum of the squares of these: what the integers add to the output's error.
    pub error: f64,
}

impl Line {
    /// Magnitude bits that the integers of a block need.
    pub fn needed_bits(block: &[Line]) -> u32 {
        let largest = block.iter().flat_map(|l| &l.integers).map(|n| n.unsigned_abs()).max().unwrap_or(0);
        u32::BITS - largest.leading_zeros()
    }
}

impl Column {
    fn round(task: &Task, outputs: Range<usize>) -> Self {
        let (rows, layer) = (task.layer.rows, task.layer);
        let upper = |output: usize| &task.order.factors[output / layer.group_outputs()];
        let order: Vec<usize> = task.order.block_rows.iter().flat_map(|b| b.rows.iter().copied()).collect();
        // Weights in the order of rounding; they take up the errors of former rows.
        let mut weights: Vec<Vec<f64>> = outputs.clone().map(|n| order.iter().map(|&row| task.target[n * rows + row]).collect()).collect();
        let mut all = Column { integers: vec![0; outputs.len() * rows], bits: vec![0; task.order.block_rows.len()], error: 0.0, price: 0.0 };
        let mut first = 0;
        for block in &task.order.block_rows {
            let end = first + block.rows.len();
            let mut best: Option<(f64, u32, Vec<Line>)> = None;
            for bits in task.bits.clone() {
                let lines: Vec<Line> = outputs.clone().zip(&weights).map(|(n, w)| line(&w[first..end], upper(n), rows, first, task.step[n], bits)).collect();
                let needed = Line::needed_bits(&lines);
                let cost = lines.iter().map(|l| l.error).sum::<f64>() + (task.price)(block.rows.len(), outputs.len(), needed);
                if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                    best = Some((cost, needed, lines));
                }
                if needed < bits {
                    break; // more bits change nothing
                }
            }
            let Some((_, bits, lines)) = best else { continue };
            all.bits[block.index] = bits as u8;
            all.price += (task.price)(block.rows.len(), outputs.len(), bits);
            for (i, line) in lines.into_iter().enumerate() {
                all.error += line.error;
                block.rows.iter().zip(&line.integers).for_each(|(row, integer)| all.integers[i * rows + row] = *integer);
                let upper = upper(outputs.start + i);
                let rest = &mut weights[i][end..];
                for (row, error) in (first..end).zip(&line.errors).filter(|(_, e)| **e != 0.0) {
                    rest.iter_mut().zip(&upper[row * rows + end..]).for_each(|(w, u)| *w -= error * u);
                }
            }
            first = end;
        }
        all
    }
}

/// Rounds an output's rows `first..` to at most `bits` magnitude bits each; `upper` is a factor of `rows` x `rows`.
pub fn line(weights: &[f64], upper: &[f64], rows: usize, first: usize, step: f64, bits: u32) -> Line {
    let top = f64::from((1i32 << bits) - 1);
    let mut weights = weights.to_vec();
    let count = weights.len();
    let mut out = Line { integers: vec![0; count], errors: vec![0.0; count], error: 0.0 };
    for i in 0..count {
        let u = &upper[(first + i) * rows + first..][..count];
        let integer = (weights[i] / step).round_ties_even().clamp(-top, top);
        let error = (weights[i] - integer * step) / u[i];
        out.integers[i] = integer as i32;
        out.errors[i] = error;
        out.error += error * error;
        weights[i + 1..].iter_mut().zip(&u[i + 1..]).for_each(|(w, u)| *w -= error * u);
    }
    out
}

/// What sums in f32 may be wrong by, relative to what is summed.
const SUM_ROUNDING: f64 = 1e-5;

/// The covariance of each channel group with `damping` times its mean variance on the diagonal: what few samples say of inputs
/// that go together is not taken at its word, and the matrix is positive definite.
pub fn damped(statistics: &[Statistics], damping: f64) -> (Vec<Vec<f64>>, Vec<f64>) {
    let one = |s: &Statistics| {
        let rows = s.mean_input.len();
        let mean = |of: &dyn Fn(usize) -> f64| (0..rows).map(of).sum::<f64>() / rows as f64;
        let variance = mean(&|r| s.covariance[r * rows + r]);
        // Inputs that do not vary leave what f32 sums of their squares were rounded by.
        let rounding = SUM_ROUNDING * mean(&|r| s.mean_input[r] * s.mean_input[r]);
        let delta = damping * variance.max(0.0) + rounding.max(f64::from(f32::MIN_POSITIVE));
        let mut h = s.covariance.clone();
        (0..rows).for_each(|r| h[r * rows + r] += delta);
        (h, delta)
    };
    statistics.iter().map(one).unzip()
}
