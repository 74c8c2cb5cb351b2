//! The positions of a window, in eights: what the halves of the pieces of [`super::bytes`] stand for.

use super::bytes::{MOST_PIECES, PIECE};
use crate::engine::cpu::input_bytes::InputBytes;
use crate::quantize::Window;
use std::ops::Range;

/// Octets that are handled together.
pub const OCTETS: usize = 2 * MOST_PIECES;

/// Up to eight neighbouring positions of an output row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Octet {
    /// Where its row of bytes begins, without what depends on the row of the matrix.
    pub from: usize,
    /// Its first vector.
    pub vector: usize,
    /// Positions.
    pub count: usize,
}

/// The octets of some images in order. Two neighbours make a piece; in a window wider than eight they are of one row.
pub struct Octets<'a> {
    inputs: &'a InputBytes,
    height: usize,
    width: usize,
    /// Columns with those that fill the last piece.
    columns: usize,
    /// Output row, counted over the images.
    line: usize,
    x: usize,
    end: usize,
    first_image: usize,
}

impl<'a> Octets<'a> {
    /// Those of `images`.
    pub fn new(inputs: &'a InputBytes, window: &Window, images: &Range<usize>) -> Self {
        let [height, width] = window.out;
        let columns = if width > 8 { width.next_multiple_of(PIECE) } else { 8 };
        Octets { inputs, height, width, columns, line: 0, x: 0, end: images.len() * height, first_image: images.start }
    }

    /// True if the octets of a piece are neighbours.
    pub fn are_joined(&self) -> bool {
        self.columns > 8
    }

    /// The next ones, or `None`; those beyond the last have no positions.
    #[inline(always)]
    pub fn some(&mut self) -> Option<[Octet; OCTETS]> {
        if self.line == self.end {
            return None;
        }
        let mut some = [Octet::default(); OCTETS];
        let mut line = self.line_begin();
        for i in 0..OCTETS {
            if self.line == self.end {
                some[i] = Octet { count: 0, ..some[0] };
                continue;
            }
            some[i] = Octet { from: line + self.x, vector: self.line * self.width + self.x, count: self.width.saturating_sub(self.x).min(8) };
            self.x += 8;
            if self.x == self.columns {
                (self.x, self.line) = (0, self.line + 1);
                line = self.line_begin();
            }
        }
        Some(some)
    }

    #[inline(always)]
    fn line_begin(&self) -> usize {
        self.inputs.line(self.first_image + self.line / self.height, self.line % self.height)
    }
}
