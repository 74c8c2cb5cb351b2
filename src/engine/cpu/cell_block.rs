//! Cells of one chip drawn many at a time: [`BLOCK`] weights of a layer side by side, one lane each.
//!
//! What happens to a lane is what [`cell_words`] and `QuantileTable::sample` say, in the same integers. It is cut
//! into plain loops over all lanes (words, knots, look-up, conductance), since those are what a compiler turns into
//! vector instructions; only the look-up goes lane by lane.
//!
//! The lanes are consecutive entries of [`CrossbarLayer::cells`], across the ends of rows, so that narrow layers
//! fill them too.

use super::simd::multiversion;
use crate::crossbar::CrossbarLayer;
use crate::device::{KNOTS, QuantileTable, ReadNoiseLaw, interpolate, knot_and_place};
use crate::rng::{ChipKey, Purpose, cell_words};
use std::ops::Range;

/// Weights drawn together: enough to pay for what is done once a block, few enough for the fastest cache.
const BLOCK: usize = 128;
/// One value per lane.
type Lanes<T> = [T; BLOCK];
/// Cells that one Philox block serves.
const QUAD: usize = 4;

/// What the blocks of a layer have in common.
pub struct Drawing<'a> {
    layer: &'a CrossbarLayer,
    knots: &'a [[i32; 2]],
    /// Conductance of the lowest level, if it is the same at every draw.
    fixed_off: Option<i32>,
    /// True if that holds for every level: no word is needed.
    all_fixed: bool,
    seed: u64,
    chip: ChipKey,
}

impl<'a> Drawing<'a> {
    /// The cells of `layer` on a chip.
    pub fn new(layer: &'a CrossbarLayer, table: &'a QuantileTable, seed: u64, chip: ChipKey) -> Self {
        // A level whose knots are all equal has one conductance, such as the off cells of an infinite ratio.
        let fixed = |knots: &[[i32; 2]]| knots.iter().all(|k| *k == [knots[0][0], 0]);
        let fixed_off = fixed(&table.knots[..KNOTS]).then_some(table.knots[0][0]);
        let all_fixed = fixed_off.is_some() && table.knots.chunks(KNOTS).all(fixed);
        Drawing { layer, knots: &table.knots, fixed_off, all_fixed, seed, chip }
    }

    /// Draws per lane and slice: planes of cells, but one for a pair whose other cell needs no draw.
    fn draws(&self) -> usize {
        if self.pairs_with_off() { 1 } else { self.layer.planes.programmed }
    }

    /// True where one cell of every pair is at the lowest level and has a fixed conductance.
    fn pairs_with_off(&self) -> bool {
        self.layer.planes.programmed == 2 && self.fixed_off.is_some()
    }
}

multiversion! {
    /// Draws rows from `first_row` on: `out` is `[row][converted column, padded]` with `stride` entries a row, zero
    /// before. `squares` has the same shape, or is empty where reads have no noise. Adds the cells that were cut to `saturated`.
    pub fn draw_rows(drawing: &Drawing, first_row: usize, stride: usize, out: &mut [i32], squares: &mut [u32], saturated: &mut u64) = draw_rows_inlined
}

#[inline(always)]
fn draw_rows_inlined(drawing: &Drawing, first_row: usize, stride: usize, out: &mut [i32], squares: &mut [u32], saturated: &mut u64) {
    let layer = drawing.layer;
    let planes = &layer.planes;
    let end = (first_row + out.len() / stride) * layer.columns;
    let mut block = Block::new();
    for first in (first_row * layer.columns..end).step_by(BLOCK) {
        let entries = first..(first + BLOCK).min(end);
        let rows = Rows::of(entries.clone(), layer.columns);
        block.load(drawing, entries, rows.clone());
        for slice in 0..planes.slices {
            if slice % QUAD == 0 && !drawing.all_fixed {
                block.draw_words(drawing, (slice / QUAD) as u32);
            }
            *saturated += u64::from(block.draw(drawing, slice));
            if drawing.pairs_with_off() {
                *saturated += u64::from(block.pair_with_off(drawing, slice));
            }
            if let Some(law) = &layer.read_noise {
                block.write_squares(layer, law, slice, rows.clone(), &mut squares[..], (first_row, stride));
            }
            if planes.signed() {
                block.subtract();
            }
            for plane in 0..planes.converted {
                for (row, column, lanes) in rows.clone() {
                    let at = (row - first_row) * stride + layer.converted_column(plane, slice, column);
                    out[at..at + lanes.len()].copy_from_slice(&block.kept[plane][lanes]);
                }
            }
        }
    }
}

/// Lanes and what their cells have in common.
struct Block {
    row: Lanes<u32>,
    /// The column's part of the key.
    column: Lanes<u32>,
    /// Slices that have a cell.
    held: Lanes<u32>,
    /// As many as [`Drawing::draws`] are used.
    draws: [Draw; 2],
    /// Conductances of one slice, per draw and then per plane.
    kept: [Lanes<i32>; 2],
}

/// One draw per lane, and its working memory.
struct Draw {
    plane: Lanes<u32>,
    /// What is sliced into levels.
    value: Lanes<i32>,
    words: [Lanes<u32>; QUAD],
    knot: Lanes<u32>,
    place: Lanes<i32>,
    segment: Lanes<[i32; 2]>,
}

impl Block {
    fn new() -> Self {
        let draw = || Draw {
            plane: [0; BLOCK],
            value: [0; BLOCK],
            words: [[0; BLOCK]; QUAD],
            knot: [0; BLOCK],
            place: [0; BLOCK],
            segment: [[0; 2]; BLOCK],
        };
        Block { row: [0; BLOCK], column: [0; BLOCK], held: [0; BLOCK], draws: [draw(), draw()], kept: [[0; BLOCK]; 2] }
    }

    /// Takes up `entries` of the layer's cells, which stand in `rows`; lanes after the last hold no cell.
    #[inline(always)]
    fn load(&mut self, drawing: &Drawing, entries: Range<usize>, rows: Rows) {
        let layer = drawing.layer;
        for (row, first, lanes) in rows {
            self.row[lanes.clone()].fill(row as u32);
            for (key, column) in self.column[lanes].iter_mut().zip(first..) {
                *key = layer.column_key(column);
            }
        }
        let mut packed = [0; BLOCK];
        packed[..entries.len()].copy_from_slice(&layer.cells[entries]);
        for lane in 0..BLOCK {
            self.held[lane] = packed[lane] >> 16;
        }
        let offset = layer.planes.offset;
        let [first, second] = &mut self.draws;
        for lane in 0..BLOCK {
            let weight = i32::from(packed[lane] as u16 as i16);
            // A pair holds the magnitude in the plane of its sign, and nothing in the other.
            let of_weight = u32::from(weight < 0);
            (first.plane[lane], first.value[lane]) = if offset != 0 {
                (0, weight + offset)
            } else if drawing.pairs_with_off() {
                (of_weight, weight.abs())
            } else {
                (0, weight.max(0))
            };
            (second.plane[lane], second.value[lane]) = (1, -weight.min(0));
        }
    }

    /// The words of four slices.
    #[inline(always)]
    fn draw_words(&mut self, drawing: &Drawing, quad: u32) {
        let (seed, chip, layer) = (drawing.seed, drawing.chip, drawing.layer.layer);
        for Draw { plane, words: [w0, w1, w2, w3], .. } in &mut self.draws[..drawing.draws()] {
            for lane in 0..BLOCK {
                [w0[lane], w1[lane], w2[lane], w3[lane]] = cell_words(seed, chip, Purpose::ProgrammingError, layer, self.row[lane], self.column[lane], plane[lane], quad);
            }
        }
    }

    /// Conductances of one slice; returns how many were cut.
    #[inline(always)]
    fn draw(&mut self, drawing: &Drawing, slice: usize) -> u32 {
        let (bits, mask, saturation) = (drawing.layer.cell_bits, (1u32 << drawing.layer.cell_bits) - 1, drawing.layer.saturation);
        // A lowest level that is fixed is read at its first knot, whatever the word: fewer lines of the cache.
        let off = u32::from(drawing.fixed_off.is_some());
        let mut cut = 0;
        for (Draw { value, words, knot: knots, place: places, segment, .. }, kept) in self.draws[..drawing.draws()].iter_mut().zip(&mut self.kept) {
            let words = &words[slice % QUAD];
            for lane in 0..BLOCK {
                let (knot, place) = knot_and_place(words[lane]);
                let level = (value[lane] >> (slice as u32 * bits)) as u32 & mask;
                knots[lane] = if level < off { 0 } else { level * KNOTS as u32 + knot };
                places[lane] = place;
            }
            for lane in 0..BLOCK {
                segment[lane] = drawing.knots[knots[lane] as usize];
            }
            for lane in 0..BLOCK {
                let [base, rise] = segment[lane];
                let drawn = interpolate(base, rise, places[lane]);
                let cell = drawn.min(saturation);
                let held = (slice as u32) < self.held[lane];
                kept[lane] = if held { cell } else { 0 };
                cut += u32::from(held & (cell != drawn));
            }
        }
        cut
    }

    /// Gives each plane its cell where one was drawn for both; returns how many of the others were cut.
    #[inline(always)]
    fn pair_with_off(&mut self, drawing: &Drawing, slice: usize) -> u32 {
        let fixed = drawing.fixed_off.unwrap_or(0);
        let off = fixed.min(drawing.layer.saturation);
        let [first, second] = &mut self.kept;
        let mut held_lanes = 0;
        for lane in 0..BLOCK {
            let held = (slice as u32) < self.held[lane];
            let (drawn, off) = (first[lane], if held { off } else { 0 });
            let swap = self.draws[0].plane[lane] == 1;
            first[lane] = if swap { off } else { drawn };
            second[lane] = if swap { drawn } else { off };
            held_lanes += u32::from(held);
        }
        if off != fixed { held_lanes } else { 0 }
    }

    /// Writes the squares of the cells of one slice, both planes' where they share a converted column.
    #[inline(always)]
    fn write_squares(&self, layer: &CrossbarLayer, law: &ReadNoiseLaw, slice: usize, rows: Rows, squares: &mut [u32], (first_row, stride): (usize, usize)) {
        for plane in 0..layer.planes.programmed {
            for (row, first, lanes) in rows.clone() {
                let at = (row - first_row) * stride + layer.converted_column(plane.min(layer.planes.converted - 1), slice, first);
                for (square, lane) in squares[at..].iter_mut().zip(lanes) {
                    let held = (slice as u32) < self.held[lane];
                    *square += if held { law.square(self.kept[plane][lane]) } else { 0 };
                }
            }
        }
    }

    /// Leaves the difference of the planes.
    #[inline(always)]
    fn subtract(&mut self) {
        let [first, second] = &mut self.kept;
        for lane in 0..BLOCK {
            first[lane] -= second[lane];
        }
    }
}

/// The rows that a block's lanes stand in: (row, column of the first lane, lanes).
#[derive(Clone)]
struct Rows {
    row: usize,
    column: usize,
    columns: usize,
    lane: usize,
    lanes: usize,
}

impl Rows {
    /// Rows of the entries `entries` of a layer's cells.
    #[inline(always)]
    fn of(entries: Range<usize>, columns: usize) -> Self {
        Rows { row: entries.start / columns, column: entries.start % columns, columns, lane: 0, lanes: entries.len() }
    }
}

impl Iterator for Rows {
    type Item = (usize, usize, Range<usize>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.lane == self.lanes {
            return None;
        }
        let lanes = self.lane..self.lanes.min(self.lane + self.columns - self.column);
        let here = (self.row, self.column, lanes.clone());
        (self.row, self.column, self.lane) = (self.row + 1, 0, lanes.end);
        Some(here)
    }
}
