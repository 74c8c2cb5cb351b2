//! Tables of partial sums: for every pattern of a unit, the current of 16 columns of one slice, before the ADC.
//! [`super::plain`] has the plain way, as the shaders do it.

use super::code_tables::{Slot, Source, fill_sums};
use super::lanes::{INTS, Ints, Lanes, with_lanes};
use crate::engine::units::Block;

/// What the columns of one slice of a row group have in common.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// All ones where a conversion is made.
    pub mask: Ints,
    /// True if a sum can be clipped.
    pub can_clip: bool,
    /// True if 16 bits hold every sum.
    pub is_narrow: bool,
    /// Where each column's own converter begins, where they have such.
    pub firsts: Option<[u32; INTS]>,
}

/// Which columns: a slice of a plane, and the 16 outputs from `16 half` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Converted plane.
    pub plane: usize,
    /// Slice, counted from the least significant.
    pub slice: usize,
    /// Sixteenths of outputs.
    pub half: usize,
}

with_lanes! {
    /// Builds the tables of one row group (a block of its units) for 16 columns; `None` if nothing is converted there.
    pub fn sum_tables(source: &Source, block: &Block, place: Place, table: &mut [Ints]) -> Option<Columns> = build
}

#[inline(always)]
fn build<L: Lanes>(lanes: L, source: &Source, block: &Block, place: Place, table: &mut [Ints]) -> Option<Columns> {
    let mut columns: Option<Columns> = None;
    let mut range = [Ints::ZERO; 2];
    for unit in &block.units {
        let slot = Slot::new(source.layer, source.cells, unit, place.plane, place.slice, place.half)?;
        let of_unit = slot.range();
        for i in 0..INTS {
            range[0].0[i] += of_unit[0].0[i];
            range[1].0[i] += of_unit[1].0[i];
        }
        fill_sums(lanes, slot.bits(), &mut table[unit.first..unit.first + (1 << unit.bits)]);
        columns = Some(Columns { mask: slot.mask, can_clip: false, is_narrow: false, firsts: source.cells.converters.is_some().then_some(slot.firsts) });
    }
    let [least, largest] = range;
    let is_narrow = least.0.iter().chain(&largest.0).all(|&sum| i16::try_from(sum).is_ok());
    let can_clip = source.cells.converters.is_some() || source.converter.can_clip(&least, &largest);
    columns.map(|c| Columns { can_clip, is_narrow, ..c })
}
