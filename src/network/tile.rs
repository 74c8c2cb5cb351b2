//! The innermost part of a product: a tile of sums in registers.
//!
//! To add an instruction set: a line of `vector_tile!` per type, with as many sums as it has registers for, and its
//! place in `element!`, before slower ones.

/// Rows of a block of the left matrix.
pub const ROWS: usize = 8;
/// Columns of a panel of the right matrix.
pub const COLS: usize = 32;

/// A number that matrices are made of.
pub trait Element: Copy + Default + Send + Sync + 'static {
    /// sum + a * b: two roundings for floats (never a fused one), wrapping for integers.
    fn add_product(sum: Self, a: Self, b: Self) -> Self;
    /// The fastest tile that this machine has the instructions for.
    fn tile() -> Tile<Self>;
    /// All that it has the instructions for.
    #[cfg(test)]
    fn every_tile() -> Vec<Tile<Self>>;
}

/// Sums of one corner of a block and a panel, of a size that fits an instruction set's registers. All tiles give the
/// same bits.
pub struct Tile<T> {
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// Sets the sums from a row and a column on.
    ///
    /// # Safety
    /// The machine must have the instructions.
    pub(super) sum: Sum<T>,
}

/// (block, panel, first row, first column, sums)
type Sum<T> = unsafe fn(&[[T; ROWS]], &[[T; COLS]], usize, usize, &mut [[T; COLS]; ROWS]);

macro_rules! element {
    ($number:ty, $add_product:expr, $avx512:ident, $avx2:ident) => {
        impl Element for $number {
            #[inline(always)]
            fn add_product(sum: $number, a: $number, b: $number) -> $number {
                $add_product(sum, a, b)
            }
            fn tile() -> Tile<$number> {
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx512f") {
                    return Tile { rows: 8, cols: 32, sum: vector::$avx512 };
                } else if is_x86_feature_detected!("avx2") {
                    return Tile { rows: 4, cols: 16, sum: vector::$avx2 };
                }
                portable()
            }
            #[cfg(test)]
            fn every_tile() -> Vec<Tile<$number>> {
                let mut tiles = vec![portable(), Self::tile()];
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") {
                    tiles.push(Tile { rows: 4, cols: 16, sum: vector::$avx2 });
                }
                tiles
            }
        }
    };
}
element!(f32, |sum: f32, a, b| sum + a * b, f32_avx512, f32_avx2);
element!(i32, |sum: i32, a: i32, b| sum.wrapping_add(a.wrapping_mul(b)), i32_avx512, i32_avx2);

/// A tile in plain Rust.
fn portable<T: Element>() -> Tile<T> {
    Tile { rows: 1, cols: 32, sum: sum_portable::<T> }
}

fn sum_portable<T: Element>(block: &[[T; ROWS]], columns: &[[T; COLS]], row: usize, _: usize, sums: &mut [[T; COLS]; ROWS]) {
    let mut row_sums = [T::default(); COLS];
    for (a, b) in block.iter().zip(columns) {
        let a = a[row];
        for col in 0..COLS {
            row_sums[col] = T::add_product(row_sums[col], a, b[col]);
        }
    }
    sums[row] = row_sums;
}

#[cfg(target_arch = "x86_64")]
mod vector {
    use super::{COLS, ROWS};
    use std::arch::x86_64::*;

    /// A tile of $rows x ($vectors * $lanes) sums. Products and sums are separate instructions: a fused one
    /// would round once instead of twice.
    macro_rules! vector_tile {
        ($name:ident, $feature:literal, $number:ty, $lanes:literal, $rows:literal x $vectors:literal,
         $zero:ident, $splat:ident, $mul:ident, $add:ident, |$from:ident| $load:expr, |$to:ident, $value:ident| $store:expr) => {
            #[target_feature(enable = $feature)]
            pub(super) fn $name(
                block: &[[$number; ROWS]], columns: &[[$number; COLS]], row: usize, col: usize,
                sums: &mut [[$number; COLS]; ROWS],
            ) {
                assert!(row + $rows <= ROWS && col + $vectors * $lanes <= COLS);
                let mut tile = [[$zero(); $vectors]; $rows];
                for (a, b) in block.iter().zip(columns) {
                    let mut right = [$zero(); $vectors];
                    for v in 0..$vectors {
                        let $from = b[col + v * $lanes..].as_ptr();
                        // SAFETY: the assertion leaves $lanes numbers from here on.
                        right[v] = unsafe { $load };
                    }
                    for r in 0..$rows {
                        let left = $splat(a[row + r]);
                        for v in 0..$vectors {
                            tile[r][v] = $add(tile[r][v], $mul(left, right[v]));
                        }
                    }
                }
                for r in 0..$rows {
                    for v in 0..$vectors {
                        let ($to, $value) = (sums[row + r][col + v * $lanes..].as_mut_ptr(), tile[r][v]);
                        // SAFETY: as above.
                        unsafe { $store }
                    }
                }
            }
        };
    }
    vector_tile!(f32_avx512, "avx512f", f32, 16, 8 x 2, _mm512_setzero_ps, _mm512_set1_ps, _mm512_mul_ps, _mm512_add_ps,
        |p| _mm512_loadu_ps(p), |p, v| _mm512_storeu_ps(p, v));
    vector_tile!(f32_avx2, "avx2", f32, 8, 4 x 2, _mm256_setzero_ps, _mm256_set1_ps, _mm256_mul_ps, _mm256_add_ps,
        |p| _mm256_loadu_ps(p), |p, v| _mm256_storeu_ps(p, v));
    vector_tile!(i32_avx512, "avx512f", i32, 16, 8 x 2, _mm512_setzero_si512, _mm512_set1_epi32, _mm512_mullo_epi32, _mm512_add_epi32,
        |p| _mm512_loadu_si512(p.cast()), |p, v| _mm512_storeu_si512(p.cast(), v));
    vector_tile!(i32_avx2, "avx2", i32, 8, 4 x 2, _mm256_setzero_si256, _mm256_set1_epi32, _mm256_mullo_epi32, _mm256_add_epi32,
        |p| _mm256_loadu_si256(p.cast()), |p, v| _mm256_storeu_si256(p.cast(), v));
}
