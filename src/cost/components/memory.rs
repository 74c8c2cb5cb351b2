//! Memories whose figures are those of an SRAM of the same size: between points that a memory compiler (CACTI) gave for the
//! same port, energy, area and leakage go as powers of the capacity.
//!
//! [`Sram::at`]: for capacities k0 <= k <= k1 of the table and a figure y, `ln y = ln y0 + (ln y1 - ln y0) (ln k - ln k0) / (ln k1 - ln k0)`.
//! Nothing is taken beyond the ends of the table, and nothing between ports of different widths.

use super::section::Section;
use super::sources::Line;
use crate::error::Result;

/// The points of `[sram]`: `[kilobytes, port bits, read pJ, write pJ, area um2, leakage mW]`, energies per access of the port.
#[derive(Debug, Clone)]
pub struct Sram {
    points: Vec<[f64; 6]>,
}

/// Figures of one bit of a memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bit {
    /// Energy per bit read.
    pub read_pj: f64,
    /// Energy per bit written.
    pub write_pj: f64,
    /// Area per bit kept.
    pub area_um2: f64,
    /// Leakage per bit kept.
    pub leakage_mw: f64,
}

impl Sram {
    /// Reads `[sram]`; with its sources.
    pub fn read(mut section: Section) -> Result<(Sram, Vec<Line>)> {
        let points = section.points("points")?;
        if points.iter().flatten().any(|x| *x <= 0.0) {
            return Err(section.error("`sram.points`: a figure of 0").hint("figures between points go as powers, so none is 0"));
        }
        Ok((Sram { points }, section.done()?))
    }

    /// Reads `sram = { kilobytes = 2, port_bits = 64 }` of a part.
    pub fn bit(&self, mut of: Section) -> Result<Bit> {
        let (kilobytes, port_bits) = (of.positive("kilobytes")?, of.positive("port_bits")?);
        let port = self.points.iter().filter(|p| p[1] == port_bits).map(|p| p[0]);
        let ends = port.fold(None, |ends: Option<[f64; 2]>, k| Some(ends.map_or([k, k], |[lo, hi]| [lo.min(k), hi.max(k)])));
        let found = self.at(kilobytes, port_bits).ok_or_else(|| {
            let error = of.error(format!("`{}`: no SRAM of {kilobytes} KB with a port of {port_bits} bits in [sram]", of.name));
            error.hint(ends.map_or("the port's width must be one of the table's".into(), |[lo, hi]| format!("with that port it has {lo} to {hi} KB")))
        })?;
        of.done()?;
        Ok(found)
    }

    /// The figures at a capacity; `None` outside the table.
    pub fn at(&self, kilobytes: f64, port_bits: f64) -> Option<Bit> {
        let port = || self.points.iter().filter(|p| p[1] == port_bits);
        let below = port().filter(|p| p[0] <= kilobytes).max_by(|a, b| a[0].total_cmp(&b[0]))?;
        let above = port().filter(|p| p[0] >= kilobytes).min_by(|a, b| a[0].total_cmp(&b[0]))?;
        let span = libm::log(above[0] / below[0]);
        let share = if span == 0.0 { 0.0 } else { libm::log(kilobytes / below[0]) / span };
        let figure = |i: usize| below[i] * libm::pow(above[i] / below[i], share);
        let bits = kilobytes * 1024.0 * 8.0;
        Some(Bit { read_pj: figure(2) / port_bits, write_pj: figure(3) / port_bits, area_um2: figure(4) / bits, leakage_mw: figure(5) / bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_points_figures_go_as_powers() {
        let sram = Sram { points: vec![[1.0, 64.0, 64.0, 128.0, 8192.0, 8192.0], [4.0, 64.0, 256.0, 128.0, 32768.0, 8192.0], [4.0, 128.0, 1.0, 1.0, 1.0, 1.0]] };
        let near = |a: Option<Bit>, b: [f64; 4]| a.is_some_and(|a| [a.read_pj, a.write_pj, a.area_um2, a.leakage_mw].iter().zip(b).all(|(x, y)| (x / y - 1.0).abs() < 1e-12));
        assert!(near(sram.at(1.0, 64.0), [1.0, 2.0, 1.0, 1.0]) && near(sram.at(4.0, 64.0), [4.0, 2.0, 1.0, 0.25]));
        assert!(near(sram.at(2.0, 64.0), [2.0, 2.0, 1.0, 0.5]), "{:?}", sram.at(2.0, 64.0));
        assert_eq!([sram.at(0.5, 64.0), sram.at(8.0, 64.0), sram.at(2.0, 128.0), sram.at(2.0, 32.0)], [None; 4]);
    }
}
