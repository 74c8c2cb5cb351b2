//! One layer on its crossbars: bitline sums of the active wordlines, conversion, shift-and-add.
//! Twin of `shaders/crossbar_mvm.wgsl`.
//!
//! The direct way: for every position, row group and input step the conductances of the driven rows are added,
//! column by column, and every sum is converted. No tables, no shortcuts but one: a group whose inputs are
//! all zero is skipped where a zero sum converts to zero. Currents of gated cells on wires do not add up: they are solved
//! pattern by pattern.

use super::program_cells::{COLUMN_ALIGNMENT, Cells};
use super::simd::multiversion;
use super::View;
use super::gated_currents::SolvedPatterns;
use super::gather::gather;
use super::lanes::{Rounding, fastest_rule};
use super::noise::exact::ReadErrors;
use crate::crossbar::{Adc, Conversion, Converters, CrossbarLayer};
use crate::quantize::Window;
use crate::rng::{ReadStream, Reads};

/// What is counted along the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Conversions whose sum lay more than half a step outside the range.
    pub clipped: u64,
    /// Conversions whose code is not that of error-free cells (only where compared).
    pub wrong: u64,
    /// Conversions whose code would be zero with error-free cells (only where compared).
    pub zero_codes: u64,
    /// Input patterns: (position, group, step).
    pub patterns: u64,
    /// Patterns without a driven row.
    pub zero_patterns: u64,
}

/// A layer's product for one image, and its working memory.
pub struct Mvm<'a> {
    /// The layer.
    pub layer: &'a CrossbarLayer,
    /// Inputs of a position.
    pub window: &'a Window,
    /// `[position][accumulator]`; the sum of the inputs stands last where the encoding needs it.
    pub accumulators: Vec<i64>,
    /// Input that stands for zero (padding).
    zero: u32,
    /// Cells to compare codes with.
    compared: Option<&'a Cells>,
    /// Which read of which image this is, where reads differ.
    read: Option<(Reads, u32)>,
    /// Where bitline sums go before the ADC: `[group][slice of a plane][step][column][position]` (one plane).
    pre_adc: Option<Vec<i32>>,
}

impl<'a> Mvm<'a> {
    /// A product of `layer` over `window`; padding drives `zero`.
    pub fn new(layer: &'a CrossbarLayer, window: &'a Window, zero: u32) -> Self {
        Mvm { layer, window, accumulators: vec![0; window.positions() * layer.accumulators()], zero, compared: None, read: None, pre_adc: None }
    }

    /// Also counts codes that differ from those of `error_free` cells.
    pub fn compare(&mut self, error_free: &'a Cells) {
        self.compared = Some(error_free);
    }

    /// With the layer's read noise, if it has any: that of the image with this number.
    pub fn read(&mut self, reads: Reads, image: u32) {
        self.read = self.layer.read_noise.is_some().then_some((reads, image));
    }

    /// Also keeps the sums before the ADC: `[group][slice][step][column][position]`, planes one after another in the slices.
    pub fn keep_sums(&mut self) {
        let l = self.layer;
        self.pre_adc = Some(vec![0; l.groups.len() * l.converted_columns() * l.input_steps as usize * self.window.positions()]);
    }

    /// The kept sums.
    pub fn sums(&self) -> &[i32] {
        self.pre_adc.as_deref().unwrap_or(&[])
    }

    /// Runs the product of `cells` with `input` (`shape` [C, H, W]).
    pub fn run(&mut self, cells: &Cells, input: &[u32], shape: [usize; 3], counts: &mut Counts) {
        run(self, cells, View { values: input, shape }, counts);
    }
}

/// Positions whose inputs are gathered together, so that a group's cells stay in the cache.
const TILE: usize = 64;

multiversion! {
    /// See [`Mvm::run`].
    pub fn run(mvm: &mut Mvm, cells: &Cells, input: View, counts: &mut Counts) = run_inlined
}

/// Where currents add up, reads are exact and converters alike, the loops are compiled without what else may be: its
/// branches, never taken, would halve their speed.
#[inline(always)]
fn run_inlined(mvm: &mut Mvm, cells: &Cells, input: View, counts: &mut Counts) {
    let plain = mvm.layer.gated().is_none() && mvm.read.is_none() && cells.converters.is_none();
    if plain { run_of::<true>(mvm, cells, input, counts) } else { run_of::<false>(mvm, cells, input, counts) }
}

#[inline(always)]
fn run_of<const PLAIN: bool>(mvm: &mut Mvm, cells: &Cells, input: View, counts: &mut Counts) {
    let layer = mvm.layer;
    let (rows, positions, width) = (layer.rows, mvm.window.positions(), layer.accumulators());
    let before = *counts;
    // A pattern that was solved serves all positions.
    let at_once = if layer.gated().is_some() { positions.max(1) } else { TILE };
    let mut inputs = vec![0u32; at_once * rows];
    let mut work = Work::new(layer, cells);
    let mut errors = mvm.read.and_then(|_| ReadErrors::new(layer, cells.stride));
    let mut streams: Vec<ReadStream> = Vec::new();
    for first in (0..positions).step_by(at_once) {
        let tile = first..(first + at_once).min(positions);
        for position in tile.clone() {
            gather(mvm.window, input, mvm.zero, position, &mut inputs[(position - first) * rows..][..rows]);
        }
        if let Some((reads, image)) = mvm.read {
            streams.clear();
            streams.extend(tile.clone().map(|position| reads.stream(image, position as u32)));
        }
        for (group, range) in layer.groups.iter().enumerate() {
            work.begin(layer, cells, group);
            for position in tile.clone() {
                let driven = &inputs[(position - first) * rows..][range[0] as usize..range[1] as usize];
                let out = &mut mvm.accumulators[position * width..(position + 1) * width];
                for step in 0..layer.input_steps {
                    counts.patterns += 1;
                    if work.drive(driven, range[0], step * layer.dac_bits, layer.dac_bits) == 0 {
                        counts.zero_patterns += 1;
                        if work.zero_is_nothing && mvm.pre_adc.is_none() {
                            if mvm.compared.is_some() {
                                counts.zero_codes += work.weights.iter().filter(|&&w| w != 0).count() as u64;
                            }
                            continue;
                        }
                    }
                    if let (Some(errors), false) = (&mut errors, PLAIN) {
                        errors.draw(streams[position - first].keys(group as u32, step), &work.driven, cells);
                    }
                    let errors = errors.as_ref().filter(|_| !PLAIN).map(|e| &e.values[..]);
                    counts.clipped += u64::from(work.convert::<PLAIN>(layer, cells, 0, errors));
                    work.accumulate(layer, errors, &mut out[..layer.columns], step * layer.dac_bits);
                    if let Some(error_free) = mvm.compared {
                        work.compare::<PLAIN>(layer, error_free, counts);
                    }
                    if let Some(kept) = &mut mvm.pre_adc {
                        work.keep_sums(layer, kept, [group, step as usize, position], positions);
                    }
                }
            }
        }
        if layer.planes.input_sum {
            for position in tile {
                let sum = inputs[(position - first) * rows..][..rows].iter().map(|&x| i64::from(x)).sum();
                mvm.accumulators[position * width + layer.columns] = sum;
            }
        }
    }
    if layer.digital {
        *counts = before; // there is no converter to count
    }
}

/// Working memory of one thread.
struct Work {
    /// Converted columns, padded.
    stride: usize,
    group: usize,
    /// Driven rows and the DAC step on each.
    driven: Vec<(u32, i32)>,
    /// Bitline sums, padded.
    sums: Vec<i32>,
    /// Codes counted from the zero level, padded.
    codes: Vec<i32>,
    /// What a code counts in this group, padded with 0: no conversion.
    weights: Vec<i32>,
    /// Shift-and-add of one step, before its input bit's weight.
    partial: Vec<i32>,
    /// True if a zero sum converts to zero and is not clipped.
    zero_is_nothing: bool,
    /// True if 32 bits hold one step's shift-and-add.
    narrow: bool,
    /// True if the converter rounds.
    rounds: bool,
    /// The converter's rule in its fastest form.
    rule: Rounding,
    /// Where each column's own converter begins, padded; empty where all are as designed.
    firsts: Vec<u32>,
    /// Patterns of gated cells: those at work and those they are compared with.
    solved: [SolvedPatterns; 2],
}

impl Work {
    fn new(layer: &CrossbarLayer, cells: &Cells) -> Self {
        let stride = layer.converted_columns().next_multiple_of(COLUMN_ALIGNMENT);
        let zero_is_nothing = match &layer.conversion {
            Conversion::Ideal => true,
            Conversion::Rounding(adc) => adc.code(0) == (0, false) && cells.converters.is_none(),
        };
        let narrow = match &layer.conversion {
            Conversion::Ideal => false,
            Conversion::Rounding(adc) => {
                let of_all_slices = (layer.planes.converted as i64) << (layer.planes.slices as u32 * layer.cell_bits);
                i64::from(adc.top) * of_all_slices < i64::from(i32::MAX)
            }
        };
        Work {
            stride,
            group: 0,
            driven: Vec::new(),
            sums: vec![0; stride],
            codes: vec![0; stride],
            weights: vec![0; stride],
            partial: vec![0; layer.columns],
            zero_is_nothing,
            narrow,
            rounds: layer.conversion != Conversion::Ideal,
            rule: match &layer.conversion {
                Conversion::Ideal => Rounding::Product(0.0, 1.0), // never asked for
                Conversion::Rounding(adc) => fastest_rule(adc),
            },
            firsts: vec![0; if cells.converters.is_some() { stride } else { 0 }],
            solved: Default::default(),
        }
    }

    /// Begins a row group.
    fn begin(&mut self, layer: &CrossbarLayer, cells: &Cells, group: usize) {
        self.group = group;
        if layer.gated().is_some() {
            self.solved.iter_mut().for_each(SolvedPatterns::begin);
        }
        let columns = layer.converted_columns();
        self.weights[..columns].copy_from_slice(&layer.column_weights[group * columns..(group + 1) * columns]);
        if let Some(converters) = &cells.converters {
            self.firsts[..columns].copy_from_slice(converters.firsts(layer.crossbar_of_group(group)));
        }
    }

    /// Collects the rows driven in one input step; returns how many.
    #[inline(always)]
    fn drive(&mut self, inputs: &[u32], first_row: u32, shift: u32, dac_bits: u32) -> usize {
        let mask = (1 << dac_bits) - 1;
        self.driven.clear();
        for (row, &x) in inputs.iter().enumerate() {
            let level = x >> shift & mask;
            if level != 0 {
                self.driven.push((first_row + row as u32, level as i32));
            }
        }
        self.driven.len()
    }

    /// The driven rows as a pattern of the group: bit r is its row r.
    fn pattern(&self, layer: &CrossbarLayer) -> u128 {
        let first = layer.groups[self.group][0];
        self.driven.iter().map(|(row, _)| 1 << (row - first)).sum()
    }

    /// Bitline sums, with what the read adds, and their codes; returns how many conversions were clipped. Gated cells have
    /// their patterns in `solved`, by number. `PLAIN`: no gated cells, no errors, no converters of their own.
    #[inline(always)]
    fn convert<const PLAIN: bool>(&mut self, layer: &CrossbarLayer, cells: &Cells, solved: usize, errors: Option<&[i64]>) -> u32 {
        let mut clipped = [0u32; COLUMN_ALIGNMENT];
        let is_gated = !PLAIN && layer.gated().is_some();
        if is_gated {
            let pattern = self.pattern(layer);
            self.sums.copy_from_slice(self.solved[solved].sums(layer, cells, self.group, pattern));
        }
        for first in (0..self.stride).step_by(COLUMN_ALIGNMENT) {
            let mut sums = [0i32; COLUMN_ALIGNMENT];
            if is_gated {
                sums.copy_from_slice(&self.sums[first..][..COLUMN_ALIGNMENT]);
            } else {
                self.add_driven(layer, cells, first, &mut sums);
            }
            if let (Some(errors), true, false) = (errors, self.rounds, PLAIN) {
                let errors = &errors[first..][..COLUMN_ALIGNMENT];
                for j in 0..COLUMN_ALIGNMENT {
                    sums[j] = (i64::from(sums[j]) + errors[j]).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
                }
            }
            self.sums[first..][..COLUMN_ALIGNMENT].copy_from_slice(&sums);
            if let Conversion::Rounding(adc) = &layer.conversion {
                let weights = &self.weights[first..][..COLUMN_ALIGNMENT];
                let codes = &mut self.codes[first..][..COLUMN_ALIGNMENT];
                if let (Some(converters), false) = (&cells.converters, PLAIN) {
                    own_codes(adc, converters, &self.firsts[first..][..COLUMN_ALIGNMENT], &sums, weights, codes, &mut clipped);
                    continue;
                }
                // One expression for the whole loop, so that it is vectorised.
                match self.rule {
                    rule @ Rounding::Fused(..) => codes_of(adc, rule, &sums, weights, codes, &mut clipped),
                    rule @ Rounding::Product(..) => codes_of(adc, rule, &sums, weights, codes, &mut clipped),
                    rule @ Rounding::Quotient(..) => codes_of(adc, rule, &sums, weights, codes, &mut clipped),
                }
            }
        }
        clipped.iter().sum()
    }

    /// Adds the driven rows' currents of the columns from `first` on.
    #[inline(always)]
    fn add_driven(&self, layer: &CrossbarLayer, cells: &Cells, first: usize, sums: &mut [i32; COLUMN_ALIGNMENT]) {
        for &(row, level) in &self.driven {
            let cells = &cells.values[row as usize * self.stride + first..][..COLUMN_ALIGNMENT];
            if layer.dac_bits == 1 {
                for j in 0..COLUMN_ALIGNMENT {
                    sums[j] += cells[j];
                }
            } else {
                for j in 0..COLUMN_ALIGNMENT {
                    sums[j] += cells[j] * level;
                }
            }
        }
    }

    /// Adds one step's codes (or unrounded sums and what the read adds, which 32 bits may not hold together), weighted by
    /// slice and plane, to the accumulators.
    #[inline(always)]
    fn accumulate(&mut self, layer: &CrossbarLayer, errors: Option<&[i64]>, out: &mut [i64], shift: u32) {
        let columns = layer.columns;
        let values = if self.rounds { &self.codes } else { &self.sums };
        if let (Some(errors), false) = (errors, self.rounds) {
            for (errors, weights) in errors.chunks_exact(columns).zip(self.weights.chunks_exact(columns)).take(layer.planes.converted * layer.planes.slices) {
                for ((out, &error), &weight) in out.iter_mut().zip(errors).zip(weights) {
                    *out += (error * i64::from(weight)) << shift;
                }
            }
        }
        let slices = values.chunks_exact(columns).zip(self.weights.chunks_exact(columns)).take(layer.planes.converted * layer.planes.slices);
        if !self.narrow {
            for (values, weights) in slices {
                for ((out, &value), &weight) in out.iter_mut().zip(values).zip(weights) {
                    *out += (i64::from(value) * i64::from(weight)) << shift;
                }
            }
            return;
        }
        self.partial.fill(0);
        for (codes, weights) in slices {
            for ((partial, &code), &weight) in self.partial.iter_mut().zip(codes).zip(weights) {
                *partial += code * weight;
            }
        }
        for (out, &partial) in out.iter_mut().zip(&self.partial) {
            *out += i64::from(partial) << shift;
        }
    }

    /// Counts the conversions of the driven rows whose code is not that of `error_free` cells, and those whose code is then zero.
    #[inline(always)]
    fn compare<const PLAIN: bool>(&mut self, layer: &CrossbarLayer, error_free: &Cells, counts: &mut Counts) {
        let actual = self.codes.clone();
        self.convert::<PLAIN>(layer, error_free, 1, None);
        for ((actual, code), weight) in actual.iter().zip(&self.codes).zip(&self.weights) {
            counts.wrong += u64::from((actual != code) & (*weight != 0));
            counts.zero_codes += u64::from((*code == 0) & (*weight != 0));
        }
    }

    fn keep_sums(&self, layer: &CrossbarLayer, kept: &mut [i32], place: [usize; 3], positions: usize) {
        let [group, step, position] = place;
        let planes_slices = layer.planes.converted * layer.planes.slices;
        for slice in 0..planes_slices {
            for column in 0..layer.columns {
                let at = ((group * planes_slices + slice) * layer.input_steps as usize + step) * layer.columns + column;
                kept[at * positions + position] = self.sums[slice * layer.columns + column];
            }
        }
    }
}

/// Codes of sums by the converters of their own.
#[inline(always)]
fn own_codes(adc: &Adc, converters: &Converters, firsts: &[u32], sums: &[i32; COLUMN_ALIGNMENT], weights: &[i32], codes: &mut [i32], clipped: &mut [u32; COLUMN_ALIGNMENT]) {
    for j in 0..COLUMN_ALIGNMENT {
        let index = converters.index(firsts[j], sums[j]);
        let kept = index.clamp(0, adc.top as i32);
        codes[j] = kept - adc.zero_index;
        clipped[j] += u32::from((kept != index) & (weights[j] != 0));
    }
}

/// Codes of sums without branches; counts the clipped ones, lane by lane.
#[inline(always)]
fn codes_of(adc: &Adc, rule: Rounding, sums: &[i32; COLUMN_ALIGNMENT], weights: &[i32], codes: &mut [i32], clipped: &mut [u32; COLUMN_ALIGNMENT]) {
    let mut indices = [0i32; COLUMN_ALIGNMENT];
    for j in 0..COLUMN_ALIGNMENT {
        indices[j] = rule.index(sums[j]);
    }
    for j in 0..COLUMN_ALIGNMENT {
        let kept = indices[j].clamp(0, adc.top as i32);
        codes[j] = kept - adc.zero_index;
        clipped[j] += u32::from((kept != indices[j]) & (weights[j] != 0));
    }
}
