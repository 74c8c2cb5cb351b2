//! A block that a GPU made is held to the CPU engine: another driver or card is another compiler of every shader, and a
//! batch of thousands of images another geometry than any test has.

use super::{Engine, IntegerImages, Plan, Stop, TrialCounts, cpu, stopped};
use crate::error::{Error, Result};
use std::ops::Range;

impl Engine {
    /// What [`Engine::run_until`] counts, held to the CPU engine where it is not that one.
    pub fn run_verified(&self, plan: &Plan, images: &IntegerImages, trials: Range<u32>, stop: &Stop) -> Result<Vec<TrialCounts>> {
        let is_on_cpu = matches!(self, Engine::Cpu);
        let counts = self.run_until(plan, images, trials.clone(), !is_on_cpu, stop)?;
        if !is_on_cpu {
            verify(plan, images, trials, &counts, stop)?;
        }
        Ok(counts)
    }
}

/// The last of the chips `trials` on the first and the last image, computed once more by the CPU engine. `counts` are the
/// chips', with their logits.
///
/// # Errors
/// Where a logit differs; and once `stop` was true.
pub fn verify(plan: &Plan, images: &IntegerImages, trials: Range<u32>, counts: &[TrialCounts], stop: &Stop) -> Result<()> {
    let (Some(last), Some(made)) = (trials.clone().next_back(), counts.last()) else { return Ok(()) };
    let ends = [0, images.len() - 1];
    let expected = cpu::run_until(plan, &images.only(&ends), last..last + 1, true, stop).ok_or_else(stopped)?;
    let classes = plan.network.tensors[plan.network.output].len();
    for (&image, expected) in ends.iter().zip(expected.iter().flat_map(|c| c.logits.chunks(classes))) {
        if made.logits.get(image * classes..(image + 1) * classes) != Some(expected) {
            return Err(Error::internal(format!("chip {last} says something else of image {image} on the GPU than on the CPU: nothing of these chips is kept"))
                .hint("use --engine cpu; `bwq doctor` names adapter and driver"));
        }
    }
    Ok(())
}
