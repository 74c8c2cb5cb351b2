//! Block files: the integers of a fixed group of trials of one point.
//!
//! A block's name and contents depend on the point alone. A finished file is never rewritten or deleted.

use super::atomic;
pub use crate::engine::{ERROR_UNIT, LayerTally};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

const FORMAT: &str = "bwq-block-2";

/// One trial's counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Number of the chip.
    pub trial: u32,
    /// Images classified as labelled.
    pub correct: u64,
    /// Conversions clipped by more than rounding explains.
    pub clipped: u64,
    /// Cells cut at the largest representable conductance.
    pub saturated_cells: u64,
    /// Per layer, on the first few chips; else empty.
    pub layers: Vec<LayerTally>,
}

/// A block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    format: String,
    /// Version of the program that made it.
    pub tool_version: String,
    /// Hash of the point.
    pub point: String,
    /// Hash of what floats on the host decided.
    pub host_hash: String,
    /// Number of the block in its point.
    pub block: u32,
    /// Engine and adapter, in words.
    pub engine: String,
    /// Trials, in order.
    pub trials: Vec<Trial>,
    /// SHA-256 of the file with this field empty: the end mark.
    checksum: String,
}

impl Block {
    /// A finished block.
    pub fn new(point: String, host_hash: String, block: u32, engine: String, trials: Vec<Trial>) -> Self {
        let mut new = Block {
            format: FORMAT.into(),
            tool_version: env!("CARGO_PKG_VERSION").into(),
            point,
            host_hash,
            block,
            engine,
            trials,
            checksum: String::new(),
        };
        new.checksum = new.sum();
        new
    }

    fn sum(&self) -> String {
        let empty = Block { checksum: String::new(), ..self.clone() };
        let text = serde_json::to_vec(&empty).unwrap_or_default();
        hex(&Sha256::digest(&text))
    }

    /// Where the block of a point lies under the results folder.
    pub fn path(out: &Path, point: &str, block: u32) -> PathBuf {
        out.join("blocks").join(format!("{}-{block:05}.json", &point[..16.min(point.len())]))
    }

    /// Writes the block into the results folder.
    pub fn write(&self, out: &Path) -> Result<()> {
        let mut text = serde_json::to_vec(self).map_err(|e| Error::internal(format!("a block cannot be written as JSON: {e}")))?;
        text.push(b'\n');
        atomic::write(&Self::path(out, &self.point, self.block), &text)
    }

    /// Reads the block of a point; `None` if it is not there. A file that is damaged, of another version or of
    /// another point is refused by name: it is never overwritten, and never taken for finished.
    pub fn read(out: &Path, point: &str, block: u32, first_trial: u32, trials: u32) -> Result<Option<Self>> {
        let path = Self::path(out, point, block);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(&path, "read", &e)),
        };
        let bad = |message: String| Error::input(path.display(), message).hint("move the file away; the same command then makes the block anew");
        let read: Block = serde_json::from_slice(&text).map_err(|e| bad(format!("not a block of this version: {e}")))?;
        if read.format != FORMAT {
            return Err(bad(format!("format `{}`; this version reads {FORMAT}", read.format)));
        }
        if read.checksum != read.sum() {
            return Err(bad("its checksum does not fit its contents: the file is damaged".into()));
        }
        let expected = first_trial..first_trial + trials;
        if read.point != point || read.block != block || !read.trials.iter().map(|t| t.trial).eq(expected) {
            return Err(bad(format!("it holds block {} of point {}, not block {block} of point {point}", read.block, read.point)));
        }
        Ok(Some(read))
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> Block {
        let trial = |trial| Trial { trial, correct: 9, clipped: 1, saturated_cells: 0, layers: vec![LayerTally { error: -3, error_squared: 1 << 90, ..LayerTally::default() }] };
        Block::new("ab".repeat(32), "h".into(), 1, "cpu".into(), vec![trial(4), trial(5)])
    }

    #[test]
    fn a_block_comes_back_and_damage_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let b = block();
        assert_eq!(Block::read(dir.path(), &b.point, 1, 4, 2).unwrap(), None);
        b.write(dir.path()).unwrap();
        assert_eq!(Block::read(dir.path(), &b.point, 1, 4, 2).unwrap(), Some(b.clone()));
        assert!(Block::read(dir.path(), &b.point, 1, 4, 3).is_err());
        let path = Block::path(dir.path(), &b.point, 1);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"correct\":9", "\"correct\":8")).unwrap();
        assert!(Block::read(dir.path(), &b.point, 1, 4, 2).unwrap_err().message.contains("checksum"));
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert!(Block::read(dir.path(), &b.point, 1, 4, 2).is_err());
        std::fs::write(&path, text.replace("bwq-block-2", "bwq-block-9")).unwrap();
        assert!(Block::read(dir.path(), &b.point, 1, 4, 2).unwrap_err().message.contains("format"));
    }
}
