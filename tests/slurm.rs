//! A sweep on a real Slurm: what `bwq slurm` writes is submitted, a node dies, an element is warned, another is killed, and
//! the tables have the same bytes as those of one run.
//!
//! A slow test, for root on Linux with Debian's packages slurmctld, slurmd, slurm-client and munge; where it cannot run it
//! says so, and in CI that is a failure.

#![cfg(target_os = "linux")]

mod support;

#[path = "slurm/cluster.rs"]
mod cluster;

use cluster::Cluster;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};
use support::{bwq, bwq_ok, column, folder, slow};

/// Sixteen blocks of some tenths of a second.
const SWEEP: &str = r#"
[network]
model = "embedded"
dataset = "embedded"
images = 24

[crossbar]
ou_wordlines = [9, 32]

[device]
programming_error = { law = "lognormal", sigma_ln = 0.2 }

[monte_carlo]
trials = 128
"#;
const SHARDS: u64 = 4;

fn no_slurm() -> bool {
    let Some(why) = cluster::obstacle() else { return false };
    assert!(std::env::var_os("CI").is_none(), "a private Slurm is wanted in CI: {why}");
    eprintln!("NOT RUN: {why}");
    true
}

/// Blocks of a shard that are there: block k of all, in the order of points and trials, is shard k mod N's.
fn blocks_of(out: &Path, shard: u64) -> BTreeMap<PathBuf, SystemTime> {
    let manifest: serde_json::Value = match std::fs::read(out.join("manifest.json")) {
        Ok(text) => serde_json::from_slice(&text).expect("a manifest"),
        Err(_) => return BTreeMap::new(),
    };
    let blocks = manifest["points"].as_array().expect("points").iter().flat_map(|p| {
        let of = |key: &str| p[key].as_u64().expect("a number");
        (0..of("trials").div_ceil(of("block_trials"))).map(|b| bwq::sweep::block::Block::path(out, p["hash"].as_str().expect("a hash"), b as u32)).collect::<Vec<_>>()
    });
    let own = blocks.zip(0..).filter(|(_, k)| k % SHARDS == shard).map(|(path, _)| path);
    own.filter_map(|path| Some((path.clone(), path.metadata().ok()?.modified().ok()?))).collect()
}

/// What an element's log says of its runs: (blocks computed, of all blocks the found ones) for each, none where it was killed.
fn runs(log: &str) -> Vec<(usize, Option<u64>)> {
    let mut runs = Vec::new();
    let mut computed = 0;
    for line in log.lines() {
        let made = line.strip_prefix("progress ").is_some_and(|l| !l.trim_start().starts_with("0 %"));
        computed += usize::from(made);
        if line.contains(" points on ") && computed > 0 {
            runs.push((computed, None));
            computed = 0;
        } else if line.contains(" blocks made, ") {
            let found = line.split(" blocks made, ").nth(1).and_then(|l| l.split(' ').next()).and_then(|n| n.parse().ok());
            runs.push((computed, found));
            computed = 0;
        }
    }
    if computed > 0 {
        runs.push((computed, None));
    }
    runs
}

/// The program at work on an element.
fn program_of(slurm: &Cluster, job: &str, element: u64) -> u32 {
    let all = slurm.processes(&[&format!("SLURM_ARRAY_JOB_ID={job}"), &format!("SLURM_ARRAY_TASK_ID={element}")]);
    let is_bwq = |pid: &&u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "bwq");
    *all.iter().find(is_bwq).unwrap_or_else(|| panic!("element {element} is not at work: {all:?}\n{}", slurm.queue()))
}

#[test]
fn a_sweep_survives_its_cluster() {
    if !slow() || no_slurm() {
        return;
    }
    let started = Instant::now();
    let dir = folder(SWEEP);
    let d = dir.path().join("it's a folder 100%");
    std::fs::create_dir(&d).expect("a folder");
    std::fs::rename(dir.path().join("sweep.toml"), d.join("my sweep.toml")).expect("moved");
    bwq_ok(&d, &["run", "my sweep.toml", "--out", "one", "--engine", "cpu"]);
    let single_s = started.elapsed().as_secs_f64();

    let mut slurm = Cluster::start();
    bwq_ok(&d, &["slurm", "my sweep.toml", "--out", "many out", "--shards", &SHARDS.to_string(), "--time", "10", "--partition", "main", "--sbatch=--nice=1", "--write", "job.sh", "--", "--engine", "cpu", "--set", "monte_carlo.seed=1"]);
    let out = d.join("many out");
    let submit = |slurm: &Cluster, elements: &[&str]| {
        let done = slurm.command("bash").current_dir(&d).arg("job.sh").args(elements).output().expect("bash starts");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
        said.trim_start_matches("array ").split([',', ' ']).next().expect("a number").to_string()
    };
    let job = submit(&slurm, &[]);

    // Each after its first block: element 0 is warned, as it is before its time limit; the node of element 1 loses its power;
    // the program of element 2 is killed and nothing else, so nobody runs it again.
    let mut before: BTreeMap<u64, BTreeMap<PathBuf, SystemTime>> = BTreeMap::new();
    while before.len() < 3 {
        let next = slurm.until(300, "an element has made its first block", |c| {
            c.queue();
            (0..3).find(|e| !before.contains_key(e) && !blocks_of(&out, *e).is_empty())
        });
        match next {
            0 => {
                // It tries again where it has no answer: only until the signal is there.
                let mut scancel = slurm.command("scancel").args(["--batch", "--signal=USR1", &format!("{job}_0")]).spawn().expect("scancel starts");
                slurm.until(60, "element 0 stops", |_| std::fs::read_to_string(out.join(format!("slurm/{job}_0.log"))).is_ok_and(|l| l.contains("stopped after")).then_some(()));
                let _ = scancel.kill();
                scancel.wait().expect("it ended");
            }
            1 => {
                let node = slurm.ask("squeue", &["-h", "-j", &format!("{job}_1"), "-o", "%N"]);
                slurm.crash(&node);
                slurm.repair(&node);
            }
            _ => cluster::kill("KILL", &[program_of(&slurm, &job, 2)]),
        }
        before.insert(next, blocks_of(&out, next));
    }
    slurm.until_empty(300);

    // The merge waited for the requeued elements, and says what is missing.
    let merge_log = std::fs::read_dir(out.join("slurm")).expect("logs").flatten().map(|e| e.path()).find(|p| p.to_string_lossy().contains("_merge")).expect("the merge's log");
    let said = std::fs::read_to_string(&merge_log).expect("read");
    assert!(said.contains("blocks are missing") && said.contains("bash THIS_SCRIPT 2\n"), "{said}");
    let missing = bwq(&d, &["status", "many out", "--missing", "--shards", "4"]);
    assert_eq!((missing.0, missing.1.as_str()), (3, "2\n"), "{}", missing.2);
    submit(&slurm, &[missing.1.trim()]);
    slurm.until_empty(300);
    let complete = bwq(&d, &["status", "many out", "--missing", "--shards", "4"]);
    assert_eq!((complete.0, complete.1.as_str()), (0, ""), "{}", complete.2);

    // The same bytes.
    let mut bytes = 0;
    for table in ["summary.csv", "trials.csv", "differences.csv", "layers.csv"] {
        let [one, many] = ["one", "many out"].map(|o| std::fs::read(d.join(o).join(table)).expect("a table"));
        assert!(one == many, "{table} differs from that of one run");
        bytes += one.len();
    }
    assert_eq!(column(&out.join("trials.csv"), "trial").len(), 2 * 128);

    // No block was made twice but the one at hand, and none was touched.
    let mut report = Vec::new();
    for (element, how) in [(0, "warned"), (1, "node lost"), (2, "killed")] {
        let before = &before[&element];
        let logs = std::fs::read_dir(out.join("slurm")).expect("logs").flatten().map(|e| e.path()).filter(|p| p.to_string_lossy().ends_with(&format!("_{element}.log")));
        let mut logs: Vec<PathBuf> = logs.collect();
        logs.sort();
        let log: String = logs.iter().map(|l| std::fs::read_to_string(l).expect("a log")).collect();
        let after = blocks_of(&out, element);
        assert!(before.iter().all(|(path, made)| after.get(path) == Some(made)), "a finished block of element {element} was written again");
        let runs = runs(&log);
        let [(first, _), (_, Some(found))] = runs[..] else { panic!("element {element}: two runs, the second to the end, not {runs:?}\n{log}") };
        assert!(found > 0 && found < after.len() as u64, "element {element} was to be stopped in its middle: {runs:?}\n{log}");
        // Computed as the log has it, and the one that was at hand, which no log has.
        let lost = first as i64 + 1 - found as i64;
        assert!((0..=1).contains(&lost), "element {element} lost {lost} blocks: {runs:?}\n{log}");
        report.push(format!("element {element} ({how}): {found} of {} blocks kept, {lost} lost", after.len()));
    }
    println!("{:.1} s in all, {single_s:.1} s of them one run; {bytes} bytes of tables are equal; {}", started.elapsed().as_secs_f64(), report.join("; "));
}
