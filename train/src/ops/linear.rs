//! Fully connected layers; the weight is [out, in].

use super::{for_images, sum_of_shares};
use bwq::network::matmul::Packed;

/// Outputs of a batch.
pub fn forward(weight: &[f32], bias: Option<&[f32]>, x: &[f32], inputs: usize, out: &mut [f32]) {
    let outputs = weight.len() / inputs;
    let packed = Packed::new(weight, outputs, inputs);
    for_images(out, outputs, |image, out| {
        packed.times_vector(&x[image * inputs..][..inputs], out);
        out.iter_mut().zip(bias.into_iter().flatten()).for_each(|(y, b)| *y += b);
    });
}

/// The gradient of a batch's inputs.
pub fn backward_input(weight: &[f32], dy: &[f32], inputs: usize, dx: &mut [f32]) {
    let outputs = weight.len() / inputs;
    for_images(dx, inputs, |image, dx| {
        dx.fill(0.0);
        for (w, g) in weight.chunks_exact(inputs).zip(&dy[image * outputs..][..outputs]) {
            dx.iter_mut().zip(w).for_each(|(x, w)| *x += w * g);
        }
    });
}

/// The gradient of the weights, summed over the batch.
pub fn backward_weight(x: &[f32], dy: &[f32], inputs: usize, images: usize) -> Vec<f32> {
    let outputs = dy.len() / images;
    sum_of_shares(images, inputs * outputs, |first, count, sum| {
        for image in first..first + count {
            let x = &x[image * inputs..][..inputs];
            for (sum, g) in sum.chunks_exact_mut(inputs).zip(&dy[image * outputs..][..outputs]) {
                sum.iter_mut().zip(x).for_each(|(s, x)| *s += x * g);
            }
        }
    })
}
