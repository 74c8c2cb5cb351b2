//! The house rules as a test of the repository: documents that are fresh, twins that name each other, boundaries that
//! hold. `UPDATE_GOLDEN=1` rewrites the generated pages of `docs/`. Long because every rule of the house is a test here.

mod support;

use bwq::config::{keys, template};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// Most lines of a file whose module doc gives no reason.
const LONG: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files under `folder` with one of the endings, relative to the root, in order. A folder that is absent has none.
fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|e| name.ends_with(e)) {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

/// Everything that people write by hand here.
fn written() -> Vec<String> {
    let endings = [".rs", ".wgsl", ".md", ".toml", ".sh", ".py", ".txt", ".cff"];
    let folders = ["src", "shaders", "tests", "benches", "docs", "experiments", "examples", "assets", "presets", "components", "train", "python"];
    let mut all: Vec<String> = folders.iter().flat_map(|f| files(f, &endings)).collect();
    let at_root = std::fs::read_dir(root()).expect("the root").map(|e| e.expect("an entry").path());
    let text = |p: &PathBuf| p.is_file() && !p.ends_with("Cargo.lock") && endings.iter().any(|e| p.to_string_lossy().ends_with(e));
    all.extend(at_root.filter(text).map(|p| p.file_name().expect("a name").to_string_lossy().into_owned()));
    all.extend([".ci/run".into(), ".gitignore".into()]);
    all
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Fails with every complaint, not only the first.
fn none<T: Display>(rule: &str, complaints: impl IntoIterator<Item = T>) {
    let list: Vec<String> = complaints.into_iter().map(|c| format!("  {c}")).collect();
    assert!(list.is_empty(), "{rule}:\n{}", list.join("\n"));
}

/// `path:line: text` of the lines that a rule picks.
fn lines_where(path: &str, text: &str, picks: impl Fn(&str) -> bool) -> Vec<String> {
    let at = |(i, line): (usize, &str)| picks(line).then(|| format!("{path}:{}: {}", i + 1, line.trim()));
    text.lines().enumerate().filter_map(at).collect()
}

/// The code of a module without its tests, which end a file, and without comments.
fn code(path: &str) -> String {
    let all = text(path);
    let is_test_file = path.ends_with("/tests.rs");
    let end = ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\nmod test {"].iter().filter_map(|m| all.find(m)).min();
    let kept = if is_test_file { "" } else { &all[..end.unwrap_or(all.len())] };
    kept.lines().map(|l| if l.trim_start().starts_with("//") { "" } else { l }).collect::<Vec<_>>().join("\n")
}

/// Lines of `src` and `train/src` outside tests that a rule picks, in files that another does not excuse.
fn code_where(excused: impl Fn(&str) -> bool, picks: impl Fn(&str) -> bool) -> Vec<String> {
    let sources = ["src", "train/src"].iter().flat_map(|f| files(f, &[".rs"])).filter(|p| !excused(p));
    sources.flat_map(|p| lines_where(&p, &code(&p), &picks)).collect()
}

#[test]
fn every_module_says_what_it_is() {
    let silent = ["src", "train"].iter().flat_map(|f| files(f, &[".rs"])).filter(|p| !text(p).starts_with("//! "));
    none("a module's first line is a `//!` doc", silent);
}

#[test]
fn a_long_file_says_why() {
    let all = ["src", "shaders", "tests", "benches", "train"].iter().flat_map(|f| files(f, &[".rs", ".wgsl"]));
    let doc = |t: &str| t.lines().take_while(|l| l.starts_with("//")).any(|l| l.contains("Long because"));
    let long = all.map(|p| (text(&p), p)).filter(|(t, _)| t.lines().count() > LONG && !doc(t));
    none("over 400 lines without \"Long because ...\" in the module doc", long.map(|(t, p)| format!("{p}: {}", t.lines().count())));
}

/// A pass is `shaders/NAME.wgsl`; its twin is `src/engine/cpu/plain/NAME.rs`, `src/engine/cpu/NAME.rs`, or the function NAME
/// of the file it names.
#[test]
fn every_shader_has_its_twin_and_names_it() {
    let mut complaints = Vec::new();
    for shader in files("shaders", &[".wgsl"]).iter().filter(|p| !p.contains("/shared/")) {
        let name = shader.trim_start_matches("shaders/").trim_end_matches(".wgsl");
        let head = opening(&text(shader));
        let places = ["src/engine/cpu/plain", "src/engine/cpu"].map(|folder| format!("{folder}/{name}.rs"));
        if let Some(own) = places.iter().find(|p| root().join(p).exists()) {
            if !head.contains(&format!("Twin of {own}")) {
                complaints.push(format!("{shader} does not open with \"Twin of {own}\""));
            }
            if !opening(&text(own)).contains(&format!("Twin of `{shader}`")) {
                complaints.push(format!("{own} does not open with \"Twin of `{shader}`\""));
            }
            continue;
        }
        let twin = head.split(&format!("Twin of `{name}` in ")).nth(1).and_then(first_path);
        let has = |t: &String| root().join(t).exists() && text(t).contains(&format!("pub fn {name}("));
        if !twin.as_ref().is_some_and(has) {
            complaints.push(format!("{shader} has no twin: neither {places:?} nor the function `{name}` of a file it names"));
        }
    }
    for twin in files("src/engine/cpu", &[".rs"]) {
        if let Some(shader) = opening(&text(&twin)).split("Twin of `").nth(1).and_then(first_path)
            && !root().join(&shader).exists()
        {
            complaints.push(format!("{twin} is the twin of {shader}, which is not there"));
        }
    }
    none("shaders and CPU twins", complaints);
}

#[test]
fn shared_shaders_name_their_mirrors() {
    let shared = files("shaders/shared", &[".wgsl"]);
    assert!(!shared.is_empty());
    none("no \"Mirror\" in the first lines", shared.into_iter().filter(|p| !opening(&text(p)).contains("Mirror")));
}

#[test]
fn the_shader_loader_lists_every_file() {
    let loader = text("src/engine/gpu/shaders.rs");
    let listed = |p: &String| loader.contains(&format!("\"{}\"", p.trim_start_matches("shaders/")));
    none("not in src/engine/gpu/shaders.rs", files("shaders", &[".wgsl"]).into_iter().filter(|p| !listed(p)));
}

/// The comment a file opens with, as one line.
fn opening(text: &str) -> String {
    let lines = text.lines().take_while(|l| l.starts_with("//"));
    lines.map(|l| l.trim_start_matches(['/', '!']).trim()).collect::<Vec<_>>().join(" ")
}

/// The path of this repository that a text begins with.
fn first_path(text: &str) -> Option<String> {
    let path: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-./".contains(*c)).collect();
    let path = path.trim_end_matches('.').to_string();
    (["src/", "shaders/", "tests/", "docs/", "experiments/", "assets/", "presets/", "components/", "train/"].iter().any(|f| path.starts_with(f)) && path.contains('.')).then_some(path)
}

/// A file named in a comment exists, and holds the item that the comment says is in it: "`Adc::code` in src/x.rs".
#[test]
fn comments_name_files_and_items_that_exist() {
    let mut complaints = Vec::new();
    let sources = ["src", "shaders", "tests"].iter().flat_map(|f| files(f, &[".rs", ".wgsl"])).filter(|p| p != "tests/tidy.rs");
    for source in sources {
        let all = text(&source);
        let comments: Vec<&str> = all.lines().map(str::trim_start).filter(|l| l.starts_with("//")).collect();
        let joined = comments.iter().map(|l| l.trim_start_matches(['/', '!']).trim()).collect::<Vec<_>>().join(" ");
        for (start, _) in joined.match_indices('/') {
            // Back to the beginning of the word that the slash stands in.
            let before = &joined[..start];
            let begin = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c))).map_or(0, |i| i + 1);
            if before[..begin].ends_with('/') {
                continue;
            }
            let Some(path) = first_path(&joined[begin..]) else { continue };
            let placeholder = path.contains("NAME") || path.contains("FILE");
            if placeholder {
                continue;
            }
            if !root().join(&path).exists() {
                complaints.push(format!("{source}: {path} does not exist"));
                continue;
            }
            let lead = joined[..begin].trim_end_matches('`');
            if let Some(item) = lead.strip_suffix("` in ").and_then(|l| l.rsplit('`').next()) {
                let name = item.rsplit("::").next().unwrap_or(item);
                let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                if plain && !text(&path).contains(name) {
                    complaints.push(format!("{source}: `{item}` is not in {path}"));
                }
            }
        }
    }
    none("comments", complaints);
}

#[test]
fn the_program_unwraps_nothing() {
    let picks = |l: &str| [".unwrap()", ".expect(", "unreachable!("].iter().any(|w| l.contains(w));
    none("a Result or a reason is wanted", code_where(|_| false, picks));
}

/// A function that panics by contract says so.
#[test]
fn a_panic_is_documented() {
    let silent = ["src", "train"].iter().flat_map(|f| files(f, &[".rs"])).filter(|p| code(p).contains("panic!(") && !text(p).contains("/// # Panics"));
    none("`panic!` without a \"# Panics\" in the docs", silent);
}

#[test]
fn nothing_is_unfinished_or_switched_off() {
    let words = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("#[ig", "nore"), concat!("FIX", "ME"), concat!("X", "XX")];
    let sources = ["src", "shaders", "tests", "benches", "train"].iter().flat_map(|f| files(f, &[".rs", ".wgsl"]));
    none("unfinished", sources.flat_map(|p| lines_where(&p, &text(&p), |l| words.iter().any(|w| l.contains(w)))));
}

#[test]
fn only_the_gpu_engine_knows_wgpu() {
    none("wgpu outside src/engine/gpu", code_where(|p| p.starts_with("src/engine/gpu/"), |l| l.contains("wgpu::") || l.contains("use wgpu")));
    none("the CPU engine names the GPU one", code_where(|p| !p.starts_with("src/engine/cpu/"), |l| l.contains("::gpu")));
}

#[test]
fn only_the_binary_knows_the_terminal() {
    let binary = |p: &str| p == "src/main.rs" || p == "train/src/main.rs" || p.starts_with("src/cli/");
    let words = ["println!(", "eprintln!(", "print!(", "eprint!(", "dbg!(", "io::stdout", "io::stderr", "process::exit", "indicatif", "clap::"];
    none("the terminal outside the binary", code_where(binary, |l| words.iter().any(|w| l.contains(w))));
}

#[test]
fn only_rng_makes_random_numbers() {
    let words = ["rand::", "philox4x32(", "SystemTime::now().hash", "thread_rng", "RandomState"];
    none("random numbers outside src/rng", code_where(|p| p.starts_with("src/rng/"), |l| words.iter().any(|w| l.contains(w))));
}

#[test]
fn reports_know_no_engine() {
    let free = |p: &str| !(p.starts_with("src/report") || p.starts_with("src/stats") || p.starts_with("src/cost"));
    none("an engine in a report", code_where(free, |l| l.contains("engine::")));
}

#[test]
fn no_trailing_blanks_and_a_last_newline() {
    let mut complaints = Vec::new();
    for path in written() {
        let all = text(&path);
        complaints.extend(lines_where(&path, &all, |l| l.ends_with(' ') || l.ends_with('\t') || l.ends_with('\r')));
        if !all.is_empty() && (!all.ends_with('\n') || all.ends_with("\n\n")) {
            complaints.push(format!("{path}: ends with no newline, or with an empty line"));
        }
    }
    none("blanks", complaints);
}

#[test]
fn no_paths_of_one_machine() {
    let words = [concat!("/wo", "rk/"), concat!("/fa", "rm/"), concat!("/ho", "me/"), concat!("/ro", "ot/")];
    none("a path of one machine", written().iter().flat_map(|p| lines_where(p, &text(p), |l| words.iter().any(|w| l.contains(w)))));
}

#[test]
fn folders_are_things_of_the_field() {
    let dull = ["utils", "util", "common", "manager", "helpers", "handler", "misc"];
    let is_dull = |p: &String| p.trim_end_matches(".rs").split('/').any(|part| dull.contains(&part));
    none("a name that says nothing", files("src", &[".rs"]).into_iter().filter(is_dull));
}

#[test]
fn every_operation_stands_in_the_reference_of_networks() {
    let page = text("docs/networks.md");
    let absent = bwq::network::Op::NAMES.into_iter().filter(|op| !page.contains(&format!("`{op}`")));
    none("operations that docs/networks.md lacks", absent);
}

#[test]
fn the_reference_of_the_sweep_file_is_fresh() {
    fresh("docs/config.md", &template::reference_markdown());
    let (page, file) = (text("docs/config.md"), template::sweep_toml(None));
    let in_file = |k: &keys::Key| ["search", "pareto"].contains(&k.section()) || file.contains(k.name());
    let missing = |k: &&keys::Key| !page.contains(&format!("`{}`", k.path.split_once('.').map_or(k.path, |(_, name)| name))) || !in_file(k);
    none("a key that is not documented", keys::written().filter(missing).map(|k| k.path));
}

#[test]
fn other_generated_pages_are_fresh() {
    fresh("docs/csv.md", &bwq::report::dictionary());
    fresh("docs/sweep.schema.json", &bwq::config::schema::sweep_schema());
    fresh("docs/cost.md", &bwq::config::cost::reference::markdown().expect("made"));
}

/// A generated page equals what the program says; `UPDATE_GOLDEN=1` rewrites it.
fn fresh(path: &str, generated: &str) {
    let full = root().join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1") {
        std::fs::create_dir_all(full.parent().expect("a folder")).expect("made");
        std::fs::write(&full, generated).expect("written");
    }
    let there = std::fs::read_to_string(&full).unwrap_or_default();
    assert!(there == generated, "{path} is stale: UPDATE_GOLDEN=1 cargo test --test tidy rewrites it");
}

/// The help of every subcommand, as it is where no terminal tells its width.
#[test]
fn the_help_texts_are_those_on_record() {
    let help = |args: &[&str]| support::bwq_ok(root(), args);
    let all = help(&["--help"]);
    let names: Vec<&str> = all.lines().skip_while(|l| !l.starts_with("Commands:")).skip(1).take_while(|l| !l.is_empty()).filter_map(|l| l.strip_prefix("  ")?.split(' ').next().filter(|n| !n.is_empty() && *n != "help")).collect();
    assert!(names.len() > 15, "{names:?}");
    let pages: Vec<String> = names.iter().map(|name| format!("$ bwq {name} --help\n{}", help(&[name, "--help"]))).collect();
    none("help that does not end with examples", names.iter().zip(&pages).filter(|(_, page)| !page.rsplit("\n\n").next().is_some_and(|last| last.starts_with("Examples:"))).map(|(name, _)| name));
    none("lines of more than 100 characters", pages.iter().flat_map(|p| p.lines()).filter(|l| l.chars().count() > 100));
    fresh("docs/help.txt", &format!("$ bwq --help\n{all}\n{}", pages.join("\n")));
}

/// Code blocks of a page: their lines.
fn code_lines(page: &str) -> Vec<String> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            lines.push(line.trim_start_matches("$ ").to_string());
        }
    }
    lines
}

/// What a page tells people to type is there: subcommands, their flags, scripts, features, keys of the sweep file.
#[test]
fn the_commands_of_the_documents_exist() {
    let help = |args: &[&str]| support::bwq_ok(root(), args);
    let all = help(&["--help"]);
    let mut complaints = Vec::new();
    let mut checked = BTreeSet::new();
    for page in ["README.md", "CONTRIBUTING.md", "docs/cluster.md", "experiments/ou_limit/README.md", "experiments/speed/README.md", "experiments/coverage/README.md"] {
        for line in code_lines(&text(page)) {
            let command = line.split("  #").next().unwrap_or(&line);
            let words: Vec<&str> = command.split_whitespace().collect();
            let ours = match words[..] {
                ["bwq", ref rest @ ..] | ["cargo", "run", "--release", "--", ref rest @ ..] => rest,
                [script, ..] if script.starts_with("./") || script.starts_with(".ci/") || script.ends_with(".sh") => {
                    let path = root().join(script.trim_start_matches("./"));
                    if !is_executable(&path) {
                        complaints.push(format!("{page}: {script} is no executable file"));
                    }
                    continue;
                }
                _ => continue,
            };
            let Some(sub) = ours.first() else { continue };
            checked.insert(sub.to_string());
            if !all.lines().any(|l| l.trim_start().starts_with(&format!("{sub} "))) {
                complaints.push(format!("{page}: `bwq {sub}` is no subcommand"));
                continue;
            }
            let of_sub = help(&[sub, "--help"]);
            for flag in ours.iter().filter(|w| w.starts_with("--")) {
                let flag = flag.split('=').next().unwrap_or(flag);
                if !of_sub.contains(flag) {
                    complaints.push(format!("{page}: `bwq {sub}` has no {flag}"));
                }
            }
        }
    }
    none("documents", complaints);
    assert!(checked.contains("demo") && checked.contains("run"), "the README shows no command: {checked:?}");
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Relative links of the pages lead somewhere.
#[test]
fn links_lead_somewhere() {
    let pages = written().into_iter().filter(|p| p.ends_with(".md"));
    let mut complaints = Vec::new();
    for page in pages {
        let folder = root().join(&page).parent().expect("a folder").to_path_buf();
        for rest in text(&page).split("](").skip(1) {
            let target = rest.split([')', '#', ' ']).next().unwrap_or("");
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                complaints.push(format!("{page}: {target}"));
            }
        }
    }
    none("links that lead nowhere", complaints);
}

#[test]
fn the_version_is_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(text("CITATION.cff").contains(&format!("version: {version}\n")), "CITATION.cff: version {version}");
    assert!(text("CHANGELOG.md").contains(&format!("## [{version}]")), "CHANGELOG.md: a heading for {version}");
    let manifest = text("Cargo.toml");
    assert!(manifest.contains("license = \"MIT OR Apache-2.0\""));
    for (licence, words) in [("LICENSE-MIT", "Permission is hereby granted"), ("LICENSE-APACHE", "Version 2.0, January 2004")] {
        assert!(text(licence).contains(words), "{licence}");
    }
}

/// Vector instructions and one call before there are threads; everything else is safe.
const UNSAFE: [&str; 6] = ["train/src/ops/wide.rs", "src/engine/cpu/lanes/", "src/engine/cpu/simd.rs", "src/network/tile.rs", "src/network/matmul.rs", "src/main.rs"];

#[test]
fn unsafe_code_is_where_it_may_be_and_says_why() {
    let mut complaints = code_where(|p| UNSAFE.iter().any(|u| p.starts_with(u)), |line| line.contains("unsafe"));
    for path in ["src", "train/src"].iter().flat_map(|f| files(f, &[".rs"])) {
        let all = text(&path);
        let lines: Vec<&str> = all.lines().collect();
        let is_block = |i: &usize| lines[*i].contains("unsafe {") && !lines[*i].trim_start().starts_with("//");
        let silent = (0..lines.len()).filter(is_block).filter(|&i| !lines[i.saturating_sub(3)..i].iter().any(|l| l.contains("SAFETY")));
        complaints.extend(silent.map(|i| format!("{path}:{}: no SAFETY before it", i + 1)));
    }
    none("unsafe code", complaints);
}
