//! Cells: target levels, conductances, and the laws of what goes wrong when a cell is written.
//!
//! A law says which conductance a cell of nominal conductance `g` gets at the standard normal variate `z`.
//! It is tabulated once, on the host ([`QuantileTable`]); engines only read the table, in integers.
//! So the law is tested against its formula, and the sampler against the table. What befalls cells beside and after
//! their programming error is in [`effects`].
//!
//! To add a law: one file with its formula, one variant in `config::ProgrammingError`, one arm in
//! [`conductance_at`], its first values in `tests/data/value_stability.txt`, a line in CHANGELOG.

pub mod drift;
pub mod effects;
pub mod lognormal;
mod measured;
pub mod normal;
pub mod normal_independent;
pub mod normal_proportional;
mod quantile_table;
pub mod read_noise;
pub mod relaxation;
pub mod spread;
mod stuck_at;
pub mod write_verify;

pub use effects::Effects;
pub use measured::Measured;
pub use read_noise::ReadNoiseLaw;
pub use quantile_table::{KNOTS, OCTAVES, QuantileTable, SEGMENTS, interpolate, knot_and_place};
pub use stuck_at::StuckAt;

use crate::config::{DeviceConfig, ProgrammingError};

/// Conductance of level `level` of a cell with `cell_bits` bits, unit g_on: g_off + (1 - g_off) level / (2^b - 1).
pub fn nominal_conductance(level: u32, cell_bits: u32, on_off_ratio: Option<f64>) -> f64 {
    let g_off = g_off(on_off_ratio);
    g_off + (1.0 - g_off) * f64::from(level) / f64::from((1u32 << cell_bits) - 1)
}

/// Conductance of the lowest level, unit g_on.
pub fn g_off(on_off_ratio: Option<f64>) -> f64 {
    on_off_ratio.map_or(0.0, |ratio| 1.0 / ratio)
}

/// A cell that is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Level, from 0.
    pub level: u32,
    /// Bits of the cell.
    pub cell_bits: u32,
    /// Conductance of the level, unit g_on.
    pub nominal: f64,
    /// Conductance of the lowest level, unit g_on.
    pub g_off: f64,
}

/// A place in a law: the probability `tail` (0 < tail <= 1/2) from its top or its bottom.
#[derive(Debug, Clone, Copy)]
pub struct Quantile {
    /// Probability beyond the place.
    pub tail: f64,
    /// From the top.
    pub upper: bool,
}

impl Quantile {
    /// The place that a random word stands for, as in [`QuantileTable`].
    pub fn of(word: u32) -> Self {
        Quantile { tail: (f64::from(word & 0x7fff_ffff) + 0.5) / 4294967296.0, upper: word >> 31 == 1 }
    }

    /// The standard normal variate at this place.
    pub fn z(self) -> f64 {
        let z = normal::upper_quantile(self.tail);
        if self.upper { z } else { -z }
    }
}

impl Target {
    /// A cell of `device` at `level`.
    pub fn new(device: &DeviceConfig, level: u32, cell_bits: u32) -> Self {
        Target { level, cell_bits, nominal: nominal_conductance(level, cell_bits, device.on_off_ratio), g_off: g_off(device.on_off_ratio) }
    }

    /// 0 at the lowest level, 1 at the highest.
    fn height(&self) -> f64 {
        f64::from(self.level) / f64::from((1u32 << self.cell_bits) - 1)
    }
}

/// Conductance (unit g_on) that programming gives a cell, at a place of the law.
/// Never below 0; within [g_off, 1] where the law says `clip`.
pub fn conductance_at(error: &ProgrammingError, cell: &Target, at: Quantile) -> f64 {
    let nominal = cell.nominal;
    let (g, clip) = match error {
        ProgrammingError::None => (nominal, false),
        ProgrammingError::Lognormal { sigma_ln, sigma_ln_off, clip } => {
            (lognormal::conductance(nominal, lognormal::sigma_of_level(*sigma_ln, *sigma_ln_off, cell.height()), at.z()), *clip)
        }
        ProgrammingError::NormalProportional { sigma_rel, clip } => (normal_proportional::conductance(nominal, *sigma_rel, at.z()), *clip),
        ProgrammingError::NormalIndependent { sigma_rel, clip } => (normal_independent::conductance(nominal, *sigma_rel, at.z()), *clip),
        ProgrammingError::WriteVerify { sigma_rel, tolerance_rel, attempts } => {
            let error = write_verify::upper_error(*sigma_rel, *tolerance_rel, *attempts, at.tail);
            (if at.upper { nominal + error } else { nominal - error }, false)
        }
        ProgrammingError::Table(measured) => (measured.quantile(cell.level, at.tail, at.upper), false),
    };
    if clip { g.clamp(cell.g_off, 1.0) } else { g.max(0.0) }
}

/// True if every chip has the same cells.
pub fn is_deterministic(device: &DeviceConfig) -> bool {
    let programming = match &device.programming_error {
        ProgrammingError::None => true,
        ProgrammingError::Lognormal { sigma_ln, sigma_ln_off, .. } => *sigma_ln == 0.0 && sigma_ln_off.unwrap_or(0.0) == 0.0,
        ProgrammingError::NormalProportional { sigma_rel, .. } | ProgrammingError::NormalIndependent { sigma_rel, .. } => *sigma_rel == 0.0,
        ProgrammingError::WriteVerify { sigma_rel, .. } => *sigma_rel == 0.0,
        // Even without spread it is not the nominal crossbar, which deterministic points are taken for.
        ProgrammingError::Table(_) => false,
    };
    programming && *device == DeviceConfig { programming_error: device.programming_error.clone(), ..device.without_randomness() }
}

/// Fraction bits of a conductance: 1.0 = 2^F. By default as many as keep a bitline sum of `ou_wordlines`
/// cells at the largest DAC step within 31 bits with a factor of 2 to 4 in hand (26 at 9 wordlines, 22 at 128).
pub fn fraction_bits(device: &DeviceConfig, ou_wordlines: usize, dac_bits: u32) -> u32 {
    device.fraction_bits.unwrap_or_else(|| saturation(ou_wordlines, dac_bits).ilog2().saturating_sub(1))
}

/// Largest conductance (in units of 2^-F) a cell can have: floor((2^31 - 1) / (ou_wordlines x largest DAC step)).
pub fn saturation(ou_wordlines: usize, dac_bits: u32) -> u32 {
    let largest_step = (1u64 << dac_bits) - 1;
    ((i32::MAX as u64) / (ou_wordlines.max(1) as u64 * largest_step)).max(1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fraction_bits_leave_room_for_the_sum() {
        let device = DeviceConfig { on_off_ratio: None, ..DeviceConfig::default() };
        assert_eq!(fraction_bits(&device, 9, 1), 26);
        assert_eq!(fraction_bits(&device, 128, 1), 22);
        for rows in 1..=1024 {
            for dac in 1..=4 {
                let f = fraction_bits(&device, rows, dac);
                let sum = rows as u64 * ((1 << dac) - 1) * u64::from(saturation(rows, dac));
                assert!(sum <= i32::MAX as u64);
                assert!(1u64 << f <= u64::from(saturation(rows, dac)), "{rows} rows, {dac} bits");
            }
        }
    }

    #[test]
    fn levels_span_off_to_on() {
        assert_eq!(nominal_conductance(0, 2, Some(10.0)), 0.1);
        assert_eq!(nominal_conductance(3, 2, Some(10.0)), 1.0);
        assert_eq!(nominal_conductance(1, 2, None), 1.0 / 3.0);
    }

    /// The first conductances of every law, from seed to integer. A change here changes every user's results: it
    /// needs a line under "Values" in CHANGELOG. `UPDATE_GOLDEN=1` rewrites the file.
    #[test]
    fn first_values_of_every_law() {
        let laws = [
            ("none", ProgrammingError::None),
            ("lognormal 0.1", ProgrammingError::Lognormal { sigma_ln: 0.1, sigma_ln_off: None, clip: false }),
            ("lognormal 0.1 clip", ProgrammingError::Lognormal { sigma_ln: 0.1, sigma_ln_off: None, clip: true }),
            ("normal-proportional 0.1", ProgrammingError::NormalProportional { sigma_rel: 0.1, clip: false }),
            ("normal-independent 0.05", ProgrammingError::NormalIndependent { sigma_rel: 0.05, clip: false }),
            ("lognormal 0.18, off 0.45", ProgrammingError::Lognormal { sigma_ln: 0.18, sigma_ln_off: Some(0.45), clip: false }),
            ("write-verify 0.05, 0.03, 3", ProgrammingError::WriteVerify { sigma_rel: 0.05, tolerance_rel: 0.03, attempts: 3 }),
        ];
        let mut text = String::from("# law, cell bits, level: conductances in 2^-26 of g_on (on/off ratio 50) of seed 1, trial 2, layer 3, row 4, columns 0..6\n");
        for (name, law) in laws {
            let device = DeviceConfig { on_off_ratio: Some(50.0), programming_error: law, ..DeviceConfig::default() };
            for cell_bits in [1, 2] {
                let table = QuantileTable::new(&device, cell_bits, 26);
                for level in 0..1 << cell_bits {
                    let draw = |column| table.sample(level, crate::rng::cell_words(1, 2, crate::rng::Purpose::ProgrammingError, 3, 4, column, 0, 0)[0]);
                    let values: Vec<String> = (0..6).map(|column| draw(column).to_string()).collect();
                    text += &format!("{name}, {cell_bits}, {level}: {}\n", values.join(" "));
                }
            }
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/value_stability.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(path).unwrap());
    }
}
