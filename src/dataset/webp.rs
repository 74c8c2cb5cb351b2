//! CIFAR-10 as mosaics: `cifar10_test.webp` and `cifar10_train_1.webp` ..., lossless, image i at row i / columns and
//! column i % columns of a grid of 32 x 32 pixels, with one byte per label in `*_labels.u8`.

use super::training::Labelled;
use super::{Parts, Pixels, Wanted, bytes_of, folder_of};
use crate::error::{Error, Result};
use image_webp::WebPDecoder;
use std::io::Cursor;
use std::path::Path;

const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;
/// The file that a folder of mosaics is known by.
pub(super) const TEST: &str = "cifar10_test.webp";
/// The first file of the training set.
pub(super) const FIRST_TRAINING: &str = "cifar10_train_1.webp";

/// Reads the test set in a folder (or of one mosaic), and as many training mosaics as hold `training` images.
pub(super) fn read(path: &Path, Wanted { training, .. }: Wanted) -> Result<Parts> {
    let file = if path.is_dir() { path.join(TEST) } else { path.to_owned() };
    let folder = folder_of(path);
    let has_training = file.file_name().is_some_and(|name| name == TEST) && folder.join(FIRST_TRAINING).is_file();
    // A mosaic takes a second to unpack: both at a time.
    let (test, training) = rayon::join(
        || mosaic(&file),
        || if has_training { training_images(&folder, training).map(Some) } else { Ok(None) },
    );
    let (pixels, labels) = test?;
    Ok(Parts { shape: [3, SIDE, SIDE], test: Pixels::U8(pixels), labels, training: training?.map(|set| set.images) })
}

/// The whole training set in a folder.
pub(super) fn training_set(folder: &Path) -> Result<Labelled> {
    training_images(folder, usize::MAX)
}

/// The images of the first training mosaics, until there are `count` (all, if there are fewer).
fn training_images(folder: &Path, count: usize) -> Result<Labelled> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for number in 1.. {
        let file = folder.join(format!("cifar10_train_{number}.webp"));
        if labels.len() >= count || !file.is_file() {
            break;
        }
        let (more, more_labels) = mosaic(&file)?;
        pixels.extend(more);
        labels.extend(more_labels);
    }
    Ok(Labelled::of([3, SIDE, SIDE], pixels, labels))
}

fn mosaic(file: &Path) -> Result<(Vec<u8>, Vec<u32>)> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let labels = bytes_of(&file.with_file_name(format!("{stem}_labels.u8")), u64::MAX)?;
    let pixels = parse_mosaic(&bytes_of(file, u64::MAX)?, labels.len(), &file.display().to_string())?;
    Ok((pixels, labels.into_iter().map(u32::from).collect()))
}

/// Unpacks a mosaic of `count` images into pixels [image, channel, row, column]. The sizes must fit the count, so a
/// header cannot ask for more memory than the labels warrant.
///
/// # Errors
/// Not a lossless WebP without alpha, sizes that do not fit, a broken stream.
pub fn parse_mosaic(bytes: &[u8], count: usize, place: &str) -> Result<Vec<u8>> {
    let broken = |e: image_webp::DecodingError| Error::input(place, format!("broken WebP: {e}")).hint("was it copied to its end?");
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(broken)?;
    if decoder.is_lossy() || decoder.has_alpha() || decoder.is_animated() {
        return Err(Error::input(place, "a mosaic is one lossless WebP image without alpha"));
    }
    let (width, height) = decoder.dimensions();
    let (columns, rows) = (width as usize / SIDE, height as usize / SIDE);
    let whole = (width as usize).is_multiple_of(SIDE) && (height as usize).is_multiple_of(SIDE);
    if count == 0 || !whole || rows != count.div_ceil(columns.max(1)) || (rows == 1 && columns != count) {
        return Err(Error::input(place, format!("{width} x {height} pixels do not fit the {count} labels, at {SIDE} x {SIDE} pixels an image")));
    }
    let mut mosaic = vec![0; 3 * width as usize * height as usize];
    decoder.set_memory_limit(mosaic.len());
    decoder.read_image(&mut mosaic).map_err(broken)?;

    let mut pixels = Vec::with_capacity(count * PIXELS);
    for image in 0..count {
        let (top, left) = (image / columns * SIDE, image % columns * SIDE);
        for channel in 0..3 {
            for row in top..top + SIDE {
                let line = &mosaic[3 * (row * columns * SIDE + left)..][..3 * SIDE];
                pixels.extend(line.iter().skip(channel).step_by(3));
            }
        }
    }
    Ok(pixels)
}
