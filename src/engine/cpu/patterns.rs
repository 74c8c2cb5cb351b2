//! What the DAC puts on the wordlines, as numbers of table rows: for every vector, unit and input step.
//! [`super::plain`] has the plain way, as the shaders do it.
//!
//! Straight from bit planes: the inputs of eight rows are the bytes of a 64-bit word, and transposing its 8 x 8 bits
//! gives, byte by byte, the eight rows' bits in each bit plane. A matrix of inputs per row is never made.

use super::input_bytes::InputBytes;
use super::simd::multiversion;
use crate::engine::units::Unit;
use crate::quantize::Window;
use std::ops::Range;

/// Positions handled together.
const RUN: usize = 64;
/// Bytes of inputs that a unit's pattern can need: up to 16 rows of up to 16 bits.
type Planes = [[[u64; RUN]; 2]; 2];

multiversion! {
    /// Numbers of table rows `[vector][unit][step]` for the vectors (image, position) of `images`.
    pub fn patterns(units: &[Unit], window: &Window, inputs: &InputBytes, steps: usize, dac_bits: usize, images: Range<usize>, out: &mut [u16]) = patterns_inlined
}

#[inline(always)]
fn patterns_inlined(units: &[Unit], window: &Window, inputs: &InputBytes, steps: usize, dac_bits: usize, images: Range<usize>, out: &mut [u16]) {
    let [height, width] = window.out;
    let stride = units.len() * steps;
    let mut planes: Planes = [[[0; RUN]; 2]; 2];
    for image in images.clone() {
        for y in 0..height {
            for x in (0..width).step_by(RUN) {
                let count = RUN.min(width - x);
                let first = ((image - images.start) * height + y) * width + x;
                let out = &mut out[first * stride..(first + count) * stride];
                for (u, unit) in units.iter().enumerate() {
                    transpose_rows(unit, inputs, image, y, x, count, &mut planes);
                    let out = &mut out[u * steps..];
                    if dac_bits == 1 && steps == 8 && unit.rows.len() <= 8 {
                        write_short(&planes, unit.first as u16, out, stride, count);
                    } else if dac_bits == 1 && steps == 8 {
                        write_tall(&planes, unit.first as u16, out, stride, count);
                    } else {
                        write_any(&planes, unit, steps, dac_bits, out, stride, count);
                    }
                }
            }
        }
    }
}

/// Bits of the unit's rows by bit plane: `planes[plane / 8][row / 8][position]`, byte `plane % 8`, bit `row % 8`.
#[inline(always)]
fn transpose_rows(unit: &Unit, inputs: &InputBytes, image: usize, y: usize, x: usize, count: usize, planes: &mut Planes) {
    for (eight, first) in unit.rows.clone().step_by(8).enumerate() {
        let rows = first..(first + 8).min(unit.rows.end);
        for half in 0..1 + usize::from(inputs.is_wide()) {
            let words = &mut planes[half][eight];
            *words = [0; RUN];
            for (r, row) in rows.clone().enumerate() {
                let bytes = &inputs.row(image, row, y)[half][x..x + count];
                let shift = 8 * r as u32;
                words[..count].iter_mut().zip(bytes).for_each(|(word, &byte)| *word |= u64::from(byte) << shift);
            }
            words[..count].iter_mut().for_each(|word| *word = transpose(*word));
        }
    }
}

/// Transposes 8 x 8 bits: bit `i` of byte `j` becomes bit `j` of byte `i`.
#[inline(always)]
fn transpose(mut x: u64) -> u64 {
    let mut swap = |by: u32, mask: u64| {
        let t = (x ^ (x >> by)) & mask;
        x ^= t ^ (t << by);
    };
    swap(7, 0x00AA_00AA_00AA_00AA);
    swap(14, 0x0000_CCCC_0000_CCCC);
    swap(28, 0x0000_0000_F0F0_F0F0);
    x
}

/// Up to 8 rows, 8 steps of 1 bit.
#[inline(always)]
fn write_short(planes: &Planes, first: u16, out: &mut [u16], stride: usize, count: usize) {
    for (position, out) in out.chunks_mut(stride).take(count).enumerate() {
        let bytes = planes[0][0][position].to_le_bytes();
        let words: [u16; 8] = std::array::from_fn(|t| first + u16::from(bytes[t]));
        out[..8].copy_from_slice(&words);
    }
}

/// Up to 16 rows, 8 steps of 1 bit.
#[inline(always)]
fn write_tall(planes: &Planes, first: u16, out: &mut [u16], stride: usize, count: usize) {
    for (position, out) in out.chunks_mut(stride).take(count).enumerate() {
        let (low, high) = (planes[0][0][position].to_le_bytes(), planes[0][1][position].to_le_bytes());
        let words: [u16; 8] = std::array::from_fn(|t| first + (u16::from(low[t]) | u16::from(high[t]) << 8));
        out[..8].copy_from_slice(&words);
    }
}

/// Any number of steps and bits: bit `j n + r` of a pattern is bit `j` of the digit on row `r` of `n`.
#[inline(always)]
fn write_any(planes: &Planes, unit: &Unit, steps: usize, dac_bits: usize, out: &mut [u16], stride: usize, count: usize) {
    let rows = unit.rows.len();
    let plane = |p: usize, position: usize| {
        let byte = |eight: usize| planes[p / 8][eight][position] >> (p % 8 * 8) & 0xff;
        if rows > 8 { byte(0) | byte(1) << 8 } else { byte(0) }
    };
    for (position, out) in out.chunks_mut(stride).take(count).enumerate() {
        for t in 0..steps {
            let digit = |j: usize| plane(t * dac_bits + j, position) << (j * rows);
            let pattern: u64 = (0..dac_bits).filter(|j| t * dac_bits + j < 16).map(digit).fold(0, |a, b| a | b);
            out[t] = (unit.first as u64 + pattern) as u16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::View;
    use crate::engine::cpu::gather::gather;

    #[test]
    fn transposes() {
        for i in 0..8 {
            for j in 0..8 {
                assert_eq!(transpose(1 << (8 * j + i)), 1 << (8 * i + j));
            }
        }
    }

    /// Against the inputs of every row, for strides, dilations, padding, tall and short units, wide inputs.
    #[test]
    fn patterns_are_the_bits_of_the_inputs() {
        let mut runs = 0;
        for (stride, dilation, bits, dac_bits, rows) in [(1, 1, 8, 1, 9), (2, 1, 8, 1, 8), (1, 2, 12, 1, 11), (3, 1, 8, 2, 4), (1, 1, 5, 2, 6), (2, 2, 12, 4, 3), (1, 1, 8, 8, 1)] {
            let shape = [3, 11, 70];
            let out = |size: usize| (size + 2 - 2 * dilation - 1) / stride + 1;
            let window = Window { first_channel: 1, channels: 2, kernel: [3, 3], stride: [stride; 2], pad: [1, 1], dilation: [dilation; 2], out: [out(11), out(70)] };
            let values: Vec<u32> = (0..2 * 3 * 11 * 70u32).map(|i| crate::rng::philox4x32([i, 0, 0, 0], [bits, 0])[0] >> (32 - bits)).collect();
            let input = View { values: &values, shape };
            let zero = (1 << bits) / 3;
            let steps = (bits as usize).div_ceil(dac_bits);
            let units: Vec<Unit> = (0..18).step_by(rows).map(|r| Unit { rows: r..(r + rows).min(18), group: 0, bits: 0, first: r * 7 }).collect();
            let inputs = InputBytes::new(&window, input, zero, bits);
            let mut got = vec![0; 2 * window.positions() * units.len() * steps];
            patterns(&units, &window, &inputs, steps, dac_bits, 0..2, &mut got);
            let mut of_rows = vec![0; 18];
            for vector in 0..2 * window.positions() {
                let image = View { values: input.image(vector / window.positions()), shape };
                gather(&window, image, zero, vector % window.positions(), &mut of_rows);
                for (u, unit) in units.iter().enumerate() {
                    for t in 0..steps {
                        let mut expected = unit.first as u32;
                        for (r, &x) in of_rows[unit.rows.clone()].iter().enumerate() {
                            for j in 0..dac_bits {
                                expected += (x >> (t * dac_bits + j) & 1) << (j * unit.rows.len() + r);
                            }
                        }
                        assert_eq!(u32::from(got[(vector * units.len() + u) * steps + t]), expected);
                        runs += 1;
                    }
                }
            }
        }
        assert!(runs > 10_000);
    }
}
