//! Looks the likeliest codes of all patterns up and flips some: one row of 32 columns per (vector, unit, step), and for
//! each of its flips 32 random numbers of 16 bits, two from each word of the hash.
//!
//! A word's column is that of the pair it serves: number of the flip and of the pair in the tile, and the tile's first
//! column. [`crate::engine::cpu::plain::flips`] has the plain way.

use super::flip_tables::{FLIPS, FlipRow};
use crate::crossbar::CrossbarLayer;
use crate::engine::cpu::lanes::rows::Rows;
use crate::engine::cpu::lanes::{INTS, Ints, Lanes, WORDS, with_lanes};
use crate::engine::cpu::look_up_codes::Patterns;
use crate::rng::{READ_MULTIPLIERS, ReadKeys, ReadStream, column_code};
use std::ops::Range;

/// Whose reads they are.
#[derive(Clone, Copy)]
pub struct FlipReads<'a> {
    /// Per vector.
    pub streams: &'a [ReadStream],
    /// The first unit's row group.
    pub first_group: usize,
    /// Of the tile.
    pub columns: &'a [Ints; FLIPS],
}

/// The columns' parts of the hash in a tile: per flip, of 16 pairs of columns.
pub fn flip_columns(layer: &CrossbarLayer, tile: usize) -> [Ints; FLIPS] {
    std::array::from_fn(|flip| Ints(std::array::from_fn(|pair| column_code(flip_key(layer, tile, flip, pair)) as i32)))
}

/// The number that stands for a pair of columns; all of a layer differ, those of its other channel groups too.
pub fn flip_key(layer: &CrossbarLayer, tile: usize, flip: usize, pair: usize) -> u32 {
    let first = tile * WORDS;
    u32::from(first == layer.outputs) << 31 | (layer.first_output + first as u32) << 6 | (flip as u32) << 4 | pair as u32
}

with_lanes! {
    /// Adds the block's codes, flipped or not and shifted by step, to the accumulators `[vector]` of the tile's columns 0..16
    /// and 16..32; of 16 columns there are no others.
    pub fn look_up_flips(table: &[FlipRow], patterns: Patterns, reads: FlipReads, low: &mut [Ints], high: &mut [Ints]) = look_up
}

/// Keys of all units and steps of a vector; a block has at most this many.
const MOST_KEYS: usize = 256;

#[inline(always)]
fn look_up<L: Lanes>(lanes: L, table: &[FlipRow], patterns: Patterns, reads: FlipReads, low: &mut [Ints], high: &mut [Ints]) {
    let Some(rows) = Rows::new(table) else { return };
    let (units, steps) = (patterns.units, patterns.steps);
    let mut columns = [lanes.all(0); FLIPS];
    for (to, columns) in columns.iter_mut().zip(reads.columns) {
        *to = lanes.ints(columns);
    }
    let multipliers = [lanes.all(READ_MULTIPLIERS[0] as i32), lanes.all(READ_MULTIPLIERS[1] as i32)];
    let mut keys = [ReadKeys([0; 2]); MOST_KEYS];
    let vectors = patterns.numbers.chunks_exact(units * steps).zip(reads.streams).zip(low);
    for (vector, ((numbers, stream), low)) in vectors.enumerate() {
        for unit in 0..units {
            for step in 0..steps {
                keys[(unit * steps + step) % MOST_KEYS] = stream.keys((reads.first_group + unit) as u32, step as u32);
            }
        }
        let mut sums = [lanes.ints(low), lanes.all(0)];
        for step in (0..steps).step_by(2) {
            let first = of_step(lanes, rows, numbers, &keys, steps, step..step + 1, columns, multipliers);
            let second = of_step(lanes, rows, numbers, &keys, steps, step + 1..(step + 2).min(steps), columns, multipliers);
            let pair = lanes.pair(first, second, (1, 1 << patterns.dac_bits));
            let shift = step as u32 * patterns.dac_bits;
            sums = [lanes.add(sums[0], lanes.shift_left(pair[0], shift)), lanes.add(sums[1], lanes.shift_left(pair[1], shift))];
        }
        lanes.store(sums[0], low);
        if let Some(high) = high.get_mut(vector) {
            lanes.store(lanes.add(lanes.ints(high), sums[1]), high);
        }
    }
}

/// The codes of one step, or of none, over all units.
#[inline(always)]
fn of_step<L: Lanes>(lanes: L, rows: Rows<FlipRow>, numbers: &[u16], keys: &[ReadKeys; MOST_KEYS], steps: usize, step: Range<usize>, columns: [L::Ints; FLIPS], multipliers: [L::Ints; 2]) -> L::Words {
    let mut sum = lanes.words(&crate::engine::cpu::lanes::Words::ZERO);
    for step in step {
        for at in (step..numbers.len()).step_by(steps) {
            let row = rows.one(numbers[at]);
            let ReadKeys([first, second]) = keys[at % MOST_KEYS];
            let keys = [lanes.all(first as i32), lanes.all(second as i32)];
            sum = lanes.add_words(sum, lanes.words(&row.codes));
            for flip in 0..FLIPS {
                let place = lanes.as_words(word(lanes, columns[flip], keys, multipliers));
                sum = lanes.add_where_less(sum, place, lanes.words(&row.thresholds[flip]), lanes.words(&row.deltas[flip]));
            }
        }
    }
    sum
}

/// [`ReadKeys::word`] of 16 columns.
#[inline(always)]
fn word<L: Lanes>(lanes: L, columns: L::Ints, keys: [L::Ints; 2], multipliers: [L::Ints; 2]) -> L::Ints {
    let x = lanes.xor(columns, keys[0]);
    let x = lanes.xor(lanes.mul(lanes.xor(x, lanes.shift_right(x, 16)), multipliers[0]), keys[1]);
    let x = lanes.mul(lanes.xor(x, lanes.shift_right(x, 15)), multipliers[1]);
    lanes.xor(x, lanes.shift_right(x, 16))
}

/// Row groups and steps that a block may have: their keys are kept while a vector is looked up.
pub const MOST_UNITS: usize = MOST_KEYS / 16;
const _: () = assert!(INTS * 2 == WORDS && FLIPS <= 4);
