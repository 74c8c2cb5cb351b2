//! A sweep as a Slurm array with a merge behind it: how many elements, how much time, and the script.
//!
//! An element is a shard, so elements share nothing but the results folder, and one that is requeued goes on where it was.
//! The script's fixed part, with its reasons, is `slurm.sh`.

use super::estimate::{Estimate, duration};
use crate::error::{Error, Result};
use std::path::Path;

/// Elements are to take about this long: between 10 minutes, below which a queue's overhead shows, and 2 hours, which
/// short queues take.
const AIM_S: f64 = 1800.0;
/// See [`AIM_S`].
const LONG_S: f64 = 7200.0;
/// Most elements of an array where the administrator has not changed it (`MaxArraySize`, which is above the last number).
pub const MOST_ELEMENTS: u64 = 1001;
/// A limit is this many times what was measured, as nodes differ and share memory and disks.
const MARGIN: f64 = 2.0;
/// Time limits are multiples of this.
const STEP_S: u64 = 300;
/// Shortest time limit that is chosen.
const LEAST_LIMIT_S: u64 = 600;

/// How a sweep is cut, from what was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Size {
    /// Elements.
    pub shards: u64,
    /// Seconds that an element should take, at most.
    pub element_s: f64,
    /// Time limit of an element, in seconds.
    pub limit_s: u64,
    /// Memory of an element, in MiB.
    pub memory_mib: u64,
}

/// Sizes an array: `shards` elements, or as many as take half an hour each.
pub fn size(work: &Estimate, shards: Option<u64>) -> Size {
    let most = MOST_ELEMENTS.min(work.missing.max(1));
    let shards = shards.unwrap_or(((work.blocks_s / AIM_S).ceil() as u64).clamp(1, most));
    let of_one = work.missing.div_ceil(shards.max(1)) as f64 * work.blocks_s / work.missing.max(1) as f64;
    let element_s = work.references_s + of_one;
    let limit_s = ((MARGIN * element_s) as u64 / STEP_S + 1) * STEP_S;
    // The estimate is of what is large; half a GiB is for the program and its libraries.
    let memory_mib = ((work.memory_bytes + work.memory_bytes / 2) >> 20) + 512;
    Size { shards, element_s, limit_s: limit_s.max(LEAST_LIMIT_S), memory_mib: memory_mib.next_multiple_of(256) }
}

impl Size {
    /// What was measured and what follows, for the user.
    pub fn describe(&self, work: &Estimate, engine: &str) -> String {
        let mut text = format!(
            "measured here on {engine}: about {} for {} blocks; {} element{} of about {} each",
            duration(work.blocks_s),
            work.missing,
            self.shards,
            if self.shards == 1 { "" } else { "s" },
            duration(self.element_s)
        );
        if self.element_s > LONG_S {
            text += "; that is long: more --shards, more --cpus-per-task or -- --engine gpu shorten it, and an element at its limit requeues itself";
        }
        text
    }
}

/// Everything that the script says.
pub struct Job<'a> {
    /// The program, as nodes see it.
    pub program: &'a Path,
    /// Where paths in the sweep file start from.
    pub folder: &'a Path,
    /// The sweep file.
    pub sweep: &'a Path,
    /// Results folder.
    pub out: &'a Path,
    /// Elements.
    pub shards: u64,
    /// Time limit of an element, in sbatch's form.
    pub time: &'a str,
    /// Cores of an element.
    pub cpus: usize,
    /// Memory of an element in MiB, where it was measured.
    pub memory_mib: Option<u64>,
    /// Further flags of sbatch, one each.
    pub sbatch: &'a [String],
    /// Further flags of `bwq run`.
    pub flags: &'a [String],
    /// What was measured, for the comment.
    pub measured: &'a str,
}

/// The script: `bash SCRIPT` submits the array and its merge, `sbatch SCRIPT` the array alone.
///
/// An error names what cannot stand in a script.
pub fn script(job: &Job) -> Result<String> {
    let seconds = parse_time(job.time).ok_or_else(|| Error::input("--time", format!("`{}` is no time limit that sbatch takes", job.time)).hint("minutes, MM:SS, HH:MM:SS, D-HH or D-HH:MM; two hours are 2:00:00"))?;
    if job.shards == 0 || job.cpus == 0 {
        return Err(Error::usage(format!("--shards {} with --cpus-per-task {}: at least 1 of each", job.shards, job.cpus)));
    }
    for flag in job.sbatch {
        if !flag.starts_with('-') || flag.chars().any(char::is_control) {
            return Err(Error::input("--sbatch", format!("`{flag}` is no flag of sbatch")).hint("one flag each, its value behind =: --sbatch=--gres=gpu:1"));
        }
    }
    let stem = job.sweep.file_stem().unwrap_or_default().to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
    let mut directives = vec![
        format!("--job-name=bwq-{stem}"),
        format!("--array=0-{}", job.shards - 1),
        "--ntasks=1".into(),
        format!("--cpus-per-task={}", job.cpus),
        format!("--time={}", job.time),
        "--requeue".into(),
        "--open-mode=append".into(),
        format!("--signal=B:USR1@{}", warning_s(seconds)),
    ];
    directives.extend(job.memory_mib.map(|mib| format!("--mem={mib}M")));
    directives.extend(job.sbatch.iter().cloned()); // last, so that a user's word holds
    let directives: String = directives.iter().map(|d| format!("#SBATCH {d}\n")).collect();
    let flags: Vec<String> = job.flags.iter().map(|f| quoted(f)).collect();
    Ok(format!(
        "#!/bin/bash\n\
         # A sweep of bwq as a Slurm array (elements: {shards}), and a merge that waits for it.\n\
         {measured}#\n\
         # submit    bash THIS_SCRIPT        (sbatch THIS_SCRIPT leaves the merge to you: bwq merge RESULTS)\n\
         # watch     squeue --me; bwq status RESULTS; logs are in RESULTS/slurm\n\
         # resubmit  bash THIS_SCRIPT \"$(bwq status RESULTS --missing --shards {shards})\"\n\
         #\n\
         # An element that comes near its time limit stops, is requeued, and goes on with the next block.\n\
         {directives}\n\
         bwq={program}\n\
         folder={folder} # where relative paths start from\n\
         sweep={sweep}\n\
         out={out}\n\
         shards={shards}\n\
         flags=({flags})\n\
         {}",
        include_str!("slurm.sh"),
        shards = job.shards,
        measured = if job.measured.is_empty() { String::new() } else { format!("# {}\n", job.measured) },
        program = quoted_path(job.program)?,
        folder = quoted_path(job.folder)?,
        sweep = quoted_path(job.sweep)?,
        out = quoted_path(job.out)?,
        flags = flags.join(" "),
    ))
}

/// How long before its limit an element is warned: a tenth of the limit, within bounds. Slurm looks once a minute.
fn warning_s(limit_s: u64) -> u64 {
    (limit_s / 10).clamp(15, 120)
}

/// Seconds of a time limit as sbatch takes it: `M`, `M:S`, `H:M:S`, `D-H`, `D-H:M`, `D-H:M:S`.
fn parse_time(text: &str) -> Option<u64> {
    let (days, rest) = text.split_once('-').map_or((None, text), |(days, rest)| (Some(days), rest));
    let number = |s: &str| s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse::<u64>().ok()).flatten().filter(|n| *n <= 1_000_000);
    let parts: Vec<u64> = rest.split(':').map(number).collect::<Option<_>>()?;
    let days = days.map(number).map_or(Some(None), |d| d.map(Some))?;
    let seconds = match (days, parts.as_slice()) {
        (None, [m]) => m * 60,
        (None, [m, s]) => m * 60 + s,
        (None, [h, m, s]) => h * 3600 + m * 60 + s,
        (Some(d), [h, rest @ ..]) if rest.len() <= 2 => d * 86400 + h * 3600 + rest.first().unwrap_or(&0) * 60 + rest.get(1).unwrap_or(&0),
        _ => return None,
    };
    (seconds > 0).then_some(seconds)
}

/// A time limit in sbatch's form, H:MM:SS.
pub fn limit(seconds: u64) -> String {
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// One word to a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A path as one word; refused where a script or Slurm's names of logs cannot hold it.
fn quoted_path(path: &Path) -> Result<String> {
    match path.to_str() {
        Some(text) if !text.contains(|c: char| c.is_control() || c == '\\') => Ok(quoted(text)),
        _ => Err(Error::input(path.display(), "a path with a backslash, a control character or bytes that are no UTF-8 cannot stand in a job script").hint("rename it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(missing: u64, blocks_s: f64) -> Estimate {
        Estimate { blocks: missing, missing, blocks_s, references_s: 30.0, memory_bytes: 1 << 30, report: String::new() }
    }

    #[test]
    fn elements_take_half_an_hour() {
        let s = size(&work(4000, 100.0 * 1800.0), None);
        assert_eq!((s.shards, s.element_s, s.limit_s, s.memory_mib), (100, 1830.0, 3900, 2048));
        assert_eq!(size(&work(10, 60.0), None).shards, 1);
        assert_eq!(size(&work(10, 60.0), None).limit_s, LEAST_LIMIT_S);
        assert_eq!(size(&work(3, 1e6), None).shards, 3, "no more elements than blocks");
        let long = size(&work(1_000_000, 1e8), None);
        assert_eq!(long.shards, MOST_ELEMENTS);
        assert!(long.describe(&work(1_000_000, 1e8), "the CPU").contains("that is long"));
        let none = size(&work(0, 0.0), None);
        assert!(none.shards == 1 && none.element_s == 30.0, "{none:?}");
        // Blocks are whole: two of eleven blocks of ten seconds, for the first element of ten.
        assert_eq!(size(&work(11, 110.0), Some(10)).element_s, 50.0);
    }

    #[test]
    fn time_limits_are_those_of_sbatch() {
        for (text, seconds) in [("90", 5400), ("1:30", 90), ("2:00:00", 7200), ("1-12", 129_600), ("1-0:30", 88_200), ("0-1:0:5", 3605)] {
            assert_eq!(parse_time(text), Some(seconds), "{text}");
        }
        for bad in ["", "0", "1h", "-1", "1:2:3:4", "1-2:3:4:5", "UNLIMITED", "1 --mail-user=x", "99999999999999999999"] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
        assert_eq!(parse_time(&limit(3900)), Some(3900));
        assert_eq!([60, 600, 7200].map(warning_s), [15, 60, 120]);
    }

    fn job<'a>(path: &'a Path, sbatch: &'a [String], flags: &'a [String]) -> Job<'a> {
        Job { program: path, folder: path, sweep: path, out: path, shards: 3, time: "10", cpus: 2, memory_mib: None, sbatch, flags, measured: "" }
    }

    #[test]
    fn nothing_escapes_its_quotes() {
        let path = Path::new("/a b/it's $(here)/s.toml");
        let flags = ["--set".to_string(), "device.law='x y'".to_string()];
        let text = script(&job(path, &[], &flags)).unwrap();
        assert!(text.contains("sweep='/a b/it'\\''s $(here)/s.toml'\n") && text.contains("flags=('--set' 'device.law='\\''x y'\\''')\n"), "{text}");
        assert!(text.contains("#SBATCH --array=0-2\n") && text.contains("#SBATCH --signal=B:USR1@60\n"), "{text}");
        for bad in ["/new\nline", "/back\\slash"] {
            assert!(script(&job(Path::new(bad), &[], &[])).is_err(), "{bad}");
        }
        for bad in ["gres=gpu:1", "--x\n#SBATCH --y"] {
            assert!(script(&job(path, &[bad.to_string()], &[])).is_err(), "{bad}");
        }
        assert!(script(&Job { shards: 0, ..job(path, &[], &[]) }).is_err());
        assert!(script(&Job { time: "soon", ..job(path, &[], &[]) }).is_err());
    }
}
