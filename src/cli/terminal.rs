//! Progress and messages, all on stderr: a bar on a terminal, a plain line every 5 % or 60 s elsewhere.

use bwq::config::Sweep;
use bwq::error::{Error, Result};
use bwq::sweep::Observer;
use bwq::warning::Warning;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Writes results to stdout. A reader that has gone away (`| head`) is no error; a full disk is.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::io(std::path::Path::new("stdout"), "write", &e)),
        _ => Ok(()),
    }
}

/// What the user sees.
pub struct Terminal {
    quiet: bool,
    colour: bool,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
    stop: Arc<AtomicBool>,
    /// True once the user was told of the stop.
    told: AtomicBool,
}

struct State {
    /// When the first work was reported, and how much there was.
    started: Option<(Instant, u64)>,
    last_line: Option<(Instant, u64)>,
    warned: Vec<Warning>,
}

impl Terminal {
    /// A terminal that says nothing but errors if `quiet`.
    pub fn new(quiet: bool) -> Self {
        let live = std::io::stderr().is_terminal();
        Terminal {
            quiet,
            colour: live && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            bar: (live && !quiet).then(|| {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                bar.set_style(ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  left {eta}").unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar
            }),
            state: Mutex::new(State { started: None, last_line: None, warned: Vec::new() }),
            stop: Arc::new(AtomicBool::new(false)),
            told: AtomicBool::new(false),
        }
    }

    /// Says what the preset of a sweep gives, if it has one.
    pub fn say_preset(&self, sweep: &Sweep) {
        if let Some(preset) = &sweep.preset {
            self.say(&preset.to_string());
        }
    }

    /// From here on SIGINT, SIGTERM and SIGUSR1 ask for a stop, which gives the block at hand up; a second one stops at
    /// once.
    pub fn catch_signals(&self) {
        for signal in [SIGINT, SIGTERM, SIGUSR1] {
            // The order matters: a flag that is set already ends the program, then it is set.
            let at_once = signal_hook::flag::register_conditional_shutdown(signal, i32::from(bwq::error::exit::INTERRUPTED), self.stop.clone());
            if at_once.and_then(|_| signal_hook::flag::register(signal, self.stop.clone())).is_err() {
                self.say("signals cannot be caught here: a stop loses the block at hand");
            }
        }
    }

    /// Names the files that were written into a folder.
    pub fn say_files(&self, out: &Path, files: &[PathBuf]) {
        let names: Vec<String> = files.iter().filter_map(|f| Some(f.file_name()?.to_string_lossy().into_owned())).collect();
        self.say(&format!("in {}: {}", out.display(), names.join("  ")));
    }

    /// Prints an error.
    pub fn error(&self, error: &Error) {
        self.line(&format!("{} {error}", self.painted("error:", "31")));
    }

    fn painted(&self, text: &str, colour: &str) -> String {
        if self.colour { format!("\x1b[1;{colour}m{text}\x1b[0m") } else { text.to_string() }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }
}

impl Observer for Terminal {
    fn say(&self, line: &str) {
        if !self.quiet {
            self.line(line);
        }
    }

    fn warn(&self, warning: &Warning) {
        let Ok(mut state) = self.state.lock() else { return };
        if !self.quiet && !state.warned.contains(warning) {
            self.line(&format!("{} {warning}", self.painted("warning:", "33")));
            state.warned.push(warning.clone());
        }
    }

    fn progress(&self, done: u64, total: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        let now = Instant::now();
        let (started, before) = *state.started.get_or_insert((now, done));
        let rate = (done - before.min(done)) as f64 / now.duration_since(started).as_secs_f64().max(1e-3);
        let message = format!("{done} of {total} chip images{}", if rate > 0.0 { format!(", {rate:.0}/s") } else { String::new() });
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_message(message);
            bar.set_position(done);
            if done == total {
                bar.finish_and_clear();
            }
            return;
        }
        let due = state.last_line.is_none_or(|(when, at)| now - when > Duration::from_secs(60) || (done - at.min(done)) * 20 >= total) || done == total;
        if !self.quiet && due {
            state.last_line = Some((now, done));
            let left = (total - done) as f64 / rate.max(1e-9);
            let eta = if rate == 0.0 { String::new() } else { format!(", about {left:.0} s left") };
            self.line(&format!("progress {:>3.0} %  {message}{eta}", 100.0 * done as f64 / total.max(1) as f64));
        }
    }

    fn interrupted(&self) -> bool {
        let stop = self.stop.load(Ordering::Relaxed);
        if stop && !self.told.swap(true, Ordering::Relaxed) {
            self.say("stopping: the block at hand is given up, finished ones are kept");
        }
        stop
    }
}
