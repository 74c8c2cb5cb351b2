//! Tries changed files on what reads them: it answers, or refuses with a message that names the file. It does not panic, does not
//! hang, and takes no more memory than the bytes that are there ask for.

use bwq::error::{Error, Kind, Result};
use bwq::rng::PhiloxStream;
use rand::RngExt;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Longest that a file of some kilobytes may take, on a busy machine and without optimisation: milliseconds are usual.
const MOST: Duration = Duration::from_secs(60);
/// Memory that a reader may take whatever the file: buffers, tables of the program.
const FREE: usize = 24 << 20;
/// Bytes of memory for each byte of the files: trees of small values.
const FOR_EACH: usize = 256;
/// Failures that are told before it ends.
const TOLD: usize = 12;

/// Counts what this thread has allocated.
struct Counted;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that ends has no counters any more.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        PEAK.with(|peak| peak.set(peak.get().max(now.get())));
    });
}

// SAFETY: every call is passed on as it came to the allocator of the system; counting touches thread-local cells only.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(old, layout, size) }
    }
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static COUNTED: Counted = Counted;

/// A kind of file and what reads it.
pub struct Reader<'a> {
    /// Name in the table.
    pub name: &'a str,
    /// Where the changed file is put; the reader is given nothing but what it knows.
    pub file: &'a Path,
    /// A message names the file, or something of this folder.
    pub folder: &'a Path,
    /// Valid contents.
    pub seeds: &'a [Vec<u8>],
    /// A change of one of them.
    pub change: &'a dyn Fn(&[u8], &mut PhiloxStream) -> Vec<u8>,
    /// Reads the file.
    pub read: &'a dyn Fn() -> Result<()>,
    /// Share of the usual number: slow readers get fewer.
    pub share: f64,
}

/// How many changes of each kind: few in every run; `BWQ_MALFORMED` says another number.
pub fn usual() -> usize {
    let asked = std::env::var("BWQ_MALFORMED").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(if cfg!(debug_assertions) { 150 } else { 1500 })
}

/// Tries changes on a reader, and a tenth as many files of random bytes.
///
/// # Panics
/// If a valid file is refused, if a case does not keep what the module's first lines say, if nothing was refused or nothing accepted.
pub fn try_out(reader: &Reader) {
    for seed in reader.seeds {
        std::fs::write(reader.file, seed).expect("written");
        (reader.read)().unwrap_or_else(|e| panic!("{}: a valid file is refused: {e}", reader.name));
    }
    let cases = ((usual() as f64 * reader.share) as usize).max(20);
    let mut tally = Tally::default();
    let (alive, heard) = channel();
    std::thread::scope(|scope| {
        let name = reader.name;
        // A hang would say nothing about itself.
        scope.spawn(move || {
            let mut last = 0;
            loop {
                match heard.recv_timeout(MOST) {
                    Ok(case) => last = case,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        eprintln!("{name}: case {last} takes more than {MOST:?}");
                        std::process::abort();
                    }
                }
            }
        });
        for case in 0..cases {
            let _ = alive.send(case);
            if tally.failures.len() < TOLD {
                one_case(reader, case, &mut tally);
            }
        }
        drop(alive);
    });
    std::fs::write(reader.file, &reader.seeds[0]).expect("written");
    println!(
        "{:<28} {:>7} tried, {:>7} refused ({:>3.0} % with the place inside), {:>7} accepted; longest {:>5.0} ms, most {:>4.1} MB",
        reader.name, tally.tried, tally.refused, 100.0 * tally.placed as f64 / tally.refused.max(1) as f64, tally.tried - tally.refused, 1e3 * tally.longest.as_secs_f64(), tally.most as f64 / 1e6
    );
    assert!(tally.failures.is_empty(), "{}:\n{}", reader.name, tally.failures.join("\n"));
    // Seldom is a small number of changes of a strict form all refused.
    assert!(tally.refused > 0 && (tally.tried < 1000 || tally.refused < tally.tried), "{}: {} of {cases} refused: the changes test nothing", reader.name, tally.refused);
}

#[derive(Default)]
struct Tally {
    tried: usize,
    refused: usize,
    /// Refused with more than the file's name.
    placed: usize,
    longest: Duration,
    most: isize,
    failures: Vec<String>,
}

fn one_case(reader: &Reader, case: usize, tally: &mut Tally) {
    let mut rng = PhiloxStream::new(case as u64 ^ (reader.name.bytes().fold(0u64, |h, b| h.wrapping_mul(131) + u64::from(b)) << 32));
    let seed = &reader.seeds[case % reader.seeds.len()];
    let bytes = if rng.random_range(0..12) == 0 { super::mutations::noise(&mut rng) } else { (reader.change)(seed, &mut rng) };
    std::fs::write(reader.file, &bytes).expect("written");
    tally.tried += 1;
    let start = Instant::now();
    let before = NOW.get();
    PEAK.set(before);
    let outcome = catch_unwind(AssertUnwindSafe(reader.read));
    let (taken, peak) = (start.elapsed(), PEAK.get() - before);
    tally.longest = tally.longest.max(taken);
    tally.most = tally.most.max(peak);
    let mut complaint = None;
    if taken > MOST {
        complaint = Some(format!("{taken:?}"));
    } else if peak > (FREE + FOR_EACH * bytes.len()) as isize {
        complaint = Some(format!("{peak} bytes of memory"));
    }
    match outcome {
        Err(_) => complaint = Some("a panic".into()),
        Ok(Err(e)) => {
            tally.refused += 1;
            tally.placed += usize::from(says_where(reader, &e));
            complaint = complaint.or_else(|| wrong(reader, &e, &bytes));
        }
        Ok(Ok(())) => {}
    }
    if let Some(complaint) = complaint {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{case}", reader.name.replace([' ', '/'], "_")));
        std::fs::write(&kept, &bytes).expect("written");
        tally.failures.push(format!("  case {case}, kept as {}: {complaint}", kept.display()));
    }
}

/// Whether a message says more than the file: a line, an offset, a key, a node.
fn says_where(reader: &Reader, e: &Error) -> bool {
    let text = format!("{}: {}", e.place.as_deref().unwrap_or(""), e.message).replace(&*reader.file.to_string_lossy(), "");
    text.contains(|c: char| c.is_ascii_digit() || c == '`')
}

/// What is wrong with a refusal. It names the file, or another one that the file names (or weights beside that).
fn wrong(reader: &Reader, e: &Error, bytes: &[u8]) -> Option<String> {
    let place = e.place.as_deref().unwrap_or("").split(':').next().unwrap_or("").trim_end_matches(".safetensors");
    let in_file = !place.is_empty() && String::from_utf8_lossy(bytes).contains(place);
    let named = e.to_string().contains(&*reader.folder.to_string_lossy()) || in_file;
    match e.kind {
        Kind::Input | Kind::Incomplete if named => None,
        Kind::Input | Kind::Incomplete => Some(format!("no file in: {e}")),
        _ => Some(format!("not an error of input: {e}")),
    }
}
