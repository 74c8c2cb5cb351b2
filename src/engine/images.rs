//! Test images as the integers that drive the first layer. They are made from the pixels when they are wanted, some images
//! at a time, so that of a large set no more is held than what was read.

use crate::dataset::{Dataset, Pixels};
use crate::quantize::IntegerNetwork;
use crate::quantize::activations::Range as Activations;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Integer images `[image][channel][row][column]` and their classes.
#[derive(Debug, Clone, PartialEq)]
pub struct IntegerImages {
    /// Elements of one image.
    pub size: usize,
    /// Classes; there may be none.
    pub labels: Vec<u32>,
    images: usize,
    source: Source,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    Integers(Vec<u16>),
    Pixels(Arc<Pixels>, Arc<Quantizer>),
}

/// What a network makes of a pixel.
#[derive(Debug, Clone, PartialEq)]
struct Quantizer {
    /// Pixels of a channel.
    plane: usize,
    /// Per channel, the integer of a raw pixel.
    table: Vec<[u16; 256]>,
    /// Of values that are normalised already.
    range: Activations,
    bits: u32,
}

impl Quantizer {
    fn new(network: &IntegerNetwork) -> Self {
        let input = &network.tensors[0];
        Quantizer {
            plane: input.shape[1] * input.shape[2],
            table: network.pixel_table.clone(),
            range: Activations { scale: input.scale, zero_point: input.zero_point },
            bits: input.bits,
        }
    }

    /// Integers of whole images: `pixels` from `range` on.
    fn integers(&self, pixels: &Pixels, range: Range<usize>) -> Vec<u16> {
        match pixels {
            Pixels::U8(raw) => {
                debug_assert!(!self.table.is_empty(), "a table for each channel");
                let mut integers = Vec::with_capacity(range.len());
                for (plane, table) in raw[range].chunks(self.plane.max(1)).zip(self.table.iter().cycle()) {
                    integers.extend(plane.iter().map(|&u| table[usize::from(u)]));
                }
                integers
            }
            Pixels::F32(real) => real[range].iter().map(|&x| self.range.integer(f64::from(x), self.bits) as u16).collect(),
        }
    }
}

impl IntegerImages {
    /// The test images of `dataset` for `network`.
    pub fn new(network: &IntegerNetwork, dataset: &Dataset) -> Self {
        let source = Source::Pixels(dataset.images.clone(), Arc::new(Quantizer::new(network)));
        IntegerImages { size: network.tensors[0].len(), labels: dataset.labels.clone(), images: dataset.images.len() / network.tensors[0].len().max(1), source }
    }

    /// Any pixels for `network`.
    pub fn from_pixels(network: &IntegerNetwork, pixels: &Pixels, labels: Vec<u32>) -> Self {
        Self::from_integers(network.tensors[0].len(), Quantizer::new(network).integers(pixels, 0..pixels.len()), labels)
    }

    /// Integers of images of `size` elements each.
    pub fn from_integers(size: usize, values: Vec<u16>, labels: Vec<u32>) -> Self {
        IntegerImages { size, labels, images: values.len() / size.max(1), source: Source::Integers(values) }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.images == 0
    }

    /// Integers of some images.
    pub fn integers(&self, images: Range<usize>) -> Cow<'_, [u16]> {
        let elements = images.start * self.size..images.end * self.size;
        match &self.source {
            Source::Integers(values) => Cow::Borrowed(&values[elements]),
            Source::Pixels(pixels, quantizer) => Cow::Owned(quantizer.integers(pixels, elements)),
        }
    }

    /// Integers of one image.
    pub fn image(&self, index: usize) -> Cow<'_, [u16]> {
        self.integers(index..index + 1)
    }

    /// The images of these numbers; labels are left out where there are none.
    pub fn only(&self, numbers: &[usize]) -> Self {
        let values = numbers.iter().flat_map(|&i| self.image(i).into_owned()).collect();
        Self::from_integers(self.size, values, numbers.iter().filter_map(|&i| self.labels.get(i)).copied().collect())
    }

    /// The first `count` images, or all where there are fewer; labels are left out where there are none.
    pub fn first(&self, count: usize) -> Self {
        let count = count.min(self.images);
        Self::from_integers(self.size, self.integers(0..count).into_owned(), self.labels.get(..count).unwrap_or(&[]).to_vec())
    }
}
