//! Accumulators -> integers of the output tensor. Twin of `shaders/requantize.wgsl`.

use super::crossbar_mvm::Mvm;
use super::lanes::{INTS, Ints};
use super::simd::multiversion;
use crate::quantize::Requantize;
use crate::quantize::fixed_point::{prescaled, shift_round};

/// Writes the outputs of one part of a layer: `out[first_output + n][position]`.
pub fn requantize(scale: &Requantize, mvm: &Mvm, first_output: usize, out: &mut [u32]) {
    let width = mvm.layer.accumulators();
    let outputs = mvm.layer.outputs;
    let positions = mvm.window.positions();
    for position in 0..positions {
        let accumulators = &mvm.accumulators[position * width..(position + 1) * width];
        let extra = if width > outputs { accumulators[outputs] } else { 0 };
        for n in 0..outputs {
            out[(first_output + n) * positions + position] = scale.apply(n, accumulators[n], extra);
        }
    }
}

/// Positions that are turned from rows of outputs into runs of positions at a time.
const RUN: usize = 16;

multiversion! {
    /// The same for one image, from 32-bit rows of 16 outputs: `accumulators[vectors x half + first + position]`, `extra`
    /// `[position]`, empty where there is none; `out` is `[output][position]`.
    pub fn requantize_rows(scale: &Requantize, accumulators: &[Ints], vectors: usize, first: usize, extra: &[i32], out: &mut [u32]) = rows_inlined
}

#[inline(always)]
fn rows_inlined(scale: &Requantize, accumulators: &[Ints], vectors: usize, first: usize, extra: &[i32], out: &mut [u32]) {
    let outputs = scale.multiplier.len();
    let positions = out.len() / outputs;
    let mut turned = [[0u32; RUN]; INTS];
    for (half, first_output) in (0..outputs).step_by(INTS).enumerate() {
        let count = INTS.min(outputs - first_output);
        let rows = &accumulators[vectors * half + first..][..positions];
        let mut constants = [[0i64; INTS]; 3];
        for j in 0..count {
            let n = first_output + j;
            constants[0][j] = i64::from(scale.multiplier[n]);
            constants[1][j] = scale.bias[n];
            constants[2][j] = scale.extra_multiplier[n];
        }
        for (run, rows) in rows.chunks(RUN).enumerate() {
            for (i, row) in rows.iter().enumerate() {
                let extra = extra.get(run * RUN + i).map_or(0, |&e| i64::from(e));
                let scaled = one_row(scale, row, &constants, extra);
                for j in 0..INTS {
                    turned[j][i] = scaled[j];
                }
            }
            for j in 0..count {
                out[(first_output + j) * positions + run * RUN..][..rows.len()].copy_from_slice(&turned[j][..rows.len()]);
            }
        }
    }
}

/// [`Requantize::apply`] on 16 outputs; `constants` are multipliers, biases, extra multipliers.
#[inline(always)]
fn one_row(scale: &Requantize, row: &Ints, constants: &[[i64; INTS]; 3], extra: i64) -> [u32; INTS] {
    let (zero, low, high) = (i64::from(scale.zero_point), i64::from(scale.low), i64::from(scale.high));
    let extra = prescaled(extra, scale.extra_prescale);
    let mut accumulators = row.0.map(i64::from);
    if scale.prescale > 0 {
        accumulators.iter_mut().for_each(|v| *v = prescaled(*v, scale.prescale));
    }
    let mut out = [0; INTS];
    for j in 0..INTS {
        let v = accumulators[j] * constants[0][j] + constants[1][j] + extra * constants[2][j];
        out[j] = (zero + shift_round(v, scale.shift)).clamp(low, high) as u32;
    }
    out
}
