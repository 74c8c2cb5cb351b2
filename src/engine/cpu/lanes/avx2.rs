//! AVX2 with fused multiply-add: a row is two registers.

use super::{HalfWords, INTS, Ints, Lanes, Portable, ROUNDER, Rescale, Rounding, SMALL_ROUNDER, Words};
use crate::engine::cpu::simd::instruction_set;
use std::arch::x86_64::*;

/// The processor has AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub struct Avx2(());

impl Avx2 {
    /// The proof, if the processor has AVX2.
    #[inline]
    pub fn new() -> Option<Self> {
        (instruction_set() != "portable").then_some(Avx2(()))
    }
}

type Two = [__m256i; 2];

impl Avx2 {
    /// Indices of four sums in the low 32 bits of each 64.
    #[inline(always)]
    fn four(self, sums: __m128i, rule: &Rounding) -> __m256i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let v = _mm256_cvtepi32_pd(sums);
            _mm256_castpd_si256(match *rule {
                Rounding::Fused(inverse, start) => _mm256_fmadd_pd(v, _mm256_set1_pd(inverse), _mm256_set1_pd(start)),
                Rounding::Product(lo, inverse) => _mm256_add_pd(_mm256_mul_pd(_mm256_sub_pd(v, _mm256_set1_pd(lo)), _mm256_set1_pd(inverse)), _mm256_set1_pd(ROUNDER)),
                Rounding::Quotient(lo, step) => _mm256_add_pd(_mm256_div_pd(_mm256_sub_pd(v, _mm256_set1_pd(lo)), _mm256_set1_pd(step)), _mm256_set1_pd(ROUNDER)),
            })
        }
    }

    /// Indices of eight sums.
    #[inline(always)]
    fn eight(self, sums: __m256i, rule: &Rounding) -> __m256i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
            let low = _mm256_permutevar8x32_epi32(self.four(_mm256_castsi256_si128(sums), rule), even);
            let high = _mm256_permutevar8x32_epi32(self.four(_mm256_extracti128_si256::<1>(sums), rule), even);
            _mm256_blend_epi32::<0b1111_0000>(low, high)
        }
    }
}

impl Lanes for Avx2 {
    type Words = Two;
    type HalfWords = __m256i;
    type Ints = Two;
    type Floats = [__m256; 2];
    const ACCUMULATORS: usize = 4;

    #[inline(always)]
    fn prefetch<T>(self, row: &T) {
        // SAFETY: a hint about memory that is there.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(row).cast()) }
    }
    #[inline(always)]
    fn words(self, row: &Words) -> Two {
        let at: *const __m256i = row.0.as_ptr().cast();
        // SAFETY: `self` is the proof of the instruction; a `Words` is 64 readable bytes, aligned to 64.
        unsafe { [_mm256_load_si256(at), _mm256_load_si256(at.add(1))] }
    }
    #[inline(always)]
    fn add_words(self, a: Two, b: Two) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { [_mm256_add_epi16(a[0], b[0]), _mm256_add_epi16(a[1], b[1])] }
    }
    #[inline(always)]
    fn half_words(self, row: &HalfWords) -> __m256i {
        // SAFETY: `self` is the proof of the instruction; a `HalfWords` is 32 readable bytes, aligned to 32.
        unsafe { _mm256_load_si256(row.0.as_ptr().cast()) }
    }
    #[inline(always)]
    fn add_half_words(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm256_add_epi16(a, b) }
    }
    #[inline(always)]
    fn pair_half(self, a: __m256i, b: __m256i, factors: (i16, i16)) -> Two {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let factors = _mm256_set1_epi32(i32::from(factors.1) << 16 | i32::from(factors.0) & 0xffff);
            let low = _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), factors);
            let high = _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), factors);
            // Unpacking works on halves of 128 bits: columns 0-3, 8-11, 4-7, 12-15 are put in order.
            [_mm256_permute2x128_si256::<0x20>(low, high), _mm256_permute2x128_si256::<0x31>(low, high)]
        }
    }
    #[inline(always)]
    fn store_words(self, row: Two, to: &mut Words) {
        let at: *mut __m256i = to.0.as_mut_ptr().cast();
        // SAFETY: `self` is the proof of the instruction; a `Words` is 64 writable bytes, aligned to 64.
        unsafe {
            _mm256_store_si256(at, row[0]);
            _mm256_store_si256(at.add(1), row[1]);
        }
    }
    #[inline(always)]
    fn sub_words(self, a: Two, b: Two) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { [_mm256_sub_epi16(a[0], b[0]), _mm256_sub_epi16(a[1], b[1])] }
    }
    #[inline(always)]
    fn shift_words_left(self, a: Two, by: u32) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe {
            let by = _mm_cvtsi32_si128(by as i32);
            [_mm256_sll_epi16(a[0], by), _mm256_sll_epi16(a[1], by)]
        }
    }
    #[inline(always)]
    fn shift_words_right(self, a: Two, by: u32) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe {
            let by = _mm_cvtsi32_si128(by as i32);
            [_mm256_srl_epi16(a[0], by), _mm256_srl_epi16(a[1], by)]
        }
    }
    #[inline(always)]
    fn words_without(self, a: Two, bits: u16) -> u32 {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let (bits, zero) = (_mm256_set1_epi16(bits as i16), _mm256_setzero_si256());
            let first = _mm256_cmpeq_epi16(_mm256_and_si256(a[0], bits), zero);
            let second = _mm256_cmpeq_epi16(_mm256_and_si256(a[1], bits), zero);
            // Packing works on halves of 128 bits; the permutation puts them in order.
            _mm256_movemask_epi8(_mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(first, second))) as u32
        }
    }
    #[inline(always)]
    fn pair(self, a: Two, b: Two, factors: (i16, i16)) -> [Two; 2] {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let factors = _mm256_set1_epi32(i32::from(factors.1) << 16 | i32::from(factors.0) & 0xffff);
            let low = [_mm256_madd_epi16(_mm256_unpacklo_epi16(a[0], b[0]), factors), _mm256_madd_epi16(_mm256_unpacklo_epi16(a[1], b[1]), factors)];
            let high = [_mm256_madd_epi16(_mm256_unpackhi_epi16(a[0], b[0]), factors), _mm256_madd_epi16(_mm256_unpackhi_epi16(a[1], b[1]), factors)];
            [low, high]
        }
    }
    #[inline(always)]
    fn pack(self, low: Two, high: Two) -> Words {
        let mut row = Words::ZERO;
        let at: *mut __m256i = row.0.as_mut_ptr().cast();
        // SAFETY: `self` is the proof of the instructions; a `Words` is 64 writable bytes, aligned to 64.
        unsafe {
            _mm256_store_si256(at, _mm256_packs_epi32(low[0], high[0]));
            _mm256_store_si256(at.add(1), _mm256_packs_epi32(low[1], high[1]));
        }
        row
    }

    #[inline(always)]
    fn pack_low(self, low: Two, high: Two) -> Words {
        let mut row = Words::ZERO;
        let at: *mut __m256i = row.0.as_mut_ptr().cast();
        // SAFETY: `self` is the proof of the instructions; a `Words` is 64 writable bytes, aligned to 64.
        unsafe {
            let kept = _mm256_set1_epi32(0xffff);
            _mm256_store_si256(at, _mm256_packus_epi32(_mm256_and_si256(low[0], kept), _mm256_and_si256(high[0], kept)));
            _mm256_store_si256(at.add(1), _mm256_packus_epi32(_mm256_and_si256(low[1], kept), _mm256_and_si256(high[1], kept)));
        }
        row
    }

    #[inline(always)]
    fn ints(self, row: &Ints) -> Two {
        let at: *const __m256i = row.0.as_ptr().cast();
        // SAFETY: `self` is the proof of the instruction; an `Ints` is 64 readable bytes, aligned to 64.
        unsafe { [_mm256_load_si256(at), _mm256_load_si256(at.add(1))] }
    }
    #[inline(always)]
    fn store(self, row: Two, to: &mut Ints) {
        let at: *mut __m256i = to.0.as_mut_ptr().cast();
        // SAFETY: `self` is the proof of the instruction; an `Ints` is 64 writable bytes, aligned to 64.
        unsafe {
            _mm256_store_si256(at, row[0]);
            _mm256_store_si256(at.add(1), row[1]);
        }
    }
    #[inline(always)]
    fn all(self, value: i32) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { [_mm256_set1_epi32(value); 2] }
    }
    #[inline(always)]
    fn add(self, a: Two, b: Two) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])] }
    }
    #[inline(always)]
    fn sub(self, a: Two, b: Two) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { [_mm256_sub_epi32(a[0], b[0]), _mm256_sub_epi32(a[1], b[1])] }
    }
    #[inline(always)]
    fn and(self, a: Two, b: Two) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { [_mm256_and_si256(a[0], b[0]), _mm256_and_si256(a[1], b[1])] }
    }
    #[inline(always)]
    fn shift_left(self, a: Two, by: u32) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe {
            let by = _mm_cvtsi32_si128(by as i32);
            [_mm256_sll_epi32(a[0], by), _mm256_sll_epi32(a[1], by)]
        }
    }
    #[inline(always)]
    fn xor(self, a: Two, b: Two) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { [_mm256_xor_si256(a[0], b[0]), _mm256_xor_si256(a[1], b[1])] }
    }
    #[inline(always)]
    fn mul(self, a: Two, b: Two) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { [_mm256_mullo_epi32(a[0], b[0]), _mm256_mullo_epi32(a[1], b[1])] }
    }
    #[inline(always)]
    fn shift_right(self, a: Two, by: u32) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe {
            let by = _mm_cvtsi32_si128(by as i32);
            [_mm256_srl_epi32(a[0], by), _mm256_srl_epi32(a[1], by)]
        }
    }
    #[inline(always)]
    fn as_words(self, a: Two) -> Two {
        a
    }
    #[inline(always)]
    fn add_where_less(self, a: Two, place: Two, limit: Two, b: Two) -> Two {
        // SAFETY: `self` is the proof of the instructions. The comparison leaves all ones where it holds.
        unsafe {
            let chosen = [_mm256_and_si256(_mm256_cmpgt_epi16(limit[0], place[0]), b[0]), _mm256_and_si256(_mm256_cmpgt_epi16(limit[1], place[1]), b[1])];
            [_mm256_add_epi16(a[0], chosen[0]), _mm256_add_epi16(a[1], chosen[1])]
        }
    }
    #[inline(always)]
    fn min(self, a: Two, b: Two) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { [_mm256_min_epi32(a[0], b[0]), _mm256_min_epi32(a[1], b[1])] }
    }
    #[inline(always)]
    fn max(self, a: Two, b: Two) -> Two {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { [_mm256_max_epi32(a[0], b[0]), _mm256_max_epi32(a[1], b[1])] }
    }
    #[inline(always)]
    fn count_different(self, a: Two, b: Two, mask: Two) -> u32 {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let zero = _mm256_setzero_si256();
            let first = _mm256_or_si256(_mm256_cmpeq_epi32(a[0], b[0]), _mm256_cmpeq_epi32(mask[0], zero));
            let second = _mm256_or_si256(_mm256_cmpeq_epi32(a[1], b[1]), _mm256_cmpeq_epi32(mask[1], zero));
            16 - _mm256_movemask_ps(_mm256_castsi256_ps(first)).count_ones() - _mm256_movemask_ps(_mm256_castsi256_ps(second)).count_ones()
        }
    }
    #[inline(always)]
    fn interleave(self, even: Two, odd: Two) -> Two {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let first = _mm256_blend_epi16::<0b1010_1010>(even[0], _mm256_slli_epi32::<16>(odd[0]));
            [first, _mm256_blend_epi16::<0b1010_1010>(even[1], _mm256_slli_epi32::<16>(odd[1]))]
        }
    }
    #[inline(always)]
    fn deinterleave(self, row: Two) -> [Two; 2] {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let odd = _mm256_set1_epi32(-65536);
            let even = [_mm256_slli_epi32::<16>(row[0]), _mm256_slli_epi32::<16>(row[1])];
            [even, [_mm256_and_si256(row[0], odd), _mm256_and_si256(row[1], odd)]]
        }
    }
    #[inline(always)]
    fn small_indices(self, sums: Two, inverse: f32, start: f32) -> Two {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let (inverse, start) = (_mm256_set1_ps(inverse), _mm256_set1_ps(start));
            let first = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[0]), inverse, start);
            let second = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[1]), inverse, start);
            [_mm256_castps_si256(first), _mm256_castps_si256(second)]
        }
    }
    #[inline(always)]
    fn no_codes(self) -> [__m256; 2] {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { [_mm256_setzero_ps(); 2] }
    }
    #[inline(always)]
    fn estimate(self, sums: Two, inverse: f32, codes: [__m256; 2], farthest: [__m256; 2]) -> [[__m256; 2]; 2] {
        let mut out = [codes, farthest];
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let (inverse, rounder, two) = (_mm256_set1_ps(inverse), _mm256_set1_ps(SMALL_ROUNDER), _mm256_set1_ps(2.0));
            for h in 0..2 {
                let sum = _mm256_cvtepi32_ps(sums[h]);
                let nearest = _mm256_sub_ps(_mm256_fmadd_ps(sum, inverse, rounder), rounder);
                out[0][h] = _mm256_fmadd_ps(codes[h], two, nearest);
                let distance = _mm256_andnot_ps(_mm256_set1_ps(-0.0), _mm256_fmsub_ps(sum, inverse, nearest));
                out[1][h] = _mm256_max_ps(farthest[h], distance);
            }
        }
        out
    }
    #[inline(always)]
    fn all_within(self, a: [__m256; 2], limit: f32) -> bool {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(_mm256_max_ps(a[0], a[1]), _mm256_set1_ps(limit))) == 0 }
    }
    #[inline(always)]
    fn whole(self, a: [__m256; 2]) -> Two {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { [_mm256_cvtps_epi32(a[0]), _mm256_cvtps_epi32(a[1])] }
    }
    #[inline(always)]
    fn rescale(self, row: Two, by: &Rescale) -> Two {
        let mut plain = Ints::ZERO;
        self.store(row, &mut plain);
        self.ints(&Ints(Portable.rescale(plain.0, by)))
    }
    #[inline(always)]
    fn transpose(self, rows: [Two; INTS]) -> [Two; INTS] {
        let mut plain = [Ints::ZERO; INTS];
        for i in 0..INTS {
            self.store(rows[i], &mut plain[i]);
        }
        let mut turned = rows;
        for (turned, row) in turned.iter_mut().zip(Portable.transpose(plain.map(|row| row.0))) {
            *turned = self.ints(&Ints(row));
        }
        turned
    }
    #[inline(always)]
    fn fused_indices(self, sums: Two, inverse: f64, start: f64) -> Two {
        self.indices(sums, &Rounding::Fused(inverse, start))
    }
    #[inline(always)]
    fn indices(self, sums: Two, rule: &Rounding) -> Two {
        [self.eight(sums[0], rule), self.eight(sums[1], rule)]
    }
}
