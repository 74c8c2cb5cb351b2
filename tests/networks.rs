//! The float reference on real networks, against an independent implementation (PyTorch): logits, activations and,
//! with `BWQ_SLOW=1`, the accuracy on whole test sets, and that the integer network of 8 bits loses little of it.
//!
//! The networks and data lie in `../shared/data`; without them nothing here runs, which is said loudly, and is a
//! failure where the variable `CI` is set.

mod support;

use bwq::dataset::{self, Dataset, Pixels};
use bwq::network::{Network, float, fold, read};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Name, test set, rightly classified images of the 10 000.
const NETWORKS: [(&str, &str, usize); 8] = [
    ("cifar10_resnet20", "cifar10", 9173),
    ("cifar10_resnet44", "cifar10", 9310),
    ("cifar10_resnet56", "cifar10", 9339),
    ("cifar10_resnet20_bsq", "cifar10", 9255),
    ("cifar10_resnet20_crosssim", "cifar10", 9065),
    ("cifar10_resnet8_mlperftiny", "cifar10", 8719),
    ("mnist_cntk", "mnist", 9891),
    ("fashion_vgg6", "fashion_mnist", 9259),
];
const SQUEEZENET: &str = "imagenet_squeezenet10_deepcomp";

/// Largest deviation from the reference, as a share of the largest magnitude in it.
const TOLERANCE_REL: f32 = 1e-3;

/// Images compared: all 256 of the reference, or a few where the build is not optimised.
const IMAGES: usize = if cfg!(debug_assertions) { 4 } else { 256 };

fn data() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if data.is_dir() {
        return Some(data);
    }
    assert!(std::env::var_os("CI").is_none(), "../shared/data is absent, and CI is set");
    eprintln!("NOT RUN: ../shared/data is absent");
    None
}

fn network(data: &Path, name: &str) -> Network {
    read::read(&data.join("nets").join(format!("{name}.json"))).expect("a network")
}

/// Each test set, read once, with so many calibration images.
fn test_sets(data: &Path, images: usize, calibration: usize) -> HashMap<&'static str, Dataset> {
    let load = |name| (name, dataset::load(&data.join(name), images, calibration).expect("a test set"));
    ["cifar10", "mnist", "fashion_mnist"].map(load).into()
}

fn reference(data: &Path, file: &str, array: &str) -> Vec<f32> {
    let mut npz = npyz::npz::NpzArchive::open(data.join("reference").join(file)).expect("an npz");
    npz.by_name(array).expect("an array").expect("an array of that name").into_vec().expect("float32")
}

fn assert_close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let scale = theirs.iter().fold(0.0f32, |max, x| max.max(x.abs()));
    let worst = ours.iter().zip(theirs).fold(0.0f32, |max, (x, y)| max.max((x - y).abs()));
    println!("{what}: largest deviation {:.1e} of the largest magnitude", worst / scale);
    assert!(worst <= TOLERANCE_REL * scale, "{what}: {worst} at a largest magnitude of {scale}");
}

#[test]
fn logits_equal_the_reference() {
    let Some(data) = data() else { return };
    let sets = test_sets(&data, 256, 16);
    for (name, set, _) in NETWORKS {
        let (network, set) = (network(&data, name), &sets[set]);
        set.check_fits(network.input_shape, network.classes()).expect("a fitting test set");
        let folded = fold::fold_batchnorm(&network).expect("a network without stray normalisations");
        let (runner, folded) = (float::Runner::new(&network), float::Runner::new(&folded));
        let (mut plain, mut folds) = (Vec::new(), Vec::new());
        for index in 0..IMAGES {
            let image = float::normalise(&network, &set.images, index);
            plain.extend(runner.logits(&image));
            folds.extend(folded.logits(&image));
        }
        let theirs = reference(&data, "logits_first256.npz", name);
        assert_close(name, &plain, &theirs[..plain.len()]);
        assert_close(&format!("{name}, folded"), &folds, &theirs[..folds.len()]);
    }
}

#[test]
fn squeezenet_equals_the_reference() {
    let Some(data) = data() else { return };
    let network = network(&data, SQUEEZENET);
    let file = format!("random_inputs_{SQUEEZENET}.npz");
    let mut npz = npyz::npz::NpzArchive::open(data.join("reference").join(&file)).expect("an npz");
    let pixels = npz.by_name("inputs").expect("an array").expect("inputs").into_vec().expect("uint8");
    let (pixels, theirs) = (Pixels::U8(pixels), reference(&data, &file, "logits"));
    let runner = float::Runner::new(&network);
    let images = if cfg!(debug_assertions) { 1 } else { 4 };
    let ours: Vec<f32> = (0..images).flat_map(|index| runner.logits(&float::normalise(&network, &pixels, index))).collect();
    assert_close(SQUEEZENET, &ours, &theirs[..ours.len()]);
}

#[test]
fn activations_equal_the_reference() {
    let Some(data) = data() else { return };
    let sets = test_sets(&data, 1, 16);
    for (name, set, _) in NETWORKS {
        let file = data.join("reference").join(format!("activations_image0_{name}.safetensors"));
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("tensors");
        let network = network(&data, name);
        let image = float::normalise(&network, &sets[set].images, 0);
        let outputs = float::forward(&network, &image);
        let mut compared = 0;
        for (node, tensor) in tensors.iter() {
            let theirs: Vec<f32> = tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            let ours = match network.nodes.iter().position(|n| n.name == node) {
                Some(index) => &outputs[index],
                None if node == "input" => &image,
                None => panic!("{name} has no node {node}"),
            };
            assert_close(&format!("{name}/{node}"), ours, &theirs);
            compared += 1;
        }
        assert!(compared > 5, "{name}: {compared} tensors");
    }
}

#[test]
fn calibration_images_are_training_images() {
    let Some(data) = data() else { return };
    for (name, set) in test_sets(&data, 1, 16) {
        assert!(set.calibration_source.starts_with("first 16 training images of "), "{name}: {}", set.calibration_source);
        assert_eq!(set.calibration_len(), 16);
    }
}

#[test]
fn the_cifar_mosaic_and_the_binary_version_are_one() {
    let Some(data) = data() else { return };
    // The official file, rebuilt: its SHA-256 is public.
    let set = dataset::load(&data.join("cifar10"), 10_000, 0).expect("a test set");
    let Pixels::U8(pixels) = &*set.images else { panic!("raw pixels") };
    let mut records = Vec::new();
    for (label, image) in set.labels.iter().zip(pixels.chunks_exact(3072)) {
        records.push(*label as u8);
        records.extend_from_slice(image);
    }
    use sha2::Digest;
    let hash: String = sha2::Sha256::digest(&records).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b");

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("test_batch.bin"), &records).expect("written");
    let same = dataset::load(folder.path(), 10_000, 0).expect("a test set");
    assert_eq!(same.content_hash(), set.content_hash());
}

#[test]
fn accuracy_on_whole_test_sets() {
    let Some(data) = data() else { return };
    if std::env::var("BWQ_SLOW").is_ok_and(|v| v == "1") {
        let sets = test_sets(&data, 10_000, 256);
        for (name, set, expected) in NETWORKS {
            let network = network(&data, name);
            let start = std::time::Instant::now();
            let right = float::accuracy(&network, &sets[set]);
            let seconds = start.elapsed().as_secs_f64();
            let gmacs = network.macs() as f64 * 1e4 / seconds / 1e9;
            println!("{name}: {right} of 10000 ({expected} expected), {seconds:.1} s, {gmacs:.1} GMAC/s");
            assert!(right.abs_diff(expected) <= 2, "{name}: {right}, {expected} expected");
            let integer = support::quantised(&network, &sets[set], 8, 8) as usize;
            println!("{name}: {integer} with 8 bits");
            let allowed = if name.contains("mlperf") { 100 } else { 50 };
            assert!(right <= integer + allowed, "{name}: {right} to {integer}");
        }
    } else {
        println!("NOT RUN: whole test sets (set BWQ_SLOW=1)");
    }
}
