//! Codes from 16-bit estimates: twice as many columns at once, and no conversion.
//!
//! An estimate is the index of a sum in fixed point, half a step added, so that its whole part is the code. It is the sum of
//! two rounded numbers, one for the pattern's low bits and one for its high bits, so it is wrong by less than
//! 1.01 units. If it is two units or more away from a whole number the code is certain; else, for less than one in a hundred,
//! the exact sum decides. So the codes are those of the exact way, always.

use super::code_tables::{Half, LOW_ROWS, Reused, Source};
use super::lanes::{INTS, Ints, Lanes, ROUNDER, Rounding, Words};

/// Fewest fraction bits with which enough codes are certain.
const FEWEST_BITS: u32 = 6;
/// Estimates are this much too large, so that those in doubt are the first four units after a whole number.
const MARGIN: i32 = 2;

/// A slice's estimates on 32 columns.
struct Slice {
    /// By pattern of the low bits.
    low: [Words; LOW_ROWS],
    /// By pattern of the high bits.
    high: Vec<Words>,
}

/// A unit's estimates. The memory serves one unit after another.
#[derive(Default)]
pub struct Estimates {
    planes: Vec<Reused<Slice>>,
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
    /// Makes those of one or two halves; false if a conversion can be clipped, if the rule is not that of one rounding, or
    /// if currents do not add up.
    #[inline(always)]
    pub fn make<L: Lanes>(&mut self, lanes: L, source: &Source, halves: &[Half]) -> bool {
        let Rounding::Fused(inverse, _) = source.converter.rule else { return false };
        let fraction_bits = (65536 / (source.converter.top as u32 + 2)).ilog2();
        if fraction_bits < FEWEST_BITS || source.layer.gated().is_some() || halves.iter().any(Half::can_clip) {
            return false;
        }
        let unit = inverse * f64::from(1 << fraction_bits);
        let nowhere = 1 << (fraction_bits - 1); // certainly code 0
        let start = ((2 * source.converter.zero + 1) << (fraction_bits - 1)) + MARGIN;
        self.planes.resize_with(halves[0].planes.len(), Reused::default);
        for (p, plane) in self.planes.iter_mut().enumerate() {
            plane.clear();
            for slice in 0..halves.iter().map(|h| h.planes[p].len()).max().unwrap_or(0) {
                let mut masks = [Ints::ZERO; 2];
                let mut starts = [Ints([nowhere; INTS]); 2];
                let mut lows = [&[Ints::ZERO; LOW_ROWS]; 2];
                let mut highs: [&[Ints]; 2] = [&[]; 2];
                for (h, half) in halves.iter().enumerate() {
                    if let Some(of_half) = half.planes[p].get(slice) {
                        masks[h] = of_half.mask;
                        starts[h] = Ints(of_half.mask.0.map(|m| if m == 0 { nowhere } else { start }));
                        lows[h] = &of_half.low;
                        highs[h] = &of_half.high;
                    }
                }
                let made = plane.next(|| Slice { low: [Words::ZERO; LOW_ROWS], high: Vec::new() });
                for (pattern, row) in made.low.iter_mut().enumerate() {
                    let first = scaled(lanes, &lows[0][pattern], unit, &masks[0]);
                    let second = scaled(lanes, &lows[1][pattern], unit, &masks[1]);
                    *row = lanes.pack_low(first, second);
                }
                made.high.resize(highs[0].len().max(highs[1].len()), Words::ZERO);
                for (pattern, row) in made.high.iter_mut().enumerate() {
                    let first = scaled(lanes, highs[0].get(pattern).unwrap_or(&Ints::ZERO), unit, &masks[0]);
                    let second = scaled(lanes, highs[1].get(pattern).unwrap_or(&Ints::ZERO), unit, &masks[1]);
                    *row = lanes.pack_low(lanes.add(first, lanes.ints(&starts[0])), lanes.add(second, lanes.ints(&starts[1])));
                }
            }
        }
        let zero = |h: usize| halves.get(h).map_or(Ints::ZERO, |half| half.zero);
        self.zero = lanes.pack_low(lanes.ints(&zero(0)), lanes.ints(&zero(1)));
        self.fraction_bits = fraction_bits;
        true
    }

    /// Fills the table of a unit.
    #[inline(always)]
    pub fn fill<L: Lanes>(&self, lanes: L, source: &Source, halves: &[Half], rows: &mut [Words]) {
        let mut doubts = Vec::new();
        for (high, rows) in rows.chunks_mut(LOW_ROWS).enumerate() {
            let (fours, rest) = rows.as_chunks_mut::<4>();
            let first_of_rest = 4 * fours.len();
            for (i, rows) in fours.iter_mut().enumerate() {
                self.some_rows(lanes, source.layer.cell_bits, high, 4 * i, rows, &mut doubts);
            }
            for (i, row) in rest.iter_mut().enumerate() {
                self.some_rows(lanes, source.layer.cell_bits, high, first_of_rest + i, std::array::from_mut(row), &mut doubts);
            }
        }
        for doubt in &doubts {
            self.settle(source, halves, doubt, &mut rows[doubt.pattern]);
        }
    }

    /// The rows of `N` patterns of the low bits from `low` on; notes what is in doubt.
    #[inline(always)]
    fn some_rows<L: Lanes, const N: usize>(&self, lanes: L, cell_bits: u32, high: usize, low: usize, rows: &mut [Words; N], doubts: &mut Vec<Doubt>) {
        let in_doubt = ((1u32 << self.fraction_bits) - 1) as u16 & !(2 * MARGIN as u16 - 1);
        let mut totals = [lanes.words(&self.zero); N];
        for (p, plane) in self.planes.iter().enumerate().rev() {
            let mut codes = [lanes.words(&Words::ZERO); N];
            for (s, slice) in plane.iter().enumerate().rev() {
                let of_high = lanes.words(&slice.high[high]);
                let mut columns = [0; N];
                for i in 0..N {
                    let estimate = lanes.add_words(lanes.words(&slice.low[(low + i) % LOW_ROWS]), of_high);
                    columns[i] = lanes.words_without(estimate, in_doubt);
                    codes[i] = lanes.add_words(lanes.shift_words_left(codes[i], cell_bits), lanes.shift_words_right(estimate, self.fraction_bits));
                }
                if columns.iter().fold(0, |all, some| all | some) != 0 {
                    note(doubts, &columns, high * LOW_ROWS + low, p, s);
                }
            }
            for i in 0..N {
                totals[i] = lanes.sub_words(codes[i], totals[i]);
            }
        }
        for i in 0..N {
            lanes.store_words(totals[i], &mut rows[i]);
        }
    }

    /// Replaces the estimated codes of the columns in doubt by the exact ones.
    fn settle(&self, source: &Source, halves: &[Half], doubt: &Doubt, row: &mut Words) {
        let Doubt { pattern, plane, slice, columns } = *doubt;
        let (low, high) = (pattern % LOW_ROWS, pattern / LOW_ROWS);
        let estimates = (&self.planes[plane][slice].low[low], &self.planes[plane][slice].high[high]);
        let mut left = columns;
        while left != 0 {
            let word = left.trailing_zeros() as usize;
            left &= left - 1;
            let column = Words::column(word);
            let sums = &halves[column / INTS].planes[plane][slice];
            let exact = source.converter.rule.index(sums.low[low].0[column % INTS] + sums.high[high].0[column % INTS]);
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

/// Notes the columns in doubt of some patterns from `first` on. Out of line: it is rare.
#[cold]
#[inline(never)]
fn note(doubts: &mut Vec<Doubt>, columns: &[u32], first: usize, plane: usize, slice: usize) {
    let in_doubt = columns.iter().enumerate().filter(|(_, columns)| **columns != 0);
    doubts.extend(in_doubt.map(|(i, &columns)| Doubt { pattern: first + i, plane, slice, columns }));
}
