//! Tables of codes: for every pattern of a unit, what its conversions add to 32 columns, over all slices and planes.
//! [`super::plain`] has the plain way, as the shaders do it.
//!
//! A pattern's bitline sum is the sum of its low and its high bits' sums, so a row costs one addition per slice. Where
//! nothing can be clipped 16 bits decide nearly all codes ([`super::estimates`]); else every sum is converted exactly.
//! Currents of gated cells on wires do not add up: they are solved for every pattern, and converted exactly.
//!
//! Read noise makes a conversion a random number: rows are then those of [`super::noise::flip_tables`].

use super::estimates::Estimates;
use super::gated_currents::solve_all;
use super::lanes::{INTS, Ints, Lanes, Rounding, WORDS, Words, estimate_rule, fastest_rule, single_rule, with_lanes};
use super::program_cells::Cells;
use crate::crossbar::wires::gated::Star;
use crate::crossbar::{Adc, Converters, CrossbarLayer};
use crate::engine::kernel::MOST_CODE_BITS;
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
    bits: [Ints; MOST_CODE_BITS as usize],
    count: usize,
    /// All ones where a conversion is made.
    pub mask: Ints,
    /// Where each column's own converter begins, where they have such.
    pub firsts: [u32; INTS],
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
        let mut slot = Slot { bits: [Ints::ZERO; MOST_CODE_BITS as usize], count: unit.bits as usize, mask: Ints::ZERO, firsts: [0; INTS] };
        if let Some(converters) = &cells.converters {
            let firsts = &converters.firsts(layer.crossbar_of_group(unit.group))[first..][..columns.len()];
            slot.firsts[..columns.len()].copy_from_slice(firsts);
        }
        slot.mask.0.iter_mut().zip(weights).for_each(|(m, &w)| *m = -i32::from(w != 0));
        let rows = unit.rows.len();
        for (bit, conductances) in slot.bits[..slot.count].iter_mut().enumerate() {
            let cells = &cells.values[(unit.rows.start + bit % rows) * cells.stride + first..][..columns.len()];
            conductances.0.iter_mut().zip(cells).for_each(|(g, &c)| *g = c << (bit / rows));
        }
        Some(slot)
    }

    /// Per pattern bit, the conductances it adds.
    pub fn bits(&self) -> &[Ints] {
        &self.bits[..self.count]
    }

    /// Least and largest sums over all patterns.
    pub fn range(&self) -> [Ints; 2] {
        let mut range = [Ints::ZERO; 2];
        for bit in self.bits() {
            for i in 0..INTS {
                range[0].0[i] += bit.0[i].min(0);
                range[1].0[i] += bit.0[i].max(0);
            }
        }
        range
    }
}

/// A slice of a plane on 16 columns while a unit's table is built.
pub struct Slice {
    /// All ones where a conversion is made.
    pub mask: Ints,
    /// By pattern of the low bits.
    pub low: [Ints; LOW_ROWS],
    /// By pattern of the high bits.
    pub high: Vec<Ints>,
    /// Gated cells: by whole pattern, and nothing in the other two.
    solved: Vec<Ints>,
    can_clip: bool,
    /// Where each column's own converter begins, where they have such.
    firsts: [u32; INTS],
}

/// 16 columns of a unit. The memory serves one unit after another.
#[derive(Default)]
pub struct Half {
    /// Per plane its slices, from the least significant on.
    pub planes: Vec<Reused<Slice>>,
    /// The zero level's share of a row.
    pub zero: Ints,
    /// Where gated cells are solved.
    stars: Vec<Star<INTS>>,
}

/// Items of which the first are in use; the memory of the others waits.
pub struct Reused<T> {
    items: Vec<T>,
    used: usize,
}

impl<T> Default for Reused<T> {
    fn default() -> Self {
        Reused { items: Vec::new(), used: 0 }
    }
}

impl<T> Reused<T> {
    /// None is in use.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// One more, a former one where there is any.
    pub fn next(&mut self, fresh: impl FnOnce() -> T) -> &mut T {
        if self.used == self.items.len() {
            self.items.push(fresh());
        }
        self.used += 1;
        &mut self.items[self.used - 1]
    }
}

impl<T> std::ops::Deref for Reused<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.items[..self.used]
    }
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
    let (mut memory, mut estimates) = ([Half::default(), Half::default()], Estimates::default());
    for unit in &block.units {
        for (h, half) in memory[..halves].iter_mut().enumerate() {
            half.fill(lanes, source, unit, tile * 2 + h);
        }
        let halves = &memory[..halves];
        can_clip |= halves.iter().any(Half::can_clip);
        let table = unit.first..unit.first + (1 << unit.bits);
        clips[table.clone()].fill(0);
        if estimates.make(lanes, source, halves) {
            estimates.fill(lanes, source, halves, &mut rows[table]);
            continue;
        }
        for (high, rows) in rows[table].chunks_mut(LOW_ROWS).enumerate() {
            let mut clipped = [0; LOW_ROWS];
            for (h, half) in halves.iter().enumerate() {
                let codes = &mut codes[..rows.len()];
                match source.layer.gated() {
                    None => exact_rows::<L, false>(lanes, source, half, high, codes, h, &mut clipped),
                    Some(_) => exact_rows::<L, true>(lanes, source, half, high, codes, h, &mut clipped),
                }
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
fn exact_rows<L: Lanes, const GATED: bool>(lanes: L, source: &Source, half: &Half, high: usize, codes: &mut [[Ints; 2]], h: usize, clipped: &mut [u32; LOW_ROWS]) {
    let converter = source.converter;
    for (low, row) in codes.iter_mut().enumerate() {
        let mut total = lanes.ints(&half.zero);
        for plane in half.planes.iter().rev() {
            let mut codes = lanes.all(0);
            for slice in plane.iter().rev() {
                let sum = if GATED { lanes.ints(&slice.solved[high * LOW_ROWS + low]) } else { lanes.add(lanes.ints(&slice.low[low]), lanes.ints(&slice.high[high])) };
                let mut index = match &source.cells.converters {
                    None => lanes.indices(sum, &converter.rule),
                    Some(own) => own_indices(lanes, own, &slice.firsts, sum),
                };
                let mask = lanes.ints(&slice.mask);
                if slice.can_clip {
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

/// Indices of 16 sums by the converters of their own.
#[inline(always)]
pub fn own_indices<L: Lanes>(lanes: L, converters: &Converters, firsts: &[u32; INTS], sums: L::Ints) -> L::Ints {
    let mut values = Ints::ZERO;
    lanes.store(sums, &mut values);
    for i in 0..INTS {
        values.0[i] = converters.index(firsts[i], values.0[i]);
    }
    lanes.ints(&values)
}

impl Half {
    #[inline(always)]
    fn fill<L: Lanes>(&mut self, lanes: L, source: &Source, unit: &Unit, half: usize) {
        let (layer, converter) = (source.layer, source.converter);
        self.zero = Ints::ZERO;
        self.planes.resize_with(layer.planes.converted, Reused::default);
        for (plane, slices) in self.planes.iter_mut().enumerate() {
            slices.clear();
            // Slices that are converted come first: a block of lower precision lacks the upper ones.
            for number in 0..layer.planes.slices {
                let Some(slot) = Slot::new(layer, source.cells, unit, plane, number, half) else { break };
                let weight = converter.zero << (number as u32 * layer.cell_bits);
                for i in 0..INTS {
                    // Rows of the planes are subtracted in turn, the last from this: see `exact_rows`.
                    let level = weight & slot.mask.0[i];
                    self.zero.0[i] += if (layer.planes.converted - plane) % 2 == 1 { level } else { -level };
                }
                let slice = slices.next(|| Slice { mask: Ints::ZERO, low: [Ints::ZERO; LOW_ROWS], high: Vec::new(), solved: Vec::new(), can_clip: false, firsts: [0; INTS] });
                let [least, largest] = match layer.gated() {
                    None => {
                        let (low, high) = slot.bits().split_at(slot.count.min(LOW_BITS as usize));
                        slice.high.resize(1 << high.len(), Ints::ZERO);
                        fill_sums(lanes, low, &mut slice.low);
                        fill_sums(lanes, high, &mut slice.high);
                        slot.range()
                    }
                    Some(wires) => {
                        solve_all(layer, wires, source.cells, unit, [plane, number, half], &mut self.stars, &mut slice.solved);
                        range_of(&slice.solved)
                    }
                };
                // Converters of their own are asked for every sum.
                slice.can_clip = source.cells.converters.is_some() || converter.can_clip(&least, &largest);
                (slice.mask, slice.firsts) = (slot.mask, slot.firsts);
            }
        }
    }

    /// True if a conversion can be clipped.
    pub fn can_clip(&self) -> bool {
        self.planes.iter().any(|slices| slices.iter().any(|slice| slice.can_clip))
    }
}

/// Least and largest of some sums.
#[inline(always)]
fn range_of(sums: &[Ints]) -> [Ints; 2] {
    let mut range = [Ints::ZERO; 2];
    for sum in sums {
        for i in 0..INTS {
            range[0].0[i] = range[0].0[i].min(sum.0[i]);
            range[1].0[i] = range[1].0[i].max(sum.0[i]);
        }
    }
    range
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
