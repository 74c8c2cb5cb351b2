//! Looks the codes of all patterns up and adds them: one row of 32 columns per (vector, unit, step).
//! [`super::plain`] has the plain way, as the shaders do it.
//!
//! This is the inner loop of the engine: one random cache line of a table and one addition per row, so that it runs at
//! the rate at which the second-level cache gives random lines.

use super::lanes::rows::{NUMBER_STEP, Row, Rows, add_rows};
use super::lanes::{HalfWords, Ints, Lanes, Words, with_lanes};

/// What is looked up.
#[derive(Clone, Copy)]
pub struct Patterns<'a> {
    /// `[vector][unit][step]`: numbers of table rows, as [`Rows`] takes them.
    pub numbers: &'a [u16],
    /// Units of the block.
    pub units: usize,
    /// Input steps.
    pub steps: usize,
    /// Bits of a step.
    pub dac_bits: u32,
}

with_lanes! {
    /// Adds the block's codes, shifted by step, to the accumulators `[vector]` of the tile's columns 0..16 and 16..32.
    /// `next`, the table that comes after this one, is brought nearer meanwhile.
    pub fn look_up_codes(table: &[Words], next: &[Words], patterns: Patterns, low: &mut [Ints], high: &mut [Ints]) = look_up
}

with_lanes! {
    /// The same for a tile of no more than 16 columns, whose rows are half as long: more of them are near.
    pub fn look_up_half_codes(table: &[HalfWords], next: &[HalfWords], patterns: Patterns, accumulators: &mut [Ints]) = look_up_half
}

/// A row of codes, which are shifted and added.
trait Codes<L: Lanes>: Row<L> {
    /// Sixteenths of columns in it.
    const HALVES: usize;
    /// Rows that fit the registers as accumulators.
    const ACCUMULATORS: usize;
    /// factors.0 a + factors.1 b, widened: as many sixteenths as there are.
    fn pair(lanes: L, a: Self::Register, b: Self::Register, factors: (i16, i16)) -> [L::Ints; 2];
}

impl<L: Lanes> Codes<L> for Words {
    const HALVES: usize = 2;
    const ACCUMULATORS: usize = L::ACCUMULATORS;
    #[inline(always)]
    fn pair(lanes: L, a: L::Words, b: L::Words, factors: (i16, i16)) -> [L::Ints; 2] {
        lanes.pair(a, b, factors)
    }
}

impl<L: Lanes> Codes<L> for HalfWords {
    const HALVES: usize = 1;
    const ACCUMULATORS: usize = 8;
    #[inline(always)]
    fn pair(lanes: L, a: L::HalfWords, b: L::HalfWords, factors: (i16, i16)) -> [L::Ints; 2] {
        [lanes.pair_half(a, b, factors), lanes.all(0)]
    }
}

#[inline(always)]
fn look_up_half<L: Lanes>(lanes: L, table: &[HalfWords], next: &[HalfWords], patterns: Patterns, accumulators: &mut [Ints]) {
    look_up(lanes, table, next, patterns, accumulators, &mut [])
}

#[inline(always)]
fn look_up<L: Lanes, R: Codes<L>>(lanes: L, table: &[R], next: &[R], patterns: Patterns, low: &mut [Ints], high: &mut [Ints]) {
    debug_assert!(table.len().is_power_of_two());
    let Some(rows) = Rows::new(table) else { return };
    if patterns.steps == 8 && patterns.dac_bits == 1 {
        all_vectors::<L, R, true>(lanes, rows, next, patterns, low, high);
    } else {
        all_vectors::<L, R, false>(lanes, rows, next, patterns, low, high);
    }
}

/// `USUAL`: eight steps of one bit, which the compiler can then count on.
#[inline(always)]
fn all_vectors<L: Lanes, R: Codes<L>, const USUAL: bool>(lanes: L, rows: Rows<R>, next: &[R], patterns: Patterns, low: &mut [Ints], high: &mut [Ints]) {
    let (steps, dac_bits) = if USUAL { (8, 1) } else { (patterns.steps, patterns.dac_bits) };
    let mut prefetched = next.chunks(next.len().div_ceil(low.len().max(1)).max(1));
    for (vector, (numbers, low)) in patterns.numbers.chunks_exact(patterns.units * steps).zip(low).enumerate() {
        for row in prefetched.next().unwrap_or(&[]).iter().step_by(64 / size_of::<R>()) {
            lanes.prefetch(row);
        }
        let mut sums = [lanes.all(0); 2];
        let mut first = 0;
        // As many steps at once as there are registers.
        while first < steps {
            let count = (steps - first).min(R::ACCUMULATORS);
            let added = match count {
                8 => some_steps::<L, R, 8>(lanes, rows, numbers, steps, first, dac_bits),
                4..8 => some_steps::<L, R, 4>(lanes, rows, numbers, steps, first, dac_bits),
                2..4 => some_steps::<L, R, 2>(lanes, rows, numbers, steps, first, dac_bits),
                _ => some_steps::<L, R, 1>(lanes, rows, numbers, steps, first, dac_bits),
            };
            for h in 0..R::HALVES {
                sums[h] = lanes.add(sums[h], shifted(lanes, added[h], first as u32 * dac_bits));
            }
            first += 1 << count.ilog2();
        }
        lanes.store(lanes.add(lanes.ints(low), sums[0]), low);
        if R::HALVES == 2 {
            let high = &mut high[vector];
            lanes.store(lanes.add(lanes.ints(high), sums[1]), high);
        }
    }
}

/// The codes of `STEPS` of `steps` steps from `first` on, each shifted by its place among them.
#[inline(always)]
fn some_steps<L: Lanes, R: Codes<L>, const STEPS: usize>(lanes: L, rows: Rows<R>, numbers: &[u16], steps: usize, first: usize, dac_bits: u32) -> [L::Ints; 2] {
    let mut sums = [R::zero(lanes); STEPS];
    if steps == 8 && STEPS == 8 {
        // Two units at a time: what counts the units is a tenth of the work.
        let (pairs, last) = numbers.as_chunks::<16>();
        for pair in pairs {
            add_rows(lanes, rows, &pair[..8], &mut sums);
            add_rows(lanes, rows, &pair[8..], &mut sums);
        }
        for unit in last.as_chunks::<8>().0 {
            add_rows(lanes, rows, unit, &mut sums);
        }
    } else if steps == STEPS {
        for unit in numbers.as_chunks::<STEPS>().0 {
            add_rows(lanes, rows, unit, &mut sums);
        }
    } else {
        for unit in numbers.chunks_exact(steps) {
            add_rows(lanes, rows, &unit[first..first + STEPS], &mut sums);
        }
    }
    let mut out = [lanes.all(0); 2];
    for t in (0..STEPS).step_by(2) {
        let next = if t + 1 < STEPS { sums[t + 1] } else { R::zero(lanes) };
        let (factors, shift) = weights(t, STEPS, dac_bits);
        let pair = R::pair(lanes, sums[t], next, factors);
        for h in 0..R::HALVES {
            out[h] = lanes.add(out[h], shifted(lanes, pair[h], shift));
        }
    }
    out
}

#[inline(always)]
fn shifted<L: Lanes>(lanes: L, codes: L::Ints, shift: u32) -> L::Ints {
    if shift == 0 { codes } else { lanes.shift_left(codes, shift) }
}

/// What the steps `t` and `t + 1` of `steps` count: factors of 16 bits, and a shift where those do not suffice.
#[inline(always)]
fn weights(t: usize, steps: usize, dac_bits: u32) -> ((i16, i16), u32) {
    let shift = t as u32 * dac_bits;
    if steps as u32 * dac_bits <= 14 { ((1 << shift, 1 << (shift + dac_bits)), 0) } else { ((1, 1 << dac_bits), shift) }
}

/// Conversions clipped in all patterns, from the count of each table row.
pub fn clipped(patterns: Patterns, clips: &[u32]) -> u64 {
    // 32-bit partial sums: a row has fewer than 2^16 conversions.
    patterns.numbers.chunks(1 << 12).map(|some| u64::from(some.iter().map(|&n| clips[usize::from(n) / NUMBER_STEP]).sum::<u32>())).sum()
}
