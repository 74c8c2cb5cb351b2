//! Tables of the model of read noise by flips: for every pattern of a row group and 32 columns, the likeliest codes added up over
//! the slices, and the flips that hold most of the noise.
//!
//! A conversion of sum s and noise sd has its likeliest code c, and goes to c + 1 or c - 1 with the probability that a normal
//! error reaches the threshold there; further codes are lumped with these. Each is a *flip*: a probability, and what it
//! adds to the column's entry, +-2^slice. Of all flips of a column (both directions, all slices and planes) the four with
//! the largest variance p (1 - p) 4^slice are kept; the other conversions have their likeliest code. What the others would
//! add on average goes into the probability of the second, what that cannot hold into the first's, then those of the others: so
//! means are right; what that leaves out of the variance is small while the noise is small beside an ADC step, and is
//! counted ([`Held`]). With two flips, and seldom with three, single outputs were far off: those whose noise is mostly that of one
//! pattern, in which more codes are uncertain than can flip.
//!
//! Probabilities are decided in floats, by exactly rounded operations in this order, so they are the same on every
//! processor: the distance to a threshold in steps (f64, then f32), times the inverse of the standard deviation (f32), is
//! looked up in a table of the normal tail with 128 knots per unit. Linear interpolation errs by at most h^2 / 8 x 0.242 = 1.9e-6,
//! single precision by less, and a probability is rounded to 2^-16: so it is right to 1e-5.
//! [`crate::engine::cpu::plain::flips`] has the plain way.
//!
//! Long because chances of one conversion and of a row are decided by the same float operations, which stand together.

use crate::crossbar::{Adc, Conversion, CrossbarLayer};
use crate::device::normal::upper_tail;
use crate::engine::cpu::code_tables::{Slot, Source};
use crate::engine::cpu::lanes::{INTS, Ints, Rounding, WORDS, Words};
use crate::engine::cpu::simd::multiversion;
use crate::engine::units::{Block, Unit};
use std::sync::LazyLock;

/// Flips of a column in a row of a table.
pub const FLIPS: usize = 4;
/// Knots of the normal tail per standard deviation.
const KNOTS_PER_SD: usize = 128;
/// Knots of the normal tail.
const KNOTS: usize = 8 * KNOTS_PER_SD;
/// Standard deviations beyond which nothing is told apart.
const LAST_SD: f32 = 7.99;
/// Fraction bits of a knot.
const KNOT_BITS: u32 = 24;
/// Places between knots.
const PLACES: i32 = 1 << PLACE_BITS;
/// Their bits.
const PLACE_BITS: u32 = 8;
/// Probabilities are in units of 2^-16.
const CERTAIN: i32 = 1 << 16;
/// 1.5 x 2^23: adding it leaves the nearest whole number in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// A row: 32 columns in the order of [`Words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C, align(64))]
pub struct FlipRow {
    /// Likeliest codes, added up.
    pub codes: Words,
    /// A flip happens where a random number of 16 bits, with sign, is below this.
    pub thresholds: [Words; FLIPS],
    /// What it adds.
    pub deltas: [Words; FLIPS],
}

/// How much of the variance of all flips the kept ones hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Of the kept flips, added up.
    pub kept: u64,
    /// Of all flips.
    pub all: u64,
}

impl Held {
    /// As a share; 1 where nothing flips.
    pub fn share(&self) -> f64 {
        if self.all == 0 { 1.0 } else { self.kept as f64 / self.all as f64 }
    }
}

/// Probabilities that a normal error is beyond some standard deviations.
static TAIL: LazyLock<[[i32; 2]; KNOTS]> = LazyLock::new(|| {
    let knot = |i: usize| (upper_tail(i as f64 / KNOTS_PER_SD as f64) * f64::from(1 << KNOT_BITS)).round_ties_even() as i32;
    std::array::from_fn(|i| [knot(i), knot(i + 1) - knot(i)])
});

/// Where sums flip: the converter and the noise, in ADC steps.
#[derive(Clone, Copy)]
pub struct Flipping<'a> {
    adc: &'a Adc,
    inverse_step: f64,
    /// Standard deviation of a current whose squares add up to 1.
    unit_sd: f32,
    tail: &'a [[i32; 2]; KNOTS],
}

/// A conversion's likeliest code, and the probabilities that it is another.
pub struct Chances {
    /// Index of the code.
    pub index: i32,
    /// Towards the nearer threshold and towards the other: (probability in units of 2^-16, 1 for up or -1).
    pub flips: [(i32, i32); 2],
    /// True if the sum without noise is clipped.
    pub clipped: bool,
}

impl<'a> Flipping<'a> {
    /// Of a layer; `None` if its reads repeat or its converter does not round.
    pub fn new(layer: &'a CrossbarLayer) -> Option<Self> {
        let (Conversion::Rounding(adc), Some(law)) = (&layer.conversion, &layer.read_noise) else { return None };
        Some(Flipping { adc, inverse_step: 1.0 / adc.step, unit_sd: (law.unit_sd() / adc.step) as f32, tail: &TAIL })
    }

    /// How far up the next threshold is, in steps.
    #[inline(always)]
    fn distance(&self, sum: i32, index: i32) -> f32 {
        (f64::from(index) + 0.5 - (f64::from(sum) - self.adc.lo) * self.inverse_step) as f32
    }

    /// Standard deviations in a step.
    #[inline(always)]
    fn inverse_sd(&self, variance: i32) -> f32 {
        1.0 / (((variance as u32) as f32).sqrt() * self.unit_sd).max(1e-9)
    }

    /// (Knot, place after it) of a distance.
    #[inline(always)]
    fn knot(&self, distance: f32, inverse_sd: f32) -> (i32, i32) {
        let z = (distance * inverse_sd).clamp(0.0, LAST_SD);
        let at = (z * (KNOTS_PER_SD as i32 * PLACES) as f32 + ROUNDER).to_bits() as i32 - ROUNDER.to_bits() as i32;
        (at >> PLACE_BITS & (KNOTS as i32 - 1), at & (PLACES - 1))
    }

    /// The chances of one conversion.
    pub fn of(&self, sum: i32, variance: u32) -> Chances {
        let index = self.adc.rule.index(sum);
        let kept = index.clamp(0, self.adc.top as i32);
        let (up, inverse_sd) = (self.distance(sum, kept), self.inverse_sd(variance as i32));
        let flip = |distance: f32, direction: i32| {
            let (knot, place) = self.knot(distance, inverse_sd);
            let can = if direction > 0 { kept < self.adc.top as i32 } else { kept > 0 };
            (if can { probability(self.tail[knot as usize], place) } else { 0 }, direction)
        };
        let (rise, fall) = (flip(up, 1), flip(1.0 - up, -1));
        Chances { index: kept, flips: if up <= 0.5 { [rise, fall] } else { [fall, rise] }, clipped: kept != index }
    }
}

#[inline(always)]
fn probability([base, rise]: [i32; 2], place: i32) -> i32 {
    (base + ((rise * place) >> PLACE_BITS) + (1 << (KNOT_BITS - 17))) >> (KNOT_BITS - 16)
}

/// Variance of a flip of a code that counts 2^`shift`.
#[inline(always)]
pub fn variance(probability: i32, shift: u32) -> i32 {
    (probability * (CERTAIN - probability)) >> 16 << (2 * shift)
}

/// The threshold of a probability: that many of the 2^16 numbers are below it.
#[inline(always)]
pub fn threshold(probability: i32) -> i16 {
    (probability - CERTAIN / 2) as i16
}

/// The kept flips whose probabilities change so that means are right, in this order.
pub const TAKES_THE_OTHERS: [usize; FLIPS] = [1, 0, 2, 3];

/// The probability of a flip with what the flips that are not kept would add on average, `left` in 2^-16, as far as there is
/// such a probability; and what is left then.
#[inline(always)]
pub fn with_the_others(probability: i32, delta: i32, left: i32) -> (i32, i32) {
    let divisor = if delta == 0 { 1 } else { delta };
    let share = (left as f32 / divisor as f32).clamp(-(CERTAIN as f32), CERTAIN as f32) + ROUNDER;
    let share = if delta == 0 { 0 } else { share.to_bits() as i32 - ROUNDER.to_bits() as i32 };
    let with = (probability + share).clamp(0, CERTAIN - 1);
    (with, left - (with - probability) * delta)
}

/// One of the best flips so far, of 16 columns.
#[derive(Clone, Copy)]
struct Best {
    variance: [i32; INTS],
    /// What it adds, times 2^16, plus the probability, which is no more than a half before it takes others' part.
    flip: [i32; INTS],
}

impl Best {
    const NONE: Best = Best { variance: [0; INTS], flip: [0; INTS] };

    #[inline(always)]
    fn delta(&self, i: usize) -> i32 {
        self.flip[i] >> 16
    }

    #[inline(always)]
    fn probability(&self, i: usize) -> i32 {
        self.flip[i] & 0xffff
    }
}

/// A slice of a plane on 16 columns of a unit.
struct Conversions {
    /// All ones where a conversion is made.
    mask: [i32; INTS],
    shift: u32,
    /// 1, or -1 for the minus plane.
    sign: i32,
    /// By pattern.
    sums: Vec<Ints>,
    variances: Vec<Ints>,
}

multiversion! {
    /// Builds the tables of `block` for the columns from `32 tile` on: rows, and how many conversions are clipped without
    /// noise. Adds to `held`.
    pub fn flip_tables(source: &Source, block: &Block, tile: usize, rows: &mut [FlipRow], clips: &mut [u32], held: &mut Held) = build
}

#[inline(always)]
fn build(source: &Source, block: &Block, tile: usize, rows: &mut [FlipRow], clips: &mut [u32], held: &mut Held) {
    let Some(flipping) = Flipping::new(source.layer) else { return };
    let halves = (source.layer.columns - tile * WORDS).div_ceil(INTS).min(2);
    for unit in &block.units {
        let table = unit.first..unit.first + (1 << unit.bits);
        rows[table.clone()].fill(FlipRow { thresholds: [Words([threshold(0); WORDS]); FLIPS], ..FlipRow::default() });
        clips[table.clone()].fill(0);
        for half in 0..halves {
            let all = conversions(source, unit, tile * 2 + half);
            for (pattern, (row, clips)) in rows[table.clone()].iter_mut().zip(&mut clips[table.clone()]).enumerate() {
                half_row(&flipping, &all, pattern, half, row, clips, held);
            }
        }
    }
}

/// Sums and variances of every pattern, for the slices that are converted.
#[inline(always)]
fn conversions(source: &Source, unit: &Unit, half: usize) -> Vec<Conversions> {
    let layer = source.layer;
    let mut all = Vec::with_capacity(layer.planes.converted * layer.planes.slices);
    for plane in 0..layer.planes.converted {
        for slice in 0..layer.planes.slices {
            let Some(slot) = Slot::new(layer, source.cells, unit, plane, slice, half) else { break };
            let mut of_slot = Conversions {
                mask: slot.mask.0,
                shift: slice as u32 * layer.cell_bits,
                sign: 1 - 2 * plane as i32,
                sums: vec![Ints::ZERO; 1 << unit.bits],
                variances: vec![Ints::ZERO; 1 << unit.bits],
            };
            let rows = unit.rows.len();
            let first = layer.converted_column(plane, slice, half * INTS);
            let columns = INTS.min(layer.columns - half * INTS);
            for (bit, conductances) in slot.bits().iter().enumerate() {
                let (row, j) = (bit % rows, bit / rows);
                let mut square = [0i32; INTS];
                let squares = &source.cells.squares[(unit.rows.start + row) * source.cells.stride + first..][..columns];
                square.iter_mut().zip(squares).for_each(|(to, &v)| *to = v as i32);
                for pattern in 0..1usize << bit {
                    // (d + 2^j)^2 = d^2 + 2^(j + 1) d + 4^j, where the row's lower bits are the digit d.
                    let digit: i32 = (0..j).map(|lower| ((pattern >> (lower * rows + row) & 1) << lower) as i32).sum();
                    let factor = (digit << (j + 1)) + (1 << (2 * j));
                    let next = pattern | 1 << bit;
                    for i in 0..INTS {
                        of_slot.sums[next].0[i] = of_slot.sums[pattern].0[i] + conductances.0[i];
                        of_slot.variances[next].0[i] = of_slot.variances[pattern].0[i].wrapping_add(square[i].wrapping_mul(factor));
                    }
                }
            }
            all.push(of_slot);
        }
    }
    all
}

/// 16 columns of a pattern's row.
#[inline(always)]
fn half_row(flipping: &Flipping, all: &[Conversions], pattern: usize, half: usize, row: &mut FlipRow, clips: &mut u32, held: &mut Held) {
    let top = flipping.adc.top as i32;
    let mut best = [Best::NONE; FLIPS];
    // Variances are counted in quarters of what they are kept in, so that 32 bits hold all.
    let (mut codes, mut clipped, mut mean, mut variance_of_all) = ([0; INTS], [0u32; INTS], [0; INTS], [0; INTS]);
    for conversions in all {
        let (sums, variances) = (&conversions.sums[pattern].0, &conversions.variances[pattern].0);
        let (mask, weight) = (&conversions.mask, conversions.sign << conversions.shift);
        let (mut indices, mut ups, mut inverse_sds) = (indices(flipping.adc.rule, sums), [0.0; INTS], [0.0; INTS]);
        let mut least_inverse = f32::INFINITY;
        for i in 0..INTS {
            let kept = indices[i].clamp(0, top);
            clipped[i] += u32::from((kept != indices[i]) & (mask[i] != 0));
            indices[i] = kept;
            codes[i] += ((kept - flipping.adc.zero_index) * weight) & mask[i];
            ups[i] = flipping.distance(sums[i], kept);
            inverse_sds[i] = flipping.inverse_sd(variances[i]);
        }
        for i in 0..INTS {
            least_inverse = if inverse_sds[i] < least_inverse { inverse_sds[i] } else { least_inverse };
        }
        // The other threshold is half a step away or more.
        let directions = if least_inverse * 0.5 > CERTAINLY_NOT_SD + 0.1 { 1 } else { 2 };
        for other in [false, true].into_iter().take(directions) {
            let (mut knots, mut places, mut deltas) = ([0; INTS], [0; INTS], [0; INTS]);
            for i in 0..INTS {
                let up = (ups[i] <= 0.5) != other;
                let distance = if up { ups[i] } else { 1.0 - ups[i] };
                (knots[i], places[i]) = flipping.knot(distance, inverse_sds[i]);
                let can = (mask[i] != 0) & if up { indices[i] < top } else { indices[i] > 0 };
                knots[i] = if can { knots[i] } else { KNOTS as i32 - 1 };
                deltas[i] = if up { weight } else { -weight };
            }
            let mut nearest = i32::MAX;
            for i in 0..INTS {
                nearest = nearest.min(knots[i]);
            }
            if nearest >= CERTAINLY_NOT {
                continue;
            }
            let mut segments = [[0; 2]; INTS];
            for i in 0..INTS {
                segments[i] = flipping.tail[knots[i] as usize % KNOTS];
            }
            let (mut flips, mut vs, mut moved) = ([0; INTS], [0; INTS], [0; INTS]);
            for i in 0..INTS {
                let p = probability(segments[i], places[i]);
                vs[i] = variance(p, conversions.shift);
                flips[i] = deltas[i] << 16 | p;
                variance_of_all[i] += vs[i] >> 2;
                mean[i] += p * deltas[i];
            }
            // Below all that are as large: from there on each moves down by one.
            for kept in &mut best {
                for i in 0..INTS {
                    moved[i] |= -i32::from(vs[i] > kept.variance[i]);
                    let change = (vs[i] ^ kept.variance[i]) & moved[i];
                    vs[i] ^= change;
                    kept.variance[i] ^= change;
                    let change = (flips[i] ^ kept.flip[i]) & moved[i];
                    flips[i] ^= change;
                    kept.flip[i] ^= change;
                }
            }
        }
    }
    let mut probabilities = [[0; INTS]; FLIPS];
    for (of_flip, flip) in probabilities.iter_mut().zip(&best) {
        for i in 0..INTS {
            of_flip[i] = flip.probability(i);
            mean[i] -= of_flip[i] * flip.delta(i);
        }
    }
    for flip in TAKES_THE_OTHERS {
        for i in 0..INTS {
            (probabilities[flip][i], mean[i]) = with_the_others(probabilities[flip][i], best[flip].delta(i), mean[i]);
        }
    }
    for i in 0..INTS {
        let at = Words::place(half * INTS + i);
        row.codes.0[at] = codes[i] as i16;
        for flip in 0..FLIPS {
            row.thresholds[flip].0[at] = threshold(probabilities[flip][i]);
            row.deltas[flip].0[at] = best[flip].delta(i) as i16;
        }
        *clips += clipped[i];
    }
    let (mut kept, mut all) = (0, 0);
    for i in 0..INTS {
        for flip in &best {
            kept += (flip.variance[i] >> 2) as u64;
        }
        all += variance_of_all[i] as u64;
    }
    held.kept += kept;
    held.all += all;
}

/// Indices of sums, by one expression for the whole loop, so that it is vectorised.
#[inline(always)]
fn indices(rule: Rounding, sums: &[i32; INTS]) -> [i32; INTS] {
    match rule {
        rule @ Rounding::Fused(..) => each_index(rule, sums),
        rule @ Rounding::Product(..) => each_index(rule, sums),
        rule @ Rounding::Quotient(..) => each_index(rule, sums),
    }
}

#[inline(always)]
fn each_index(rule: Rounding, sums: &[i32; INTS]) -> [i32; INTS] {
    let mut out = [0; INTS];
    for i in 0..INTS {
        out[i] = rule.index(sums[i]);
    }
    out
}

/// Standard deviations from which on a probability is 0 in 16 bits.
const CERTAINLY_NOT_SD: f32 = 4.4;
/// Their knot.
const CERTAINLY_NOT: i32 = (CERTAINLY_NOT_SD * KNOTS_PER_SD as f32) as i32;

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ContinuousCDF, Normal};

    #[test]
    fn the_tail_is_that_of_a_normal_law() {
        let normal = Normal::standard();
        for i in 0..80_000 {
            let z = i as f64 / 10_000.0;
            let at = (z * (KNOTS_PER_SD as f64) * f64::from(PLACES)).round() as i32;
            let p = probability(TAIL[((at / PLACES) as usize).min(KNOTS - 1)], at % PLACES);
            assert!((f64::from(p) / f64::from(CERTAIN) - normal.sf(z)).abs() < 1e-5 + 6e-6, "{z}: {p}");
            assert!(z < 4.4 || p == 0);
        }
        assert_eq!([threshold(0), threshold(CERTAIN / 2)], [i16::MIN, 0]);
    }
}
