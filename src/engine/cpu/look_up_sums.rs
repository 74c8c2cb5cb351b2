//! Adds the partial sums of a row group's units, converts, and counts the codes: for 16 columns of one slice.
//! [`super::plain`] has the plain way, as the shaders do it.
//!
//! In the usual case single precision estimates the codes of eight steps: half the work of double precision, and enough
//! where every product is far enough from the middle between two codes. Where one is not, all eight are converted exactly.

use super::code_tables::{Source, own_indices};
use super::lanes::rows::{Rows, add_rows};
use super::lanes::{Ints, Lanes, Rounding, with_lanes};
use super::look_up_codes::Patterns;
use super::sum_tables::Columns;

with_lanes! {
    /// Adds what the codes count, times `weight` (a power of two, negative for the minus plane), to the
    /// accumulators `[vector]`. Returns how many conversions were clipped.
    pub fn look_up_sums(table: &[Ints], patterns: Patterns, source: &Source, columns: &Columns, weight: i32, accumulators: &mut [Ints]) -> u64 = look_up
}

#[inline(always)]
fn look_up<L: Lanes>(lanes: L, table: &[Ints], patterns: Patterns, source: &Source, columns: &Columns, weight: i32, accumulators: &mut [Ints]) -> u64 {
    debug_assert!(table.len().is_power_of_two());
    let Some(rows) = Rows::new(table) else { return 0 };
    let converter = source.converter;
    let Patterns { units, steps, dac_bits, .. } = patterns;
    // Indices count from the bottom of the range: the zero level is taken away once for all steps.
    let zero = lanes.all(converter.zero * (0..steps as u32).map(|t| 1 << (t * dac_bits)).sum::<i32>());
    let mask = lanes.ints(&columns.mask);
    let shift = weight.unsigned_abs().ilog2();
    let mut clipped = 0;
    let estimated = converter.estimate.filter(|_| !columns.can_clip && steps == 8 && dac_bits == 1);
    for (numbers, accumulator) in patterns.numbers.chunks_exact(units * steps).zip(accumulators) {
        let (estimates, certain) = match estimated {
            Some((inverse, limit)) => estimated_codes(lanes, rows, numbers, inverse, limit),
            None => (zero, false),
        };
        let codes = if certain {
            estimates
        } else {
            let indices = match converter.rule {
                Rounding::Fused(inverse, start) if !columns.can_clip => plain_codes(lanes, rows, numbers, steps, dac_bits, inverse, start),
                _ => any_codes(lanes, rows, numbers, steps, dac_bits, source, columns, &mut clipped),
            };
            lanes.sub(indices, zero)
        };
        // Where no conversion is made nothing is counted.
        let counted = lanes.shift_left(lanes.and(codes, mask), shift);
        let before = lanes.ints(accumulator);
        lanes.store(if weight < 0 { lanes.sub(before, counted) } else { lanes.add(before, counted) }, accumulator);
    }
    clipped
}

/// The shift-and-add of one vector's codes over eight steps in single precision, and whether all of them are certain.
#[inline(always)]
fn estimated_codes<L: Lanes>(lanes: L, rows: Rows<Ints>, numbers: &[u16], inverse: f32, limit: f32) -> (L::Ints, bool) {
    let sums = eight_steps(lanes, rows, numbers);
    let (mut codes, mut farthest) = (lanes.no_codes(), lanes.no_codes());
    for t in (0..8).rev() {
        [codes, farthest] = lanes.estimate(sums[t], inverse, codes, farthest);
    }
    (lanes.whole(codes), lanes.all_within(farthest, limit))
}

/// The shift-and-add of one vector's indices over the steps, from the most significant on: the usual case, in which
/// the fused rule holds and nothing can be clipped.
#[inline(always)]
fn plain_codes<L: Lanes>(lanes: L, rows: Rows<Ints>, numbers: &[u16], steps: usize, dac_bits: u32, inverse: f64, start: f64) -> L::Ints {
    let mut codes = lanes.all(0);
    if steps == 8 && dac_bits == 1 {
        let sums = eight_steps(lanes, rows, numbers);
        for t in (0..8).rev() {
            codes = lanes.add(lanes.add(codes, codes), lanes.fused_indices(sums[t], inverse, start));
        }
        return codes;
    }
    for t in (0..steps).rev() {
        let sum = one_step(lanes, rows, numbers, steps, t);
        codes = lanes.add(lanes.shift_left(codes, dac_bits), lanes.fused_indices(sum, inverse, start));
    }
    codes
}

/// The same with clipping and any rule.
#[inline(always)]
fn any_codes<L: Lanes>(lanes: L, rows: Rows<Ints>, numbers: &[u16], steps: usize, dac_bits: u32, source: &Source, columns: &Columns, clipped: &mut u64) -> L::Ints {
    let mask = lanes.ints(&columns.mask);
    let mut codes = lanes.all(0);
    let mut counted = 0;
    if steps == 8 && dac_bits == 1 {
        let sums = eight_steps(lanes, rows, numbers);
        for t in (0..8).rev() {
            let kept = source.converter.clip(lanes, indices(lanes, source, columns, sums[t]), mask, &mut counted);
            codes = lanes.add(lanes.add(codes, codes), kept);
        }
    } else {
        for t in (0..steps).rev() {
            let sum = one_step(lanes, rows, numbers, steps, t);
            let kept = source.converter.clip(lanes, indices(lanes, source, columns, sum), mask, &mut counted);
            codes = lanes.add(lanes.shift_left(codes, dac_bits), kept);
        }
    }
    *clipped += u64::from(counted);
    codes
}

/// Unclipped indices of 16 sums.
#[inline(always)]
fn indices<L: Lanes>(lanes: L, source: &Source, columns: &Columns, sums: L::Ints) -> L::Ints {
    match (&source.cells.converters, &columns.firsts) {
        (Some(own), Some(firsts)) => own_indices(lanes, own, firsts, sums),
        _ => lanes.indices(sums, &source.converter.rule),
    }
}

/// Bitline sums of all of eight steps, side by side, so that one addition need not wait for the one before.
#[inline(always)]
fn eight_steps<L: Lanes>(lanes: L, rows: Rows<Ints>, numbers: &[u16]) -> [L::Ints; 8] {
    let mut sums = [lanes.all(0); 8];
    for unit in numbers.as_chunks::<8>().0 {
        add_rows(lanes, rows, unit, &mut sums);
    }
    sums
}

/// Bitline sums of step `t`.
#[inline(always)]
fn one_step<L: Lanes>(lanes: L, rows: Rows<Ints>, numbers: &[u16], steps: usize, t: usize) -> L::Ints {
    let mut sum = lanes.all(0);
    for &number in numbers[t..].iter().step_by(steps) {
        sum = lanes.add(sum, lanes.ints(rows.one(number)));
    }
    sum
}
