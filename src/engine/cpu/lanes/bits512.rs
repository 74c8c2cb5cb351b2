//! AVX-512 with GFNI: four pieces of bytes, and the transposition of 8 x 8 bits as one instruction.

use super::bytes::{Bytes, MOST_PIECES, PIECE};
use super::rows::NUMBER_SHIFT;
use crate::engine::cpu::simd::instruction_set;
use std::arch::x86_64::*;

/// The processor has AVX-512 F, BW, DQ, VL and CD, and GFNI.
#[derive(Debug, Clone, Copy)]
pub struct Gfni512(());

impl Gfni512 {
    /// The proof, if AVX-512 is in use and the processor has GFNI.
    #[inline]
    pub fn new() -> Option<Self> {
        (instruction_set() == "AVX-512" && is_x86_feature_detected!("gfni")).then_some(Gfni512(()))
    }

    /// The 8 x 8 bits of each 64: bit `i` of byte `t` becomes bit `t` of byte `7 - i`.
    #[inline(always)]
    fn transpose(self, rows: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            // Byte t of the product by the matrix `rows` is bit t of every row: its byte is 1 << t.
            _mm512_gf2p8affine_epi64_epi8::<0>(_mm512_set1_epi64(0x8040_2010_0804_0201_u64 as i64), rows)
        }
    }

    /// Four pieces as a register.
    #[inline(always)]
    fn join(self, pieces: [__m128i; 4]) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(pieces[0]), pieces[1]);
            let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(pieces[2]), pieces[3]);
            _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
        }
    }
}

impl Bytes for Gfni512 {
    type Register = __m512i;
    type Words = __m512i;
    const PIECES: usize = 4;

    #[inline(always)]
    fn zero(self) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_setzero_si512() }
    }
    #[inline(always)]
    fn all_bytes(self, b: [u8; MOST_PIECES]) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { self.join([_mm_set1_epi8(b[0] as i8), _mm_set1_epi8(b[1] as i8), _mm_set1_epi8(b[2] as i8), _mm_set1_epi8(b[3] as i8)]) }
    }
    #[inline(always)]
    fn all_words(self, w: [u16; MOST_PIECES]) -> __m512i {
        // SAFETY: `self` is the proof of the instructions.
        unsafe { self.join([_mm_set1_epi16(w[0] as i16), _mm_set1_epi16(w[1] as i16), _mm_set1_epi16(w[2] as i16), _mm_set1_epi16(w[3] as i16)]) }
    }
    #[inline(always)]
    fn load(self, from: &[u8], at: [usize; MOST_PIECES]) -> __m512i {
        let [a, b, c, d] = [&from[at[0]..at[0] + PIECE], &from[at[1]..at[1] + PIECE], &from[at[2]..at[2] + PIECE], &from[at[3]..at[3] + PIECE]];
        // SAFETY: `self` is the proof of the instructions; each slice is 16 readable bytes.
        unsafe {
            self.join([_mm_loadu_si128(a.as_ptr().cast()), _mm_loadu_si128(b.as_ptr().cast()), _mm_loadu_si128(c.as_ptr().cast()), _mm_loadu_si128(d.as_ptr().cast())])
        }
    }
    #[inline(always)]
    fn load_halves(self, from: &[u8], at: [[usize; MOST_PIECES]; 2]) -> __m512i {
        let mut pieces = [[0_u64; 2]; 4];
        for (piece, halves) in pieces.iter_mut().enumerate() {
            for (half, to) in halves.iter_mut().enumerate() {
                let mut eight = [0; 8];
                eight.copy_from_slice(&from[at[half][piece]..at[half][piece] + 8]);
                *to = u64::from_le_bytes(eight);
            }
        }
        let [a, b, c, d] = pieces;
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            self.join([
                _mm_set_epi64x(a[1] as i64, a[0] as i64),
                _mm_set_epi64x(b[1] as i64, b[0] as i64),
                _mm_set_epi64x(c[1] as i64, c[0] as i64),
                _mm_set_epi64x(d[1] as i64, d[0] as i64),
            ])
        }
    }
    #[inline(always)]
    fn and(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the proof of the instruction.
        unsafe { _mm512_and_si512(a, b) }
    }
    #[inline(always)]
    fn bits(self, r: [__m512i; 8]) -> [__m512i; 8] {
        // SAFETY: `self` is the proof of the instructions.
        let eights = unsafe {
            // Row 7 first, as `transpose` wants them; pairs, fours and eights of rows side by side.
            let a = [_mm512_unpacklo_epi8(r[7], r[6]), _mm512_unpacklo_epi8(r[5], r[4]), _mm512_unpacklo_epi8(r[3], r[2]), _mm512_unpacklo_epi8(r[1], r[0])];
            let b = [_mm512_unpackhi_epi8(r[7], r[6]), _mm512_unpackhi_epi8(r[5], r[4]), _mm512_unpackhi_epi8(r[3], r[2]), _mm512_unpackhi_epi8(r[1], r[0])];
            let c = [_mm512_unpacklo_epi16(a[0], a[1]), _mm512_unpackhi_epi16(a[0], a[1]), _mm512_unpacklo_epi16(b[0], b[1]), _mm512_unpackhi_epi16(b[0], b[1])];
            let d = [_mm512_unpacklo_epi16(a[2], a[3]), _mm512_unpackhi_epi16(a[2], a[3]), _mm512_unpacklo_epi16(b[2], b[3]), _mm512_unpackhi_epi16(b[2], b[3])];
            [
                _mm512_unpacklo_epi32(c[0], d[0]),
                _mm512_unpackhi_epi32(c[0], d[0]),
                _mm512_unpacklo_epi32(c[1], d[1]),
                _mm512_unpackhi_epi32(c[1], d[1]),
                _mm512_unpacklo_epi32(c[2], d[2]),
                _mm512_unpackhi_epi32(c[2], d[2]),
                _mm512_unpacklo_epi32(c[3], d[3]),
                _mm512_unpackhi_epi32(c[3], d[3]),
            ]
        };
        let mut out = eights;
        for j in 0..8 {
            out[j] = self.transpose(eights[j]);
        }
        out
    }
    #[inline(always)]
    fn bits_of_one(self, row: __m512i) -> [__m512i; 8] {
        let mut out = [row; 8];
        for j in 0..8 {
            // SAFETY: `self` is the proof of the instructions.
            let eights = unsafe {
                // The row's byte last of eight; an index with its top bit set gives 0.
                let last = |p: i64| p << 56 | 0x0080_8080_8080_8080;
                _mm512_shuffle_epi8(row, _mm512_broadcast_i32x4(_mm_set_epi64x(last(2 * j as i64 + 1), last(2 * j as i64))))
            };
            out[j] = self.transpose(eights);
        }
        out
    }
    #[inline(always)]
    fn words(self, low: __m512i, high: __m512i, first: __m512i) -> [__m512i; 2] {
        // SAFETY: `self` is the proof of the instructions.
        unsafe {
            let words = [_mm512_unpacklo_epi8(low, high), _mm512_unpackhi_epi8(low, high)];
            [_mm512_add_epi16(_mm512_slli_epi16::<NUMBER_SHIFT>(words[0]), first), _mm512_add_epi16(_mm512_slli_epi16::<NUMBER_SHIFT>(words[1]), first)]
        }
    }
    #[inline(always)]
    fn store<const N: usize>(self, words: __m512i, piece: usize, to: &mut [u16]) {
        let to = to[..8 * N].as_mut_ptr();
        // SAFETY: `self` is the proof of the instructions; `to` is 16 N writable bytes, and that many are written.
        unsafe {
            match (N, piece) {
                (4, _) => _mm512_storeu_si512(to.cast(), words),
                (2, 0) => _mm256_storeu_si256(to.cast(), _mm512_castsi512_si256(words)),
                (2, _) => _mm256_storeu_si256(to.cast(), _mm512_extracti64x4_epi64::<1>(words)),
                (_, 0) => _mm_storeu_si128(to.cast(), _mm512_castsi512_si128(words)),
                (_, 1) => _mm_storeu_si128(to.cast(), _mm512_extracti32x4_epi32::<1>(words)),
                (_, 2) => _mm_storeu_si128(to.cast(), _mm512_extracti32x4_epi32::<2>(words)),
                _ => _mm_storeu_si128(to.cast(), _mm512_extracti32x4_epi32::<3>(words)),
            }
        }
    }

    #[inline(always)]
    fn narrow(self, from: &[u32], shift: u32, to: &mut [u8]) {
        let to = &mut to[..from.len()];
        let (sixteens, rest) = from.as_chunks::<16>();
        let (to_sixteens, to_rest) = to.as_chunks_mut::<16>();
        let (eights, last) = rest.as_chunks::<8>();
        let (to_eights, to_last) = to_rest.as_chunks_mut::<8>();
        // SAFETY: `self` is the proof of the instructions; arrays of 64 and 32 bytes are read, of 16 and 8 written.
        unsafe {
            let by = _mm_cvtsi32_si128(shift as i32);
            for (from, to) in sixteens.iter().zip(to_sixteens) {
                let v = _mm512_srl_epi32(_mm512_loadu_si512(from.as_ptr().cast()), by);
                _mm_storeu_si128(to.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(v));
            }
            for (from, to) in eights.iter().zip(to_eights) {
                let v = _mm256_srl_epi32(_mm256_loadu_si256(from.as_ptr().cast()), by);
                _mm_storel_epi64(to.as_mut_ptr().cast(), _mm256_cvtepi32_epi8(v));
            }
        }
        for (from, to) in last.iter().zip(to_last) {
            *to = (from >> shift) as u8;
        }
    }
    #[inline(always)]
    fn narrow_even(self, from: &[u32], shift: u32, to: &mut [u8]) {
        let (sixteens, rest) = from.as_chunks::<16>();
        let (to_eights, to_rest) = to[..from.len().div_ceil(2)].split_at_mut(8 * sixteens.len());
        // SAFETY: `self` is the proof of the instructions; arrays of 64 bytes are read, of 8 written.
        unsafe {
            let by = _mm_cvtsi32_si128(shift as i32);
            for (from, to) in sixteens.iter().zip(to_eights.as_chunks_mut::<8>().0) {
                // The low byte of each 64 bits is of an even value.
                let v = _mm512_srl_epi64(_mm512_loadu_si512(from.as_ptr().cast()), by);
                _mm_storel_epi64(to.as_mut_ptr().cast(), _mm512_cvtepi64_epi8(v));
            }
        }
        for (from, to) in rest.iter().step_by(2).zip(to_rest) {
            *to = (from >> shift) as u8;
        }
    }
}
