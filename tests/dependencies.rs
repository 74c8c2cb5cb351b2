//! What the crates we depend on may be, after `deny.toml` (whose rules `cargo deny check` knows as well): licences, sources, versions. It
//! asks `cargo metadata`, so it needs no network and no other program; advisories do need one, and are not looked at here.

use bwq::config::parse::{self, Node, Value};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// All crates of all features and platforms; only those of this platform, told aloud, where the others were never downloaded.
fn metadata() -> Json {
    let host = format!("--filter-platform={}", host());
    for more in [&[][..], &[host.as_str()]] {
        let out = Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--offline", "--locked", "--all-features"]).args(more).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo starts");
        if out.status.success() {
            return serde_json::from_slice(&out.stdout).expect("JSON");
        }
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(more.is_empty(), "{said}");
        eprintln!("NOT RUN: licences of crates of other platforms, which are not downloaded here: {}", said.lines().next().unwrap_or(""));
    }
    unreachable!("the last try succeeds or fails")
}

fn host() -> String {
    let out = Command::new(env!("CARGO")).arg("-vV").output().expect("cargo starts");
    String::from_utf8_lossy(&out.stdout).lines().find_map(|l| l.strip_prefix("host: ")).expect("a host").to_string()
}

/// A list of words of `deny.toml`.
fn words(rules: &Node, section: &str, key: &str) -> Vec<String> {
    fn inside<'a>(node: &'a Node, name: &str) -> &'a Node {
        let Value::Table(entries) = &node.value else { panic!("{name} is in no table") };
        &entries.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("no {name} in deny.toml")).node
    }
    let word = |node: &Node| if let Value::Word(word) = &node.value { word.clone() } else { panic!("{section}.{key}") };
    match &inside(inside(rules, section), key).value {
        Value::List(items) => items.iter().map(word).collect(),
        Value::Word(word) => vec![word.clone()],
        other => panic!("{section}.{key} = {other}"),
    }
}

fn rules() -> Node {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).expect("deny.toml");
    parse::file(&text, "deny.toml").expect("TOML")
}

/// Whether an SPDX expression can be met with allowed licences: `OR` (`/` of old) binds less than `AND`, and that less than `WITH`.
fn is_met(expression: &str, allowed: &[String]) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let met = either(&mut words, allowed)?;
    words.next().map_or(Ok(met), |left| Err(format!("`{left}` is left")))
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words, allowed: &[String]) -> Result<bool, String> {
    let mut met = both(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        met |= both(words, allowed)?;
    }
    Ok(met)
}

fn both(words: &mut Words, allowed: &[String]) -> Result<bool, String> {
    let mut met = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed)?;
    }
    Ok(met)
}

fn one(words: &mut Words, allowed: &[String]) -> Result<bool, String> {
    match words.next() {
        Some("(") => {
            let met = either(words, allowed)?;
            if words.next() == Some(")") { Ok(met) } else { Err("a bracket is open".into()) }
        }
        Some(word) if !["OR", "AND", "WITH", ")"].contains(&word) => {
            let licence = match words.next_if_eq(&"WITH") {
                Some(_) => format!("{word} WITH {}", words.next().ok_or("no exception after WITH")?),
                None => word.to_string(),
            };
            Ok(allowed.contains(&licence))
        }
        other => Err(format!("{other:?} in place of a licence")),
    }
}

#[test]
fn expressions_are_read_as_spdx_has_them() {
    let allowed = ["MIT", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"].map(String::from);
    for (expression, met) in [
        ("MIT", true), ("GPL-3.0", false), ("GPL-3.0 OR MIT", true), ("GPL-3.0/MIT", true), ("MIT AND GPL-3.0", false), ("(MIT OR Apache-2.0) AND Unicode-3.0", true), ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false), ("GPL-3.0 OR MIT AND Zlib", false), ("MIT OR GPL-3.0 AND Zlib", true),
    ] {
        assert_eq!(is_met(expression, &allowed), Ok(met), "{expression}");
    }
    assert!(["", "MIT OR", "(MIT", "MIT MIT", "OR MIT", "MIT WITH"].iter().all(|e| is_met(e, &allowed).is_err()));
}

#[test]
fn licences_sources_and_versions_are_allowed() {
    let (rules, metadata) = (rules(), metadata());
    let allowed = words(&rules, "licenses", "allow");
    for rule in [["bans", "wildcards"], ["sources", "unknown-registry"], ["sources", "unknown-git"]] {
        assert_eq!(words(&rules, rule[0], rule[1]), ["deny"], "{rule:?}: the test below holds crates to it");
    }
    let packages = metadata["packages"].as_array().expect("packages");
    let (mut complaints, mut used) = (Vec::new(), BTreeSet::new());
    for package in packages {
        let name = format!("{} {}", package["name"].as_str().expect("a name"), package["version"].as_str().expect("a version"));
        match (package["license"].as_str(), package["source"].as_str()) {
            (None, _) => complaints.push(format!("{name}: no licence expression")),
            (Some(licence), _) if is_met(licence, &allowed) != Ok(true) => complaints.push(format!("{name}: licence {licence}: {:?}", is_met(licence, &allowed))),
            (_, Some(source)) if source != CRATES_IO => complaints.push(format!("{name}: from {source}")),
            (Some(licence), _) => used.extend(allowed.iter().filter(|a| licence.contains(a.as_str()))),
        }
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            if dependency["req"] == "*" && dependency["path"].is_null() && package["source"].is_null() {
                complaints.push(format!("{name}: {} in any version", dependency["name"]));
            }
        }
    }
    assert!(complaints.is_empty(), "deny.toml does not allow:\n  {}", complaints.join("\n  "));
    assert!(packages.len() > 100, "{} packages", packages.len());
    println!("{} crates; licences of deny.toml that none has: {:?}", packages.len(), allowed.iter().filter(|a| !used.contains(a)).collect::<Vec<_>>());
}

/// The lock file, which names the crates of every platform: all from crates.io, with their checksums. Crates in several versions are
/// printed: each is compile time, none is wrong.
#[test]
fn the_lock_file_is_of_crates_io() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).expect("Cargo.lock");
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in text.split("[[package]]").skip(1) {
        let field = |name: &str| package.lines().find_map(|l| l.strip_prefix(&format!("{name} = \""))?.strip_suffix('"'));
        let name = field("name").expect("a name");
        versions.entry(name).or_default().push(field("version").expect("a version"));
        let ours = ["bwq", "bwq-train"].contains(&name);
        assert!(ours || field("source") == Some(CRATES_IO) && field("checksum").is_some_and(|c| c.len() == 64), "{name}: {:?}", field("source"));
    }
    let several: Vec<String> = versions.iter().filter(|(_, v)| v.len() > 1).map(|(name, v)| format!("{name} {}", v.join(", "))).collect();
    println!("{} crates, in several versions: {}", versions.len(), several.join("; "));
}
