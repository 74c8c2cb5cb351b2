//! Trouble with folders: a full disk, folders that cannot be written, two at work in one, files of another version or of another sweep,
//! times that jump. Each ends with a message that names the path and a documented exit code, and afterwards the same command on a
//! healthy folder makes the same bytes as if nothing had been.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};
use support::{bwq, bwq_ok, folder_with_network};

const SWEEP: &str = "[network]\nmodel = \"net.json\"\ndataset = \"data\"\nimages = 6\n[crossbar]\nou_wordlines = [9, 20]\nrows = 32\n[adc]\nbits = 4\n[device]\n\
    programming_error = { law = \"lognormal\", sigma_ln = 0.3 }\n[monte_carlo]\ntrials = 40\n";
/// A sweep whose trials take seconds at least.
const LONG: &str = "[network]\nmodel = \"net.json\"\ndataset = \"data\"\nimages = 6\n[crossbar]\nou_wordlines = 12\nrows = 32\n[device]\nprogramming_error = { law = \"lognormal\", sigma_ln = 0.3 }\n\
    [monte_carlo]\ntrials = 1000000\n";
const RUN: [&str; 7] = ["run", "sweep.toml", "--engine", "cpu", "--out", "out", "--quiet"];

/// A folder with the sweep, its network, and `healthy`: results of a run that met no trouble.
fn folder() -> tempfile::TempDir {
    let dir = folder_with_network(SWEEP, 6);
    bwq_ok(dir.path(), &["run", "sweep.toml", "--engine", "cpu", "--out", "healthy", "--quiet"]);
    dir
}

/// The same command, without the trouble: it ends well, and all tables and blocks are those of `healthy`.
fn recovers(dir: &Path) {
    bwq_ok(dir, &RUN);
    same_as_healthy(dir);
}

fn same_as_healthy(dir: &Path) {
    let (found, wanted) = (contents(&dir.join("out")), contents(&dir.join("healthy")));
    let names = |of: &[(String, Vec<u8>)]| of.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(&wanted));
    found.iter().zip(&wanted).for_each(|(f, w)| assert!(f.1 == w.1, "{} differs", f.0));
}

/// Names and bytes of what is the same in every run.
fn contents(out: &Path) -> Vec<(String, Vec<u8>)> {
    let of = |folder: &str| files(&out.join(folder)).into_iter().filter(|p| !p.to_string_lossy().ends_with(".provenance.json") && !p.ends_with(".lock"));
    let mut all: Vec<PathBuf> = ["", "blocks", "references"].iter().flat_map(|f| of(f)).collect();
    all.sort();
    all.into_iter().map(|p| (p.strip_prefix(out).unwrap().to_string_lossy().into_owned(), fs::read(p).unwrap())).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder).map_or_else(|_| Vec::new(), |entries| entries.map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect());
    all.sort();
    all
}

/// What a failed write may not leave.
fn nothing_half_written(out: &Path) {
    for folder in [out.to_path_buf(), out.join("blocks"), out.join("references"), out.join("runs")] {
        let left: Vec<PathBuf> = files(&folder).into_iter().filter(|p| p.file_name().is_some_and(|name| name.to_string_lossy().contains(".tmp"))).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The program under a shell's preparations; `$@` is its command line.
fn under(dir: &Path, shell: &[&str], script: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_bwq");
    Command::new(shell[0]).args(&shell[1..]).args(["-c", script, "sh", program]).args(RUN).current_dir(dir).stdin(Stdio::null()).output().unwrap()
}

/// It refused with exit code 2, and the message has all of these.
fn refused(out: &Output, wanted: &[&str]) {
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{text}");
    wanted.iter().for_each(|w| assert!(text.contains(w), "no {w:?} in {text}"));
}

/// A shell with mounts of its own; `None`, told aloud, where this machine does not give one.
fn with_mounts() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["unshare", "--mount", "sh"], &["unshare", "--mount", "--map-root-user", "sh"]];
    let can = |way: &&&[&str]| Command::new(way[0]).args(&way[1..]).args(["-c", "mount -t tmpfs none /mnt"]).output().is_ok_and(|o| o.status.success());
    let found = WAYS.iter().find(can).copied();
    if found.is_none() {
        eprintln!("NOT RUN: file systems of its own; this machine lets nobody mount (unshare --mount)");
    }
    found
}

/// A disk that is full after so many kilobytes. What was finished before stays, and nothing else does.
#[test]
fn a_full_disk() {
    let dir = folder();
    let d = dir.path();
    if let Some(shell) = with_mounts() {
        // A dry run says so before.
        let look = |size: &str| under(d, shell, &format!("mkdir -p out && mount -t tmpfs -o size={size} none out && \"$1\" run sweep.toml --engine cpu --out out/new --dry-run"));
        let said = |size: &str| String::from_utf8(look(size).stderr).unwrap();
        assert!(said("4k").contains("warning: out/new: the results take about 0.0 MB"), "{}", said("4k"));
        assert!(!said("40m").contains("the results take about"), "{}", said("40m"));
        let (mut met, mut kept) = (0, 0);
        for kilobytes in [4, 20, 400] {
            let script = format!("mkdir -p disk out && mount -t tmpfs -o size={kilobytes}k none out && \"$@\"; code=$?; mkdir -p kept && cp -a out/. kept/ && umount out && cp -a kept/. out/; exit $code");
            let out = under(d, shell, &script);
            if out.status.success() {
                same_as_healthy(d);
            } else {
                refused(&out, &["error: out/", "No space left on device", "hint: free some space"]);
                met += 1;
                kept += files(&d.join("out/blocks")).len();
            }
            nothing_half_written(&d.join("out"));
            recovers(d);
            ["out", "kept"].iter().for_each(|f| fs::remove_dir_all(d.join(f)).unwrap());
        }
        assert!(met > 1 && kept > 0, "full {met} times, {kept} finished blocks kept");
    }
}

/// Files that may not grow beyond some size: every write may be the one that fails.
#[test]
fn files_that_may_not_grow() {
    let dir = folder();
    let d = dir.path();
    let mut met = 0;
    for blocks in [0, 2, 6, 12, 400] {
        let out = under(d, &["sh"], &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""));
        if !out.status.success() {
            refused(&out, &["error: out/", "cannot write: File too large"]);
            met += 1;
        }
        nothing_half_written(&d.join("out"));
        recovers(d);
        fs::remove_dir_all(d.join("out")).unwrap();
    }
    assert!((2..5).contains(&met), "{met}");
}

#[test]
fn folders_that_cannot_be_written() {
    let dir = folder();
    let d = dir.path();
    // A file in the place of a folder.
    for place in ["out", "out/blocks", "out/references", "out/runs", "out/manifest.json", "out/summary.csv"] {
        let path = d.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if place != "out" {
            fs::write(d.join("out/.lock"), "").unwrap(); // a folder of ours
        }
        let (is_file, name) = (!place.contains('.'), format!("error: {place}"));
        if is_file { fs::write(&path, "mine").unwrap() } else { fs::create_dir_all(path.join("mine")).unwrap() }
        refused(&under(d, &["sh"], "exec \"$@\""), &[&name]);
        if is_file {
            assert_eq!(fs::read(&path).unwrap(), b"mine", "{place}");
            fs::remove_file(&path).unwrap();
        } else {
            fs::remove_dir_all(&path).unwrap();
        }
        nothing_half_written(&d.join("out"));
        recovers(d);
        fs::remove_dir_all(d.join("out")).unwrap();
    }
    if let Some(shell) = with_mounts() {
        fs::create_dir_all(d.join("out")).unwrap();
        let out = under(d, shell, "mount --bind out out && mount -o remount,bind,ro out && exec \"$@\"");
        refused(&out, &["error: out/", "Read-only file system", "hint: choose a folder you may write to with --out DIR"]);
        recovers(d);
        // Finished results can still be looked at where nothing can be written.
        let look = "mount --bind out out && mount -o remount,bind,ro out && exec \"$1\" status out";
        assert!(under(d, shell, look).status.success());
    }
    let full = Command::new(env!("CARGO_BIN_EXE_bwq")).args(["status", "healthy"]).current_dir(d).stdout(fs::File::options().write(true).open("/dev/full").unwrap()).output().unwrap();
    refused(&full, &["cannot write"]);
}

/// No command writes its tables among other things, `--out .` being the way to that.
#[test]
fn folders_with_other_things() {
    let dir = folder_with_network(SWEEP, 6);
    let d = dir.path();
    let before = files(d);
    let commands: [&[&str]; 8] = [
        &["run", "sweep.toml"], &["run", "sweep.toml", "--dry-run"], &["check", "sweep.toml"], &["explain", "sweep.toml"], &["search", "sweep.toml"],
        &["pareto", "sweep.toml"], &["cost"], &["slurm", "sweep.toml", "--shards", "2", "--time", "10"],
    ];
    for command in commands {
        let one_point = if command[0] == "search" { &["--set", "crossbar.ou_wordlines=9"][..] } else { &[] };
        let (code, stdout, stderr) = bwq(d, &[command, one_point, &["--out", "."]].concat());
        assert!(code == 2 && stdout.is_empty(), "{command:?}: {code} {stdout} {stderr}");
        assert!(stderr.contains("error: .: the folder holds other things than results of bwq (`data`)") && stderr.contains("--out DIR"), "{command:?}: {stderr}");
        assert_eq!(files(d), before, "{command:?}");
    }
}

fn start(dir: &Path, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_bwq")).args(args).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn two_runs_of_one_sweep_at_once() {
    let dir = folder();
    let d = dir.path();
    for _ in 0..2 {
        let both = [start(d, &RUN), start(d, &RUN)].map(|child| child.wait_with_output().unwrap());
        both.iter().for_each(|o| assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stderr)));
        same_as_healthy(d);
        nothing_half_written(&d.join("out"));
        fs::remove_dir_all(d.join("out")).unwrap();
    }
}

#[test]
fn two_sweeps_at_once_in_one_folder() {
    let dir = folder();
    let d = dir.path();
    fs::write(d.join("long.toml"), LONG).unwrap();
    let mut first = start(d, &["run", "long.toml", "--engine", "cpu", "--out", "out", "--quiet"]);
    let begun = Instant::now();
    while files(&d.join("out/blocks")).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60) && first.try_wait().unwrap().is_none(), "the first has not begun");
        std::thread::sleep(Duration::from_millis(10));
    }
    let (code, _, stderr) = bwq(d, &RUN);
    assert!(code == 2 && stderr.contains("error: out: another sweep is at work in this folder") && stderr.contains("--out DIR"), "{code} {stderr}");
    // A shard of the same sweep joins.
    let mut shard = start(d, &["run", "long.toml", "--engine", "cpu", "--out", "out", "--quiet", "--shard", "1/2"]);
    std::thread::sleep(Duration::from_millis(300));
    if let Some(status) = shard.try_wait().unwrap() {
        let mut said = String::new();
        shard.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        panic!("the shard ended, {status}: {said}");
    }
    // The lock ends with its process, also one that is killed.
    for child in [&mut shard, &mut first] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    bwq_ok(d, &RUN);
    let manifest = |out: &str| fs::read(d.join(out).join("manifest.json")).unwrap();
    assert_eq!(manifest("out"), manifest("healthy"));
    assert_eq!(fs::read(d.join("out/trials.csv")).unwrap(), fs::read(d.join("healthy/trials.csv")).unwrap());
}

/// A file of a results folder that is not what its name says: `run` and `merge` refuse it by its name, with what to do.
#[test]
fn files_of_another_version_or_sweep() {
    let dir = folder();
    let d = dir.path();
    fs::write(d.join("other.toml"), SWEEP.replace("sigma_ln = 0.3", "sigma_ln = 0.2")).unwrap();
    bwq_ok(d, &["run", "other.toml", "--engine", "cpu", "--out", "other", "--quiet"]);
    bwq_ok(d, &RUN);
    let block = files(&d.join("out/blocks")).remove(0);
    let reference = files(&d.join("out/references")).remove(0);
    let of_other = |folder: &str| fs::read(files(&d.join("other").join(folder)).remove(0)).unwrap();
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    let cases: [(&str, &Path, Vec<u8>, &[&str]); 6] = [
        ("newer format", &block, text(&block).replace("bwq-block-2", "bwq-block-3").replace("\"engine\"", "\"engines\"").into_bytes(), &["format `bwq-block-3`; this version reads bwq-block-2"]),
        ("other semantics", &block, text(&block).replacen('a', "b", 1).into_bytes(), &[]),
        ("another sweep's", &block, of_other("blocks"), &["it holds block 0 of point"]),
        ("cut off", &block, fs::read(&block).unwrap()[..200].to_vec(), &["not a whole block"]),
        ("empty", &block, Vec::new(), &["not a whole block"]),
        ("a cut reference", &reference, fs::read(&reference).unwrap()[..60].to_vec(), &["not a reference of this version"]),
    ];
    for (what, path, bytes, wanted) in cases {
        let whole = fs::read(path).unwrap();
        fs::write(path, &bytes).unwrap();
        let name = path.strip_prefix(d).unwrap().to_string_lossy().into_owned();
        for command in [&RUN[..], &["merge", "out"]] {
            let (code, _, stderr) = bwq(d, command);
            assert_eq!(code, 2, "{what}: {stderr}");
            wanted.iter().chain(&[name.as_str(), "hint: move the file away"]).for_each(|w| assert!(stderr.contains(w), "{what}: no {w:?} in {stderr}"));
        }
        assert_eq!(fs::read(path).unwrap(), bytes, "{what}: it was rewritten");
        fs::rename(path, d.join("away")).unwrap();
        recovers(d);
        assert_eq!(fs::read(path).unwrap(), whole);
    }
    // A manifest follows from the sweep: `merge` refuses a newer one, `run` makes its own.
    let manifest = d.join("out/manifest.json");
    fs::write(&manifest, text(&manifest).replace("bwq-manifest-1", "bwq-manifest-2").replace("\"images\"", "\"pictures\"")).unwrap();
    for command in ["merge", "status", "report"] {
        let (code, _, stderr) = bwq(d, &[command, "out"]);
        assert_eq!(code, 2, "{stderr}");
        ["out/manifest.json", "format `bwq-manifest-2`; this version reads bwq-manifest-1", "hint: run the sweep again"].iter().for_each(|w| assert!(stderr.contains(w), "{stderr}"));
    }
    recovers(d);
}

/// Nothing is decided by times of files, and a clock that jumped back between two looks says nothing odd.
#[test]
fn times_that_jump() {
    let dir = folder();
    let d = dir.path();
    bwq_ok(d, &RUN);
    let all = ["blocks", "references", "runs", ""].map(|f| files(&d.join("out").join(f))).concat();
    let inputs = ["net.json", "net.safetensors", "sweep.toml", "data/t10k-images-idx3-ubyte"].map(|f| d.join(f));
    for (i, path) in all.iter().chain(&inputs).enumerate() {
        let time = if i % 2 == 0 { SystemTime::UNIX_EPOCH } else { SystemTime::now() + Duration::from_secs(10 * 365 * 86_400) };
        fs::File::options().write(true).open(path).unwrap().set_times(fs::FileTimes::new().set_modified(time).set_accessed(time)).unwrap();
    }
    fs::remove_file(files(&d.join("out/blocks")).remove(1)).unwrap();
    recovers(d);
    // Logs of runs from 1970, from the future, and one that ended before it began.
    let log = files(&d.join("out/runs")).remove(0);
    let whole: serde_json::Value = serde_json::from_slice(&fs::read(&log).unwrap()).unwrap();
    for (name, started, ended) in [("0-a-1.json", 0.0, 0.0), ("9999999999999-a-1.json", 9_999_999_999.0, 9_999_999_999.5), ("5-a-1.json", 1e9, 5.0), ("6-a-1.json", -1e18, 1e300)] {
        let mut log = whole.clone();
        (log["started_unix_s"], log["ended_unix_s"]) = (started.into(), ended.into());
        fs::write(d.join("out/runs").join(name), log.to_string()).unwrap();
    }
    bwq_ok(d, &["merge", "out"]);
    bwq_ok(d, &["report", "out"]);
    let page = fs::read_to_string(d.join("out/report.html")).unwrap();
    let took: Vec<&str> = page.split(">took</th><td>").skip(1).filter_map(|rest| rest.split("</td>").next()).collect();
    assert!(took.len() > 4 && took.iter().all(|t| !t.starts_with('-') && !t.contains("NaN")), "{took:?}");
    same_as_healthy_but_for(d, "report.html");
}

fn same_as_healthy_but_for(dir: &Path, more: &str) {
    fs::remove_file(dir.join("out").join(more)).unwrap();
    same_as_healthy(dir);
}
