//! IDX, the format of MNIST and Fashion-MNIST: `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, `train-*` beside
//! them, each plain or as `.gz`.
//!
//! A file is a big-endian magic (0x803 images, 0x801 labels), its sizes as u32, and bytes.

use super::{Parts, Pixels, Wanted, bytes_of, folder_of};
use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

const IMAGES: u32 = 0x803;
const LABELS: u32 = 0x801;
/// Largest height and width; a larger one is a broken header.
const MAX_SIDE: usize = 4096;
/// Most bytes that a file may unfold to (8 GiB): more is a broken header or a bomb.
const MAX_BYTES: u64 = 8 << 30;

/// Reads the test set in a folder, or that of an images file, and the first `training` training images beside it.
pub(super) fn read(path: &Path, Wanted { training, .. }: Wanted) -> Result<Parts> {
    let (images, train) = if path.is_dir() {
        let test = in_folder(path, "t10k").ok_or_else(|| Error::input(path.display(), "t10k-images-idx3-ubyte[.gz] is missing"))?;
        (test, in_folder(path, "train"))
    } else {
        let is_test = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("t10k-"));
        (path.to_owned(), in_folder(&folder_of(path), "train").filter(|_| is_test))
    };
    let labels = labels_beside(&images)?;
    let (image_bytes, label_bytes) = (bytes_of(&images, u64::MAX)?, bytes_of(&labels, u64::MAX)?);
    let mut parts = parse_idx(&image_bytes, &label_bytes, &images.display().to_string(), &labels.display().to_string())?;
    if let Some(train) = train {
        let place = train.display().to_string();
        let (shape, pixels) = parse_images(&bytes_of(&train, u64::MAX)?, &place, Some(training))?;
        if shape != parts.shape {
            return Err(Error::input(place, format!("images of {shape:?}; the test images are {:?}", parts.shape)));
        }
        parts.training = Some(Pixels::U8(pixels));
    }
    Ok(parts)
}

/// Parses images and labels in memory, plain or gz; `place` and `labels_place` are their names in messages.
///
/// # Errors
/// Another magic, sizes out of range, too few or too many bytes, another number of labels than images.
pub fn parse_idx(images: &[u8], labels: &[u8], place: &str, labels_place: &str) -> Result<Parts> {
    let (shape, pixels) = parse_images(images, place, None)?;
    let mut file = Idx::open(labels, labels_place, LABELS)?;
    let [count] = file.sizes()?;
    let there = pixels.len() / shape.iter().product::<usize>();
    if count != there {
        return Err(Error::input(labels_place, format!("{count} labels for the {there} images of {place}")));
    }
    let labels = file.bytes(count as u64)?.into_iter().map(u32::from).collect();
    file.end()?;
    Ok(Parts { shape, test: Pixels::U8(pixels), labels, training: None })
}

/// Parses an images file: all of it, or, with `first`, no more than that many images, nothing behind them being looked at.
///
/// # Errors
/// As [`parse_idx`].
pub fn parse_images(bytes: &[u8], place: &str, first: Option<usize>) -> Result<([usize; 3], Vec<u8>)> {
    let mut file = Idx::open(bytes, place, IMAGES)?;
    let [count, rows, cols] = file.sizes()?;
    if rows == 0 || cols == 0 || rows > MAX_SIDE || cols > MAX_SIDE || count == 0 {
        return Err(Error::input(place, format!("offset 4: {count} images of {rows} x {cols}; at least 1 image, of sides 1 to {MAX_SIDE}")));
    }
    let wanted = first.map_or(count, |first| first.min(count));
    let pixels = file.bytes(wanted as u64 * (rows * cols) as u64)?;
    if wanted == count {
        file.end()?;
    }
    Ok(([1, rows, cols], pixels))
}

/// `PREFIX-images-idx3-ubyte[.gz]` in a folder.
pub(super) fn in_folder(folder: &Path, prefix: &str) -> Option<PathBuf> {
    let names = ["-images-idx3-ubyte", "-images-idx3-ubyte.gz", "-images.idx3-ubyte", "-images.idx3-ubyte.gz"];
    names.iter().map(|rest| folder.join(format!("{prefix}{rest}"))).find(|path| path.is_file())
}

fn labels_beside(images: &Path) -> Result<PathBuf> {
    let name = images.file_name().unwrap_or_default().to_string_lossy();
    if name.contains("idx1") {
        return Err(Error::input(images.display(), "this is a file of labels").hint("name the images' file, or the folder"));
    }
    let labels = name.replace("images", "labels").replace("idx3", "idx1");
    let other = labels.strip_suffix(".gz").map_or_else(|| format!("{labels}.gz"), str::to_owned);
    let found = [&labels, &other].map(|name| images.with_file_name(name)).into_iter().find(|path| path.is_file());
    found.ok_or_else(|| Error::input(images.display(), format!("its labels, `{labels}`, are not beside it")))
}

/// A file read from its front, unpacked on the way if it is gz.
struct Idx<'a> {
    source: Box<dyn Read + 'a>,
    place: &'a str,
    /// Bytes read so far, unpacked.
    offset: u64,
}

impl<'a> Idx<'a> {
    fn open(bytes: &'a [u8], place: &'a str, magic: u32) -> Result<Self> {
        let source: Box<dyn Read + 'a> =
            if bytes.starts_with(&[0x1f, 0x8b]) { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
        let mut file = Idx { source, place, offset: 0 };
        let found = file.number()?;
        if found != magic {
            let what = if magic == IMAGES { "images" } else { "labels" };
            let error = Error::input(place, format!("offset 0: magic {found:#010x}; an IDX file of {what} begins with {magic:#010x}"));
            return Err(match found {
                LABELS => error.hint("this is a file of labels"),
                IMAGES => error.hint("this is a file of images"),
                _ => error,
            });
        }
        Ok(file)
    }

    fn number(&mut self) -> Result<u32> {
        let bytes = self.bytes(4)?;
        Ok(bytes.iter().fold(0, |n, &byte| n << 8 | u32::from(byte)))
    }

    fn sizes<const N: usize>(&mut self) -> Result<[usize; N]> {
        let mut sizes = [0; N];
        for size in &mut sizes {
            *size = self.number()? as usize;
        }
        Ok(sizes)
    }

    /// The next `count` bytes. Memory grows with what is there, not with what the header states.
    fn bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        if count > MAX_BYTES {
            return Err(Error::input(self.place, format!("the header states {count} bytes; at most {MAX_BYTES} are read")));
        }
        let mut bytes = Vec::new();
        let outcome = self.source.by_ref().take(count).read_to_end(&mut bytes);
        self.offset += bytes.len() as u64;
        match outcome {
            Err(e) => Err(Error::input(self.place, format!("unpacked offset {}: broken gz: {e}", self.offset)).hint("was it downloaded to its end?")),
            Ok(read) if (read as u64) < count => Err(Error::input(
                self.place,
                format!("ends at offset {}; {} more bytes are stated by its header", self.offset, count - read as u64),
            )
            .hint("was it downloaded to its end?")),
            Ok(_) => Ok(bytes),
        }
    }

    /// That nothing follows.
    fn end(&mut self) -> Result<()> {
        match self.source.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Error::input(self.place, format!("offset {}: bytes follow the last one that its header states", self.offset))),
            Err(e) => Err(Error::input(self.place, format!("unpacked offset {}: broken gz: {e}", self.offset))),
        }
    }
}
