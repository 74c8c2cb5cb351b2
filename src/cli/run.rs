//! `bwq run` and `bwq demo`.

use super::terminal::{Terminal, print};
use super::{DemoArgs, RunArgs, engine, merge};
use bwq::config::{self, Overrides, Sweep};
use bwq::error::{Error, Result, exit};
use bwq::report::plot;
use bwq::stats::half_width::{ALWAYS_REACHED_FRAC, FIRST};
use bwq::sweep::estimate::estimate;
use bwq::sweep::folder::refuse_foreign;
use bwq::sweep::materials::{EMBEDDED_BWQ_A, Materials, precision_map_of};
use bwq::sweep::run::{Request, run as run_sweep};
use bwq::sweep::shard::Shard;
use bwq::sweep::Observer;
use std::path::Path;

/// The sweep of `bwq demo`.
const DEMO: &str = include_str!("demo.toml");

/// The main job on the embedded network.
pub fn demo(args: &DemoArgs, terminal: &Terminal) -> Result<u8> {
    let sweep = config::parse(DEMO, "demo.toml (embedded)", &Overrides::default())?;
    let map = precision_map_of(EMBEDDED_BWQ_A)?;
    terminal.say("how does accuracy fall as more wordlines are on at once? A VGG-like network on Fashion-MNIST with block-wise precision (BWQ-A), 1-bit cells");
    refuse_foreign(&args.out)?;
    let code = go(&sweep, &args.out, &args.engine, Shard::ALL, None, terminal)?;
    let figures = plot::blocks::draw(&args.out, &map)?;
    terminal.say(&format!("the precision of its weight blocks: {}", figures[0].display()));
    terminal.say("`bwq new DIR` writes a sweep file to start your own from");
    Ok(code)
}

/// A sweep file.
pub fn run(args: &RunArgs, terminal: &Terminal) -> Result<u8> {
    let sweep = config::load(&args.of.sweep, &args.of.overrides())?;
    terminal.say_preset(&sweep);
    let out = args.of.out();
    refuse_foreign(&out)?;
    let shard = args.shard.as_deref().map_or(Ok(Shard::ALL), str::parse)?;
    refuse_half_width(args, &sweep)?;
    if args.dry_run {
        let engine = engine::choose(&args.of.engine, &sweep.points, terminal)?;
        let request = Request { sweep: &sweep, out: &out, engine: &engine, kernel: args.of.engine.kernel.0, shard, half_width_frac: args.half_width, command: &[] };
        print(&estimate(&request, terminal)?.report)?;
        if let Some(half_width) = args.half_width {
            terminal.say(&format!("that is the most: a point is done once its mean is known to +-{half_width}"));
        }
        return Ok(exit::DONE);
    }
    go(&sweep, &out, &args.of.engine, shard, args.half_width, terminal)
}

fn go(sweep: &Sweep, out: &Path, args: &super::EngineArgs, shard: Shard, half_width_frac: Option<f64>, terminal: &Terminal) -> Result<u8> {
    terminal.catch_signals();
    let engine = engine::choose(args, &sweep.points, terminal)?;
    let command: Vec<String> = std::env::args().collect();
    terminal.say(&format!("{} points on {}", sweep.points.len(), engine.describe()));
    let request = Request { sweep, out, engine: &engine, kernel: args.kernel.0, shard, half_width_frac, command: &command };
    let (outcome, _at_work) = run_sweep(&request, &mut Materials::default(), terminal)?;
    terminal.say(&format!("{} blocks made, {} found finished", outcome.made, outcome.found));
    if outcome.made + outcome.found == 0 {
        terminal.say("this shard has nothing to do: there are fewer blocks than shards");
    }
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
    let code = merge::write_results(out, false, terminal)?;
    match half_width_frac {
        Some(h) if outcome.wide > 0 => Err(Error::incomplete(format!("at {} of {} points the mean is not known to +-{h} with as many chips as allowed; the tables hold what is there", outcome.wide, sweep.points.len()))
            .hint("raise --trials: the same chips are reused")),
        _ => Ok(code),
    }
}

/// Refuses a rule that cannot be followed.
fn refuse_half_width(args: &RunArgs, sweep: &Sweep) -> Result<()> {
    let Some(half_width) = args.half_width else { return Ok(()) };
    if !(half_width > 0.0 && half_width < ALWAYS_REACHED_FRAC) {
        let why = if half_width > 0.0 { format!("; any {FIRST} chips know a mean that well, and so many are drawn in any case") } else { String::new() };
        return Err(Error::usage(format!("--half-width {half_width}: above 0 to below {ALWAYS_REACHED_FRAC}{why}")).hint("it is a fraction: 0.2 % is 0.002"));
    }
    if args.shard.is_some() {
        return Err(Error::usage("--half-width with --shard: when chips are enough is told by all chips in order").hint("leave one out; points are independent, so several sweep files can share the work"));
    }
    for point in &sweep.points {
        let needed = FIRST as u32 * if point.monte_carlo.antithetic { 2 } else { 1 };
        if point.monte_carlo.trials < needed {
            return Err(Error::usage(format!("--half-width with {} trials: at least {needed}, as fewer chips do not tell their spread", point.monte_carlo.trials)).hint("--trials says how many chips are the most: --trials 10000"));
        }
    }
    Ok(())
}
