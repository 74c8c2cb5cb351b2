//! `bwq bench`: how fast is it here, and how far from what the machine can do?

use super::BenchArgs;
use super::engine::{self, EngineChoice};
use super::terminal::{Terminal, print};
use bwq::bench::network::Files;
use bwq::bench::{Request, run};
use bwq::engine::Engine;
use bwq::error::{Error, Result, exit};

/// Measures, and prints tables or JSON.
pub fn bench(args: &BenchArgs, terminal: &Terminal) -> Result<u8> {
    let of_run = super::EngineArgs { engine: args.engine, adapter: args.adapter.clone(), batch_images: None, batch_trials: None, threads: args.threads, kernel: engine::KernelChoice(None) };
    let chosen = engine::choose(&of_run, &[], terminal)?;
    let mut engines = Vec::new();
    if args.engine != EngineChoice::Gpu {
        engines.push(Engine::Cpu);
    }
    if !matches!(chosen, Engine::Cpu) {
        engines.push(chosen);
    }
    let network = args.model.clone().zip(args.dataset.clone()).map(|(model, dataset)| Files { model, dataset });
    let report = run(&Request { engines: &engines, quick: args.quick, threads: rayon::current_num_threads(), network }, terminal)?;
    if args.json {
        let text = serde_json::to_string_pretty(&report).map_err(|e| Error::internal(e.to_string()))?;
        print(&format!("{text}\n"))?;
    } else {
        print(&report.text())?;
    }
    Ok(exit::DONE)
}
