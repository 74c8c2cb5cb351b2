//! Replicas of layers under a budget of arrays, for a pipeline of layers: each layer's copies share out its positions, and the
//! pipeline moves at the pace of the slowest layer.

use crate::error::{Error, Result};

/// A layer as a stage of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Arrays of one copy.
    pub crossbars: u64,
    /// OU cycles of a position in its fullest array.
    pub cycles_per_position: u64,
    /// Positions of an image.
    pub positions: u64,
    /// Values that the layer takes in, and those of them that it needs before its first position.
    pub inputs: [u64; 2],
}

impl Stage {
    /// Cycles of an image with that many copies; positions are not divided.
    pub fn cycles(&self, copies: u64) -> u64 {
        self.positions.div_ceil(copies.max(1)) * self.cycles_per_position
    }

    /// The fewest copies with which an image takes at most `interval` cycles.
    fn copies(&self, interval: u64) -> Option<u64> {
        if self.cycles_per_position == 0 {
            return Some(1);
        }
        let positions_each = interval / self.cycles_per_position;
        (positions_each > 0).then(|| self.positions.div_ceil(positions_each))
    }
}

/// A pipeline of layers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Pipeline {
    /// Copies of each layer: the fewest with this interval.
    pub replicas: Vec<u64>,
    /// Arrays that they take.
    pub crossbars: u64,
    /// Cycles between images.
    pub interval_cycles: u64,
    /// Cycles until the last layer can begin: each layer waits for the lines of its first window.
    pub fill_cycles: u64,
    /// Cycles of an image if layers run one after another, with these copies.
    pub cycles_sequential: u64,
}

/// The copies that make the interval smallest within `budget` arrays; found by bisection, since fewer cycles never need fewer
/// copies.
///
/// # Errors
/// A budget that one copy of each layer does not fit into.
pub fn replicate(stages: &[Stage], budget: u64, place: &str) -> Result<Pipeline> {
    let least: u64 = stages.iter().map(|s| s.crossbars).sum();
    if budget < least {
        return Err(Error::input(place, format!("{budget} crossbars, but one copy of the network takes {least} crossbars")).hint(format!("at least {least}, or \"own\"")));
    }
    let fits = |interval: u64| {
        let total = |sum: u64, s: &Stage| sum.checked_add(s.crossbars.checked_mul(s.copies(interval)?)?);
        stages.iter().try_fold(0, total).is_some_and(|total| total <= budget)
    };
    let (mut low, mut high) = (0, stages.iter().map(|s| s.cycles(1)).max().unwrap_or(0));
    while low < high {
        let middle = low + (high - low) / 2;
        if fits(middle) { high = middle } else { low = middle + 1 }
    }
    Ok(pipeline(stages, stages.iter().map(|s| s.copies(low).unwrap_or(1)).collect()))
}

/// The pipeline of layers with that many copies each.
pub fn pipeline(stages: &[Stage], replicas: Vec<u64>) -> Pipeline {
    let cycles: Vec<u64> = stages.iter().zip(&replicas).map(|(s, &r)| s.cycles(r)).collect();
    // A layer delivers evenly, so the one behind it has its first window after that share of its time.
    let fill = cycles.iter().zip(stages.iter().skip(1)).map(|(&before, stage)| {
        let [all, first] = stage.inputs.map(u128::from);
        (u128::from(before) * first).div_ceil(all.max(1)) as u64
    });
    Pipeline {
        crossbars: stages.iter().zip(&replicas).map(|(s, r)| s.crossbars * r).sum(),
        interval_cycles: cycles.iter().copied().max().unwrap_or(0),
        fill_cycles: fill.sum(),
        cycles_sequential: cycles.iter().sum(),
        replicas,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stage(crossbars: u64, cycles_per_position: u64, positions: u64) -> Stage {
        Stage { crossbars, cycles_per_position, positions, inputs: [positions, 1] }
    }

    /// L64 at 2-bit blocks and 4-bit inputs takes 5 of its 20 arrays: the other 15 are 3 more copies.
    #[test]
    fn freed_arrays() {
        let made = replicate(&[stage(5, 14 * 16 * 4, 1024)], 20, "x").expect("fits");
        assert_eq!((made.replicas, made.interval_cycles, made.cycles_sequential), (vec![4], 229_376, 229_376));
        assert_eq!(replicate(&[stage(5, 1, 1)], 4, "x").expect_err("too few").hint.as_deref(), Some("at least 5, or \"own\""));
    }

    #[test]
    fn a_stage_waits_for_its_first_window() {
        let stages = [stage(1, 1, 100), Stage { inputs: [100, 21], ..stage(1, 1, 100) }, Stage { inputs: [100, 100], ..stage(1, 1, 1) }];
        assert_eq!(pipeline(&stages, vec![1, 1, 1]).fill_cycles, 21 + 100);
    }

    proptest! {
        /// No other choice of copies has a shorter interval.
        #[test]
        fn bisection_is_exact(stages in prop::collection::vec((1u64..4, 0u64..5, 1u64..9), 1..4), spare in 0u64..12) {
            let stages: Vec<Stage> = stages.into_iter().map(|(c, t, p)| stage(c, t, p)).collect();
            let budget = stages.iter().map(|s| s.crossbars).sum::<u64>() + spare;
            let made = replicate(&stages, budget, "x").expect("fits");
            let mut best = u64::MAX;
            let mut copies = vec![1; stages.len()];
            loop {
                let other = pipeline(&stages, copies.clone());
                if other.crossbars <= budget {
                    best = best.min(other.interval_cycles);
                }
                let Some(i) = copies.iter().position(|&c| c < 13) else { break };
                copies[i] += 1;
                copies[..i].fill(1);
            }
            prop_assert!(made.crossbars <= budget);
            prop_assert_eq!(made.interval_cycles, best);
        }
    }
}
