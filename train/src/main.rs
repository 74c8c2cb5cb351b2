//! `bwq-train`, which `bwq train` runs: the command line and what is shown on stderr.

use bwq::error::{Error, Result, exit};
use bwq_train::config::Config;
use bwq_train::run::{self, Screen};
use bwq_train::search::Row;
use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// BWQ-A: train a network so that every weight block finds its precision. The same command goes on after an interruption.
#[derive(Parser)]
#[command(name = "bwq train", version, max_term_width = 100, after_help = "\
Exit codes: 0 done, 1 a bug, 2 usage or bad input, 4 no model is within the budget (the last one is written all the same),
75 interrupted (the same command goes on).")]
struct Args {
    /// The training: docs/train.md has its keys.
    train: PathBuf,
    /// Results folder [default: the file's name with `-results`].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Any key in place of the file's value: --set train.epochs=10.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// CPU threads [default: all cores]; results do not depend on it.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Print errors only.
    #[arg(long)]
    quiet: bool,
}

struct Terminal {
    quiet: bool,
    stop: Arc<AtomicBool>,
    /// When this run began, and the epochs done before it.
    started: Instant,
    before: std::cell::Cell<Option<usize>>,
}

impl Screen for Terminal {
    fn say(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    fn progress(&self, row: &Row, done: usize, total: usize) {
        let before = self.before.get().unwrap_or(done - 1);
        self.before.set(Some(before));
        let left = self.started.elapsed().as_secs_f64() / (done - before) as f64 * (total - done) as f64;
        self.say(&format!(
            "epoch {done:>3} of {total}  loss {:.4}  lasso {:.4}  training {:.2} %  accuracy {:.2} %  bits {:.3}  compression {:.2}x  about {:.0} min left",
            row.loss,
            row.lasso,
            100.0 * row.training_accuracy_frac,
            100.0 * row.accuracy_frac,
            row.mean_bits,
            row.compression(),
            left / 60.0
        ));
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn main() -> ExitCode {
    match train(&Args::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn train(args: &Args) -> Result<u8> {
    let config = Config::load(&args.train, &args.set)?;
    if let Some(threads) = args.threads {
        let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        built.map_err(|e| Error::usage(format!("--threads {threads}: {e}")))?;
    }
    let out = args.out.clone().unwrap_or_else(|| {
        let stem = args.train.file_stem().map_or_else(|| "train".into(), |s| s.to_string_lossy().into_owned());
        args.train.with_file_name(format!("{stem}-results"))
    });
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGUSR1] {
        // A second signal ends the program at once; the first asks for a stop.
        let at_once = signal_hook::flag::register_conditional_shutdown(signal, i32::from(exit::INTERRUPTED), stop.clone());
        at_once.and_then(|_| signal_hook::flag::register(signal, stop.clone())).map_err(|e| Error::internal(e.to_string()))?;
    }
    let terminal = Terminal { quiet: args.quiet, stop, started: Instant::now(), before: std::cell::Cell::new(None) };
    let outcome = run::run(&config, &out, &terminal)?;
    let a = outcome.agreement;
    let percent = |correct: usize| 100.0 * correct as f64 / a.images as f64;
    let text = format!(
        "float     {:>6} of {} ({:.2} %)\ntrained   {:>6} ({:.2} %)\nengine    {:>6} ({:.2} %), {} images in another class\n\
         weights   {:.3} mean magnitude bits, {:.2}x by the paper's count; activations {} bits\n\
         use it    bwq run SWEEP.toml --set network.model={} --set quantization.precision_map={} --set quantization.weight_bits={} --set quantization.activation_bits={}\n",
        outcome.float_correct,
        a.images,
        percent(outcome.float_correct),
        a.trained_correct,
        percent(a.trained_correct),
        a.engine_correct,
        percent(a.engine_correct),
        a.different,
        outcome.mean_bits,
        32.0 / outcome.mean_bits,
        outcome.activation_bits,
        outcome.paths[0].display(),
        outcome.paths[2].display(),
        config.weight_bits,
        outcome.activation_bits,
    );
    // A reader that has gone away is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
    if !outcome.within_budget {
        terminal.say(&format!("no model is within the budget of {} points", 100.0 * config.max_drop));
        return Ok(exit::VIOLATED);
    }
    Ok(exit::DONE)
}
