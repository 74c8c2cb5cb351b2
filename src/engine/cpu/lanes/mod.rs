//! Vectors of columns, one type per instruction set, behind one trait. Kernels are written once, generic over
//! [`Lanes`], and [`with_lanes!`] compiles them for every set and chooses when the program runs.
//!
//! A kernel keeps operations out of closures: a closure is a function of its own, and compiled without the instructions.
//!
//! All operations are integer, or exactly rounded f64 on whole numbers, so every set gives the same bits.
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
pub mod rows;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
#[cfg(target_arch = "x86_64")]
pub use bits512::Gfni512;
pub use portable::Portable;

use crate::crossbar::Adc;
use crate::quantize::fixed_point::shift_round;
#[cfg(doc)]
use crate::quantize::Requantize;
pub use crate::crossbar::adc::{ROUNDER, Rounding};

/// Columns of a row of codes.
pub const WORDS: usize = 32;
/// Columns of a row of sums.
pub const INTS: usize = 16;

/// A row of 32 columns in 16 bits: one cache line. Word `8 i + j` (j < 4) is column `4 i + j`, word `8 i + 4 + j` column
/// `16 + 4 i + j`: so a pair of rows interleaves to two rows of [`Ints`] in order (see [`Lanes::pair`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Words(pub [i16; WORDS]);

/// A row of 16 columns in 16 bits, in order: half a cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct HalfWords(pub [i16; INTS]);

/// A row of 16 columns in 32 bits: one cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// What [`Requantize`] does to 16 outputs whose accumulators need no prescaling.
pub struct Rescale {
    /// Factors of 32 bits.
    pub multiplier: [i64; INTS],
    /// Added to the product.
    pub bias: [i64; INTS],
    /// Right shift, rounding half away from zero; at least 1.
    pub shift: u32,
    /// Integer that stands for zero.
    pub zero: i32,
    /// Least output.
    pub low: i32,
    /// Largest output.
    pub high: i32,
}

impl Rescale {
    /// One output of a scaled accumulator, as [`Requantize::apply`] has it.
    #[inline(always)]
    pub fn rounded(&self, v: i64) -> i32 {
        (i64::from(self.zero) + shift_round(v, self.shift)).clamp(i64::from(self.low), i64::from(self.high)) as i32
    }
}

/// Inverse step in single precision, and the distance from a whole number up to which [`Lanes::estimate`] is certain: a
/// sum, the inverse and so their product, no more than the highest index, are off by 2^-23 of it. `None` if too little
/// would be certain, or if the rule is not that of one rounding.
pub fn estimate_rule(adc: &Adc, rule: &Rounding) -> Option<(f32, f32)> {
    const HIGHEST_INDEX: u32 = 4096;
    let Rounding::Fused(inverse, _) = rule else { return None };
    (adc.top <= HIGHEST_INDEX).then(|| (*inverse as f32, (0.5 - (f64::from(adc.top) + 2.0) / f64::from(1 << 22)) as f32))
}

/// The rule of `adc` in the form that is fastest here.
pub fn fastest_rule(adc: &Adc) -> Rounding {
    let inverse = 1.0 / adc.step;
    let fused = Rounding::Fused(inverse, ROUNDER + f64::from(adc.zero_index));
    let product = Rounding::Product(adc.lo, inverse);
    // On x86 without the instruction a fused product is a slow call.
    if cfg!(target_arch = "x86_64") && super::simd::instruction_set() == "portable" {
        return adc.same_rule([product, Rounding::Quotient(adc.lo, adc.step)]);
    }
    adc.same_rule([fused, product])
}

/// 1.5 x 2^23, the [`ROUNDER`] of single precision, and its bits.
const SMALL_ROUNDER: f32 = 12_582_912.0;
/// See [`Lanes::small_indices`].
pub const SMALL_START: i32 = SMALL_ROUNDER.to_bits() as i32;

/// Inverse step and start of a fused multiplication in single precision, if that gives the index of every sum that fits
/// 16 bits: as in [`Adc::same_rule`], it is enough to look at the thresholds.
pub fn single_rule(adc: &Adc) -> Option<(f32, f32)> {
    if cfg!(target_arch = "x86_64") && super::simd::instruction_set() == "portable" {
        return None; // a fused product is a slow call there
    }
    let start = SMALL_ROUNDER + adc.zero_index as f32;
    let near = |t: i32| [t, t.saturating_sub(1)].into_iter().filter(|sum| i16::try_from(*sum).is_ok());
    let right = |inverse: f32, sum: i32| {
        let index = (sum as f32).mul_add(inverse, start).to_bits() as i32 - SMALL_START;
        f64::from(index) == adc.index(sum)
    };
    // A sum that lies halfway falls to the side on which the inverse errs, so its neighbours are tried as well.
    let inverse = (1.0 / adc.step) as f32;
    let inverses = [inverse, inverse.next_up(), inverse.next_down()];
    inverses.into_iter().find(|&inverse| adc.thresholds.iter().all(|&t| near(t).all(|sum| right(inverse, sum)))).map(|inverse| (inverse, start))
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
mod tests {
    use super::*;
    use crate::config::{AdcBits, AdcConfig, AdcRange};
    use crate::crossbar::Conversion;
    use crate::crossbar::adc::Sums;
    use crate::rng::philox4x32;

    fn ints(seed: u32) -> Ints {
        Ints(std::array::from_fn(|i| philox4x32([i as u32, seed, 0, 0], [1, 2])[0] as i32))
    }

    fn words(seed: u32) -> Words {
        Words(std::array::from_fn(|i| philox4x32([i as u32, seed, 1, 0], [1, 2])[0] as i16))
    }

    fn rounding(bits: AdcBits, range: AdcRange, g_off: f64) -> (Adc, Rounding) {
        let sums = Sums::new(9, 1, 1, g_off, 26, true);
        let Conversion::Rounding(adc) = Conversion::new(&AdcConfig { bits, range }, &sums, 3).expect("a converter") else { panic!("not a converter") };
        let rule = fastest_rule(&adc);
        (adc, rule)
    }

    /// Every operation of every set against the portable one.
    fn agrees(lanes: impl Lanes) {
        let to = |row| {
            let mut out = Ints::ZERO;
            lanes.store(row, &mut out);
            out
        };
        let portable = |row| {
            let mut out = Ints::ZERO;
            Portable.store(row, &mut out);
            out
        };
        let p = Portable;
        for seed in 0..50 {
            let (a, b) = (ints(seed), ints(seed + 1000));
            let (c, d) = (Ints(a.0.map(|v| v >> 17)), Ints(b.0.map(|v| v >> 17)));
            let (x, y, u, v) = (lanes.ints(&a), lanes.ints(&b), p.ints(&a), p.ints(&b));
            assert_eq!(to(lanes.add(x, y)), portable(p.add(u, v)));
            assert_eq!(to(lanes.sub(x, y)), portable(p.sub(u, v)));
            assert_eq!(to(lanes.and(x, y)), portable(p.and(u, v)));
            assert_eq!(to(lanes.min(x, y)), portable(p.min(u, v)));
            assert_eq!(to(lanes.max(x, y)), portable(p.max(u, v)));
            assert_eq!(to(lanes.all(seed as i32 - 9)), portable(p.all(seed as i32 - 9)));
            assert_eq!(to(lanes.shift_left(x, seed % 20)), portable(p.shift_left(u, seed % 20)));
            let mut other = a;
            other.0[seed as usize % INTS] ^= 1;
            let mask = Ints(b.0.map(|v| if v & 3 == 0 { 0 } else { -1 }));
            assert_eq!(lanes.count_different(x, lanes.ints(&other), lanes.ints(&mask)), p.count_different(u, p.ints(&other), p.ints(&mask)));
            assert_eq!(lanes.count_different(x, y, lanes.all(-1)), INTS as u32);
            assert_eq!(lanes.pack(lanes.ints(&c), lanes.ints(&d)), p.pack(p.ints(&c), p.ints(&d)));
            let (e, f) = (words(seed), words(seed + 1000));
            assert_eq!(lanes.pack_low(x, y), p.pack_low(u, v));
            assert_eq!(lanes.deinterleave(lanes.words(&words(seed))).map(to), p.deinterleave(words(seed).0).map(portable));
            let (first, start) = (lanes.ints(&c), SMALL_ROUNDER + 7.0);
            assert_eq!(to(lanes.small_indices(first, 0.013, start)), portable(p.small_indices(c.0, 0.013, start)));
            let word = |row| {
                let mut out = Words::ZERO;
                lanes.store_words(row, &mut out);
                out
            };
            let (g, h, by) = (lanes.words(&e), lanes.words(&f), seed % 15);
            assert_eq!(word(lanes.interleave(x, y)).0, p.interleave(u, v));
            assert_eq!(p.deinterleave(p.interleave(u, v)), [u.map(|i| i << 16), v.map(|i| i << 16)]);
            assert_eq!(word(lanes.sub_words(g, h)).0, p.sub_words(e.0, f.0));
            assert_eq!(word(lanes.shift_words_left(g, by)).0, p.shift_words_left(e.0, by));
            assert_eq!(word(lanes.shift_words_right(g, by)).0, p.shift_words_right(e.0, by));
            assert_eq!(lanes.words_without(g, 0x0306), p.words_without(e.0, 0x0306));
            assert_eq!(lanes.words_without(g, 0), u32::MAX);
            let sum = |l: [i16; 2]| l[0].wrapping_add(l[1]);
            let added = lanes.add_words(lanes.words(&e), lanes.words(&f));
            let factors = (1 << (seed % 9), 1 << (seed % 7));
            let wide = lanes.pair(added, lanes.words(&f), factors).map(to);
            let expected = p.pair(p.add_words(p.words(&e), p.words(&f)), p.words(&f), factors).map(portable);
            assert_eq!(wide, expected);
            let (m, n) = (HalfWords::of(&e), HalfWords::of(&f));
            let narrow = lanes.pair_half(lanes.add_half_words(lanes.half_words(&m), lanes.half_words(&n)), lanes.half_words(&n), factors);
            assert_eq!(to(narrow), wide[0]);
            for column in 0..WORDS {
                let at = Words::place(column);
                assert_eq!(Words::column(at), column);
                let exact = i32::from(factors.0) * i32::from(sum([e.0[at], f.0[at]])) + i32::from(factors.1) * i32::from(f.0[at]);
                assert_eq!(wide[column / INTS].0[column % INTS], exact);
            }
        }
    }

    fn converts(lanes: impl Lanes) {
        let ways = [
            rounding(AdcBits::Lossless, AdcRange::Full, 0.0),
            rounding(AdcBits::Lossless, AdcRange::Full, 0.01),
            rounding(AdcBits::Bits(4), AdcRange::Calibrated, 0.0),
            rounding(AdcBits::Bits(3), AdcRange::Given(-7.3, 8.1), 0.1),
            rounding(AdcBits::Bits(4), AdcRange::Given(0.2, 0.7), 0.1),
        ];
        for (adc, rule) in ways {
            let near: Vec<i32> = adc.thresholds.iter().flat_map(|&t| [t.saturating_sub(1), t, t.saturating_add(1)]).collect();
            for seed in 0..100 {
                let mut sums = ints(seed);
                near.iter().skip(seed as usize).take(8).enumerate().for_each(|(i, &v)| sums.0[i] = v);
                let mut got = Ints::ZERO;
                lanes.store(lanes.indices(lanes.ints(&sums), &rule), &mut got);
                for (sum, index) in sums.0.iter().zip(got.0) {
                    assert_eq!(f64::from(index), adc.index(*sum), "{rule:?}");
                }
            }
        }
    }

    /// An estimate that is called certain is the exact index, and most are certain.
    fn estimates(lanes: impl Lanes) {
        for (bits, g_off) in [(AdcBits::Lossless, 0.0), (AdcBits::Lossless, 0.01), (AdcBits::Bits(4), 0.01)] {
            let (adc, rule) = rounding(bits, AdcRange::Full, g_off);
            let Some((inverse, limit)) = estimate_rule(&adc, &rule) else { panic!("one rounding: {rule:?}") };
            let mut certain = 0;
            for seed in 0..2000 {
                let mut sums = Ints(ints(seed).0.map(|v| (f64::from(v) / 2f64.powi(31) * adc.step * f64::from(adc.top) / 2.0) as i32));
                if seed % 2 == 1 {
                    let threshold = adc.thresholds[seed as usize % adc.thresholds.len()];
                    sums.0[seed as usize % INTS] = threshold.saturating_add(seed as i32 % 5 - 2);
                }
                let [once, farthest] = lanes.estimate(lanes.ints(&sums), inverse, lanes.no_codes(), lanes.no_codes());
                let [twice, _] = lanes.estimate(lanes.ints(&sums), inverse, once, farthest);
                if lanes.all_within(farthest, limit) {
                    certain += 1;
                    let mut codes = [Ints::ZERO; 2];
                    lanes.store(lanes.whole(once), &mut codes[0]);
                    lanes.store(lanes.whole(twice), &mut codes[1]);
                    for i in 0..INTS {
                        let exact = adc.index(sums.0[i]) as i32 - adc.zero_index;
                        assert_eq!([codes[0].0[i], codes[1].0[i]], [exact, 3 * exact], "sum {} of {rule:?}", sums.0[i]);
                    }
                }
            }
            assert!((990..=1010).contains(&certain), "{certain} of 2000: all but those at a threshold");
        }
    }

    fn rescales(lanes: impl Lanes) {
        for seed in 0..500u32 {
            let wide = |i: u32, bits: u32| i64::from(philox4x32([i, seed, 2, 0], [1, 2])[0] as i32) >> (32 - bits);
            let by = Rescale {
                multiplier: std::array::from_fn(|i| wide(i as u32, 25)),
                bias: std::array::from_fn(|i| if seed % 3 == 0 { 0 } else { wide(100 + i as u32, 32) << (seed % 25) }),
                shift: 1 + seed % 40,
                zero: (seed % 200) as i32,
                low: (seed % 7) as i32,
                high: if seed % 2 == 0 { 255 } else { (1 << 20) - 1 },
            };
            let mut row = ints(seed);
            row.0[..4].copy_from_slice(&[0, 1, -1, i32::MIN]);
            let mut got = Ints::ZERO;
            lanes.store(lanes.rescale(lanes.ints(&row), &by), &mut got);
            assert_eq!(got.0, Portable.rescale(row.0, &by));
        }
    }

    fn transposes(lanes: impl Lanes) {
        let rows: [Ints; INTS] = std::array::from_fn(|i| Ints(std::array::from_fn(|j| (100 * i + j) as i32)));
        let turned = lanes.transpose(rows.map(|row| lanes.ints(&row)));
        for (j, row) in turned.into_iter().enumerate() {
            let mut got = Ints::ZERO;
            lanes.store(row, &mut got);
            assert_eq!(got.0, std::array::from_fn(|i| (100 * i + j) as i32));
        }
    }

    #[test]
    fn every_set_computes_the_same() {
        fn all(lanes: impl Lanes) {
            agrees(lanes);
            converts(lanes);
            estimates(lanes);
            rescales(lanes);
            transposes(lanes);
        }
        all(Portable);
        #[cfg(target_arch = "x86_64")]
        {
            Avx2::new().into_iter().for_each(all);
            Avx512::new().into_iter().for_each(all);
        }
    }

    #[test]
    fn the_usual_converters_need_one_rounding() {
        assert!(matches!(rounding(AdcBits::Lossless, AdcRange::Full, 0.0).1, Rounding::Fused(..)));
        assert!(matches!(rounding(AdcBits::Lossless, AdcRange::Full, 0.01).1, Rounding::Fused(..)));
        assert!(matches!(rounding(AdcBits::Bits(4), AdcRange::Calibrated, 0.0).1, Rounding::Fused(..)));
        assert!(!matches!(rounding(AdcBits::Bits(3), AdcRange::Given(-7.3, 8.1), 0.1).1, Rounding::Fused(..)));
    }
}
