//! The same as [`super::look_up_sums`] where coarse conductances let 16 bits hold every sum: one row holds the sums of two
//! slices or sixteenths of outputs, and single precision converts them.

use super::code_tables::Converter;
use super::lanes::{Ints, Lanes, SMALL_START, Words, with_lanes};
use super::lanes::rows::{Rows, add_rows};
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

with_lanes! {
    /// Sums of both sides in one row, in turns; every sum fits 16 bits.
    pub fn join(first: &[Ints], second: &[Ints], rows: &mut [Words]) = join_inlined
}

#[inline(always)]
fn join_inlined<L: Lanes>(lanes: L, first: &[Ints], second: &[Ints], rows: &mut [Words]) {
    for ((row, first), second) in rows.iter_mut().zip(first).zip(second) {
        lanes.store_words(lanes.interleave(lanes.ints(first), lanes.ints(second)), row);
    }
}

with_lanes! {
    /// Adds what the codes of both sides count to their accumulators, `[vector]` from the side's first on. Eight steps of one bit.
    pub fn look_up_narrow_sums(table: &[Words], patterns: Patterns, converter: &Converter, sides: &[Side; 2], accumulators: &mut [Ints]) = look_up
}

#[inline(always)]
fn look_up<L: Lanes>(lanes: L, table: &[Words], patterns: Patterns, converter: &Converter, sides: &[Side; 2], accumulators: &mut [Ints]) {
    debug_assert!(table.len().is_power_of_two());
    let (Some((inverse, start)), Some(rows)) = (converter.single, Rows::new(table)) else { return };
    // Words come apart times 2^16, which changes no digit of their product.
    let inverse = inverse / 65536.0;
    // The zero level, and what single precision adds to an index, are taken away once for all steps.
    let surplus = lanes.all(converter.zero.wrapping_add(SMALL_START).wrapping_mul(255));
    for (vector, numbers) in patterns.numbers.chunks_exact(patterns.units * 8).enumerate() {
        let mut sums = [lanes.words(&Words::ZERO); 8];
        for unit in numbers.as_chunks::<8>().0 {
            add_rows(lanes, rows, unit, &mut sums);
        }
        let mut codes = [lanes.all(0); 2];
        for t in (0..8).rev() {
            let [first, second] = lanes.deinterleave(sums[t]);
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
