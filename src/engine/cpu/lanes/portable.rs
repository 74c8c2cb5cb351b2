//! Any processor: plain arrays. What the other sets are held to.

use super::{HalfWords, INTS, Ints, Lanes, Rescale, Rounding, SMALL_ROUNDER, WORDS, Words};

/// Plain arrays.
#[derive(Debug, Clone, Copy)]
pub struct Portable;

impl Lanes for Portable {
    type Words = [i16; WORDS];
    type HalfWords = [i16; INTS];
    type Ints = [i32; INTS];
    type Floats = [f32; INTS];
    const ACCUMULATORS: usize = 4;

    #[inline(always)]
    fn prefetch<T>(self, _: &T) {}
    #[inline(always)]
    fn words(self, row: &Words) -> Self::Words {
        row.0
    }
    #[inline(always)]
    fn add_words(self, a: Self::Words, b: Self::Words) -> Self::Words {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn half_words(self, row: &HalfWords) -> Self::HalfWords {
        row.0
    }
    #[inline(always)]
    fn add_half_words(self, a: Self::HalfWords, b: Self::HalfWords) -> Self::HalfWords {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn pair_half(self, a: Self::HalfWords, b: Self::HalfWords, factors: (i16, i16)) -> Self::Ints {
        std::array::from_fn(|i| i32::from(factors.0) * i32::from(a[i]) + i32::from(factors.1) * i32::from(b[i]))
    }
    #[inline(always)]
    fn store_words(self, row: Self::Words, to: &mut Words) {
        to.0 = row;
    }
    #[inline(always)]
    fn sub_words(self, a: Self::Words, b: Self::Words) -> Self::Words {
        std::array::from_fn(|i| a[i].wrapping_sub(b[i]))
    }
    #[inline(always)]
    fn shift_words_left(self, a: Self::Words, by: u32) -> Self::Words {
        a.map(|v| v << by)
    }
    #[inline(always)]
    fn shift_words_right(self, a: Self::Words, by: u32) -> Self::Words {
        a.map(|v| (v as u16 >> by) as i16)
    }
    #[inline(always)]
    fn words_without(self, a: Self::Words, bits: u16) -> u32 {
        (0..WORDS).map(|i| u32::from(a[i] as u16 & bits == 0) << i).fold(0, |a, b| a | b)
    }
    #[inline(always)]
    fn pair(self, a: Self::Words, b: Self::Words, factors: (i16, i16)) -> [Self::Ints; 2] {
        let of = |column: usize| {
            let at = Words::place(column);
            i32::from(factors.0) * i32::from(a[at]) + i32::from(factors.1) * i32::from(b[at])
        };
        [std::array::from_fn(of), std::array::from_fn(|i| of(INTS + i))]
    }
    #[inline(always)]
    fn pack(self, low: Self::Ints, high: Self::Ints) -> Words {
        let mut row = Words::ZERO;
        for i in 0..INTS {
            row.0[Words::place(i)] = low[i] as i16;
            row.0[Words::place(INTS + i)] = high[i] as i16;
        }
        row
    }

    #[inline(always)]
    fn pack_low(self, low: Self::Ints, high: Self::Ints) -> Words {
        self.pack(low, high)
    }

    #[inline(always)]
    fn ints(self, row: &Ints) -> Self::Ints {
        row.0
    }
    #[inline(always)]
    fn store(self, row: Self::Ints, to: &mut Ints) {
        to.0 = row;
    }
    #[inline(always)]
    fn all(self, value: i32) -> Self::Ints {
        [value; INTS]
    }
    #[inline(always)]
    fn add(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn sub(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        std::array::from_fn(|i| a[i].wrapping_sub(b[i]))
    }
    #[inline(always)]
    fn and(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        std::array::from_fn(|i| a[i] & b[i])
    }
    #[inline(always)]
    fn shift_left(self, a: Self::Ints, by: u32) -> Self::Ints {
        a.map(|v| v << by)
    }
    #[inline(always)]
    fn xor(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        std::array::from_fn(|i| a[i] ^ b[i])
    }
    #[inline(always)]
    fn mul(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        std::array::from_fn(|i| a[i].wrapping_mul(b[i]))
    }
    #[inline(always)]
    fn shift_right(self, a: Self::Ints, by: u32) -> Self::Ints {
        a.map(|v| (v as u32 >> by) as i32)
    }
    #[inline(always)]
    fn as_words(self, a: Self::Ints) -> Self::Words {
        std::array::from_fn(|i| (a[i / 2] >> (i % 2 * 16)) as i16)
    }
    #[inline(always)]
    fn add_where_less(self, a: Self::Words, place: Self::Words, limit: Self::Words, b: Self::Words) -> Self::Words {
        std::array::from_fn(|i| a[i].wrapping_add(if place[i] < limit[i] { b[i] } else { 0 }))
    }
    #[inline(always)]
    fn min(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        std::array::from_fn(|i| a[i].min(b[i]))
    }
    #[inline(always)]
    fn max(self, a: Self::Ints, b: Self::Ints) -> Self::Ints {
        std::array::from_fn(|i| a[i].max(b[i]))
    }
    #[inline(always)]
    fn count_different(self, a: Self::Ints, b: Self::Ints, mask: Self::Ints) -> u32 {
        (0..INTS).map(|i| u32::from((a[i] != b[i]) & (mask[i] != 0))).sum()
    }
    #[inline(always)]
    fn interleave(self, even: Self::Ints, odd: Self::Ints) -> Self::Words {
        std::array::from_fn(|i| if i % 2 == 0 { even[i / 2] as i16 } else { odd[i / 2] as i16 })
    }
    #[inline(always)]
    fn deinterleave(self, row: Self::Words) -> [Self::Ints; 2] {
        [0, 1].map(|odd| std::array::from_fn(|i| i32::from(row[2 * i + odd]) << 16))
    }
    #[inline(always)]
    fn small_indices(self, sums: Self::Ints, inverse: f32, start: f32) -> Self::Ints {
        sums.map(|sum| (sum as f32).mul_add(inverse, start).to_bits() as i32)
    }
    #[inline(always)]
    fn no_codes(self) -> Self::Floats {
        [0.0; INTS]
    }
    #[inline(always)]
    fn estimate(self, sums: Self::Ints, inverse: f32, codes: Self::Floats, farthest: Self::Floats) -> [Self::Floats; 2] {
        let mut out = [codes, farthest];
        for i in 0..INTS {
            let sum = sums[i] as f32;
            let nearest = sum.mul_add(inverse, SMALL_ROUNDER) - SMALL_ROUNDER;
            out[0][i] = codes[i].mul_add(2.0, nearest);
            out[1][i] = farthest[i].max(sum.mul_add(inverse, -nearest).abs());
        }
        out
    }
    #[inline(always)]
    fn all_within(self, a: Self::Floats, limit: f32) -> bool {
        a.iter().all(|&v| v <= limit)
    }
    #[inline(always)]
    fn whole(self, a: Self::Floats) -> Self::Ints {
        a.map(|v| v as i32)
    }
    #[inline(always)]
    fn rescale(self, row: Self::Ints, by: &Rescale) -> Self::Ints {
        std::array::from_fn(|i| by.rounded(i64::from(row[i]) * by.multiplier[i] + by.bias[i]))
    }
    #[inline(always)]
    fn transpose(self, rows: [Self::Ints; INTS]) -> [Self::Ints; INTS] {
        std::array::from_fn(|j| std::array::from_fn(|i| rows[i][j]))
    }
    #[inline(always)]
    fn fused_indices(self, sums: Self::Ints, inverse: f64, start: f64) -> Self::Ints {
        sums.map(|sum| Rounding::Fused(inverse, start).index(sum))
    }
    #[inline(always)]
    fn indices(self, sums: Self::Ints, rule: &Rounding) -> Self::Ints {
        sums.map(|sum| rule.index(sum))
    }
}
