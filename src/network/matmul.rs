//! Matrix product with a fixed order of summation, for f32 and i32.
//!
//! Every output is the sum over k in ascending order, a product and an addition at a time, each rounded on its own.
//! Vector units only compute several outputs side by side, so the bits are the same on every machine.
//!
//! The left matrix is packed into blocks of [`ROWS`] rows, the right one is cut into panels of [`COLS`] columns that
//! stay in the first-level cache; a `Tile` of both is summed in registers.

use super::tile::Tile;
pub use super::tile::{COLS, Element, ROWS};

/// out = a b; `a` is m x k, `b` k x n, `out` m x n, all row-major.
///
/// # Panics
/// If a length does not fit its shape.
pub fn matmul<T: Element>(a: &[T], b: &[T], out: &mut [T], m: usize, k: usize, n: usize) {
    assert_eq!((a.len(), b.len(), out.len()), (m * k, k * n, m * n), "lengths of a {m} x {k} by {k} x {n} product");
    let packed = Packed::new(a, m, k);
    if n == 1 {
        return packed.times_vector(b, out);
    }
    let mut columns = vec![[T::default(); COLS]; k];
    for first in (0..n).step_by(COLS) {
        let width = COLS.min(n - first);
        for (to, from) in columns.iter_mut().zip(b.chunks_exact(n)) {
            to[..width].copy_from_slice(&from[first..first + width]);
        }
        panel(&packed, &columns, out, n, first, width);
    }
}

/// The left matrix of a product, m x k, in blocks of [`ROWS`] rows: [block, k, row]; rows past the end are zero.
pub struct Packed<T> {
    m: usize,
    k: usize,
    blocks: Vec<[T; ROWS]>,
}

impl<T: Element> Packed<T> {
    /// Packs `a`, m x k, row-major.
    ///
    /// # Panics
    /// If `a` has another length.
    pub fn new(a: &[T], m: usize, k: usize) -> Self {
        assert_eq!(a.len(), m * k, "length of an {m} x {k} matrix");
        let mut blocks = vec![[T::default(); ROWS]; m.div_ceil(ROWS) * k];
        for (row, values) in a.chunks_exact(k.max(1)).enumerate() {
            let block = &mut blocks[row / ROWS * k..][..k];
            for (to, &value) in block.iter_mut().zip(values) {
                to[row % ROWS] = value;
            }
        }
        Packed { m, k, blocks }
    }

    /// Number of rows, m.
    pub fn rows(&self) -> usize {
        self.m
    }

    /// Number of columns, k.
    pub fn depth(&self) -> usize {
        self.k
    }

    /// `out[row]` = the product of each row with `x` (k values): for one column a panel would be wasted.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn times_vector(&self, x: &[T], out: &mut [T]) {
        assert_eq!((x.len(), out.len()), (self.k, self.m), "lengths of a {} x {} product", self.m, self.k);
        for (block, out) in out.chunks_mut(ROWS).enumerate() {
            let mut sums = [T::default(); ROWS];
            for (a, &x) in self.blocks[block * self.k..][..self.k].iter().zip(x) {
                for row in 0..ROWS {
                    sums[row] = T::add_product(sums[row], a[row], x);
                }
            }
            out.copy_from_slice(&sums[..out.len()]);
        }
    }
}

/// Columns `first..first + width` of a product: `out[row, first + i]` = sum over k of `a[row, k] columns[k][i]`, where
/// `out` has n columns. What `columns` holds past `width` is ignored.
///
/// # Panics
/// If a length does not fit.
pub fn panel<T: Element>(a: &Packed<T>, columns: &[[T; COLS]], out: &mut [T], n: usize, first: usize, width: usize) {
    assert!(columns.len() == a.k && width <= COLS && first + width <= n && out.len() == a.m * n, "a panel that fits");
    panel_in_tiles(&T::tile(), a, columns, out, n, first, width);
}

fn panel_in_tiles<T: Element>(
    tile: &Tile<T>, a: &Packed<T>, columns: &[[T; COLS]], out: &mut [T], n: usize, first: usize, width: usize,
) {
    let mut sums = [[T::default(); COLS]; ROWS];
    for (block, out) in out.chunks_mut((ROWS * n).max(1)).enumerate() {
        let block = &a.blocks[block * a.k..][..a.k];
        let rows = out.len() / n;
        for row in (0..rows).step_by(tile.rows) {
            for col in (0..width).step_by(tile.cols) {
                // SAFETY: `Element::tile` only gives what the machine has the instructions for.
                unsafe { (tile.sum)(block, columns, row, col, &mut sums) };
            }
        }
        for (sums, out) in sums.iter().zip(out.chunks_exact_mut(n)) {
            out[first..first + width].copy_from_slice(&sums[..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive<T: Element>(a: &[T], b: &[T], m: usize, k: usize, n: usize) -> Vec<T> {
        let sum = |i: usize, j: usize| (0..k).fold(T::default(), |s, l| T::add_product(s, a[i * k + l], b[l * n + j]));
        (0..m * n).map(|at| sum(at / n, at % n)).collect()
    }

    fn numbers(count: usize, seed: u32) -> impl Iterator<Item = u32> {
        (0..count as u32).map(move |i| (i.wrapping_mul(2654435761) ^ seed).wrapping_mul(2246822519) >> 7)
    }

    #[test]
    fn equals_the_plain_product_bit_for_bit() {
        for (m, k, n) in [(1, 1, 1), (8, 9, 32), (10, 64, 1), (16, 144, 70), (7, 5, 33), (9, 300, 31), (3, 0, 4), (0, 3, 2)] {
            let float = |x: u32| x as f32 * 1e-4 - 1500.0;
            let (a, b): (Vec<f32>, Vec<f32>) = (numbers(m * k, 1).map(float).collect(), numbers(k * n, 2).map(float).collect());
            let mut out = vec![f32::NAN; m * n];
            matmul(&a, &b, &mut out, m, k, n);
            let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&out), bits(&naive(&a, &b, m, k, n)), "{m} x {k} x {n}");

            let (a, b): (Vec<i32>, Vec<i32>) =
                (numbers(m * k, 3).map(|x| x as i32).collect(), numbers(k * n, 4).map(|x| x as i32 * 64).collect());
            let mut out = vec![-1; m * n];
            matmul(&a, &b, &mut out, m, k, n);
            assert_eq!(out, naive(&a, &b, m, k, n), "{m} x {k} x {n}, wrapping");
        }
    }

    fn bits_with<T: Element>(tile: &Tile<T>, a: &[T], b: &[T], m: usize, k: usize, n: usize) -> Vec<T> {
        let (packed, mut out) = (Packed::new(a, m, k), vec![T::default(); m * n]);
        for first in (0..n).step_by(COLS) {
            let width = COLS.min(n - first);
            let column = |l: usize| std::array::from_fn(|i| if i < width { b[l * n + first + i] } else { T::default() });
            panel_in_tiles(tile, &packed, &(0..k).map(column).collect::<Vec<_>>(), &mut out, n, first, width);
        }
        out
    }

    #[test]
    fn every_tile_gives_the_same_bits() {
        let (m, k, n) = (13, 50, 45);
        let a: Vec<f32> = numbers(m * k, 5).map(|x| x as f32 / 3.0).collect();
        let b: Vec<f32> = numbers(k * n, 6).map(|x| 1.0 / (1.0 + x as f32)).collect();
        let (ai, bi): (Vec<i32>, Vec<i32>) =
            (numbers(m * k, 5).map(|x| x as i32).collect(), numbers(k * n, 6).map(|x| x as i32).collect());
        let (float, whole) = (f32::every_tile(), i32::every_tile());
        assert!(float.len() == whole.len());
        let bits = |v: Vec<f32>| v.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        for (float, whole) in float.iter().zip(&whole) {
            assert_eq!(bits(bits_with(float, &a, &b, m, k, n)), bits(naive(&a, &b, m, k, n)));
            assert_eq!(bits_with(whole, &ai, &bi, m, k, n), naive(&ai, &bi, m, k, n));
        }
    }

    #[test]
    fn one_column() {
        let (m, k) = (11, 29);
        let (a, x): (Vec<i32>, Vec<i32>) = (numbers(m * k, 7).map(|v| v as i32).collect(), numbers(k, 8).map(|v| v as i32).collect());
        let mut out = vec![0; m];
        Packed::new(&a, m, k).times_vector(&x, &mut out);
        assert_eq!(out, naive(&a, &x, m, k, 1));
    }
}
