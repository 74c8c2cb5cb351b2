//! In which pattern the rows of every unit are driven at a position. Twin of `shaders/patterns.wgsl`.

use crate::engine::cpu::View;
use crate::engine::cpu::gather::gather;
use crate::crossbar::CrossbarLayer;
use super::units::Units;
use crate::quantize::Window;

/// Words of one unit: two steps share one, the first in the low half.
pub fn step_words(layer: &CrossbarLayer) -> usize {
    (layer.input_steps as usize).div_ceil(2)
}

/// Indices `[unit][step]` of the patterns at `position`, 16 bits each; padding drives `zero`.
pub fn patterns(layer: &CrossbarLayer, units: &Units, window: &Window, input: View, zero: u32, position: usize) -> Vec<u32> {
    let mut inputs = vec![0; layer.rows];
    gather(window, input, zero, position, &mut inputs);
    let words = step_words(layer);
    let mut out = vec![0; units.len() * words];
    for (unit, &[start, end]) in units.rows.iter().enumerate() {
        for step in 0..layer.input_steps {
            let mut index = 0;
            for (r, &x) in inputs[start as usize..end as usize].iter().enumerate() {
                for j in 0..layer.dac_bits {
                    index |= (x >> (step * layer.dac_bits + j) & 1) << (j * (end - start) + r as u32);
                }
            }
            out[unit * words + step as usize / 2] |= index << (step % 2 * 16);
        }
    }
    out
}

/// The index of a unit in a step.
pub fn index_of(patterns: &[u32], layer: &CrossbarLayer, unit: usize, step: u32) -> usize {
    (patterns[unit * step_words(layer) + step as usize / 2] >> (step % 2 * 16) & 0xffff) as usize
}
