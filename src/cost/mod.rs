//! What a network costs on hardware: how often each thing happens, what is there, and what both are priced at.
//!
//! ```text
//!  events (how often, how many) + components (figures from a file) -> price (energy, area, latency per component)
//! ```
//!
//! Counts are exact integers; energies are as good as the figures of a component set, so the spread over sets is their error bar.

pub mod components;
pub mod events;
pub mod price;
