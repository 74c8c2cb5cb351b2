//! Small sets of every format, made here; what is refused; and mutated files, none of which may panic.

use super::*;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

fn be(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_be_bytes()).collect()
}

/// `count` images of 3 x 2 pixels.
fn idx_images(count: usize) -> Vec<u8> {
    let pixels = (0..count * 6).map(|i| i as u8);
    be(&[0x803, count as u32, 3, 2]).into_iter().chain(pixels).collect()
}

fn idx_labels(count: usize) -> Vec<u8> {
    be(&[0x801, count as u32]).into_iter().chain((0..count).map(|i| (i % 10) as u8)).collect()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).expect("packed");
    packer.finish().expect("packed")
}

fn cifar(count: usize) -> Vec<u8> {
    (0..count).flat_map(|i| std::iter::once((i % 10) as u8).chain((0..3072).map(move |p| (i * 31 + p) as u8))).collect()
}

fn npy(dtype: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes(), bytes].concat()
}

/// A zip of stored entries, written by hand: the reader must not depend on our writer's habits.
fn zip(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let (at, len) = (out.len() as u32, bytes.len() as u32);
        let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        [crc.sum(), len, len].iter().for_each(|word| fields.extend(word.to_le_bytes()));
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0, 0]);
        out.extend(b"PK\x03\x04".iter().chain(&fields).chain(name.as_bytes()).chain(bytes));
        directory.extend(b"PK\x01\x02\x14\x00".iter().chain(&fields).chain(&[0; 10]));
        directory.extend(at.to_le_bytes().iter().chain(name.as_bytes()));
    }
    let (count, at) = (entries.len() as u16, out.len() as u32);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0".iter().chain(&count.to_le_bytes()).chain(&count.to_le_bytes()));
    out.extend((directory.len() as u32).to_le_bytes().iter().chain(&at.to_le_bytes()).chain(&[0, 0]));
    out
}

fn mosaic(columns: u32, rows: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..columns * rows * 3072).map(|i| (i / 7) as u8).collect();
    let mut out = Vec::new();
    let encoder = image_webp::WebPEncoder::new(&mut out);
    encoder.encode(&pixels, columns * 32, rows * 32, image_webp::ColorType::Rgb8).expect("encoded");
    out
}

fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    files.iter().for_each(|(name, bytes)| std::fs::write(folder.path().join(name), bytes).expect("written"));
    folder
}

fn refused<T>(result: Result<T>, parts: &[&str]) {
    let message = match result {
        Ok(_) => panic!("not refused: {parts:?}"),
        Err(e) => e.to_string(),
    };
    parts.iter().for_each(|part| assert!(message.contains(part), "`{part}` is not in: {message}"));
}

#[test]
fn idx_plain_and_packed() {
    let names = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-images-idx3-ubyte"];
    let plain = folder(&[(names[0], idx_images(5)), (names[1], idx_labels(5)), (names[2], idx_images(9))]);
    let set = load(plain.path(), 4, 7).expect("a set");
    assert_eq!((set.shape, set.len(), set.calibration_len()), ([1, 3, 2], 4, 7));
    assert_eq!(*set.images, Pixels::U8((0..24).collect()));
    assert_eq!(set.labels, [0, 1, 2, 3]);
    assert!(set.calibration_source.starts_with("first 7 training images of "));
    assert_eq!(load(&plain.path().join(names[0]), 4, 7).expect("a set").content_hash(), set.content_hash());
    assert_ne!(load(plain.path(), 3, 7).expect("a set").content_hash(), set.content_hash());
    refused(load(plain.path(), 6, 7), &["6 test images asked for; there are 5"]);
    assert_eq!(load(plain.path(), 5, 10).unwrap().calibration_len(), 9, "as many as there are");
    refused(load(plain.path(), 0, 1), &["at least 1"]);
    refused(load(&plain.path().join(names[1]), 1, 1), &["file of labels"]);
    refused(set.check_labels(3), &["image 3 has label 3", "0 to 2"]);
    refused(set.check_fits([3, 3, 2], 10), &["[1, 3, 2]", "[3, 3, 2]"]);
    assert!(set.check_fits([1, 3, 2], 4).is_ok());

    let packed = |i: usize| format!("{}.gz", names[i]);
    let packed = folder(&[(&packed(0), gz(&idx_images(5))), (&packed(1), gz(&idx_labels(5)))]);
    let set = load(packed.path(), 5, 2).expect("a set");
    assert_eq!(set.calibration_source, "first 2 test images (labels unused)");
    assert_eq!(set.calibration, Pixels::U8((0..12).collect()));
}

#[test]
fn idx_refusals() {
    let parse = |images: &[u8], labels: &[u8]| idx::parse_idx(images, labels, "images", "labels");
    let (images, labels) = (idx_images(5), idx_labels(5));
    refused(parse(&labels, &labels), &["images: offset 0", "0x00000803", "file of labels"]);
    refused(parse(&images[..20], &labels), &["images: ends at offset 20; 26 more"]);
    refused(parse(&images[..3], &labels), &["ends at offset 3"]);
    refused(parse(&[images.as_slice(), &[0]].concat(), &labels), &["offset 46", "follow"]);
    refused(parse(&images, &idx_labels(4)), &["4 labels for the 5 images"]);
    refused(parse(&images, &labels[..11]), &["labels: ends at offset 11"]);
    refused(parse(&gz(&images)[..30], &labels), &["broken gz"]);
    refused(parse(&be(&[0x803, u32::MAX, 4096, 4096]), &labels), &["at most"]);
    refused(parse(&be(&[0x803, 1, 0, 9]), &labels), &["offset 4"]);
    refused(parse(&be(&[0x803, 90_000, 28, 28]), &labels), &["ends at offset 16"]);
    // A bomb: far more bytes than its header states.
    let bomb = gz(&[be(&[0x803, 1, 2, 2]), vec![0; 50 << 20]].concat());
    refused(parse(&bomb, &labels), &["offset 20", "follow"]);
}

#[test]
fn cifar_records() {
    let there = folder(&[("test_batch.bin", cifar(3)), ("data_batch_1.bin", cifar(2)), ("data_batch_2.bin", cifar(4))]);
    let set = load(there.path(), 3, 5).expect("a set");
    assert_eq!((set.shape, set.len(), set.calibration_len()), ([3, 32, 32], 3, 5));
    assert_eq!(load(&there.path().join("test_batch.bin"), 3, 5).expect("a set").content_hash(), set.content_hash());
    assert_eq!(load(there.path(), 3, 7).expect("a set").calibration_len(), 6, "as many as there are");
    let alone = load(&there.path().join("data_batch_2.bin"), 4, 2).expect("a set");
    assert_eq!(alone.calibration_source, "first 2 test images (labels unused)");
    refused(cifar::parse_records(&cifar(3)[..9000], "x"), &["x: offset 6146", "9000 bytes"]);
    refused(cifar::parse_records(&vec![0; 3074 * 2], "x"), &["CIFAR-100"]);
    refused(cifar::parse_records(&[], "x"), &["0 bytes"]);
    let mut odd = cifar(3);
    odd[3073] = 10;
    refused(cifar::parse_records(&odd, "x"), &["offset 3073", "label 10 of image 1"]);
}

#[test]
fn mosaics() {
    let labels = |count: usize| vec![1u8; count];
    let there = folder(&[
        (webp::TEST, mosaic(3, 2)), ("cifar10_test_labels.u8", labels(5)),
        ("cifar10_train_1.webp", mosaic(2, 1)), ("cifar10_train_1_labels.u8", labels(2)),
    ]);
    let set = load(there.path(), 5, 2).expect("a set");
    let Pixels::U8(pixels) = &*set.images else { panic!("raw pixels") };
    // Image 4: row 1, column 1; channel 2, row 3, column 5.
    let at = (((32 + 3) * 96) + 32 + 5) * 3 + 2;
    assert_eq!(pixels[4 * 3072 + 2 * 1024 + 3 * 32 + 5], (at / 7) as u8);
    assert_eq!(set.calibration_len(), 2);
    let fewer = load(there.path(), 5, 3).expect("a set");
    assert_eq!((fewer.calibration_len(), fewer.calibration_source.starts_with("first 2 training images")), (2, true));
    refused(webp::parse_mosaic(&mosaic(3, 2), 7, "x"), &["do not fit the 7 labels"]);
    refused(webp::parse_mosaic(&mosaic(3, 2), 3, "x"), &["do not fit"]);
    refused(webp::parse_mosaic(&mosaic(3, 2)[..200], 6, "x"), &["broken WebP"]);
}

#[test]
fn numpy_arrays() {
    let floats: Vec<u8> = (0..12).flat_map(|i| (i as f64).to_le_bytes()).collect();
    let labels: Vec<u8> = [3i64, 1].iter().flat_map(|l| l.to_le_bytes()).collect();
    let bytes = zip(&[("x_test.npy", npy("<f8", "(2, 1, 3, 2)", &floats)), ("y.npy", npy("<i8", "(2,)", &labels))]);
    let there = folder(&[
        ("set.npz", bytes.clone()),
        ("images.npy", npy("|u1", "(2, 3, 2)", &[7; 12])), ("labels.npy", npy("<i8", "(2, 1)", &labels)),
        ("calibration.npy", npy("|u1", "(1, 3, 2)", &[9; 6])),
    ]);
    let set = load(&there.path().join("set.npz"), 2, 1).expect("a set");
    assert_eq!((set.shape, set.labels.as_slice()), ([1, 3, 2], [3, 1].as_slice()));
    assert_eq!(*set.images, Pixels::F32((0..12).map(|i| i as f32).collect()));
    let set = load(there.path(), 2, 1).expect("a set");
    assert_eq!(((*set.images).clone(), set.calibration), (Pixels::U8(vec![7; 12]), Pixels::U8(vec![9; 6])));

    refused(training::load_training(there.path()), &["no training set with labels", "train_images.npy"]);
    refused(training::load_training(&there.path().join("set.npz")), &["no training set with labels"]);
    let images = |array: Vec<u8>| npy::parse_npz(&zip(&[("x.npy", array), ("y.npy", npy("<i8", "(2,)", &labels))]), "a.npz");
    refused(images(npy("|u1", "(2, 28, 28, 3)", &[0; 4704])), &["looks like [N, H, W, C]", "transpose"]);
    refused(images(npy("|u1", "(2, 6)", &[0; 12])), &["reshape"]);
    refused(images(npy("<f4", "(2, 1, 1)", &[[0; 4], f32::NAN.to_le_bytes()].concat())), &["value 0 of image 1 is NaN"]);
    refused(images(npy("<i4", "(2, 1, 1)", &[0; 8])), &["type `i4`"]);
    refused(images(npy(">f4", "(2, 1, 1)", &[0; 8])), &["little-endian"]);
    refused(images(npy("|u1", "(3, 1, 1)", &[0; 3])), &["2 labels for 3 images"]);
    refused(images(npy("|u1", "(2, 1, 1)", &[0; 3])), &["bytes follow"]);
    refused(images(npy("|u1", "(2, 1, 4)", &[0; 3])), &["ends 5 bytes too early"]);
    refused(images(npy("|u1", "(4294967296, 4294967296, 4294967296)", &[0; 3])), &["more than"]);
    refused(images(npy("|u1", "(0, 1, 4)", &[])), &["holds no image"]);
    refused(images(npy("|u1", "(2, 1, -4)", &[])), &["shape"]);
    refused(images(b"nothing of the kind".to_vec()), &["not a NumPy array"]);
    refused(npy::parse_npz(&zip(&[("y.npy", vec![])]), "a.npz"), &["ends 10 bytes"]);
    refused(npy::parse_npz(&zip(&[]), "a.npz"), &["no array named images or x"]);
    refused(npy::parse_npz(&bytes[..50], "a.npz"), &["broken .npz"]);
    let minus = zip(&[("x.npy", npy("|u1", "(1, 1, 1)", &[0])), ("y.npy", npy("<i2", "(1,)", &[255, 255]))]);
    refused(npy::parse_npz(&minus, "a.npz"), &["label of image 0 is negative"]);
}

#[test]
fn numpy_training_sets() {
    let test = || vec![("images.npy", npy("|u1", "(2, 3, 2)", &[7; 12])), ("labels.npy", npy("|u1", "(2,)", &[1, 2]))];
    let images = || ("train_images.npy", npy("|u1", "(3, 3, 2)", &(0..18).collect::<Vec<u8>>()));
    let labels = |labels: &[u8]| ("train_labels.npy", npy("|u1", &format!("({},)", labels.len()), labels));
    let there = folder(&[test(), vec![images(), labels(&[4, 3, 2])]].concat());
    let set = training::load_training(there.path()).expect("a training set");
    assert_eq!((set.shape, &set.images, &set.labels[..]), ([1, 3, 2], &Pixels::U8((0..18).collect()), &[4, 3, 2][..]));
    // Its first images are those to calibrate with.
    let whole = load(there.path(), 2, 2).expect("a set");
    assert_eq!((whole.calibration, whole.calibration_source.starts_with("first 2 training images")), (Pixels::U8((0..12).collect()), true));
    let arrays = [("x_test.npy", "images.npy"), ("y_test.npy", "labels.npy"), ("x_train.npy", "train_images.npy"), ("y_train.npy", "train_labels.npy")];
    let packed: Vec<(&str, Vec<u8>)> = arrays.iter().map(|(name, file)| (*name, std::fs::read(there.path().join(file)).expect("there"))).collect();
    let in_one = folder(&[("set.npz", zip(&packed))]);
    assert_eq!(training::load_training(&in_one.path().join("set.npz")).expect("a training set"), set);
    refused(training::load_training(folder(&[test(), vec![images(), labels(&[4, 3])]].concat()).path()), &["train_labels: 2 labels for 3 images"]);
    refused(training::load_training(folder(&[test(), vec![images()]].concat()).path()), &["no array named train_labels"]);
}

/// Of a large array no more is read than is used, but its length must be right; the calibration is that of the whole.
#[test]
fn the_first_images_of_an_array() {
    let images: Vec<u8> = (0..5 * 6).collect();
    let there = folder(&[("images.npy", npy("|u1", "(5, 1, 3, 2)", &images)), ("labels.npy", npy("|u1", "(5,)", &[4, 3, 2, 1, 0]))]);
    let set = load(there.path(), 2, 3).unwrap();
    assert_eq!((&*set.images, &set.labels), (&Pixels::U8(images[..12].to_vec()), &vec![4, 3]));
    assert_eq!(set.calibration, Pixels::U8(images[..18].to_vec()));
    assert_eq!(*load(there.path(), 5, 0).unwrap().images, Pixels::U8(images.clone()));
    assert_eq!(load_whole(there.path(), 9).unwrap().calibration, Pixels::U8(images.clone()));
    refused(load(there.path(), 6, 0), &["6 test images asked for; there are 5"]);
    for (bytes, said) in [(29, "its header states"), (31, "its header states")] {
        let longer: Vec<u8> = images.iter().copied().chain([0]).take(bytes).collect();
        let there = folder(&[("images.npy", npy("|u1", "(5, 1, 3, 2)", &longer)), ("labels.npy", npy("|u1", "(5,)", &[4, 3, 2, 1, 0]))]);
        refused(load(there.path(), 2, 3), &[said]);
    }
    let there = folder(&[("images.npy", npy("|u1", "(5, 1, 3, 2)", &images)), ("labels.npy", npy("|u1", "(2,)", &[4, 3]))]);
    refused(load(there.path(), 2, 2), &["2 labels for 5 images"]);
}

#[test]
fn nothing_known() {
    let there = folder(&[("set.tar.gz", vec![1]), ("readme.txt", vec![1])]);
    refused(load(there.path(), 1, 1), &["no data set of a known format", "test_batch.bin"]);
    refused(load(&there.path().join("set.tar.gz"), 1, 1), &["unpack the archive"]);
    refused(load(&there.path().join("gone"), 1, 1), &["no such file"]);
}

#[test]
fn mutated_files_never_panic() {
    let arrays = zip(&[("x.npy", npy("|u1", "(2, 3, 2)", &[7; 12])), ("y.npy", npy("|u1", "(2,)", &[1, 2]))]);
    let (packed, images, labels) = (gz(&idx_images(3)), idx_images(3), idx_labels(3));
    let files = [arrays, packed, images, labels.clone(), cifar(2), mosaic(2, 1)];
    let mut state = 777u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for round in 0..9000 {
        let which = round % files.len();
        let mut bytes = files[which].clone();
        for _ in 0..1 + next(3) {
            let at = next(bytes.len().min(400));
            match next(5) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes.insert(at, next(256) as u8),
                2 => bytes[at] = [0, 255, 127, 128, b'9'][next(5)],
                _ => bytes[at] ^= 1 << next(8),
            }
        }
        let read = |parts: Result<Parts>| {
            if let Ok(parts) = parts {
                let _ = assemble("mutated".into(), "mutated", parts, 1 + round % 3, round % 2).map(|set| set.content_hash());
            }
        };
        match which {
            0 => read(npy::parse_npz(&bytes, "x")),
            1 | 2 => read(idx::parse_idx(&bytes, &labels, "x", "y")),
            3 => read(idx::parse_idx(&files[2], &bytes, "x", "y")),
            4 => drop(cifar::parse_records(&bytes, "x")),
            _ => drop(webp::parse_mosaic(&bytes, 2, "x")),
        }
    }
}
