//! The official binary version of CIFAR-10: `test_batch.bin`, `data_batch_1.bin` to `data_batch_5.bin`; a record is a
//! label and 3072 pixels, red, green and blue planes of 32 x 32.

use super::training::Labelled;
use super::{Parts, Pixels, Wanted, bytes_of, folder_of};
use crate::error::{Error, Result};
use std::path::Path;

const PIXELS: usize = 3 * 32 * 32;
const RECORD: usize = 1 + PIXELS;
const CLASSES: u8 = 10;
const TEST: &str = "test_batch.bin";
/// The first file of the training set.
pub(super) const FIRST_BATCH: &str = "data_batch_1.bin";

/// Reads the test set in a folder, or in one `.bin`, and the first `training` training images; a `.bin` of another name
/// than the test set's stands alone.
pub(super) fn read(path: &Path, Wanted { training, .. }: Wanted) -> Result<Parts> {
    let file = if path.is_dir() { path.join(TEST) } else { path.to_owned() };
    let place = file.display().to_string();
    let (labels, pixels) = parse_records(&bytes_of(&file, u64::MAX)?, &place)?;
    let folder = folder_of(path);
    let has_training = file.file_name().is_some_and(|name| name == TEST) && folder.join(FIRST_BATCH).is_file();
    let training = if has_training { Some(training_images(&folder, training)?.images) } else { None };
    Ok(Parts { shape: [3, 32, 32], test: Pixels::U8(pixels), labels, training })
}

/// Parses records into labels and pixels [image, channel, row, column].
///
/// # Errors
/// A length that is not a whole number of records, a label beyond the ten classes.
pub fn parse_records(bytes: &[u8], place: &str) -> Result<(Vec<u32>, Vec<u8>)> {
    if bytes.is_empty() || !bytes.len().is_multiple_of(RECORD) {
        let error = Error::input(
            place,
            format!("offset {}: {} bytes are not a whole number of records of {RECORD}", bytes.len() / RECORD * RECORD, bytes.len()),
        );
        let cifar100 = !bytes.is_empty() && bytes.len().is_multiple_of(RECORD + 1);
        return Err(error.hint(if cifar100 {
            "records of 3074 bytes are CIFAR-100's; CIFAR-10 is supported"
        } else {
            "was it downloaded to its end? The binary version of CIFAR-10 is needed, not the Python one"
        }));
    }
    let (mut labels, mut pixels) = (Vec::new(), Vec::with_capacity(bytes.len()));
    for (index, record) in bytes.chunks_exact(RECORD).enumerate() {
        if record[0] >= CLASSES {
            return Err(Error::input(place, format!("offset {}: label {} of image {index}; labels are 0 to 9", index * RECORD, record[0]))
                .hint("is this the binary version of CIFAR-10?"));
        }
        labels.push(u32::from(record[0]));
        pixels.extend_from_slice(&record[1..]);
    }
    Ok((labels, pixels))
}

/// The whole training set in a folder.
pub(super) fn training_set(folder: &Path) -> Result<Labelled> {
    training_images(folder, usize::MAX)
}

/// The first `count` training images (all, if there are fewer).
fn training_images(folder: &Path, count: usize) -> Result<Labelled> {
    let (mut labels, mut pixels) = (Vec::new(), Vec::new());
    for batch in 1..=5 {
        let left = count - labels.len();
        let file = folder.join(format!("data_batch_{batch}.bin"));
        if left == 0 || !file.is_file() {
            break;
        }
        let bytes = bytes_of(&file, (left as u64).saturating_mul(RECORD as u64))?;
        let (more_labels, more) = parse_records(&bytes, &file.display().to_string())?;
        labels.extend(more_labels);
        pixels.extend(more);
    }
    Ok(Labelled::of([3, 32, 32], pixels, labels))
}
