//! Operations that only move values: concatenation, strided copies, channels of zeros; and the sum of two tensors.

use super::for_images;
use super::wide::wide;

/// A copy of whole channels from one image into another, strided in space.
#[derive(Debug, Clone, PartialEq)]
pub struct Copy {
    /// [C, H, W] of the image that is read.
    pub input: [usize; 3],
    /// [C, H, W] of the image that is written.
    pub output: [usize; 3],
    /// Channel of the output that the first channel goes to.
    pub first_channel: usize,
    /// [vertical, horizontal].
    pub stride: [usize; 2],
}

impl Copy {
    /// (index in an input image, index in an output image) of all that is copied.
    fn each(&self, mut visit: impl FnMut(usize, usize)) {
        let ([c, h, w], [_, oh, ow]) = (self.input, self.output);
        for channel in 0..c {
            for (y, x) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
                visit((channel * h + y * self.stride[0]) * w + x * self.stride[1], ((self.first_channel + channel) * oh + y) * ow + x);
            }
        }
    }

    /// Copies a batch; the rest of `out` is left as it is.
    pub fn forward(&self, x: &[f32], out: &mut [f32]) {
        let len = self.input.iter().product::<usize>();
        for_images(out, self.output.iter().product(), |image, out| {
            let x = &x[image * len..][..len];
            self.each(|from, to| out[to] = x[from]);
        });
    }

    /// The gradient of a batch's inputs.
    pub fn backward(&self, dy: &[f32], dx: &mut [f32]) {
        let len = self.output.iter().product::<usize>();
        for_images(dx, self.input.iter().product(), |image, dx| {
            dx.fill(0.0);
            let dy = &dy[image * len..][..len];
            self.each(|from, to| dx[from] = dy[to]);
        });
    }
}

wide! {
    /// out = a + b.
    pub fn add(a: &[f32], b: &[f32], out: &mut [f32]) {
        for_images(out, 4096, |piece, out| {
            let at = piece * 4096;
            out.iter_mut().zip(&a[at..]).zip(&b[at..]).for_each(|((y, a), b)| *y = a + b);
        });
    }
}
