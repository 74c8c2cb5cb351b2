//! Time: of this thread on its processor, so that a busy machine does not show, and repeats of a measurement.

use crate::error::Result;
use std::time::Instant;

/// What [`cpu_seconds`] counts.
pub const CPU_CLOCK: &str = if cfg!(unix) { "thread CPU time" } else { "wall time" };

/// Seconds that this thread has computed.
#[cfg(unix)]
pub fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours, and the call writes nothing else. If it fails, `time` stays 0, and so do all differences.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Seconds on the wall: there is no portable clock of a thread here.
#[cfg(not(unix))]
pub fn cpu_seconds() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// Runs `work` and adds this thread's seconds to `spent`, without those of reading the clock: stages can be short.
pub fn timed<T>(spent: &mut f64, work: impl FnOnce() -> T) -> T {
    let reading_s = reading_s();
    let before = cpu_seconds();
    let out = work();
    *spent += (cpu_seconds() - before - reading_s).max(0.0);
    out
}

/// Seconds that reading the clock takes.
fn reading_s() -> f64 {
    static SECONDS: std::sync::OnceLock<f64> = std::sync::OnceLock::new();
    *SECONDS.get_or_init(|| {
        let between = || {
            let before = cpu_seconds();
            cpu_seconds() - before
        };
        let mut all: Vec<f64> = (0..1001).map(|_| between()).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    })
}

/// Where the seconds of one chip go. A kernel without a stage leaves it at 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stages {
    /// Input preparation: needed once per call, whatever the number of chips.
    pub patterns_s: f64,
    /// Drawing the cells of the chip.
    pub sampling_s: f64,
    /// Building tables from them.
    pub tables_s: f64,
    /// The product itself, conversion and shift-and-add included.
    pub product_s: f64,
    /// Of the product: the loop of look-ups, run once more by itself.
    pub look_up_s: f64,
    /// What only serves the measurement; no part of the chip's time.
    pub aside_s: f64,
}

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Repeats that are wanted.
    pub repeats: usize,
    /// More of them are made until this time is spent.
    pub enough_s: f64,
    /// Fewer are made once this time is spent.
    pub patience_s: f64,
}

/// Most repeats of one measurement.
const MOST_REPEATS: usize = 200;

impl Effort {
    /// For a look (`--quick`) or for a figure to be quoted.
    pub fn new(quick: bool) -> Self {
        if quick { Effort { repeats: 3, enough_s: 0.1, patience_s: 1.0 } } else { Effort { repeats: 5, enough_s: 0.5, patience_s: 10.0 } }
    }

    /// Repeats `run`, which returns seconds and whatever goes with them, and is told the number of the repeat.
    pub fn repeat<T: Clone>(&self, mut run: impl FnMut(u32) -> Result<(f64, T)>) -> Result<Timing<T>> {
        let started = Instant::now();
        let mut samples = vec![run(0)?];
        loop {
            let (n, spent) = (samples.len(), started.elapsed().as_secs_f64());
            let done = (n >= self.repeats && spent >= self.enough_s) || spent >= self.patience_s || n >= MOST_REPEATS;
            if done {
                break;
            }
            samples.push(run(n as u32)?);
        }
        samples.sort_by(|a, b| a.0.total_cmp(&b.0));
        let n = samples.len();
        let median_s = (samples[(n - 1) / 2].0 + samples[n / 2].0) / 2.0;
        Ok(Timing { repeats: n, min_s: samples[0].0, median_s, of_fastest: samples[0].1.clone() })
    }
}

/// Repeated measurements.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing<T> {
    /// How many.
    pub repeats: usize,
    /// The fastest.
    pub min_s: f64,
    /// The median.
    pub median_s: f64,
    /// What went with the fastest.
    pub of_fastest: T,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One long run is enough, and its number is told.
    #[test]
    fn patience_ends() {
        let effort = Effort { repeats: 5, enough_s: 0.0, patience_s: 0.0 };
        assert_eq!(effort.repeat(|_| Ok((2.0, ()))).map(|t| (t.repeats, t.median_s)).ok(), Some((1, 2.0)));
    }

    #[test]
    fn the_median_of_what_was_measured() {
        let seconds = [3.0, 1.0, 2.0, 5.0, 4.0];
        let effort = Effort { repeats: 5, enough_s: 0.0, patience_s: 1e9 };
        let timing = effort.repeat(|i| Ok((seconds[i as usize], i))).unwrap();
        assert_eq!(timing, Timing { repeats: 5, min_s: 1.0, median_s: 3.0, of_fastest: 1 });
    }

    /// Work counts, sleep does not.
    #[cfg(unix)]
    #[test]
    fn a_thread_that_sleeps_takes_no_time() {
        let mut asleep = 0.0;
        timed(&mut asleep, || std::thread::sleep(std::time::Duration::from_millis(50)));
        assert!(asleep < 0.025, "{asleep}");
        let mut busy = 0.0;
        timed(&mut busy, || (0..200).fold(0u64, |x, i| std::hint::black_box(x ^ (0..10_000).fold(i, |a, b| std::hint::black_box(a ^ b)))));
        assert!(busy > 0.0);
    }
}
