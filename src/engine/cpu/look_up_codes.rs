//! Looks the codes of all patterns up and adds them: one row of 32 columns per (vector, unit, step).
//! [`super::plain`] has the plain way, as the shaders do it.
//!
//! This is the inner loop of the engine: one random cache line of a table and one addition per row, so that it runs at
//! the rate at which the second-level cache gives random lines.

use super::lanes::{HalfWords, Ints, Lanes, Words, with_lanes};

/// What is looked up.
#[derive(Clone, Copy)]
pub struct Patterns<'a> {
    /// `[vector][unit][step]`: numbers of table rows.
    pub numbers: &'a [u16],
    /// Units of the block.
    pub units: usize,
    /// Input steps.
    pub steps: usize,
    /// Bits of a step.
    pub dac_bits: u32,
}

with_lanes! {
    /// Adds the block's codes, shifted by step, to the accumulators `[vector]` of the tile's columns 0..16 and 16..32;
    /// the second may be empty, where there are no such columns. `next`, the table that comes after this one, is brought
    /// nearer meanwhile.
    pub fn look_up_codes(table: &[Words], next: &[Words], patterns: Patterns, low: &mut [Ints], high: &mut [Ints]) = look_up
}

#[inline(always)]
fn look_up<L: Lanes>(lanes: L, table: &[Words], next: &[Words], patterns: Patterns, low: &mut [Ints], high: &mut [Ints]) {
    let mut unused = Ints::ZERO;
    let mut prefetched = next.chunks(next.len().div_ceil(low.len().max(1)).max(1));
    for (vector, (numbers, low)) in patterns.numbers.chunks_exact(patterns.units * patterns.steps).zip(low).enumerate() {
        for row in prefetched.next().unwrap_or(&[]) {
            lanes.prefetch(row);
        }
        let high = high.get_mut(vector).unwrap_or(&mut unused);
        let mut sums = [lanes.ints(low), lanes.ints(high)];
        let mut first = 0;
        // As many steps at once as there are registers.
        while first < patterns.steps {
            let count = (patterns.steps - first).min(L::ACCUMULATORS);
            let added = match count {
                8 => some_steps::<L, 8>(lanes, table, &patterns, numbers, first),
                4..8 => some_steps::<L, 4>(lanes, table, &patterns, numbers, first),
                2..4 => some_steps::<L, 2>(lanes, table, &patterns, numbers, first),
                _ => some_steps::<L, 1>(lanes, table, &patterns, numbers, first),
            };
            let shift = first as u32 * patterns.dac_bits;
            for h in 0..2 {
                sums[h] = lanes.add(sums[h], if shift == 0 { added[h] } else { lanes.shift_left(added[h], shift) });
            }
            first += 1 << count.ilog2();
        }
        lanes.store(sums[0], low);
        lanes.store(sums[1], high);
    }
}

/// The codes of `STEPS` steps from `first` on, each shifted by its place among them.
#[inline(always)]
fn some_steps<L: Lanes, const STEPS: usize>(lanes: L, table: &[Words], patterns: &Patterns, numbers: &[u16], first: usize) -> [L::Ints; 2] {
    let mut sums = [lanes.words(&Words::ZERO); STEPS];
    if patterns.steps == STEPS {
        for unit in numbers.as_chunks::<STEPS>().0 {
            for t in 0..STEPS {
                sums[t] = lanes.add_words(sums[t], lanes.words(&table[usize::from(unit[t])]));
            }
        }
    } else {
        for unit in numbers.chunks_exact(patterns.steps) {
            let numbers = &unit[first..first + STEPS];
            for t in 0..STEPS {
                sums[t] = lanes.add_words(sums[t], lanes.words(&table[usize::from(numbers[t])]));
            }
        }
    }
    let mut out = [lanes.all(0); 2];
    for t in (0..STEPS).step_by(2) {
        let next = if t + 1 < STEPS { sums[t + 1] } else { lanes.words(&Words::ZERO) };
        let (factors, shift) = weights(t, STEPS, patterns.dac_bits);
        let pair = lanes.pair(sums[t], next, factors);
        for h in 0..2 {
            out[h] = lanes.add(out[h], if shift == 0 { pair[h] } else { lanes.shift_left(pair[h], shift) });
        }
    }
    out
}

/// What the steps `t` and `t + 1` of `steps` count: factors of 16 bits, and a shift where those do not suffice.
#[inline(always)]
fn weights(t: usize, steps: usize, dac_bits: u32) -> ((i16, i16), u32) {
    let shift = t as u32 * dac_bits;
    if steps as u32 * dac_bits <= 14 { ((1 << shift, 1 << (shift + dac_bits)), 0) } else { ((1, 1 << dac_bits), shift) }
}

with_lanes! {
    /// The same for a tile of no more than 16 columns, whose rows are half as long: more of them are near.
    pub fn look_up_half_codes(table: &[HalfWords], next: &[HalfWords], patterns: Patterns, accumulators: &mut [Ints]) = look_up_half
}

#[inline(always)]
fn look_up_half<L: Lanes>(lanes: L, table: &[HalfWords], next: &[HalfWords], patterns: Patterns, accumulators: &mut [Ints]) {
    let mut prefetched = next.chunks(next.len().div_ceil(accumulators.len().max(1)).max(1));
    for (numbers, accumulator) in patterns.numbers.chunks_exact(patterns.units * patterns.steps).zip(accumulators) {
        for row in prefetched.next().unwrap_or(&[]).iter().step_by(2) {
            lanes.prefetch(row); // two to a cache line
        }
        let mut sum = lanes.ints(accumulator);
        let mut first = 0;
        while first < patterns.steps {
            let count = (patterns.steps - first).min(8);
            let added = match count {
                8 => some_half_steps::<L, 8>(lanes, table, &patterns, numbers, first),
                4..8 => some_half_steps::<L, 4>(lanes, table, &patterns, numbers, first),
                2..4 => some_half_steps::<L, 2>(lanes, table, &patterns, numbers, first),
                _ => some_half_steps::<L, 1>(lanes, table, &patterns, numbers, first),
            };
            sum = lanes.add(sum, lanes.shift_left(added, first as u32 * patterns.dac_bits));
            first += 1 << count.ilog2();
        }
        lanes.store(sum, accumulator);
    }
}

/// The same as [`some_steps`].
#[inline(always)]
fn some_half_steps<L: Lanes, const STEPS: usize>(lanes: L, table: &[HalfWords], patterns: &Patterns, numbers: &[u16], first: usize) -> L::Ints {
    let mut sums = [lanes.half_words(&HalfWords::ZERO); STEPS];
    if patterns.steps == STEPS {
        for unit in numbers.as_chunks::<STEPS>().0 {
            for t in 0..STEPS {
                sums[t] = lanes.add_half_words(sums[t], lanes.half_words(&table[usize::from(unit[t])]));
            }
        }
    } else {
        for unit in numbers.chunks_exact(patterns.steps) {
            let numbers = &unit[first..first + STEPS];
            for t in 0..STEPS {
                sums[t] = lanes.add_half_words(sums[t], lanes.half_words(&table[usize::from(numbers[t])]));
            }
        }
    }
    let mut out = lanes.all(0);
    for t in (0..STEPS).step_by(2) {
        let next = if t + 1 < STEPS { sums[t + 1] } else { lanes.half_words(&HalfWords::ZERO) };
        let (factors, shift) = weights(t, STEPS, patterns.dac_bits);
        let pair = lanes.pair_half(sums[t], next, factors);
        out = lanes.add(out, if shift == 0 { pair } else { lanes.shift_left(pair, shift) });
    }
    out
}

/// Conversions clipped in all patterns, from the count of each table row.
pub fn clipped(patterns: Patterns, clips: &[u32]) -> u64 {
    // 32-bit partial sums: a row has fewer than 2^16 conversions.
    patterns.numbers.chunks(1 << 12).map(|some| u64::from(some.iter().map(|&n| clips[usize::from(n)]).sum::<u32>())).sum()
}
