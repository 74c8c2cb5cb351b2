//! What a GPU computes is held to the CPU engine, some of it: another driver or card is another compiler of every shader, and a
//! batch of thousands of images another geometry than any test has.

use super::{Engine, IntegerImages, Plan, Stop, TrialCounts, cpu, stopped};
use crate::error::{Error, Result};
use std::ops::Range;

/// Chips whose logits are held at once.
const CHIPS: u32 = 16;

impl Engine {
    /// What [`Engine::run_until`] counts; of an engine that is not the CPU's the first chips are held to that one.
    pub fn run_verified(&self, plan: &Plan, images: &IntegerImages, trials: Range<u32>, stop: &Stop) -> Result<Vec<TrialCounts>> {
        if matches!(self, Engine::Cpu) {
            return self.run_until(plan, images, trials, false, stop);
        }
        let mut counts = Vec::with_capacity(trials.len());
        // All in pieces of one size, so that what is verified is computed as the rest is.
        for first in trials.clone().step_by(CHIPS as usize) {
            let some = first..trials.end.min(first.saturating_add(CHIPS));
            let is_first = first == trials.start;
            let mut of_some = self.run_until(plan, images, some.clone(), is_first, stop)?;
            if is_first {
                verify(plan, images, some, &of_some, stop)?;
                of_some.iter_mut().for_each(|c| c.logits = Vec::new());
            }
            counts.append(&mut of_some);
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
    if images.is_empty() {
        return Ok(());
    }
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
