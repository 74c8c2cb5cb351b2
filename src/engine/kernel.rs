//! Which kernel computes a layer's product. All give the same integers; they differ in what they cost. With read noise one
//! kernel is left: that of its model.

use super::cpu::lanes::rows::MOST_ROWS;
use super::cpu::noise::look_up_flips::MOST_UNITS as MOST_UNITS_THAT_FLIP;
use super::units::{Block, of_groups, within_groups};
use crate::config::ReadNoiseModel;
use crate::crossbar::{Conversion, CrossbarLayer};
use crate::error::{Error, Result as Checked};
use std::fmt;
use std::str::FromStr;

/// A way to compute a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Conductances of the driven rows are added and converted, one pattern at a time. No tables.
    Direct,
    /// A table of codes per row group: every pattern's shift-and-add over the slices, ADC included.
    Table,
    /// Tables of partial sums of some rows each, added before the conversion.
    Split,
}

/// Most pattern bits of a table of codes: 4096 rows of 64 bytes.
pub const MOST_CODE_BITS: u32 = 12;
/// Pattern bits of a table of partial sums, where the group has as many and a block holds the tables of all its rows.
const MOST_SUM_BITS: u32 = 8;
/// Row groups that share a block of tables of codes: 256 KiB at 9 rows, half of a usual L2 cache.
const MOST_UNITS: usize = 8;

/// Rows of 448 bytes of a block of tables of codes that flip, where groups are low enough: 448 KiB.
const FLIP_ROWS: usize = 1 << 10;

/// Nanoseconds on one core of a 4 GHz Sapphire Rapids with AVX-512, fitted to what `bwq bench` measures (the table in
/// `results/speed`): only their ratios matter.
mod cost {
    /// Build one row of a table of codes, per slice.
    pub const CODE_ROW: f64 = 5.0;
    /// Look one row of codes up.
    pub const CODE_LOOK_UP: f64 = 0.5;
    /// Begin a table of partial sums: gather its cells.
    pub const SUM_TABLE: f64 = 200.0;
    /// Build one row of it.
    pub const SUM_ROW: f64 = 1.7;
    /// Look one row of partial sums up.
    pub const SUM_LOOK_UP: f64 = 0.5;
    /// Convert 16 sums.
    pub const CONVERSION: f64 = 0.5;
    /// Add one row's 16 conductances.
    pub const DIRECT_ADD: f64 = 1.3;
    /// Convert 16 sums on the direct way.
    pub const DIRECT_CONVERSION: f64 = 6.0;
    /// Go down one row of 16 gated columns.
    pub const GATED_ROW: f64 = 20.0;
    /// Draw the errors of 16 conversions.
    pub const READ_ERRORS: f64 = 17.0;
    /// Build one row of a table of codes that flip, per slice.
    pub const FLIP_ROW: f64 = 70.0;
    /// Look one up.
    pub const FLIP_LOOK_UP: f64 = 6.0;
}

impl Kernel {
    /// All, in the order of their help.
    pub const ALL: [Kernel; 3] = [Kernel::Direct, Kernel::Table, Kernel::Split];

    /// The kernel with the least expected time for `vectors` input vectors per chip.
    pub fn cheapest(layer: &CrossbarLayer, vectors: usize) -> Self {
        let able = Kernel::ALL.into_iter().filter(|k| k.can(layer));
        able.min_by(|a, b| a.seconds(layer, vectors).total_cmp(&b.seconds(layer, vectors))).unwrap_or(Kernel::Direct)
    }

    /// `wanted` if it can compute this layer, else the cheapest.
    pub fn choose(wanted: Option<Kernel>, layer: &CrossbarLayer, vectors: usize) -> Self {
        wanted.filter(|k| k.can(layer)).unwrap_or_else(|| Kernel::cheapest(layer, vectors))
    }

    /// True if this kernel can compute the layer.
    pub fn can(self, layer: &CrossbarLayer) -> bool {
        let rows = tallest(layer);
        // A model of read noise has one kernel: another would give other numbers.
        if let Some(noise) = &layer.read_noise {
            match (noise.model, self) {
                (ReadNoiseModel::Exact, Kernel::Direct) => return true,
                (ReadNoiseModel::Flips, Kernel::Table) => {}
                _ => return false,
            }
        }
        match self {
            Kernel::Direct => true,
            Kernel::Table => rows as u32 * layer.dac_bits <= MOST_CODE_BITS && units_at_once(layer) > 0 && fits_32_bits(layer),
            // Currents of gated cells do not add up.
            Kernel::Split => layer.gated().is_none() && sum_bits(layer).is_some() && fits_32_bits(layer),
        }
    }

    /// What the CPU looks up before it writes back; nothing for a kernel without tables.
    pub fn blocks(self, layer: &CrossbarLayer) -> Vec<Block> {
        match self {
            Kernel::Direct => Vec::new(),
            Kernel::Table => of_groups(layer, units_at_once(layer)),
            Kernel::Split => within_groups(layer, sum_bits(layer).unwrap_or(layer.dac_bits)),
        }
    }

    /// Expected seconds on one core of the machine the model was measured on, for one chip and `vectors` input vectors.
    pub fn seconds(self, layer: &CrossbarLayer, vectors: usize) -> f64 {
        let rows = tallest(layer);
        let patterns = (vectors * layer.input_steps as usize) as f64;
        let groups = layer.groups.len() as f64;
        let slices = (layer.planes.converted * layer.planes.slices) as f64;
        let halves = layer.columns.div_ceil(16) as f64;
        let nanoseconds = match self {
            Kernel::Table => {
                let table_rows = f64::from(1u32 << (rows as u32 * layer.dac_bits).min(20));
                let (row, look_up) = if layer.read_noise.is_some() { (cost::FLIP_ROW, cost::FLIP_LOOK_UP) } else { (cost::CODE_ROW, cost::CODE_LOOK_UP) };
                groups * layer.columns.div_ceil(32) as f64 * (table_rows * slices * row + patterns * look_up)
            }
            Kernel::Split => {
                let bits = sum_bits(layer).unwrap_or(MOST_SUM_BITS);
                let units = rows.div_ceil((bits / layer.dac_bits).max(1) as usize) as f64;
                let table = cost::SUM_TABLE + f64::from(1u32 << bits.min(rows as u32 * layer.dac_bits)) * cost::SUM_ROW;
                groups * slices * halves * (units * table + patterns * (units * cost::SUM_LOOK_UP + cost::CONVERSION))
            }
            Kernel::Direct => {
                let errors = if layer.read_noise.is_some() { cost::READ_ERRORS } else { 0.0 };
                groups * slices * halves * patterns * (rows as f64 / 2.0 * cost::DIRECT_ADD + cost::DIRECT_CONVERSION + errors)
            }
        };
        (nanoseconds + self.solution(layer, patterns)) * 1e-9
    }

    /// Nanoseconds to solve patterns of gated cells, each once: from the pattern that is a row shorter, or for itself.
    fn solution(self, layer: &CrossbarLayer, patterns: f64) -> f64 {
        if layer.gated().is_none() {
            return 0.0;
        }
        let rows = tallest(layer);
        let all = f64::from(1u32 << rows.min(20));
        let rows_solved = if self == Kernel::Table { 2.0 * all } else { all.min(patterns) * rows as f64 };
        (layer.groups.len() * layer.programmed_columns().div_ceil(16)) as f64 * rows_solved * cost::GATED_ROW
    }
}

/// Refuses a layer whose model of read noise has no kernel.
pub fn check_read_noise(layer: &CrossbarLayer) -> Checked<()> {
    if layer.read_noise.is_none() || Kernel::ALL.iter().any(|k| k.can(layer)) {
        return Ok(());
    }
    let message = "`read_noise.model = \"flips\"`: its entries of 16 bits do not hold this layer's codes (weight_bits, cell_bits, adc.bits and the row groups' height decide)";
    Err(Error::input(format!("layer `{}`", layer.name), message).hint("model = \"exact\" computes it, more slowly"))
}

/// Rows of the tallest group.
fn tallest(layer: &CrossbarLayer) -> usize {
    layer.groups.iter().map(|g| (g[1] - g[0]) as usize).max().unwrap_or(0)
}

/// Pattern bits of a table of partial sums; `None` if no block holds those of the tallest group.
fn sum_bits(layer: &CrossbarLayer) -> Option<u32> {
    let fits = |bits: u32| tallest(layer).div_ceil((bits / layer.dac_bits) as usize) << bits <= MOST_ROWS;
    (layer.dac_bits..=MOST_SUM_BITS).rev().find(|&bits| fits(bits))
}

/// How many row groups share a block of tables of codes: 16 bits hold their entries in sum, and a block their rows; 0 if
/// not even one can, or if the converter does not round.
fn units_at_once(layer: &CrossbarLayer) -> usize {
    let Conversion::Rounding(adc) = &layer.conversion else { return 0 };
    let per_plane = (0..layer.planes.slices as u32).map(|s| 1i64 << (s * layer.cell_bits)).sum::<i64>();
    let entry = per_plane * layer.planes.converted as i64 * adc.largest_code();
    let bits = (tallest(layer) as u32 * layer.dac_bits).min(MOST_CODE_BITS);
    let most = match layer.read_noise {
        None => MOST_UNITS.min(MOST_ROWS >> bits),
        Some(_) => MOST_UNITS_THAT_FLIP.min(FLIP_ROWS >> bits).max(1),
    };
    (i64::from(i16::MAX) / entry.max(1)).min(most as i64) as usize
}

/// True if the converter rounds and 32 bits hold every accumulator.
fn fits_32_bits(layer: &CrossbarLayer) -> bool {
    let Conversion::Rounding(adc) = &layer.conversion else { return false };
    layer.largest_conversion_weight().checked_mul(adc.largest_code()).is_some_and(|largest| largest <= i64::from(i32::MAX))
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Kernel::Direct => "direct",
            Kernel::Table => "table",
            Kernel::Split => "split",
        })
    }
}

impl FromStr for Kernel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Kernel::ALL.into_iter().find(|k| k.to_string() == text).ok_or_else(|| "expected direct, table or split".into())
    }
}
