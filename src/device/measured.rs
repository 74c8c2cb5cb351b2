//! Programming error as it was measured: conductances of many cells of each level, or their quantiles.
//!
//! The file is CSV with a header. `level,conductance_siemens` holds samples, any number for each level and in any
//! order; `level,probability,conductance_siemens` holds quantiles. Between samples (the i-th of n stands at the
//! probability (i + 1/2) / n) and between quantiles the law is a line; beyond the first and the last it stays there.

use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The quantile functions of all levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The file, as it was named.
    pub path: String,
    /// SHA-256 of what it says.
    pub hash: String,
    /// Per level, (probability, conductance in g_on), both rising.
    levels: Vec<Vec<(f64, f64)>>,
}

/// Largest conductance taken, in g_on: more is a mistaken unit.
const LARGEST_REL: f64 = 100.0;
/// Most lines of a file.
const MOST_LINES: usize = 10_000_000;

impl Measured {
    /// Reads the file for cells of `levels` levels. Refused, with the line: values that are no numbers, conductances
    /// that are negative or far above `g_on_siemens`, levels that are missing or whose medians do not rise.
    pub fn read(path: &str, levels: u32, g_on_siemens: f64) -> Result<Self> {
        let text = std::fs::read(Path::new(path)).map_err(|e| Error::io(Path::new(path), "read", &e).hint("a CSV with the columns level,conductance_siemens"))?;
        Self::parse(&text, path, levels, g_on_siemens)
    }

    fn parse(text: &[u8], path: &str, levels: u32, g_on_siemens: f64) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let unreadable = |e: csv::Error| Error::input(path, format!("cannot be read as CSV: {e}"));
        let header = reader.headers().map_err(unreadable)?.clone();
        let column = |name: &str| header.iter().position(|h| h == name);
        let (Some(level_at), Some(conductance_at)) = (column("level"), column("conductance_siemens")) else {
            let columns = header.iter().collect::<Vec<_>>().join(",");
            let hint = match () {
                _ if columns.is_empty() => "the file is empty; wanted: level,conductance_siemens on its first line, then a line for each cell",
                _ if columns.contains([';', '\t']) => "columns are separated by commas here: level,conductance_siemens",
                () => "wanted: level,conductance_siemens (samples), or level,probability,conductance_siemens (quantiles)",
            };
            return Err(Error::input(format!("{path}:1"), format!("the columns are `{columns}`")).hint(hint));
        };
        let probability_at = column("probability");
        let mut of_level: Vec<Vec<(f64, f64)>> = vec![Vec::new(); levels as usize];
        for (i, record) in reader.records().enumerate() {
            let record = record.map_err(unreadable)?;
            let line = record.position().map_or(i as u64 + 2, |p| p.line());
            let refused = |what: String| Error::input(format!("{path}:{line}"), what);
            if i >= MOST_LINES {
                return Err(refused(format!("more than {MOST_LINES} lines")));
            }
            let field = |at: usize| record.get(at).unwrap_or("");
            let number = |at: usize, name: &str| field(at).parse::<f64>().ok().filter(|x| x.is_finite()).ok_or_else(|| refused(format!("{name} `{}` is not a number", field(at))));
            let level = number(level_at, "level")?;
            if level.fract() != 0.0 || !(0.0..f64::from(levels)).contains(&level) {
                return Err(refused(format!("level {level} is not one of 0 to {}", levels - 1)).hint("levels are those of crossbar.cell_bits: 1 bit is 0 and 1"));
            }
            let g = number(conductance_at, "conductance_siemens")? / g_on_siemens;
            if !(0.0..=LARGEST_REL).contains(&g) {
                let hint = if g < 0.0 { "a conductance is not negative; an offset of the instrument must be taken off" } else { "siemens, not microsiemens: 100 uS is 1e-4" };
                return Err(refused(format!("conductance_siemens {} is outside 0 to {LARGEST_REL} x device.g_on_siemens ({g_on_siemens})", field(conductance_at))).hint(hint));
            }
            let p = match probability_at {
                None => 0.0,
                Some(at) => number(at, "probability")?,
            };
            if !(0.0..=1.0).contains(&p) {
                return Err(refused(format!("probability {p} is outside 0 to 1")).hint("a fraction: 5 % is 0.05"));
            }
            of_level[level as usize].push((p, g));
        }
        for (level, points) in of_level.iter_mut().enumerate() {
            if points.is_empty() {
                return Err(Error::input(path, format!("no line for level {level}")).hint(format!("every level of crossbar.cell_bits needs some: 0 to {}", levels - 1)));
            }
            points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
            if probability_at.is_none() {
                let n = points.len() as f64;
                points.iter_mut().enumerate().for_each(|(i, point)| point.0 = (i as f64 + 0.5) / n);
            } else if points.windows(2).any(|w| w[0].0 == w[1].0 || w[1].1 < w[0].1) {
                return Err(Error::input(path, format!("the quantiles of level {level} do not rise with their probabilities, or one stands twice")));
            }
        }
        let digest = of_level.iter().flatten().fold(Sha256::new(), |hash, (p, g)| hash.chain_update(p.to_le_bytes()).chain_update(g.to_le_bytes()));
        let measured = Measured { path: path.into(), hash: crate::sweep::block::hex(&digest.finalize()), levels: of_level };
        for level in 1..levels {
            let [below, here] = [level - 1, level].map(|l| measured.quantile(l, 0.5, false));
            if here <= below {
                return Err(Error::input(path, format!("the median of level {level} ({here} g_on) is not above that of level {} ({below} g_on)", level - 1))
                    .hint("level 0 is the lowest conductance"));
            }
        }
        Ok(measured)
    }

    /// The conductance (in g_on) of `level` that lies at the tail probability `tail` from the top, or from the bottom.
    pub fn quantile(&self, level: u32, tail: f64, upper: bool) -> f64 {
        let points = &self.levels[level as usize];
        let p = if upper { 1.0 - tail } else { tail };
        let after = points.partition_point(|point| point.0 < p);
        match (after.checked_sub(1).map(|i| points[i]), points.get(after)) {
            (Some((p0, g0)), Some(&(p1, g1))) => g0 + (g1 - g0) * ((p - p0) / (p1 - p0)),
            (None, Some(&(_, g))) | (Some((_, g)), None) => g,
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Measured> {
        Measured::parse(text.as_bytes(), "cells.csv", 2, 1e-4)
    }

    #[test]
    fn samples_and_quantiles_are_lines() {
        let samples = parse("level,conductance_siemens\n1,1.2e-4\n1,0.8e-4\n0,1e-6\n").unwrap();
        for (tail, upper, g) in [(0.25, false, 0.8), (0.5, false, 1.0), (0.5, true, 1.0), (0.25, true, 1.2), (0.001, true, 1.2), (0.375, false, 0.9)] {
            assert!((samples.quantile(1, tail, upper) - g).abs() < 1e-12, "{tail} {upper}");
        }
        let quantiles = parse("level,probability,conductance_siemens\n0,0.5,1e-6\n1,0.1,0.9e-4\n1,0.9,1.1e-4\n").unwrap();
        assert!((quantiles.quantile(1, 0.3, false) - 0.95).abs() < 1e-12);
        assert_ne!(samples.hash, quantiles.hash);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert!(message("a,b\n1,2\n").contains("cells.csv:1"));
        assert!(message("level;conductance_siemens\n0;1e-6\n").contains("commas") && message("").contains("empty"));
        assert!(message("level,conductance_siemens\n0,1e-6\n1,-1e-4\n").contains("not negative"));
        assert!(message("level,conductance_siemens\n0,1e-6\n2,1e-4\n").contains("cells.csv:3"));
        assert!(message("level,conductance_siemens\n0,1e-6\n1,100\n").contains("microsiemens"));
        assert!(message("level,conductance_siemens\n0,1e-6\n1,nan\n").contains("not a number"));
        assert!(message("level,conductance_siemens\n0,1e-6\n").contains("level 1"));
        assert!(message("level,conductance_siemens\n0,1e-4\n1,1e-6\n").contains("median"));
        assert!(message("level,probability,conductance_siemens\n0,0.5,1e-6\n1,0.5,1e-4\n1,0.5,2e-4\n").contains("stands twice"));
    }
}
