//! Test sets and training sets: IDX plain and packed, CIFAR-10's binary version and its mosaics, NumPy arrays and archives.

use super::mutations::{of_bytes, of_npy};
use super::support::tiny;
use super::trial::{Reader, try_out};
use bwq::dataset::training::load_training;
use bwq::dataset::{Dataset, load_whole};
use bwq::error::Result;
use bwq::rng::PhiloxStream;
use flate2::write::GzEncoder;
use rand::RngExt;
use std::io::Write;
use std::path::Path;

fn whole(dataset: &Dataset) {
    assert_eq!(dataset.images.len(), dataset.len() * dataset.image_len());
    assert!(!dataset.is_empty() && dataset.calibration.len().is_multiple_of(dataset.image_len()));
}

fn read_of(path: &Path) -> impl Fn() -> Result<()> {
    move || {
        whole(&load_whole(path, 3)?);
        Ok(())
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Changes of an IDX file: its magic and sizes, its bytes.
fn of_idx(valid: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    const SIZES: [u32; 9] = [0, 1, 2, 7, 9, 65_536, 1 << 20, 1 << 31, u32::MAX];
    if rng.random() {
        return of_bytes(valid, valid, rng);
    }
    let mut bytes = valid.to_vec();
    let words = if valid[3] == 3 { 4 } else { 2 };
    let at = 4 * rng.random_range(0..words);
    bytes[at..at + 4].copy_from_slice(&SIZES[rng.random_range(0..SIZES.len())].to_be_bytes());
    bytes
}

#[test]
fn idx() {
    let dir = tempfile::tempdir().unwrap();
    tiny::write(dir.path(), 5);
    let data = dir.path().join("data");
    let read = read_of(&data);
    for (name, stem) in [("IDX images", "t10k-images-idx3-ubyte"), ("IDX labels", "t10k-labels-idx1-ubyte"), ("IDX calibration images", "train-images-idx3-ubyte")] {
        let file = data.join(stem);
        let seeds = [std::fs::read(&file).unwrap()];
        try_out(&Reader { name, file: &file, folder: &data, seeds: &seeds, change: &of_idx, read: &read, share: 0.4 });
    }
    let training = || load_training(&data).map(|set| assert_eq!(set.images.len(), 64 * set.labels.len()));
    let file = data.join("train-labels-idx1-ubyte");
    let seeds = [std::fs::read(&file).unwrap()];
    try_out(&Reader { name: "IDX training labels", file: &file, folder: &data, seeds: &seeds, change: &of_idx, read: &training, share: 0.4 });
    // Packed: broken before, or behind, the packing.
    let (plain, file) = (data.join("t10k-images-idx3-ubyte"), data.join("t10k-images-idx3-ubyte.gz"));
    let inside = std::fs::read(&plain).unwrap();
    std::fs::remove_file(&plain).unwrap();
    let change = |valid: &[u8], rng: &mut PhiloxStream| if rng.random() { packed(&of_idx(&inside, rng)) } else { of_bytes(valid, valid, rng) };
    try_out(&Reader { name: "IDX images (gz)", file: &file, folder: &data, seeds: &[packed(&inside)], change: &change, read: &read, share: 0.4 });
}

/// Small files that unpack to much: read no further than their headers say.
#[test]
fn packed_zeros() {
    let dir = tempfile::tempdir().unwrap();
    tiny::write(dir.path(), 5);
    let data = dir.path().join("data");
    let images = data.join("t10k-images-idx3-ubyte");
    let mut inside = std::fs::read(&images).unwrap();
    std::fs::remove_file(&images).unwrap();
    inside.resize(1 << 28, 0);
    std::fs::write(data.join("t10k-images-idx3-ubyte.gz"), packed(&inside)).unwrap();
    let e = load_whole(&data, 3).expect_err("bytes follow").to_string();
    assert!(e.contains("t10k-images-idx3-ubyte.gz: offset 336: bytes follow"), "{e}");
}

#[test]
fn cifar() {
    let dir = tempfile::tempdir().unwrap();
    let record = |label: u8| [vec![label], vec![100 + label; 3072]].concat();
    let (test, train) = (dir.path().join("test_batch.bin"), dir.path().join("data_batch_1.bin"));
    let valid = [record(3), record(9)].concat();
    std::fs::write(&train, &valid).unwrap();
    // Most changes are of the length: labels are few of the bytes.
    let change = |valid: &[u8], rng: &mut PhiloxStream| {
        let mut bytes = of_bytes(valid, valid, rng);
        if rng.random() && bytes.len() >= 3073 {
            bytes.resize(bytes.len() / 3073 * 3073, 0);
            bytes[0] = rng.random_range(0..20);
        }
        bytes
    };
    std::fs::write(&test, &valid).unwrap();
    for (name, file) in [("CIFAR-10 test batch", &test), ("CIFAR-10 training batch", &train)] {
        try_out(&Reader { name, file, folder: dir.path(), seeds: std::slice::from_ref(&valid), change: &change, read: &read_of(dir.path()), share: 0.4 });
    }
}

#[test]
fn mosaics() {
    let dir = tempfile::tempdir().unwrap();
    let (file, labels) = (dir.path().join("cifar10_test.webp"), dir.path().join("cifar10_test_labels.u8"));
    let pixels: Vec<u8> = (0..3 * 64 * 64u32).map(|i| (i * i >> 5) as u8).collect();
    let mut valid = Vec::new();
    image_webp::WebPEncoder::new(&mut valid).encode(&pixels, 64, 64, image_webp::ColorType::Rgb8).unwrap();
    std::fs::write(&labels, [0, 1, 2, 3]).unwrap();
    let read = read_of(dir.path());
    // The first bytes hold the sizes.
    let change = |valid: &[u8], rng: &mut PhiloxStream| {
        if rng.random() {
            return of_bytes(valid, valid, rng);
        }
        let mut bytes = valid.to_vec();
        for _ in 0..rng.random_range(1..4) {
            bytes[rng.random_range(0..40)] ^= 1 << rng.random_range(0..8);
        }
        bytes
    };
    try_out(&Reader { name: "mosaic (WebP)", file: &file, folder: dir.path(), seeds: std::slice::from_ref(&valid), change: &change, read: &read, share: 0.2 });
    let of_labels = |valid: &[u8], rng: &mut PhiloxStream| of_bytes(valid, valid, rng);
    try_out(&Reader { name: "labels of a mosaic", file: &labels, folder: dir.path(), seeds: &[vec![0, 1, 2, 3]], change: &of_labels, read: &read, share: 0.1 });
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// An archive of stored members.
fn npz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let mut crc = flate2::Crc::new();
        crc.update(data);
        let sizes = [&crc.sum().to_le_bytes()[..], &(data.len() as u32).to_le_bytes(), &(data.len() as u32).to_le_bytes(), &(name.len() as u16).to_le_bytes(), &[0; 2]].concat();
        let begin = (file.len() as u32).to_le_bytes();
        file.extend([b"PK\x03\x04\x14\0\0\0\0\0\0\0\x21\0", &sizes[..], name.as_bytes(), data].concat());
        directory.extend([b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\x21\0", &sizes[..], &[0; 10], &begin, name.as_bytes()].concat());
    }
    let count = (members.len() as u16).to_le_bytes();
    let end = [&(directory.len() as u32).to_le_bytes()[..], &(file.len() as u32).to_le_bytes(), &[0; 2]].concat();
    [&file[..], &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &end].concat()
}

#[test]
fn numpy() {
    let dir = tempfile::tempdir().unwrap();
    let floats: Vec<u8> = (0..32).flat_map(|i| (i as f32 / 9.0).to_le_bytes()).collect();
    let images = [npy("|u1", "(2, 1, 4, 4)", &[7; 32]), npy("<f4", "(2, 4, 4)", &floats)];
    let labels = npy("<i8", "(2,)", &[[3u8, 0, 0, 0, 0, 0, 0, 0]; 2].concat());
    let [at_images, at_labels] = ["images.npy", "labels.npy"].map(|name| dir.path().join(name));
    std::fs::write(&at_labels, &labels).unwrap();
    std::fs::write(&at_images, &images[0]).unwrap();
    let read = read_of(dir.path());
    try_out(&Reader { name: "NumPy images", file: &at_images, folder: dir.path(), seeds: &images, change: &of_npy, read: &read, share: 0.6 });
    try_out(&Reader { name: "NumPy labels", file: &at_labels, folder: dir.path(), seeds: std::slice::from_ref(&labels), change: &of_npy, read: &read, share: 0.6 });

    let file = dir.path().join("set.npz");
    let archive = |images: &[u8], labels: &[u8]| npz(&[("images.npy", images), ("labels.npy", labels)]);
    let change = |valid: &[u8], rng: &mut PhiloxStream| match rng.random_range(0..3) {
        0 => archive(&of_npy(&images[rng.random_range(0..2)], rng), &labels),
        1 => archive(&images[0], &of_npy(&labels, rng)),
        _ => of_bytes(valid, valid, rng),
    };
    let seeds = images.each_ref().map(|images| archive(images, &labels));
    try_out(&Reader { name: "NumPy archive", file: &file, folder: dir.path(), seeds: &seeds, change: &change, read: &read_of(&file), share: 0.6 });
}

/// An array of 2^40 elements in a file of 100 bytes, a name that splits a letter, bytes behind the last.
#[test]
fn headers_that_state_much() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("labels.npy"), npy("|u1", "(2,)", &[1, 2])).unwrap();
    let file = dir.path().join("images.npy");
    for (descr, shape) in [("|u1", "(2, 1099511627776)"), ("|u1", "(1048576, 1048576, 1)"), ("<f8", "(18446744073709551615, 1, 1)"), ("|u1", "(4294967296, 4294967296, 0)"), ("\u{e9}1", "(2, 4, 4)"), ("x1", "(2, 4, 4)")] {
        std::fs::write(&file, npy(descr, shape, &[0; 32])).unwrap();
        let e = load_whole(dir.path(), 1).expect_err(shape).to_string();
        assert!(e.contains("images.npy"), "{shape}: {e}");
    }
}
