//! Write and verify: a cell is written, read, and written again until the read is near enough to the target.
//!
//! Each attempt gives an independent normal error of the same spread. An attempt is accepted within `tolerance` of
//! the target, so accepted cells have a truncated normal law; of `n` attempts all fail with probability (1 - p)^n,
//! p = P(|error| <= tolerance), and such a cell keeps its last attempt, which lies outside. The quantile of that
//! mixture has a closed form. Source: program-and-verify as in Milo et al., TED'21, and NeuRRAM (Wan et al.,
//! Nature'22); independence of attempts is our assumption.

use super::normal::{upper_quantile, upper_tail};

/// The error at the upper tail probability `tail`, 0 < tail <= 1/2, in the unit of `sigma`; the lower half mirrors it.
pub fn upper_error(sigma: f64, tolerance: f64, attempts: u32, tail: f64) -> f64 {
    if sigma == 0.0 {
        return 0.0;
    }
    // Half of what one attempt misses by, and half of what is left after all of them.
    let missed = upper_tail(tolerance / sigma);
    let left = 0.5 * libm::pow(2.0 * missed, f64::from(attempts));
    if tail < left {
        // Among the failures the law is the normal's outside the tolerance.
        return sigma * upper_quantile(tail / left * missed);
    }
    // Among the accepted it is the normal's within: from `missed` at the tolerance to 1/2 at the target.
    let share = (tail - left) / (0.5 - left);
    sigma * upper_quantile((missed + share * (0.5 - missed)).clamp(f64::MIN_POSITIVE, 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_cells_are_within_and_the_others_outside() {
        let (sigma, tolerance) = (0.05, 0.04); // one attempt is accepted with p = 0.5763
        let p: f64 = 1.0 - 2.0 * upper_tail(0.8);
        for attempts in [1, 2, 5] {
            let left = (1.0 - p).powi(attempts as i32);
            let n = 100_000;
            let outside = (0..n).filter(|i| upper_error(sigma, tolerance, attempts, (f64::from(*i) + 0.5) / f64::from(2 * n)) > tolerance).count();
            assert!((outside as f64 / f64::from(n) - left).abs() < 1e-4, "{attempts}: {outside}");
        }
        // One attempt is the plain normal law.
        for tail in [1e-6, 0.01, 0.2, 0.4999, 0.5] {
            assert!((upper_error(sigma, tolerance, 1, tail) - sigma * upper_quantile(tail)).abs() < 1e-9);
        }
        assert_eq!(upper_error(0.0, 0.01, 3, 0.1), 0.0);
    }
}
