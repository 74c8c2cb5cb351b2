//! `bwq slurm`: a sweep as a Slurm array, sized by what a few images take here.

use super::terminal::{Terminal, print};
use super::{Cli, Command, EngineArgs, RunArgs, SlurmArgs, engine};
use bwq::config::{self, Sweep};
use bwq::error::{Error, Result, exit};
use bwq::files::holds_other;
use bwq::sweep::atomic;
use bwq::sweep::estimate::{Estimate, estimate};
use bwq::sweep::folder::refuse_foreign;
use bwq::sweep::manifest::Manifest;
use bwq::sweep::materials::Materials;
use bwq::sweep::run::Request;
use bwq::sweep::shard::Shard;
use bwq::sweep::slurm::{Job, MOST_ELEMENTS, limit, script, size};
use bwq::sweep::Observer;
use clap::Parser;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Prints or writes the script; what was measured goes to stderr and into the script.
pub fn slurm(args: &SlurmArgs, terminal: &Terminal) -> Result<u8> {
    let run = run_args(args)?;
    let sweep = config::load(&args.sweep, &run.of.overrides())?;
    let out = run.of.out();
    refuse_foreign(&out)?;
    if let Some(file) = args.write.as_deref().filter(|_| !out.exists())
        && absolute(file)?.starts_with(absolute(&out)?)
    {
        let what = format!("the script would stand in the folder of results, `{}`, which is not there yet and then is no results' folder", out.display());
        return Err(Error::input(file.display(), what).hint("write it beside that folder"));
    }
    let (shards, time, memory_mib, measured) = match (args.shards, &args.time) {
        // Where the networks are not at hand the blocks are not known.
        (Some(shards), Some(time)) => {
            let blocks = Manifest::new(&sweep, &mut Materials::default()).map(|manifest| manifest.blocks().count() as u64);
            (no_more_than_blocks(shards, blocks.unwrap_or(u64::MAX), terminal), time.clone(), None, String::new())
        }
        _ => {
            let (work, on) = measure(args, &run, &sweep, &out, terminal)?;
            let size = size(&work, args.shards.map(|shards| no_more_than_blocks(shards, work.blocks, terminal)));
            let measured = size.describe(&work, &on);
            terminal.say(&measured);
            (size.shards, args.time.clone().unwrap_or_else(|| limit(size.limit_s)), Some(size.memory_mib), measured)
        }
    };
    if shards > MOST_ELEMENTS {
        terminal.say(&format!("{shards} elements: more than {MOST_ELEMENTS}, the most unless the administrator allows more (scontrol show config | grep MaxArraySize)"));
    }
    let mut sbatch = Vec::new();
    for (flag, value) in [("--partition", &args.partition), ("--account", &args.account)] {
        let Some(value) = value else { continue };
        if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::input(flag, format!("`{value}` is no name")).hint("names of Slurm have no blanks"));
        }
        sbatch.push(format!("{flag}={value}"));
    }
    sbatch.extend(args.sbatch.iter().cloned());
    let flags: Vec<String> = args.run.iter().map(|f| f.to_str().map(str::to_string)).collect::<Option<_>>().ok_or_else(|| Error::usage("a flag behind -- is no UTF-8"))?;
    let text = script(&Job {
        program: &std::env::current_exe().map_err(|e| Error::internal(format!("the program's own path: {e}")))?,
        folder: &std::env::current_dir().map_err(|e| Error::io(Path::new("."), "find", &e))?,
        sweep: &absolute(&args.sweep)?,
        out: &absolute(&out)?,
        shards,
        time: &time,
        cpus: args.cpus_per_task,
        memory_mib,
        sbatch: &sbatch,
        flags: &flags,
        measured: &measured,
    })?;
    match &args.write {
        None => print(&text)?,
        Some(file) => {
            if !args.force && holds_other(file, text.as_bytes()) {
                return Err(Error::input(file.display(), "the file is there already, and is not this script").hint("choose another name, or --force to write in its place"));
            }
            atomic::write(file, text.as_bytes())?;
            terminal.say(&format!("submit it: bash {}", file.display()));
        }
    }
    Ok(exit::DONE)
}

/// Elements that have something to do, of those asked for.
fn no_more_than_blocks(shards: u64, blocks: u64, terminal: &Terminal) -> u64 {
    if blocks < shards {
        terminal.say(&format!("{shards} elements for a sweep of {blocks} blocks: more than {blocks} would have nothing to do, so that many are submitted"));
    }
    shards.min(blocks)
}

/// The command line of an element, as `bwq run` reads it; what the script sets by itself is refused.
fn run_args(args: &SlurmArgs) -> Result<RunArgs> {
    let mut line: Vec<OsString> = vec!["bwq".into(), "run".into(), "--".into(), args.sweep.clone().into()];
    line.splice(2..2, args.run.iter().cloned());
    let refusal = |e: clap::Error| Error::usage(format!("behind --: {}", e.to_string().lines().next().unwrap_or_default().trim_start_matches("error: "))).hint("only flags of `bwq run` go there: bwq run --help");
    let Command::Run(mut run) = Cli::try_parse_from(&line).map_err(refusal)?.command else { return Err(Error::internal("`run` was not read as `run`")) };
    let of_script = [("--shard", run.shard.is_some()), ("--dry-run", run.dry_run), ("--half-width", run.half_width.is_some()), ("--out", run.of.out.is_some()), ("--threads", run.of.engine.threads.is_some())];
    if let Some((flag, _)) = of_script.iter().find(|(_, given)| *given) {
        return Err(Error::usage(format!("{flag} behind --: an element of the array cannot have it")).hint("--shards, --out and --cpus-per-task, which sets the threads, belong before the --"));
    }
    run.of.out = args.out.clone();
    Ok(run)
}

/// What the missing blocks take here, with as many threads as an element gets, and on which engine.
fn measure(args: &SlurmArgs, run: &RunArgs, sweep: &Sweep, out: &Path, terminal: &Terminal) -> Result<(Estimate, String)> {
    let of_element = EngineArgs { threads: Some(args.cpus_per_task), ..run.of.engine.clone() };
    let engine = engine::choose(&of_element, &sweep.points, terminal).map_err(|e| match e.exit_code() {
        exit::NO_GPU => e.hint("without such a GPU here nothing can be measured: give both --shards and --time"),
        _ => e,
    })?;
    let request = Request { sweep, out, engine: &engine, kernel: run.of.engine.kernel.0, shard: Shard::ALL, half_width_frac: None, command: &[] };
    Ok((estimate(&request, terminal)?, engine.describe()))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| Error::io(path, "find", &e))
}
