//! Where a measurement was made: processor, instruction set, load, adapter. No name of the host.

use super::clock::CPU_CLOCK;
use crate::engine::{Engine, cpu};
use serde::Serialize;

/// A machine and its state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// Model of the processor, where the system tells it.
    pub processor: Option<String>,
    /// Logical processors.
    pub cpus: usize,
    /// Instruction set of the CPU engine.
    pub instruction_set: &'static str,
    /// Threads of the network's second measurement; kernels run on one.
    pub threads: usize,
    /// What CPU figures count.
    pub cpu_clock: &'static str,
    /// What GPU figures count.
    pub gpu_clock: &'static str,
    /// Adapter of the GPU engine, if it was measured.
    pub adapter: Option<String>,
    /// Load average of 1, 5 and 15 minutes before, where the system tells it.
    pub load_average_before: Option<[f64; 3]>,
    /// And afterwards.
    pub load_average_after: Option<[f64; 3]>,
}

impl Machine {
    /// This machine, now.
    pub fn new(engines: &[Engine], threads: usize) -> Self {
        Machine {
            processor: processor(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            instruction_set: cpu::instruction_set(),
            threads,
            cpu_clock: CPU_CLOCK,
            gpu_clock: "wall time",
            adapter: engines.iter().find(|e| !matches!(e, Engine::Cpu)).map(Engine::describe),
            load_average_before: load_average(),
            load_average_after: None,
        }
    }
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|l| l.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_string())
}

/// Load averages as Linux tells them.
pub fn load_average() -> Option<[f64; 3]> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let mut numbers = text.split_whitespace().map_while(|w| w.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}
