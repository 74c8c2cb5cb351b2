//! Training images as batches: in the order of an epoch, shifted and turned at random, normalised, quantised as the input of
//! the integer network is.

use crate::config::Config;
use bwq::rng::training::{self as random, Purpose, below};
use bwq::dataset::{Pixels, training::Labelled};
use bwq::error::{Error, Result};
use bwq::network::Network;
use bwq::quantize::activations::pixel_range;
use rayon::prelude::*;

/// What each raw pixel value becomes, per channel: normalised and rounded to `bits` bits.
pub struct Pixel(Vec<[f32; 256]>);

impl Pixel {
    /// For a network's normalisation. The range is that of all pixels, which contains 0, as for the integer network.
    pub fn new(network: &Network, bits: u32) -> Self {
        let range = pixel_range(network, bits);
        let quantised = |c: usize, raw: usize| ((f64::from(range.integer(network.preprocess.value(c, raw as f64), bits)) - f64::from(range.zero_point)) * range.scale) as f32;
        Pixel((0..network.input_shape[0]).map(|c| std::array::from_fn(|raw| quantised(c, raw))).collect())
    }
}

/// Raw images with labels.
pub struct Images {
    /// [C, H, W].
    pub shape: [usize; 3],
    /// [image, channel, row, column].
    pub pixels: Vec<u8>,
    /// Classes.
    pub labels: Vec<u32>,
}

impl Images {
    /// The first `count` images of a set; all, if there are fewer.
    pub fn new(set: Labelled, count: usize, place: &str) -> Result<Self> {
        let Pixels::U8(mut pixels) = set.images else {
            return Err(Error::input(place, "training needs raw pixels (8 bits)"));
        };
        let mut labels = set.labels;
        labels.truncate(count);
        pixels.truncate(labels.len() * set.shape.iter().product::<usize>());
        Ok(Images { shape: set.shape, pixels, labels })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images with these numbers, as they are, into `out`; returns their labels.
    pub fn plain(&self, which: &[u32], table: &Pixel, out: &mut [f32]) -> Vec<u32> {
        self.batch(which, table, out, |_| (0, 0, false))
    }

    /// The images with these numbers, shifted and turned as `epoch` has it.
    pub fn augmented(&self, which: &[u32], table: &Pixel, config: &Config, epoch: u32, out: &mut [f32]) -> Vec<u32> {
        let side = 2 * config.crop + 1;
        self.batch(which, table, out, |image| {
            let [y, x, turn, _] = random::words(config.seed, Purpose::Augment, epoch, image);
            let shift = |word| below(word, side) as isize - config.crop as isize;
            (shift(y), shift(x), config.flip && turn >> 31 == 1)
        })
    }

    /// What is shifted in from outside is the raw pixel 0.
    fn batch(&self, which: &[u32], table: &Pixel, out: &mut [f32], change: impl Fn(u32) -> (isize, isize, bool) + Sync) -> Vec<u32> {
        let [c, h, w] = self.shape;
        out.par_chunks_mut(c * h * w).zip(which).for_each(|(out, &image)| {
            let (down, right, turn) = change(image);
            let pixels = &self.pixels[image as usize * c * h * w..][..c * h * w];
            for (channel, (out, pixels)) in out.chunks_exact_mut(h * w).zip(pixels.chunks_exact(h * w)).enumerate() {
                for (at, out) in out.iter_mut().enumerate() {
                    let (y, x) = (at / w, at % w);
                    let x = if turn { w - 1 - x } else { x };
                    let (y, x) = (y.wrapping_add_signed(down), x.wrapping_add_signed(right));
                    let raw = if y < h && x < w { pixels[y * w + x] } else { 0 };
                    *out = table.0[channel][usize::from(raw)];
                }
            }
        });
        which.iter().map(|&image| self.labels[image as usize]).collect()
    }
}
