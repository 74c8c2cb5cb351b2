//! Tables of codes: for every pattern of a unit, what its conversions add to 32 columns, over all slices and planes.
//! [`super::plain`] has the plain way, as the shaders do it.
//!
//! A pattern's bitline sum is the sum of its low and its high bits' sums, so a row costs one addition per slice. Where
//! nothing can be clipped 16 bits decide nearly all codes ([`super::estimates`]); else every sum is converted exactly.
//!
//! Read noise would make a conversion a random number: a row then needs its variance beside its code, which has its
//! place here, where each (pattern, slice) is converted once and for all.

use super::estimates::Estimates;
use super::lanes::{INTS, Ints, Lanes, Rounding, WORDS, Words, estimate_rule, fastest_rule, single_rule, with_lanes};
use super::program_cells::Cells;
use crate::crossbar::{Adc, CrossbarLayer};
use crate::engine::units::{Block, Unit};

/// Pattern bits of the low sums: 32 rows of 64 bytes per slice stay in the first-level cache.
const LOW_BITS: u32 = 5;
/// Their rows.
pub const LOW_ROWS: usize = 1 << LOW_BITS;

/// A layer's converter, as tables need it.
#[derive(Debug, Clone, Copy)]
pub struct Converter {
    /// Sum to index.
    pub rule: Rounding,
    /// The rule in single precision, where it serves sums of 16 bits.
    pub single: Option<(f32, f32)>,
    /// How codes of sums of any size are estimated, and how far from a whole number that is certain.
    pub estimate: Option<(f32, f32)>,
    /// Highest index.
    pub top: i32,
    /// Index that codes are counted from.
    pub zero: i32,
}

impl Converter {
    /// The converter of `adc`.
    pub fn new(adc: &Adc) -> Self {
        let rule = fastest_rule(adc);
        Converter { rule, single: single_rule(adc), estimate: estimate_rule(adc, &rule), top: adc.top as i32, zero: adc.zero_index }
    }

    /// True if a sum between `least` and `largest` can be clipped: indices rise with sums.
    #[inline(always)]
    pub fn can_clip(&self, least: &Ints, largest: &Ints) -> bool {
        let mut can = false;
        for i in 0..INTS {
            can |= self.rule.index(least.0[i]) < 0 || self.rule.index(largest.0[i]) > self.top;
        }
        can
    }

    /// Indices within the range; counts those that were outside, where a conversion is made.
    #[inline(always)]
    pub fn clip<L: Lanes>(&self, lanes: L, index: L::Ints, mask: L::Ints, clipped: &mut u32) -> L::Ints {
        let kept = lanes.min(lanes.max(index, lanes.all(0)), lanes.all(self.top));
        *clipped += lanes.count_different(kept, index, mask);
        kept
    }
}

/// 16 columns of one slice of one plane, on one unit.
pub struct Slot {
    /// Per pattern bit, the conductances it adds.
    pub bits: Vec<Ints>,
    /// All ones where a conversion is made.
    pub mask: Ints,
}

impl Slot {
    /// The columns from `16 half` on; `None` if nothing is converted there.
    pub fn new(layer: &CrossbarLayer, cells: &Cells, unit: &Unit, plane: usize, slice: usize, half: usize) -> Option<Self> {
        let columns = half * INTS..((half + 1) * INTS).min(layer.columns);
        let first = layer.converted_column(plane, slice, columns.start);
        let weights = &layer.column_weights[unit.group * layer.converted_columns() + first..][..columns.len()];
        if weights.iter().all(|&w| w == 0) {
            return None;
        }
        let mut slot = Slot { bits: Vec::with_capacity(unit.bits as usize), mask: Ints::ZERO };
        slot.mask.0.iter_mut().zip(weights).for_each(|(m, &w)| *m = -i32::from(w != 0));
        for digit_bit in 0..unit.bits / unit.rows.len() as u32 {
            for row in unit.rows.clone() {
                let mut conductances = Ints::ZERO;
                let cells = &cells.values[row * cells.stride + first..][..columns.len()];
                conductances.0.iter_mut().zip(cells).for_each(|(g, &c)| *g = c << digit_bit);
                slot.bits.push(conductances);
            }
        }
        Some(slot)
    }

    /// Least and largest sums over all patterns.
    pub fn range(&self) -> [Ints; 2] {
        let mut range = [Ints::ZERO; 2];
        for bit in &self.bits {
            for i in 0..INTS {
                range[0].0[i] += bit.0[i].min(0);
                range[1].0[i] += bit.0[i].max(0);
            }
        }
        range
    }
}

/// A plane's slices on 16 columns while a unit's table is built, from the least significant on.
pub struct Plane {
    /// What is added up.
    pub slots: Vec<Slot>,
    /// `[slice][pattern of the low bits]`
    pub low: Vec<[Ints; LOW_ROWS]>,
    /// `[slice][pattern of the high bits]`
    pub high: Vec<Vec<Ints>>,
    can_clip: Vec<bool>,
}

/// 16 columns of a unit.
pub struct Half {
    /// Its planes.
    pub planes: Vec<Plane>,
    /// The zero level's share of a row.
    pub zero: Ints,
}

/// What tables are built from.
pub struct Source<'a> {
    /// The layer.
    pub layer: &'a CrossbarLayer,
    /// Its cells on this chip.
    pub cells: &'a Cells,
    /// Its converter.
    pub converter: &'a Converter,
}

with_lanes! {
    /// Builds the tables of `block` for the columns from `32 tile` on: a row of codes per pattern, and how many of its
    /// conversions are clipped. Returns false if none can be.
    pub fn code_tables(source: &Source, block: &Block, tile: usize, rows: &mut [Words], clips: &mut [u32]) -> bool = build
}

#[inline(always)]
fn build<L: Lanes>(lanes: L, source: &Source, block: &Block, tile: usize, rows: &mut [Words], clips: &mut [u32]) -> bool {
    let halves = (source.layer.columns - tile * WORDS).div_ceil(INTS).min(2);
    let mut can_clip = false;
    let mut codes = [[Ints::ZERO; 2]; LOW_ROWS];
    for unit in &block.units {
        let mut halves_of_unit = Vec::with_capacity(halves);
        for half in 0..halves {
            halves_of_unit.push(half_of(lanes, source, unit, tile * 2 + half));
        }
        let halves = &halves_of_unit;
        can_clip |= halves.iter().any(Half::can_clip);
        let table = unit.first..unit.first + (1 << unit.bits);
        clips[table.clone()].fill(0);
        if let Some(estimates) = Estimates::new(lanes, source, halves) {
            estimates.fill(lanes, source, halves, &mut rows[table]);
            continue;
        }
        for (high, rows) in rows[table].chunks_mut(LOW_ROWS).enumerate() {
            let mut clipped = [0; LOW_ROWS];
            for (h, half) in halves.iter().enumerate() {
                exact_rows(lanes, source, half, high, &mut codes[..rows.len()], h, &mut clipped);
            }
            for (row, codes) in rows.iter_mut().zip(&codes) {
                *row = lanes.pack(lanes.ints(&codes[0]), lanes.ints(&codes[1]));
            }
            clips[unit.first + high * LOW_ROWS..][..rows.len()].copy_from_slice(&clipped[..rows.len()]);
        }
    }
    can_clip
}

/// 16 columns of the rows of one pattern of the high bits: the shift-and-add over the slices, by Horner's rule from the
/// most significant on.
#[inline(always)]
fn exact_rows<L: Lanes>(lanes: L, source: &Source, half: &Half, high: usize, codes: &mut [[Ints; 2]], h: usize, clipped: &mut [u32; LOW_ROWS]) {
    let converter = source.converter;
    for (low, row) in codes.iter_mut().enumerate() {
        let mut total = lanes.ints(&half.zero);
        for plane in half.planes.iter().rev() {
            let mut codes = lanes.all(0);
            for slice in (0..plane.slots.len()).rev() {
                let sum = lanes.add(lanes.ints(&plane.low[slice][low]), lanes.ints(&plane.high[slice][high]));
                let mut index = lanes.indices(sum, &converter.rule);
                let mask = lanes.ints(&plane.slots[slice].mask);
                if plane.can_clip[slice] {
                    index = converter.clip(lanes, index, mask, &mut clipped[low]);
                }
                codes = lanes.add(lanes.shift_left(codes, source.layer.cell_bits), lanes.and(index, mask));
            }
            // The minus plane comes first and is turned over by the other.
            total = lanes.sub(codes, total);
        }
        lanes.store(total, &mut row[h]);
    }
}

#[inline(always)]
fn half_of<L: Lanes>(lanes: L, source: &Source, unit: &Unit, half: usize) -> Half {
    let (layer, converter) = (source.layer, source.converter);
    let mut out = Half { planes: Vec::new(), zero: Ints::ZERO };
    for plane in 0..layer.planes.converted {
        // Slices that are converted come first: a block of lower precision lacks the upper ones.
        let slots: Vec<Slot> = (0..layer.planes.slices).map_while(|slice| Slot::new(layer, source.cells, unit, plane, slice, half)).collect();
        let mut sums = Plane { low: vec![[Ints::ZERO; LOW_ROWS]; slots.len()], high: Vec::new(), can_clip: Vec::new(), slots };
        for (slice, slot) in sums.slots.iter().enumerate() {
            let weight = converter.zero << (slice as u32 * layer.cell_bits);
            for i in 0..INTS {
                // Rows of the planes are subtracted in turn, the last from this: see `exact_rows`.
                let level = weight & slot.mask.0[i];
                out.zero.0[i] += if (layer.planes.converted - plane) % 2 == 1 { level } else { -level };
            }
            let (low, high) = slot.bits.split_at(slot.bits.len().min(LOW_BITS as usize));
            let mut high_sums = vec![Ints::ZERO; 1 << high.len()];
            fill_sums(lanes, low, &mut sums.low[slice]);
            fill_sums(lanes, high, &mut high_sums);
            sums.high.push(high_sums);
            let [least, largest] = slot.range();
            sums.can_clip.push(converter.can_clip(&least, &largest));
        }
        out.planes.push(sums);
    }
    out
}

impl Half {
    /// True if a conversion can be clipped.
    pub fn can_clip(&self) -> bool {
        self.planes.iter().any(|p| p.can_clip.contains(&true))
    }
}

/// The sum of every pattern of `bits`, by doubling: a pattern is its highest bit and a pattern that is already there.
#[inline(always)]
pub fn fill_sums<L: Lanes>(lanes: L, bits: &[Ints], sums: &mut [Ints]) {
    sums[0] = Ints::ZERO;
    for (i, bit) in bits.iter().enumerate() {
        let bit = lanes.ints(bit);
        let (there, next) = sums.split_at_mut(1 << i);
        for (sum, next) in there.iter().zip(next) {
            lanes.store(lanes.add(lanes.ints(sum), bit), next);
        }
    }
}
