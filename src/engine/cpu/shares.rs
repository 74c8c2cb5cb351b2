//! Which thread takes which images of a chip.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Fewest images of a share: loading the tables for one image alone costs more than the others' wait.
const LEAST: usize = 4;

/// Hands out a chip's images in order: a full batch at a time first, fewer towards the end, so that all threads end
/// together.
pub(super) struct Shares {
    pub next: AtomicUsize,
    pub images: usize,
    pub batch: usize,
    pub threads: usize,
}

impl Shares {
    /// The next share.
    pub fn take(&self) -> Option<Range<usize>> {
        let end = |first: usize| {
            let left = self.images - first;
            let fair = if self.threads == 1 { left } else { left / (2 * self.threads) };
            first + fair.max(LEAST).min(self.batch).min(left)
        };
        let first = self.next.fetch_update(Relaxed, Relaxed, |first| (first < self.images).then(|| end(first))).ok()?;
        Some(first..end(first))
    }
}
