//! Whole training sets with their labels, for `bwq train`; calibration reads the first images only, without labels.

use super::{Parts, Pixels, Wanted, cifar, folder_of, idx, npy, webp};
use crate::error::{Error, Result};
use std::path::Path;

/// Images and their classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// [C, H, W] of one image.
    pub shape: [usize; 3],
    /// [image, channel, row, column].
    pub images: Pixels,
    /// Classes, as many as images.
    pub labels: Vec<u32>,
}

impl Labelled {
    pub(super) fn of(shape: [usize; 3], pixels: Vec<u8>, labels: Vec<u32>) -> Self {
        Labelled { shape, images: Pixels::U8(pixels), labels }
    }
}

/// Reads the training set beside the test set at `path`: IDX (`train-*`), CIFAR-10's binary version (`data_batch_*.bin`) or its mosaics,
/// NumPy arrays (`train_images.npy` with `train_labels.npy`, or in an `.npz`).
///
/// # Errors
/// No training set there, and a malformed file.
pub fn load_training(path: &Path) -> Result<Labelled> {
    let folder = folder_of(path);
    if npy::is_npz(path) {
        return npy::training_set(path)?.ok_or_else(|| none(path));
    }
    if let Some(images) = idx::in_folder(&folder, "train") {
        let Parts { shape, test, labels, .. } = idx::read(&images, Wanted { test: usize::MAX, training: 0 })?;
        return Ok(Labelled { shape, images: test, labels });
    }
    if folder.join(cifar::FIRST_BATCH).is_file() {
        return cifar::training_set(&folder);
    }
    if folder.join(webp::FIRST_TRAINING).is_file() {
        return webp::training_set(&folder);
    }
    if let Some(set) = npy::training_set(path)? {
        return Ok(set);
    }
    Err(none(path))
}

fn none(path: &Path) -> Error {
    Error::input(path.display(), "no training set with labels here").hint(
        "known: a folder of train-images-idx3-ubyte[.gz] with train-labels-idx1-ubyte[.gz] (MNIST, Fashion-MNIST), data_batch_1.bin to \
         data_batch_5.bin (CIFAR-10 binary version), cifar10_train_1.webp ..., or train_images.npy with train_labels.npy (in an .npz: x_train, y_train)",
    )
}
