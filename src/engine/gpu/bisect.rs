//! Where a wrong result begins: the first layer on the GPU whose outputs are not those of the exact integer product.

use super::GpuEngine;
use super::batch::Batch;
use super::chips::{Chips, Loaded};
use super::recorder::Recorder;
use crate::engine::cpu::{self, digital};
use crate::engine::{IntegerImages, Plan};
use crate::error::Result;
use crate::quantize::Step;
use std::fmt;

/// A layer whose outputs are wrong, as far as one image shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// Its name.
    pub layer: String,
    /// True if what it read was wrong already: the fault is in a step without weights before it.
    pub is_in_its_input: bool,
    /// How it was computed: kernel and columns at once of its parts.
    pub parts: String,
    /// Elements that differ, and all.
    pub elements: [usize; 2],
    /// The first of them.
    pub first: usize,
    /// Its value on the GPU, and the exact one.
    pub values: [u32; 2],
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let what = if self.is_in_its_input { "input of layer" } else { "output of layer" };
        let ([differing, all], [gpu, exact]) = (self.elements, self.values);
        write!(f, "first in the {what} `{}` ({}): {differing} of {all} elements, element {} is {gpu} and should be {exact}", self.layer, self.parts, self.first)
    }
}

impl GpuEngine {
    /// The first layer whose outputs for image number `image` are not those of the exact product, with all `images`
    /// computed as [`GpuEngine::run`] computes them. `plan` has an ideal crossbar.
    pub fn first_difference(&self, plan: &Plan, images: &IntegerImages, image: usize) -> Result<Option<Divergence>> {
        let exact = exact_tensors(plan, &images.image(image));
        let batch = Batch::new(plan, images.len(), 1, &self.limits, &self.device)?;
        let loaded = Loaded::new(&self.device, plan, &batch)?;
        let mut chips = Chips::new(self, plan, &batch, &loaded, 0..1)?;
        let first = image / batch.images * batch.images;
        chips.load_images(images, first..(first + batch.images).min(images.len()))?;
        let mut recorder = Recorder::new(&self.device);
        for step in &plan.network.steps {
            let Step::Matrix { input, output, matrix } = step else {
                chips.run(step, &mut recorder)?;
                continue;
            };
            recorder.submit(&matrix.name)?;
            let [exact_input, exact_output] = &exact[matrix.layer];
            let found = |is_in_its_input: bool, tensor: &[u32], exact: &[u32]| {
                let mut differing = (0..exact.len()).filter(|&i| tensor[i] != exact[i]);
                let first = differing.next()?;
                let elements = [1 + differing.count(), exact.len()];
                let parts: Vec<String> = batch.parts[matrix.layer].iter().map(|p| format!("{}, {} columns at once", p.kernel, p.columns)).collect();
                Some(Divergence { layer: matrix.name.clone(), is_in_its_input, parts: parts.join("; "), elements, first, values: [tensor[first], exact[first]] })
            };
            if let Some(found) = found(true, &chips.read_tensor(*input, image - first)?, exact_input) {
                return Ok(Some(found));
            }
            chips.run(step, &mut recorder)?;
            recorder.submit(&matrix.name)?;
            if let Some(found) = found(false, &chips.read_tensor(*output, image - first)?, exact_output) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// Input and output of every layer with weights, by the exact integer product.
fn exact_tensors(plan: &Plan, pixels: &[u16]) -> Vec<[Vec<u32>; 2]> {
    let packed = digital::pack(&plan.network);
    let mut tensors = vec![[Vec::new(), Vec::new()]; packed.len()];
    cpu::run_steps(&plan.network, pixels, &mut cpu::SpareTensors::default(), &mut |layer, matrix, input, output| {
        packed[layer].iter().for_each(|part| part.run(matrix.input_zero as u32, input, output));
        tensors[layer] = [input.values.to_vec(), output.to_vec()];
    });
    tensors
}
