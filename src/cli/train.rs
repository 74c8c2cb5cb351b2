//! `bwq train`: hands over to `bwq-train`, a program of its own, since training takes more to build than all else.

use super::TrainArgs;
use bwq::error::{Error, Result};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = "bwq-train";

/// Runs the program beside this one, or on PATH; its exit code is ours.
pub fn train(args: &TrainArgs, quiet: bool) -> Result<u8> {
    let beside = std::env::current_exe().ok().and_then(|own| own.parent().map(|folder| folder.join(PROGRAM).with_extension(std::env::consts::EXE_EXTENSION)));
    let program = beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(PROGRAM));
    let mut command = Command::new(&program);
    command.args(quiet.then(|| OsString::from("--quiet"))).args(&args.args);
    match run(&mut command) {
        Ok(code) => Ok(code),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(Error::usage(format!("`{PROGRAM}` is neither beside this program nor on PATH"))
            .hint("in the sources of bwq: cargo install --locked --path train")),
        Err(e) => Err(Error::io(Path::new(&program), "run", &e)),
    }
}

/// In place of this program, so that signals and the exit code are the other's own.
#[cfg(unix)]
fn run(command: &mut Command) -> std::io::Result<u8> {
    use std::os::unix::process::CommandExt;
    // Its name and not where it lies: the command stands in provenance, which is published.
    Err(command.arg0(PROGRAM).exec())
}

#[cfg(not(unix))]
fn run(command: &mut Command) -> std::io::Result<u8> {
    let status = command.status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(bwq::error::exit::INTERNAL))
}
