//! Codes from 16-bit estimates: twice as many columns at once, and no conversion.
//!
//! An estimate is the index of a sum in fixed point, half a step added, so that its whole part is the code. It is the sum of
//! two rounded numbers, one for the pattern's low bits and one for its high bits, so it is wrong by less than
//! 1.01 units. If it is two units or more away from a whole number the code is certain; else, for less than one in a hundred,
//! the exact sum decides. So the codes are those of the exact way, always.

use super::code_tables::{Half, LOW_ROWS, Source};
use super::lanes::{INTS, Ints, Lanes, ROUNDER, Rounding, Words};

/// Fewest fraction bits with which enough codes are certain.
const FEWEST_BITS: u32 = 6;
/// Estimates are this much too large, so that those in doubt are the first four units after a whole number.
const MARGIN: i32 = 2;

/// One plane's estimates on 32 columns.
struct Plane {
    /// `[slice][pattern of the low bits]`
    low: Vec<[Words; LOW_ROWS]>,
    /// `[slice][pattern of the high bits]`
    high: Vec<Vec<Words>>,
}

/// A unit's estimates.
pub struct Estimates {
    planes: Vec<Plane>,
    /// The zero level's share of a row.
    zero: Words,
    fraction_bits: u32,
}

/// Columns in doubt.
struct Doubt {
    pattern: usize,
    plane: usize,
    slice: usize,
    columns: u32,
}

impl Estimates {
    /// Estimates of one or two halves; `None` if a conversion can be clipped or the rule is not that of one rounding.
    #[inline(always)]
    pub fn new<L: Lanes>(lanes: L, source: &Source, halves: &[Half]) -> Option<Self> {
        let Rounding::Fused(inverse, _) = source.converter.rule else { return None };
        let fraction_bits = (65536 / (source.converter.top as u32 + 2)).ilog2();
        if fraction_bits < FEWEST_BITS || halves.iter().any(Half::can_clip) {
            return None;
        }
        let unit = inverse * f64::from(1 << fraction_bits);
        let nowhere = 1 << (fraction_bits - 1); // certainly code 0
        let start = ((2 * source.converter.zero + 1) << (fraction_bits - 1)) + MARGIN;
        let mut planes = Vec::with_capacity(halves[0].planes.len());
        for p in 0..halves[0].planes.len() {
            let slices = halves.iter().map(|h| h.planes[p].slots.len()).max().unwrap_or(0);
            let mut plane = Plane { low: vec![[Words::ZERO; LOW_ROWS]; slices], high: Vec::with_capacity(slices) };
            for slice in 0..slices {
                let mut masks = [Ints::ZERO; 2];
                let mut starts = [Ints([nowhere; INTS]); 2];
                let mut lows = [&[Ints::ZERO; LOW_ROWS]; 2];
                let mut highs: [&[Ints]; 2] = [&[]; 2];
                for (h, half) in halves.iter().enumerate() {
                    if let Some(slot) = half.planes[p].slots.get(slice) {
                        masks[h] = slot.mask;
                        starts[h] = Ints(slot.mask.0.map(|m| if m == 0 { nowhere } else { start }));
                        lows[h] = &half.planes[p].low[slice];
                        highs[h] = &half.planes[p].high[slice];
                    }
                }
                for (pattern, row) in plane.low[slice].iter_mut().enumerate() {
                    let first = scaled(lanes, &lows[0][pattern], unit, &masks[0]);
                    let second = scaled(lanes, &lows[1][pattern], unit, &masks[1]);
                    *row = lanes.pack_low(first, second);
                }
                let mut of_high = vec![Words::ZERO; highs[0].len().max(highs[1].len())];
                for (pattern, row) in of_high.iter_mut().enumerate() {
                    let first = scaled(lanes, highs[0].get(pattern).unwrap_or(&Ints::ZERO), unit, &masks[0]);
                    let second = scaled(lanes, highs[1].get(pattern).unwrap_or(&Ints::ZERO), unit, &masks[1]);
                    *row = lanes.pack_low(lanes.add(first, lanes.ints(&starts[0])), lanes.add(second, lanes.ints(&starts[1])));
                }
                plane.high.push(of_high);
            }
            planes.push(plane);
        }
        let zero = |h: usize| halves.get(h).map_or(Ints::ZERO, |half| half.zero);
        let zero = lanes.pack_low(lanes.ints(&zero(0)), lanes.ints(&zero(1)));
        Some(Estimates { planes, zero, fraction_bits })
    }

    /// Fills the table of a unit.
    #[inline(always)]
    pub fn fill<L: Lanes>(&self, lanes: L, source: &Source, halves: &[Half], rows: &mut [Words]) {
        let (bits, cell_bits) = (self.fraction_bits, source.layer.cell_bits);
        let in_doubt = ((1u32 << bits) - 1) as u16 & !(2 * MARGIN as u16 - 1);
        let mut doubts = Vec::new();
        for (high, rows) in rows.chunks_mut(LOW_ROWS).enumerate() {
            for (low, row) in rows.iter_mut().enumerate() {
                let mut total = lanes.words(&self.zero);
                for (p, plane) in self.planes.iter().enumerate().rev() {
                    let mut codes = lanes.words(&Words::ZERO);
                    for (slice, (lows, highs)) in plane.low.iter().zip(&plane.high).enumerate().rev() {
                        let estimate = lanes.add_words(lanes.words(&lows[low & (LOW_ROWS - 1)]), lanes.words(&highs[high]));
                        let columns = lanes.words_without(estimate, in_doubt);
                        if columns != 0 {
                            note(&mut doubts, Doubt { pattern: high * LOW_ROWS + low, plane: p, slice, columns });
                        }
                        codes = lanes.add_words(lanes.shift_words_left(codes, cell_bits), lanes.shift_words_right(estimate, bits));
                    }
                    total = lanes.sub_words(codes, total);
                }
                lanes.store_words(total, row);
            }
        }
        for doubt in &doubts {
            self.settle(source, halves, doubt, &mut rows[doubt.pattern]);
        }
    }

    /// Replaces the estimated codes of the columns in doubt by the exact ones.
    fn settle(&self, source: &Source, halves: &[Half], doubt: &Doubt, row: &mut Words) {
        let Doubt { pattern, plane, slice, columns } = *doubt;
        let (low, high) = (pattern % LOW_ROWS, pattern / LOW_ROWS);
        let estimates = (&self.planes[plane].low[slice][low], &self.planes[plane].high[slice][high]);
        let mut left = columns;
        while left != 0 {
            let word = left.trailing_zeros() as usize;
            left &= left - 1;
            let column = Words::column(word);
            let sums = &halves[column / INTS].planes[plane];
            let exact = source.converter.rule.index(sums.low[slice][low].0[column % INTS] + sums.high[slice][high].0[column % INTS]);
            let estimated = i32::from(estimates.0.0[word].wrapping_add(estimates.1.0[word]) as u16 >> self.fraction_bits);
            let wrong = (exact - estimated) << (slice as u32 * source.layer.cell_bits);
            row.0[word] = row.0[word].wrapping_add(if plane == 0 { wrong } else { -wrong } as i16);
        }
    }
}

/// Sums in units of the estimates, 0 where no conversion is made.
#[inline(always)]
fn scaled<L: Lanes>(lanes: L, sums: &Ints, unit: f64, mask: &Ints) -> L::Ints {
    lanes.and(lanes.fused_indices(lanes.ints(sums), unit, ROUNDER), lanes.ints(mask))
}

/// Out of line: it is rare.
#[cold]
#[inline(never)]
fn note(doubts: &mut Vec<Doubt>, doubt: Doubt) {
    doubts.push(doubt);
}
