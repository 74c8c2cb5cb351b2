//! `--shard I/N`: shard I (from 0) of N takes the blocks k with k mod N = I, in the order of points and trials.
//!
//! From 0, so that a scheduler's task number over its task count fits as it is.

use super::manifest::Manifest;
use super::merge::finished;
use crate::error::{Error, Result};
use std::path::Path;
use std::str::FromStr;

/// A share of the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// 0-based.
    pub index: u64,
    /// At least 1.
    pub count: u64,
}

impl Shard {
    /// All blocks.
    pub const ALL: Shard = Shard { index: 0, count: 1 };

    /// True if block number `k` is this shard's.
    pub fn takes(&self, k: u64) -> bool {
        k % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::input("--shard", format!("`{text}` is not I/N with 0 <= I < N")).hint("the first of four shards is 0/4, the last 3/4");
        let (index, count) = text.split_once('/').ok_or_else(bad)?;
        let shard = Shard { index: index.parse().map_err(|_| bad())?, count: count.parse().map_err(|_| bad())? };
        if shard.index < shard.count { Ok(shard) } else { Err(bad()) }
    }
}

/// The shards of `count` that have a block to make, in order.
pub fn missing(out: &Path, manifest: &Manifest, count: u64) -> Vec<u64> {
    let finished: Vec<Vec<bool>> = manifest.points.iter().map(|p| finished(out, p)).collect();
    let mut shards: Vec<u64> = manifest.blocks().zip(0..).filter(|((point, block), _)| !finished[*point][*block as usize]).map(|(_, k)| k % count.max(1)).collect();
    shards.sort_unstable();
    shards.dedup();
    shards
}

/// Ascending numbers as a list of ranges, as `sbatch --array=` takes it: `3,7-9`.
pub fn ranges(numbers: &[u64]) -> String {
    let mut parts: Vec<(u64, u64)> = Vec::new();
    for &n in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == n => *last = n,
            _ => parts.push((n, n)),
        }
    }
    parts.iter().map(|&(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") }).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_short() {
        assert_eq!(ranges(&[3, 7, 8, 9]), "3,7-9");
        assert_eq!(ranges(&[0, 1, 2, u64::MAX]), format!("0-2,{}", u64::MAX));
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn every_block_has_one_shard() {
        for count in 1..8 {
            for k in 0..100 {
                assert_eq!((0..count).filter(|&index| Shard { index, count }.takes(k)).count(), 1);
            }
        }
        assert_eq!("3/4".parse::<Shard>().unwrap(), Shard { index: 3, count: 4 });
        for bad in ["4/4", "1", "-1/4", "a/b", "0/0", "1/"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
