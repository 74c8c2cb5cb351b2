//! `bwq search`: block precisions for a trained network, without training. Exit 0 if a network keeps the budget, 4 if none does.

use super::terminal::{Terminal, print};
use super::{SearchArgs, engine};
use bwq::config::{Objective, Overrides, Search, search as file};
use bwq::error::{Result, exit};
use bwq::report;
use bwq::search::candidate::METHODS;
use bwq::search::curve::BUDGETS;
use bwq::search::{Chosen, Found, Request, Right, search as find};
use bwq::sweep::folder::refuse_foreign;
use bwq::sweep::materials::Materials;
use std::fmt::Write;
use std::path::PathBuf;

/// Searches, prints what was found, writes network, map, tables and figures.
pub fn search(args: &SearchArgs, terminal: &Terminal) -> Result<u8> {
    let overrides = Overrides { set: args.set.clone(), images: args.images, seed: args.seed, max_drop: args.max_drop, ..Overrides::default() };
    let search = match &args.search {
        Some(path) => file::load(path, &overrides)?,
        None => file::parse("", "(no file: the embedded network)", &overrides)?,
    };
    terminal.say_preset(&search.sweep);
    let out = args.out.clone().unwrap_or_else(|| match &args.search {
        Some(path) => path.with_file_name(format!("{}-results", path.file_stem().map_or("search".into(), |s| s.to_string_lossy()))),
        None => PathBuf::from("bwq-search"),
    });
    refuse_foreign(&out)?;
    terminal.catch_signals();
    let engine = engine::choose(&args.engine, &search.sweep.points, terminal)?;
    let command: Vec<String> = std::env::args().collect();
    let found = find(&Request { search: &search, out: &out, engine: &engine, command: &command }, &mut Materials::default(), terminal)?;
    print(&text(&search, &found))?;
    let files = report::search::write(&out, &found, &search, &engine.describe(), &command)?;
    terminal.say_files(&out, &files);
    Ok(if found.chosen.is_some() { exit::DONE } else { exit::VIOLATED })
}

fn text(search: &Search, found: &Found) -> String {
    let mut text = String::new();
    let unit = match search.settings.objective {
        Objective::Bits => "compression of the weights, 32 / mean magnitude bits",
        Objective::OuOperations => "million OU operations of an image",
        Objective::EnergyPj => "energy of an image, uJ",
        Objective::LatencyNs => "time of an image, ms",
    };
    let _ = writeln!(text, "{unit}, of the cheapest that keeps each budget on the first {} test images (float: {}):", found.float_first.images, percent(found.float_first));
    let _ = write!(text, "{:>22}", "allowed drop, points");
    for method in METHODS {
        let _ = write!(text, "  {:>19}", method.word());
    }
    for times in BUDGETS {
        let _ = write!(text, "\n{:>22}", format!("{:.2}", 100.0 * found.max_drop * times));
        for method in METHODS {
            let value = found.best(method, times).map_or("none".into(), |t| match search.settings.objective {
                Objective::Bits => format!("{:.2}", t.counts.compression()),
                Objective::OuOperations | Objective::EnergyPj | Objective::LatencyNs => format!("{:.3}", t.total as f64 / 1e6),
            });
            let _ = write!(text, "  {value:>19}");
        }
    }
    text.push_str("\n\n");
    match &found.chosen {
        Some(chosen) => chosen_text(&mut text, found, chosen),
        None => {
            let on = if search.settings.yield_frac.is_some() { " on its chips" } else { "" };
            push_line(&mut text, &format!("no network keeps the budget of {:.2} points{on}", 100.0 * found.max_drop));
        }
    }
    text
}

fn chosen_text(text: &mut String, found: &Found, chosen: &Chosen) {
    let c = &found.counts;
    let _ = writeln!(text, "chosen: {}, {:.3} magnitude bits a weight, {} activation bits", chosen.candidate.method.word(), c.mean_bits(), chosen.activation_bits);
    let _ = writeln!(text, "  compression        {:.2} (the paper's count), {:.2} with signs, {:.2} with signs and the table of precisions", c.compression(), c.compression_with_signs(), c.compression_with_table());
    let _ = writeln!(text, "  blocks             {} of {} x {}, {} of them empty; {} OU operations an image", c.blocks, found.block[0], found.block[1], c.empty_blocks, c.ou_operations);
    let line = |text: &mut String, what: &str, right: Right, float: Right| {
        let drop = 100.0 * (float.frac().unwrap_or_default() - right.frac().unwrap_or_default());
        push_line(text, &format!("  {what:<18} {} of {} images (float: {}, {drop:+.2} points lost)", percent(right), right.images, percent(float)));
    };
    line(text, "accuracy, choosing", chosen.first, found.float_first);
    if chosen.unseen.images > 0 {
        line(text, "accuracy, unseen", chosen.unseen, found.float_unseen);
        let both = |a: Right, b: Right| Right { correct: a.correct + b.correct, images: a.images + b.images };
        line(text, "accuracy, whole", both(chosen.first, chosen.unseen), both(found.float_first, found.float_unseen));
    } else {
        push_line(text, "  every test image chose: none is left to tell what the choice itself adds to the accuracy");
    }
    if let Some(y) = chosen.chips {
        push_line(text, &format!("  chips              {} of {} keep the budget; yields of {} to {} are possible", y.passing, y.chips, share(y.interval.lo), share(y.interval.hi)));
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn share(frac: f64) -> String {
    format!("{:.2} %", 100.0 * frac)
}

fn percent(right: Right) -> String {
    right.frac().map_or("none".into(), share)
}
