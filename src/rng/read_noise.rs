//! Words of read noise: one for each conversion, from a stream that Philox seeds and a short hash spreads.
//!
//! A conversion happens for every (chip, layer, image, position, row group, input step, converted column): so often that
//! ten rounds of Philox for each would cost more than the product. One block of Philox gives 128 bits for each
//! (chip, layer, image, position), the *stream*. Two keys of 32 bits for a row group and step are hashed from those, and a
//! word from the keys and the column. A word depends on nothing else: not on threads, batches or the height of tables.
//!
//! The hash is Wellons' `lowbias32` (two rounds of multiplication and shift) with the second key brought in between
//! its rounds, in 32-bit operations only, so that a vector holds as many columns as it has words. `experiments/noise_hash`
//! puts its words through TestU01 in the order the engine uses them and in others.

use super::{Purpose, philox4x32};

/// The reads of one layer on one chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reads {
    key: [u32; 2],
    place: u32,
    trial: u32,
}

/// The reads of one position of one image: 128 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadStream([u32; 4]);

/// What the conversions of one row group in one input step have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadKeys(pub [u32; 2]);

impl Reads {
    /// Those of `layer` on the chip `trial`.
    pub fn new(seed: u64, trial: u32, layer: u32) -> Self {
        Reads { key: [seed as u32, (seed >> 32) as u32], place: layer << 16 | (Purpose::ReadNoise as u32) << 12, trial }
    }

    /// The stream of `position` of the image with this number in the test set.
    #[inline]
    pub fn stream(&self, image: u32, position: u32) -> ReadStream {
        ReadStream(philox4x32([position, image, self.place, self.trial], self.key))
    }
}

impl ReadStream {
    /// The keys of an input step (below 16) of a row group.
    #[inline(always)]
    pub fn keys(&self, group: u32, step: u32) -> ReadKeys {
        let [a, b, c, d] = self.0;
        let at = group << 4 | step;
        ReadKeys([mixed(at ^ a) ^ b, mixed(at ^ c) ^ d])
    }
}

/// Multipliers of the two rounds.
pub const READ_MULTIPLIERS: [u32; 2] = [0x7feb_352d, 0x846c_a68b];

impl ReadKeys {
    /// The word of a column, given by its [`column_code`].
    #[inline(always)]
    pub fn word(self, column: u32) -> u32 {
        let [first, second] = self.0;
        let x = column ^ first;
        let x = (x ^ x >> 16).wrapping_mul(READ_MULTIPLIERS[0]) ^ second;
        let x = (x ^ x >> 15).wrapping_mul(READ_MULTIPLIERS[1]);
        x ^ x >> 16
    }
}

/// A column's part of the hash: a number of its own for every number of a column, its bits mixed.
#[inline]
pub fn column_code(column: u32) -> u32 {
    mixed(column)
}

/// A permutation of 32-bit numbers in which every bit of the result hangs on every bit of the argument.
#[inline(always)]
fn mixed(x: u32) -> u32 {
    let x = (x ^ x >> 16).wrapping_mul(READ_MULTIPLIERS[0]);
    let x = (x ^ x >> 15).wrapping_mul(READ_MULTIPLIERS[1]);
    x ^ x >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a few keys. A change here changes every user's results: it needs a line under "Values" in CHANGELOG.
    /// `UPDATE_GOLDEN=1` rewrites the file.
    #[test]
    fn known_answers() {
        let mut text = String::from("# seed, trial, layer, image, position, group, step: words of the columns 0..4\n");
        for [trial, layer, image, position, group, step] in [[0; 6], [1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1], [999, 19, 9999, 1023, 63, 7]] {
            for seed in [1, 0x0123_4567_89ab_cdef] {
                let keys = Reads::new(seed, trial, layer).stream(image, position).keys(group, step);
                let words: Vec<String> = (0..4).map(|column| format!("{:08x}", keys.word(column_code(column)))).collect();
                text += &format!("{seed:x} {trial} {layer} {image} {position} {group} {step}: {}\n", words.join(" "));
            }
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/read_noise_words.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(path).unwrap());
    }

    /// Words under keys that differ in one place are uncorrelated, bit by bit: as many bits differ as of random words.
    #[test]
    fn neighbours_are_independent() {
        let word = |k: [u32; 7]| Reads::new(9, k[0], k[1]).stream(k[2], k[3]).keys(k[4], k[5]).word(column_code(k[6]));
        for axis in 0..7 {
            let n = 40_000u32;
            let mut flipped = [0u32; 32];
            for i in 0..n {
                let here = [i % 3, i % 5, i % 7, i % 11, i % 64, i % 8, i / 64];
                let mut there = here;
                there[axis] += 1;
                let differ = word(here) ^ word(there);
                (0..32).for_each(|bit| flipped[bit] += differ >> bit & 1);
            }
            for (bit, &count) in flipped.iter().enumerate() {
                // Five standard deviations of a fair coin. Combinations repeat, so the sample is smaller than n.
                let off = (f64::from(count) - f64::from(n) / 2.0).abs();
                assert!(off < 5.0 * 0.5 * f64::from(n).sqrt() * 1.5, "axis {axis}, bit {bit}: {count} of {n}");
            }
        }
    }
}
