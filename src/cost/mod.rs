//! What a network costs on hardware: how often each thing happens, what is there, and what both are priced at.
//!
//! ```text
//!  zoo | from_network -> shape --+
//!  precision (bits of blocks) ---+-> mapping -> count -> events (how often, how many)
//!  design + settings -> scheme --+                          + components (figures from a file) -> price
//! ```
//!
//! Counts are exact integers; energies are as good as the figures of a component set, so the spread over sets is their error bar.

pub mod blocks;
mod budget;
pub mod chip;
pub mod components;
pub mod costed;
pub mod count;
pub mod designs;
pub mod events;
pub mod from_network;
pub mod mapping;
pub mod network;
pub mod precision;
pub mod price;
pub mod priced;
pub mod replicate;
pub mod schedule;
pub mod scheme;
pub mod shape;
pub mod squeeze;
pub mod squeezed;
pub mod traffic;
pub mod zoo;
