//! Lognormal programming error: ln G is normal about ln of the target, so the target is the median.
//!
//! With a fixed median the law of the resistance and that of the conductance are one (1/G has the same sigma).
//! Source: DL-RSIM (Lin et al., ICCAD'18) for resistance, with a sigma for each state; VECOM (ICCAD'23),
//! G = G0 exp(theta), sigma 0.04 and 0.08. What levels between the two states have is our assumption: a line.

/// `g exp(sigma_ln z)`.
pub fn conductance(g: f64, sigma_ln: f64, z: f64) -> f64 {
    g * libm::exp(sigma_ln * z)
}

/// The sigma of a level, from `off` at the lowest (`level` = 0) to `on` at the highest (`level` = 1).
pub fn sigma_of_level(on: f64, off: Option<f64>, level: f64) -> f64 {
    off.map_or(on, |off| off + (on - off) * level)
}
