//! Registers of bytes, for turning rows of inputs into patterns of bits, behind one trait like [`super::Lanes`] and by its
//! rules.
//!
//! A register has *pieces* of 16 bytes that never mix: a piece is a unit at 16 positions. What a transposition gives has
//! two positions per piece, eight bytes each, one per input step: register `j` of eight has positions `2 j` and `2 j + 1`.

use super::Portable;
use super::rows::NUMBER_SHIFT;

/// Most pieces of a register.
pub const MOST_PIECES: usize = 4;
/// Bytes, and positions, of a piece.
pub const PIECE: usize = 16;

/// Operations on registers. Arrays of [`MOST_PIECES`] have an element per piece; those that a set lacks are not read.
pub trait Bytes: Copy {
    /// A register.
    type Register: Copy;
    /// A register of words: eight a piece.
    type Words: Copy;
    /// Pieces of a register: 1, 2 or 4.
    const PIECES: usize;

    /// All bytes 0.
    fn zero(self) -> Self::Register;
    /// A byte per piece, in all its places.
    fn all_bytes(self, of_piece: [u8; MOST_PIECES]) -> Self::Register;
    /// A word per piece, in all its places.
    fn all_words(self, of_piece: [u16; MOST_PIECES]) -> Self::Words;
    /// Reads 16 bytes per piece.
    fn load(self, from: &[u8], at: [usize; MOST_PIECES]) -> Self::Register;
    /// Reads 8 bytes and 8 bytes per piece.
    fn load_halves(self, from: &[u8], at: [[usize; MOST_PIECES]; 2]) -> Self::Register;
    /// a and b, bit by bit.
    fn and(self, a: Self::Register, b: Self::Register) -> Self::Register;
    /// The bits of eight rows: bit `r` of byte `t` of a position is bit `t` of row `r`.
    fn bits(self, rows: [Self::Register; 8]) -> [Self::Register; 8];
    /// [`Bytes::bits`] where rows 1..8 are 0.
    fn bits_of_one(self, row: Self::Register) -> [Self::Register; 8];
    /// Words first + (low + 256 high) 2^[`NUMBER_SHIFT`], eight a piece: of the first position and of the second. They fit 16 bits.
    fn words(self, low: Self::Register, high: Self::Register, first: Self::Words) -> [Self::Words; 2];
    /// Writes the words of the `N` pieces from `piece` on, which is a multiple of `N`: the first `8 N` of `to`.
    fn store<const N: usize>(self, words: Self::Words, piece: usize, to: &mut [u16]);

    /// The byte `shift` bits up of each value.
    #[inline(always)]
    fn narrow(self, from: &[u32], shift: u32, to: &mut [u8]) {
        from.iter().zip(to).for_each(|(&v, to)| *to = (v >> shift) as u8);
    }
    /// The byte `shift` bits up of values 0, 2, 4 and so on.
    #[inline(always)]
    fn narrow_even(self, from: &[u32], shift: u32, to: &mut [u8]) {
        let (pairs, last) = from.as_chunks::<2>();
        let (to, to_last) = to.split_at_mut(pairs.len());
        pairs.iter().zip(to).for_each(|(pair, to)| *to = (pair[0] >> shift) as u8);
        last.iter().zip(to_last).for_each(|(&v, to)| *to = (v >> shift) as u8);
    }
}

/// A piece is two 64-bit words of eight bytes.
impl Bytes for Portable {
    type Register = [u64; 2];
    type Words = [u64; 2];
    const PIECES: usize = 1;

    #[inline(always)]
    fn zero(self) -> [u64; 2] {
        [0; 2]
    }
    #[inline(always)]
    fn all_bytes(self, of_piece: [u8; MOST_PIECES]) -> [u64; 2] {
        [u64::from_le_bytes([of_piece[0]; 8]); 2]
    }
    #[inline(always)]
    fn all_words(self, of_piece: [u16; MOST_PIECES]) -> [u64; 2] {
        [u64::from(of_piece[0]) * 0x0001_0001_0001_0001; 2]
    }
    #[inline(always)]
    fn load(self, from: &[u8], at: [usize; MOST_PIECES]) -> [u64; 2] {
        let from = &from[at[0]..at[0] + PIECE];
        [eight(from), eight(&from[8..])]
    }
    #[inline(always)]
    fn load_halves(self, from: &[u8], at: [[usize; MOST_PIECES]; 2]) -> [u64; 2] {
        [eight(&from[at[0][0]..]), eight(&from[at[1][0]..])]
    }
    #[inline(always)]
    fn and(self, a: [u64; 2], b: [u64; 2]) -> [u64; 2] {
        [a[0] & b[0], a[1] & b[1]]
    }
    #[inline(always)]
    fn bits(self, rows: [[u64; 2]; 8]) -> [[u64; 2]; 8] {
        let mut x = rows;
        // Bits between rows, then bytes: exchanges within pairs 4, 2 and 1 rows apart.
        exchange::<4>(&mut x, 4, 0x0f0f_0f0f_0f0f_0f0f);
        exchange::<2>(&mut x, 2, 0x3333_3333_3333_3333);
        exchange::<1>(&mut x, 1, 0x5555_5555_5555_5555);
        exchange::<4>(&mut x, 32, 0x0000_0000_ffff_ffff);
        exchange::<2>(&mut x, 16, 0x0000_ffff_0000_ffff);
        exchange::<1>(&mut x, 8, 0x00ff_00ff_00ff_00ff);
        // Now half `h` of register `p` is position `8 h + p`.
        [[x[0][0], x[1][0]], [x[2][0], x[3][0]], [x[4][0], x[5][0]], [x[6][0], x[7][0]], [x[0][1], x[1][1]], [x[2][1], x[3][1]], [x[4][1], x[5][1]], [x[6][1], x[7][1]]]
    }
    #[inline(always)]
    fn bits_of_one(self, row: [u64; 2]) -> [[u64; 2]; 8] {
        let mut out = [[0; 2]; 8];
        for p in 0..PIECE {
            let byte = row[p / 8] >> (8 * (p % 8)) & 0xff;
            // Bit t to byte t: seven bits by one product, whose terms do not meet; the eighth on its own.
            out[p / 2][p % 2] = (((byte & 0x7f) * 0x0002_0408_1020_4081) & 0x0001_0101_0101_0101) | byte >> 7 << 56;
        }
        out
    }
    #[inline(always)]
    fn words(self, low: [u64; 2], high: [u64; 2], first: [u64; 2]) -> [[u64; 2]; 2] {
        let mut out = [first; 2];
        for half in 0..2 {
            let (low, high) = (low[half], high[half]);
            out[half][0] += (spread(low & 0xffff_ffff) | spread(high & 0xffff_ffff) << 8) << NUMBER_SHIFT;
            out[half][1] += (spread(low >> 32) | spread(high >> 32) << 8) << NUMBER_SHIFT;
        }
        out
    }
    #[inline(always)]
    fn store<const N: usize>(self, words: [u64; 2], _: usize, to: &mut [u16]) {
        for (to, word) in to[..8].as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *to = [word as u16, (word >> 16) as u16, (word >> 32) as u16, (word >> 48) as u16];
        }
    }
}

/// Four bytes as four words.
#[inline(always)]
fn spread(x: u64) -> u64 {
    let pairs = (x | x << 16) & 0x0000_ffff_0000_ffff;
    (pairs | pairs << 8) & 0x00ff_00ff_00ff_00ff
}

/// Eight bytes as a word.
#[inline(always)]
fn eight(from: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&from[..8]);
    u64::from_le_bytes(bytes)
}

/// Exchanges the bits `!mask` of a row, shifted, and the bits `mask` of the row `APART` on.
#[inline(always)]
fn exchange<const APART: usize>(x: &mut [[u64; 2]; 8], shift: u32, mask: u64) {
    for pair in 0..4 {
        let i = pair / APART * 2 * APART + pair % APART;
        for half in 0..2 {
            let t = (x[i][half] >> shift ^ x[i + APART][half]) & mask;
            x[i][half] ^= t << shift;
            x[i + APART][half] ^= t;
        }
    }
}

/// Defines `$name`, which calls the generic, inlined `$body` with the best registers there are.
macro_rules! with_bytes {
    ($(#[$meta:meta])* pub fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident) => {
        $(#[$meta])*
        pub fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::engine::cpu::lanes::{Avx2, Gfni512};
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512cd,gfni")]
                fn gfni512(lanes: Gfni512, $($arg: $ty),*) { $body(lanes, $($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2(lanes: Avx2, $($arg: $ty),*) { $body(lanes, $($arg),*) }
                if let Some(lanes) = Gfni512::new() {
                    // SAFETY: `lanes` exists, so the processor has these instructions.
                    return unsafe { gfni512(lanes, $($arg),*) };
                }
                if let Some(lanes) = Avx2::new() {
                    // SAFETY: `lanes` exists, so the processor has these instructions.
                    return unsafe { avx2(lanes, $($arg),*) };
                }
            }
            $body($crate::engine::cpu::lanes::Portable, $($arg),*)
        }
    };
}
pub(crate) use with_bytes;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::philox4x32;

    fn pieces<L: Bytes>(lanes: L, register: L::Words) -> Vec<u16> {
        let mut out = vec![0; 8 * L::PIECES];
        (0..L::PIECES).for_each(|piece| lanes.store::<1>(register, piece, &mut out[8 * piece..]));
        let mut whole = vec![0; 8 * L::PIECES];
        match L::PIECES {
            4 => {
                lanes.store::<4>(register, 0, &mut whole);
                assert_eq!(out, whole);
                (0..2).for_each(|half| lanes.store::<2>(register, 2 * half, &mut whole[16 * half..]));
            }
            2 => lanes.store::<2>(register, 0, &mut whole),
            _ => lanes.store::<1>(register, 0, &mut whole),
        }
        assert_eq!(out, whole);
        out
    }

    /// Every operation, bit by bit.
    fn is_right<L: Bytes>(lanes: L) {
        let byte = |i: usize| (philox4x32([i as u32, 0, 0, 0], [3, 3])[0] >> 24) as u8;
        let bytes: Vec<u8> = (0..2000).map(byte).collect();
        let at = |r: usize| std::array::from_fn(|piece| (r * 37 + piece * 501) % 1900);
        let back = |r: usize| [at(r), at(r).map(|a: usize| a + 19)];
        let (firsts, masks, few) = ([7, 30_000, 30_001, 300], [0xff, 0x3c, 0x01, 0x80], [0x1e, 0x0f, 0x11, 0x10]);
        let (first, mask, few_mask) = (lanes.all_words(firsts), lanes.all_bytes(masks), lanes.all_bytes(few));
        for halves in [false, true] {
            let load = |r: usize| if halves { lanes.load_halves(&bytes, back(r)) } else { lanes.load(&bytes, at(r)) };
            let value = |r: usize, piece: usize, p: usize| bytes[if halves { back(r)[p / 8][piece] + p % 8 } else { at(r)[piece] + p }];
            let low = lanes.bits(std::array::from_fn(load));
            let one = lanes.bits_of_one(load(8));
            for j in 0..8 {
                for (i, high) in [lanes.zero(), one[j], lanes.and(low[j], few_mask)].into_iter().enumerate() {
                    let words = lanes.words(lanes.and(low[j], mask), high, first).map(|w| pieces(lanes, w));
                    for (second, piece, t) in (0..2).flat_map(|s| (0..L::PIECES).flat_map(move |p| (0..8).map(move |t| (s, p, t)))) {
                        let p = 2 * j + second;
                        let all: u16 = (0..8).map(|r| u16::from(value(r, piece, p) >> t & 1) << r).sum();
                        let high = [0, u16::from(value(8, piece, p) >> t & 1), all & u16::from(few[piece])][i];
                        let expected = firsts[piece] + 8 * ((all & u16::from(masks[piece])) + (high << 8));
                        assert_eq!(words[second][8 * piece + t], expected, "register {j}, position {p}, piece {piece}, step {t}");
                    }
                }
            }
        }
    }

    /// Narrows every length, and writes nothing beyond.
    fn narrows<L: Bytes>(lanes: L) {
        let values: Vec<u32> = (0..150).map(|i| philox4x32([i, 0, 0, 0], [3, 4])[0]).collect();
        for (length, shift) in (0..values.len()).flat_map(|length| [(length, 0), (length, 8)]) {
            let byte = |v: &u32| (v >> shift) as u8;
            let (mut all, mut even) = (vec![7; length + 40], vec![7; length + 40]);
            lanes.narrow(&values[..length], shift, &mut all);
            lanes.narrow_even(&values[..length], shift, &mut even);
            let then = |mut bytes: Vec<u8>| {
                bytes.resize(length + 40, 7);
                bytes
            };
            assert_eq!(all, then(values[..length].iter().map(byte).collect()));
            assert_eq!(even, then(values[..length].iter().step_by(2).map(byte).collect()));
        }
    }

    #[test]
    fn every_set_computes_the_same() {
        is_right(Portable);
        narrows(Portable);
        #[cfg(target_arch = "x86_64")]
        {
            use super::super::{Avx2, Gfni512};
            Avx2::new().into_iter().for_each(is_right);
            Avx2::new().into_iter().for_each(narrows);
            Gfni512::new().into_iter().for_each(is_right);
            Gfni512::new().into_iter().for_each(narrows);
        }
    }
}
