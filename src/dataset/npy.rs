//! NumPy arrays: an `.npz` with `images` | `x` | `x_test` and `labels` | `y` | `y_test`, optionally `calibration` | `x_train`;
//! or `images.npy` and `labels.npy` beside each other, optionally `calibration.npy`. A training set with labels is `train_images` | `x_train`
//! and `train_labels` | `y_train` there; without calibration images its first ones are those.
//!
//! Images are [N, C, H, W] or [N, H, W] (one channel): uint8 pixels, or float32 and float64 values that are normalised
//! already. Labels are integers of any width. The header is read here, not by a general Python parser, because it
//! comes from outside: its length, depth and numbers are bounded.

use super::training::Labelled;
use super::{Parts, Pixels, Wanted, bytes_of, folder_of};
use crate::error::{Error, Result};
use crate::network::clipped;
use std::io::{Cursor, Read};
use std::path::Path;

const IMAGES: &[&str] = &["images", "x", "x_test"];
const LABELS: &[&str] = &["labels", "y", "y_test"];
const CALIBRATION: &[&str] = &["calibration", "train_images", "x_train"];
const TRAINING: [&[&str]; 2] = [&["train_images", "x_train"], &["train_labels", "y_train"]];
/// Longest header, in bytes; NumPy's own are 118 or so.
const MAX_HEADER: usize = 4096;
/// Most bytes of one array (8 GiB): more is a broken header or a bomb.
const MAX_BYTES: u64 = 8 << 30;

/// An array as it lies in a file, row-major, little-endian.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// NumPy's name of the type: kind and bytes (`u1`, `f4`, `i8`).
    pub dtype: String,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// The bytes of the values.
    pub bytes: Vec<u8>,
}

/// Reads an `.npz`, an `images.npy` or the folder it lies in; of `images.npy` no more images than are wanted, by whatever way.
pub(super) fn read(path: &Path, wanted: Wanted) -> Result<Parts> {
    if is_npz(path) {
        return parse_npz(&bytes_of(path, u64::MAX)?, &path.display().to_string());
    }
    let folder = folder_of(path);
    let array = |name: &str, first: usize| in_folder(&folder, name, first);
    let whole = |name: &str| Ok(array(name, usize::MAX)?.map(|(array, _)| array));
    let calibration = match whole("calibration")? {
        None => array(TRAINING[0][0], wanted.training)?.map(|(array, _)| array),
        given => given,
    };
    // Without calibration images the first test images take their place.
    let (images, count) = array("images", wanted.test.max(wanted.training))?.unzip();
    parts(images, whole("labels")?, calibration, count, &folder.display().to_string())
}

/// The training set with its labels in an `.npz`, or beside `images.npy`; `None` if there are no training images.
pub(super) fn training_set(path: &Path) -> Result<Option<Labelled>> {
    let [images, labels] = match is_npz(path) {
        true => {
            let place = path.display().to_string();
            let bytes = bytes_of(path, u64::MAX)?;
            let mut archive = Archive::open(&bytes, &place)?;
            [archive.array(TRAINING[0])?, archive.array(TRAINING[1])?]
        }
        false => {
            let whole = |names: &[&str]| Ok::<_, Error>(in_folder(&folder_of(path), names[0], usize::MAX)?.map(|(array, _)| array));
            [whole(TRAINING[0])?, whole(TRAINING[1])?]
        }
    };
    if images.is_none() {
        return Ok(None);
    }
    let (shape, images, labels) = labelled(images, labels, TRAINING, None, &path.display().to_string())?;
    Ok(Some(Labelled { shape, images, labels }))
}

pub(super) fn is_npz(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"))
}

/// The first entries of the array of a name, and how many there are; `None` if there is no such file.
fn in_folder(folder: &Path, name: &str, first: usize) -> Result<Option<(Array, usize)>> {
    let file = folder.join(format!("{name}.npy"));
    if file.is_file() { read_npy(&file, first).map(Some) } else { Ok(None) }
}

/// The first entries of an `.npy` along its first axis, and how many there are; it is read no further.
fn read_npy(path: &Path, first: usize) -> Result<(Array, usize)> {
    let failed = |e: std::io::Error| Error::io(path, "read", &e);
    let file = std::fs::File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    parse_first(&mut std::io::BufReader::new(file), &path.display().to_string(), first, length)
}

/// Parses an `.npz` in memory.
///
/// # Errors
/// A broken archive or array, a missing one, and what does not fit images and labels.
pub fn parse_npz(bytes: &[u8], place: &str) -> Result<Parts> {
    let mut archive = Archive::open(bytes, place)?;
    let (images, labels, calibration) = (archive.array(IMAGES)?, archive.array(LABELS)?, archive.array(CALIBRATION)?);
    parts(images, labels, calibration, None, place)
}

/// An `.npz` in memory.
struct Archive<'a> {
    archive: npyz::npz::NpzArchive<Cursor<&'a [u8]>>,
    place: &'a str,
}

impl<'a> Archive<'a> {
    fn open(bytes: &'a [u8], place: &'a str) -> Result<Self> {
        let broken = |e: std::io::Error| Error::input(place, format!("broken .npz: {e}")).hint("was it copied to its end?");
        Ok(Archive { archive: npyz::npz::NpzArchive::new(Cursor::new(bytes)).map_err(broken)?, place })
    }

    /// The array of the first of these names that is there.
    fn array(&mut self, names: &[&str]) -> Result<Option<Array>> {
        let Some(name) = names.iter().find(|name| self.archive.array_names().any(|there| there == **name)) else { return Ok(None) };
        let place = format!("{}: array `{name}`", self.place);
        let entry = self.archive.zip_archive().by_name(&format!("{name}.npy"));
        let mut entry = entry.map_err(|e| Error::input(&place, format!("broken .npz: {e}")))?;
        parse_npy(&mut entry, &place).map(Some)
    }
}

/// Images and as many labels, of arrays with these `names`. `count`: of the images, where some of them were left out.
fn labelled(images: Option<Array>, labels: Option<Array>, names: [&[&str]; 2], count: Option<usize>, place: &str) -> Result<([usize; 3], Pixels, Vec<u32>)> {
    let missing = |names: &[&str]| Error::input(place, format!("no array named {}", names.join(" or ")));
    let [images_place, labels_place] = names.map(|names| format!("{place}: {}", names[0]));
    let (shape, images) = pixels(images.ok_or_else(|| missing(names[0]))?, &images_place)?;
    let mut labels = whole_numbers(labels.ok_or_else(|| missing(names[1]))?, &labels_place)?;
    let there = images.len() / shape.iter().product::<usize>();
    let count = count.unwrap_or(there);
    if labels.len() != count {
        return Err(Error::input(labels_place, format!("{} labels for {count} images", labels.len())));
    }
    labels.truncate(there);
    Ok((shape, images, labels))
}

/// `count`: of the images, where some of them were left out.
fn parts(images: Option<Array>, labels: Option<Array>, calibration: Option<Array>, count: Option<usize>, place: &str) -> Result<Parts> {
    let (shape, test, labels) = labelled(images, labels, [IMAGES, LABELS], count, place)?;
    let training = match calibration {
        None => None,
        Some(array) => {
            let place = format!("{place}: calibration images");
            let (other, pixels) = pixels(array, &place)?;
            if other != shape {
                return Err(Error::input(place, format!("images of {other:?}; the test images are {shape:?}")));
            }
            Some(pixels)
        }
    };
    Ok(Parts { shape, test, labels, training })
}

/// Reads one `.npy` to its end.
///
/// # Errors
/// Another magic, an odd header, column-major or big-endian data, too few or too many bytes.
pub fn parse_npy(source: &mut dyn Read, place: &str) -> Result<Array> {
    parse_first(source, place, usize::MAX, 0).map(|(array, _)| array)
}

/// The same; where there are more than `first` entries along the first axis, only those, and the `length` of the whole must be
/// what the header states. Also returns how many there are.
fn parse_first(source: &mut dyn Read, place: &str, first: usize, length: u64) -> Result<(Array, usize)> {
    let at = |offset: usize, message: String| Error::input(place, format!("offset {offset}: {message}"));
    let start = exactly(source, 10, place)?;
    if &start[..6] != b"\x93NUMPY" {
        return Err(at(0, "not a NumPy array".into()));
    }
    let (header_len, begin) = match start[6] {
        1 => (usize::from(start[8]) | usize::from(start[9]) << 8, 10),
        2 | 3 => {
            let rest = exactly(source, 2, place)?;
            ([start[8], start[9], rest[0], rest[1]].iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte)), 12)
        }
        other => return Err(at(6, format!("version {other} of the format; supported: 1 to 3"))),
    };
    if header_len > MAX_HEADER {
        return Err(at(8, format!("a header of {header_len} bytes; at most {MAX_HEADER}")));
    }
    let header = String::from_utf8_lossy(&exactly(source, header_len, place)?).into_owned();
    let odd = |what: &str| at(begin, format!("the header has no readable `{what}`: {}", clipped(header.trim_end())));

    let dtype = entry(&header, "descr").and_then(|v| v.strip_prefix('\'')?.split('\'').next()).ok_or_else(|| odd("descr"))?;
    if !entry(&header, "fortran_order").ok_or_else(|| odd("fortran_order"))?.starts_with("False") {
        return Err(at(begin, "column-major order".into()).hint("save numpy.ascontiguousarray(a)"));
    }
    let axes = entry(&header, "shape").and_then(|v| v.strip_prefix('(')?.split(')').next()).ok_or_else(|| odd("shape"))?;
    let axes = axes.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    let shape: Vec<usize> = axes.map(|axis| axis.parse().map_err(|_| odd("shape"))).collect::<Result<_>>()?;

    // "<f4": byte order, kind, bytes.
    let number = dtype.strip_prefix(['<', '|', '=']).filter(|number| number.is_ascii() && number.len() == 2);
    let width = number.and_then(|number| number[1..].parse::<usize>().ok()).filter(|width| (1..=8).contains(width));
    let (Some(number), Some(width)) = (number, width) else {
        return Err(at(begin, format!("type `{}` is not supported", clipped(dtype))).hint("save little-endian numbers: a.astype('uint8'), 'float32' or 'int64'"));
    };
    let size = shape.iter().try_fold(width as u64, |n, &axis| n.checked_mul(axis as u64)).filter(|&n| n <= MAX_BYTES);
    let size = size.ok_or_else(|| at(begin, format!("an array {shape:?} of more than {MAX_BYTES} bytes")))?;
    let count = shape.first().copied().unwrap_or(1);
    if count > first {
        let stated = (begin + header_len) as u64 + size;
        if length != stated {
            return Err(Error::input(place, format!("has {length} bytes; its header states {stated}")).hint("was it copied to its end?"));
        }
        let bytes = exactly(source, size as usize / count * first, place)?;
        return Ok((Array { dtype: number.to_owned(), shape: [&[first], &shape[1..]].concat(), bytes }, count));
    }
    let bytes = exactly(source, size as usize, place)?;
    match source.read(&mut [0]) {
        Ok(0) => Ok((Array { dtype: number.to_owned(), shape, bytes }, count)),
        Ok(_) => Err(at(begin + header_len + bytes.len(), "bytes follow the last one that the header states".into())),
        Err(e) => Err(at(begin + header_len + bytes.len(), format!("broken data: {e}"))),
    }
}

/// What follows `'key':` in the header, if it stands there once.
fn entry<'h>(header: &'h str, key: &str) -> Option<&'h str> {
    let (_, rest) = header.split_once(&format!("'{key}'")).filter(|(_, rest)| !rest.contains(&format!("'{key}'")))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

/// The next `count` bytes; memory grows with what is there.
fn exactly(source: &mut dyn Read, count: usize, place: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(count as u64).read_to_end(&mut bytes).map_err(|e| Error::input(place, format!("broken data: {e}")))?;
    if bytes.len() < count {
        return Err(Error::input(place, format!("ends {} bytes too early", count - bytes.len())).hint("was it copied to its end?"));
    }
    Ok(bytes)
}

/// An array of images as [C, H, W] and pixels.
fn pixels(array: Array, place: &str) -> Result<([usize; 3], Pixels)> {
    let bad = |message: String| Error::input(place, message);
    let shape = match *array.shape.as_slice() {
        [_, h, w] => [1, h, w],
        [_, c, _, last] if matches!(last, 1 | 3 | 4) && !matches!(c, 1 | 3 | 4) => {
            return Err(bad(format!("shape {:?} looks like [N, H, W, C]; [N, C, H, W] is needed", array.shape))
                .hint("save a.transpose(0, 3, 1, 2).copy()"));
        }
        [_, c, h, w] => [c, h, w],
        _ => return Err(bad(format!("shape {:?}; [N, C, H, W] or [N, H, W] is needed", array.shape)).hint("reshape the array before saving it")),
    };
    if array.shape.contains(&0) {
        return Err(bad(format!("shape {:?} holds no image", array.shape)));
    }
    let values: Vec<f32> = match array.dtype.as_str() {
        "u1" => return Ok((shape, Pixels::U8(array.bytes))),
        "f4" => array.bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        "f8" => array.bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        other => return Err(bad(format!("type `{other}`; pixels are u1, f4 or f8")).hint("save a.astype('uint8') or a.astype('float32')")),
    };
    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
        let image = shape.iter().product::<usize>();
        return Err(bad(format!("value {} of image {} is {}; pixels must be finite float32", at % image, at / image, values[at])));
    }
    Ok((shape, Pixels::F32(values)))
}

/// An array of labels.
fn whole_numbers(array: Array, place: &str) -> Result<Vec<u32>> {
    let bad = |message: String| Error::input(place, message);
    let shape = &array.shape;
    if shape.len() != 1 && !(shape.len() == 2 && shape[1] == 1) {
        return Err(bad(format!("shape {shape:?}; one label per image, [N], is needed")).hint("save a.argmax(axis=1) of one-hot labels"));
    }
    let (signed, width) = match array.dtype.as_str() {
        "u1" => (false, 1),
        "u2" => (false, 2),
        "u4" => (false, 4),
        "u8" => (false, 8),
        "i1" => (true, 1),
        "i2" => (true, 2),
        "i4" => (true, 4),
        "i8" => (true, 8),
        other => return Err(bad(format!("type `{other}`; labels are integers")).hint("save a.astype('int64')")),
    };
    let label = |(index, bytes): (usize, &[u8])| {
        let raw = bytes.iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
        let negative = signed && raw >> (8 * width - 1) & 1 == 1;
        u32::try_from(raw).ok().filter(|_| !negative).ok_or_else(|| bad(format!("the label of image {index} is negative or beyond {}", u32::MAX)))
    };
    array.bytes.chunks_exact(width).enumerate().map(label).collect()
}
