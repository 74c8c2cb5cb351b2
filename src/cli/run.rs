//! `bwq run` and `bwq demo`.

use super::terminal::{Terminal, print};
use super::{DemoArgs, RunArgs, engine, merge};
use bwq::config::{self, Overrides, Sweep};
use bwq::error::{Error, Result, exit};
use bwq::sweep::estimate::estimate;
use bwq::sweep::materials::Materials;
use bwq::sweep::run::{Request, run as run_sweep};
use bwq::sweep::shard::Shard;
use bwq::sweep::Observer;
use std::path::{Path, PathBuf};

/// The sweep of `bwq demo`.
const DEMO: &str = include_str!("demo.toml");

/// The main job on the embedded network.
pub fn demo(args: &DemoArgs, terminal: &Terminal) -> Result<u8> {
    let sweep = config::parse(DEMO, "demo.toml (embedded)", &Overrides::default())?;
    terminal.say("how does accuracy fall as more wordlines are on at once? A VGG-like network on Fashion-MNIST, 8 bit, 1-bit cells");
    let code = go(&sweep, &args.out, &args.engine, Shard::ALL, terminal)?;
    terminal.say("`bwq new DIR` writes a sweep file to start your own from");
    Ok(code)
}

/// A sweep file.
pub fn run(args: &RunArgs, terminal: &Terminal) -> Result<u8> {
    let overrides = Overrides { set: args.set.clone(), images: args.images, trials: args.trials, seed: args.seed };
    let sweep = config::load(&args.sweep, &overrides)?;
    let out = args.out.clone().unwrap_or_else(|| default_out(&args.sweep));
    let shard = args.shard.as_deref().map_or(Ok(Shard::ALL), str::parse)?;
    if args.dry_run {
        let engine = engine::choose_for(&sweep, &args.engine, terminal)?;
        let request = Request { sweep: &sweep, out: &out, engine: &engine, kernel: args.engine.kernel.0, shard, command: &[] };
        print(&estimate(&request, terminal)?)?;
        return Ok(exit::DONE);
    }
    go(&sweep, &out, &args.engine, shard, terminal)
}

fn go(sweep: &Sweep, out: &Path, args: &super::EngineArgs, shard: Shard, terminal: &Terminal) -> Result<u8> {
    terminal.catch_signals();
    let engine = engine::choose_for(sweep, args, terminal)?;
    let command: Vec<String> = std::env::args().collect();
    terminal.say(&format!("{} points on {}", sweep.points.len(), engine.describe()));
    let request = Request { sweep, out, engine: &engine, kernel: args.kernel.0, shard, command: &command };
    let outcome = run_sweep(&request, &mut Materials::default(), terminal)?;
    terminal.say(&format!("{} blocks made, {} found finished", outcome.made, outcome.found));
    if outcome.missing > 0 {
        if shard == Shard::ALL {
            return Err(Error::internal("blocks are missing after a complete run"));
        }
        terminal.say(&format!("{} blocks are for other shards; then: bwq merge {}", outcome.missing, out.display()));
        return Ok(exit::DONE);
    }
    if shard != Shard::ALL {
        terminal.say(&format!("all blocks are there: bwq merge {}", out.display()));
        return Ok(exit::DONE);
    }
    merge::write_results(out, false, terminal)
}

fn default_out(sweep: &Path) -> PathBuf {
    let stem = sweep.file_stem().map_or_else(|| "sweep".into(), |s| s.to_string_lossy().into_owned());
    sweep.with_file_name(format!("{stem}-results"))
}
