//! A product from tables of currents: those of a group's blocks are added, converted, weighed. Twin of
//! `shaders/look_up_sums.wgsl`.

use super::look_up_codes::input_sum;
use super::patterns::index_of;
use super::sum_tables::PADDING;
use crate::crossbar::{Conversion, CrossbarLayer};
use super::units::Units;
use std::ops::Range;

/// Accumulators of `columns` for one vector with the given patterns, and where `columns` starts at 0 the sum of the
/// inputs; returns how many conversions were clipped.
pub fn look_up_sums(layer: &CrossbarLayer, units: &Units, tables: &[i32], patterns: &[u32], columns: Range<usize>, out: &mut [i64]) -> u64 {
    let (width, slices) = (columns.len().next_multiple_of(PADDING), layer.planes.converted * layer.planes.slices);
    let mut clipped = 0;
    out[columns.clone()].fill(0);
    for (group, &[first, end]) in units.of_group.iter().enumerate() {
        for slice in 0..slices {
            for (i, column) in columns.clone().enumerate() {
                let weight = layer.column_weights[group * layer.converted_columns() + slice * layer.columns + column];
                if weight == 0 {
                    continue; // no conversion is made
                }
                for step in 0..layer.input_steps {
                    let of_unit = |unit: usize| tables[((unit * units.entries() + index_of(patterns, layer, unit, step)) * slices + slice) * width + i];
                    let sum = (first as usize..end as usize).map(of_unit).sum();
                    let (value, clips) = match &layer.conversion {
                        Conversion::Ideal => (sum, false),
                        Conversion::Rounding(adc) => adc.code(sum),
                    };
                    clipped += u64::from(clips && !layer.digital);
                    out[column] += (i64::from(value) * i64::from(weight)) << (step * layer.dac_bits);
                }
            }
        }
    }
    if layer.planes.input_sum && columns.start == 0 {
        out[layer.columns] = input_sum(layer, units, patterns);
    }
    clipped
}
