//! Block files: the integers of a fixed group of trials of one point.
//!
//! A block's name and contents depend on the point alone. A finished file is never rewritten or deleted.

use super::atomic;
use super::blocks::LAYER_TRIALS;
use super::manifest::ManifestPoint;
pub use crate::engine::{ERROR_UNIT, LayerTally};
use crate::error::{Error, Result};
use crate::json;
use crate::network::clipped;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const FORMAT: &str = "bwq-block-2";
/// The end of a file: this, a checksum of 64 digits, [`END`].
const END_MARK: &[u8] = b"\"checksum\":\"";
/// See [`END_MARK`].
const END: &[u8] = b"\"}\n";

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

impl Trial {
    /// Whether these can be the counts of a chip of that point.
    fn is_possible(&self, of: &ManifestPoint) -> bool {
        let layers = if self.trial < LAYER_TRIALS { of.layers.len() } else { 0 };
        self.correct <= of.images && [0, layers].contains(&self.layers.len()) && self.layers.iter().all(LayerTally::is_possible)
    }
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

    /// Whether the file is there up to its end: for counting, where reading every block would take too long. Whether what it says is
    /// right, [`Block::read`] tells.
    pub fn has_end(out: &Path, point: &str, block: u32) -> bool {
        let mut end = [0; END_MARK.len() + 64 + END.len()];
        let read = File::open(Self::path(out, point, block)).and_then(|mut file| {
            file.seek(SeekFrom::End(-(end.len() as i64)))?;
            file.read_exact(&mut end)
        });
        read.is_ok() && end.starts_with(END_MARK) && end.ends_with(END)
    }

    /// Reads block `number` of a point; `None` if it is not there. A file that is damaged, of another version or of
    /// another point, or that says what no run can find, is refused by name: it is never overwritten, and never taken for finished.
    pub fn read(out: &Path, of: &ManifestPoint, number: u32) -> Result<Option<Self>> {
        let path = Self::path(out, &of.hash, number);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(&path, "read", &e)),
        };
        let bad = |message: String| Error::input(path.display(), message).hint("move the file away; the same command then makes the block anew");
        let read = json::of_format(&text, FORMAT, "whole block", |b: &Block| &b.format).map_err(bad)?;
        if read.checksum != read.sum() {
            return Err(bad("its checksum does not fit its contents: the file is damaged".into()));
        }
        if read.point != of.hash || read.block != number || !read.trials.iter().map(|t| t.trial).eq(of.trials_of(number)) {
            return Err(bad(format!("it holds block {} of point {}, not block {number} of point {}", read.block, clipped(&read.point), of.hash)));
        }
        match read.trials.iter().find(|t| !t.is_possible(of)) {
            Some(t) => Err(bad(format!("chip {}: counts that no run of {} images and {} layers can find", t.trial, of.images, of.layers.len()))),
            None => Ok(Some(read)),
        }
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Point "abab..." of 2 layers and 10 images, in blocks of 2 chips.
    fn point() -> ManifestPoint {
        let point = serde_json::json!({"hash": "ab".repeat(32), "network_hash": "", "columns": [], "seed": 1, "trials": 6, "block_trials": 2, "images": 10, "max_drop": 0.1, "macs": 1, "layers": ["a", "b"]});
        serde_json::from_value(point).unwrap()
    }

    fn block(correct: u64, layers: usize) -> Block {
        let tally = LayerTally { error: -3, error_squared: 1 << 90, ..LayerTally::default() };
        let trial = |trial| Trial { trial, correct, clipped: 1, saturated_cells: 0, layers: vec![tally.clone(); layers] };
        Block::new("ab".repeat(32), "h".into(), 0, "cpu".into(), vec![trial(0), trial(1)])
    }

    #[test]
    fn a_block_comes_back_and_damage_is_seen() {
        let (dir, of) = (tempfile::tempdir().unwrap(), point());
        let b = block(9, 2);
        assert_eq!(Block::read(dir.path(), &of, 0).unwrap(), None);
        b.write(dir.path()).unwrap();
        assert_eq!(Block::read(dir.path(), &of, 0).unwrap(), Some(b.clone()));
        assert!(Block::read(dir.path(), &ManifestPoint { block_trials: 3, ..of.clone() }, 0).is_err());
        let path = Block::path(dir.path(), &b.point, 0);
        let text = std::fs::read_to_string(&path).unwrap();
        let message = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Block::read(dir.path(), &of, 0).unwrap_err().message
        };
        assert!(message(&text.replace("\"correct\":9", "\"correct\":8")).contains("checksum"));
        assert!(message(&text[..text.len() / 2]).contains("not a whole block"));
        assert!(message(&format!("{text}x")).contains("trailing"));
        assert!(message(&text.replace("bwq-block-2", "bwq-block-9").replace("\"engine\"", "\"machine\"")).contains("format `bwq-block-9`"));
        // What fits its checksum may still say what cannot be.
        for (correct, layers) in [(11, 2), (9, 3)] {
            block(correct, layers).write(dir.path()).unwrap();
            assert!(Block::read(dir.path(), &of, 0).unwrap_err().message.contains("no run"));
        }
    }
}
