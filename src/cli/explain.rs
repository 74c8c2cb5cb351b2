//! `bwq explain`: the error budget of each point of a sweep file.

use super::terminal::{Terminal, print};
use super::{ExplainArgs, engine};
use bwq::config;
use bwq::error::{Result, exit};
use bwq::explain::{Budget, Difference, explain as budget_of};
use bwq::report;
use bwq::sweep::Observer;
use bwq::sweep::folder::refuse_foreign;
use bwq::sweep::manifest::Manifest;
use bwq::sweep::materials::Materials;
use bwq::sweep::references::Referees;
use bwq::sweep::run::Request;
use bwq::sweep::shard::Shard;
use std::fmt::Write;

/// Runs the budgets, prints them, writes tables and pictures.
pub fn explain(args: &ExplainArgs, terminal: &Terminal) -> Result<u8> {
    let sweep = config::load(&args.of.sweep, &args.of.overrides())?;
    terminal.say_preset(&sweep);
    let out = args.of.out();
    refuse_foreign(&out)?;
    terminal.catch_signals();
    let engine = engine::choose(&args.of.engine, &sweep.points, terminal)?;
    let command: Vec<String> = std::env::args().collect();
    let request = Request { sweep: &sweep, out: &out, engine: &engine, kernel: args.of.engine.kernel.0, shard: Shard::ALL, half_width_frac: None, command: &command };
    let mut materials = Materials::default();
    let manifest = Manifest::new(&sweep, &mut materials)?;
    let mut referees = Referees::new(&request, terminal);
    let (mut budgets, mut files) = (Vec::new(), Vec::new());
    for (i, point) in sweep.points.iter().enumerate() {
        terminal.say(&format!("point {} of {}: {} chips on {} images", i + 1, sweep.points.len(), point.monte_carlo.trials, point.network.images));
        let budget = budget_of(point, &manifest.points[i], !args.no_layers, &mut referees, &mut materials)?;
        print(&text(&budget))?;
        budgets.push(budget);
        // After every point, so that an interruption loses one at most.
        files = report::explain::write(&out, &budgets, &engine.describe(), &command)?;
    }
    terminal.say_files(&out, &files);
    Ok(exit::DONE)
}

/// The budget as a table, in points of accuracy.
fn text(budget: &Budget) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{:<18} {:>9}  {:>22}  {:>22}  {:>9}  setting", "cause", "accuracy", "loss when added", "won when taken away", "variance");
    let _ = writeln!(text, "{:<18} {:>9.2}", "(float)", 100.0 * budget.float);
    for line in &budget.causes {
        let removed = line.removed.as_ref().map(points).unwrap_or_default();
        let share = line.variance_share.map(|s| format!("{:.0} %", 100.0 * s)).unwrap_or_default();
        let _ = writeln!(text, "{:<18} {:>9.2}  {:>22}  {removed:>22}  {share:>9}  {}", line.cause, 100.0 * line.accuracy_after, points(&line.added), line.setting);
    }
    if !budget.layers.is_empty() {
        let _ = writeln!(text, "\n{:<18} {:>33}  {:>22}", "layer", "loss with all causes in it alone", "won if it is ideal");
        for line in &budget.layers {
            let _ = writeln!(text, "{:<18} {:>33}  {:>22}", line.layer, points(&line.alone), points(&line.ideal));
        }
    }
    text.push('\n');
    text
}

/// `1.23 (0.98 to 1.48)`, in points of accuracy.
fn points(difference: &Difference) -> String {
    let mean = 100.0 * difference.mean;
    difference.interval.as_ref().map_or(format!("{mean:.2}"), |i| format!("{mean:.2} ({:.2} to {:.2})", 100.0 * i.lo, 100.0 * i.hi))
}
