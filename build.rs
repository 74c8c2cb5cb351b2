//! Tells the program which commit it was built from, for provenance.

use std::process::Command;

fn main() {
    let git = |args: &[&str]| {
        let out = Command::new("git").args(args).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_string())
    };
    // Outside a checkout (a package from a registry) there is no commit: provenance then says "unknown".
    if let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) {
        let dirty = git(&["status", "--porcelain", "--", "src", "shaders", "assets", "Cargo.toml"]).is_some_and(|s| !s.is_empty());
        println!("cargo:rustc-env=BWQ_COMMIT={commit}{}", if dirty { "-dirty" } else { "" });
    }
    // In a linked worktree they lie elsewhere; a path that is not there would make every build start from here.
    for file in ["HEAD", "index"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=shaders");
}
