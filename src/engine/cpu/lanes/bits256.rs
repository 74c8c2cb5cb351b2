//! AVX2: two pieces of bytes; bits are transposed between registers before their bytes are.

use super::Avx2;
use super::bytes::{Bytes, MOST_PIECES, PIECE};
use super::rows::NUMBER_SHIFT;
use std::arch::x86_64::*;

impl Avx2 {
    /// Two pieces as a register.
    #[inline(always)]
    fn join(self, low: __m128i, high: __m128i) -> __m256i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high) }
    }

    /// Exchanges the bits `!mask` of a, shifted by `BY`, and the bits `mask` of b, in each byte.
    #[inline(always)]
    fn exchange<const BY: i32>(self, a: __m256i, b: __m256i, mask: i8) -> [__m256i; 2] {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            // The mask drops what a shift of words brings from the byte beside.
            let t = _mm256_and_si256(_mm256_xor_si256(_mm256_srli_epi16::<BY>(a), b), _mm256_set1_epi8(mask));
            [_mm256_xor_si256(a, _mm256_slli_epi16::<BY>(t)), _mm256_xor_si256(b, t)]
        }
    }
}

impl Bytes for Avx2 {
    type Register = __m256i;
    type Words = __m256i;
    const PIECES: usize = 2;

    #[inline(always)]
    fn zero(self) -> __m256i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm256_setzero_si256() }
    }
    #[inline(always)]
    fn all_bytes(self, b: [u8; MOST_PIECES]) -> __m256i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { self.join(_mm_set1_epi8(b[0] as i8), _mm_set1_epi8(b[1] as i8)) }
    }
    #[inline(always)]
    fn all_words(self, w: [u16; MOST_PIECES]) -> __m256i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { self.join(_mm_set1_epi16(w[0] as i16), _mm_set1_epi16(w[1] as i16)) }
    }
    #[inline(always)]
    fn load(self, from: &[u8], at: [usize; MOST_PIECES]) -> __m256i {
        let (a, b) = (&from[at[0]..at[0] + PIECE], &from[at[1]..at[1] + PIECE]);
        // SAFETY: `self` is the proof of the instructions; each slice is 16 readable bytes.
        unsafe { self.join(_mm_loadu_si128(a.as_ptr().cast()), _mm_loadu_si128(b.as_ptr().cast())) }
    }
    #[inline(always)]
    fn load_halves(self, from: &[u8], at: [[usize; MOST_PIECES]; 2]) -> __m256i {
        let (a, b) = (&from[at[0][0]..at[0][0] + 8], &from[at[1][0]..at[1][0] + 8]);
        let (c, d) = (&from[at[0][1]..at[0][1] + 8], &from[at[1][1]..at[1][1] + 8]);
        // SAFETY: `self` is the proof of the instructions; each slice is 8 readable bytes.
        unsafe {
            let low = _mm_unpacklo_epi64(_mm_loadl_epi64(a.as_ptr().cast()), _mm_loadl_epi64(b.as_ptr().cast()));
            let high = _mm_unpacklo_epi64(_mm_loadl_epi64(c.as_ptr().cast()), _mm_loadl_epi64(d.as_ptr().cast()));
            self.join(low, high)
        }
    }
    #[inline(always)]
    fn and(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm256_and_si256(a, b) }
    }
    #[inline(always)]
    fn bits(self, rows: [__m256i; 8]) -> [__m256i; 8] {
        let mut r = rows;
        for i in 0..4 {
            [r[i], r[i + 4]] = self.exchange::<4>(r[i], r[i + 4], 0x0f);
        }
        for i in [0, 1, 4, 5] {
            [r[i], r[i + 2]] = self.exchange::<2>(r[i], r[i + 2], 0x33);
        }
        for i in [0, 2, 4, 6] {
            [r[i], r[i + 1]] = self.exchange::<1>(r[i], r[i + 1], 0x55);
        }
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let a = [_mm256_unpacklo_epi8(r[0], r[1]), _mm256_unpacklo_epi8(r[2], r[3]), _mm256_unpacklo_epi8(r[4], r[5]), _mm256_unpacklo_epi8(r[6], r[7])];
            let b = [_mm256_unpackhi_epi8(r[0], r[1]), _mm256_unpackhi_epi8(r[2], r[3]), _mm256_unpackhi_epi8(r[4], r[5]), _mm256_unpackhi_epi8(r[6], r[7])];
            let c = [_mm256_unpacklo_epi16(a[0], a[1]), _mm256_unpackhi_epi16(a[0], a[1]), _mm256_unpacklo_epi16(b[0], b[1]), _mm256_unpackhi_epi16(b[0], b[1])];
            let d = [_mm256_unpacklo_epi16(a[2], a[3]), _mm256_unpackhi_epi16(a[2], a[3]), _mm256_unpacklo_epi16(b[2], b[3]), _mm256_unpackhi_epi16(b[2], b[3])];
            [
                _mm256_unpacklo_epi32(c[0], d[0]),
                _mm256_unpackhi_epi32(c[0], d[0]),
                _mm256_unpacklo_epi32(c[1], d[1]),
                _mm256_unpackhi_epi32(c[1], d[1]),
                _mm256_unpacklo_epi32(c[2], d[2]),
                _mm256_unpackhi_epi32(c[2], d[2]),
                _mm256_unpacklo_epi32(c[3], d[3]),
                _mm256_unpackhi_epi32(c[3], d[3]),
            ]
        }
    }
    #[inline(always)]
    fn bits_of_one(self, row: __m256i) -> [__m256i; 8] {
        let mut out = [row; 8];
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let (bits, one) = (_mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64), _mm256_set1_epi8(1));
            for j in 0..8 {
                let place = _mm_set_epi64x(0x0101_0101_0101_0101 * (2 * j as i64 + 1), 0x0101_0101_0101_0101 * (2 * j as i64));
                let byte = _mm256_shuffle_epi8(row, _mm256_broadcastsi128_si256(place));
                out[j] = _mm256_min_epu8(_mm256_and_si256(byte, bits), one);
            }
        }
        out
    }
    #[inline(always)]
    fn words(self, low: __m256i, high: __m256i, first: __m256i) -> [__m256i; 2] {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let words = [_mm256_unpacklo_epi8(low, high), _mm256_unpackhi_epi8(low, high)];
            [_mm256_add_epi16(_mm256_slli_epi16::<{ NUMBER_SHIFT as i32 }>(words[0]), first), _mm256_add_epi16(_mm256_slli_epi16::<{ NUMBER_SHIFT as i32 }>(words[1]), first)]
        }
    }
    #[inline(always)]
    fn store<const N: usize>(self, words: __m256i, piece: usize, to: &mut [u16]) {
        let to = to[..8 * N].as_mut_ptr();
        // SAFETY: `self` is the proof of the instructions; `to` is 16 N writable bytes, and at most that many are written.
        unsafe {
            match (N, piece) {
                (1, 0) => _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(words)),
                (1, _) => _mm_storeu_si128(to.cast(), _mm256_extracti128_si256::<1>(words)),
                _ => _mm256_storeu_si256(to.cast(), words),
            }
        }
    }
}
