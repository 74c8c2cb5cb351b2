//! `bwq pareto`: accuracy under variation against cost. Exit 0 if a point keeps the accuracy, 4 if every one is shown not to, 3 if
//! the chips do not tell.

use super::cost::{figure_text, write_table};
use super::terminal::{Terminal, print};
use super::{ParetoArgs, engine};
use bwq::config::pareto::{Asked, DropFrom, Figure, Pareto, load, parse};
use bwq::config::{Choice, Overrides};
use bwq::error::{Result, exit};
use bwq::pareto::knee::AgainstPaper;
use bwq::pareto::price::PointCost;
use bwq::pareto::{Found, ParetoPoint, pareto as find};
use bwq::report;
use bwq::stats::{Verdict, YieldTest, allowed_loss, binomial_half_width};
use bwq::sweep::Observer;
use bwq::sweep::folder::refuse_foreign;
use bwq::sweep::materials::Materials;
use bwq::sweep::run::Request;
use bwq::sweep::shard::Shard;
use bwq::warning::Warning;
use std::fmt::Write;
use std::path::PathBuf;

/// The question without a file.
const EMBEDDED: &str = include_str!("pareto.toml");

/// Prices the points, draws chips, prints what was found, writes tables and the figure.
pub fn pareto(args: &ParetoArgs, terminal: &Terminal) -> Result<u8> {
    let overrides = Overrides { set: args.set.clone(), images: args.images, trials: args.trials, seed: args.seed, max_drop: args.max_drop, ..Overrides::default() };
    let asked = Asked { yield_frac: args.yield_frac, confidence: args.confidence };
    let question = match &args.pareto {
        Some(path) => load(path, &overrides, asked)?,
        None => parse(EMBEDDED, "pareto.toml (embedded)", &overrides, asked)?,
    };
    terminal.say_preset(&question.sweep);
    let out = args.out.clone().unwrap_or_else(|| match &args.pareto {
        Some(path) => path.with_file_name(format!("{}-results", path.file_stem().map_or("pareto".into(), |s| s.to_string_lossy()))),
        None => PathBuf::from("bwq-pareto"),
    });
    refuse_foreign(&out)?;
    terminal.catch_signals();
    let engine = engine::choose(&args.engine, &question.sweep.points, terminal)?;
    let command: Vec<String> = std::env::args().collect();
    terminal.say(&format!("{} points on {}", question.sweep.points.len(), engine.describe()));
    let request = Request { sweep: &question.sweep, out: &out, engine: &engine, kernel: args.engine.kernel.0, shard: Shard::ALL, half_width_frac: None, command: &command };
    let found = find(&request, &question, &mut Materials::default(), terminal)?;
    terminal.say(&format!("{} blocks made, {} found finished", found.outcome.made, found.outcome.found));
    if found.engines.len() > 1 {
        terminal.warn(&Warning::MixedAdapters(found.engines.iter().cloned().collect()));
    }
    let mut files = report::pareto::write(&out, &found, &question.settings, &command)?;
    files.extend(report::plot::pareto::draw(&out, &found, &question.settings)?);
    print(&if args.json { report::pareto::json(&found, &question.settings)? } else { text(&found, &question) })?;
    terminal.say_files(&out, &files);
    let any = |verdict| found.points.iter().any(|p| p.verdict() == Some(verdict));
    Ok(if any(Verdict::Pass) {
        exit::DONE
    } else if any(Verdict::Undecided) {
        exit::INCOMPLETE
    } else {
        exit::VIOLATED
    })
}

fn text(found: &Found, question: &Pareto) -> String {
    let mut text = String::new();
    let settings = &question.settings;
    let names = names(found, question);
    let mut rows = vec![names.clone()];
    rows[0].extend(settings.minimize.iter().map(|&f| heading(f)));
    rows[0].extend(["mean accuracy %", "yield % (bounds)", "verdict", "chips", "front"].map(String::from));
    let mut order: Vec<usize> = (0..found.points.len()).collect();
    let least = |i: &usize| found.points[*i].cost.band(settings.minimize[0]).map_or(f64::INFINITY, |b| b.min);
    order.sort_by(|a, b| least(a).total_cmp(&least(b)));
    rows.extend(order.iter().map(|&i| row(&found.points[i], &names, &settings.minimize)));
    write_table(&mut text, &rows);
    text.push('\n');
    knees(&mut text, found, question, &names);
    remarks(&mut text, found, question);
    text
}

/// What tells points apart: the variant, where it has a name, in place of network and map; and the swept columns.
fn names(found: &Found, question: &Pareto) -> Vec<String> {
    let named = found.points.iter().any(|p| !p.variant.is_empty());
    let mut swept: Vec<String> = question.sweep.swept_columns().into_iter().filter(|c| !named || !["network", "precision_map"].contains(c)).map(String::from).collect();
    if named {
        swept.insert(0, "variant".into());
    }
    if swept.is_empty() {
        swept.push("ou_wordlines".into());
    }
    swept
}

fn value(p: &ParetoPoint, name: &str) -> String {
    if name == "variant" { p.variant.clone() } else { p.point.shown(name) }
}

/// `ou_wordlines 16, adc_bits 5`
fn name_of(p: &ParetoPoint, names: &[String]) -> String {
    names.iter().map(|n| format!("{n} {}", value(p, n))).collect::<Vec<_>>().join(", ")
}

fn heading(figure: Figure) -> String {
    match figure {
        Figure::Energy => "energy, uJ",
        Figure::Latency => "latency, ms",
        Figure::Area => "area, mm2",
    }
    .into()
}

/// pJ as uJ, ns as ms, um2 as mm2.
fn band(cost: &PointCost, figure: Figure) -> String {
    match cost.band(figure) {
        Some(b) if b.min == b.max => figure_text(b.min * 1e-6),
        Some(b) => format!("{}-{}", figure_text(b.min * 1e-6), figure_text(b.max * 1e-6)),
        None => "no price".into(),
    }
}

fn percent(frac: f64) -> String {
    format!("{:.2}", 100.0 * frac)
}

fn row(p: &ParetoPoint, names: &[String], figures: &[Figure]) -> Vec<String> {
    let mut row: Vec<String> = names.iter().map(|n| value(p, n)).collect();
    row.extend(figures.iter().map(|&f| band(&p.cost, f)));
    let front = if p.places.is_empty() { "-".into() } else { format!("{}/{}", p.on_front_sets(), p.places.len()) };
    match &p.chips {
        Some(c) => {
            let (d, i) = (&c.answer.decision, &c.answer.interval);
            row.push(format!("{} ({}-{})", percent(c.mean), percent(c.interval.lo), percent(c.interval.hi)));
            row.push(format!("{} ({}-{})", percent(d.passing as f64 / d.chips.max(1) as f64), percent(i.lo), percent(i.hi)));
            row.extend([p.verdict_word().to_uppercase(), d.chips.to_string(), front]);
        }
        None => row.extend(["", "", "skipped", "0", "-"].map(String::from)),
    }
    row
}

fn knees(text: &mut String, found: &Found, question: &Pareto, names: &[String]) {
    let figure = question.settings.minimize[0];
    let mut told: Vec<Option<usize>> = Vec::new();
    for knee in &found.knees {
        if told.contains(&knee.point) {
            continue;
        }
        told.push(knee.point);
        let sets: Vec<&str> = found.knees.iter().filter(|k| k.point == knee.point).map(|k| k.set.as_str()).collect();
        let sets = sets.join(", ");
        let Some(index) = knee.point else {
            let _ = writeln!(text, "no point has been shown to keep the accuracy (under {sets})");
            continue;
        };
        let p = &found.points[index];
        let _ = writeln!(text, "cheapest that passes, by {} under {sets}: {}", figure.word(), name_of(p, names));
        match found.against_paper.iter().find(|a| a.point == index) {
            Some(a) => against(text, found, p, a),
            None => text.push_str("  the paper's OU of 9 x 8 has no room in its crossbar\n"),
        }
    }
}

/// What a point takes as shares of what the paper's OU does.
fn against(text: &mut String, found: &Found, p: &ParetoPoint, a: &AgainstPaper) {
    let verdict = match a.paper {
        Some(i) if i == a.point => ", which it is".to_string(),
        Some(i) => format!(", which is among the points ({})", found.points[i].verdict_word()),
        None => ", which is not among the points".into(),
    };
    let _ = writeln!(text, "  beside the same in OUs of 9 x 8 with a lossless converter of {} bits{verdict}:", a.cost.adc_bits);
    for figure in [Figure::Energy, Figure::Latency, Figure::Area] {
        let shares: Vec<String> = p.cost.sets.iter().filter_map(|s| Some(format!("{:.2} ({})", s.figure(figure) / a.cost.under(&s.set)?.figure(figure), s.set))).collect();
        let _ = writeln!(text, "    {:<12} {} in place of {}: {} of it", heading(figure), band(&p.cost, figure), band(&a.cost, figure), shares.join(", "));
    }
}

fn remarks(text: &mut String, found: &Found, question: &Pareto) {
    let s = &question.settings;
    let _ = writeln!(text, "\nyield asked for: {} % of chips, each verdict and each bound at {} % confidence on its own ({})", plain(100.0 * s.test.yield_frac), plain(100.0 * s.test.confidence), YieldTest::METHOD);
    if let Some(p) = found.points.first() {
        let (images, lost) = (p.point.images, allowed_loss(p.point.max_drop, p.point.images));
        let from = match s.drop_from {
            DropFrom::Quantised => "the point's own quantised accuracy",
            DropFrom::Float => "the highest float accuracy of these networks",
        };
        let least = |p: &ParetoPoint| percent(p.least_correct as f64 / p.point.images.max(1) as f64);
        let (first, same) = (least(p), found.points.iter().all(|o| least(o) == least(p)));
        let reached = if same { format!(", so {first} % or more") } else { String::new() };
        let _ = writeln!(text, "a chip passes that loses at most {lost} of these {images} images against {from}{reached}");
        let _ = writeln!(text, "apart from that: for all images there are, {images} of them know an accuracy to +-{} % only (95 %)", percent(binomial_half_width(p.references.quantised_correct, images)));
    }
    let _ = writeln!(text, "front: under how many component sets no point that costs no more has a mean accuracy as high; ranges are over component sets");
    let open = found.points.iter().filter(|p| p.may_be_on_front_sets() > p.on_front_sets()).count();
    if open > 0 {
        let _ = writeln!(text, "{open} points may be on more fronts than by their means: the intervals overlap (may_be_on_front_sets in pareto.csv)");
    }
    let skipped = found.points.iter().filter(|p| p.chips.is_none()).count();
    if skipped > 0 {
        let _ = writeln!(text, "{skipped} points were left without chips, as they cost no less than one that had passed (pareto.skip_dominated): their accuracy is not known, and they are on no front");
    }
    let mut silent: Vec<(&str, &str)> = found.points.iter().flat_map(|p| &p.cost.silent).map(|(set, why)| (set.as_str(), why.as_str())).collect();
    silent.sort_unstable();
    silent.dedup();
    for (set, why) in silent {
        let _ = writeln!(text, "some points have no price under {set}: {why}");
    }
}

/// Without the noise of a float's last digits.
fn plain(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
