//! Which points are worth their cost, when costs are known and accuracies are not quite.
//!
//! A point is **on the front** if no other that costs no more (in every figure that is made small) has a mean accuracy as high, by the
//! means of the same chips; of points alike in all of it, each is on. It **may be on the front** unless another that costs no more
//! has the lower end of its mean's 95 % interval at or above this one's upper end: more chips could still bring it there.
//! On the front by its mean is a guess, off by the intervals is certain at their confidence, and between the two the chips
//! do not tell. Intervals are of each point alone, though points share their chips, so this errs towards "may be".
//!
//! The front is over means and not over yields: a yield is 0 or 1 but for a few points, so a front of yields has hardly more than
//! its end, and that is the point which [`super::knee`] finds. Costs are those under one component set: there is a front for each.

use crate::stats::Interval;

/// What the front needs of a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Figures that are made small.
    pub costs: Vec<f64>,
    /// Mean accuracy.
    pub mean: f64,
    /// Its interval; the mean alone where every chip is the same.
    pub interval: Interval,
}

/// Where a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// On the front, by its mean.
    pub on: bool,
    /// Not shown to be off.
    pub may_be: bool,
}

impl Candidate {
    fn costs_no_more(&self, other: &Candidate) -> bool {
        self.costs.iter().zip(&other.costs).all(|(a, b)| a <= b)
    }

    /// Whether this point makes the other one useless, `accuracies` of both being what counts.
    fn beats(&self, other: &Candidate, [mine, others]: [f64; 2]) -> bool {
        self.costs_no_more(other) && mine >= others && (mine > others || self.costs != other.costs)
    }
}

/// Where each point is; `None` = it has no cost or no chips, and no say.
pub fn places(candidates: &[Option<Candidate>]) -> Vec<Place> {
    let all = || candidates.iter().flatten();
    let place = |c: &Candidate| Place {
        on: !all().any(|o| o.beats(c, [o.mean, c.mean])),
        may_be: !all().any(|o| o.beats(c, [o.interval.lo, c.interval.hi])),
    };
    candidates.iter().map(|c| c.as_ref().map(place).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(costs: &[f64], mean: f64, half: f64) -> Option<Candidate> {
        Some(Candidate { costs: costs.to_vec(), mean, interval: Interval { lo: mean - half, hi: mean + half } })
    }

    fn flags(candidates: &[Option<Candidate>]) -> Vec<(bool, bool)> {
        places(candidates).into_iter().map(|p| (p.on, p.may_be)).collect()
    }

    #[test]
    fn a_cheaper_and_better_point_takes_the_place() {
        let all = [point(&[1.0], 0.8, 0.01), point(&[2.0], 0.9, 0.01), point(&[3.0], 0.85, 0.01), None];
        assert_eq!(flags(&all), [(true, true), (true, true), (false, false), (false, false)]);
    }

    #[test]
    fn intervals_that_overlap_leave_it_open() {
        let all = [point(&[1.0], 0.90, 0.01), point(&[2.0], 0.895, 0.01), point(&[2.0], 0.87, 0.01)];
        assert_eq!(flags(&all), [(true, true), (false, true), (false, false)]);
    }

    #[test]
    fn ties() {
        // Alike in cost and mean: both are on. Alike in cost: the better one. Alike in mean: the cheaper one.
        assert_eq!(flags(&[point(&[1.0], 0.9, 0.0), point(&[1.0], 0.9, 0.0)]), [(true, true), (true, true)]);
        assert_eq!(flags(&[point(&[1.0], 0.9, 0.0), point(&[1.0], 0.8, 0.0)]), [(true, true), (false, false)]);
        assert_eq!(flags(&[point(&[1.0], 0.9, 0.0), point(&[2.0], 0.9, 0.0)]), [(true, true), (false, false)]);
        assert_eq!(flags(&[point(&[1.0], 0.9, 0.1), point(&[2.0], 0.9, 0.1)]), [(true, true), (false, true)]);
    }

    #[test]
    fn of_two_figures_each_can_save_a_point() {
        let all = [point(&[1.0, 5.0], 0.9, 0.0), point(&[2.0, 4.0], 0.9, 0.0), point(&[2.0, 5.0], 0.9, 0.0)];
        assert_eq!(flags(&all), [(true, true), (true, true), (false, false)]);
    }

    proptest! {
        /// The front is never empty, on it means not shown to be off it, and every point off it has one on it that is no dearer and no worse.
        #[test]
        fn the_front_holds_what_it_promises(points in proptest::collection::vec((0u8..6, 0u8..6, 0u8..6, 0u8..3), 1..12)) {
            let all: Vec<_> = points.iter().map(|&(a, b, m, h)| point(&[f64::from(a), f64::from(b)], f64::from(m) / 6.0, f64::from(h) / 12.0)).collect();
            let places = places(&all);
            prop_assert!(places.iter().any(|p| p.on));
            for (c, p) in all.iter().flatten().zip(&places) {
                prop_assert!(!p.on || p.may_be);
                let covered = all.iter().flatten().zip(&places).any(|(o, at)| at.on && o.costs_no_more(c) && o.mean >= c.mean);
                prop_assert!(p.on || covered);
            }
        }
    }
}
