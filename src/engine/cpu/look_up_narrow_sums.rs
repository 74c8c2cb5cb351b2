//! The same as [`super::look_up_sums`] where coarse conductances let 16 bits hold every sum: one row holds the sums of two
//! slices or sixteenths of outputs, and single precision converts them.

use super::code_tables::Converter;
use super::lanes::{INTS, Ints, Lanes, SMALL_START, Words, with_lanes};
use super::look_up_codes::Patterns;
use super::sum_tables::Columns;

/// 16 columns of a row: whose they are and what they count.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    /// Their conversions; nothing can be clipped there.
    pub columns: Columns,
    /// What a code counts: a power of two, negative for the minus plane.
    pub weight: i32,
    /// Where their accumulators begin.
    pub first: usize,
}

/// True if [`look_up_narrow_sums`] can take these inputs.
pub fn takes(patterns: Patterns, converter: &Converter) -> bool {
    patterns.steps == 8 && patterns.dac_bits == 1 && converter.single.is_some()
}

/// Puts the sums of 16 columns on one side (0 or 1) of the rows; every sum fits 16 bits.
pub fn narrow(sums: &[Ints], side: usize, rows: &mut [Words]) {
    for (row, sums) in rows.iter_mut().zip(sums) {
        for (word, &sum) in row.0[side * INTS..(side + 1) * INTS].iter_mut().zip(&sums.0) {
            *word = sum as i16;
        }
    }
}

with_lanes! {
    /// Adds what the codes of both sides count to their accumulators, `[vector]` from the side's first on. Eight steps of one bit.
    pub fn look_up_narrow_sums(table: &[Words], patterns: Patterns, converter: &Converter, sides: &[Side; 2], accumulators: &mut [Ints]) = look_up
}

#[inline(always)]
fn look_up<L: Lanes>(lanes: L, table: &[Words], patterns: Patterns, converter: &Converter, sides: &[Side; 2], accumulators: &mut [Ints]) {
    let Some((inverse, start)) = converter.single else { return };
    // The zero level, and what single precision adds to an index, are taken away once for all steps.
    let surplus = lanes.all(converter.zero.wrapping_add(SMALL_START).wrapping_mul(255));
    for (vector, numbers) in patterns.numbers.chunks_exact(patterns.units * 8).enumerate() {
        let mut sums = [lanes.words(&Words::ZERO); 8];
        for unit in numbers.as_chunks::<8>().0 {
            for t in 0..8 {
                sums[t] = lanes.add_words(sums[t], lanes.words(&table[usize::from(unit[t])]));
            }
        }
        let mut codes = [lanes.all(0); 2];
        for t in (0..8).rev() {
            let [first, second] = lanes.widen(sums[t]);
            codes[0] = lanes.add(lanes.add(codes[0], codes[0]), lanes.small_indices(first, inverse, start));
            codes[1] = lanes.add(lanes.add(codes[1], codes[1]), lanes.small_indices(second, inverse, start));
        }
        for (side, codes) in sides.iter().zip(codes) {
            let accumulator = &mut accumulators[side.first + vector];
            let counted = lanes.shift_left(lanes.and(lanes.sub(codes, surplus), lanes.ints(&side.columns.mask)), side.weight.unsigned_abs().ilog2());
            let before = lanes.ints(accumulator);
            lanes.store(if side.weight < 0 { lanes.sub(before, counted) } else { lanes.add(before, counted) }, accumulator);
        }
    }
}
