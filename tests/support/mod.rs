//! What several tests need: the program, the reference data beside the checkout, NumPy archives.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod mutations;
pub mod resistors;
pub mod tiny;

use bwq::config::{self, Overrides};
use bwq::dataset::Dataset;
use bwq::engine::{IntegerImages, cpu::digital};
use bwq::network::{Network, fold};
use bwq::quantize::lower::lower;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The reference data beside the checkout. Without it a test says aloud that it did not run; in CI that is a failure.
pub fn shared(path: &str) -> Option<PathBuf> {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if full.exists() {
        return Some(full);
    }
    assert!(std::env::var_os("CI").is_none(), "../shared/{path} is absent in CI");
    eprintln!("NOT RUN: ../shared/{path} is absent");
    None
}

/// True if slow tests are asked for.
pub fn slow() -> bool {
    let asked = std::env::var_os("BWQ_SLOW").is_some_and(|v| v == "1");
    if !asked {
        eprintln!("NOT RUN: a slow test; set BWQ_SLOW=1");
    }
    asked
}

/// A folder with `sweep.toml`.
pub fn folder(sweep: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("sweep.toml"), sweep).expect("written");
    dir
}

/// The same with the tiny network and `images` test images of it.
pub fn folder_with_network(sweep: &str, images: usize) -> tempfile::TempDir {
    let dir = folder(sweep);
    tiny::write(dir.path(), images);
    dir
}

/// A column of a table, as text.
pub fn column(path: &Path, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(path).expect("a table");
    let at = reader.headers().expect("a header").iter().position(|h| h == name).unwrap_or_else(|| panic!("no column {name}"));
    reader.records().map(|r| r.expect("a row")[at].to_string()).collect()
}

/// Runs the program in `dir`; returns (exit code, stdout, stderr).
pub fn bwq(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_bwq")).current_dir(dir).args(args).env_remove("COLUMNS").stdin(std::process::Stdio::null()).output().expect("the program starts");
    let text = |b: Vec<u8>| String::from_utf8_lossy(&b).into_owned();
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}

/// Runs the program and expects success.
pub fn bwq_ok(dir: &Path, args: &[&str]) -> String {
    let (code, stdout, stderr) = bwq(dir, args);
    assert_eq!(code, 0, "bwq {args:?}\n{stderr}");
    stdout
}

/// Images that the integer network classifies as labelled.
pub fn quantised(network: &Network, dataset: &Dataset, weight_bits: u32, activation_bits: u32) -> u64 {
    let toml = format!("[quantization]\nweight_bits = {weight_bits}\nactivation_bits = {activation_bits}\n");
    let point = config::parse_mvm(&toml, "test", &Overrides::default()).unwrap();
    let folded = fold::fold_batchnorm(network).unwrap();
    let integer = lower(&folded, dataset, &point.quantization, None).unwrap();
    let images = IntegerImages::new(&integer, dataset);
    digital::correct(&digital::logits(&integer, &images), &images.labels)
}

/// An array of a NumPy archive, as floats (integers are exact below 2^53).
#[derive(Debug, Clone)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// The numeric arrays of an archive, and its `config` string if it has one.
pub fn npz(path: &Path) -> (BTreeMap<String, Array>, serde_json::Value) {
    let file = std::fs::File::open(path).expect("the archive opens");
    let mut archive = npyz::npz::NpzArchive::new(file).expect("an archive");
    let names: Vec<String> = archive.array_names().map(str::to_string).collect();
    let (mut arrays, mut config) = (BTreeMap::new(), serde_json::Value::Null);
    for name in names {
        let mut bytes = Vec::new();
        archive.zip_archive().by_name(&format!("{name}.npy")).expect("an entry").read_to_end(&mut bytes).expect("its bytes");
        if name == "config" {
            let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            let text: String = bytes[header..].chunks(4).filter_map(|c| char::from_u32(u32::from_le_bytes([c[0], c[1], c[2], c[3]]))).filter(|c| *c != '\0').collect();
            config = serde_json::from_str(&text).expect("JSON");
        } else {
            arrays.insert(name, npy(&bytes));
        }
    }
    (arrays, config)
}

/// An array of a .npy file's bytes.
pub fn npy(bytes: &[u8]) -> Array {
    let array = bwq::dataset::npy::parse_npy(&mut &bytes[..], "test array").expect("an array");
    let width: usize = array.dtype[1..].parse().expect("a width");
    let value = |b: &[u8]| match array.dtype.as_str() {
        "f4" => f64::from(f32::from_le_bytes(b.try_into().expect("4 bytes"))),
        "f8" => f64::from_le_bytes(b.try_into().expect("8 bytes")),
        _ => {
            let raw = b.iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b)) << (64 - 8 * width);
            if array.dtype.starts_with('i') { (raw as i64 >> (64 - 8 * width)) as f64 } else { (raw >> (64 - 8 * width)) as f64 }
        }
    };
    Array { values: array.bytes.chunks_exact(width).map(value).collect(), shape: array.shape }
}

/// Writes an array of integers (`i2`, ...) or floats (`f4`, `f8`).
pub fn write_npy(path: &Path, array: &Array, dtype: &str) {
    let shape: Vec<String> = array.shape.iter().map(|n| n.to_string()).collect();
    let mut header = format!("{{'descr': '<{dtype}', 'fortran_order': False, 'shape': ({},), }}", shape.join(", "));
    header += &" ".repeat(63 - (10 + header.len()) % 64);
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    for &v in &array.values {
        match dtype {
            "f4" => bytes.extend((v as f32).to_le_bytes()),
            "f8" => bytes.extend(v.to_le_bytes()),
            "i2" => bytes.extend((v as i16).to_le_bytes()),
            other => panic!("{other}"),
        }
    }
    std::fs::write(path, bytes).expect("written");
}
