//! Where a cell sits: crossbar, wordline and bitline. Only what depends on a position asks for it.
//!
//! Rows fill a crossbar from its first wordline on, as [`super::mapping`] cuts them. Bitlines come in units of
//! `ou_bitlines`: one slice of that many outputs, the most significant slice first, both planes of a slice beside each
//! other (one operation unit holds the same bit of a whole weight block, as in BWQ-H). A unit never
//! crosses a crossbar's border.
//!
//! Wires make an *array* of each row group on each crossbar: its rows at their wordlines, all bitlines on which cells of
//! the layer sit. Drivers are one segment left of bitline 0, supply one above wordline 0, ground one below the last
//! wordline. In a layout of groups ([`Layout::of_groups`], for cross-checks of one product) each row group, plane and
//! slice is an array of its own instead, ground one segment below the group's last row.

use super::layer::Planes;
use super::mapping::used_wordlines;
use crate::config::CrossbarConfig;

/// The layout of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Wordlines of a crossbar that are used.
    pub wordlines: usize,
    /// Bitlines of a crossbar that are used.
    pub bitlines: usize,
    /// Bitlines converted together; also the converters of a crossbar.
    pub ou_bitlines: usize,
    planes: usize,
    slices: usize,
    /// True if every row group, plane and slice has an array of its own.
    of_groups: bool,
}

/// A line of a crossbar: which of the crossbars along that side, and which of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Number of the crossbar along this side.
    pub crossbar: usize,
    /// Line in it, from 0.
    pub line: usize,
}

impl Layout {
    /// The layout of weights with these planes and slices.
    pub fn new(c: &CrossbarConfig, planes: &Planes) -> Self {
        let wordlines = used_wordlines(c.rows, c.ou_wordlines, c.row_cut);
        let bitlines = c.cols / c.ou_bitlines * c.ou_bitlines;
        Layout { wordlines, bitlines, ou_bitlines: c.ou_bitlines, planes: planes.programmed, slices: planes.slices, of_groups: false }
    }

    /// The same weights with an array of its own for every row group, plane and slice, as far as wires go.
    pub fn of_groups(self) -> Self {
        Layout { of_groups: true, ..self }
    }

    /// Wire segments from the supply down to the first of the rows `[start, end)`, a row group.
    pub fn segments_above(&self, rows: [u32; 2]) -> usize {
        if self.of_groups { 1 } else { self.wordline(rows[0] as usize).line + 1 }
    }

    /// Wire segments from the last of the rows `[start, end)`, a row group, down to ground.
    pub fn segments_below(&self, rows: [u32; 2]) -> usize {
        if self.of_groups { 1 } else { self.wordlines - self.wordline(rows[1] as usize - 1).line }
    }

    /// The wordline of a row.
    pub fn wordline(&self, row: usize) -> Line {
        Line { crossbar: row / self.wordlines, line: row % self.wordlines }
    }

    /// The bitline as wires know it: the same, but where arrays are those of groups.
    pub fn array_bitline(&self, plane: usize, slice: usize, column: usize) -> Line {
        if self.of_groups {
            return Line { crossbar: plane * self.slices + slice, line: column };
        }
        self.bitline(plane, slice, column)
    }

    /// The bitline of a column (output or reference column) in a programmed plane and slice (from the least significant).
    pub fn bitline(&self, plane: usize, slice: usize, column: usize) -> Line {
        let unit = ((column / self.ou_bitlines) * self.slices + (self.slices - 1 - slice)) * self.planes + plane;
        let units = self.bitlines / self.ou_bitlines;
        Line { crossbar: unit / units, line: unit % units * self.ou_bitlines + column % self.ou_bitlines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DigitalLayers, Encoding, RowCut, Subtraction};
    use std::collections::HashSet;

    #[test]
    fn every_cell_has_a_place_of_its_own() {
        for (cols, ou_bitlines, row_cut) in [(128, 8, RowCut::BlockAligned), (20, 8, RowCut::Physical), (7, 7, RowCut::BlockAligned)] {
            let encoding = Encoding::Differential(Subtraction::Analog);
            let c = CrossbarConfig { rows: 30, cols, ou_wordlines: 9, ou_bitlines, cell_bits: 1, dac_bits: 1, row_cut, encoding, digital_layers: DigitalLayers::None };
            let layout = Layout::new(&c, &Planes::new(encoding, 8, 1));
            let mut seen = HashSet::new();
            for column in 0..50 {
                for (plane, slice) in (0..2).flat_map(|p| (0..7).map(move |s| (p, s))) {
                    let at = layout.bitline(plane, slice, column);
                    assert!(at.line < cols && seen.insert((at.crossbar, at.line)));
                    assert_eq!(at.line % ou_bitlines, column % ou_bitlines, "a converter serves the same outputs");
                }
            }
            let border = if row_cut == RowCut::Physical { 30 } else { 27 };
            let [first, last] = [[0, 9], [border as u32 - 3, border as u32]].map(|rows| [layout.segments_above(rows), layout.segments_below(rows)]);
            assert_eq!((first, last), ([1, border - 8], [border - 2, 1]));
            assert_eq!(layout.of_groups().segments_below([0, 9]), 1);
            assert_eq!([layout.wordline(border - 1), layout.wordline(border)], [Line { crossbar: 0, line: border - 1 }, Line { crossbar: 1, line: 0 }]);
        }
    }
}
