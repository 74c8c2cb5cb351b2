//! The arithmetic of a training step, forwards and backwards, one file per operation.
//!
//! Tensors are batches [image, channel, row, column] of f32. Whatever is summed over images is summed over fixed shares
//! of [`SHARE`] images, each in order, and the shares in order: so a result has the same bits with any number of threads.
//! Only single additions and multiplications are used, never a fused one, so the bits do not depend on the machine either.

pub mod batch_norm;
pub mod conv;
pub mod correlate;
pub mod linear;
pub mod loss;
pub mod moves;
pub mod pact;
pub mod pool;
mod wide;

use rayon::prelude::*;

/// Images whose sums are taken together, in order.
pub const SHARE: usize = 8;

/// Sums what `of_share` adds up, given the first image of a share and the number of its images, in the order of the shares.
pub fn sum_of_shares(images: usize, len: usize, of_share: impl Fn(usize, usize, &mut [f32]) + Sync) -> Vec<f32> {
    let shares: Vec<Vec<f32>> = (0..images.div_ceil(SHARE))
        .into_par_iter()
        .map(|share| {
            let mut sum = vec![0.0; len];
            of_share(share * SHARE, SHARE.min(images - share * SHARE), &mut sum);
            sum
        })
        .collect();
    let mut shares = shares.into_iter();
    let mut total = shares.next().unwrap_or_else(|| vec![0.0; len]);
    for share in shares {
        total.iter_mut().zip(&share).for_each(|(a, b)| *a += b);
    }
    total
}

/// Runs `each(image, output of the image)` for all images, on all threads.
pub fn for_images(out: &mut [f32], len: usize, each: impl Fn(usize, &mut [f32]) + Sync) {
    out.par_chunks_mut(len * SHARE).enumerate().for_each(|(share, outs)| {
        outs.chunks_mut(len).enumerate().for_each(|(i, out)| each(share * SHARE + i, out));
    });
}
