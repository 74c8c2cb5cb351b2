//! Normal programming error with the same standard deviation for every level.
//!
//! Source: Xiao et al., "On the accuracy of analog neural network inference accelerators", 2022
//! (state-independent error; their alpha is twice our sigma_rel, since they state sd = alpha G_max / 2).

/// `g + sigma_rel z`, unit g_on.
pub fn conductance(g: f64, sigma_rel: f64, z: f64) -> f64 {
    g + sigma_rel * z
}
