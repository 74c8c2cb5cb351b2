//! A product from tables of codes: entries are added over row groups, shifted by step. Twin of `shaders/look_up_codes.wgsl`.

use super::code_tables::{CodeTables, PADDING};
use super::patterns::index_of;
use crate::crossbar::CrossbarLayer;
use super::units::{Units, digits};
use std::ops::Range;

/// Accumulators of `columns` for one vector with the given patterns, and where `columns` starts at 0 the sum of the
/// inputs; returns how many conversions were clipped.
pub fn look_up_codes(layer: &CrossbarLayer, units: &Units, tables: &CodeTables, patterns: &[u32], columns: Range<usize>, out: &mut [i64]) -> u64 {
    let pairs = columns.len().next_multiple_of(PADDING) / 2;
    let mut clipped = 0;
    out[columns.clone()].fill(0);
    for unit in 0..units.len() {
        for step in 0..layer.input_steps {
            let at = unit * units.entries() + index_of(patterns, layer, unit, step);
            clipped += u64::from(tables.clips[at]);
            for (i, column) in columns.clone().enumerate() {
                let word = tables.entries[at * pairs + i / 2];
                let even = word as u16 as i16;
                let entry = if i % 2 == 0 { i64::from(even) } else { i64::from(word.wrapping_sub(even as u32) as i32 >> 16) };
                out[column] += entry << (step * layer.dac_bits);
            }
        }
    }
    if layer.planes.input_sum && columns.start == 0 {
        out[layer.columns] = input_sum(layer, units, patterns);
    }
    clipped
}

/// The sum of the inputs that patterns stand for. Mirror: `input_sum` in `shaders/shared/patterns.wgsl`.
pub fn input_sum(layer: &CrossbarLayer, units: &Units, patterns: &[u32]) -> i64 {
    let of_unit = |(unit, &[start, end]): (usize, &[u32; 2])| -> i64 {
        let of_step = |step| digits(index_of(patterns, layer, unit, step), (end - start) as usize, layer.dac_bits).sum::<i32>();
        (0..layer.input_steps).map(|step| i64::from(of_step(step)) << (step * layer.dac_bits)).sum()
    };
    units.rows.iter().enumerate().map(of_unit).sum()
}
