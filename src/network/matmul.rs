//! Products of a matrix of weights with many outputs' numbers, in a fixed order of summation, for f32 and pairs of integers.
//!
//! Every output is the sum over k in ascending order, a product and an addition at a time, each rounded on its own.
//! Vector units only compute several outputs side by side, so the bits are the same on every machine.
//!
//! The weights are packed into blocks of [`ROWS`] rows. Nothing is unfolded: [`Taps`] says where the k numbers of an output
//! lie, as seen from where it begins, and outputs that are neighbours go through them together.

pub use super::tile::{Element, Pair};
use super::tile::{BLOCK_RUNS, Kernels, ROW_RUNS, ROWS, RUN};

/// Fewest rows of a block that are computed together: below, one after another is faster.
const FEWEST_ROWS: usize = 4;

/// Numbers that a product may read, beyond the last one that counts.
pub(super) const MARGIN: usize = RUN - 1;

/// out = a b; `a` is m x k, `b` k x n, `out` m x n, all row-major.
///
/// # Panics
/// If a length does not fit its shape.
pub fn matmul<T: Element>(a: &[T], b: &[T], out: &mut [T::Sum], m: usize, k: usize, n: usize) {
    assert_eq!((a.len(), b.len(), out.len()), (m * k, k * n, m * n), "lengths of a {m} x {k} by {k} x {n} product");
    let packed = Packed::new(a, m, k);
    if n == 1 {
        return packed.times_vector(b, out);
    }
    let taps = Taps::new((0..k).map(|row| row * n).collect());
    if n > MARGIN {
        packed.product(b, &taps, &Outputs::new([1, n], n, false), out);
    } else {
        let longer: Vec<T> = b.iter().copied().chain([T::default(); MARGIN]).collect();
        packed.product(&longer, &taps, &Outputs::new([1, n], n, true), out);
    }
}

/// The left matrix of a product, m x k, in blocks of [`ROWS`] rows: [block, k, row]; rows past the end are zero.
pub struct Packed<T> {
    m: usize,
    k: usize,
    blocks: Vec<[T; ROWS]>,
}

/// Where the numbers of an output lie, from where it begins, in the order of the sum.
pub(super) struct Taps {
    offsets: Vec<usize>,
    reach: usize,
}

impl Taps {
    /// From the offsets.
    pub fn new(offsets: Vec<usize>) -> Self {
        let reach = offsets.iter().copied().max().unwrap_or(0);
        Taps { offsets, reach }
    }

    /// The numbers of the output that begins with the first number.
    pub fn of_first<T: Element>(&self, numbers: &[T]) -> Vec<T> {
        self.offsets.iter().map(|&tap| numbers[tap]).collect()
    }
}

/// Outputs, cut into runs: where each begins among the numbers, and where its sums go.
pub(super) struct Outputs {
    /// Of every run, then the last one again up to a whole tile.
    starts: Vec<usize>,
    /// Of every run.
    places: Vec<Place>,
    count: usize,
}

/// Outputs of a run.
struct Place {
    /// The first.
    to: usize,
    /// How many.
    count: usize,
}

impl Outputs {
    /// Lines of neighbours: `[lines, outputs of a line]`. Lines begin `pitch` numbers apart; `margin` says that [`MARGIN`]
    /// numbers follow the last one that counts. Without, there is one line, longer than that.
    pub fn new([lines, width]: [usize; 2], pitch: usize, margin: bool) -> Self {
        let mut places = Vec::with_capacity(lines * width.div_ceil(RUN));
        let mut starts = Vec::with_capacity(places.capacity() + ROW_RUNS);
        for line in 0..lines {
            for x in (0..width).step_by(RUN) {
                // The last run of numbers that end with it overlaps the one before.
                let x = if margin { x } else { x.min(width - RUN) };
                starts.push(line * pitch + x);
                places.push(Place { to: line * width + x, count: RUN.min(width - x) });
            }
        }
        let last = starts.last().copied().unwrap_or(0);
        starts.resize(starts.len().next_multiple_of(ROW_RUNS), last);
        Outputs { starts, places, count: lines * width }
    }

    /// Tiles of N runs: where they begin, and where their sums go.
    fn tiles<const N: usize>(&self) -> impl Iterator<Item = (&[usize], &[Place])> {
        self.starts.chunks_exact(N).zip(self.places.chunks(N))
    }
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
    pub fn times_vector(&self, x: &[T], out: &mut [T::Sum]) {
        assert_eq!((x.len(), out.len()), (self.k, self.m), "lengths of a {} x {} product", self.m, self.k);
        for (block, out) in out.chunks_mut(ROWS).enumerate() {
            let mut sums = [T::Sum::default(); ROWS];
            for (a, &x) in self.blocks[block * self.k..][..self.k].iter().zip(x) {
                for row in 0..ROWS {
                    sums[row] = T::add_product(sums[row], a[row], x);
                }
            }
            out.copy_from_slice(&sums[..out.len()]);
        }
    }
    /// `out[row][output]` = the sum over the taps of `weights[row][tap] numbers[start of output + tap]`.
    ///
    /// # Panics
    /// If a length does not fit, or an output reads beyond the numbers.
    pub(super) fn product(&self, numbers: &[T], taps: &Taps, outputs: &Outputs, out: &mut [T::Sum]) {
        self.product_by(&T::kernels(), numbers, taps, outputs, out);
    }

    fn product_by(&self, kernels: &Kernels<T>, numbers: &[T], taps: &Taps, outputs: &Outputs, out: &mut [T::Sum]) {
        assert!(taps.offsets.len() == self.k && out.len() == self.m * outputs.count, "lengths of a {} x {} product", self.m, self.k);
        if self.k == 0 || out.is_empty() {
            return out.fill(T::Sum::default());
        }
        assert!(outputs.starts.iter().all(|start| start + taps.reach + RUN <= numbers.len()), "outputs within the numbers");
        let in_blocks = if self.m % ROWS < FEWEST_ROWS { self.m / ROWS } else { self.m.div_ceil(ROWS) };
        let mut sums = [[T::Sum::default(); RUN]; ROWS * BLOCK_RUNS];
        for (starts, places) in outputs.tiles::<BLOCK_RUNS>() {
            for (block, out) in self.blocks.chunks_exact(self.k).zip(out.chunks_mut(ROWS * outputs.count)).take(in_blocks) {
                // SAFETY: `Element::kernels` only gives what the machine has the instructions for; the numbers reach far enough.
                unsafe { (kernels.block)(block, 0, numbers, &taps.offsets, starts, &mut sums) };
                for (sums, out) in sums.as_chunks::<BLOCK_RUNS>().0.iter().zip(out.chunks_exact_mut(outputs.count)) {
                    put(sums, places, out);
                }
            }
        }
        let mut sums = [[T::Sum::default(); RUN]; ROW_RUNS];
        for (row, out) in out.chunks_exact_mut(outputs.count).enumerate().skip(in_blocks * ROWS) {
            let block = &self.blocks[row / ROWS * self.k..][..self.k];
            for (starts, places) in outputs.tiles::<ROW_RUNS>() {
                // SAFETY: as above.
                unsafe { (kernels.row)(block, row % ROWS, numbers, &taps.offsets, starts, &mut sums) };
                put(&sums, places, out);
            }
        }
    }
}

/// Sums of runs to where they belong.
#[inline(always)]
fn put<S: Copy, const N: usize>(sums: &[[S; RUN]; N], places: &[Place], out: &mut [S]) {
    // Most often they are whole and follow each other.
    if let (Some(first), Some(last)) = (places.first(), places.get(N - 1))
        && last.to + last.count == first.to + N * RUN
    {
        out[first.to..][..N * RUN].copy_from_slice(sums.as_flattened());
        return;
    }
    for (sums, place) in sums.iter().zip(places) {
        match out[place.to..].first_chunk_mut() {
            // What does not count is written over by the next run.
            Some(whole) => *whole = *sums,
            None => out[place.to..][..place.count].copy_from_slice(&sums[..place.count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive<T: Element>(a: &[T], b: &[T], m: usize, k: usize, n: usize) -> Vec<T::Sum> {
        let sum = |i: usize, j: usize| (0..k).fold(T::Sum::default(), |s, l| T::add_product(s, a[i * k + l], b[l * n + j]));
        (0..m * n).map(|at| sum(at / n, at % n)).collect()
    }

    fn numbers(count: usize, seed: u32) -> impl Iterator<Item = u32> {
        (0..count as u32).map(move |i| (i.wrapping_mul(2654435761) ^ seed).wrapping_mul(2246822519) >> 7)
    }

    fn pair(x: u32) -> Pair {
        Pair::new(x as i16 as i32, (x >> 9) as i16 as i32)
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

            let (a, b): (Vec<Pair>, Vec<Pair>) = (numbers(m * k, 3).map(pair).collect(), numbers(k * n, 4).map(pair).collect());
            let mut out = vec![-1; m * n];
            matmul(&a, &b, &mut out, m, k, n);
            assert_eq!(out, naive(&a, &b, m, k, n), "{m} x {k} x {n}, wrapping");
        }
    }

    fn with<T: Element>(kernels: &Kernels<T>, a: &[T], b: &[T], m: usize, k: usize, n: usize) -> Vec<T::Sum> {
        let mut out = vec![T::Sum::default(); m * n];
        let (taps, outputs) = (Taps::new((0..k).map(|row| row * n).collect()), Outputs::new([1, n], n, false));
        Packed::new(a, m, k).product_by(kernels, b, &taps, &outputs, &mut out);
        out
    }

    #[test]
    fn every_kernel_gives_the_same_bits() {
        // A last block of many rows, of few, and no other one.
        for (m, k, n) in [(13, 50, 45), (10, 7, 133), (2, 9, 300)] {
            let a: Vec<f32> = numbers(m * k, 5).map(|x| x as f32 / 3.0).collect();
            let b: Vec<f32> = numbers(k * n, 6).map(|x| 1.0 / (1.0 + x as f32)).collect();
            let (ai, bi): (Vec<Pair>, Vec<Pair>) = (numbers(m * k, 5).map(pair).collect(), numbers(k * n, 6).map(pair).collect());
            let (float, whole) = (f32::every_kernel(), Pair::every_kernel());
            assert!(float.len() == whole.len());
            let bits = |v: Vec<f32>| v.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            for (float, whole) in float.iter().zip(&whole) {
                assert_eq!(bits(with(float, &a, &b, m, k, n)), bits(naive(&a, &b, m, k, n)));
                assert_eq!(with(whole, &ai, &bi, m, k, n), naive(&ai, &bi, m, k, n));
            }
        }
    }

    #[test]
    fn a_pair_is_two_products() {
        for (a, b) in [([1, 2], [3, 4]), ([-255, 255], [4095, 32767]), ([-1, 0], [-32768, 7]), ([32767, -32768], [32767, -32768])] {
            let expected = (a[0] * b[0]) as i32 + a[1] * b[1];
            assert_eq!(Pair::add_product(5, Pair::new(a[0], a[1]), Pair::new(b[0], b[1])), 5 + expected);
        }
    }

    #[test]
    fn one_column() {
        let (m, k) = (11, 29);
        let (a, x): (Vec<Pair>, Vec<Pair>) = (numbers(m * k, 7).map(pair).collect(), numbers(k, 8).map(pair).collect());
        let mut out = vec![0; m];
        Packed::new(&a, m, k).times_vector(&x, &mut out);
        assert_eq!(out, naive(&a, &x, m, k, 1));
    }
}
