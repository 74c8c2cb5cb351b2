//! `bwq train` hands over to the program `bwq-train`: arguments and exit code pass through, and its absence is explained.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

/// A copy of `bwq` in a folder of its own, so that nothing lies beside it but what a test puts there.
fn bwq(folder: &std::path::Path, args: &[&str]) -> Output {
    let program = folder.join("bwq");
    std::fs::copy(env!("CARGO_BIN_EXE_bwq"), &program).expect("a copy");
    Command::new(program).args(args).env("PATH", folder.join("nothing")).output().expect("it runs")
}

#[test]
fn without_the_program_there_is_a_hint() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = bwq(folder.path(), &["train", "train.toml"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("cargo install --locked --path train"), "{message}");
}

#[test]
fn arguments_and_exit_code_pass_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("bwq-train");
    std::fs::write(&program, "#!/bin/sh\necho \"$@\"\nexit 75\n").expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let output = bwq(folder.path(), &["--quiet", "train", "a.toml", "--out", "b", "--set", "train.epochs=3"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "--quiet a.toml --out b --set train.epochs=3\n");
    assert_eq!(output.status.code(), Some(75));
}
