//! Each shader against its CPU twin, every output compared; and whole networks on both engines.
//!
//! Without a Vulkan adapter nothing here runs, which is said loudly, and is a failure where the variable `CI` or
//! `BWQ_REQUIRE_GPU` is set. A software adapter will do: `apt-get install mesa-vulkan-drivers`.

#![cfg(feature = "gpu")]

#[path = "twin/kernels.rs"]
mod kernels;
#[path = "twin/layers.rs"]
mod layers;
#[path = "twin/networks.rs"]
mod networks;
#[path = "twin/shared.rs"]
mod shared;
#[path = "twin/steps.rs"]
mod steps;

use bwq::engine::gpu::GpuEngine;
use bwq::rng::PhiloxStream;
use rand::Rng;

/// An engine on the best adapter; `BWQ_ADAPTER` names another.
fn engine() -> Option<GpuEngine> {
    let selector = std::env::var("BWQ_ADAPTER").ok();
    match GpuEngine::new(selector.as_deref(), true) {
        Ok(engine) => Some(engine),
        Err(error) => {
            let required = ["CI", "BWQ_REQUIRE_GPU"].iter().any(|v| std::env::var_os(v).is_some());
            assert!(!required, "a GPU adapter is required here: {error}");
            eprintln!("NOT RUN: no Vulkan adapter: {error}");
            None
        }
    }
}

/// Random cases: the same at every run.
struct Cases(PhiloxStream);

impl Cases {
    fn new(seed: u64) -> Self {
        Cases(PhiloxStream::new(seed))
    }
    fn word(&mut self) -> u32 {
        self.0.next_u32()
    }
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.word() as usize % end
    }
    /// A number from `low` to `high`, both possible.
    fn within(&mut self, low: i64, high: i64) -> i64 {
        low + (self.0.next_u64() % ((high - low) as u64 + 1)) as i64
    }
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// The first difference, rather than two long lists.
fn assert_same<T: PartialEq + std::fmt::Debug>(what: &str, gpu: &[T], cpu: &[T]) {
    assert_eq!(gpu.len(), cpu.len(), "{what}: lengths");
    if let Some(i) = (0..gpu.len()).find(|&i| gpu[i] != cpu[i]) {
        panic!("{what}: element {i} of {}: {:?} on the GPU, {:?} on the CPU", gpu.len(), gpu[i], cpu[i]);
    }
}
