//! Converters that differ from each other: offset, gain and thresholds, drawn once per converter and chip.
//!
//! A crossbar has `ou_bitlines` converters; each serves the bitlines with its number in their unit (an analog
//! difference goes to that of the plus plane). A converter of gain A and offset o whose i-th threshold is d_i off gives a
//! sum v at least the index i if A v + o step >= T_i + d_i step, T_i being the threshold of the design. Indices count the
//! thresholds at or below a sum, as a flash converter does, so thresholds that come out of order are no trouble.
//! Offsets and thresholds are normal, the gain's logarithm too. Source: the static errors of converters as in IEEE Std
//! 1241 (offset, gain, integral non-linearity); their normal laws are our assumption.

use super::{Adc, Conversion, CrossbarLayer};
use crate::config::ConverterSpread;
use crate::device::Quantile;
use crate::rng::{ChipKey, Purpose, cell_words};

/// The converters of one layer on one chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Converters {
    /// Entries of a converter: 2^this.
    depth: u32,
    /// `[converter][entry]`: the least sum of index 0, 1, ... to one beyond the highest, rising, filled up with the largest integer.
    thresholds: Vec<i32>,
    /// `[crossbar along the rows][converted column]`: where its converter's entries begin.
    firsts: Vec<u32>,
    /// Converted columns.
    columns: usize,
}

impl Converters {
    /// Those of a chip; `None` if all are as designed, or if there are none.
    pub fn draw(layer: &CrossbarLayer, spread: &ConverterSpread, seed: u64, chip: impl Into<ChipKey>) -> Option<Self> {
        let chip = chip.into();
        let Conversion::Rounding(adc) = &layer.conversion else { return None };
        if *spread == ConverterSpread::default() || layer.digital {
            return None;
        }
        let (layout, planes) = (&layer.layout, &layer.planes);
        let crossbars = layer.crossbars_along_rows();
        // Numbers of the converters along the columns.
        let of_plane = |plane: usize| if planes.signed() { 0 } else { plane };
        let number = |plane, slice, column| {
            let at = layout.bitline(of_plane(plane), slice, column);
            at.crossbar * layout.ou_bitlines + at.line % layout.ou_bitlines
        };
        let columns = (0..planes.converted).flat_map(|p| (0..planes.slices).flat_map(move |s| (0..layer.columns).map(move |c| (p, s, c))));
        let numbers: Vec<usize> = columns.map(|(p, s, c)| number(p, s, c)).collect();
        let along = numbers.iter().max().map_or(0, |&last| last + 1);
        let depth = (adc.thresholds.len() as u32).next_power_of_two().ilog2();
        let mut converters = Converters { depth, thresholds: Vec::new(), firsts: Vec::new(), columns: layer.converted_columns() };
        for crossbar in 0..crossbars {
            for number in 0..along {
                let words = |block: u32| {
                    let key = [crossbar as u32 | block << 16, layer.first_output << 16 | number as u32];
                    cell_words(seed, chip, Purpose::Converter, layer.layer, key[0], key[1], 0, 0)
                };
                converters.add(adc, spread, words);
            }
            converters.firsts.extend(numbers.iter().map(|n| ((crossbar * along + n) << depth) as u32));
        }
        Some(converters)
    }

    /// Bytes of the converters of `layer`, if they differ.
    pub fn bytes(layer: &CrossbarLayer) -> u64 {
        let Conversion::Rounding(adc) = &layer.conversion else { return 0 };
        let (layout, columns) = (&layer.layout, layer.planes.programmed * layer.planes.slices * layer.columns);
        let crossbars = layer.crossbars_along_rows() as u64 * (columns.div_ceil(layout.bitlines) as u64 + 1);
        crossbars * layout.ou_bitlines as u64 * 4 * (adc.thresholds.len() as u64).next_power_of_two()
    }

    /// Adds one converter; `words` gives the random words of a block: the first are its own, the others its thresholds'.
    fn add(&mut self, adc: &Adc, spread: &ConverterSpread, words: impl Fn(u32) -> [u32; 4]) {
        let z = |word: u32| Quantile::of(word).z();
        let [offset, gain, ..] = words(0).map(z);
        let (offset, gain) = (spread.offset_sigma_steps * offset, libm::exp(spread.gain_sigma_rel * gain));
        let first = self.thresholds.len();
        let of_index = |index: usize| {
            // The ends of the range are no thresholds of the circuit: they only say what is called clipped.
            let own = index >= 1 && index <= adc.top as usize && spread.threshold_sigma_steps > 0.0;
            let off = if own { spread.threshold_sigma_steps * z(words(index as u32 / 4 + 1)[index % 4]) } else { 0.0 };
            let at = (adc.lo + (index as f64 - 0.5 + off - offset) * adc.step) / gain;
            at.ceil().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
        };
        self.thresholds.extend((0..adc.thresholds.len()).map(of_index));
        self.thresholds[first..].sort_unstable();
        self.thresholds.resize(first + (1 << self.depth), i32::MAX);
    }

    /// Where the entries of converted columns begin, on a crossbar along the rows.
    pub fn firsts(&self, crossbar: usize) -> &[u32] {
        &self.firsts[crossbar * self.columns..(crossbar + 1) * self.columns]
    }

    /// The index of a sum, unclipped: -1 below the range, one more than the highest above it.
    #[inline(always)]
    pub fn index(&self, first: u32, sum: i32) -> i32 {
        let mut passed = 0;
        for level in (0..self.depth).rev() {
            let next = passed + (1 << level);
            passed = if self.thresholds[(first + next) as usize - 1] <= sum { next } else { passed };
        }
        // Halving tells 2^depth cases apart, and there is one more: all passed.
        let last = u32::from(self.thresholds[(first + passed) as usize] <= sum);
        (passed + last) as i32 - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Overrides};
    use crate::crossbar::layer::{Build, Weights};

    fn layer(text: &str) -> (CrossbarLayer, ConverterSpread) {
        let point = config::parse_mvm(text, "test", &Overrides::default()).unwrap();
        let build = Build {
            name: "converters",
            layer: 0,
            first_output: 0,
            weight_bits: 8,
            input_bits: 8,
            crossbar: &point.crossbar,
            adc: &point.adc,
            g_off: 0.01,
            fraction_bits: 20,
            calibrated_multiple: 1,
            digital: false,
        };
        let values = vec![1; 300 * 20];
        (CrossbarLayer::new(&build, &Weights { rows: 300, outputs: 20, values: &values, magnitude_bits: &|_, _| 7 }).unwrap(), point.converters)
    }

    fn adc(layer: &CrossbarLayer) -> &Adc {
        match &layer.conversion {
            Conversion::Rounding(adc) => adc,
            Conversion::Ideal => panic!("a converter"),
        }
    }

    /// Next to no spread: the codes of the design, at every threshold's neighbours.
    #[test]
    fn converters_without_spread_are_the_design() {
        for text in ["[adc]\nbits = 5\noffset_sigma_steps = 1e-12\n", "[crossbar]\nou_wordlines = 64\n[adc]\nbits = 6\ngain_sigma_rel = 1e-12\n"] {
            let (layer, spread) = layer(text);
            let converters = Converters::draw(&layer, &spread, 1, 0).unwrap();
            let adc = adc(&layer);
            for &first in converters.firsts(1) {
                for sum in adc.thresholds.iter().flat_map(|&t| [t - 3, t + 3]).chain([i32::MIN, 0, i32::MAX]) {
                    assert_eq!(converters.index(first, sum), adc.index(sum).clamp(-1.0, f64::from(adc.top) + 1.0) as i32, "{sum}");
                }
            }
        }
    }

    /// Offset, gain and threshold errors have the spread that was asked for, and converters their own.
    #[test]
    fn spread_is_as_asked_for() {
        let (layer, _) = layer("[adc]\nbits = 5\n");
        let adc = adc(&layer);
        let middle = adc.top as usize / 2; // its threshold lies half a step below zero: gain is nothing there
        let thresholds = |spread: ConverterSpread, index: usize| -> Vec<f64> {
            let of_trial = |trial: u32| {
                let c = Converters::draw(&layer, &spread, 1, trial).unwrap();
                c.thresholds.chunks(1 << c.depth).map(|t| (f64::from(t[index]) - adc.lo) / adc.step - index as f64 + 0.5).collect::<Vec<_>>()
            };
            (0..200).flat_map(of_trial).collect()
        };
        let sd = |values: &[f64]| (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt();
        let none = ConverterSpread::default();
        let offsets = thresholds(ConverterSpread { offset_sigma_steps: 0.3, ..none }, middle);
        assert!(offsets.len() > 4000 && (sd(&offsets) / 0.3 - 1.0).abs() < 0.04, "{} {}", offsets.len(), sd(&offsets));
        let gains = thresholds(ConverterSpread { gain_sigma_rel: 0.02, ..none }, adc.top as usize);
        let lever = f64::from(adc.top) / 2.0 - 0.5; // steps from zero to the highest threshold
        assert!((sd(&gains) / (0.02 * lever) - 1.0).abs() < 0.04, "{}", sd(&gains));
        let own = thresholds(ConverterSpread { threshold_sigma_steps: 0.05, ..none }, middle);
        assert!((sd(&own) / 0.05 - 1.0).abs() < 0.04, "{}", sd(&own));
    }

    #[test]
    fn a_converter_serves_its_number_in_every_unit() {
        let (layer, spread) = layer("[crossbar]\ncols = 64\n[adc]\noffset_sigma_steps = 0.5\n");
        let converters = Converters::draw(&layer, &spread, 1, 0).unwrap();
        let firsts = converters.firsts(0);
        // 7 slices of two planes in units of 8 bitlines: four slices of an output share a crossbar of 64.
        let of = |slice: usize, column: usize| firsts[layer.converted_column(0, slice, column)];
        assert_eq!(of(6, 3), of(5, 3));
        assert_ne!(of(6, 3), of(6, 4));
        assert_ne!(of(6, 3), of(0, 3));
        assert_ne!(converters.firsts(0)[0], converters.firsts(1)[0]);
    }
}
