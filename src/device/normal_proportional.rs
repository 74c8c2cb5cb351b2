//! Normal programming error with a standard deviation proportional to the target conductance.
//!
//! Source: Xiao et al., "On the accuracy of analog neural network inference accelerators", 2022
//! (state-proportional error, sd = alpha G).

/// `g (1 + sigma_rel z)`.
pub fn conductance(g: f64, sigma_rel: f64, z: f64) -> f64 {
    g * (1.0 + sigma_rel * z)
}
