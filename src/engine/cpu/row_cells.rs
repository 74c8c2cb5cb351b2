//! Cells with effects beside their programming error, drawn a row at a time. Long because the plain way to one cell, which
//! the tests compare with, stands beside it.
//!
//! Effects come in the order of [`Effects`]; each is a plain loop over the columns of a row, since those are what a
//! compiler turns into vector instructions.

use super::simd::multiversion;
use crate::config::Clustering;
use crate::crossbar::CrossbarLayer;
use crate::device::effects::{FACTOR_BITS, times};
use crate::device::{Effects, KNOTS, QuantileTable, interpolate, knot_and_place, spread};
use crate::rng::{ChipKey, Purpose, cell_words};
use std::ops::Range;

/// Columns drawn together.
const LANES: usize = 64;
/// Cells that one Philox block serves.
const QUAD: usize = 4;

/// What the cells of a layer on one chip have in common.
pub struct CellsOfChip<'a> {
    layer: &'a CrossbarLayer,
    table: &'a QuantileTable,
    effects: Option<&'a Effects>,
    seed: u64,
    key: ChipKey,
    /// Per row, where there is spread.
    row_factors: Vec<u32>,
    /// `[crossbar along the rows][plane][slice][column]`, where there is spread.
    bitline_factors: Vec<u32>,
    /// Words of lines that are stuck together: `[row][crossbar along the columns]`, or as the bitline factors.
    line_words: Vec<u32>,
    /// `[plane][slice][column]`: crossbar along the columns, where wordlines are stuck together.
    bitline_crossbars: Vec<u32>,
    /// Crossbars along the columns.
    crossbars: usize,
}

impl<'a> CellsOfChip<'a> {
    /// The cells of `layer` on a chip.
    pub fn new(layer: &'a CrossbarLayer, table: &'a QuantileTable, effects: Option<&'a Effects>, seed: u64, key: ChipKey) -> Self {
        let mut chip = CellsOfChip {
            layer,
            table,
            effects,
            seed,
            key,
            row_factors: Vec::new(),
            bitline_factors: Vec::new(),
            line_words: Vec::new(),
            bitline_crossbars: Vec::new(),
            crossbars: 0,
        };
        let Some(effects) = effects else { return chip };
        let layout = &layer.layout;
        if let Some(of) = &effects.spread {
            let variates = Effects::chip(seed, key);
            chip.row_factors = (0..layer.rows).map(|row| spread::row_factor(of, &variates, layout.wordline(row).line, layout.wordlines)).collect();
            let own = |word: u32| effects.column_factors.as_ref().map_or(1 << FACTOR_BITS, |factors| factors.sample(0, word) as u32);
            let factor = |plane, slice, column, word| spread::bitline_factor(of, &variates, own(word), layout.bitline(plane, slice, column).line, layout.bitlines);
            chip.bitline_factors = chip.bitline_words(Purpose::ColumnSpread, factor);
        }
        match effects.stuck_at {
            Some((_, Clustering::Columns)) => chip.line_words = chip.bitline_words(Purpose::StuckAt, |_, _, _, word| word),
            Some((_, Clustering::Rows)) => {
                let planes = &layer.planes;
                let places = (0..planes.programmed).flat_map(|p| (0..planes.slices).flat_map(move |s| (0..layer.columns).map(move |c| layout.bitline(p, s, c).crossbar as u32)));
                chip.bitline_crossbars = places.collect();
                chip.crossbars = chip.bitline_crossbars.iter().max().map_or(0, |&last| last as usize + 1);
                let word = |row, crossbar| line_words(seed, key, layer, row, crossbar)[0];
                chip.line_words = (0..layer.rows as u32).flat_map(|row| (0..chip.crossbars as u32).map(move |crossbar| word(row, crossbar))).collect();
            }
            _ => {}
        }
        chip
    }

    /// Something for every bitline, `[crossbar along the rows][plane][slice][column]`, from its word.
    fn bitline_words(&self, purpose: Purpose, of: impl Fn(usize, usize, usize, u32) -> u32) -> Vec<u32> {
        let (layer, planes) = (self.layer, &self.layer.planes);
        let crossbars = layer.crossbars_along_rows();
        let mut out = Vec::with_capacity(crossbars * planes.programmed * planes.slices * layer.columns);
        for crossbar in 0..crossbars {
            for (plane, slice) in (0..planes.programmed).flat_map(|p| (0..planes.slices).map(move |s| (p, s))) {
                for column in 0..layer.columns {
                    let words = cell_words(self.seed, self.key, purpose, layer.layer, crossbar as u32, layer.column_key(column), plane as u32, (slice / QUAD) as u32);
                    out.push(of(plane, slice, column, words[slice % QUAD]));
                }
            }
        }
        out
    }
}

/// The words of a wordline of a crossbar. Channel groups have crossbars of their own.
fn line_words(seed: u64, key: ChipKey, layer: &CrossbarLayer, row: u32, crossbar: u32) -> [u32; 4] {
    cell_words(seed, key, Purpose::StuckAt, layer.layer, row, layer.first_output, crossbar >> 8, crossbar & 0xff)
}

/// Words of the four slices of a quad, per lane.
type Words = [[u32; LANES]; QUAD];

multiversion! {
    /// Draws the rows from `first_row` on, `[row][plane][slice][column]`.
    pub fn draw_rows(chip: &CellsOfChip, first_row: usize, out: &mut [i32]) = draw_rows_inlined
}

#[inline(always)]
fn draw_rows_inlined(chip: &CellsOfChip, first_row: usize, out: &mut [i32]) {
    let (layer, planes) = (chip.layer, &chip.layer.planes);
    let of_row = planes.programmed * planes.slices * layer.columns;
    let mut words = [[0; LANES]; QUAD];
    let mut values = [[0; LANES]; QUAD];
    for (row, out) in (first_row..).zip(out.chunks_exact_mut(of_row.max(1))) {
        for (plane, quad) in (0..planes.programmed).flat_map(|p| (0..planes.slices.div_ceil(QUAD)).map(move |q| (p, q))) {
            let slices = quad * QUAD..planes.slices.min((quad + 1) * QUAD);
            for first in (0..layer.columns).step_by(LANES) {
                let place = Place { row, plane, slices: slices.clone(), first, lanes: LANES.min(layer.columns - first) };
                place.draw_words(chip, Purpose::ProgrammingError, &mut words);
                place.write(chip, &words, &mut values);
                if let Some(effects) = chip.effects {
                    place.apply(chip, effects, &mut words, &mut values);
                }
                for (i, slice) in place.slices.clone().enumerate() {
                    let out = &mut out[(plane * planes.slices + slice) * layer.columns + first..][..place.lanes];
                    let held = &layer.cells[row * layer.columns + first..][..place.lanes];
                    for lane in 0..place.lanes {
                        out[lane] = if (slice as u32) < held[lane] >> 16 { values[i][lane] } else { 0 };
                    }
                }
            }
        }
    }
}

/// Some columns of a row in a plane, and up to four slices.
struct Place {
    row: usize,
    plane: usize,
    slices: Range<usize>,
    first: usize,
    lanes: usize,
}

impl Place {
    #[inline(always)]
    fn draw_words(&self, chip: &CellsOfChip, purpose: Purpose, words: &mut Words) {
        let layer = chip.layer;
        let [w0, w1, w2, w3] = words;
        let quad = (self.slices.start / QUAD) as u32;
        let mut keys = [0; LANES];
        for lane in 0..self.lanes {
            keys[lane] = layer.column_key(self.first + lane);
        }
        for lane in 0..LANES {
            [w0[lane], w1[lane], w2[lane], w3[lane]] = cell_words(chip.seed, chip.key, purpose, layer.layer, self.row as u32, keys[lane], self.plane as u32, quad);
        }
    }

    /// Cells as they are written.
    #[inline(always)]
    fn write(&self, chip: &CellsOfChip, words: &Words, values: &mut [[i32; LANES]; QUAD]) {
        let layer = chip.layer;
        let packed = &layer.cells[self.row * layer.columns + self.first..][..self.lanes];
        let mask = (1u32 << layer.cell_bits) - 1;
        let mut held = [0i32; LANES];
        for lane in 0..self.lanes {
            let weight = i32::from(packed[lane] as u16 as i16);
            held[lane] = if layer.planes.offset != 0 {
                weight + layer.planes.offset
            } else if self.plane == 1 {
                -weight.min(0)
            } else {
                weight.max(0)
            };
        }
        for (i, slice) in self.slices.clone().enumerate() {
            let (mut knots, mut places, mut segments) = ([0u32; LANES], [0i32; LANES], [[0i32; 2]; LANES]);
            for lane in 0..LANES {
                let (knot, place) = knot_and_place(words[i][lane]);
                let level = (held[lane] >> (slice as u32 * layer.cell_bits)) as u32 & mask;
                knots[lane] = level * KNOTS as u32 + knot;
                places[lane] = place;
            }
            for lane in 0..self.lanes {
                segments[lane] = chip.table.knots[knots[lane] as usize];
            }
            for lane in 0..LANES {
                values[i][lane] = interpolate(segments[lane][0], segments[lane][1], places[lane]);
            }
        }
    }

    /// What befalls them beside and after that.
    #[inline(always)]
    fn apply(&self, chip: &CellsOfChip, effects: &Effects, words: &mut Words, values: &mut [[i32; LANES]; QUAD]) {
        if effects.spread.is_some() {
            let row_factor = chip.row_factors[self.row];
            for (i, slice) in self.slices.clone().enumerate() {
                let factors = &chip.bitline_factors[self.bitline(chip, slice)..][..self.lanes];
                for lane in 0..self.lanes {
                    values[i][lane] = times(times(values[i][lane], row_factor), factors[lane]);
                }
            }
        }
        if let Some(changes) = &effects.relaxation {
            self.draw_words(chip, Purpose::Relaxation, words);
            for (words, values) in words.iter().zip(values.iter_mut()) {
                for lane in 0..self.lanes {
                    values[lane] = values[lane].saturating_add(changes.sample(0, words[lane])).max(0);
                }
            }
        }
        if let Some(drift) = &effects.drift {
            match &drift.factors {
                None => values.iter_mut().flatten().for_each(|value| *value = times(*value, drift.median)),
                Some(factors) => {
                    self.draw_words(chip, Purpose::Drift, words);
                    for (words, values) in words.iter().zip(values.iter_mut()) {
                        for lane in 0..self.lanes {
                            values[lane] = times(values[lane], factors.sample(0, words[lane]) as u32);
                        }
                    }
                }
            }
        }
        if let Some((stuck, clustering)) = &effects.stuck_at {
            if *clustering == Clustering::None {
                self.draw_words(chip, Purpose::StuckAt, words);
            } else {
                for (i, slice) in self.slices.clone().enumerate() {
                    for lane in 0..self.lanes {
                        words[i][lane] = self.line_word(chip, *clustering, slice, lane);
                    }
                }
            }
            for (words, values) in words.iter().zip(values.iter_mut()) {
                for lane in 0..self.lanes {
                    values[lane] = stuck.conductance(values[lane], words[lane]);
                }
            }
        }
    }

    /// The word of the line that a cell is stuck with.
    #[inline(always)]
    fn line_word(&self, chip: &CellsOfChip, clustering: Clustering, slice: usize, lane: usize) -> u32 {
        if clustering == Clustering::Columns {
            return chip.line_words[self.bitline(chip, slice) + lane];
        }
        let planes = &chip.layer.planes;
        let crossbar = chip.bitline_crossbars[(self.plane * planes.slices + slice) * chip.layer.columns + self.first + lane];
        chip.line_words[self.row * chip.crossbars + crossbar as usize]
    }

    /// Index of the first lane's bitline in what is kept per bitline.
    #[inline(always)]
    fn bitline(&self, chip: &CellsOfChip, slice: usize) -> usize {
        let planes = &chip.layer.planes;
        let crossbar = chip.layer.layout.wordline(self.row).crossbar;
        ((crossbar * planes.programmed + self.plane) * planes.slices + slice) * chip.layer.columns + self.first
    }
}

#[cfg(test)]
mod tests {
    use super::super::plane_cells::{Cell, PlaneCells};
    use super::*;
    use crate::config::{self, Overrides, PointConfig};
    use crate::crossbar::layer::{Build, Weights};
    use crate::device::{fraction_bits, g_off};
    use crate::rng::PhiloxStream;
    use rand::RngExt;

    fn random_point(rng: &mut PhiloxStream) -> PointConfig {
        let mut pick = |values: &[&str]| values[rng.random_range(0..values.len())].to_string();
        let text = format!(
            "[quantization]\nweight_bits = {}\n[crossbar]\nrows = 20\ncols = 20\nou_wordlines = 9\nou_bitlines = 4\ncell_bits = {}\n{}\n[device]\non_off_ratio = {}\ntime_s = 1e4\nprogramming_error = {}\n\
             relaxation = {{ sigma_rel = {} }}\nspread = {{ sigma_chip_ln = {}, sigma_column_ln = {}, sigma_gradient_ln = {} }}\ndrift = {{ nu = {}, sigma_nu = {} }}\nstuck_at = {{ on_frac = {}, off_frac = 0.1, clustering = \"{}\" }}\n",
            pick(&["2", "5", "8", "9"]),
            pick(&["1", "1", "2"]),
            pick(&["encoding = \"differential\"", "encoding = \"offset\"", "encoding = \"offset\"\noffset_removal = \"unit-column\""]),
            pick(&["\"infinite\"", "10"]),
            pick(&["{ law = \"none\" }", "{ law = \"lognormal\", sigma_ln = 0.2, sigma_ln_off = 0.5 }", "{ law = \"write-verify\", sigma_rel = 0.1, tolerance_rel = 0.05, attempts = 3 }"]),
            pick(&["0.0", "0.05"]),
            pick(&["0.0", "0.1"]),
            pick(&["0.0", "0.1"]),
            pick(&["0.0", "0.1"]),
            pick(&["0.0", "0.05"]),
            pick(&["0.0", "0.02"]),
            pick(&["0.0", "0.02"]),
            pick(&["none", "rows", "columns"]),
        );
        config::parse_mvm(&text, "test", &Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{text}"))
    }

    /// One cell, as the text says it: a draw, then effect after effect.
    fn one_cell(layer: &CrossbarLayer, table: &QuantileTable, effects: &Effects, seed: u64, trial: ChipKey, cell: &Cell) -> i32 {
        let (row, key, plane, quad) = (cell.row as u32, layer.column_key(cell.column), cell.plane as u32, cell.slice as u32 / 4);
        let word = |purpose, row, key, plane, quad| cell_words(seed, trial, purpose, layer.layer, row, key, plane, quad)[cell.slice % 4];
        let (wordline, bitline) = (layer.layout.wordline(cell.row), layer.layout.bitline(cell.plane, cell.slice, cell.column));
        let mut g = table.sample(cell.level, word(Purpose::ProgrammingError, row, key, plane, quad));
        if let Some(s) = &effects.spread {
            let chip = Effects::chip(seed, trial);
            let word = word(Purpose::ColumnSpread, wordline.crossbar as u32, key, plane, quad);
            let own = effects.column_factors.as_ref().map_or(1 << FACTOR_BITS, |factors| factors.sample(0, word) as u32);
            g = times(g, spread::row_factor(s, &chip, wordline.line, layer.layout.wordlines));
            g = times(g, spread::bitline_factor(s, &chip, own, bitline.line, layer.layout.bitlines));
        }
        if let Some(r) = &effects.relaxation {
            g = (g + r.sample(0, word(Purpose::Relaxation, row, key, plane, quad))).max(0);
        }
        if let Some(d) = &effects.drift {
            g = times(g, d.factors.as_ref().map_or(d.median, |f| f.sample(0, word(Purpose::Drift, row, key, plane, quad)) as u32));
        }
        if let Some((stuck, clustering)) = &effects.stuck_at {
            let word = match clustering {
                Clustering::None => word(Purpose::StuckAt, row, key, plane, quad),
                Clustering::Rows => line_words(seed, trial, layer, row, bitline.crossbar as u32)[0],
                Clustering::Columns => word(Purpose::StuckAt, wordline.crossbar as u32, key, plane, quad),
            };
            g = stuck.conductance(g, word);
        }
        g
    }

    #[test]
    fn rows_draw_what_cells_draw() {
        let mut rng = PhiloxStream::new(31);
        let mut with_effects = 0;
        for case in 0..300 {
            let point = random_point(&mut rng);
            let [rows, outputs] = [rng.random_range(1..50), [1, 3, 16, 70, 150][rng.random_range(0..5)]];
            let bits = point.quantization.weight_bits;
            let top = (1 << (bits - 1)) - 1;
            let values: Vec<i32> = (0..rows * outputs).map(|_| rng.random_range(-top..=top)).collect();
            let build = Build {
                name: "random",
                layer: rng.random_range(0..100),
                first_output: rng.random_range(0..50),
                weight_bits: bits,
                input_bits: 4,
                crossbar: &point.crossbar,
                adc: &point.adc,
                g_off: g_off(point.device.on_off_ratio),
                fraction_bits: fraction_bits(&point.device, 9, 1),
                calibrated_multiple: 1,
                digital: false,
            };
            let layer = CrossbarLayer::new(&build, &Weights { rows, outputs, values: &values, magnitude_bits: &|_, _| bits - 1 }).unwrap();
            let table = QuantileTable::new(&point.device, layer.cell_bits, build.fraction_bits);
            let effects = Effects::new(&point.device, &table).unwrap();
            let (seed, trial) = (rng.random(), ChipKey::new(rng.random(), case % 2 == 1));
            let drawn = PlaneCells::draw(&layer, &table, Some(&effects), seed, trial);
            let expected = PlaneCells::given(&layer, |cell| one_cell(&layer, &table, &effects, seed, trial, &cell));
            assert!(drawn == expected, "case {case}: {point:?}");
            with_effects += usize::from(effects.spread.is_some() && effects.relaxation.is_some() && effects.drift.is_some());
        }
        assert!(with_effects > 50);
    }
}
