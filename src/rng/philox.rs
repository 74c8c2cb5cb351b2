//! Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11).
//!
//! Mirror: `shaders/shared/philox.wgsl`; both are held to `tests/data/philox_kat.txt`.

use rand::TryRng;
use std::convert::Infallible;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Ten rounds of Philox on a 128-bit counter with a 64-bit key.
#[inline(always)]
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    // Words in the low halves of 64 bits, with whatever is left of products above them: where many counters are
    // drawn in a loop, a vector lane then holds a product whole, and nothing is packed or unpacked between rounds.
    let [mut c0, mut c1, mut c2, mut c3] = counter.map(u64::from);
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        let p0 = u64::from(MULTIPLIERS[0]) * (c0 & 0xffff_ffff);
        let p1 = u64::from(MULTIPLIERS[1]) * (c2 & 0xffff_ffff);
        (c0, c1, c2, c3) = (p1 >> 32 ^ c1 ^ u64::from(k0), p1, p0 >> 32 ^ c3 ^ u64::from(k1), p0);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3].map(|word| word as u32)
}

/// Philox as a stream, for choices on the host (the cases of a self-test, say); implements `rand`'s core trait.
#[derive(Debug, Clone)]
pub struct PhiloxStream {
    key: [u32; 2],
    block: u64,
    used: usize,
    words: [u32; 4],
}

impl PhiloxStream {
    /// A stream that depends on `seed` alone.
    pub fn new(seed: u64) -> Self {
        PhiloxStream { key: [seed as u32, (seed >> 32) as u32], block: 0, used: 4, words: [0; 4] }
    }

    /// The next word as a number below `bound` (a bias of bound / 2^32 is nothing to a benchmark).
    pub fn below(&mut self, bound: u32) -> u32 {
        let Ok(word) = self.try_next_u32();
        ((u64::from(word) * u64::from(bound)) >> 32) as u32
    }
}

impl TryRng for PhiloxStream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        if self.used == 4 {
            // The last two words keep streams apart from cells, whose third word holds a purpose.
            self.words = philox4x32([self.block as u32, (self.block >> 32) as u32, 0, u32::MAX], self.key);
            self.block += 1;
            self.used = 0;
        }
        self.used += 1;
        Ok(self.words[self.used - 1])
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let low = u64::from(self.try_next_u32()?);
        Ok(u64::from(self.try_next_u32()?) << 32 | low)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(4) {
            let word = self.try_next_u32()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn known_answers() {
        let mut lines = 0;
        for line in include_str!("../../tests/data/philox_kat.txt").lines().filter(|l| !l.starts_with('#')) {
            let w: Vec<u32> = line.split_whitespace().map(|x| u32::from_str_radix(x, 16).unwrap()).collect();
            assert_eq!(philox4x32([w[0], w[1], w[2], w[3]], [w[4], w[5]]), [w[6], w[7], w[8], w[9]]);
            lines += 1;
        }
        assert!(lines >= 3);
    }

    #[test]
    fn the_stream_is_philox_in_order() {
        let mut stream = PhiloxStream::new(7);
        let first = philox4x32([0, 0, 0, u32::MAX], [7, 0]);
        assert_eq!([(); 4].map(|_| stream.next_u32()), first);
        assert_eq!(stream.next_u32(), philox4x32([1, 0, 0, u32::MAX], [7, 0])[0]);
    }
}
