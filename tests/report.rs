//! `bwq report`: the page says what the tables say, escapes what it is given, loads nothing, and works in a real browser.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::{bwq, bwq_ok, column};

/// Two axes and a law, on a network whose name is an attack on the page.
const SWEEP: &str = r#"
[network]
model = "net.json"
dataset = "data"
images = 10

[crossbar]
ou_wordlines = [9, 20]
rows = 32

[adc]
bits = [4, "lossless"]

[device]
programming_error = { law = "lognormal", sigma_ln = [0.1, 0.4] }

[monte_carlo]
trials = 8
max_drop = 0.1
"#;

const ATTACK: &str = "<script>alert(1)</script> & \"quoted\" 'it'";

/// A copy of a merged sweep of 8 points in `results`, which is run once for all tests.
fn swept() -> tempfile::TempDir {
    static RUN: OnceLock<tempfile::TempDir> = OnceLock::new();
    let run = RUN.get_or_init(|| {
        let dir = support::folder_with_network(SWEEP, 20);
        let net = dir.path().join("net.json");
        let mut graph: Value = serde_json::from_slice(&std::fs::read(&net).unwrap()).unwrap();
        graph["name"] = ATTACK.into();
        std::fs::write(&net, graph.to_string()).unwrap();
        bwq_ok(dir.path(), &["run", "sweep.toml", "--out", "results", "--engine", "cpu"]);
        dir
    });
    let copy = tempfile::tempdir().unwrap();
    copied(run.path(), copy.path());
    copy
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copied(&path, &target) } else { std::fs::copy(&path, &target).map(|_| ()).unwrap() }
    }
}

fn page(dir: &Path, results: &str) -> String {
    let to = tempfile::tempdir().unwrap();
    let file = to.path().join("page.html");
    bwq_ok(dir, &["report", results, "-o", file.to_str().unwrap()]);
    std::fs::read_to_string(file).unwrap()
}

/// Nothing in a page names a place outside it.
fn loads_nothing(html: &str) {
    for word in ["http:", "https:", "//cdn", "@import", "url(", "src=\"/", "href=\"/", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!html.contains(word), "`{word}` in the page");
    }
    assert!(html.contains("default-src 'none'"), "no content security policy");
    let sources = html.matches("src=\"").count();
    assert_eq!(sources, html.matches("src=\"data:image/svg+xml;base64,").count());
    assert!(html.matches("href=\"").count() == html.matches("href=\"#").count());
}

#[test]
fn the_page_says_what_the_tables_say() {
    let dir = swept();
    let d = dir.path();
    let html = page(d, "results");
    loads_nothing(&html);
    assert!(!html.contains("<script>alert"), "the network's name is code");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted&quot; &#39;it&#39;"), "the network's name is not there");
    let summary = d.join("results/summary.csv");
    let rows = column(&summary, "trials").len();
    assert_eq!(rows, 8);
    // Each point has its marks, and they say mean, interval and chips.
    let percent = |text: &str| format!("{:.2}", 100.0 * text.parse::<f64>().unwrap());
    let [means, lows, highs] = ["accuracy_mean_frac", "accuracy_mean_lo95_frac", "accuracy_mean_hi95_frac"].map(|name| column(&summary, name));
    for ((mean, lo), hi) in means.iter().zip(&lows).zip(&highs) {
        let wanted = if lo.is_empty() { format!("mean accuracy {} %\n", percent(mean)) } else { format!("mean accuracy {} %, 95 % interval {} to {}\n", percent(mean), percent(lo), percent(hi)) };
        assert!(html.contains(&wanted), "no `{wanted}`");
    }
    assert!(html.matches("\n8 chips").count() >= 2 * rows, "marks do not say the number of chips");
    let accuracy: usize = html.split("<figure class=\"chart\" id=\"accuracy-").skip(1).map(|f| f.split("</figure>").next().unwrap().matches("class=\"mark\"").count()).sum();
    assert_eq!(accuracy, rows);
    // The three accuracies before any trial, the values that are not defaults, the hash, the command.
    for name in ["float_accuracy_frac", "quantised_accuracy_frac", "ideal_crossbar_accuracy_frac"] {
        assert!(html.contains(&format!(">{}</td>", percent(&column(&summary, name)[0]))), "{name}");
    }
    for part in ["<mark>ou_wordlines = [9, 20]</mark>", "\nou_bitlines = 8\n", "<mark>programming_error.sigma_ln = [0.1, 0.4]</mark>", "sweep.toml --out results --engine cpu"] {
        assert!(html.contains(part), "no `{part}`");
    }
    let hash = &column(&summary, "config_hash")[0];
    assert!(html.replace("<wbr>", "").contains(hash.as_str()), "no hash");
    // Every table is there, and every mark has a text without any script.
    ["summary.csv", "differences.csv", "layers.csv", "trials.csv"].iter().for_each(|t| assert!(html.contains(t), "{t}"));
    assert_eq!(html.matches("<g class=\"mark\" role=\"img\"><title>").count(), html.matches("class=\"mark\"").count());
    // The same folder gives the same bytes, wherever it lies.
    std::fs::rename(d.join("results"), d.join("moved")).unwrap();
    assert!(page(d, "moved") == html, "the page depends on where the folder lies");
}

#[test]
fn an_incomplete_sweep_is_shown_as_such() {
    let dir = swept();
    let d = dir.path();
    let block = std::fs::read_dir(d.join("results/blocks")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(block).unwrap();
    assert_eq!(bwq(d, &["merge", "results", "--partial"]).0, 3);
    let (code, _, stderr) = bwq(d, &["report", "results"]);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("1 blocks are missing") && stderr.contains("hint: "), "{stderr}");
    let html = std::fs::read_to_string(d.join("results/report.html")).unwrap();
    assert!(html.contains("The sweep is not complete: the tables were made without 1 of its blocks"));
    assert!(html.contains("The last run was of 8 points"), "nothing of the chips that are not there");
}

#[test]
fn warnings_of_the_run_are_on_the_page() {
    let sweep = SWEEP.replace("bits = [4, \"lossless\"]", "bits = 3");
    let dir = support::folder_with_network(&sweep, 20);
    let d = dir.path();
    let (code, _, stderr) = bwq(d, &["run", "sweep.toml", "--out", "results", "--engine", "cpu"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("warning: layer `"), "the case gives no warning: {stderr}");
    let html = page(d, "results");
    assert!(html.contains("The run warned: layer `") && html.contains("possible error-free currents lie exactly between two codes"));
}

#[test]
fn what_is_no_results_folder_is_refused() {
    let dir = swept();
    let d = dir.path();
    let refused = |args: &[&str], wanted: &[&str]| {
        let (code, _, stderr) = bwq(d, args);
        assert_eq!(code, 2, "{stderr}");
        wanted.iter().chain(&["hint: "]).for_each(|w| assert!(stderr.contains(w), "`{w}` is wanted in\n{stderr}"));
    };
    refused(&["report", "nowhere"], &["nowhere: there is no such folder"]);
    std::fs::create_dir(d.join("empty")).unwrap();
    refused(&["report", "empty"], &["empty: no table of results"]);
    std::fs::copy(d.join("results/manifest.json"), d.join("empty/manifest.json")).unwrap();
    refused(&["report", "empty"], &["the sweep is not merged", "bwq merge empty --partial"]);
    refused(&["report", "results", "-o", "data"], &["data: a folder, where the page should be"]);
    let text = std::fs::read_to_string(d.join("results/summary.csv")).unwrap();
    let broken = |name: &str, contents: &[u8], wanted: &[&str]| {
        let path = d.join("results").join(name);
        let before = std::fs::read(&path).unwrap();
        std::fs::write(&path, contents).unwrap();
        refused(&["report", "results", "-o", "page.html"], wanted);
        std::fs::write(&path, before).unwrap();
    };
    broken("summary.csv", format!("{text}1,2\n").as_bytes(), &["summary.csv:10"]);
    broken("summary.csv", text.replace("0.1.0", "\u{1}").replace(",trials,", ",tries,").as_bytes(), &["summary.csv:1", "trials"]);
    broken("trials.csv", b"a,b\n1,2\n", &["trials.csv:1"]);
    broken("layers.csv", b"tool_version,\xff\xfe\n", &["layers.csv"]);
    broken("summary.provenance.json", b"{", &["summary.provenance.json: not a provenance file"]);
    broken("manifest.json", b"[]", &["manifest.json: not a manifest"]);
    // A table with a header and nothing else, and values that are no numbers where the page wants some.
    std::fs::write(d.join("results/differences.csv"), "tool_version,config_hash,seed,axis\n").unwrap();
    let layers = std::fs::read_to_string(d.join("results/layers.csv")).unwrap();
    std::fs::write(d.join("results/layers.csv"), layers.replace(",0,", ",many,").replace("0.", "inf")).unwrap();
    assert!(page(d, "results").contains("differences.csv: 0 rows"));
    assert!(!d.join("results/report.html").exists());
}

/// Folders of what the other commands write, made once for all tests, and one of a training that stands in the repository.
fn of_other_commands() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    MADE.get_or_init(make_others).path()
}

fn make_others() -> tempfile::TempDir {
    let dir = support::folder_with_network(SWEEP, 20);
    let d = dir.path();
    let sweep = ["sweep.toml", "--engine", "cpu", "--images", "5"];
    let (code, _, stderr) = bwq(d, &[&["check"], &sweep[..], &["--yield", "0.5", "--trials", "60", "--out", "check"]].concat());
    assert!([0, 3, 4].contains(&code), "{stderr}");
    bwq_ok(d, &[&["explain"], &sweep[..], &["--trials", "2", "--set", "adc.bits=4", "--set", "device.programming_error.sigma_ln=0.1", "--out", "explain"]].concat());
    let one_point = ["--set", "adc.bits=lossless", "--set", "crossbar.ou_wordlines=9", "--set", "device.programming_error={ law = \"none\" }", "--max-drop", "0.2"];
    bwq_ok(d, &[&["search", "sweep.toml", "--images", "20"], &one_point[..], &["--set", "search.levels=0", "--out", "search"]].concat());
    bwq_ok(d, &["cost", "--network", "resnet20-cifar10", "--out", "cost"]);
    bwq_ok(d, &["cost", "--network", "resnet20-cifar10", "--set", "cost.design=[\"isaac-ou\", \"bwq-h\"]", "--precision-map", "synthetic", "--out", "compared"]);
    copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("results/bwq_a/resnet20"), &d.join("train"));
    dir
}

/// Marks of the chart of that id.
fn marks(html: &str, id: &str) -> usize {
    let chart = html.split(&format!("<figure class=\"chart\" id=\"{id}\">")).nth(1).unwrap_or_else(|| panic!("no chart {id}"));
    chart.split("</figure>").next().unwrap().matches("class=\"mark\"").count()
}

#[test]
fn other_commands_have_pages_too() {
    let d = of_other_commands();
    let wanted: [(&str, &[&str]); 6] = [
        ("check", &["Do at least 50.00 % of chips keep the accuracy", "id=\"check\"", "check.csv"]),
        ("explain", &["The one that costs most when it is added is", "explain_layers.csv", "Loss of accuracy by cause."]),
        ("search", &["the one with the fewest bits that keeps the budget is", "search_layers.csv", "the budget: 20.00 points below"]),
        ("cost", &["uJ an image", "cost_layers.csv", "What the costs rest on."]),
        ("compared", &["cost_comparison.csv", "Energy against isaac-ou."]),
        ("train", &["<h1>Block precisions of cifar10_resnet20_bsq by training</h1>", "network cifar10_resnet20_bsq · data cifar10 · 10000 test images", "With 5-bit activations and alpha 0, after 3 epochs: 91.59 % of the test images", "train.learning_rate", "commit"]),
    ];
    for (results, parts) in wanted {
        let html = page(d, results);
        loads_nothing(&html);
        let html = html.replace("<wbr>", "");
        parts.iter().for_each(|part| assert!(html.contains(part), "{results}: no `{part}`"));
    }
    // As many marks as the tables have values.
    let filled = |table: &str, name: &str| column(&d.join(table), name).iter().filter(|y| !y.is_empty()).count();
    assert_eq!(marks(&page(d, "check"), "check"), filled("check/check.csv", "yield_frac"));
    let explained = page(d, "explain");
    let drawn = |id: &str| (1..=2).map(|i| marks(&explained, &format!("{id}-{i}"))).sum::<usize>();
    // Two heights: two points.
    assert_eq!(drawn("causes"), filled("explain/explain.csv", "loss_added_frac") + filled("explain/explain.csv", "loss_removed_frac"));
    assert_eq!(drawn("layer-losses"), filled("explain/explain_layers.csv", "loss_alone_frac") + filled("explain/explain_layers.csv", "won_if_ideal_frac"));
    let searched = page(d, "search");
    let [drops, compressions] = ["drop_frac", "compression"].map(|name| column(&d.join("search/search.csv"), name));
    let shown = drops.iter().zip(&compressions).filter(|(drop, compression)| drop.parse::<f64>().unwrap() <= 6.0 * 0.2 && !compression.is_empty());
    assert_eq!(marks(&searched, "tried"), shown.count());
    assert_eq!(marks(&searched, "chosen-bits") + 1, filled("search/search_layers.csv", "mean_bits"), "a bar for each layer, none for all");
    let cost = page(d, "cost");
    assert_eq!(marks(&cost, "energy-layers"), 4 * (filled("cost/cost_layers.csv", "layer") - 1), "four component sets");
    assert!(marks(&cost, "energy-parts") >= 4 * 5);
    let sets = column(&d.join("compared/cost_comparison.csv"), "design").iter().filter(|design| *design != "isaac-ou").count();
    assert_eq!([marks(&page(d, "compared"), "energy-gains"), marks(&page(d, "compared"), "speedups")], [sets, sets]);
    let trained = page(d, "train");
    let epochs = filled("train/curve.csv", "epoch");
    assert_eq!([marks(&trained, "epoch-accuracy"), marks(&trained, "epoch-bits"), marks(&trained, "kept-bits")], [2 * epochs, epochs, filled("train/layers.csv", "layer")]);
}

/// Chromium under one of its names; without it the test says aloud that it did not run, and fails in CI.
fn chromium() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&folders).flat_map(|f| names.map(|n| f.join(n))).find(|p| p.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no Chromium in CI");
        eprintln!("NOT RUN: no Chromium (chromium, chromium-browser or google-chrome) on this machine");
    }
    found
}

/// The document as it is once loaded, and what is on the console.
fn dom_and_console(chromium: &Path, page: &Path, size: &str) -> (String, Vec<String>) {
    let profile = tempfile::tempdir().unwrap();
    let out = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--enable-logging=stderr", "--log-level=0", "--virtual-time-budget=3000", "--dump-dom"])
        .arg(format!("--window-size={size}"))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("Chromium starts");
    let log = String::from_utf8_lossy(&out.stderr);
    (String::from_utf8_lossy(&out.stdout).into_owned(), log.lines().filter(|l| l.contains("CONSOLE")).map(str::to_string).collect())
}

/// Opens a page in a window of that size, with the probe in it; returns what the probe saw. No errors on the console.
fn opened(chromium: &Path, dir: &Path, html: &str, size: &str) -> Value {
    let probe = include_str!("data/report_probe.js");
    // The page's policy lets no other script run, so it must be told of the probe.
    let (before, rest) = html.split_once("script-src '").unwrap();
    let allowing = format!("{before}script-src 'unsafe-inline'{}", &rest[rest.find('\'').unwrap() + 1..]);
    let with_probe = allowing.replace("</body>", &format!("<script>addEventListener(\"load\", () => {{{probe}}});</script></body>"));
    let path = dir.join("probed.html");
    std::fs::write(&path, with_probe).unwrap();
    let (dom, console) = dom_and_console(chromium, &path, size);
    assert!(console.is_empty(), "{console:?}");
    let seen = dom.split("id=\"seen\">").nth(1).and_then(|s| s.split("</script>").next());
    serde_json::from_str(seen.unwrap_or_else(|| panic!("the probe did not run: {dom}"))).unwrap()
}

#[test]
fn a_browser_draws_it_and_hover_and_keyboard_say_the_values() {
    let Some(chromium) = chromium() else { return };
    let dir = swept();
    let d = dir.path();
    std::fs::write(d.join("results/block_bits.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><script>alert(2)</script><image href=\"http://127.0.0.1:9/x.png\"/><rect width=\"9\" height=\"9\"/></svg>").unwrap();
    let html = page(d, "results");
    let rows = column(&d.join("results/summary.csv"), "trials").len() as u64;
    for size in ["1280,900", "500,900"] {
        let seen = opened(&chromium, d, &html, size);
        let marks = |kind: &str| seen["charts"].as_object().unwrap().iter().filter(|(id, _)| id.starts_with(kind)).map(|(_, n)| n.as_u64().unwrap()).sum::<u64>();
        assert_eq!([marks("accuracy-"), marks("yield-")], [rows, rows], "{size}: {seen}");
        assert!(marks("chips-") >= rows && marks("layers") > 0, "{size}: {seen}");
        let all = marks("");
        assert_eq!(seen["hovered"].as_u64(), Some(all), "{size}: {seen}");
        assert_eq!(seen["missed"].as_array().map(Vec::len), Some(0), "{size}: {seen}");
        let [focused, arrowed] = ["focused", "arrowed"].map(|k| seen[k].as_str().unwrap().to_string());
        assert!(focused.contains("mean accuracy") && focused.contains("8 chips") && arrowed.contains("mean accuracy") && focused != arrowed, "{size}: {seen}");
        assert_eq!(seen["escaped"], "", "{size}");
        let sorted: Vec<f64> = seen["sorted"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert!(!sorted.is_empty() && sorted.is_sorted_by(|a, b| a >= b), "{sorted:?}");
        assert_eq!(seen["fetched"].as_array().map(Vec::len), Some(0), "{seen}");
        assert_eq!(seen["pictures"], serde_json::json!([true]));
        assert!(seen["wide"].as_i64().unwrap() <= 0, "{size}: the page is wider than its window by {}", seen["wide"]);
    }
    let others = of_other_commands();
    for results in ["explain", "search", "cost", "compared", "train"] {
        let html = page(others, results);
        let seen = opened(&chromium, d, &html, "1280,900");
        assert_eq!(seen["hovered"].as_u64(), Some(html.matches("class=\"mark\"").count() as u64), "{results}: {seen}");
        assert!(seen["missed"].as_array().is_some_and(Vec::is_empty) && seen["fetched"].as_array().is_some_and(Vec::is_empty), "{results}: {seen}");
        assert!(seen["wide"].as_i64().unwrap() <= 0, "{results}: the page is wider than its window by {}", seen["wide"]);
    }
    // The page's own policy refuses what should not be there, and the console, which the page must leave empty, says so.
    let bad = html.replace("<main>", "<main><img alt=\"\" src=\"http://127.0.0.1:9/x.png\"><script>document.body.remove()</script>");
    std::fs::write(d.join("bad.html"), bad).unwrap();
    let (dom, console) = dom_and_console(&chromium, &d.join("bad.html"), "800,600");
    assert!(dom.contains("id=\"provenance\""), "a script of the folder ran");
    assert!(dom.contains("role=\"button\"") && !console.iter().any(|l| l.contains("stylesheet")), "the page's own script or style sheet is refused: {console:?}");
    assert!(["x.png", "script"].iter().all(|what| console.iter().any(|l| l.contains(what) && l.contains("Content Security Policy"))), "{console:?}");
}
