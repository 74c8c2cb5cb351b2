//! Files that are broken or meant to break something, for every reader but ONNX's (`tests/import/malformed.rs`): refused with a
//! message that names the file, or read as what they say; no panic, no hang, no more memory than their bytes ask for.
//!
//! `BWQ_MALFORMED=100000 cargo test --release --test malformed -- --nocapture` tries that many of each kind and prints the table.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

#[path = "malformed/datasets.rs"]
mod datasets;
#[path = "malformed/networks.rs"]
mod networks;
#[path = "malformed/results.rs"]
mod results;
#[path = "malformed/settings.rs"]
mod settings;
#[path = "support/trial.rs"]
mod trial;

use support::mutations;
