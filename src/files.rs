//! Files of a user, read whole: no more than is allowed, a text in UTF-8, and every message with the file's name.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest file of settings, in bytes: what is typed is smaller by far, and `/dev/zero` has no end.
pub const MOST_TEXT: u64 = 64 << 20;

/// The bytes of a file (or of a pipe) that has at most `most` of them.
///
/// # Errors
/// A file that cannot be read, or that has more.
pub fn bytes(path: &Path, most: u64) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Error::io(path, "read", &e);
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(Error::input(path.display(), format!("more than {most} bytes; no more are read")));
    }
    Ok(bytes)
}

/// The bytes of a regular file that has at most `most` of them.
///
/// # Errors
/// As [`bytes`], and what is no regular file.
pub fn regular(path: &Path, most: u64) -> Result<Vec<u8>> {
    let kind = std::fs::metadata(path).map_err(|e| Error::io(path, "read", &e))?;
    if !kind.is_file() {
        return Err(Error::input(path.display(), "not a file"));
    }
    if kind.len() > most {
        return Err(Error::input(path.display(), format!("{} bytes; at most {most} are read", kind.len())));
    }
    bytes(path, most)
}

/// Whether something else than `bytes` is at `path`, which writing them there would lose.
pub fn holds_other(path: &Path, bytes: &[u8]) -> bool {
    path.exists() && std::fs::read(path).ok().as_deref() != Some(bytes)
}

/// A text of at most [`MOST_TEXT`] bytes.
///
/// # Errors
/// As [`bytes`], and bytes that are no UTF-8, with the place of the first.
pub fn text(path: &Path) -> Result<String> {
    utf8(bytes(path, MOST_TEXT)?, &path.display().to_string())
}

/// Bytes as text; `place` is the file's name in messages.
///
/// # Errors
/// The first byte that is no UTF-8.
pub fn utf8(bytes: Vec<u8>, place: &str) -> Result<String> {
    String::from_utf8(bytes).map_err(|e| {
        let (at, bytes) = (e.utf8_error().valid_up_to(), e.as_bytes());
        let line = 1 + bytes[..at].iter().filter(|b| **b == b'\n').count();
        let hint = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) { "this is UTF-16: save it as UTF-8" } else { "save it as UTF-8" };
        Error::input(format!("{place}:{line}"), format!("is not UTF-8 text: byte {at}")).hint(hint)
    })
}
