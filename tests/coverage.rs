//! Intervals of means cover and verdicts err as they say: the fast part of `experiments/coverage`.

#[path = "../experiments/coverage/simulate.rs"]
#[allow(dead_code, reason = "the experiment uses the rest")]
mod simulate;

use bwq::stats::YieldTest;
use simulate::{Boundaries, laws, mean_coverage, stopped_coverage};

const REPETITIONS: u64 = 2000;

/// 93.5 to 96.5 %, and what 2000 repetitions may differ from the truth by (two standard errors).
fn is_95_percent(covered: f64) -> bool {
    (0.935 - 0.01..=0.965 + 0.01).contains(&covered)
}

#[test]
fn intervals_of_means_cover() {
    for law in laws() {
        for chips in [10, 30, 100] {
            let covered = mean_coverage(&law, chips, REPETITIONS).covered_frac;
            assert!(is_95_percent(covered), "{}, {chips} chips: {covered}", law.name);
        }
    }
}

/// A rule that stops when the interval is narrow keeps its coverage.
#[test]
fn intervals_cover_where_a_rule_stops() {
    for law in laws() {
        let half_width = 1.96 * law.sd_frac() / f64::sqrt(100.0);
        let c = stopped_coverage(&law, half_width, 1, 1000);
        assert!(is_95_percent(c.covered_frac), "{}: {c:?}", law.name);
        assert!((90.0..125.0).contains(&c.chips_mean), "{}: {c:?}", law.name);
    }
}

/// Wrong verdicts are rarer than stated on both sides of the limit, right ones are common away from it.
#[test]
fn verdicts_err_as_rarely_as_stated() {
    let test = YieldTest { yield_frac: 0.99, confidence: 0.95 };
    let boundaries = Boundaries::new(&test, 4000);
    for truth in [0.97, 0.98, 0.985, 0.9899, 0.99, 0.995, 0.999] {
        let v = boundaries.decisions(truth, REPETITIONS);
        let wrong = if truth >= 0.99 { v.fail_frac } else { v.pass_frac };
        assert!(wrong <= 0.05, "{truth}: {v:?}");
        match truth {
            0.97 => assert!(v.fail_frac > 0.99 && v.chips_mean < 700.0, "{v:?}"),
            0.999 => assert!(v.pass_frac > 0.99 && v.chips_mean < 900.0, "{v:?}"),
            _ => {}
        }
    }
}
