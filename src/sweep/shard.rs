//! `--shard I/N`: shard I (from 0) of N takes the blocks k with k mod N = I, in the order of points and trials.
//!
//! From 0, so that a scheduler's task number over its task count fits as it is.

use crate::error::{Error, Result};
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

#[cfg(test)]
mod tests {
    use super::*;

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
