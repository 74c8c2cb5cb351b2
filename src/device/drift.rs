//! Drift: conductance changes with a power of time, and the power differs from cell to cell.
//!
//! Source: the usual law of resistive memories, G(t) = G(t0) (t / t0)^-nu (Ielmini et al., TED'07; for arrays
//! Joshi et al., Nature Communications'20), nu normal over cells. Up to t0 nothing has changed.

use crate::config::DriftConfig;

/// What the conductance of a cell is multiplied by, at the standard normal variate `z` of its exponent.
pub fn factor(drift: &DriftConfig, z: f64) -> f64 {
    libm::exp(-(drift.nu + drift.sigma_nu * z) * libm::log(decades(drift)))
}

/// True if it is the same for all cells.
pub fn is_fixed(drift: &DriftConfig) -> bool {
    drift.sigma_nu == 0.0 || decades(drift) == 1.0
}

/// t / t0, at least 1.
fn decades(drift: &DriftConfig) -> f64 {
    (drift.time_s / drift.t0_s).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_of_time() {
        let drift = DriftConfig { nu: 0.05, sigma_nu: 0.01, t0_s: 10.0, time_s: 1e5 };
        assert!((factor(&drift, 0.0) - 1e4f64.powf(-0.05)).abs() < 1e-12);
        assert!((factor(&drift, 2.0) - 1e4f64.powf(-0.07)).abs() < 1e-12);
        let early = DriftConfig { time_s: 1.0, ..drift };
        assert!(factor(&early, 3.0) == 1.0 && is_fixed(&early) && !is_fixed(&drift));
    }
}
