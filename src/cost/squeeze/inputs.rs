//! Inputs of a network's layers on real images: integers of the activations' bits, at some positions of some images.
//!
//! They come from the float network, whose every layer's input is rounded to the bits that are asked for, over the range it has on
//! these images (that of raw pixels is known): 16-bit activations have no room in the products of the integer engines.

use crate::config::Clipping;
use crate::dataset::Dataset;
use crate::network::{Network, Source, float};
use crate::quantize::activations::{Histogram, Range, histograms, pixel_range, range};
use crate::search::layer::{Layer, layers};
use crate::search::walk::positions;
use rayon::prelude::*;

/// Images that are looked at, at most [`crate::search::walk::POSITIONS`] positions of each: every layer's zeros are then known to
/// better than a per cent of all.
pub const IMAGES: usize = 8;

/// Inputs of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// Rows of the matrix of one group.
    rows: usize,
    /// `[group][row][position]`.
    values: Vec<u32>,
    /// Positions.
    positions: usize,
}

impl Inputs {
    /// Inputs `[group][row][position]` of a layer whose groups have `rows` rows each.
    pub fn new(rows: usize, positions: usize, values: Vec<u32>) -> Self {
        Inputs { rows, values, positions }
    }

    /// Positions that are looked at.
    pub fn positions(&self) -> u64 {
        self.positions as u64
    }

    /// Input steps of all positions in which one of the rows has an input.
    pub fn steps_with_an_input(&self, group: u64, rows: &[u32], dac_bits: u32) -> u64 {
        let mut any = vec![0; self.positions];
        for &row in rows {
            let first = (group as usize * self.rows + row as usize) * self.positions;
            any.iter_mut().zip(&self.values[first..first + self.positions]).for_each(|(a, b)| *a |= b);
        }
        any.into_iter().map(|bits| steps(bits, dac_bits)).sum()
    }
}

/// Steps of `dac_bits` bits in which a value has a bit.
fn steps(mut value: u32, dac_bits: u32) -> u64 {
    if dac_bits == 1 {
        return value.count_ones().into();
    }
    let mut count = 0;
    while value > 0 {
        count += u64::from(value & ((1 << dac_bits) - 1) != 0);
        value >>= dac_bits;
    }
    count
}

/// Inputs of every layer of a network (batch norms folded) on the first test images of a set, `bits` bits each.
pub fn inputs(network: &Network, dataset: &Dataset, bits: u32) -> Vec<Inputs> {
    let count = IMAGES.min(dataset.len());
    let ranges = histograms(network, &dataset.images, count);
    let of_images: Vec<Vec<Vec<u32>>> = (0..count).into_par_iter().map(|image| of_image(network, dataset, image, bits, &ranges)).collect();
    let join = |(index, layer): (usize, &Layer)| {
        let at: Vec<usize> = (0..count).map(|image| positions(layer.positions, image).len()).collect();
        // [row][position] of each image, one after another in each row.
        let line = |line: usize| of_images.iter().zip(&at).flat_map(move |(image, &at)| image[index][line * at..(line + 1) * at].iter().copied());
        Inputs::new(layer.rows, at.iter().sum(), (0..layer.rows * layer.groups).flat_map(line).collect())
    };
    layers(network).iter().enumerate().map(join).collect()
}

/// Of each layer, `[group and row][position]`.
fn of_image(network: &Network, dataset: &Dataset, image: usize, bits: u32, ranges: &[Histogram]) -> Vec<Vec<u32>> {
    let pixels = float::normalise(network, &dataset.images, image);
    let outputs = float::forward(network, &pixels);
    let of_layer = |layer: &Layer| {
        let source = network.nodes[layer.node].inputs[0];
        let (values, range) = match source {
            Source::Input if matches!(*dataset.images, crate::dataset::Pixels::U8(_)) => (&pixels, pixel_range(network, bits)),
            Source::Input => (&pixels, range(&ranges[0], bits, Clipping::Max)),
            Source::Node(node) => (&outputs[node], range(&ranges[node + 1], bits, Clipping::Max)),
        };
        let at = positions(layer.positions, image);
        let integer = |range: &Range, x: f32| range.integer(f64::from(x), bits);
        (0..layer.groups).flat_map(|group| layer.inputs(network, group, values, &at)).map(|x| integer(&range, x)).collect()
    };
    layers(network).iter().map(of_layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_one_bit_and_of_two() {
        assert_eq!([steps(0b1011, 1), steps(0b1011, 2), steps(0b1_0000, 2), steps(0, 3)], [3, 2, 1, 0]);
        let inputs = Inputs::new(2, 3, vec![0b00, 0b01, 0b10, 0b00, 0b01, 0b01]);
        assert_eq!([inputs.steps_with_an_input(0, &[0], 1), inputs.steps_with_an_input(0, &[0, 1], 1), inputs.steps_with_an_input(0, &[], 1)], [2, 3, 0]);
    }

    /// The network inside the program: after a rectification many inputs are zero, and all are within their bits.
    #[test]
    fn real_images() {
        let network = crate::network::fold::fold_batchnorm(&crate::embedded::network().expect("reads")).expect("folds");
        let dataset = crate::embedded::dataset(2, 1).expect("reads");
        let all = inputs(&network, &dataset, 4);
        assert_eq!(all.len(), 7);
        assert!(all.iter().all(|i| i.values.iter().all(|&v| v < 16)));
        let zeros = all[1].values.iter().filter(|&&v| v == 0).count() as f64 / all[1].values.len() as f64;
        assert!((0.2..0.95).contains(&zeros), "{zeros}");
        assert_eq!(all[0].positions(), 2 * 64);
    }
}
