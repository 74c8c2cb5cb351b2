//! The network and the test set inside the program: a small VGG-like network, its quantised form by BWQ-A, and 1000
//! test images of Fashion-MNIST (MIT licence). `assets/README.md` says where they come from and how to make them again.

use crate::dataset::{self, Dataset, Parts, Pixels, idx};
use crate::error::Result;
use crate::network::{Network, read};
use crate::quantize::PrecisionMap;

const GRAPH: &str = include_str!("../assets/fashion_vgg6.json");
const WEIGHTS: &[u8] = include_bytes!("../assets/fashion_vgg6.safetensors");
const BWQ_A_GRAPH: &str = include_str!("../assets/fashion_vgg6_bwq_a.json");
const BWQ_A_WEIGHTS: &[u8] = include_bytes!("../assets/fashion_vgg6_bwq_a.safetensors");
const BWQ_A_MAP: &str = include_str!("../assets/fashion_vgg6_bwq_a.precision_map.json");
const TEST_IMAGES: &[u8] = include_bytes!("../assets/fashion_mnist_test1000-images-idx3-ubyte.gz");
const TEST_LABELS: &[u8] = include_bytes!("../assets/fashion_mnist_test1000-labels-idx1-ubyte.gz");
const TRAINING_IMAGES: &[u8] = include_bytes!("../assets/fashion_mnist_train256-images-idx3-ubyte.gz");

/// The embedded network.
pub fn network() -> Result<Network> {
    read::parse(GRAPH, WEIGHTS, "embedded network")
}

/// Its form with integer weights and ranges for 4-bit activations, made by `bwq search` and `bwq train`.
pub fn bwq_a() -> Result<Network> {
    read::parse(BWQ_A_GRAPH, BWQ_A_WEIGHTS, "embedded network by BWQ-A")
}

/// Magnitude bits of its blocks.
pub fn bwq_a_map() -> Result<PrecisionMap> {
    PrecisionMap::parse(BWQ_A_MAP, "embedded precision map")
}

/// The first `images` embedded test images; calibration images are the first of the training set.
pub fn dataset(images: usize, calibration_images: usize) -> Result<Dataset> {
    let mut parts: Parts = idx::parse_idx(TEST_IMAGES, TEST_LABELS, "embedded test images", "embedded test labels")?;
    let (_, training) = idx::parse_images(TRAINING_IMAGES, "embedded training images", None)?;
    parts.training = Some(Pixels::U8(training));
    let mut dataset = dataset::assemble("fashion_mnist".into(), "the embedded set", parts, images, calibration_images)?;
    dataset.calibration_source = format!("first {} training images of Fashion-MNIST (embedded)", dataset.calibration_len());
    Ok(dataset)
}

/// All embedded test images.
pub fn whole(calibration_images: usize) -> Result<Dataset> {
    dataset(TEST_COUNT, calibration_images)
}

/// Embedded test images.
const TEST_COUNT: usize = 1000;
