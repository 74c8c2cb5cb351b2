//! Relaxation: what a cell moves by in the time after it was written and verified.
//!
//! Source: NeuRRAM (Wan et al., Nature'22): Gaussian, with conductances of 1 to 40 uS a standard deviation of 2.8 uS on
//! average, 2 uS after three rounds of programming; that it is the same for all levels is our assumption.

/// `sigma_rel z`, unit g_on: added to the written conductance.
pub fn change(sigma_rel: f64, z: f64) -> f64 {
    sigma_rel * z
}
