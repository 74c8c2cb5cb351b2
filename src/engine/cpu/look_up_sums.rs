//! Adds the partial sums of a row group's units, converts, and counts the codes: for 16 columns of one slice.
//! Twin of `shaders/look_up_sums.wgsl`.

use super::code_tables::Converter;
use super::lanes::{Ints, Lanes, Rounding, with_lanes};
use super::look_up_codes::Patterns;
use super::sum_tables::Columns;

/// Steps added up side by side, so that one addition need not wait for the one before.
const STEPS: usize = 4;

with_lanes! {
    /// Adds what the codes count, times `weight` (a power of two, negative for the minus plane), to the
    /// accumulators `[vector]`. Returns how many conversions were clipped.
    pub fn look_up_sums(table: &[Ints], patterns: Patterns, converter: &Converter, columns: &Columns, weight: i32, accumulators: &mut [Ints]) -> u64 = look_up
}

#[inline(always)]
fn look_up<L: Lanes>(lanes: L, table: &[Ints], patterns: Patterns, converter: &Converter, columns: &Columns, weight: i32, accumulators: &mut [Ints]) -> u64 {
    let Patterns { units, steps, dac_bits, .. } = patterns;
    // Indices count from the bottom of the range: the zero level is taken away once for all steps.
    let zero = lanes.all(converter.zero * (0..steps as u32).map(|t| 1 << (t * dac_bits)).sum::<i32>());
    let mask = lanes.ints(&columns.mask);
    let shift = weight.unsigned_abs().ilog2();
    let mut clipped = 0;
    for (numbers, accumulator) in patterns.numbers.chunks_exact(units * steps).zip(accumulators) {
        let codes = match converter.rule {
            Rounding::Fused(inverse, start) if !columns.can_clip => plain_codes(lanes, table, numbers, steps, dac_bits, inverse, start),
            _ => any_codes(lanes, table, numbers, steps, dac_bits, converter, columns, &mut clipped),
        };
        // Where no conversion is made nothing is counted.
        let counted = lanes.shift_left(lanes.and(lanes.sub(codes, zero), mask), shift);
        let before = lanes.ints(accumulator);
        lanes.store(if weight < 0 { lanes.sub(before, counted) } else { lanes.add(before, counted) }, accumulator);
    }
    clipped
}

/// The shift-and-add of one vector's indices over the steps, from the most significant on: the usual case, in which
/// the fused rule holds and nothing can be clipped.
#[inline(always)]
fn plain_codes<L: Lanes>(lanes: L, table: &[Ints], numbers: &[u16], steps: usize, dac_bits: u32, inverse: f64, start: f64) -> L::Ints {
    let mut codes = lanes.all(0);
    let mut last = steps;
    while last >= STEPS {
        last -= STEPS;
        let sums = some_steps::<L, STEPS>(lanes, table, numbers, steps, last);
        for t in (0..STEPS).rev() {
            codes = lanes.add(lanes.shift_left(codes, dac_bits), lanes.fused_indices(sums[t], inverse, start));
        }
    }
    while last > 0 {
        last -= 1;
        let [sum] = some_steps::<L, 1>(lanes, table, numbers, steps, last);
        codes = lanes.add(lanes.shift_left(codes, dac_bits), lanes.fused_indices(sum, inverse, start));
    }
    codes
}

/// The same with clipping and any rule.
#[inline(always)]
fn any_codes<L: Lanes>(lanes: L, table: &[Ints], numbers: &[u16], steps: usize, dac_bits: u32, converter: &Converter, columns: &Columns, clipped: &mut u64) -> L::Ints {
    let mut codes = lanes.all(0);
    for t in (0..steps).rev() {
        let [sum] = some_steps::<L, 1>(lanes, table, numbers, steps, t);
        let index = lanes.indices(sum, &converter.rule);
        let kept = lanes.min(lanes.max(index, lanes.all(0)), lanes.all(converter.top));
        *clipped += u64::from(lanes.count_different(kept, index, lanes.ints(&columns.mask)));
        codes = lanes.add(lanes.shift_left(codes, dac_bits), kept);
    }
    codes
}

/// Bitline sums of `COUNT` steps from `first` on.
#[inline(always)]
fn some_steps<L: Lanes, const COUNT: usize>(lanes: L, table: &[Ints], numbers: &[u16], steps: usize, first: usize) -> [L::Ints; COUNT] {
    let mut sums = [lanes.all(0); COUNT];
    for unit in numbers.chunks_exact(steps) {
        let numbers = &unit[first..first + COUNT];
        for t in 0..COUNT {
            sums[t] = lanes.add(sums[t], lanes.ints(&table[usize::from(numbers[t])]));
        }
    }
    sums
}
