//! The points of a sweep with their hashes and blocks: what `run` does, `status` counts and `merge` reads.

use super::block::hex;
use super::materials::{Materials, layer_names};
use super::{SEMANTICS, atomic};
use crate::config::keys::{self, Kind};
use crate::config::{PointConfig, ProgrammingError, Sweep};
use crate::error::{Error, Result};
use crate::json;
use crate::network::clipped;
use crate::stats::Chips;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

const FORMAT: &str = "bwq-manifest-1";

/// One point as `merge` needs it, with no network or data at hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestPoint {
    /// SHA-256 of the point's values and of what its files hold.
    pub hash: String,
    /// Hash of the quantised network and its images: the key of the digital accuracies.
    pub network_hash: String,
    /// Parameter columns of the CSV, in order: (name, value).
    pub columns: Vec<(String, String)>,
    /// Seed.
    pub seed: u64,
    /// Chips asked for.
    pub trials: u32,
    /// Chips per block.
    pub block_trials: u32,
    /// Test images.
    pub images: u64,
    /// Allowed drop of a passing chip.
    pub max_drop: f64,
    /// Multiply-accumulates per image.
    pub macs: u64,
    /// Layers with weights.
    pub layers: Vec<String>,
}

/// All points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    /// Version of the program.
    pub tool_version: String,
    /// In the order of the sweep.
    pub points: Vec<ManifestPoint>,
}

/// Work of one block in multiply-accumulates, about: seconds to a minute with any engine.
const BLOCK_MACS: u64 = 1 << 33;
/// Most trials of a block.
const MOST_BLOCK_TRIALS: u64 = 16;

impl ManifestPoint {
    /// `contents` are those of [`contents_of`].
    fn new(point: &PointConfig, contents: &[String; 3], materials: &mut Materials) -> Result<Self> {
        let material = materials.of(point)?;
        let [network_hash, dataset_hash, map_hash] = contents;
        let contents = format!("network = {network_hash}\ndata = {dataset_hash}\nprecision map = {map_hash}\n");
        let q = &point.quantization;
        let network_key = format!("{SEMANTICS}\n{contents}{} {} {:?} {:?}", q.weight_bits, q.activation_bits, q.weight_scale, q.clipping);
        let measured = match &point.device.programming_error {
            ProgrammingError::Table(measured) => format!("cells = {}\n", measured.hash),
            _ => String::new(),
        };
        let hash = format!("{SEMANTICS}\n{contents}{measured}{}", point.canonical());
        let macs = material.network.macs();
        let images = point.network.images as u64;
        let named = |(name, value): (&'static str, String)| {
            // Names instead of paths: the CSV must not depend on where a user keeps a file.
            let value = match name {
                "network" => material.network.name.clone(),
                "dataset" => material.dataset.name.clone(),
                // Two files of one name are two laws: what they hold stands beside it.
                "programming_error_file" if !value.is_empty() => {
                    let stem = Path::new(&value).file_stem().map_or_else(|| value.clone(), |s| s.to_string_lossy().into_owned());
                    let hash = if let ProgrammingError::Table(measured) = &point.device.programming_error { &measured.hash[..8] } else { "" };
                    format!("{stem}-{hash}")
                }
                "precision_map" => Path::new(&value).file_stem().map_or_else(|| value.clone(), |s| s.to_string_lossy().into_owned()),
                _ => value,
            };
            (name.to_string(), value)
        };
        let per_block = (BLOCK_MACS / (macs * images).max(1)).clamp(1, MOST_BLOCK_TRIALS);
        Ok(ManifestPoint {
            hash: hex(&Sha256::digest(hash.as_bytes())),
            network_hash: hex(&Sha256::digest(network_key.as_bytes())),
            columns: point.columns().into_iter().filter(|c| c.0 != "trials" && c.0 != "seed").map(named).collect(),
            seed: point.monte_carlo.seed,
            trials: point.monte_carlo.trials,
            // A power of two of trials, whatever the number asked for, so that more trials reuse every block.
            block_trials: 1 << per_block.ilog2(),
            images,
            max_drop: point.monte_carlo.max_drop,
            macs,
            layers: layer_names(&material.network),
        })
    }

    /// That a run can have written it: `merge` and `status` trust its numbers.
    fn check(&self, first: &ManifestPoint, is_new: bool) -> std::result::Result<(), String> {
        let is_hash = |hash: &str| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let most = |path: &str| match keys::find(path).map(|key| &key.kind) {
            Some(Kind::Integer { max, .. }) => *max,
            _ => u64::MAX,
        };
        let same_columns = || self.columns.iter().map(|c| &c.0).eq(first.columns.iter().map(|c| &c.0));
        match () {
            _ if !is_hash(&self.hash) || !is_hash(&self.network_hash) => Err(format!("`{}` or `{}` is no hash", clipped(&self.hash), clipped(&self.network_hash))),
            _ if !is_new => Err(format!("{} stands twice", self.short())),
            _ if !(self.block_trials.is_power_of_two() && u64::from(self.block_trials) <= MOST_BLOCK_TRIALS) => Err(format!("{} chips in a block", self.block_trials)),
            _ if self.trials == 0 || u64::from(self.trials) > most("monte_carlo.trials") => Err(format!("{} trials", self.trials)),
            _ if self.images == 0 || self.images > most("network.images") => Err(format!("{} images", self.images)),
            _ if !(0.0..=1.0).contains(&self.max_drop) => Err(format!("max_drop {}", self.max_drop)),
            _ if !same_columns() => Err("other columns than point 0".into()),
            () => Ok(()),
        }
    }

    /// The chips of block `number`, of those that [`Self::blocks`] counts.
    pub fn trials_of(&self, number: u32) -> Range<u32> {
        number * self.block_trials..(number + 1) * self.block_trials
    }

    /// Number of blocks.
    pub fn blocks(&self) -> u32 {
        self.trials.div_ceil(self.block_trials)
    }

    /// The value of a parameter column; empty where it has no meaning.
    pub fn value(&self, name: &str) -> &str {
        self.columns.iter().find(|c| c.0 == name).map_or("", |c| c.1.as_str())
    }

    /// What tables show under `name`: a parameter column, or the seed.
    pub fn shown(&self, name: &str) -> String {
        if name == SEED { self.seed.to_string() } else { self.value(name).to_string() }
    }

    /// How its chips were drawn.
    pub fn chips(&self) -> Chips {
        if self.value("antithetic") == "true" { Chips::AntitheticPairs } else { Chips::Independent }
    }

    /// Short form of the hash, for messages.
    pub fn short(&self) -> &str {
        &self.hash[..16.min(self.hash.len())]
    }
}

/// The column of the seed, which stands apart from the parameters.
const SEED: &str = "seed";

/// Names of what is not the same at all points: parameter columns in their order, then the seed.
pub fn varying(points: &[&ManifestPoint]) -> Vec<String> {
    let Some(first) = points.first() else { return Vec::new() };
    let names = first.columns.iter().map(|c| c.0.as_str()).chain([SEED]);
    names.filter(|name| points.iter().any(|p| p.shown(name) != first.shown(name))).map(String::from).collect()
}

/// Columns that name a file by its name alone.
const NAMED: [&str; 3] = ["network", "dataset", "precision_map"];

/// Hashes of what the files behind [`NAMED`] hold.
fn contents_of(point: &PointConfig, materials: &mut Materials) -> Result<[String; 3]> {
    let material = materials.of(point)?;
    Ok([material.network_hash.clone(), material.dataset_hash.clone(), materials.map_hash(point)?])
}

/// Where two points would look alike in a table, since what differs has the same name, its hash is added to the name.
fn tell_apart(points: &mut [ManifestPoint], contents: &[[String; 3]]) {
    let mut alike: HashMap<Vec<(String, String)>, Vec<usize>> = HashMap::new();
    for (i, point) in points.iter().enumerate() {
        alike.entry(point.columns.clone()).or_default().push(i);
    }
    let groups: Vec<Vec<usize>> = alike.into_values().filter(|group| group.len() > 1).collect();
    for (of, name) in NAMED.iter().enumerate() {
        let differs = |group: &&Vec<usize>| group.iter().any(|&i| contents[i][of] != contents[group[0]][of]);
        let shared: HashSet<String> = groups.iter().filter(differs).map(|group| points[group[0]].value(name).to_string()).collect();
        for (point, contents) in points.iter_mut().zip(contents) {
            for (_, value) in point.columns.iter_mut().filter(|(column, value)| column == name && shared.contains(value)) {
                value.push_str(&format!("-{:.8}", contents[of]));
            }
        }
    }
}

impl Manifest {
    /// The points of a sweep; reads networks and data for their hashes.
    pub fn new(sweep: &Sweep, materials: &mut Materials) -> Result<Self> {
        let contents = sweep.points.iter().map(|p| contents_of(p, materials)).collect::<Result<Vec<_>>>()?;
        let mut points = sweep.points.iter().zip(&contents).map(|(p, c)| ManifestPoint::new(p, c, materials)).collect::<Result<Vec<_>>>()?;
        tell_apart(&mut points, &contents);
        Ok(Manifest { format: FORMAT.into(), tool_version: env!("CARGO_PKG_VERSION").into(), points })
    }

    fn path(out: &Path) -> PathBuf {
        out.join("manifest.json")
    }

    /// Writes it into the results folder.
    pub fn write(&self, out: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|e| Error::internal(e.to_string()))?;
        text.push(b'\n');
        atomic::write(&Self::path(out), &text)
    }

    /// Reads that of a results folder.
    pub fn read(out: &Path) -> Result<Self> {
        let path = Self::path(out);
        let text = std::fs::read(&path).map_err(|e| Error::io(&path, "read", &e).hint("`bwq run SWEEP.toml --out DIR` makes a results folder"))?;
        let bad = |message: String| Error::input(path.display(), message).hint("run the sweep again with this version: finished blocks are kept");
        let manifest = json::of_format(&text, FORMAT, "manifest", |m: &Manifest| &m.format).map_err(bad)?;
        let mut hashes = HashSet::new();
        for (i, p) in manifest.points.iter().enumerate() {
            p.check(&manifest.points[0], hashes.insert(&p.hash)).map_err(|what| bad(format!("point {i}: {what}")))?;
        }
        if manifest.points.is_empty() {
            return Err(bad("no point".into()));
        }
        Ok(manifest)
    }

    /// Whether `other` is a sweep over the same points; how many chips each takes may differ.
    pub fn is_of_same_points(&self, other: &Manifest) -> bool {
        self.points.iter().map(|p| &p.hash).eq(other.points.iter().map(|p| &p.hash))
    }

    /// All blocks, numbered in the order of points and trials: (point, block).
    pub fn blocks(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.points.iter().enumerate().flat_map(|(i, p)| (0..p.blocks()).map(move |b| (i, b)))
    }
}
