//! AVX-512: a row is one register.

use super::{HalfWords, Ints, Lanes, ROUNDER, Rounding, Words};
use crate::engine::cpu::simd::instruction_set;
use std::arch::x86_64::*;

/// The processor has AVX-512 F, BW, DQ, VL and CD.
#[derive(Debug, Clone, Copy)]
pub struct Avx512(());

impl Avx512 {
    /// The proof, if AVX-512 is in use.
    #[inline]
    pub fn new() -> Option<Self> {
        (instruction_set() == "AVX-512").then_some(Avx512(()))
    }
}

impl Avx512 {
    /// 16 whole numbers as f64.
    #[inline(always)]
    fn doubles(self, sums: __m512i) -> (__m512d, __m512d) {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { (_mm512_cvtepi32_pd(_mm512_castsi512_si256(sums)), _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64::<1>(sums))) }
    }

    /// The low 32 bits of 16 numbers.
    #[inline(always)]
    fn low_bits(self, low: __m512d, high: __m512d) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            _mm512_permutex2var_epi32(_mm512_castpd_si512(low), even, _mm512_castpd_si512(high))
        }
    }
}

impl Lanes for Avx512 {
    type Words = __m512i;
    type HalfWords = __m256i;
    type Ints = __m512i;
    const ACCUMULATORS: usize = 8;

    #[inline(always)]
    fn prefetch<T>(self, row: &T) {
        // SAFETY: a hint about memory that is there.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(row).cast()) }
    }
    #[inline(always)]
    fn words(self, row: &Words) -> __m512i {
        // SAFETY: `self` is the proof of the instruction; a `Words` is 64 readable bytes, aligned to 64.
        unsafe { _mm512_load_si512(row.0.as_ptr().cast()) }
    }
    #[inline(always)]
    fn add_words(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_add_epi16(a, b) }
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
    fn pair_half(self, a: __m256i, b: __m256i, factors: (i16, i16)) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let factors = _mm256_set1_epi32(i32::from(factors.1) << 16 | i32::from(factors.0) & 0xffff);
            let low = _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), factors);
            let high = _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), factors);
            // Unpacking works on halves of 128 bits: columns 0-3, 8-11, 4-7, 12-15 are put in order.
            let both = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
            _mm512_shuffle_i64x2::<0b11_01_10_00>(both, both)
        }
    }
    #[inline(always)]
    fn store_words(self, row: __m512i, to: &mut Words) {
        // SAFETY: `self` is the proof of the instruction; a `Words` is 64 writable bytes, aligned to 64.
        unsafe { _mm512_store_si512(to.0.as_mut_ptr().cast(), row) }
    }
    #[inline(always)]
    fn sub_words(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_sub_epi16(a, b) }
    }
    #[inline(always)]
    fn shift_words_left(self, a: __m512i, by: u32) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_sll_epi16(a, _mm_cvtsi32_si128(by as i32)) }
    }
    #[inline(always)]
    fn shift_words_right(self, a: __m512i, by: u32) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_srl_epi16(a, _mm_cvtsi32_si128(by as i32)) }
    }
    #[inline(always)]
    fn words_without(self, a: __m512i, bits: u16) -> u32 {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_testn_epi16_mask(a, _mm512_set1_epi16(bits as i16)) }
    }
    #[inline(always)]
    fn pair(self, a: __m512i, b: __m512i, factors: (i16, i16)) -> [__m512i; 2] {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let factors = _mm512_set1_epi32(i32::from(factors.1) << 16 | i32::from(factors.0) & 0xffff);
            [_mm512_madd_epi16(_mm512_unpacklo_epi16(a, b), factors), _mm512_madd_epi16(_mm512_unpackhi_epi16(a, b), factors)]
        }
    }
    #[inline(always)]
    fn pack(self, low: __m512i, high: __m512i) -> Words {
        let mut row = Words::ZERO;
        // SAFETY: `self` is the proof of the instructions; a `Words` is 64 writable bytes, aligned to 64.
        unsafe { _mm512_store_si512(row.0.as_mut_ptr().cast(), _mm512_packs_epi32(low, high)) };
        row
    }

    #[inline(always)]
    fn pack_low(self, low: __m512i, high: __m512i) -> Words {
        let mut row = Words::ZERO;
        // SAFETY: `self` is the proof of the instructions; a `Words` is 64 writable bytes, aligned to 64.
        unsafe {
            let kept = _mm512_set1_epi32(0xffff);
            let packed = _mm512_packus_epi32(_mm512_and_si512(low, kept), _mm512_and_si512(high, kept));
            _mm512_store_si512(row.0.as_mut_ptr().cast(), packed);
        }
        row
    }

    #[inline(always)]
    fn ints(self, row: &Ints) -> __m512i {
        // SAFETY: `self` is the proof of the instruction; an `Ints` is 64 readable bytes, aligned to 64.
        unsafe { _mm512_load_si512(row.0.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store(self, row: __m512i, to: &mut Ints) {
        // SAFETY: `self` is the proof of the instruction; an `Ints` is 64 writable bytes, aligned to 64.
        unsafe { _mm512_store_si512(to.0.as_mut_ptr().cast(), row) }
    }
    #[inline(always)]
    fn all(self, value: i32) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_set1_epi32(value) }
    }
    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_add_epi32(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_sub_epi32(a, b) }
    }
    #[inline(always)]
    fn and(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_and_si512(a, b) }
    }
    #[inline(always)]
    fn shift_left(self, a: __m512i, by: u32) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_sll_epi32(a, _mm_cvtsi32_si128(by as i32)) }
    }
    #[inline(always)]
    fn min(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_min_epi32(a, b) }
    }
    #[inline(always)]
    fn max(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_max_epi32(a, b) }
    }
    #[inline(always)]
    fn count_different(self, a: __m512i, b: __m512i, mask: __m512i) -> u32 {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { u32::from(_mm512_mask_cmpneq_epi32_mask(_mm512_test_epi32_mask(mask, mask), a, b)).count_ones() }
    }
    #[inline(always)]
    fn widen(self, row: __m512i) -> [__m512i; 2] {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { [_mm512_cvtepi16_epi32(_mm512_castsi512_si256(row)), _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64::<1>(row))] }
    }
    #[inline(always)]
    fn small_indices(self, sums: __m512i, inverse: f32, start: f32) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { _mm512_castps_si512(_mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), _mm512_set1_ps(inverse), _mm512_set1_ps(start))) }
    }
    #[inline(always)]
    fn fused_indices(self, sums: __m512i, inverse: f64, start: f64) -> __m512i {
        let (low, high) = self.doubles(sums);
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let (inverse, start) = (_mm512_set1_pd(inverse), _mm512_set1_pd(start));
            self.low_bits(_mm512_fmadd_pd(low, inverse, start), _mm512_fmadd_pd(high, inverse, start))
        }
    }
    #[inline(always)]
    fn indices(self, sums: __m512i, rule: &Rounding) -> __m512i {
        let (low, high) = self.doubles(sums);
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let rounder = _mm512_set1_pd(ROUNDER);
            match *rule {
                Rounding::Fused(inverse, start) => self.fused_indices(sums, inverse, start),
                Rounding::Product(lo, inverse) => {
                    let (lo, inverse) = (_mm512_set1_pd(lo), _mm512_set1_pd(inverse));
                    let (low, high) = (_mm512_mul_pd(_mm512_sub_pd(low, lo), inverse), _mm512_mul_pd(_mm512_sub_pd(high, lo), inverse));
                    self.low_bits(_mm512_add_pd(low, rounder), _mm512_add_pd(high, rounder))
                }
                Rounding::Quotient(lo, step) => {
                    let (lo, step) = (_mm512_set1_pd(lo), _mm512_set1_pd(step));
                    let (low, high) = (_mm512_div_pd(_mm512_sub_pd(low, lo), step), _mm512_div_pd(_mm512_sub_pd(high, lo), step));
                    self.low_bits(_mm512_add_pd(low, rounder), _mm512_add_pd(high, rounder))
                }
            }
        }
    }
}
