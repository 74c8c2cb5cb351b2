//! AVX-512: a row is one register.

use super::{HalfWords, INTS, Ints, Lanes, ROUNDER, Rescale, Rounding, SMALL_ROUNDER, Words};
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

impl Avx512 {
    /// The outputs from `first` on, scaled and rounded, cut to 32 bits.
    #[inline(always)]
    fn eight_rescaled(self, accumulators: __m256i, by: &Rescale, first: usize) -> __m256i {
        // SAFETY: `self` is the proof of the instructions; a slice of eight numbers is 64 readable bytes.
        unsafe {
            let multiplier = _mm512_loadu_si512(by.multiplier[first..first + 8].as_ptr().cast());
            let bias = _mm512_loadu_si512(by.bias[first..first + 8].as_ptr().cast());
            let v = _mm512_add_epi64(_mm512_mul_epi32(_mm512_cvtepi32_epi64(accumulators), multiplier), bias);
            // Half away from zero: a negative number is rounded from one below.
            let v = _mm512_add_epi64(_mm512_add_epi64(v, _mm512_set1_epi64(1 << (by.shift - 1))), _mm512_srai_epi64::<63>(v));
            _mm512_cvtsepi64_epi32(_mm512_sra_epi64(v, _mm_cvtsi64_si128(i64::from(by.shift))))
        }
    }
}

impl Lanes for Avx512 {
    type Words = __m512i;
    type HalfWords = __m256i;
    type Ints = __m512i;
    type Floats = __m512;
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
        // SAFETY: `self` is the proof of the instruction. The usual shift, by one, is one step; by a count in a register it is two.
        unsafe { if by == 1 { _mm512_add_epi16(a, a) } else { _mm512_sll_epi16(a, _mm_cvtsi32_si128(by as i32)) } }
    }
    #[inline(always)]
    fn shift_words_right(self, a: __m512i, by: u32) -> __m512i {
        if by == 0 {
            return a;
        }
        // SAFETY: `self` is the proof of the instruction: the high half of a product.
        unsafe { _mm512_mulhi_epu16(a, _mm512_set1_epi16((1u16 << (16 - by)) as i16)) }
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
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_xor_si512(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_mullo_epi32(a, b) }
    }
    #[inline(always)]
    fn shift_right(self, a: __m512i, by: u32) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_srl_epi32(a, _mm_cvtsi32_si128(by as i32)) }
    }
    #[inline(always)]
    fn as_words(self, a: __m512i) -> __m512i {
        a
    }
    #[inline(always)]
    fn add_where_less(self, a: __m512i, place: __m512i, limit: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { _mm512_mask_add_epi16(a, _mm512_cmplt_epi16_mask(place, limit), a, b) }
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
    fn interleave(self, even: __m512i, odd: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { _mm512_mask_blend_epi16(0xaaaa_aaaa, even, _mm512_slli_epi32::<16>(odd)) }
    }
    #[inline(always)]
    fn deinterleave(self, row: __m512i) -> [__m512i; 2] {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { [_mm512_slli_epi32::<16>(row), _mm512_and_si512(row, _mm512_set1_epi32(-65536))] }
    }
    #[inline(always)]
    fn small_indices(self, sums: __m512i, inverse: f32, start: f32) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { _mm512_castps_si512(_mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), _mm512_set1_ps(inverse), _mm512_set1_ps(start))) }
    }
    #[inline(always)]
    fn no_codes(self) -> __m512 {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_setzero_ps() }
    }
    #[inline(always)]
    fn estimate(self, sums: __m512i, inverse: f32, codes: __m512, farthest: __m512) -> [__m512; 2] {
        /// The larger magnitude, without its sign.
        const LARGER: i32 = 0b1011;
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let (sum, inverse, rounder) = (_mm512_cvtepi32_ps(sums), _mm512_set1_ps(inverse), _mm512_set1_ps(SMALL_ROUNDER));
            let nearest = _mm512_sub_ps(_mm512_fmadd_ps(sum, inverse, rounder), rounder);
            let distance = _mm512_fmsub_ps(sum, inverse, nearest);
            [_mm512_fmadd_ps(codes, _mm512_set1_ps(2.0), nearest), _mm512_range_ps::<LARGER>(farthest, distance)]
        }
    }
    #[inline(always)]
    fn all_within(self, a: __m512, limit: f32) -> bool {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(a, _mm512_set1_ps(limit)) == 0 }
    }
    #[inline(always)]
    fn whole(self, a: __m512) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_cvtps_epi32(a) }
    }
    #[inline(always)]
    fn rescale(self, row: __m512i, by: &Rescale) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let low = self.eight_rescaled(_mm512_castsi512_si256(row), by, 0);
            let high = self.eight_rescaled(_mm512_extracti64x4_epi64::<1>(row), by, 8);
            let both = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
            // The limits are taken before the zero point is added: what was cut to 32 bits would not hold the sum.
            let kept = _mm512_min_epi32(_mm512_max_epi32(both, _mm512_set1_epi32(by.low - by.zero)), _mm512_set1_epi32(by.high - by.zero));
            _mm512_add_epi32(kept, _mm512_set1_epi32(by.zero))
        }
    }
    #[inline(always)]
    fn transpose(self, rows: [__m512i; INTS]) -> [__m512i; INTS] {
        let (mut two, mut four, mut out) = (rows, rows, rows);
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            for i in (0..INTS).step_by(2) {
                two[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
                two[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
            }
            // Quarter q of four[4 i + k] is column 4 q + k of the rows 4 i and following.
            for i in (0..INTS).step_by(4) {
                four[i] = _mm512_unpacklo_epi64(two[i], two[i + 2]);
                four[i + 1] = _mm512_unpackhi_epi64(two[i], two[i + 2]);
                four[i + 2] = _mm512_unpacklo_epi64(two[i + 1], two[i + 3]);
                four[i + 3] = _mm512_unpackhi_epi64(two[i + 1], two[i + 3]);
            }
            for k in 0..4 {
                let even = [_mm512_shuffle_i32x4::<0x88>(four[k], four[4 + k]), _mm512_shuffle_i32x4::<0x88>(four[8 + k], four[12 + k])];
                let odd = [_mm512_shuffle_i32x4::<0xdd>(four[k], four[4 + k]), _mm512_shuffle_i32x4::<0xdd>(four[8 + k], four[12 + k])];
                out[k] = _mm512_shuffle_i32x4::<0x88>(even[0], even[1]);
                out[4 + k] = _mm512_shuffle_i32x4::<0x88>(odd[0], odd[1]);
                out[8 + k] = _mm512_shuffle_i32x4::<0xdd>(even[0], even[1]);
                out[12 + k] = _mm512_shuffle_i32x4::<0xdd>(odd[0], odd[1]);
            }
        }
        out
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
