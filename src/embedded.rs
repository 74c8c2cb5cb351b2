//! The network and the test set inside the program: a small VGG-like network and 1000 test images of
//! Fashion-MNIST (MIT licence). `assets/README.md` says where they come from and how to make them again.

use crate::dataset::{self, Dataset, Parts, Pixels, idx};
use crate::error::Result;
use crate::network::{Network, read};

const GRAPH: &str = include_str!("../assets/fashion_vgg6.json");
const WEIGHTS: &[u8] = include_bytes!("../assets/fashion_vgg6.safetensors");
const TEST_IMAGES: &[u8] = include_bytes!("../assets/fashion_mnist_test1000-images-idx3-ubyte.gz");
const TEST_LABELS: &[u8] = include_bytes!("../assets/fashion_mnist_test1000-labels-idx1-ubyte.gz");
const TRAINING_IMAGES: &[u8] = include_bytes!("../assets/fashion_mnist_train256-images-idx3-ubyte.gz");

/// The embedded network.
pub fn network() -> Result<Network> {
    read::parse(GRAPH, WEIGHTS, "embedded network")
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
