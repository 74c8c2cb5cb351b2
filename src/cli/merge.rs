//! `bwq merge` and `bwq plot`: what happens after the trials.

use super::terminal::{Terminal, print};
use super::{MergeArgs, PlotArgs};
use bwq::error::{Error, Result, exit};
use bwq::report;
use bwq::sweep::manifest::{ManifestPoint, varying};
use bwq::sweep::merge::merge as merge_blocks;
use bwq::sweep::Observer;
use bwq::warning::Warning;
use std::fmt::Write;
use std::path::Path;

/// Tables and figures of a results folder.
pub fn merge(args: &MergeArgs, terminal: &Terminal) -> Result<u8> {
    write_results(&args.dir, args.partial, terminal)
}

/// Merges, writes tables and figures, and prints a short table to stdout. Exit 3 if blocks are missing.
pub fn write_results(out: &Path, partial: bool, terminal: &Terminal) -> Result<u8> {
    let merged = merge_blocks(out, partial)?;
    if merged.engines.len() > 1 {
        terminal.warn(&Warning::MixedAdapters(merged.engines.iter().cloned().collect()));
    }
    let drawn_before = report::plot::files(out);
    let mut files = report::write_tables(out, &merged)?;
    let figures = report::plot::plot(out)?;
    let former = report::plot::remove_former(drawn_before, &figures)?;
    if !former.is_empty() {
        terminal.say(&format!("{} figures of the table that was here before are removed", former.len()));
    }
    files.extend(figures);
    files.retain(|f| !f.to_string_lossy().ends_with("provenance.json"));
    // What else varies over the points, beside the two columns that are always there.
    let shown = ["ou_wordlines", "programming_error_law", "sigma_ln", "sigma_rel"];
    let points: Vec<&ManifestPoint> = merged.points.iter().map(|p| &p.point).collect();
    let others: Vec<String> = varying(&points).into_iter().filter(|name| !shown.contains(&name.as_str())).collect();
    let mut text = String::new();
    let _ = writeln!(text, "{:>9}  {:<24} {:>6}  {:>8} {:>8} {:>8}  {:>17}{}", "wordlines", "programming error", "chips", "mean %", "p5 %", "sd %", "yield % (95 %)", if others.is_empty() { "" } else { "  other values" });
    for p in &merged.points {
        let value = |name: &str| p.point.value(name);
        let s = &p.summary;
        let error = format!("{} {}{}", value("programming_error_law"), value("sigma_ln"), value("sigma_rel"));
        let rest: String = others.iter().map(|name| format!("  {name} {}", p.point.shown(name))).collect();
        let interval = format!("{:.0} ({:.0}-{:.0})", 100.0 * s.chip_yield.frac, 100.0 * s.chip_yield.interval.lo, 100.0 * s.chip_yield.interval.hi);
        let _ = writeln!(
            text,
            "{:>9}  {error:<24} {:>6}  {:>8.2} {:>8.2} {:>8.2}  {interval:>17}{rest}",
            value("ou_wordlines"),
            s.trials,
            100.0 * s.accuracy.mean,
            100.0 * s.accuracy.p5,
            100.0 * s.accuracy.sd.unwrap_or(0.0)
        );
    }
    print(&text)?;
    let ratios: Vec<f64> = merged.points.iter().filter_map(|p| p.summary.accuracy.antithetic_variance_ratio).collect();
    if let (Some(least), Some(most)) = (ratios.iter().copied().reduce(f64::min), ratios.iter().copied().reduce(f64::max)) {
        terminal.say(&format!("antithetic chips: the mean's variance is {least:.2} to {most:.2} of that of as many independent chips; spread, quantiles and yield come from every other chip"));
    }
    terminal.say_files(out, &files);
    if merged.missing > 0 {
        return Err(Error::incomplete(format!("{} blocks are missing; the tables hold what is there", merged.missing)));
    }
    Ok(exit::DONE)
}

/// Figures alone.
pub fn plot(args: &PlotArgs, terminal: &Terminal) -> Result<u8> {
    for file in report::plot::plot(&args.dir)? {
        terminal.say(&file.display().to_string());
    }
    Ok(exit::DONE)
}
