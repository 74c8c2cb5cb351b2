//! Correlation of output gradients with inputs: the gradient of a convolution's weights.
//!
//! Output gradients are laid out on the grid of the padded input, so that for one tap of the kernel the gradient of weight
//! (o, c) is a plain dot product of two long rows: dW[o, c, tap] = sum over i of dy[o][i] x[c][i + offset of the tap].
//! [`LANES`] partial sums run side by side, and are added up at the end, in order; a tile of 4 x 4 rows shares its loads.

use super::wide::wide;

/// Partial sums of a dot product.
pub const LANES: usize = 16;
/// Rows of a tile, of gradients and of inputs.
const TILE: usize = 4;

type Lanes = [f32; LANES];

wide! {
    /// Adds, for every pair of rows (o, c) and every offset t, the dot product of row o of `dy` with row c of `x` from offset t
    /// on, to `out[(o * channels + c) * offsets.len() + t]`. Rows of `dy` have `length` values, a multiple of [`LANES`]; rows of `x`
    /// are `x_row` apart, and `x` goes on for `length` values after every place where a row begins with an offset.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn add_correlations(dy: &[f32], length: usize, x: &[f32], x_row: usize, channels: usize, offsets: &[usize], out: &mut [f32]) {
        let outputs = dy.len() / length.max(1);
        assert!(length.is_multiple_of(LANES) && out.len() == outputs * channels * offsets.len());
        let last = offsets.iter().max().copied().unwrap_or(0);
        assert!(x.len() >= (channels - 1) * x_row + last + length, "room after the last row");
        tiles(dy, length, x, x_row, channels, offsets, out);
    }
}

#[inline(always)]
fn tiles(dy: &[f32], length: usize, x: &[f32], x_row: usize, channels: usize, offsets: &[usize], out: &mut [f32]) {
    let outputs = dy.len() / length.max(1);
    for first_o in (0..outputs).step_by(TILE) {
        for first_c in (0..channels).step_by(TILE) {
            let (os, cs) = (TILE.min(outputs - first_o), TILE.min(channels - first_c));
            for (t, offset) in offsets.iter().enumerate() {
                // A tile that juts out repeats its last row.
                let row = |i: usize| &dy[(first_o + i.min(os - 1)) * length..][..length];
                let col = |i: usize| &x[(first_c + i.min(cs - 1)) * x_row + offset..][..length];
                let sums = tile([row(0), row(1), row(2), row(3)], [col(0), col(1), col(2), col(3)], length);
                for o in 0..os {
                    for c in 0..cs {
                        let total = sums[o * TILE + c].iter().fold(0.0, |sum, lane| sum + lane);
                        out[((first_o + o) * channels + first_c + c) * offsets.len() + t] += total;
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn tile(a: [&[f32]; TILE], b: [&[f32]; TILE], length: usize) -> [Lanes; TILE * TILE] {
    let mut sums = [[0.0; LANES]; TILE * TILE];
    for i in (0..length).step_by(LANES) {
        let lanes = |row: &[f32]| -> Lanes { std::array::from_fn(|l| row[i..i + LANES][l]) };
        let b: [Lanes; TILE] = [lanes(b[0]), lanes(b[1]), lanes(b[2]), lanes(b[3])];
        for o in 0..TILE {
            let a = lanes(a[o]);
            for c in 0..TILE {
                let sum = &mut sums[o * TILE + c];
                for l in 0..LANES {
                    sum[l] += a[l] * b[c][l];
                }
            }
        }
    }
    sums
}
