//! What a user meets in Python: the module, as a wheel of this very program installed into a fresh virtual environment, against NumPy; the
//! guide's commands; the notebook.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "python/guide.rs"]
mod guide;
#[path = "python/notebook.rs"]
mod notebook;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A virtual environment, deleted when it is dropped.
struct Environment {
    python: PathBuf,
    dir: tempfile::TempDir,
}

/// Runs a command and expects success; returns its standard output.
fn ok(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(out.status.success(), "{command:?}\n{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A fresh environment with packages from the registry; without them the test says aloud that it did not run, and fails in CI.
fn environment(packages: &[&str]) -> Option<Environment> {
    let dir = tempfile::tempdir().unwrap();
    let python = dir.path().join("venv/bin/python");
    let made = Command::new("python3").args(["-m", "venv"]).arg(dir.path().join("venv")).output().is_ok_and(|o| o.status.success());
    let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    let filled = made && Command::new(&python).args(quiet).args(packages).output().is_ok_and(|o| o.status.success());
    if !filled {
        assert!(std::env::var_os("CI").is_none(), "no Python environment with {packages:?} in CI");
        eprintln!("NOT RUN: no Python environment with {packages:?} could be made here");
    }
    filled.then_some(Environment { python, dir })
}

/// The wheel of the program under test. No index: it asks for nothing beside NumPy.
fn install_wheel(Environment { python, dir }: &Environment) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wheel = ok(Command::new(python).arg(root.join("python/wheel.py")).arg(env!("CARGO_BIN_EXE_bwq")).arg(dir.path()));
    ok(Command::new(python).args(["-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check"]).arg(wheel.trim()));
}

#[test]
fn the_installed_wheel_equals_numpy() {
    let Some(environment) = environment(&["numpy"]) else { return };
    install_wheel(&environment);
    let Environment { python, dir } = environment;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let test = || ok(Command::new(&python).arg(root.join("python/tests/installed.py")).current_dir(dir.path()).env_remove("BWQ").env_remove("PYTHONPATH"));
    test();
    // Tables are data frames once pandas is there.
    ok(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "pandas"]));
    test();
    // The page's lines run as they stand.
    let page = std::fs::read_to_string(root.join("python/README.md")).unwrap();
    let lines = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("lines of Python");
    let printed = ok(Command::new(&python).arg("-c").arg(lines).current_dir(dir.path()));
    assert!(printed.contains("tool_version") && printed.contains("2 rows"), "{printed}");
}

/// Both in one environment, as it takes longer to make than they run.
#[test]
fn the_guides_commands_and_the_notebook_do_what_they_say() {
    let Some(environment) = environment(&["numpy", "pandas", "safetensors", "matplotlib", "nbclient", "ipykernel"]) else { return };
    install_wheel(&environment);
    guide::follow(&environment.python);
    notebook::execute(&environment.python);
}
