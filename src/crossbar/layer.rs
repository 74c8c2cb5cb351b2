//! One integer matrix on crossbars: cells, row groups, converted columns, converter. What an engine reads.
//!
//! A *converted column* is one analog column that meets the ADC: (converted plane, slice, output). Analog
//! subtraction merges the two planes of a differential pair before the ADC, so it has half as many.
//! Its index is `(plane * slices + slice) * columns + column`, the output fastest.

use super::adc::{Conversion, Sums};
use super::layout::Layout;
use super::mapping::row_groups;
use super::wires::Wires;
use crate::config::{AdcConfig, CrossbarConfig, Encoding, OffsetRemoval, Subtraction, WireTopology};
use crate::device::{ReadNoiseLaw, saturation};
use crate::error::Result;
use std::sync::Arc;

/// Planes and slices of an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planes {
    /// Planes of cells that are programmed.
    pub programmed: usize,
    /// Planes that are converted on their own.
    pub converted: usize,
    /// Cells per weight and plane.
    pub slices: usize,
    /// What is added to a weight before it is sliced (offset encoding), else 0.
    pub offset: i32,
    /// True where the offset current is taken away by a reference column.
    pub reference_column: bool,
    /// True where it is computed from the sum of the inputs.
    pub input_sum: bool,
}

impl Planes {
    /// Planes of weights with `weight_bits` bits, sign included.
    pub fn new(encoding: Encoding, weight_bits: u32, cell_bits: u32) -> Self {
        match encoding {
            Encoding::Differential(subtraction) => Planes {
                programmed: 2,
                converted: if subtraction == Subtraction::Analog { 1 } else { 2 },
                slices: (weight_bits - 1).div_ceil(cell_bits) as usize,
                offset: 0,
                reference_column: false,
                input_sum: false,
            },
            Encoding::Offset(removal) => Planes {
                programmed: 1,
                converted: 1,
                slices: weight_bits.div_ceil(cell_bits) as usize,
                offset: 1 << (weight_bits - 1),
                reference_column: removal == OffsetRemoval::UnitColumn,
                input_sum: removal == OffsetRemoval::Digital,
            },
        }
    }

    /// True where planes are subtracted before the conversion, so that a sum can be negative.
    pub fn signed(&self) -> bool {
        self.programmed == 2 && self.converted == 1
    }
}

/// Integer weights `[output][row]` and how many magnitude bits each keeps.
pub struct Weights<'a> {
    /// Rows of the matrix (inputs).
    pub rows: usize,
    /// Columns of the matrix (outputs).
    pub outputs: usize,
    /// `[output][row]`.
    pub values: &'a [i32],
    /// Magnitude bits of the weight at (row, output).
    pub magnitude_bits: &'a (dyn Fn(usize, usize) -> u32 + Sync),
}

/// A matrix on crossbars.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossbarLayer {
    /// Name of the layer.
    pub name: String,
    /// Number of the layer in a cell's random key.
    pub layer: u32,
    /// Column of the first output in a cell's random key (channel groups of a layer share a number).
    pub first_output: u32,
    /// Rows.
    pub rows: usize,
    /// Outputs.
    pub outputs: usize,
    /// Outputs and, where there is one, the reference column after them.
    pub columns: usize,
    /// Planes and slices.
    pub planes: Planes,
    /// Bits of a cell.
    pub cell_bits: u32,
    /// Bits of an input step.
    pub dac_bits: u32,
    /// Steps in which an input is applied.
    pub input_steps: u32,
    /// Row groups `[start, end)`.
    pub groups: Vec<[u32; 2]>,
    /// `[row][column]`: low 16 bits the weight (two's complement), high 16 bits the number of slices that have a cell.
    pub cells: Vec<u32>,
    /// `[group][converted column]`: what a code counts, +-2^(slice cell_bits); 0 where no conversion is made.
    pub column_weights: Vec<i32>,
    /// Where cells sit.
    pub layout: Layout,
    /// The wires that they hang on; `None` where those have no resistance.
    pub wires: Option<Wires>,
    /// The converter.
    pub conversion: Conversion,
    /// What sums can be.
    pub sums: Sums,
    /// Largest conductance a cell can have, in units of 2^-F.
    pub saturation: i32,
    /// True for a layer that is computed digitally: cells and converter are ideal, nothing is counted.
    pub digital: bool,
    /// What reads add, if they differ.
    pub read_noise: Option<Arc<ReadNoiseLaw>>,
}

/// What a layer is built from besides its weights.
pub struct Build<'a> {
    /// Name of the layer.
    pub name: &'a str,
    /// Number in a cell's random key.
    pub layer: u32,
    /// Column of the first output in a cell's random key.
    pub first_output: u32,
    /// Bits of a weight, sign included.
    pub weight_bits: u32,
    /// Bits of an input.
    pub input_bits: u32,
    /// Geometry and encoding.
    pub crossbar: &'a CrossbarConfig,
    /// Converter.
    pub adc: &'a AdcConfig,
    /// g_off / g_on.
    pub g_off: f64,
    /// Fraction bits of a conductance.
    pub fraction_bits: u32,
    /// Step of a calibrated converter, in level steps.
    pub calibrated_multiple: u64,
    /// Computed digitally.
    pub digital: bool,
}

impl CrossbarLayer {
    /// Lays `weights` out. Refuses a converter that the encoding cannot use.
    pub fn new(build: &Build, weights: &Weights) -> Result<Self> {
        let c = build.crossbar;
        let planes = Planes::new(c.encoding, build.weight_bits, c.cell_bits);
        let sums = Sums::new(c.ou_wordlines, c.cell_bits, c.dac_bits, build.g_off, build.fraction_bits, planes.signed());
        let columns = weights.outputs + usize::from(planes.reference_column);
        let mut layer = CrossbarLayer {
            name: build.name.to_string(),
            layer: build.layer,
            first_output: build.first_output,
            rows: weights.rows,
            outputs: weights.outputs,
            columns,
            planes,
            cell_bits: c.cell_bits,
            dac_bits: c.dac_bits,
            input_steps: build.input_bits.div_ceil(c.dac_bits),
            groups: row_groups(weights.rows, c.rows, c.ou_wordlines, c.row_cut),
            cells: Vec::with_capacity(weights.rows * columns),
            column_weights: Vec::new(),
            layout: Layout::new(c, &planes),
            wires: None,
            conversion: Conversion::new(build.adc, &sums, build.calibrated_multiple)?,
            sums,
            saturation: saturation(c.ou_wordlines, c.dac_bits) as i32,
            digital: build.digital,
            read_noise: None,
        };
        for row in 0..weights.rows {
            for output in 0..columns {
                // The reference column holds weight 0: the offset, and nothing but the offset.
                let (value, held) = if output == weights.outputs {
                    (0, planes.slices as u32)
                } else {
                    let bits = (weights.magnitude_bits)(row, output);
                    let held = if planes.offset != 0 { planes.slices as u32 } else { bits.div_ceil(c.cell_bits) };
                    (weights.values[output * weights.rows + row], held)
                };
                layer.cells.push(held << 16 | (value as u32 & 0xffff));
            }
        }
        layer.column_weights = layer.weigh_columns(c.ou_bitlines);
        Ok(layer)
    }

    /// The same on these wires; a layer that is computed digitally has none.
    pub fn with_wires(self, wires: Option<Wires>) -> Self {
        CrossbarLayer { wires: wires.filter(|_| !self.digital), ..self }
    }

    /// The wires of gated cells, whose currents depend on the whole pattern of driven rows and so cannot be added up.
    pub fn gated(&self) -> Option<&Wires> {
        self.wires.as_ref().filter(|wires| wires.topology == WireTopology::Gated)
    }

    /// The same layer with read noise, unless it is computed digitally.
    pub fn with_read_noise(self, law: Option<&Arc<ReadNoiseLaw>>) -> Self {
        CrossbarLayer { read_noise: law.filter(|_| !self.digital).cloned(), ..self }
    }

    /// A conversion is made for a slice if any cell of the operation unit has that slice.
    fn weigh_columns(&self, ou_bitlines: usize) -> Vec<i32> {
        let mut weights = vec![0; self.groups.len() * self.converted_columns()];
        for (group, rows) in self.groups.iter().enumerate() {
            for first in (0..self.columns).step_by(ou_bitlines) {
                let unit = first..(first + ou_bitlines).min(self.columns);
                let held = (rows[0] as usize..rows[1] as usize)
                    .flat_map(|row| unit.clone().map(move |column| self.cells[row * self.columns + column] >> 16))
                    .max()
                    .unwrap_or(0);
                for plane in 0..self.planes.converted {
                    for slice in 0..(held as usize).min(self.planes.slices) {
                        for column in unit.clone() {
                            let p = self.converted_column(plane, slice, column);
                            let value = 1 << (slice as u32 * self.cell_bits);
                            weights[group * self.converted_columns() + p] = if plane == 1 { -value } else { value };
                        }
                    }
                }
            }
        }
        weights
    }

    /// Analog columns that meet the ADC.
    pub fn converted_columns(&self) -> usize {
        self.planes.converted * self.planes.slices * self.columns
    }

    /// Columns of cells: as [`Self::converted_columns`], but with every programmed plane.
    pub fn programmed_columns(&self) -> usize {
        self.planes.programmed * self.planes.slices * self.columns
    }

    /// Index of a converted column, and of a column of cells where `plane` is a programmed one.
    pub fn converted_column(&self, plane: usize, slice: usize, column: usize) -> usize {
        (plane * self.planes.slices + slice) * self.columns + column
    }

    /// Values accumulated per position: one per column and, for digital offset removal, the sum of the inputs.
    pub fn accumulators(&self) -> usize {
        self.columns + usize::from(self.planes.input_sum)
    }

    /// Crossbars along the rows.
    pub fn crossbars_along_rows(&self) -> usize {
        self.rows.div_ceil(self.layout.wordlines).max(1)
    }

    /// The crossbar along the rows that a row group lies on.
    pub fn crossbar_of_group(&self, group: usize) -> usize {
        self.layout.wordline(self.groups[group][0] as usize).crossbar
    }

    /// The column's part of a cell's random key.
    #[inline]
    pub fn column_key(&self, column: usize) -> u32 {
        if column == self.outputs { crate::rng::REFERENCE_COLUMN } else { self.first_output + column as u32 }
    }

    /// The converted column's part of the key of read noise: a number of its own within the layer. The reference columns
    /// of channel groups are read apart, though they are one column of cells.
    pub fn read_key(&self, converted: usize) -> u32 {
        let (slot, column) = (converted / self.columns, converted % self.columns);
        let (plane, slice) = (slot / self.planes.slices, slot % self.planes.slices);
        let reference = u32::from(column == self.outputs);
        reference << 31 | (self.first_output + column as u32) << 5 | (plane as u32) << 4 | slice as u32
    }

    /// Level of the cell of `packed` (an entry of [`Self::cells`]) in `plane` and `slice`; `None` where there is no cell.
    ///
    /// Mirror: `cell_level` in `shaders/program_cells.wgsl`.
    #[inline]
    pub fn level(&self, packed: u32, plane: usize, slice: usize) -> Option<u32> {
        if slice as u32 >= packed >> 16 {
            return None;
        }
        let weight = i32::from(packed as u16 as i16);
        let value = if self.planes.offset != 0 {
            weight + self.planes.offset
        } else if (weight < 0) == (plane == 1) {
            weight.abs()
        } else {
            0
        };
        Some((value >> (slice as u32 * self.cell_bits)) as u32 & ((1 << self.cell_bits) - 1))
    }

    /// Conversions made for one input vector.
    pub fn conversions(&self) -> u64 {
        self.column_weights.iter().filter(|&&w| w != 0).count() as u64 * u64::from(self.input_steps)
    }

    /// Per output: the sum over all conversions of what a code counts. An ADC whose zero level is not zero
    /// adds this many times its offset.
    pub fn conversion_weight(&self, output: usize) -> i64 {
        self.weigh(output, i64::from)
    }

    /// The largest sum of magnitudes of what codes count, over the columns.
    pub fn largest_conversion_weight(&self) -> i64 {
        (0..self.columns).map(|column| self.weigh(column, |w| i64::from(w.abs()))).max().unwrap_or(0)
    }

    fn weigh(&self, column: usize, value: impl Fn(i32) -> i64) -> i64 {
        let steps: i64 = (0..self.input_steps).map(|t| 1i64 << (t * self.dac_bits)).sum();
        steps * self.column_weights.iter().skip(column).step_by(self.columns).map(|&w| value(w)).sum::<i64>()
    }
}
