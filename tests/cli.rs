//! The program as a user meets it: help, refusals with place and hint, exit codes, what stands on which stream, and
//! files that are there whole or not at all. Long because it goes through every subcommand and every exit code.

mod support;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use support::{Array, bwq, bwq_ok, tiny, write_npy};

/// A small sweep on the tiny network.
const SWEEP: &str = r#"[network]
model = "net.json"
dataset = "data"
images = 4

[crossbar]
ou_wordlines = [9, 16]

[device]
programming_error = { law = "lognormal", sigma_ln = 0.1 }

[monte_carlo]
trials = 3
"#;

const SUBCOMMANDS: [&str; 18] = ["demo", "new", "presets", "import", "run", "status", "merge", "check", "explain", "mvm", "cost", "plot", "slurm", "report", "bench", "doctor", "completions", "man"];

/// A folder with the tiny network, its data and `sweep.toml`.
fn folder(sweep: &str) -> tempfile::TempDir {
    support::folder_with_network(sweep, 8)
}

/// Runs the program with variables set.
fn bwq_with(dir: &Path, args: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bwq"));
    parts(command.current_dir(dir).args(args).envs(variables.iter().copied()).output().unwrap())
}

/// A shell line in which `$BWQ` is the program.
fn shell(dir: &Path, line: &str) -> (i32, String, String) {
    parts(Command::new("sh").current_dir(dir).env("BWQ", env!("CARGO_BIN_EXE_bwq")).args(["-c", line]).output().unwrap())
}

fn parts(out: Output) -> (i32, String, String) {
    let text = |b: Vec<u8>| String::from_utf8_lossy(&b).into_owned();
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}

/// Runs `bwq run sweep.toml` on the CPU and expects exit 2, nothing on stdout, and all of `wanted` on stderr.
fn refused(dir: &Path, extra: &[&str], wanted: &[&str]) {
    let args: Vec<&str> = ["run", "sweep.toml", "--out", "out", "--engine", "cpu"].into_iter().chain(extra.iter().copied()).collect();
    refused_as(dir, &args, wanted);
}

fn refused_as(dir: &Path, args: &[&str], wanted: &[&str]) {
    let (code, stdout, stderr) = bwq(dir, args);
    assert_eq!(code, 2, "bwq {args:?}\n{stderr}");
    assert_eq!(stdout, "", "bwq {args:?}");
    for part in wanted {
        assert!(stderr.contains(part), "bwq {args:?}: `{part}` is wanted in\n{stderr}");
    }
    assert!(!stderr.contains("panicked") && !stderr.contains("bug in bwq"), "{stderr}");
    assert_eq!(leftovers(dir), Vec::<String>::new(), "bwq {args:?}");
}

/// Temporary files below a folder, and JSON and CSV files that are not whole.
fn leftovers(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name.contains(".tmp.") {
                found.push(name);
            } else if path.starts_with(dir.join("out")) && !path.ends_with(".lock") {
                let bytes = std::fs::read(&path).unwrap();
                let whole = match path.extension().and_then(|e| e.to_str()) {
                    Some("json") => serde_json::from_slice::<Value>(&bytes).is_ok(),
                    Some("svg") => bytes.ends_with(b"</svg>") || bytes.ends_with(b"</svg>\n"),
                    Some("png") => bytes.windows(4).any(|w| w == b"IEND"),
                    _ => bytes.ends_with(b"\n"),
                };
                if !whole {
                    found.push(name);
                }
            }
        }
    }
    found
}

#[test]
fn help_has_examples_and_lists_everything() {
    let dir = tempfile::tempdir().unwrap();
    let help = bwq_ok(dir.path(), &["--help"]);
    assert!(help.contains("Examples:") && help.contains("bwq demo"), "{help}");
    for (code, word) in [(69, "no usable GPU"), (75, "interrupted"), (4, "violated"), (3, "incomplete")] {
        assert!(help.contains(&format!("{code} ")) && help.contains(word), "exit code {code}: {help}");
    }
    for sub in SUBCOMMANDS {
        assert!(help.lines().any(|l| l.trim_start().starts_with(&format!("{sub} "))), "{sub}: {help}");
        assert!(bwq_ok(dir.path(), &[sub, "--help"]).contains("Usage: bwq"), "{sub}");
    }
    assert!(bwq_ok(dir.path(), &["--version"]).contains(env!("CARGO_PKG_VERSION")));
    assert!(help.lines().all(|l| l.chars().count() <= 100), "{help}");
}

/// What `bwq slurm` refuses before anything is measured, and a script that a shell can read.
#[test]
fn slurm_writes_a_script_or_says_why_not() {
    let dir = folder(SWEEP);
    let d = dir.path();
    let sized = ["slurm", "sweep.toml", "--shards", "3", "--time", "1:00:00"];
    for (extra, wanted) in [
        (&["--", "--shard", "0/2"][..], "--shard behind --"),
        (&["--", "--threads", "2"], "--cpus-per-task"),
        (&["--", "--bogus"], "bwq run --help"),
        (&["--", "--set", "crossbar.ou_wordlines=0"], "ou_wordlines"),
        (&["--partition", "a b"], "`a b` is no name"),
        (&["--sbatch", "gres=gpu:1"], "--sbatch=--gres=gpu:1"),
        (&["--cpus-per-task", "0"], "at least 1"),
    ] {
        refused_as(d, &[&sized, extra].concat(), &[wanted]);
    }
    refused_as(d, &["slurm", "sweep.toml", "--shards", "3", "--time", "soon"], &["--time", "2:00:00"]);
    refused_as(d, &["slurm", "sweep.toml", "--shards", "0", "--time", "10"], &["at least 1"]);
    refused_as(d, &["status", "nowhere", "--missing", "--shards", "3"], &["nowhere"]);
    refused_as(d, &["status", "nowhere", "--missing"], &["--shards"]);
    // Measured: one element of the least time.
    let text = bwq_ok(d, &["slurm", "sweep.toml", "--out", "it's here", "--partition", "short", "--sbatch=--qos=low", "--", "--engine", "cpu"]);
    for wanted in ["#SBATCH --array=0-0\n", "#SBATCH --time=0:10:00\n", "#SBATCH --mem=", "#SBATCH --partition=short\n", "#SBATCH --qos=low\n", "flags=('--engine' 'cpu')\n", "# measured here on cpu"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    // Two points of a block each: a third element would have nothing to do.
    let (code, _, stderr) = bwq(d, &["slurm", "sweep.toml", "--out", "it's here", "--shards", "3", "--time", "5", "--write", "job.sh", "--", "--engine", "cpu"]);
    assert!(code == 0 && stderr.contains("3 elements for a sweep of 2 blocks") && std::fs::read_to_string(d.join("job.sh")).unwrap().contains("--array=0-1\n"), "{code} {stderr}");
    assert_eq!(shell(d, "bash -n job.sh").0, 0);
    // A script that somebody may have edited stays; the same script is no other.
    let (code, _, stderr) = bwq(d, &["slurm", "sweep.toml", "--out", "fresh", "--shards", "3", "--time", "5", "--write", "fresh/job.sh"]);
    assert!(code == 2 && stderr.contains("beside that folder"), "{stderr}");
    let write = ["slurm", "sweep.toml", "--shards", "2", "--time", "5", "--write", "other.sh"];
    bwq_ok(d, &write);
    bwq_ok(d, &write);
    std::fs::write(d.join("other.sh"), "mine").unwrap();
    refused_as(d, &write, &["other.sh: the file is there already", "--force"]);
    assert_eq!(std::fs::read(d.join("other.sh")).unwrap(), b"mine");
    bwq_ok(d, &[&write[..], &["--force"]].concat());
    assert!(std::fs::read(d.join("other.sh")).unwrap().starts_with(b"#!"));
    assert!(!d.join("it's here").exists(), "a script alone makes no folder");
    // An element is a shell's work but for the requeue: run by hand it makes its blocks, and the merge says what is missing.
    let element = |i: u32| shell(d, &format!("SLURM_ARRAY_TASK_ID={i} SLURM_CPUS_PER_TASK=1 bash job.sh"));
    assert_eq!(element(0).0, 0);
    let merge = shell(d, "bash job.sh merge");
    assert!(merge.0 == 3 && merge.1.contains("bash THIS_SCRIPT 1\n"), "{merge:?}");
    assert_eq!(element(1).0, 0);
    assert_eq!(shell(d, "bash job.sh merge").0, 0);
}

/// A driver file that is not there: no adapter, and the reason with what to do; the engine that runs says so too.
#[test]
fn doctor_says_what_to_ask_for() {
    let dir = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = bwq_with(dir.path(), &["doctor", "--json"], &[("VK_DRIVER_FILES", "/no/such_icd.json"), ("SLURM_CONF", "/no/slurm.conf")]);
    assert_eq!(code, 0, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["environment"]["VK_DRIVER_FILES"], "/no/such_icd.json");
    assert!(report["cores"]["allowed"].as_u64().is_some_and(|n| n > 0), "{report:#}");
    if cfg!(feature = "gpu") {
        let findings = report["findings"].as_array().unwrap();
        assert!(findings.iter().any(|f| f["wrong"].as_str().unwrap().contains("/no/such_icd.json") && f["ask"].as_str().unwrap().contains("unset")), "{report:#}");
        assert_eq!(report["auto_takes"], "none, the CPU engine runs");
    }
}

/// Made of the command line itself: what a shell completes, and a page for each subcommand.
#[test]
fn completions_and_manual_know_every_subcommand() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    bwq_ok(dir.path(), &["man", "--out", "man1"]);
    let bash = bwq_ok(dir.path(), &["completions", "bash"]);
    assert!(bwq_ok(dir.path(), &["man"]).contains(".TH bwq 1"));
    for sub in SUBCOMMANDS {
        let page = std::fs::read_to_string(pages.join(format!("bwq-{sub}.1"))).unwrap();
        assert!(page.contains("Examples") && page.contains(&format!("bwq {sub}")), "{page}");
        assert!(bash.contains(&format!("bwq__{sub}")) || bash.contains(&format!("bwq__subcmd__{sub}")), "{sub}");
    }
    assert_eq!(bwq(dir.path(), &["completions", "cmd"]).0, 2);
}

#[test]
fn usage_errors_are_2() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&[][..], &["rum"], &["run"], &["run", "a.toml", "--bogus"], &["demo", "--engine", "cuda"], &["run", "a.toml", "--trials", "-1"]] {
        let (code, stdout, stderr) = bwq(dir.path(), args);
        assert_eq!(code, 2, "{args:?}: {stderr}");
        assert!(stdout.is_empty() && !stderr.is_empty(), "{args:?}");
    }
    assert!(bwq(dir.path(), &["rum"]).2.contains("run"), "a hint at the name that was meant");
}

#[test]
fn an_unknown_key_is_named_with_line_and_the_one_that_was_meant() {
    let dir = folder(&SWEEP.replace("ou_wordlines", "ou_wordline"));
    refused(dir.path(), &[], &["sweep.toml:7", "ou_wordline", "did you mean", "ou_wordlines"]);
    let dir = folder(&SWEEP.replace("[crossbar]", "[crosbar]"));
    refused(dir.path(), &[], &["sweep.toml:6", "crosbar", "did you mean", "crossbar"]);
    let dir = folder(SWEEP);
    refused(dir.path(), &["--set", "crossbar.ou_wordline=9"], &["--set", "ou_wordline", "did you mean"]);
}

#[test]
fn five_percent_is_not_5() {
    let dir = folder(&SWEEP.replace("\"lognormal\", sigma_ln = 0.1", "\"normal-proportional\", sigma_rel = 5"));
    refused(dir.path(), &[], &["sweep.toml:10", "sigma_rel = 5", "5 means 500 %; 5 % is 0.05"]);
}

#[test]
fn values_out_of_range_and_together_impossible_are_refused() {
    let dir = folder(SWEEP);
    for (set, wanted) in [
        ("crossbar.ou_wordlines=0", "1 to 1024"),
        ("crossbar.ou_wordlines=129", "crossbar.rows = 128"),
        ("adc.bits=0", "\"ideal\""),
        ("adc.bits=1", "adc.bits = 2"),
        ("device.on_off_ratio=1", "\"infinite\""),
        ("network.images=9", "8"),
        ("network.images=0", "1 to"),
        ("monte_carlo.trials=0", "1 to"),
        ("device.fraction_bits=30", "at most"),
        ("device.wire_ohm=-1.5", "wire_ohm"),
        ("device.programming_error.law=lognromal", "did you mean \"lognormal\"?"),
        ("network.model=embeded", "did you mean \"embedded\"?"),
        ("quantization.precision_map=unifrom", "did you mean \"uniform\"?"),
        ("crossbar.ou_wordlines", "="),
    ] {
        refused(dir.path(), &["--set", set], &[wanted]);
    }
    refused(dir.path(), &["--images", "9"], &["8"]);
}

#[test]
fn files_that_are_missing_or_no_toml_are_named() {
    let dir = folder(SWEEP);
    let d = dir.path();
    refused_as(d, &["run", "absent.toml", "--engine", "cpu"], &["absent.toml", "bwq new"]);
    refused(d, &["--set", "network.model=absent.json"], &["absent.json"]);
    refused(d, &["--set", "network.dataset=absent"], &["absent"]);
    refused(d, &["--set", "quantization.precision_map=absent.json"], &["absent.json"]);
    std::fs::write(d.join("sweep.toml"), "[network\n").unwrap();
    refused(d, &[], &["sweep.toml:1"]);
    std::fs::write(d.join("sweep.toml"), [0xffu8, 0xfe]).unwrap();
    refused(d, &[], &["sweep.toml", "UTF-8"]);
    std::fs::create_dir(d.join("folder.toml")).unwrap();
    refused_as(d, &["run", "folder.toml", "--engine", "cpu"], &["folder.toml"]);
}

#[test]
fn broken_networks_are_refused_by_name() {
    let dir = folder(SWEEP);
    let d = dir.path();
    let weights = d.join("net.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    for length in [0, 5, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&weights, &whole[..length]).unwrap();
        refused(d, &[], &["net.safetensors"]);
    }
    // The last four bytes are a weight: not a number.
    let mut nan = whole.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&weights, &nan).unwrap();
    refused(d, &[], &["NaN", "net.safetensors"]);
    std::fs::remove_file(&weights).unwrap();
    refused(d, &[], &["net.safetensors"]);
    std::fs::write(&weights, &whole).unwrap();

    let graph = std::fs::read_to_string(d.join("net.json")).unwrap();
    for (from, to, wanted) in [("\"relu6\"", "\"gelu\"", "gelu"), ("netgraph-1", "netgraph-9", "netgraph-9"), ("\"c1.weight\"", "\"c9.weight\"", "c9.weight")] {
        std::fs::write(d.join("net.json"), graph.replace(from, to)).unwrap();
        refused(d, &[], &["net.", wanted]);
    }
    std::fs::write(d.join("net.json"), &graph[..graph.len() / 2]).unwrap();
    refused(d, &[], &["net.json"]);
}

#[test]
fn data_that_does_not_fit_is_refused() {
    let dir = folder(SWEEP);
    let d = dir.path();
    // Images of 7 x 7 for a network of 8 x 8.
    let images: Vec<u8> = [0x0803u32, 8, 7, 7].iter().flat_map(|n| n.to_be_bytes()).chain(std::iter::repeat_n(9, 8 * 49)).collect();
    std::fs::write(d.join("data/t10k-images-idx3-ubyte"), images).unwrap();
    refused(d, &[], &["data", "7", "8"]);

    tiny::write(d, 8);
    let labels = d.join("data/t10k-labels-idx1-ubyte");
    let good = std::fs::read(&labels).unwrap();
    std::fs::write(&labels, &good[..good.len() - 1]).unwrap();
    refused(d, &[], &["t10k-labels-idx1-ubyte"]);
    let mut foreign = good.clone();
    *foreign.last_mut().unwrap() = 200; // no such class
    std::fs::write(&labels, foreign).unwrap();
    refused(d, &["--images", "8"], &["200"]);
}

#[test]
fn shards_that_do_not_exist_are_refused() {
    let dir = folder(SWEEP);
    for shard in ["4/4", "1", "0/0", "a/b", "-1/4"] {
        refused(dir.path(), &[&format!("--shard={shard}")], &["--shard", "0 <= I < N"]);
    }
}

/// `--engine gpu` on a machine without an adapter: exit 69, a hint, and nothing computed elsewhere instead.
#[test]
fn no_gpu_is_69() {
    let dir = folder(SWEEP);
    let nothing = [("VK_DRIVER_FILES", "/nonexistent.json"), ("VK_ICD_FILENAMES", "/nonexistent.json")];
    for args in [
        &["run", "sweep.toml", "--out", "out", "--engine", "gpu"][..],
        &["run", "sweep.toml", "--out", "out", "--adapter", "0"],
        &["run", "sweep.toml", "--out", "out", "--engine", "gpu", "--dry-run"],
    ] {
        let (code, stdout, stderr) = bwq_with(dir.path(), args, &nothing);
        assert_eq!(code, 69, "{args:?}: {stderr}");
        assert!(stdout.is_empty() && stderr.contains("--engine cpu"), "{args:?}: {stderr}");
        assert!(!dir.path().join("out").exists(), "{args:?}: results in spite of it");
    }
    // `auto` says that it goes on without.
    let (code, _, stderr) = bwq_with(dir.path(), &["run", "sweep.toml", "--out", "out"], &nothing);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("no GPU is used, the CPU engine runs instead"), "{stderr}");
    assert_eq!(bwq(dir.path(), &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--adapter", "0"]).0, 2);
}

#[test]
fn an_output_folder_that_cannot_be_is_refused_before_the_work() {
    let dir = folder(SWEEP);
    let d = dir.path();
    std::fs::write(d.join("taken"), "a file\n").unwrap();
    refused_as(d, &["run", "sweep.toml", "--out", "taken", "--engine", "cpu"], &["taken"]);
    refused_as(d, &["run", "sweep.toml", "--out", "taken/below", "--engine", "cpu"], &["taken"]);
    assert_eq!(std::fs::read_to_string(d.join("taken")).unwrap(), "a file\n");
    refused_as(d, &["new", "taken"], &["taken"]);
    // Other things are not written among; what lies beside results stays as it is.
    let run = ["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--quiet"];
    std::fs::create_dir(d.join("out")).unwrap();
    std::fs::write(d.join("out/notes.txt"), "mine\n").unwrap();
    refused_as(d, &run, &["out: the folder holds other things than results of bwq (`notes.txt`)"]);
    std::fs::remove_file(d.join("out/notes.txt")).unwrap();
    bwq_ok(d, &run);
    std::fs::write(d.join("out/notes.txt"), "mine\n").unwrap();
    bwq_ok(d, &run);
    assert_eq!(std::fs::read_to_string(d.join("out/notes.txt")).unwrap(), "mine\n");
}

#[test]
fn new_never_overwrites_and_its_file_runs() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    bwq_ok(d, &["new", "a/b"]);
    let file = d.join("a/b/sweep.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("ou_wordlines") && text.contains("# "));
    std::fs::write(&file, "mine\n").unwrap();
    refused_as(d, &["new", "a/b"], &["sweep.toml", "not overwritten"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine\n");
    std::fs::write(&file, text).unwrap();
    let small = ["--images", "2", "--set", "crossbar.ou_wordlines=9", "--set", "device.programming_error.sigma_ln=0.1"];
    bwq_ok(d, &[&["run", "a/b/sweep.toml", "--dry-run", "--engine", "cpu"][..], &small].concat());
}

#[test]
fn presets_are_listed_printed_and_written() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let list = bwq_ok(d, &["presets"]);
    assert!(list.lines().all(|l| l.contains("  ")) && list.contains("dlrsim_iccad_2018    DL-RSIM: "), "{list}");
    let one = bwq_ok(d, &["presets", "dlrsim_iccad_2018"]);
    assert!(one.contains("sigma_ln_off = 0.45") && one.contains("# assumed: "), "{one}");
    bwq_ok(d, &["new", "a", "--preset", "dlrsim_iccad_2018"]);
    let file = std::fs::read_to_string(d.join("a/sweep.toml")).unwrap();
    assert!(file.contains("sigma_ln = 0.18, sigma_ln_off = 0.45") && file.contains("0.45 here: re-implementation of DL-RSIM"), "{file}");
    refused_as(d, &["presets", "dlrsim_icad_2018"], &["did you mean \"dlrsim_iccad_2018\"?"]);
    refused_as(d, &["new", "b", "--preset", "dlrsim"], &["--preset dlrsim", "\"vecom_iccad_2023\""]);
    assert!(!d.join("b").exists());
}

#[test]
fn a_preset_s_run_is_that_of_its_values() {
    let dir = folder("[network]\nmodel = \"net.json\"\ndataset = \"data\"\nimages = 4\n[monte_carlo]\ntrials = 3\n");
    let d = dir.path();
    let run = |out: &str, set: &str| bwq(d, &["run", "sweep.toml", "--out", out, "--engine", "cpu", "--set", set]);
    let (code, _, stderr) = run("out", "device.preset=forms_isca_2021");
    assert!(code == 0 && stderr.contains("preset forms_isca_2021 gives device.programming_error.law"), "{stderr}");
    assert_eq!(run("written", "device.programming_error={law=\"lognormal\", sigma_ln=0.1}").0, 0);
    let read = |path: &str| std::fs::read_to_string(d.join(path)).unwrap();
    assert_eq!(read("out/summary.csv"), read("written/summary.csv"));
    let provenance: Value = serde_json::from_str(&read("out/summary.provenance.json")).unwrap();
    assert_eq!(provenance["runs"][0]["preset"], "forms_isca_2021");
}

#[test]
fn status_and_merge_of_nothing_say_how_to_begin() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&["status", "nowhere"][..], &["status", "nowhere", "--json"], &["merge", "nowhere"], &["merge", "nowhere", "--partial"]] {
        refused_as(dir.path(), args, &["nowhere", "bwq run"]);
    }
    refused_as(dir.path(), &["plot", "nowhere"], &["nowhere"]);
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none(), "a folder was made");
}

#[test]
fn status_counts_and_merge_waits_for_all() {
    let dir = folder(&SWEEP.replace("trials = 3", "trials = 20"));
    let d = dir.path();
    let (code, stdout, stderr) = bwq(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--shard", "0/2"]);
    assert_eq!(code, 0, "a shard whose blocks are done is done: {stderr}");
    assert!(stdout.is_empty() && stderr.contains("bwq merge out"), "{stdout}{stderr}");
    let (code, stdout, _) = bwq(d, &["status", "out", "--json"]);
    assert_eq!(code, 3);
    let status: Value = serde_json::from_str(&stdout).unwrap();
    let (done, all) = (status["blocks_done"].as_u64().unwrap(), status["blocks"].as_u64().unwrap());
    assert!(0 < done && done < all, "{status}");
    assert!(bwq(d, &["status", "out"]).1.contains(&format!("{done} of {all} blocks are done")));
    let (code, _, stderr) = bwq(d, &["merge", "out"]);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("missing") && stderr.contains("--partial"), "{stderr}");
    assert!(!d.join("out/summary.csv").exists(), "no tables of a part unless asked for");
    assert_eq!(bwq(d, &["merge", "out", "--partial"]).0, 3);
    assert!(d.join("out/summary.csv").exists());
    bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--shard", "1/2"]);
    assert_eq!(bwq(d, &["status", "out"]).0, 0);
    let (code, _, stderr) = bwq(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--shard", "98/99"]);
    assert!(code == 0 && stderr.contains("this shard has nothing to do"), "{code} {stderr}");
    // A block that was cut off is not done.
    let block = std::fs::read_dir(d.join("out/blocks")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&block).unwrap();
    for cut in [0, 40, whole.len() - 1] {
        std::fs::write(&block, &whole[..cut]).unwrap();
        let (code, stdout, _) = bwq(d, &["status", "out"]);
        assert!(code == 3 && stdout.contains(&format!("{} of {all} blocks are done", all - 1)), "{cut}: {code} {stdout}");
    }
    std::fs::write(&block, whole).unwrap();
    bwq_ok(d, &["merge", "out"]);
    assert_eq!(leftovers(d), Vec::<String>::new());
}

/// Points that differ in nothing but their seed are told apart, in tables as in figures.
#[test]
fn a_seed_is_shown_where_it_varies() {
    let dir = folder(&SWEEP.replace("[9, 16]", "9"));
    let d = dir.path();
    let table = bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--quiet", "--set", "monte_carlo.seed=[1, 2]"]);
    for text in [table, bwq_ok(d, &["status", "out"])] {
        assert!(text.contains("  seed 1\n") && text.contains("  seed 2\n"), "{text}");
    }
    assert!(d.join("out/accuracy_vs_ou_wordlines_seed_2.svg").exists());
    let cost = "[cost]\ncomponents = \"isaac\"\n[pareto]\nmean_chips = 2\n";
    std::fs::write(d.join("pareto.toml"), format!("{}{cost}", SWEEP.replace("[9, 16]", "9"))).unwrap();
    let (_, stdout, stderr) = bwq(d, &["pareto", "pareto.toml", "--engine", "cpu", "--trials", "2", "--set", "monte_carlo.seed=[1, 2]"]);
    let rows: Vec<&str> = stdout.lines().skip(1).take(2).map(|line| line.split_whitespace().next().unwrap_or("")).collect();
    assert!(stdout.starts_with("seed") && rows == ["1", "2"], "{stdout}{stderr}");
}

#[test]
fn results_are_on_stdout_and_the_rest_on_stderr() {
    let dir = folder(SWEEP);
    let d = dir.path();
    let (code, stdout, stderr) = bwq_with(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu"], &[("TERM", "xterm-256color")]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stdout.lines().count(), 3, "a head and a row per point: {stdout}");
    assert!(stderr.contains("progress 100 %"), "{stderr}");
    for text in [&stdout, &stderr] {
        assert!(!text.contains('\x1b') && !text.contains('\r') && !text.contains('█'), "no bar and no colour in a pipe: {text:?}");
    }
    for (wanted, times) in [("float", 2), ("quantised", 2), ("ideal crossbar", 2), ("without random errors", 2)] {
        assert_eq!(stderr.matches(wanted).count(), times, "accuracies first: {stderr}");
    }
    let (code, again, stderr) = bwq(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--quiet"]);
    assert_eq!((code, again), (0, stdout), "the same command again gives the same");
    assert_eq!(stderr, "", "--quiet is quiet");
    let (code, _, stderr) = bwq(d, &["run", "absent.toml", "--quiet"]);
    assert!(code == 2 && stderr.starts_with("error: "), "an error is printed all the same: {stderr}");
    assert_eq!(leftovers(d), Vec::<String>::new());
}

/// A reader that goes away (`bwq status out | head -1`) is no bug of ours; a disk that is full is said.
#[test]
fn a_closed_or_full_stdout_is_no_panic() {
    let dir = folder(SWEEP);
    let d = dir.path();
    bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--quiet"]);
    for command in ["status out", "status out --json", "merge out", "run sweep.toml --out out --engine cpu --dry-run"] {
        let (_, _, stderr) = shell(d, &format!("{{ \"$BWQ\" {command}; echo \"code $?\" >code; }} | true; cat code >&2"));
        assert!(!stderr.contains("panicked") && !stderr.contains("code 101"), "{command}: {stderr}");
        if Path::new("/dev/full").exists() {
            let (code, _, stderr) = shell(d, &format!("\"$BWQ\" {command} >/dev/full"));
            assert_eq!(code, 2, "{command}: {stderr}");
        }
    }
}

/// What `status` calls done, `merge` can merge.
#[test]
fn status_and_merge_agree() {
    let dir = folder(SWEEP);
    let d = dir.path();
    bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--quiet"]);
    let reference = std::fs::read_dir(d.join("out/references")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(reference).unwrap();
    assert_eq!(bwq(d, &["merge", "out"]).0, 3);
    assert_eq!(bwq(d, &["status", "out"]).0, 3, "{}", bwq(d, &["status", "out"]).1);
    bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--quiet"]);
}

/// On a terminal there is a bar, and colour unless `NO_COLOR` is set.
#[test]
fn no_color_is_honoured_on_a_terminal() {
    let dir = folder(SWEEP);
    let on_a_terminal = |variable: &str| {
        let line = format!("{variable} script -qec '\"$BWQ\" run absent.toml' /dev/null");
        shell(dir.path(), &line)
    };
    let (code, coloured, _) = on_a_terminal("NO_COLOR=");
    if code == 127 {
        eprintln!("NOT RUN: `script` is absent, so there is no terminal to test on");
        return;
    }
    assert!(coloured.contains("\x1b[1;31merror:"), "{coloured:?}");
    let (code, plain, _) = on_a_terminal("NO_COLOR=1");
    assert_eq!(code, 2);
    assert!(plain.contains("error: ") && !plain.contains("\x1b[1;31m"), "{plain:?}");
}

#[test]
fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let dir = folder(&SWEEP.replace("trials = 3", "trials = 20"));
    let d = dir.path();
    let stdout = bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--dry-run"]);
    let line = |name: &str| stdout.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {stdout}")).to_string();
    assert!(line("points").ends_with(" 2"), "{stdout}");
    assert!(line("blocks").contains("4 of 4, 4 to be made"), "{stdout}");
    for name in ["time", "memory", "disk"] {
        assert!(line(name).contains("about"), "{stdout}");
    }
    assert!(!d.join("out").exists());
    let shard = bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--dry-run", "--shard", "0/2"]);
    assert!(shard.contains("2 of 4, 2 to be made"), "{shard}");
    bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--quiet"]);
    let done = bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--dry-run"]);
    assert!(done.contains("4 of 4, 0 to be made"), "{done}");
}

/// The plan of a dry run: layers of the first kind of point, a line for each other kind; not more is timed than need be.
#[test]
fn a_dry_run_shows_the_kernels() {
    let dir = folder(SWEEP);
    let d = dir.path();
    let args = ["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--dry-run", "--set", "device.programming_error.sigma_ln=[0.1, 0.2]"];
    let stdout = bwq_ok(d, &args);
    assert!(stdout.contains("kernels for points 1-2: ou_wordlines 9 "), "{stdout}");
    for layer in ["c1", "c2", "c3", "fc"] {
        assert!(stdout.lines().any(|l| l.starts_with(&format!("{layer} "))), "{layer}: {stdout}");
    }
    assert!(stdout.contains("kernels for points 3-4: ou_wordlines 16: "), "{stdout}");
    let direct = bwq_ok(d, &[&args[..], &["--kernel", "direct"]].concat());
    assert!(direct.contains("points 3-4: ou_wordlines 16: direct 4 of 4 layers"), "{direct}");
    let heights: Vec<String> = (2..=40).map(|h| h.to_string()).collect();
    let (code, stdout, stderr) = bwq(d, &[&args[..], &["--set", &format!("crossbar.ou_wordlines=[{}]", heights.join(","))]].concat());
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stderr.matches("timing ").count(), 6, "{stderr}");
    assert!(stdout.contains("6 of 39 kinds of points were timed") && stdout.contains("and 18 more kinds of points"), "{stdout}");
}

#[test]
fn batches_of_nothing_are_refused() {
    let dir = folder(SWEEP);
    for flag in ["--batch-images", "--batch-trials"] {
        refused(dir.path(), &[flag, "0"], &[&format!("{flag} 0"), "at least 1"]);
    }
    let (code, _, stderr) = bwq(dir.path(), &["run", "sweep.toml", "--kernel", "fast"]);
    assert!(code == 2 && stderr.contains("auto, direct, table or split"), "{stderr}");
}

/// Figures of a sweep that is no longer here go with its table; a user's files stay.
#[test]
fn figures_of_a_former_sweep_are_removed() {
    let dir = folder(SWEEP);
    let d = dir.path();
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(d.join("out")).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.retain(|n| n.ends_with(".svg") || n.ends_with(".png"));
        names.sort();
        names
    };
    bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--quiet", "--set", "adc.bits=[4, 5]"]);
    let of = |stem: &str| ["png", "svg"].map(|ending| format!("accuracy_vs_ou_wordlines{stem}.{ending}"));
    assert_eq!(names(), [of("_adc_bits_4"), of("_adc_bits_5")].concat());
    std::fs::write(d.join("out/accuracy_vs_ou_wordlines_adc_bits_6.svg"), "mine").unwrap();
    bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--quiet"]);
    let mut wanted = of("").to_vec();
    wanted.push("accuracy_vs_ou_wordlines_adc_bits_6.svg".into());
    wanted.sort();
    assert_eq!(names(), wanted);
}

#[test]
fn the_options_mean_what_the_keys_mean() {
    let dir = folder(SWEEP);
    let d = dir.path();
    bwq_ok(d, &["run", "sweep.toml", "--out", "a", "--engine", "cpu", "--quiet", "--trials", "2", "--images", "3", "--seed", "9"]);
    let set = ["--set", "monte_carlo.trials=2", "--set", "network.images=3", "--set", "monte_carlo.seed=9"];
    bwq_ok(d, &[&["run", "sweep.toml", "--out", "b", "--engine", "cpu", "--quiet"][..], &set].concat());
    let trials = |out: &str| std::fs::read_to_string(d.join(out).join("trials.csv")).unwrap();
    assert_eq!(trials("a"), trials("b"));
    assert_eq!(trials("a").lines().count(), 1 + 2 * 2);
    // The default folder stands beside the sweep file.
    bwq_ok(d, &["run", "sweep.toml", "--engine", "cpu", "--quiet"]);
    assert!(d.join("sweep-results/summary.csv").exists());
}

/// The data dictionary names the columns of the files, in their order.
#[test]
fn the_tables_have_the_columns_of_the_dictionary() {
    let dir = folder(SWEEP);
    let d = dir.path();
    bwq_ok(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu", "--quiet"]);
    let names = |part: &str| -> Vec<String> { part.lines().filter_map(|l| Some(l.strip_prefix("| `")?.split('`').next()?.to_string())).collect() };
    let dictionary = bwq::report::dictionary();
    let parts: Vec<&str> = dictionary.split("\n## ").collect();
    for table in bwq::report::TABLES {
        let part = parts.iter().find(|p| p.starts_with(&format!("`{}`", table.file))).unwrap();
        let wanted = [names(parts[0]), names(part)].concat();
        let text = std::fs::read_to_string(d.join("out").join(table.file)).unwrap();
        let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        assert_eq!(header, wanted, "{}", table.file);
        let provenance = Path::new(table.file).with_extension("provenance.json");
        let provenance: Value = serde_json::from_slice(&std::fs::read(d.join("out").join(provenance)).unwrap()).unwrap();
        assert_eq!(provenance["points"].as_array().unwrap().len(), 2);
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        assert!(host.trim().len() < 4 || !text.contains(host.trim()), "{}: what differs from machine to machine", table.file);
    }
}

const MVM: &str = "[quantization]\nweight_bits = 8\nactivation_bits = 8\n[crossbar]\nou_wordlines = 9\n[device]\non_off_ratio = \"infinite\"\n[monte_carlo]\ntrials = 2\n";

/// `bwq mvm` in a folder with W.npy (n x k = 2 x 3), X.npy (k x b = 3 x 2) and mvm.toml.
fn mvm_folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::write(d.join("mvm.toml"), MVM).unwrap();
    array(d, "W.npy", &[2, 3], &[1.0, -2.0, 127.0, 0.0, 5.0, -127.0], "i2");
    array(d, "X.npy", &[3, 2], &[1.0, 0.0, 2.0, 255.0, 3.0, 4.0], "i2");
    dir
}

fn array(dir: &Path, name: &str, shape: &[usize], values: &[f64], dtype: &str) {
    write_npy(&dir.join(name), &Array { shape: shape.to_vec(), values: values.to_vec() }, dtype);
}

const MVM_ARGS: [&str; 9] = ["mvm", "--weights", "W.npy", "--inputs", "X.npy", "--config", "mvm.toml", "--out", "Y.npy"];

#[test]
fn mvm_multiplies() {
    let dir = mvm_folder();
    let d = dir.path();
    bwq_ok(d, &[&MVM_ARGS[..], &["--pre-adc", "P.npy"]].concat());
    let y = support::npy(&std::fs::read(d.join("Y.npy")).unwrap());
    assert_eq!(y.shape, [2, 2, 2]);
    let once = [1.0 - 4.0 + 381.0, -510.0 + 508.0, 10.0 - 381.0, 1275.0 - 508.0];
    assert_eq!(y.values, [once, once].concat(), "an ideal crossbar is the product, on every chip");
    assert_eq!(support::npy(&std::fs::read(d.join("P.npy")).unwrap()).shape, [1, 7, 8, 2, 2]);
}

#[test]
fn mvm_refuses_arrays_that_do_not_fit() {
    let dir = mvm_folder();
    let d = dir.path();
    let refuse = |extra: &[&str], wanted: &[&str]| {
        refused_as(d, &[&MVM_ARGS[..], extra].concat(), wanted);
        assert!(!d.join("Y.npy").exists());
    };
    array(d, "X.npy", &[2, 3], &[1.0; 6], "i2");
    refuse(&[], &["X.npy", "2 rows", "3 inputs"]);
    array(d, "X.npy", &[6], &[1.0; 6], "i2");
    refuse(&[], &["X.npy", "k x b"]);
    array(d, "X.npy", &[3, 0], &[], "i2");
    refuse(&[], &["X.npy"]);
    array(d, "X.npy", &[3, 2], &[0.5; 6], "f4");
    refuse(&[], &["X.npy", "expected integers"]);
    array(d, "X.npy", &[3, 2], &[256.0; 6], "i2");
    refuse(&[], &["256"]);
    array(d, "X.npy", &[3, 2], &[-1.0; 6], "i2");
    refuse(&[], &["-1"]);
    array(d, "X.npy", &[3, 2], &[1.0; 6], "i2");
    array(d, "W.npy", &[2, 3], &[128.0; 6], "i2");
    refuse(&[], &["128"]);
    array(d, "W.npy", &[2, 3], &[1.0; 6], "i2");
    array(d, "G.npy", &[1, 2, 7, 2, 3], &[0.5; 84], "f4");
    refuse(&["--conductances", "G.npy"], &["G.npy", "[2, 7, 3, 2]"]);
    array(d, "G.npy", &[1, 2, 7, 3, 2], &[f64::NAN; 84], "f4");
    refuse(&["--conductances", "G.npy"], &["G.npy", "NaN"]);
    refuse(&["--conductances", "absent.npy"], &["absent.npy"]);
    std::fs::write(d.join("W.npy"), b"\x93NUMPY\x01\x00").unwrap();
    refuse(&[], &["W.npy"]);
    std::fs::write(d.join("mvm.toml"), format!("{MVM}[network]\nimages = 3\n")).unwrap();
    refuse(&[], &["mvm.toml", "network"]);
    std::fs::write(d.join("mvm.toml"), MVM.replace("= 9", "= [9, 16]")).unwrap();
    refuse(&[], &["mvm.toml:5", "ou_wordlines"]);
}

/// Every key at any depth of a JSON value.
fn keys(value: &Value, found: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            keys(value, found);
        }),
        Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

/// A report of `bwq bench` makes sense, and docs/bench.md describes every key of it.
fn check_bench(report: &Value, engine: &str) {
    assert_eq!(report["format"], "bwq-bench-1");
    assert_eq!(report["quick"], true);
    let mut found = std::collections::BTreeSet::new();
    keys(report, &mut found);
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bench.md")).unwrap();
    let missing: Vec<&String> = found.iter().filter(|k| !page.contains(&format!("`{k}`")) && !page.contains(&format!(".{k}`"))).collect();
    assert!(missing.is_empty(), "not in docs/bench.md: {missing:?}");
    let positive = |v: &Value| v.as_f64().is_some_and(|x| x > 0.0 && x < 1e15);
    let rows = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let kernels = rows(&report["kernels"]);
    assert!(kernels.iter().any(|k| k["kernel"] == "direct") && kernels.iter().all(|k| k["engine"] == engine), "{report:#}");
    for k in &kernels {
        assert_eq!(k["equals_direct"], true, "{k:#}");
        assert!(["ms_per_trial_min", "trial_vectors_per_s", "ideal_mmac_per_s", "conversions_per_s"].iter().all(|key| positive(&k[key])), "{k:#}");
        assert!(k["ms_per_trial_min"].as_f64() <= k["ms_per_trial_median"].as_f64() && k["repeats"].as_u64() >= Some(1), "{k:#}");
    }
    assert!(rows(&report["network"]).iter().all(|n| positive(&n["ms_per_image_and_chip_min"])) && !rows(&report["network"]).is_empty());
    let differ = report["precision"][0]["codes_that_differ_frac"].as_f64();
    assert!(differ.is_some_and(|d| d > 0.0 && d < 0.1), "{differ:?}");
    let limits = &report["limits"][engine];
    assert!(positive(&limits["copy_gb_per_s"]) && rows(&limits["random_rows"]).len() > 2, "{limits:#}");
    assert!(rows(&limits["random_rows"]).iter().all(|r| positive(&r["gb_per_s"])), "{limits:#}");
}

#[test]
fn bench_measures_the_cpu() {
    let dir = tempfile::tempdir().unwrap();
    let out = bwq_ok(dir.path(), &["bench", "--quick", "--json", "--engine", "cpu", "--threads", "1"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    check_bench(&report, "cpu");
    assert!(report["limits"]["gpu"].is_null() && report["machine"]["adapter"].is_null());
    assert!(!out.contains(&bwq::sweep::atomic::host()) || bwq::sweep::atomic::host().len() < 4, "no host name");
    let refused = bwq(dir.path(), &["bench", "--engine", "cpu", "--threads", "0"]);
    assert!(refused.0 == 2 && refused.2.contains("--threads 0"), "{}", refused.2);
}

#[test]
fn a_point_is_warned_of_once() {
    let dir = folder(SWEEP);
    let args = ["run", "sweep.toml", "--engine", "cpu", "--set", "device.programming_error.sigma_ln=1.5", "--set", "crossbar.ou_wordlines=[9,20]", "--out", "out", "--images", "1", "--trials", "64"];
    let (code, _, stderr) = bwq(dir.path(), &args);
    assert_eq!(code, 0, "{stderr}");
    let blocks = std::fs::read_dir(dir.path().join("out/blocks")).unwrap().count();
    assert!(blocks >= 4, "{blocks} blocks: nothing could be said twice");
    assert_eq!(stderr.matches("cells drew a conductance beyond").count(), 2, "a line for each point\n{stderr}");
}

/// The original network, another of the same name, two data sets of one name: points that a table tells apart.
#[test]
fn things_of_one_name_are_told_apart() {
    let dir = folder(SWEEP);
    let d = dir.path();
    std::fs::create_dir(d.join("other")).unwrap();
    tiny::write(&d.join("other"), 9);
    let graph = std::fs::read_to_string(d.join("net.json")).unwrap();
    std::fs::write(d.join("other/net.json"), graph.replace("\"eps\":1e-5", "\"eps\":1e-2").replace("1.0e-5", "1.0e-2").replace("0.00001", "0.01")).unwrap();
    assert_ne!(graph, std::fs::read_to_string(d.join("other/net.json")).unwrap(), "the case needs another network");
    let lists = ["network.model=[\"net.json\", \"other/net.json\"]", "network.dataset=[\"data\", \"other/data\"]", "crossbar.ou_wordlines=9"].map(|list| ["--set", list]).concat();
    bwq_ok(d, &[&["run", "sweep.toml", "--out", "out", "--engine", "cpu"], &lists[..]].concat());
    let different = |name: &str| support::column(&d.join("out/summary.csv"), name).into_iter().collect::<std::collections::BTreeSet<_>>();
    assert!(different("network").len() == 2 && different("network").iter().all(|n| n.starts_with("tiny-")), "{:?}", different("network"));
    assert_eq!(support::column(&d.join("out/summary.csv"), "network").len(), 4);
    bwq_ok(d, &["report", "out"]);
    // Alone, each keeps its name.
    bwq_ok(d, &["run", "sweep.toml", "--out", "alone", "--engine", "cpu"]);
    assert_eq!(support::column(&d.join("alone/summary.csv"), "network")[0], "tiny");
    // Another sweep in the folder is said, and a comparison of costs refuses two of one name.
    let (code, _, stderr) = bwq(d, &["run", "sweep.toml", "--out", "out", "--engine", "cpu"]);
    assert!(code == 0 && stderr.contains("it held a sweep of") && stderr.contains("its blocks stay"), "{stderr}");
    refused_as(d, &["cost", "--set", "cost.network=[\"net.json\", \"other/net.json\"]"], &["are both named `tiny`", "--name"]);
}

#[test]
fn accuracies_that_tell_of_a_mistake_are_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("sweep.toml"), "[network]\nmodel = \"embedded\"\nimages = 40\n[quantization]\nprecision_map = \"embedded-bwq-a\"\nweight_bits = 9\n[monte_carlo]\ntrials = 1\n").unwrap();
    let (code, _, stderr) = bwq(dir.path(), &["run", "sweep.toml", "--out", "out", "--engine", "cpu"]);
    assert!(code == 0 && stderr.contains("Was the precision map made for these weights"), "a map of other weights\n{stderr}");
    let (code, _, stderr) = bwq(dir.path(), &["run", "sweep.toml", "--out", "right", "--engine", "cpu", "--set", "network.model=embedded-bwq-a"]);
    assert!(code == 0 && !stderr.contains("Was the precision map"), "{stderr}");
    // A network of random weights guesses.
    let random = support::folder_with_network(&SWEEP.replace("images = 4", "images = 40"), 40);
    let (code, _, stderr) = bwq(random.path(), &["run", "sweep.toml", "--out", "out", "--engine", "cpu"]);
    assert!(code == 0 && stderr.contains("no better than guessing one of 10 classes") && !stderr.contains("time_s"), "{stderr}");
    // Times without drift, once.
    let times = |out: &str, nu: &str| bwq(random.path(), &["run", "sweep.toml", "--out", out, "--engine", "cpu", "--set", "device.time_s=[1, 1e4, 1e6]", "--set", nu]).2;
    assert_eq!(times("times", "device.drift.nu=0").matches("device.time_s is set, but nothing changes with time").count(), 1);
    assert!(!times("drift", "device.drift.nu=0.01").contains("nothing changes with time"));
    // Pixels as floats, and cells of a tenth of the nominal conductance.
    let d = random.path();
    std::fs::create_dir(d.join("floats")).unwrap();
    write_npy(&d.join("floats/images.npy"), &Array { shape: vec![40, 1, 8, 8], values: (0..40 * 64).map(|i| f64::from(i % 256)).collect() }, "f4");
    write_npy(&d.join("floats/labels.npy"), &Array { shape: vec![40], values: (0..40).map(|i| f64::from(i % 10)).collect() }, "i2");
    std::fs::write(d.join("cells.csv"), "level,conductance_siemens\n0,1e-7\n1,1e-5\n1,1.1e-5\n").unwrap();
    let (code, _, stderr) = bwq(d, &["run", "sweep.toml", "--out", "floats-out", "--engine", "cpu", "--set", "network.dataset=floats", "--set", "device.programming_error={ law = \"table\", file = \"cells.csv\" }"]);
    assert!(code == 0 && stderr.contains("floats: float images with values up to 255") && stderr.contains("is 0.105 times device.g_on_siemens"), "{stderr}");
}
