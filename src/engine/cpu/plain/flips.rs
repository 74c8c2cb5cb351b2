//! The model of read noise by flips in plain loops, entry by entry: what the CPU engine's tables and look-ups
//! ([`crate::engine::cpu::noise`]) are held to, integer for integer.

use super::units::digits;
use crate::crossbar::{Conversion, CrossbarLayer};
use crate::engine::cpu::lanes::{WORDS, Words};
use crate::engine::cpu::noise::flip_tables::{FLIPS, Flipping, TAKES_THE_OTHERS, threshold, variance, with_the_others};
use crate::engine::cpu::noise::look_up_flips::flip_key;
use crate::engine::cpu::program_cells::Cells;
use crate::rng::{ReadStream, column_code};

/// A column's entry for one pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Likeliest codes, added up over slices and planes.
    pub codes: i32,
    /// Kept flips: (variance, probability in 2^-16, what it adds).
    pub flips: [(i32, i32, i32); FLIPS],
    /// Conversions that are clipped without noise.
    pub clipped: u32,
}

/// The entry of `column` where the rows of `group` are driven by `steps` (from the group's first row on).
pub fn entry(layer: &CrossbarLayer, cells: &Cells, group: usize, steps: &[i32], column: usize) -> Entry {
    let mut out = Entry { codes: 0, flips: [(0, 0, 0); FLIPS], clipped: 0 };
    let (Some(flipping), Conversion::Rounding(adc)) = (Flipping::new(layer), &layer.conversion) else { return out };
    let (mut mean, mut flips) = (0, Vec::new());
    for converted in (column..layer.converted_columns()).step_by(layer.columns) {
        let weight = layer.column_weights[group * layer.converted_columns() + converted];
        if weight == 0 {
            continue; // no conversion is made
        }
        let (mut sum, mut squares) = (0, 0);
        for (row, &step) in (layer.groups[group][0] as usize..).zip(steps) {
            sum += cells.values[row * cells.stride + converted] * step;
            squares += cells.squares[row * cells.stride + converted] * (step * step) as u32;
        }
        let chances = flipping.of(sum, squares);
        out.codes += (chances.index - adc.zero_index) * weight;
        out.clipped += u32::from(chances.clipped);
        for (probability, direction) in chances.flips {
            flips.push((variance(probability, weight.abs().ilog2()), probability, direction * weight));
            mean += probability * direction * weight;
        }
    }
    // The largest variance comes first; of equals the earlier.
    flips.retain(|flip| flip.0 > 0);
    flips.sort_by_key(|flip| -flip.0);
    out.flips.iter_mut().zip(flips).for_each(|(to, flip)| *to = flip);
    let mut left = mean - out.flips.iter().map(|(_, probability, delta)| probability * delta).sum::<i32>();
    for flip in TAKES_THE_OTHERS {
        let (_, probability, delta) = &mut out.flips[flip];
        (*probability, left) = with_the_others(*probability, *delta, left);
    }
    out
}

/// The accumulators of one vector with the inputs `inputs`, and how many conversions are clipped without noise.
pub fn look_up_flips(layer: &CrossbarLayer, cells: &Cells, inputs: &[u32], stream: &ReadStream) -> (Vec<i64>, u64) {
    let (mut out, mut clipped) = (vec![0i64; layer.accumulators()], 0);
    for (group, &[start, end]) in layer.groups.iter().enumerate() {
        let inputs = &inputs[start as usize..end as usize];
        for step in 0..layer.input_steps {
            let index = (0..layer.dac_bits as usize).flat_map(|j| inputs.iter().enumerate().map(move |(r, &x)| (j, r, x)));
            let index = index.map(|(j, r, x)| ((x >> (step * layer.dac_bits + j as u32) & 1) as usize) << (j * inputs.len() + r)).sum();
            let steps: Vec<i32> = digits(index, inputs.len(), layer.dac_bits).collect();
            let keys = stream.keys(group as u32, step);
            for column in 0..layer.columns {
                let entry = entry(layer, cells, group, &steps, column);
                let (tile, place) = (column / WORDS, Words::place(column % WORDS));
                let mut value = entry.codes;
                for (flip, &(_, probability, delta)) in entry.flips.iter().enumerate() {
                    let word = keys.word(column_code(flip_key(layer, tile, flip, place / 2)));
                    let number = (word >> (place % 2 * 16)) as u16 as i16;
                    value += if number < threshold(probability) { delta } else { 0 };
                }
                out[column] += i64::from(value) << (step * layer.dac_bits);
                clipped += u64::from(entry.clipped);
            }
        }
    }
    if layer.planes.input_sum {
        out[layer.columns] = inputs.iter().map(|&x| i64::from(x)).sum();
    }
    (out, clipped)
}
