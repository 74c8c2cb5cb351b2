//! Bits per weight block, from a file: what `search` and `train` write and `run` reads.
//!
//! A block is `block[0]` rows (inputs) x `block[1]` columns (outputs) of a layer's matrix; the last ones of a
//! layer are smaller. A map holds *magnitude* bits, 0 to 8, and its blocks keep their shape whatever the
//! operation unit is. Only leading bits are ever missing, so all blocks share the worth of the last bit.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const FORMAT: &str = "bwq-precision-map-1";
/// Most magnitude bits of a block.
const MOST_BITS: u8 = 8;

/// Bits of every weight block of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecisionMap {
    format: String,
    /// [rows, columns] of a block.
    pub block: [usize; 2],
    /// Per layer name: `[block row][block column]` magnitude bits.
    #[serde(deserialize_with = "crate::json::once")]
    pub layers: BTreeMap<String, Vec<Vec<u8>>>,
}

impl PrecisionMap {
    /// A map from its parts.
    pub fn new(block: [usize; 2], layers: BTreeMap<String, Vec<Vec<u8>>>) -> Self {
        PrecisionMap { format: FORMAT.into(), block, layers }
    }

    /// Reads and checks a file; shapes are checked against a network by [`Self::check_layer`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&crate::files::text(path)?, &path.display().to_string())
    }

    /// Reads a map from JSON text; `place` names it in messages.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let map: PrecisionMap = serde_json::from_str(text).map_err(|e| {
            Error::input(place, format!("not a precision map: {e}"))
                .hint("expected {\"format\": \"bwq-precision-map-1\", \"block\": [9, 8], \"layers\": {\"conv1\": [[bits, ...], ...]}}")
        })?;
        if map.format != FORMAT {
            return Err(Error::input(place, format!("format `{}` is not known; supported: {FORMAT}", map.format)));
        }
        if map.block.contains(&0) {
            return Err(Error::input(place, format!("block {:?} has no size", map.block)));
        }
        for (layer, bits) in &map.layers {
            if let Some(&b) = bits.iter().flatten().find(|&&b| b > MOST_BITS) {
                return Err(Error::input(format!("{place}: layer `{layer}`"), format!("{b} bits; a block has 0 to {MOST_BITS} magnitude bits"))
                    .hint("a map counts magnitude bits: the sign is not among them"));
            }
        }
        Ok(map)
    }

    /// Checks that the map fits layer `name` with a matrix of `rows` x `outputs` of at most `magnitude_bits` bits.
    pub fn check_layer(&self, name: &str, rows: usize, outputs: usize, magnitude_bits: u32, place: &str) -> Result<()> {
        let at = format!("{place}: layer `{name}`");
        let bits = self.layers.get(name).ok_or_else(|| {
            Error::input(&at, "the map has no such layer").hint("a map names every layer with weights; was it made for another network?")
        })?;
        let expected = [rows.div_ceil(self.block[0]), outputs.div_ceil(self.block[1])];
        let wrong = bits.iter().position(|row| row.len() != expected[1]);
        if bits.len() != expected[0] || wrong.is_some() {
            let found = [bits.len(), bits.get(wrong.unwrap_or(0)).map_or(0, Vec::len)];
            return Err(Error::input(at, format!("{found:?} blocks; {rows} x {outputs} weights in blocks of {:?} are {expected:?}", self.block)));
        }
        if let Some(&b) = bits.iter().flatten().find(|&&b| u32::from(b) > magnitude_bits) {
            return Err(Error::input(at, format!("{b} magnitude bits, but quantization.weight_bits allows {magnitude_bits}"))
                .hint(format!("set quantization.weight_bits = {} or more (the sign is one of them)", b + 1)));
        }
        Ok(())
    }

    /// Refuses layers that the network does not have.
    pub fn check_names<'a>(&self, names: impl Iterator<Item = &'a str> + Clone, place: &str) -> Result<()> {
        for layer in self.layers.keys() {
            if !names.clone().any(|n| n == layer) {
                let near = names.min_by_key(|n| strsim::levenshtein(n, layer)).unwrap_or("none");
                return Err(Error::input(format!("{place}: layer `{layer}`"), "the network has no such layer").hint(format!("the nearest name is `{near}`")));
            }
        }
        Ok(())
    }

    /// Magnitude bits of the weight at (row, output) of a layer that passed [`Self::check_layer`].
    pub fn bits(&self, layer: &str, row: usize, output: usize) -> u32 {
        self.layers.get(layer).map_or(0, |bits| u32::from(bits[row / self.block[0]][output / self.block[1]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_bits_are_checked() {
        let map = PrecisionMap::parse(r#"{"format":"bwq-precision-map-1","block":[9,8],"layers":{"a":[[3,0],[8,1]]}}"#, "m.json").unwrap();
        assert!(map.check_layer("a", 12, 16, 8, "m.json").is_ok());
        assert_eq!([map.bits("a", 8, 7), map.bits("a", 9, 0), map.bits("a", 0, 8)], [3, 8, 0]);
        assert!(map.check_layer("a", 20, 16, 8, "m").unwrap_err().message.contains("[3, 2]"));
        assert!(map.check_layer("a", 12, 16, 7, "m").unwrap_err().hint.unwrap().contains("weight_bits = 9"));
        assert!(map.check_layer("b", 12, 16, 7, "m").is_err());
        assert!(map.check_names(["ab", "zz"].into_iter(), "m").unwrap_err().hint.unwrap().contains("ab"));
        assert!(PrecisionMap::parse(r#"{"format":"bwq-precision-map-1","block":[9,8],"layers":{"a":[[9]]}}"#, "m").is_err());
        assert!(PrecisionMap::parse(r#"{"format":"x","block":[9,8],"layers":{}}"#, "m").is_err());
        assert!(PrecisionMap::parse(r#"{"format":"bwq-precision-map-1","block":[0,8],"layers":{}}"#, "m").is_err());
    }
}
