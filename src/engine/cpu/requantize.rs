//! Accumulators -> integers of the output tensor. Twin of `shaders/requantize.wgsl`.

use super::crossbar_mvm::Mvm;
use super::lanes::{INTS, Ints, Lanes, Rescale, with_lanes};
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

multiversion! {
    /// The same from exact products `[output][position]`, all of `out`.
    pub fn requantize_products(scale: &Requantize, products: &[i32], out: &mut [u32]) = products_inlined
}

#[inline(always)]
fn products_inlined(scale: &Requantize, products: &[i32], out: &mut [u32]) {
    let positions = out.len() / scale.multiplier.len();
    let (zero, low, high) = (i64::from(scale.zero_point), i64::from(scale.low), i64::from(scale.high));
    for (n, (products, out)) in products.chunks_exact(positions).zip(out.chunks_exact_mut(positions)).enumerate() {
        if scale.prescale != 0 {
            products.iter().zip(out).for_each(|(&product, out)| *out = scale.apply(n, i64::from(product), 0));
            continue;
        }
        // Both fit 32 bits, so the product is one instruction for a vector of them.
        let (multiplier, bias) = (scale.multiplier[n], scale.bias[n]);
        for (&product, out) in products.iter().zip(out) {
            *out = (zero + shift_round(i64::from(product) * i64::from(multiplier) + bias, scale.shift)).clamp(low, high) as u32;
        }
    }
}

with_lanes! {
    /// The same for one image, from 32-bit rows of 16 outputs: `accumulators[vectors x half + first + position]`, `extra`
    /// `[position]`, empty where there is none; `out` is `[output][position]`.
    pub fn requantize_rows(scale: &Requantize, accumulators: &[Ints], vectors: usize, first: usize, extra: &[i32], out: &mut [u32]) = rows_inlined
}

#[inline(always)]
fn rows_inlined<L: Lanes>(lanes: L, scale: &Requantize, accumulators: &[Ints], vectors: usize, first: usize, extra: &[i32], out: &mut [u32]) {
    let outputs = scale.multiplier.len();
    let positions = out.len() / outputs;
    let is_usual = scale.prescale == 0 && extra.is_empty();
    let mut turned = [Ints::ZERO; INTS];
    for (half, first_output) in (0..outputs).step_by(INTS).enumerate() {
        let count = INTS.min(outputs - first_output);
        let rows = &accumulators[vectors * half + first..][..positions];
        let (runs, rest) = rows.as_chunks::<INTS>();
        let (by, extra_multiplier) = constants(scale, first_output);
        for (run, rows) in runs.iter().enumerate() {
            let mut scaled = [lanes.all(0); INTS];
            for i in 0..INTS {
                scaled[i] = if is_usual {
                    lanes.rescale(lanes.ints(&rows[i]), &by)
                } else {
                    let extra = extra.get(run * INTS + i).map_or(0, |&e| prescaled(i64::from(e), scale.extra_prescale));
                    lanes.ints(&any_row(scale, &rows[i], &by, &extra_multiplier, extra))
                };
            }
            let columns = lanes.transpose(scaled);
            for j in 0..INTS {
                lanes.store(columns[j], &mut turned[j]);
            }
            for (j, column) in turned[..count].iter().enumerate() {
                let to = &mut out[(first_output + j) * positions + run * INTS..][..INTS];
                to.copy_from_slice(&column.0.map(|v| v as u32));
            }
        }
        for (i, row) in rest.iter().enumerate() {
            let position = runs.len() * INTS + i;
            let extra = extra.get(position).map_or(0, |&e| i64::from(e));
            for j in 0..count {
                out[(first_output + j) * positions + position] = scale.apply(first_output + j, i64::from(row.0[j]), extra);
            }
        }
    }
}

/// What scales 16 outputs, and their factors of the extra accumulator.
fn constants(scale: &Requantize, first_output: usize) -> (Rescale, [i64; INTS]) {
    let here = |values: &[i64]| std::array::from_fn(|j| values.get(first_output + j).copied().unwrap_or(0));
    let multiplier = std::array::from_fn(|j| scale.multiplier.get(first_output + j).map_or(0, |&m| i64::from(m)));
    let by = Rescale { multiplier, bias: here(&scale.bias), shift: scale.shift, zero: scale.zero_point, low: scale.low, high: scale.high };
    (by, here(&scale.extra_multiplier))
}

/// [`Requantize::apply`] on 16 outputs; `extra` is prescaled.
#[inline(always)]
fn any_row(scale: &Requantize, row: &Ints, by: &Rescale, extra_multiplier: &[i64; INTS], extra: i64) -> Ints {
    let mut accumulators = row.0.map(i64::from);
    if scale.prescale > 0 {
        accumulators.iter_mut().for_each(|v| *v = prescaled(*v, scale.prescale));
    }
    let mut out = Ints::ZERO;
    for j in 0..INTS {
        out.0[j] = by.rounded(accumulators[j] * by.multiplier[j] + by.bias[j] + extra * extra_multiplier[j]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::PhiloxStream;
    use rand::RngExt;

    #[test]
    fn products_are_requantised_one_by_one() {
        let mut rng = PhiloxStream::new(3);
        for case in 0..50 {
            let (outputs, positions) = (rng.random_range(1..5), rng.random_range(1..40));
            let scale = Requantize {
                prescale: if case % 5 == 4 { 3 } else { 0 },
                extra_prescale: 0,
                shift: rng.random_range(1..40),
                multiplier: (0..outputs).map(|_| rng.random_range(-(1 << 24)..=1 << 24)).collect(),
                extra_multiplier: vec![0; outputs],
                bias: (0..outputs).map(|_| rng.random_range(-(1i64 << 40)..1 << 40)).collect(),
                zero_point: rng.random_range(0..200),
                low: rng.random_range(0..50),
                high: 255,
            };
            let products: Vec<i32> = (0..outputs * positions).map(|_| rng.random_range(i32::MIN..=i32::MAX)).collect();
            let mut out = vec![0; products.len()];
            requantize_products(&scale, &products, &mut out);
            for (i, &product) in products.iter().enumerate() {
                assert_eq!(out[i], scale.apply(i / positions, i64::from(product), 0), "case {case}, element {i}");
            }
        }
    }
}
