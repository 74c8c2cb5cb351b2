//! `bwq report`: one page of a results folder.

use super::ReportArgs;
use super::terminal::Terminal;
use bwq::error::{Error, Result, exit};
use bwq::report::page::page;
use bwq::sweep::{Observer, atomic};

/// Writes the page. Exit 3 if the sweep it shows lacks blocks: the page says so too.
pub fn report(args: &ReportArgs, terminal: &Terminal) -> Result<u8> {
    let page = page(&args.dir)?;
    let path = args.out.clone().unwrap_or_else(|| args.dir.join("report.html"));
    if path.is_dir() {
        return Err(Error::input(path.display(), "a folder, where the page should be").hint("name a file: -o report.html"));
    }
    atomic::write(&path, page.html.as_bytes())?;
    terminal.say(&path.display().to_string());
    if page.missing_blocks > 0 {
        return Err(Error::incomplete(format!("{} blocks are missing; the page shows what is there, and says so", page.missing_blocks)).hint("run the sweep again with the same --out to finish it"));
    }
    Ok(exit::DONE)
}
