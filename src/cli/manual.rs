//! `bwq completions` and `bwq man`: made from the definition of the command line, so they are never behind it.

use super::examples::command;
use super::terminal::{Terminal, print};
use super::{CompletionsArgs, ManArgs};
use bwq::error::{Error, Result, exit};
use bwq::sweep::{Observer, atomic};
use clap::Command;
use clap_mangen::Man;
use std::path::Path;

/// Prints what a shell completes with.
pub fn completions(args: &CompletionsArgs) -> Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "bwq", &mut text);
    print(&String::from_utf8_lossy(&text))?;
    Ok(exit::DONE)
}

/// Prints the manual page, or writes that of every subcommand into a folder.
pub fn man(args: &ManArgs, terminal: &Terminal) -> Result<u8> {
    let mut all = command();
    all.build(); // subcommands get their full names
    let Some(folder) = &args.out else {
        print(&String::from_utf8_lossy(&page(&all)?))?;
        return Ok(exit::DONE);
    };
    let mut pages = 0;
    for of in std::iter::once(&all).chain(all.get_subcommands().filter(|s| s.get_name() != "help")) {
        let name = of.get_display_name().unwrap_or(of.get_name());
        atomic::write(&folder.join(format!("{name}.1")), &page(of)?)?;
        pages += 1;
    }
    terminal.say(&format!("{pages} manual pages in {}: man -M or MANPATH finds them in a folder man1", folder.display()));
    Ok(exit::DONE)
}

/// A page as roff.
fn page(of: &Command) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    Man::new(of.clone()).render(&mut text).map_err(|e| Error::io(Path::new("manual page"), "make", &e))?;
    Ok(text)
}
