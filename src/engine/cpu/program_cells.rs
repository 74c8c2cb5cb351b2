//! Draws the conductance of every cell of a layer for one chip. Twin of `shaders/program_cells.wgsl`.
//!
//! Where the planes of a differential pair are subtracted before the conversion, only their difference
//! reaches the bitline's converter, so only the difference is kept: the same integers, half the work.
//!
//! Chips with nothing but a programming error are drawn many cells at a time, in `cell_block`; everything else goes
//! through the planes' cells, in `plane_cells`, to which the tests hold the other.
//!
//! Wires come after everything that changes a cell: plain ones make its conductance an effective one, still plane by
//! plane. Gated cells stay as they are, planes apart: their currents are solved where patterns are known.

use super::cell_block::{Drawing, draw_rows};
use super::plane_cells::{Cell, PlaneCells};
use crate::crossbar::{Converters, CrossbarLayer};
use crate::device::{Effects, QuantileTable};
use crate::rng::ChipKey;
use rayon::prelude::*;

/// Columns are padded to a multiple of this, so that the product works on whole vectors.
pub const COLUMN_ALIGNMENT: usize = 32;

/// Weights that one task draws: some ten microseconds of work.
const WEIGHTS_PER_TASK: usize = 1 << 11;

/// Conductances of one part of a layer, `[row][converted column, padded]`, in units of 2^-F of g_on. Gated cells on
/// wires: `[row][column of cells, padded]`, planes apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cells {
    /// Columns and padding.
    pub stride: usize,
    /// Conductances, or differences of two.
    pub values: Vec<i32>,
    /// Squares of the cells' read noise ([`crate::device::read_noise`]), of both where a value is the difference of two;
    /// empty where reads repeat.
    pub squares: Vec<u32>,
    /// Cells cut at the largest representable conductance.
    pub saturated: u64,
    /// The converters they meet, where those differ from the design.
    pub converters: Option<Converters>,
}

impl Cells {
    /// Columns and padding of `layer`.
    fn stride(layer: &CrossbarLayer) -> usize {
        let columns = if layer.gated().is_some() { layer.programmed_columns() } else { layer.converted_columns() };
        columns.next_multiple_of(COLUMN_ALIGNMENT)
    }

    /// Bytes of the cells of `layer`.
    pub fn bytes(layer: &CrossbarLayer) -> usize {
        let of_cell = size_of::<i32>() * if layer.read_noise.is_some() { 2 } else { 1 };
        layer.rows * Self::stride(layer) * of_cell
    }

    /// Gives the cells' memory back; what was counted stays.
    pub fn forget(&mut self) {
        self.values = Vec::new();
        self.squares = Vec::new();
    }

    /// Zero conductances for `layer`, in the memory of whatever is there.
    pub fn begin(&mut self, layer: &CrossbarLayer) {
        self.stride = Self::stride(layer);
        self.values.clear();
        self.values.resize(layer.rows * self.stride, 0);
        self.squares.clear();
        self.squares.resize(if layer.read_noise.is_some() { self.values.len() } else { 0 }, 0);
        self.saturated = 0;
        self.converters = None;
    }

    /// Some rows at a time: (conductances, squares).
    pub fn some_rows(&mut self, rows: usize) -> impl IndexedParallelIterator<Item = (&mut [i32], &mut [u32])> {
        let (size, count) = ((rows * self.stride).max(1), self.values.len().div_ceil((rows * self.stride).max(1)));
        let squares = self.squares.chunks_mut(size).chain(std::iter::repeat_with(Default::default)).take(count).collect::<Vec<_>>();
        self.values.par_chunks_mut(size).zip(squares)
    }
}

/// Cells of a chip.
pub fn program_cells(layer: &CrossbarLayer, table: &QuantileTable, effects: Option<&Effects>, seed: u64, chip: impl Into<ChipKey>) -> Cells {
    let mut cells = Cells::default();
    reprogram_cells(layer, table, effects, seed, chip.into(), &mut cells);
    cells
}

/// The same in the memory of another chip: fresh memory costs more than the draws.
pub fn reprogram_cells(layer: &CrossbarLayer, table: &QuantileTable, effects: Option<&Effects>, seed: u64, chip: ChipKey, cells: &mut Cells) {
    if effects.is_some() || layer.wires.is_some() {
        return PlaneCells::draw(layer, table, effects, seed, chip).join(layer, cells);
    }
    cells.begin(layer);
    let stride = cells.stride;
    let drawing = Drawing::new(layer, table, seed, chip);
    let rows = WEIGHTS_PER_TASK.div_ceil(layer.columns.max(1));
    let draw = |(task, (out, squares)): (usize, (&mut [i32], &mut [u32]))| {
        let mut saturated = 0;
        draw_rows(&drawing, task * rows, stride, out, squares, &mut saturated);
        saturated
    };
    cells.saturated = cells.some_rows(rows).enumerate().map(draw).sum();
}

/// Cells without random errors.
pub fn nominal_cells(layer: &CrossbarLayer, table: &QuantileTable, effects: Option<&Effects>) -> Cells {
    let nominal: Vec<i32> = table.nominal.iter().map(|&g| effects.map_or(g, |e| e.nominal(g))).collect();
    joined(layer, PlaneCells::given(layer, |cell| nominal[cell.level as usize]))
}

/// Cells of given conductances `[plane][slice][row][output]` in g_on; a reference column is error-free.
pub fn given_cells(layer: &CrossbarLayer, table: &QuantileTable, given: &[f64]) -> Cells {
    let unit = (1u64 << table.fraction_bits) as f64;
    let conductance = |Cell { level, row, column, plane, slice }: Cell| {
        if column == layer.outputs {
            return table.nominal[level as usize];
        }
        let at = ((plane * layer.planes.slices + slice) * layer.rows + row) * layer.outputs + column;
        (given[at] * unit).round_ties_even().clamp(0.0, f64::from(i32::MAX)) as i32
    };
    joined(layer, PlaneCells::given(layer, conductance))
}

fn joined(layer: &CrossbarLayer, planes: PlaneCells) -> Cells {
    let mut cells = Cells::default();
    planes.join(layer, &mut cells);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::*;
    use crate::crossbar::layer::{Build, Weights};
    use crate::device::{fraction_bits, g_off};
    use crate::rng::{PhiloxStream, Purpose, cell_words};
    use rand::RngExt;

    const ENCODINGS: [Encoding; 4] = [
        Encoding::Differential(Subtraction::Analog),
        Encoding::Differential(Subtraction::Digital),
        Encoding::Offset(OffsetRemoval::Digital),
        Encoding::Offset(OffsetRemoval::UnitColumn),
    ];

    /// A layer and its table: random in shape, bits, encoding, device, precision and saturation.
    fn random_layer(rng: &mut PhiloxStream) -> (CrossbarLayer, QuantileTable) {
        let [rows, outputs] = [rng.random_range(1..60), [1, 3, 10, 16, 33, 64, 150][rng.random_range(0..7)]];
        let (cell_bits, dac_bits) = ([1, 1, 1, 2, 3, 5, 8][rng.random_range(0..7)], rng.random_range(1..3));
        let weight_bits = rng.random_range(2..=13u32);
        let device = DeviceConfig {
            on_off_ratio: [None, Some(10.0)][rng.random_range(0..2)],
            fraction_bits: [None, Some(12)][rng.random_range(0..2)],
            programming_error: match rng.random_range(0..4) {
                0 => ProgrammingError::None,
                1 => ProgrammingError::Lognormal { sigma_ln: 0.3, sigma_ln_off: None, clip: false },
                2 => ProgrammingError::NormalProportional { sigma_rel: 0.2, clip: true },
                _ => ProgrammingError::NormalIndependent { sigma_rel: 0.3, clip: false },
            },
            ..DeviceConfig::default()
        };
        let crossbar = CrossbarConfig {
            rows: 128,
            cols: 128,
            ou_wordlines: 9,
            ou_bitlines: 8,
            cell_bits,
            dac_bits,
            row_cut: RowCut::BlockAligned,
            encoding: ENCODINGS[rng.random_range(0..4)],
            digital_layers: DigitalLayers::None,
        };
        let build = Build {
            name: "random",
            layer: rng.random_range(0..100),
            first_output: rng.random_range(0..50),
            weight_bits,
            input_bits: 4,
            crossbar: &crossbar,
            adc: &AdcConfig { bits: AdcBits::Ideal, range: AdcRange::Full },
            g_off: g_off(device.on_off_ratio),
            fraction_bits: fraction_bits(&device, 9, dac_bits),
            calibrated_multiple: 1,
            digital: false,
        };
        let top = (1 << (weight_bits - 1)) - 1;
        let values: Vec<i32> = (0..rows * outputs).map(|_| if rng.random_range(0..4) == 0 { 0 } else { rng.random_range(-top..=top) }).collect();
        // Half of the layers have weights of fewer bits, or none, so that some slices have no cell.
        let kept: Vec<u32> = (0..rows * outputs).map(|_| rng.random_range(0..weight_bits)).collect();
        let ragged = rng.random_range(0..2) == 0;
        let bits = |row: usize, output: usize| if ragged { kept[row * outputs + output] } else { weight_bits - 1 };
        let mut layer = CrossbarLayer::new(&build, &Weights { rows, outputs, values: &values, magnitude_bits: &bits }).expect("a layer");
        match rng.random_range(0..4) {
            0 => layer.saturation = 1 << build.fraction_bits,        // many cells are cut
            1 => layer.saturation = 1 << (build.fraction_bits - 5), // even off cells of a ratio of 10
            _ => {}
        }
        (layer, QuantileTable::new(&device, cell_bits, build.fraction_bits))
    }

    /// Many cells at a time, by both ways, against cell by cell: the same conductances and the same number of cut cells.
    #[test]
    fn blocks_draw_what_cells_draw() {
        let mut rng = PhiloxStream::new(20);
        let mut cut = 0;
        for case in 0..400 {
            let (layer, table) = random_layer(&mut rng);
            let (seed, chip) = (rng.random(), ChipKey::new(rng.random(), case % 2 == 1));
            let cell = |Cell { level, row, column, plane, slice }: Cell| {
                let words = cell_words(seed, chip, Purpose::ProgrammingError, layer.layer, row as u32, layer.column_key(column), plane as u32, slice as u32 / 4);
                table.sample(level, words[slice % 4])
            };
            let planes = PlaneCells::given(&layer, cell);
            assert!(planes == PlaneCells::draw(&layer, &table, None, seed, chip), "case {case}: planes");
            let expected = joined(&layer, planes);
            let drawn = program_cells(&layer, &table, None, seed, chip);
            assert!(drawn == expected, "case {case}: {:?}, {} bits, {} and {} cut", layer.planes, layer.cell_bits, drawn.saturated, expected.saturated);
            cut += expected.saturated;
        }
        assert!(cut > 0);
    }
}
