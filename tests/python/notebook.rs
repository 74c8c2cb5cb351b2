//! The notebook in experiments/, executed from its first cell to its last: what its cells print is what stands in it.

use super::ok;
use std::path::Path;
use std::process::Command;

/// Executes it, and compares.
pub fn execute(python: &Path) {
    let dir = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A home of its own: Jupyter's settings are the machine's owner's.
    ok(Command::new(python)
        .arg(root.join("experiments/notebook/execute.py"))
        .arg("--compare")
        .arg(root.join("experiments/notebook/active_wordlines.ipynb"))
        .current_dir(dir.path())
        .env("HOME", dir.path())
        .env_remove("BWQ")
        .env_remove("PYTHONPATH"));
}
