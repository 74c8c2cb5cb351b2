//! The innermost part of a product: a few rows of weights against runs of neighbouring outputs, in registers.
//!
//! A run is [`RUN`] outputs side by side whose numbers lie side by side too, so that one load serves them all. The sums of
//! a tile go through their taps in order, a product and an addition at a time; vector units only compute several outputs
//! beside each other.
//!
//! To add an instruction set: a line of `kernels!` per type, with as many sums as it has registers for, and its place in
//! `element!`, before slower ones.

/// Rows of a block of weights.
pub const ROWS: usize = 8;
/// Outputs of a run.
pub const RUN: usize = 8;
/// Runs of a block's tile.
pub const BLOCK_RUNS: usize = 4;
/// Runs of a single row's tile.
pub const ROW_RUNS: usize = 16;

/// A number that products are made of.
pub trait Element: Copy + Default + Send + Sync + 'static {
    /// What they are summed in.
    type Sum: Copy + Default + Send + Sync + 'static;
    /// sum + a * b: two roundings for floats (never a fused one), wrapping for integers.
    fn add_product(sum: Self::Sum, a: Self, b: Self) -> Self::Sum;
    /// The fastest kernels that this machine has the instructions for.
    fn kernels() -> Kernels<Self>;
    /// All that it has the instructions for.
    #[cfg(test)]
    fn every_kernel() -> Vec<Kernels<Self>>;
}

/// Two integers of 16 bits; a product of pairs is the sum of both products. Processors multiply them twice as fast as floats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pair(i32);

impl Pair {
    /// From two integers of at most 16 bits, sign included.
    #[inline(always)]
    pub fn new(first: i32, second: i32) -> Self {
        Pair(first & 0xffff | second << 16)
    }
}

/// The kernels of an instruction set. All give the same bits.
pub struct Kernels<T: Element> {
    /// [`ROWS`] rows with [`BLOCK_RUNS`] runs.
    pub(super) block: Kernel<T>,
    /// One row with [`ROW_RUNS`] runs: where there are few rows.
    pub(super) row: Kernel<T>,
}

/// (block, row, numbers, taps, starts, sums): sets the sums `[row][run][output]` of the block's rows from `row` on. The sum
/// of output i of a run is over the taps: block[tap][row] x numbers[start + taps[tap] + i].
///
/// # Safety
/// The machine must have the instructions, and every start + tap + RUN must be within the numbers.
type Kernel<T> = unsafe fn(&[[T; ROWS]], usize, &[T], &[usize], &[usize], &mut [[<T as Element>::Sum; RUN]]);

macro_rules! element {
    ($number:ty, $sum:ty, $add_product:expr, $avx512:ident, $avx2:ident) => {
        impl Element for $number {
            type Sum = $sum;
            #[inline(always)]
            fn add_product(sum: $sum, a: $number, b: $number) -> $sum {
                $add_product(sum, a, b)
            }
            fn kernels() -> Kernels<$number> {
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512dq") {
                    return vector::$avx512();
                } else if is_x86_feature_detected!("avx2") {
                    return vector::$avx2();
                }
                portable()
            }
            #[cfg(test)]
            fn every_kernel() -> Vec<Kernels<$number>> {
                let mut kernels = vec![portable(), Self::kernels()];
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") {
                    kernels.push(vector::$avx2());
                }
                kernels
            }
        }
    };
}
element!(f32, f32, |sum: f32, a, b| sum + a * b, f32_avx512, f32_avx2);
element!(Pair, i32, |sum: i32, a: Pair, b: Pair| sum.wrapping_add(both_products(a, b)), pair_avx512, pair_avx2);

#[inline(always)]
fn both_products(a: Pair, b: Pair) -> i32 {
    let halves = |p: Pair| (i32::from(p.0 as i16), p.0 >> 16);
    let ((a0, a1), (b0, b1)) = (halves(a), halves(b));
    (a0 * b0).wrapping_add(a1 * b1)
}

/// The kernels in plain Rust.
fn portable<T: Element>() -> Kernels<T> {
    Kernels { block: portable_rows::<T, ROWS>, row: portable_rows::<T, 1> }
}

fn portable_rows<T: Element, const R: usize>(
    block: &[[T; ROWS]], first_row: usize, numbers: &[T], taps: &[usize], starts: &[usize], out: &mut [[T::Sum; RUN]],
) {
    for (row, out) in out.chunks_exact_mut(starts.len()).take(R).enumerate() {
        for (&start, out) in starts.iter().zip(out) {
            *out = [T::Sum::default(); RUN];
            for (weights, &tap) in block.iter().zip(taps) {
                let weight = weights[first_row + row];
                for (sum, &number) in out.iter_mut().zip(&numbers[start + tap..][..RUN]) {
                    *sum = T::add_product(*sum, weight, number);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod vector {
    use super::{BLOCK_RUNS, Kernels, Pair, ROW_RUNS, ROWS, RUN};
    use std::arch::x86_64::*;

    /// Kernels of vectors of $runs runs; a block's with $rows x $vectors vectors of sums at a time, a row's with 8. Products and
    /// sums are separate instructions: a fused one would round once instead of twice. `$whole` loads a vector, `$halves` one of
    /// two runs that are apart.
    macro_rules! kernels {
        ($name:ident, $feature:literal, $number:ty, $sum:ty, $vector:ty, $runs:literal runs, $rows:literal x $vectors:literal,
         $zero:ident, |$a:ident| $splat:expr, $mul:ident, $add:ident, |$whole:ident| $load:expr, |$p:ident, $q:ident| $halves:expr,
         |$to:ident, $value:ident| $store:expr) => {
            pub(super) fn $name() -> Kernels<$number> {
                /// R rows by V vectors of sums, of which `starts` has the runs; rows of sums are `pitch` runs apart in `out`.
                #[target_feature(enable = $feature)]
                #[inline]
                fn sums<const ADJACENT: bool, const R: usize, const V: usize>(
                    block: &[[$number; ROWS]], row: usize, numbers: &[$number], taps: &[usize], starts: &[usize], out: &mut [[$sum; RUN]], pitch: usize,
                ) {
                    assert!(row + R <= ROWS && starts.len() == V * $runs && out.len() >= (R - 1) * pitch + V * $runs);
                    let mut sums = [[$zero(); V]; R];
                    for (weights, &tap) in block.iter().zip(taps) {
                        let mut right = [$zero(); V];
                        for v in 0..V {
                            let at = |run: usize| numbers.as_ptr().wrapping_add(starts[v * $runs + run] + tap);
                            let ($whole, $p, $q) = (at(0), at(0), at($runs - 1));
                            // SAFETY: the caller says that every run is within the numbers.
                            right[v] = unsafe { if ADJACENT { $load } else { $halves } };
                        }
                        for r in 0..R {
                            let $a = weights[row + r];
                            let left = $splat;
                            for v in 0..V {
                                sums[r][v] = $add(sums[r][v], $mul(left, right[v]));
                            }
                        }
                    }
                    for r in 0..R {
                        for v in 0..V {
                            let ($to, $value) = (out[r * pitch + v * $runs..][..$runs].as_mut_ptr(), sums[r][v]);
                            // SAFETY: the slice has room for a vector.
                            unsafe { $store }
                        }
                    }
                }

                /// [`ROWS`] / R times V vectors of all runs.
                #[target_feature(enable = $feature)]
                fn tile<const TOTAL: usize, const R: usize, const V: usize>(
                    block: &[[$number; ROWS]], row: usize, numbers: &[$number], taps: &[usize], starts: &[usize], out: &mut [[$sum; RUN]],
                ) {
                    let pitch = starts.len();
                    for first in (0..pitch).step_by(V * $runs) {
                        let starts = &starts[first..first + V * $runs];
                        let adjacent = starts.chunks_exact($runs).all(|s| s[$runs - 1] == s[0] + ($runs - 1) * RUN);
                        for r in (0..TOTAL).step_by(R) {
                            let out = &mut out[r * pitch + first..];
                            if adjacent {
                                sums::<true, R, V>(block, row + r, numbers, taps, starts, out, pitch);
                            } else {
                                sums::<false, R, V>(block, row + r, numbers, taps, starts, out, pitch);
                            }
                        }
                    }
                }
                const { assert!(BLOCK_RUNS % ($vectors * $runs) == 0 && ROWS % $rows == 0 && ROW_RUNS % (8 * $runs) == 0) };
                Kernels { block: tile::<ROWS, $rows, $vectors>, row: tile::<1, 1, 8> }
            }
        };
    }
    kernels!(f32_avx512, "avx512f,avx512dq", f32, f32, __m512, 2 runs, 8 x 2, _mm512_setzero_ps, |a| _mm512_set1_ps(a), _mm512_mul_ps, _mm512_add_ps,
        |w| _mm512_loadu_ps(w), |p, q| _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)), _mm256_loadu_ps(q), 1),
        |p, v| _mm512_storeu_ps(p.cast(), v));
    kernels!(f32_avx2, "avx2", f32, f32, __m256, 1 runs, 4 x 2, _mm256_setzero_ps, |a| _mm256_set1_ps(a), _mm256_mul_ps, _mm256_add_ps,
        |w| _mm256_loadu_ps(w), |p, _q| _mm256_loadu_ps(p), |p, v| _mm256_storeu_ps(p.cast(), v));
    kernels!(pair_avx512, "avx512f,avx512bw", Pair, i32, __m512i, 2 runs, 8 x 2, _mm512_setzero_si512, |a| _mm512_set1_epi32(a.0), _mm512_madd_epi16,
        _mm512_add_epi32, |w| _mm512_loadu_si512(w.cast()),
        |p, q| _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(p.cast())), _mm256_loadu_si256(q.cast()), 1),
        |p, v| _mm512_storeu_si512(p.cast(), v));
    kernels!(pair_avx2, "avx2", Pair, i32, __m256i, 1 runs, 4 x 2, _mm256_setzero_si256, |a| _mm256_set1_epi32(a.0), _mm256_madd_epi16,
        _mm256_add_epi32, |w| _mm256_loadu_si256(w.cast()), |p, _q| _mm256_loadu_si256(p.cast()), |p, v| _mm256_storeu_si256(p.cast(), v));
}
