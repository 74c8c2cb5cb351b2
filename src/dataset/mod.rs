//! Test sets: images, labels, and the images whose activations set the clipping ranges.
//!
//! [`load`] picks the reader by what lies at a path: [`idx`] (MNIST and its like), [`cifar`] (the official binary
//! version), [`webp`] (mosaics of CIFAR-10), [`npy`] (NumPy arrays); [`training`] reads whole training sets. Each reads no more
//! training images than the calibration asks for (`.npy`: nor test images than are used), and believes no size that a file states beyond what the file holds.
//!
//! To add one: a file with `pub fn read(path, wanted) -> Result<Parts>`, and a line in `reader_for`.

pub mod cifar;
pub mod idx;
pub mod npy;
pub mod training;
pub mod webp;

use crate::error::{Error, Result};
use crate::network::hash::Canonical;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Pixels of a number of images, row-major [image, channel, row, column].
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Raw pixels; the network's own normalisation applies.
    U8(Vec<u8>),
    /// Values that are normalised already.
    F32(Vec<f32>),
}

impl Pixels {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Pixels::U8(values) => values.len(),
            Pixels::F32(values) => values.len(),
        }
    }
    /// Number of bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Pixels::U8(values) => values.len(),
            Pixels::F32(values) => values.len() * size_of::<f32>(),
        }
    }
    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The first `count` values (all, if there are fewer).
    fn first(&self, count: usize) -> Pixels {
        match self {
            Pixels::U8(values) => Pixels::U8(values[..count.min(values.len())].to_vec()),
            Pixels::F32(values) => Pixels::F32(values[..count.min(values.len())].to_vec()),
        }
    }
    /// The first `count` values, without a copy.
    fn cut(mut self, count: usize) -> Pixels {
        match &mut self {
            Pixels::U8(values) => {
                values.truncate(count);
                values.shrink_to_fit();
            }
            Pixels::F32(values) => {
                values.truncate(count);
                values.shrink_to_fit();
            }
        }
        self
    }
    /// What comes after the first `count` values.
    fn after(&self, count: usize) -> Pixels {
        match self {
            Pixels::U8(values) => Pixels::U8(values[count.min(values.len())..].to_vec()),
            Pixels::F32(values) => Pixels::F32(values[count.min(values.len())..].to_vec()),
        }
    }
    fn hash(&self, form: &mut Canonical) {
        match self {
            Pixels::U8(values) => form.bytes(values),
            Pixels::F32(values) => form.floats(values),
        }
    }
}

/// A test set, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name for messages and tables.
    pub name: String,
    /// [C, H, W] of one image.
    pub shape: [usize; 3],
    /// Test images, the first ones of the set.
    pub images: Arc<Pixels>,
    /// Their classes.
    pub labels: Vec<u32>,
    /// Images whose activations set the clipping ranges; their labels are never used.
    pub calibration: Pixels,
    /// Where the calibration images come from, in words ("first 256 training images of PATH").
    pub calibration_source: String,
}

/// What a reader finds at a path.
pub struct Parts {
    /// [C, H, W] of one image.
    pub shape: [usize; 3],
    /// Test images, at least as many as were asked for if there are so many.
    pub test: Pixels,
    /// Their classes, as many as test images.
    pub labels: Vec<u32>,
    /// Training images, at least as many as were asked for if the source has them; `None` if it has none at all.
    pub training: Option<Pixels>,
}

/// Reads the first `images` test images at `path` and up to `calibration_images` images to calibrate with: the first
/// training images, or, where the source has none, the first test images.
///
/// # Errors
/// Nothing known at `path`, a malformed file (with file and offset), fewer images than asked for.
pub fn load(path: &Path, images: usize, calibration_images: usize) -> Result<Dataset> {
    let read = reader_for(path)?;
    let parts = read(path, Wanted { test: images, training: calibration_images })?;
    let name = path.file_stem().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    assemble(name, &path.display().to_string(), parts, images, calibration_images)
}

/// Reads all test images at `path` and up to `calibration_images` images to calibrate with; else as [`load`].
///
/// # Errors
/// Nothing known at `path`, a malformed file.
pub fn load_whole(path: &Path, calibration_images: usize) -> Result<Dataset> {
    let parts = reader_for(path)?(path, Wanted { test: usize::MAX, training: calibration_images })?;
    let images = parts.labels.len();
    let name = path.file_stem().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    assemble(name, &path.display().to_string(), parts, images, calibration_images)
}

/// Cuts what a reader found to what is asked for; `place` names the source.
///
/// # Errors
/// Fewer images than asked for.
pub fn assemble(name: String, place: &str, parts: Parts, images: usize, calibration_images: usize) -> Result<Dataset> {
    let image_len = parts.shape.iter().product::<usize>();
    let there = parts.test.len() / image_len;
    if images == 0 {
        return Err(Error::input(place, "0 test images asked for; at least 1 is needed"));
    }
    if images > there {
        return Err(Error::input(place, format!("{images} test images asked for; there are {there}")).hint(format!("network.images = {there} takes them all")));
    }
    let (calibration, calibration_source) = match parts.training {
        Some(training) => {
            let count = calibration_images.min(training.len() / image_len);
            (training.cut(count * image_len), format!("first {count} training images of {place}"))
        }
        None => {
            let count = calibration_images.min(there);
            (parts.test.first(count * image_len), format!("first {count} test images (labels unused)"))
        }
    };
    let (test, mut labels) = (parts.test.cut(images * image_len), parts.labels);
    labels.truncate(images);
    Ok(Dataset { name, shape: parts.shape, images: Arc::new(test), labels, calibration, calibration_source })
}

/// How many images are asked for.
#[derive(Clone, Copy)]
struct Wanted {
    test: usize,
    training: usize,
}

type Reader = fn(&Path, Wanted) -> Result<Parts>;

/// The reader for what lies at `path`, by the names of the files.
fn reader_for(path: &Path) -> Result<Reader> {
    let there = |names: &[&str]| names.iter().any(|name| path.join(name).is_file());
    let reader: Option<Reader> = if path.is_dir() {
        match () {
            _ if idx::in_folder(path, "t10k").is_some() => Some(idx::read),
            _ if there(&["test_batch.bin"]) => Some(cifar::read),
            _ if there(&[webp::TEST]) => Some(webp::read),
            _ if there(&["images.npy"]) => Some(npy::read),
            _ => None,
        }
    } else if path.exists() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        match name.rsplit('.').next() {
            _ if name.contains("idx3") || name.contains("idx1") => Some(idx::read),
            Some("npz" | "npy") => Some(npy::read),
            Some("bin") => Some(cifar::read),
            Some("webp") => Some(webp::read),
            _ => None,
        }
    } else {
        return Err(Error::input(path.display(), "no such file or folder"));
    };
    reader.ok_or_else(|| {
        let packed = path.extension().is_some_and(|e| e == "gz" || e == "tgz" || e == "zip" || e == "tar");
        let known = "known: a folder or file of t10k-images-idx3-ubyte[.gz], test_batch.bin (CIFAR-10 binary version), \
                     cifar10_test.webp, images.npy with labels.npy, or an .npz";
        Error::input(path.display(), "no data set of a known format")
            .hint(if packed { format!("unpack the archive first; {known}") } else { known.to_owned() })
    })
}

impl Dataset {
    /// Number of test images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no test image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The same set without its first `count` test images; there may be none left.
    pub fn after(&self, count: usize) -> Dataset {
        let labels = self.labels.get(count..).unwrap_or_default().to_vec();
        Dataset { images: Arc::new(self.images.after(count * self.image_len())), labels, ..self.clone() }
    }

    /// Bytes of the pixels that are held.
    pub fn bytes(&self) -> usize {
        self.images.bytes() + self.calibration.bytes()
    }

    /// Number of values of one image.
    pub fn image_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Number of calibration images.
    pub fn calibration_len(&self) -> usize {
        self.calibration.len() / self.image_len()
    }

    /// That every label is below `classes`.
    ///
    /// # Errors
    /// The first label that is not.
    pub fn check_labels(&self, classes: usize) -> Result<()> {
        match self.labels.iter().position(|&label| label as usize >= classes) {
            None => Ok(()),
            Some(image) => {
                let from_one = self.labels.iter().all(|&label| label >= 1 && label as usize <= classes);
                let hint = if from_one { "labels count from 0: save labels - 1" } else { "is this the test set the network was trained for?" };
                let message = format!("image {image} has label {}; the network has the classes 0 to {}", self.labels[image], classes.saturating_sub(1));
                Err(Error::input(&self.name, message).hint(hint))
            }
        }
    }

    /// That the images have the shape [C, H, W] of a network's input, and the labels are below its `classes`.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check_fits(&self, input_shape: [usize; 3], classes: usize) -> Result<()> {
        if self.shape != input_shape {
            return Err(Error::input(
                &self.name,
                format!("images of [C, H, W] = {:?}; the network takes {input_shape:?}", self.shape),
            )
            .hint("is this the test set the network was trained for?"));
        }
        self.check_labels(classes)
    }

    /// SHA-256 of the contents: shape, images, labels and calibration images; names and paths stay out of it.
    pub fn content_hash(&self) -> [u8; 32] {
        let mut form = Canonical::new("bwq-dataset-1");
        form.numbers(&self.shape);
        for pixels in [&self.images, &self.calibration] {
            form.number(matches!(pixels, Pixels::F32(_)) as usize);
            pixels.hash(&mut form);
        }
        form.words(self.labels.iter().copied());
        form.finish()
    }
}

/// The first `limit` bytes of a regular file (all, if it is shorter).
fn bytes_of(path: &Path, limit: u64) -> Result<Vec<u8>> {
    use std::io::Read;
    let failed = |e: std::io::Error| Error::io(path, "read", &e);
    let kind = std::fs::metadata(path).map_err(failed)?;
    if !kind.is_file() {
        return Err(Error::input(path.display(), "not a file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The folder that a path means: itself, or the one its file lies in.
fn folder_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.to_owned() } else { path.parent().unwrap_or(Path::new("")).to_owned() }
}

#[cfg(test)]
mod tests;
