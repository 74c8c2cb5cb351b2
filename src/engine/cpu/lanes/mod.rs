//! Vectors of columns, one type per instruction set, behind one trait. Kernels are written once, generic over
//! [`Lanes`], and [`with_lanes!`] compiles them for every set and chooses when the program runs.
//!
//! A kernel keeps operations out of closures: a closure is a function of its own, and compiled without the instructions.
//!
//! All operations are integer, or the same exactly rounded float operations, so every set gives the same bits.
//! A value of a [`Lanes`] type is the proof that the processor has its instructions: only `new` makes one.
//!
//! Patterns are made of bytes, not of columns: [`bytes`] has a trait, a macro and tests of the same kind for them.
//!
//! To add an instruction set: a file here with its type, an arm in [`with_lanes!`], its name in
//! [`super::simd::instruction_set`]; the tests below then hold it to [`Portable`].

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod bits256;
#[cfg(target_arch = "x86_64")]
mod bits512;
pub mod bytes;
pub mod octets;
mod portable;
mod rescale;
pub mod rows;
mod rules;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
#[cfg(target_arch = "x86_64")]
pub use bits512::Gfni512;
pub use portable::Portable;
pub use rescale::Rescale;
pub use rules::{SMALL_START, estimate_rule, fastest_rule, single_rule};
use rules::SMALL_ROUNDER;

pub use crate::crossbar::adc::{ROUNDER, Rounding};

/// Columns of a row of codes.
pub const WORDS: usize = 32;
/// Columns of a row of sums.
pub const INTS: usize = 16;

/// A row of 32 columns in 16 bits: one cache line. Word `8 i + j` (j < 4) is column `4 i + j`, word `8 i + 4 + j` column
/// `16 + 4 i + j`: so a pair of rows interleaves to two rows of [`Ints`] in order (see [`Lanes::pair`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C, align(64))]
pub struct Words(pub [i16; WORDS]);

/// A row of 16 columns in 16 bits, in order: half a cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct HalfWords(pub [i16; INTS]);

/// A row of 16 columns in 32 bits: one cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C, align(64))]
pub struct Ints(pub [i32; INTS]);

impl Words {
    /// All columns 0.
    pub const ZERO: Words = Words([0; WORDS]);

    /// Where a column stands in the row.
    #[inline]
    pub const fn place(column: usize) -> usize {
        column % INTS / 4 * 8 + column / INTS * 4 + column % 4
    }

    /// The column that stands at a place of the row.
    #[inline]
    pub const fn column(place: usize) -> usize {
        place % 8 / 4 * INTS + place / 8 * 4 + place % 4
    }
}

impl HalfWords {
    /// All columns 0.
    pub const ZERO: HalfWords = HalfWords([0; INTS]);

    /// The first 16 columns of a row.
    pub fn of(row: &Words) -> Self {
        HalfWords(std::array::from_fn(|column| row.0[Words::place(column)]))
    }
}

impl Ints {
    /// All columns 0.
    pub const ZERO: Ints = Ints([0; INTS]);
}

/// Operations on rows. Additions wrap.
pub trait Lanes: Copy {
    /// A row of words in registers.
    type Words: Copy;
    /// A row of half as many words in registers.
    type HalfWords: Copy;
    /// A row of ints in registers.
    type Ints: Copy;
    /// A row of single precision numbers in registers.
    type Floats: Copy;
    /// Rows of words that fit the registers as accumulators.
    const ACCUMULATORS: usize;

    /// Asks for a row that will be read soon; no more than a hint.
    fn prefetch<T>(self, row: &T);
    /// Reads a row.
    fn words(self, row: &Words) -> Self::Words;
    /// a + b.
    fn add_words(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// Reads a row.
    fn half_words(self, row: &HalfWords) -> Self::HalfWords;
    /// a + b.
    fn add_half_words(self, a: Self::HalfWords, b: Self::HalfWords) -> Self::HalfWords;
    /// factors.0 a + factors.1 b, widened.
    fn pair_half(self, a: Self::HalfWords, b: Self::HalfWords, factors: (i16, i16)) -> Self::Ints;
    /// Writes a row.
    fn store_words(self, row: Self::Words, to: &mut Words);
    /// a - b.
    fn sub_words(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// a << by, by < 16.
    fn shift_words_left(self, a: Self::Words, by: u32) -> Self::Words;
    /// a >> by as unsigned numbers, by < 16.
    fn shift_words_right(self, a: Self::Words, by: u32) -> Self::Words;
    /// A bit for each word that has none of `bits`; the first word's is the lowest.
    fn words_without(self, a: Self::Words, bits: u16) -> u32;
    /// factors.0 a + factors.1 b, widened: columns 0..16 and 16..32.
    fn pair(self, a: Self::Words, b: Self::Words, factors: (i16, i16)) -> [Self::Ints; 2];
    /// Narrows two rows (columns 0..16 and 16..32) that fit 16 bits.
    fn pack(self, low: Self::Ints, high: Self::Ints) -> Words;
    /// The low 16 bits of two rows.
    fn pack_low(self, low: Self::Ints, high: Self::Ints) -> Words;

    /// Reads a row.
    fn ints(self, row: &Ints) -> Self::Ints;
    /// Writes a row.
    fn store(self, row: Self::Ints, to: &mut Ints);
    /// The same number in all columns.
    fn all(self, value: i32) -> Self::Ints;
    /// a + b.
    fn add(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// a - b.
    fn sub(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// a and b, bit by bit.
    fn and(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// a << by, by < 32.
    fn shift_left(self, a: Self::Ints, by: u32) -> Self::Ints;
    /// a or b, but not both, bit by bit.
    fn xor(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// The low 32 bits of a b.
    fn mul(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// a >> by as unsigned numbers, by < 32.
    fn shift_right(self, a: Self::Ints, by: u32) -> Self::Ints;
    /// The halves of 16 ints, the low one first, as they lie: 32 words.
    fn as_words(self, a: Self::Ints) -> Self::Words;
    /// a + b where `place` is less than `limit`, else a.
    fn add_where_less(self, a: Self::Words, place: Self::Words, limit: Self::Words, b: Self::Words) -> Self::Words;
    /// The smaller and the larger of each column.
    fn min(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// See [`Lanes::min`].
    fn max(self, a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// Columns in which a and b differ and `mask` is not 0.
    fn count_different(self, a: Self::Ints, b: Self::Ints, mask: Self::Ints) -> u32;
    /// The low 16 bits of two rows, those of `even` in the even words.
    fn interleave(self, even: Self::Ints, odd: Self::Ints) -> Self::Words;
    /// The even and the odd words, times 2^16.
    fn deinterleave(self, row: Self::Words) -> [Self::Ints; 2];
    /// Indices of sums by the rule of [`single_rule`], plus [`SMALL_START`].
    fn small_indices(self, sums: Self::Ints, inverse: f32, start: f32) -> Self::Ints;
    /// Zero in all columns.
    fn no_codes(self) -> Self::Floats;
    /// One step of a shift-and-add in single precision: twice `codes` plus the whole number nearest to sum x `inverse`; and
    /// the larger of `farthest` and how far from it that product lies.
    fn estimate(self, sums: Self::Ints, inverse: f32, codes: Self::Floats, farthest: Self::Floats) -> [Self::Floats; 2];
    /// True if no column is larger than `limit`.
    fn all_within(self, a: Self::Floats, limit: f32) -> bool;
    /// Whole numbers as ints.
    fn whole(self, a: Self::Floats) -> Self::Ints;
    /// Accumulators to integers of the output tensor.
    fn rescale(self, row: Self::Ints, by: &Rescale) -> Self::Ints;
    /// Row `j` becomes column `j`.
    fn transpose(self, rows: [Self::Ints; INTS]) -> [Self::Ints; INTS];
    /// Indices by the rule [`Rounding::Fused`].
    fn fused_indices(self, sums: Self::Ints, inverse: f64, start: f64) -> Self::Ints;
    /// Indices of bitline sums, unclipped ([`Adc::index`]).
    fn indices(self, sums: Self::Ints, rule: &Rounding) -> Self::Ints;
}

/// Defines `$name`, which calls the generic, inlined `$body` with the lanes of the best instruction set there is.
macro_rules! with_lanes {
    ($(#[$meta:meta])* pub fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)? = $body:ident) => {
        $(#[$meta])*
        pub fn $name($($arg: $ty),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::engine::cpu::lanes::{Avx2, Avx512};
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512cd")]
                fn avx512(lanes: Avx512, $($arg: $ty),*) $(-> $out)? { $body(lanes, $($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2(lanes: Avx2, $($arg: $ty),*) $(-> $out)? { $body(lanes, $($arg),*) }
                if let Some(lanes) = Avx512::new() {
                    // SAFETY: `lanes` exists, so the processor has these instructions.
                    return unsafe { avx512(lanes, $($arg),*) };
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
pub(crate) use with_lanes;

#[cfg(test)]
mod tests;
