//! Test images as the integers that drive the first layer.

use crate::dataset::{Dataset, Pixels};
use crate::quantize::IntegerNetwork;
use crate::quantize::activations::Range;

/// Integer images `[image][channel][row][column]` and their classes.
#[derive(Debug, Clone, PartialEq)]
pub struct IntegerImages {
    /// Elements of one image.
    pub size: usize,
    /// Integers of all images.
    pub values: Vec<u16>,
    /// Classes.
    pub labels: Vec<u32>,
}

impl IntegerImages {
    /// The test images of `dataset` for `network`.
    pub fn new(network: &IntegerNetwork, dataset: &Dataset) -> Self {
        Self::from_pixels(network, &dataset.images, dataset.labels.clone())
    }

    /// Any pixels for `network`.
    pub fn from_pixels(network: &IntegerNetwork, pixels: &Pixels, labels: Vec<u32>) -> Self {
        let input = &network.tensors[0];
        let plane = input.shape[1] * input.shape[2];
        let channel = |i: usize| i / plane % input.shape[0];
        let values = match pixels {
            Pixels::U8(raw) => raw.iter().enumerate().map(|(i, &u)| network.pixel_table[channel(i)][usize::from(u)]).collect(),
            Pixels::F32(real) => {
                let range = Range { scale: input.scale, zero_point: input.zero_point };
                real.iter().map(|&x| range.integer(f64::from(x), input.bits) as u16).collect()
            }
        };
        IntegerImages { size: input.len(), values, labels }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.values.len() / self.size.max(1)
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Integers of one image.
    pub fn image(&self, index: usize) -> &[u16] {
        &self.values[index * self.size..(index + 1) * self.size]
    }

    /// The images of these numbers; labels are left out where there are none.
    pub fn only(&self, numbers: &[usize]) -> Self {
        IntegerImages {
            size: self.size,
            values: numbers.iter().flat_map(|&i| self.image(i)).copied().collect(),
            labels: numbers.iter().filter_map(|&i| self.labels.get(i)).copied().collect(),
        }
    }

    /// The first `count` images; labels are left out where there are none.
    pub fn first(&self, count: usize) -> Self {
        IntegerImages { size: self.size, values: self.values[..count * self.size].to_vec(), labels: self.labels.get(..count).unwrap_or(&[]).to_vec() }
    }
}
