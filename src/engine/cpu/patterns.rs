//! What the DAC puts on the wordlines, as numbers of table rows ([`Rows`](super::lanes::rows::Rows) has their form): for every vector, unit and input step.
//! [`super::plain`] has the plain way, as the shaders do it.
//!
//! Straight from bit planes: the inputs of eight rows are the bytes of a 64-bit word, and transposing its 8 x 8 bits
//! gives, byte by byte, the eight rows' bits in each bit plane. A matrix of inputs per row is never made.
//!
//! Eight steps of one bit, the usual case, are done for several units side by side ([`Bytes`]); the rest one by one.

use super::input_bytes::InputBytes;
use super::lanes::bytes::{Bytes, MOST_PIECES, with_bytes};
use super::lanes::rows::NUMBER_STEP;
use super::lanes::octets::{OCTETS, Octet, Octets};
use super::simd::multiversion;
use crate::engine::units::Unit;
use crate::quantize::Window;
use std::ops::Range;

/// Numbers of table rows `[vector][unit][step]` for the vectors (image, position) of `images`.
pub fn patterns(units: &[Unit], window: &Window, inputs: &InputBytes, steps: usize, dac_bits: usize, images: Range<usize>, out: &mut [u16]) {
    if steps == STEPS && dac_bits == 1 {
        eight_steps(units, window, inputs, images, out);
    } else {
        any_steps(units, window, inputs, steps, dac_bits, images, out);
    }
}

with_bytes! {
    /// [`patterns`] for eight steps of one bit.
    pub fn eight_steps(units: &[Unit], window: &Window, inputs: &InputBytes, images: Range<usize>, out: &mut [u16]) = eight_steps_inlined
}

/// Steps of [`eight_steps`].
const STEPS: usize = 8;

/// Units whose pieces are in a register together: piece `l` of unit `l % units`.
struct Group {
    /// The first unit.
    unit: usize,
    /// 1, 2 or 4.
    units: usize,
    /// Where the bytes of a row begin, by row and piece; the last row stands for those that the unit has not.
    rows: [[[usize; MOST_PIECES]; 8]; 2],
    /// Rows of the largest unit.
    most_rows: usize,
    /// Bits of a unit's rows: 0 to 7, 8 to 15; of a ninth row alone, all bits of its bytes.
    masks: [[u8; MOST_PIECES]; 2],
    /// Number of the table's first row.
    firsts: [u16; MOST_PIECES],
}

impl Group {
    /// The group of the first of `units`, which are `unit` and following.
    fn new(units: &[Unit], unit: usize, most: usize, inputs: &InputBytes) -> Self {
        let count = 1 << units.len().min(most).ilog2();
        let mut group = Group { unit, units: count, rows: [[[0; MOST_PIECES]; 8]; 2], most_rows: 0, masks: [[0; MOST_PIECES]; 2], firsts: [0; MOST_PIECES] };
        for piece in 0..MOST_PIECES {
            let unit = &units[piece % count];
            let rows = unit.rows.len();
            let offsets = inputs.offsets(unit.rows.clone());
            for r in 0..if rows > 8 { 16 } else { 8 } {
                group.rows[r / 8][r % 8][piece] = offsets[r.min(rows - 1)];
            }
            group.most_rows = group.most_rows.max(rows);
            let bits = (1_u32 << rows) - 1;
            (group.masks[0][piece], group.masks[1][piece]) = (bits as u8, (bits >> 8) as u8);
            group.firsts[piece] = (unit.first * NUMBER_STEP) as u16;
        }
        if group.most_rows == 9 {
            group.masks[1] = group.masks[1].map(|one| one * 0xff);
        }
        group
    }
}

#[inline(always)]
fn eight_steps_inlined<L: Bytes>(lanes: L, units: &[Unit], window: &Window, inputs: &InputBytes, images: Range<usize>, out: &mut [u16]) {
    let mut groups = Vec::with_capacity(units.len());
    let mut unit = 0;
    while unit < units.len() {
        groups.push(Group::new(&units[unit..], unit, L::PIECES, inputs));
        unit += groups[groups.len() - 1].units;
    }
    let mut octets = Octets::new(inputs, window, &images);
    let source = Source { bytes: inputs.low(), joined: octets.are_joined() };
    let stride = units.len() * STEPS;
    while let Some(some) = octets.some() {
        for group in &groups {
            match group.units {
                4 if L::PIECES >= 4 => some_positions::<L, 4>(lanes, source, group, &some, out, stride),
                2 if L::PIECES >= 2 => some_positions::<L, 2>(lanes, source, group, &some, out, stride),
                _ => some_positions::<L, 1>(lanes, source, group, &some, out, stride),
            }
        }
    }
}

/// Where rows are read.
#[derive(Clone, Copy)]
struct Source<'a> {
    bytes: &'a [u8],
    /// True if the octets of a piece are neighbours.
    joined: bool,
}

/// Patterns of a group of `UNITS` units at some octets.
#[inline(always)]
fn some_positions<L: Bytes, const UNITS: usize>(lanes: L, source: Source, group: &Group, octets: &[Octet; OCTETS], out: &mut [u16], stride: usize) {
    let pieces = L::PIECES / UNITS;
    let masks = [lanes.all_bytes(group.masks[0]), lanes.all_bytes(group.masks[1])];
    let first = lanes.all_words(group.firsts);
    for octets in octets.chunks_exact(2 * pieces) {
        if octets[0].count == 0 {
            break;
        }
        let mut from = [[0; MOST_PIECES]; 2];
        for piece in 0..L::PIECES {
            from[0][piece] = octets[piece / UNITS * 2].from;
            from[1][piece] = octets[piece / UNITS * 2 + 1].from;
        }
        let tile = Tile { lanes, source, from, octets, first, at: group.unit * STEPS, stride };
        let low = tile.eight_rows(&group.rows[0], masks[0]);
        let high = match group.most_rows {
            0..=8 => [lanes.zero(); 8],
            9 => lanes.bits_of_one(lanes.and(tile.row(&group.rows[1][0]), masks[1])),
            _ => tile.eight_rows(&group.rows[1], masks[1]),
        };
        // Written out: a loop would keep the registers in memory.
        tile.write::<UNITS, 0>(low[0], high[0], out);
        tile.write::<UNITS, 2>(low[1], high[1], out);
        tile.write::<UNITS, 4>(low[2], high[2], out);
        tile.write::<UNITS, 6>(low[3], high[3], out);
        tile.write::<UNITS, 8>(low[4], high[4], out);
        tile.write::<UNITS, 10>(low[5], high[5], out);
        tile.write::<UNITS, 12>(low[6], high[6], out);
        tile.write::<UNITS, 14>(low[7], high[7], out);
    }
}

/// A register's pieces: some units at some octets.
struct Tile<'a, L: Bytes> {
    lanes: L,
    source: Source<'a>,
    /// Where rows of bytes begin, by half and piece.
    from: [[usize; MOST_PIECES]; 2],
    octets: &'a [Octet],
    first: L::Words,
    /// The first unit's patterns among those of a vector.
    at: usize,
    /// Words from vector to vector.
    stride: usize,
}

impl<L: Bytes> Tile<'_, L> {
    /// The bytes of a row.
    #[inline(always)]
    fn row(&self, row: &[usize; MOST_PIECES]) -> L::Register {
        let mut at = self.from;
        for piece in 0..L::PIECES {
            at[0][piece] += row[piece];
            at[1][piece] += row[piece];
        }
        if self.source.joined { self.lanes.load(self.source.bytes, at[0]) } else { self.lanes.load_halves(self.source.bytes, at) }
    }

    /// The bits of eight rows.
    #[inline(always)]
    fn eight_rows(&self, r: &[[usize; MOST_PIECES]; 8], mask: L::Register) -> [L::Register; 8] {
        let rows = [self.row(&r[0]), self.row(&r[1]), self.row(&r[2]), self.row(&r[3]), self.row(&r[4]), self.row(&r[5]), self.row(&r[6]), self.row(&r[7])];
        let mut bits = self.lanes.bits(rows);
        for j in 0..8 {
            bits[j] = self.lanes.and(bits[j], mask);
        }
        bits
    }

    /// Writes positions `P` and `P + 1` of each piece.
    #[inline(always)]
    fn write<const UNITS: usize, const P: usize>(&self, low: L::Register, high: L::Register, out: &mut [u16]) {
        let words = self.lanes.words(low, high, self.first);
        for piece in 0..L::PIECES / UNITS {
            let octet = &self.octets[2 * piece + P / 8];
            for second in 0..2 {
                let p = P % 8 + second;
                if p < octet.count {
                    let at = (octet.vector + p) * self.stride + self.at;
                    self.lanes.store::<UNITS>(words[second], piece * UNITS, &mut out[at..at + UNITS * STEPS]);
                }
            }
        }
    }
}

/// Positions handled together.
const RUN: usize = 64;
/// Bytes of inputs that a unit's pattern can need: up to 16 rows of up to 16 bits.
type Planes = [[[u64; RUN]; 2]; 2];

multiversion! {
    /// [`patterns`] for any number of steps and bits.
    pub fn any_steps(units: &[Unit], window: &Window, inputs: &InputBytes, steps: usize, dac_bits: usize, images: Range<usize>, out: &mut [u16]) = any_steps_inlined
}

#[inline(always)]
fn any_steps_inlined(units: &[Unit], window: &Window, inputs: &InputBytes, steps: usize, dac_bits: usize, images: Range<usize>, out: &mut [u16]) {
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
                    write_any(&planes, unit, steps, dac_bits, &mut out[u * steps..], stride, count);
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
            out[t] = (unit.first as u64 + pattern) as u16 * NUMBER_STEP as u16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::View;
    use crate::engine::cpu::gather::gather;
    use crate::engine::cpu::lanes::Portable;

    #[test]
    fn transposes() {
        for i in 0..8 {
            for j in 0..8 {
                assert_eq!(transpose(1 << (8 * j + i)), 1 << (8 * i + j));
            }
        }
    }

    /// A window, with the shape of its input.
    fn conv(stride: usize, dilation: usize, [height, width]: [usize; 2]) -> (Window, [usize; 3]) {
        let out = |size: usize| (size + 2 - 2 * dilation - 1) / stride + 1;
        let window = Window { first_channel: 1, channels: 2, kernel: [3, 3], stride: [stride; 2], pad: [1, 1], dilation: [dilation; 2], out: [out(height), out(width)] };
        (window, [3, height, width])
    }

    /// A fully connected layer over `vectors` vectors; units of 9 rows end with one of 7.
    fn connected(vectors: usize) -> (Window, [usize; 3]) {
        let window = Window { first_channel: 0, channels: 34, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, vectors] };
        (window, [34, 1, vectors])
    }

    /// Every way to compute the patterns, the last two images of three, against the inputs of every row.
    fn are_the_bits((window, shape): (Window, [usize; 3]), bits: u32, dac_bits: usize, rows: usize) {
        let size = shape.iter().product::<usize>();
        let values: Vec<u32> = (0..3 * size as u32).map(|i| crate::rng::philox4x32([i, 0, 0, 0], [bits, 0])[0] >> (32 - bits)).collect();
        let input = View { values: &values, shape };
        let zero = (1 << bits) / 3;
        let steps = (bits as usize).div_ceil(dac_bits);
        let all = window.rows();
        // The last unit may be shorter; a table of 13 rows fills the block.
        let units: Vec<Unit> = (0..all).step_by(rows).map(|r| Unit { rows: r..(r + rows).min(all), group: 0, bits: 0, first: r * 7 * usize::from(rows < 13) }).collect();
        let inputs = InputBytes::new(&window, input, zero, bits);
        let mut expected = Vec::new();
        let mut of_rows = vec![0; all];
        for vector in window.positions()..3 * window.positions() {
            let image = View { values: input.image(vector / window.positions()), shape };
            gather(&window, image, zero, vector % window.positions(), &mut of_rows);
            for unit in &units {
                for t in 0..steps {
                    let mut number = unit.first as u32;
                    for (r, &x) in of_rows[unit.rows.clone()].iter().enumerate() {
                        for j in 0..dac_bits {
                            number += (x >> (t * dac_bits + j) & 1) << (j * unit.rows.len() + r);
                        }
                    }
                    expected.push(number as u16 * NUMBER_STEP as u16);
                }
            }
        }
        let check = |way: &str, fill: &dyn Fn(&mut [u16])| {
            let mut got = vec![0; expected.len()];
            fill(&mut got);
            let wrong = got.iter().zip(&expected).position(|(a, b)| a != b);
            assert_eq!(wrong, None, "{way}: {window:?}, {bits} bits, DAC of {dac_bits}, units of {rows}");
        };
        check("any steps", &|out| any_steps_inlined(&units, &window, &inputs, steps, dac_bits, 1..3, out));
        check("chosen", &|out| patterns(&units, &window, &inputs, steps, dac_bits, 1..3, out));
        if steps == STEPS && dac_bits == 1 {
            check("portable", &|out| eight_steps_inlined(Portable, &units, &window, &inputs, 1..3, out));
            #[cfg(target_arch = "x86_64")]
            {
                use crate::engine::cpu::lanes::{Avx2, Gfni512};
                Avx2::new().into_iter().for_each(|lanes| check("AVX2", &|out| eight_steps_inlined(lanes, &units, &window, &inputs, 1..3, out)));
                Gfni512::new().into_iter().for_each(|lanes| check("GFNI", &|out| eight_steps_inlined(lanes, &units, &window, &inputs, 1..3, out)));
            }
        }
    }

    #[test]
    fn patterns_are_the_bits_of_the_inputs() {
        for (stride, dilation, bits, dac_bits, rows) in [(1, 2, 12, 1, 11), (3, 1, 8, 2, 4), (1, 1, 5, 2, 6), (2, 2, 12, 4, 3), (1, 1, 8, 8, 1), (2, 1, 5, 1, 9)] {
            are_the_bits(conv(stride, dilation, [5, 70]), bits, dac_bits, rows);
        }
    }

    #[test]
    fn eight_steps_of_one_bit_in_windows_of_any_width() {
        for width in [1, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 200] {
            for rows in [9, 8, 4, 12, 13] {
                are_the_bits(conv(1, 1, [3, width]), 8, 1, rows);
                are_the_bits(connected(width), 8, 1, rows);
            }
            are_the_bits(conv(2, 1, [6, width]), 8, 1, 9);
            are_the_bits(conv(3, 1, [4, width]), 8, 1, 5);
        }
        are_the_bits(connected(1100), 8, 1, 9);
        are_the_bits(conv(1, 2, [7, 9]), 8, 1, 10);
    }
}
