//! Same bytes everywhere: threads, shards, engines, batch sizes, and a run that was killed and resumed. Long because each
//! way that must not matter has its own case.

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{bwq, bwq_ok, tiny};

/// Every encoding and law, several heights, an ADC of each kind.
const SWEEP: &str = r#"
[network]
model = "net.json"
dataset = "data"
images = 6

[crossbar]
ou_wordlines = [9, 20]
rows = 32
encoding = ["differential", "offset"]
subtraction = ["analog", "digital"]
offset_removal = ["digital", "unit-column"]

[adc]
bits = ["lossless", 3]

[device]
on_off_ratio = 30
programming_error = [
  { law = "none" },
  { law = "lognormal", sigma_ln = 0.2 },
  { law = "normal-proportional", sigma_rel = 0.15, clip = true },
  { law = "normal-independent", sigma_rel = 0.05 },
]

[monte_carlo]
trials = 20
seed = 5
"#;

/// More kinds of cells, steps and converters on one law.
const KINDS: &str = r#"
[network]
model = "net.json"
dataset = "data"
images = 5

[quantization]
weight_bits = 6
activation_bits = 5
weight_scale = ["per-layer", "per-channel"]

[crossbar]
ou_wordlines = 7
rows = 32
row_cut = ["block-aligned", "physical"]
cell_bits = [1, 2]
dac_bits = [1, 2]
digital_layers = ["none", "first-and-last"]

[adc]
bits = ["ideal", 4]
range = ["full", "calibrated", [-2.5, 3.1]]

[device]
on_off_ratio = "infinite"
fraction_bits = ["max", 12]
programming_error = { law = "lognormal", sigma_ln = 0.1 }

[monte_carlo]
trials = 2
"#;

/// Wires, on which cells need the host, and gated ones the CPU engine.
const WIRES: &str = r#"
[network]
model = "net.json"
dataset = "data"
images = 5

[crossbar]
ou_wordlines = 9
rows = 32
cols = 24
encoding = ["differential", "offset"]
subtraction = ["analog", "digital"]

[adc]
bits = ["ideal", 4]

[device]
on_off_ratio = 30
programming_error = [{ law = "none" }, { law = "lognormal", sigma_ln = 0.2 }]
wire_ohm = 20.0
wire_topology = ["plain", "gated"]

[monte_carlo]
trials = 3
seed = 5
"#;

const TABLES: [&str; 4] = ["summary.csv", "trials.csv", "layers.csv", "differences.csv"];

fn folder(sweep: &str) -> tempfile::TempDir {
    support::folder_with_network(sweep, 12)
}

fn tables(dir: &Path, out: &str) -> Vec<Vec<u8>> {
    TABLES.iter().map(|t| std::fs::read(dir.join(out).join(t)).unwrap()).collect()
}

fn run(dir: &Path, out: &str, extra: &[&str]) {
    let mut args = vec!["run", "sweep.toml", "--out", out, "--quiet"];
    args.extend(extra);
    bwq_ok(dir, &args);
}

#[test]
fn threads_and_shards_make_the_same_bytes() {
    let dir = folder(SWEEP);
    let d = dir.path();
    run(d, "one", &["--engine", "cpu", "--threads", "1"]);
    let expected = tables(d, "one");
    let rows = String::from_utf8_lossy(&expected[0]).lines().count();
    assert_eq!(rows, 1 + 2 * 4 * 2 * 4, "a row per point");
    run(d, "two", &["--engine", "cpu", "--threads", "2"]);
    assert_eq!(tables(d, "two"), expected);
    for shards in [2, 3, 7] {
        let out = format!("shards{shards}");
        for shard in (0..shards).rev() {
            run(d, &out, &["--engine", "cpu", "--shard", &format!("{shard}/{shards}")]);
        }
        bwq_ok(d, &["merge", &out]);
        assert_eq!(tables(d, &out), expected, "{shards} shards");
    }
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let dir = folder(SWEEP);
    let d = dir.path();
    run(d, "whole", &["--engine", "cpu"]);
    let blocks = |out: &str| std::fs::read_dir(d.join(out).join("blocks")).map_or(0, |e| e.count());
    let all = blocks("whole");
    let mut interrupted = 0;
    for round in 1..=3 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bwq"))
            .current_dir(d)
            .args(["run", "sweep.toml", "--out", "killed", "--engine", "cpu", "--threads", "1", "--quiet"])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while blocks("killed") < round * all / 5 && start.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        interrupted += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
    }
    assert!(interrupted >= 2, "the run was over before it could be killed");
    let (code, _, stderr) = bwq(d, &["merge", "killed"]);
    assert_eq!(code, 3, "{stderr}");
    assert_eq!(bwq(d, &["status", "killed"]).0, 3);
    let finished: BTreeMap<_, _> = contents(&d.join("killed/blocks"));
    run(d, "killed", &["--engine", "cpu"]);
    assert_eq!(tables(d, "killed"), tables(d, "whole"));
    // A finished block is never rewritten.
    let after = contents(&d.join("killed/blocks"));
    assert!(finished.iter().all(|(name, (bytes, time))| name.contains(".tmp.") || after.get(name) == Some(&(bytes.clone(), *time))));
}

fn contents(dir: &Path) -> BTreeMap<String, (Vec<u8>, std::time::SystemTime)> {
    let entry = |e: std::io::Result<std::fs::DirEntry>| {
        let e = e.unwrap();
        (e.file_name().to_string_lossy().into_owned(), (std::fs::read(e.path()).unwrap(), e.metadata().unwrap().modified().unwrap()))
    };
    std::fs::read_dir(dir).unwrap().map(entry).collect()
}

/// GNU parallel over shards, with `status --missing` before, between and after; where it is absent that is said, and is a
/// failure in CI.
#[test]
fn shards_under_gnu_parallel_give_the_same_bytes() {
    let is_gnu = Command::new("parallel").arg("--version").output().is_ok_and(|o| String::from_utf8_lossy(&o.stdout).starts_with("GNU parallel"));
    if !is_gnu {
        assert!(std::env::var_os("CI").is_none(), "GNU parallel is wanted in CI");
        eprintln!("NOT RUN: no GNU parallel");
        return;
    }
    let few = "[network]\nmodel = \"net.json\"\ndataset = \"data\"\nimages = 5\n[crossbar]\nou_wordlines = [9, 20]\n[device]\nprogramming_error = { law = \"lognormal\", sigma_ln = [0.1, 0.2] }\n[monte_carlo]\ntrials = 40\n";
    let dir = support::folder_with_network(few, 8);
    let d = dir.path();
    run(d, "whole", &["--engine", "cpu"]);
    let missing = || {
        let (code, stdout, stderr) = bwq(d, &["status", "parallel", "--missing", "--shards", "5"]);
        assert!(stderr.is_empty(), "{stderr}");
        (code, stdout)
    };
    bwq_ok(d, &["run", "sweep.toml", "--out", "parallel", "--engine", "cpu", "--quiet", "--shard", "1/5"]);
    assert_eq!(missing(), (3, "0,2-4\n".into()));
    let shards = |list: &[&str]| {
        let mut command = Command::new("parallel");
        command.current_dir(d).env("PARALLEL_HOME", d.join("home")).stdin(Stdio::null()).args(["-j", "2", env!("CARGO_BIN_EXE_bwq"), "run", "sweep.toml", "--out", "parallel", "--engine", "cpu", "--quiet", "--threads", "1", "--shard", "{}/5", ":::"]);
        let out = command.args(list).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    shards(&["4", "2"]);
    assert_eq!(missing(), (3, "0,3\n".into()));
    shards(&["0", "1", "2", "3", "4"]);
    assert_eq!(missing(), (0, String::new()));
    bwq_ok(d, &["merge", "parallel"]);
    assert_eq!(tables(d, "parallel"), tables(d, "whole"));
}

/// SIGTERM: finished blocks are kept, exit 75, and the same command goes on.
#[test]
fn a_terminated_run_says_75_and_goes_on() {
    let dir = folder(SWEEP);
    let d = dir.path();
    let child = Command::new(env!("CARGO_BIN_EXE_bwq"))
        .current_dir(d)
        .args(["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--threads", "1", "--quiet"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !d.join("out/blocks").exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    terminate(&child);
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(75), "{}", String::from_utf8_lossy(&out.stderr));
    let finished = contents(&d.join("out/blocks"));
    run(d, "out", &["--engine", "cpu"]);
    let after = contents(&d.join("out/blocks"));
    assert!(finished.iter().all(|(name, block)| after.get(name) == Some(block)));
}

fn terminate(child: &std::process::Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
}

/// One point whose only block takes long.
const LONG: &str = r#"
[network]
model = "net.json"
dataset = "data"
images = 3000

[crossbar]
ou_wordlines = 9

[adc]
bits = 3

[device]
programming_error = { law = "lognormal", sigma_ln = 0.2 }

[monte_carlo]
trials = 16
"#;

/// SIGTERM in the middle of a block: the user is told at once, the block is given up, the references are kept, and the
/// same command makes the same bytes as a run that nobody stopped. Another kernel makes them, too.
#[test]
fn a_block_is_given_up_soon_after_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    tiny::write(d, 3000);
    std::fs::write(d.join("sweep.toml"), LONG).unwrap();
    run(d, "whole", &["--engine", "cpu"]);
    for threads in ["1", "2"] {
        let out = format!("stopped{threads}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_bwq"))
            .current_dir(d)
            .args(["run", "sweep.toml", "--out", &out, "--engine", "cpu", "--threads", threads, "--kernel", "direct"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(|l| l.unwrap());
        assert!(lines.any(|l| l.contains("ideal crossbar")), "the references are said");
        std::thread::sleep(Duration::from_millis(100));
        terminate(&child);
        let signalled = Instant::now();
        let said: Vec<String> = lines.collect();
        assert_eq!(child.wait().unwrap().code(), Some(75), "{said:?}");
        let waited = signalled.elapsed();
        assert!(waited < Duration::from_secs(2), "{waited:?}");
        assert_eq!(said.iter().filter(|l| l.starts_with("stopping: ")).count(), 1, "{said:?}");
        assert!(!d.join(&out).join("blocks").exists(), "nothing is written of a block that was given up");
        assert_eq!(contents(&d.join(&out).join("references")).len(), 1);
        run(d, &out, &["--engine", "cpu"]);
        assert_eq!(tables(d, &out), tables(d, "whole"));
    }
}

/// Every kernel, forced where it can compute a layer: the same bytes, and a line where it cannot.
#[test]
fn kernels_make_the_same_bytes() {
    let dir = folder(SWEEP);
    let d = dir.path();
    let fewer = ["--engine", "cpu", "--trials", "2", "--set", "crossbar.encoding=differential", "--set", "crossbar.subtraction=analog"];
    run(d, "auto", &fewer);
    for kernel in ["direct", "table", "split"] {
        let args = [&["run", "sweep.toml", "--out", kernel, "--kernel", kernel][..], &fewer].concat();
        let (code, _, stderr) = bwq(d, &args);
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(tables(d, kernel), tables(d, "auto"), "{kernel}");
        // A group of 20 rows has more patterns than a table of codes holds.
        let said = stderr.lines().filter(|l| l.contains("--kernel table cannot compute layers c2, fc at every point:")).count();
        assert_eq!(said, usize::from(kernel == "table"), "{stderr}");
    }
}

/// Wires: threads, kernels, and an engine that a run takes by itself.
#[test]
fn wires_make_the_same_bytes() {
    let dir = folder(WIRES);
    let d = dir.path();
    run(d, "one", &["--engine", "cpu", "--threads", "1"]);
    run(d, "two", &["--engine", "cpu", "--threads", "2"]);
    assert_eq!(tables(d, "two"), tables(d, "one"));
    for kernel in ["direct", "table", "split"] {
        run(d, kernel, &["--engine", "cpu", "--kernel", kernel]);
        assert_eq!(tables(d, kernel), tables(d, "one"), "{kernel}");
    }
    let accuracies: Vec<Vec<u8>> = ["plain", "gated"].map(|topology| {
        run(d, topology, &["--engine", "cpu", "--set", &format!("device.wire_topology={topology}")]);
        std::fs::read(d.join(topology).join("layers.csv")).unwrap()
    }).into();
    assert_ne!(accuracies[0], accuracies[1]);
    let (code, _, stderr) = bwq(d, &["run", "sweep.toml", "--out", "auto"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("the GPU engine has no gated cells on wires"), "{stderr}");
    assert_eq!(tables(d, "auto"), tables(d, "one"));
}

/// More trials and more points reuse every finished block; the chips of a point do not depend on the other points.
#[test]
fn growing_a_sweep_reuses_its_blocks() {
    let dir = folder(KINDS);
    let d = dir.path();
    run(d, "out", &["--engine", "cpu", "--set", "adc.bits=4", "--set", "adc.range=full"]);
    let before = contents(&d.join("out/blocks"));
    let small = std::fs::read_to_string(d.join("out/trials.csv")).unwrap();
    run(d, "out", &["--engine", "cpu", "--trials", "20"]);
    let after = contents(&d.join("out/blocks"));
    assert!(before.iter().all(|(name, block)| after.get(name) == Some(block)));
    let large = std::fs::read_to_string(d.join("out/trials.csv")).unwrap();
    assert!(small.lines().all(|line| large.contains(line)), "the same chips at the same points");
    assert!(after.len() > 2 * before.len());
}

/// A block that was made from other scales, or damaged, is refused by name.
#[test]
fn foreign_and_damaged_blocks_are_refused() {
    let dir = folder(KINDS);
    let d = dir.path();
    let set = ["--engine", "cpu", "--set", "adc.bits=4", "--set", "adc.range=full", "--set", "crossbar.cell_bits=1"];
    run(d, "out", &set);
    let block = std::fs::read_dir(d.join("out/blocks")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&block).unwrap();
    std::fs::write(&block, text.replacen("\"correct\":", "\"correct\":1", 1)).unwrap();
    let (code, _, stderr) = bwq(d, &["merge", "out"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("checksum") && stderr.contains(&*block.file_name().unwrap().to_string_lossy()), "{stderr}");
}

/// Bits per block: empty blocks, blocks at a border, and blocks that are not the operation unit's. The program itself
/// holds the ideal crossbar to the quantised network and stops if they differ.
#[test]
fn a_precision_map_keeps_its_blocks() {
    let dir = folder(KINDS);
    let d = dir.path();
    let map = r#"{"format": "bwq-precision-map-1", "block": [9, 4], "layers": {
        "c1": [[5, 3]],
        "c2": [[5, 0], [4, 2], [0, 0], [3, 5], [1, 2], [5, 5]],
        "c3": [[5, 4]],
        "fc": [[5, 2, 5], [0, 3, 4]]}}"#;
    std::fs::write(d.join("map.json"), map).unwrap();
    let set = ["--set", "quantization.precision_map=map.json", "--set", "adc.bits=\"lossless\"", "--set", "adc.range=full", "--set", "crossbar.ou_wordlines=[7,9,20]", "--set", "device.fraction_bits=max", "--set", "crossbar.dac_bits=1", "--set", "crossbar.digital_layers=none", "--engine", "cpu"];
    run(d, "mapped", &set);
    let summary = std::fs::read_to_string(d.join("mapped/summary.csv")).unwrap();
    assert!(summary.lines().count() > 8 && summary.contains(",map,"), "{summary}");
    // Fewer bits are fewer conversions.
    run(d, "uniform", &[&set[2..], &["--set", "crossbar.cell_bits=1"]].concat());
    let column = |text: &str, name: &str| -> Vec<u64> {
        let mut lines = text.lines();
        let at = lines.next().unwrap().split(',').position(|c| c == name).unwrap();
        lines.map(|l| l.split(',').nth(at).unwrap().parse().unwrap()).collect()
    };
    let uniform = std::fs::read_to_string(d.join("uniform/summary.csv")).unwrap();
    assert!(column(&summary, "conversions").iter().max() < column(&uniform, "conversions").iter().max());
    // A map for another network is refused by layer.
    std::fs::write(d.join("map.json"), map.replace("\"fc\"", "\"fd\"")).unwrap();
    let mut args = vec!["run", "sweep.toml", "--out", "bad", "--quiet"];
    args.extend(set);
    let (code, _, stderr) = bwq(d, &args);
    assert_eq!(code, 2);
    assert!(stderr.contains("`fc`"), "{stderr}");
}

/// Both engines, different batch sizes, every encoding, law, cell, step and converter.
#[cfg(feature = "gpu")]
#[test]
fn cpu_and_gpu_make_the_same_bytes() {
    if let Err(why) = bwq::engine::gpu::GpuEngine::new(None, true) {
        assert!(std::env::var_os("CI").is_none() && std::env::var_os("BWQ_REQUIRE_GPU").is_none(), "{why}");
        eprintln!("NOT RUN: no Vulkan adapter: {why}");
        return;
    }
    for sweep in [SWEEP, KINDS] {
        let dir = folder(sweep);
        let d = dir.path();
        run(d, "cpu", &["--engine", "cpu", "--trials", "3"]);
        run(d, "gpu", &["--engine", "gpu", "--trials", "3"]);
        assert_eq!(tables(d, "gpu"), tables(d, "cpu"));
        run(d, "small", &["--engine", "gpu", "--trials", "3", "--batch-images", "3", "--batch-trials", "1"]);
        assert_eq!(tables(d, "small"), tables(d, "cpu"));
    }
    // Cells that the host programs; and what the GPU engine cannot do.
    let dir = folder(WIRES);
    let d = dir.path();
    let plain = ["--set", "device.wire_topology=plain"];
    run(d, "cpu", &[&["--engine", "cpu"][..], &plain].concat());
    for (out, more) in [("gpu", &[][..]), ("small", &["--batch-images", "3", "--batch-trials", "1"]), ("direct", &["--kernel", "direct"]), ("split", &["--kernel", "split"])] {
        run(d, out, &[&["--engine", "gpu"][..], more, &plain].concat());
        assert_eq!(tables(d, out), tables(d, "cpu"), "{out}");
    }
    let (code, _, stderr) = bwq(d, &["run", "sweep.toml", "--out", "gated", "--engine", "gpu", "--set", "device.wire_topology=gated"]);
    assert!(code == 2 && stderr.contains("--engine cpu"), "{stderr}");
    // Every kernel wherever it can be used, on fewer points of each kind.
    let fewer = ["--set", "quantization.weight_scale=per-layer", "--set", "crossbar.row_cut=physical", "--set", "device.fraction_bits=max", "--set", "crossbar.digital_layers=none"];
    for (sweep, set) in [(SWEEP, &[][..]), (KINDS, &fewer[..])] {
        let dir = folder(sweep);
        let d = dir.path();
        run(d, "cpu", &[&["--engine", "cpu", "--trials", "2"], set].concat());
        for kernel in ["direct", "table", "split"] {
            run(d, kernel, &[&["--engine", "gpu", "--trials", "2", "--kernel", kernel], set].concat());
            assert_eq!(tables(d, kernel), tables(d, "cpu"), "{kernel}");
        }
    }
}
