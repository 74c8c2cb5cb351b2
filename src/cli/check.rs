//! `bwq check`: does an OU limit keep the accuracy? Exit 0 if it does, 4 if not, 3 if the chips do not tell.

use super::terminal::{Terminal, print};
use super::{CheckArgs, engine};
use bwq::config::{self, Overrides};
use bwq::error::{Error, Result, exit};
use bwq::report;
use bwq::stats::{Verdict, YieldTest, allowed_loss, binomial_half_width};
use bwq::sweep::Observer;
use bwq::sweep::check::{Checked, Group, PointCheck, check as check_sweep};
use bwq::sweep::folder::refuse_foreign;
use bwq::sweep::materials::Materials;
use bwq::sweep::run::Request;
use bwq::sweep::shard::Shard;
use bwq::warning::Warning;
use serde_json::{Value, json};
use std::fmt::Write;

/// As in the table of keys.
const MOST_CHIPS: u64 = 10_000_000;
/// Where confidence begins to mean something; the interval's ends are sure to be found from there on.
const LEAST_CONFIDENCE: f64 = 0.8;
/// Where it ends.
const MOST_CONFIDENCE: f64 = 0.999999;

/// Puts the question to a sweep.
pub fn check(args: &CheckArgs, terminal: &Terminal) -> Result<u8> {
    let test = question(args)?;
    let fewest = test.fewest();
    if fewest > MOST_CHIPS {
        return Err(Error::usage(format!("--yield {} at --confidence {}: {fewest} chips are needed at least, all passing; {MOST_CHIPS} are possible", args.yield_frac, args.confidence))
            .hint("ask for a lower yield"));
    }
    let overrides = Overrides {
        usual_trials: Some(test.usual_most().min(MOST_CHIPS)),
        max_drop: args.max_drop,
        ..args.of.overrides()
    };
    let sweep = config::load(&args.of.sweep, &overrides)?;
    terminal.say_preset(&sweep);
    let out = args.of.out();
    refuse_foreign(&out)?;
    terminal.catch_signals();
    let engine = engine::choose(&args.of.engine, &sweep.points, terminal)?;
    let command: Vec<String> = std::env::args().collect();
    terminal.say(&format!("{} points on {}", sweep.points.len(), engine.describe()));
    let request = Request { sweep: &sweep, out: &out, engine: &engine, kernel: args.of.engine.kernel.0, shard: Shard::ALL, half_width_frac: None, command: &command };
    let checked = check_sweep(&request, &test, &mut Materials::default(), terminal)?;
    terminal.say(&format!("{} blocks made, {} found finished", checked.outcome.made, checked.outcome.found));
    if checked.engines.len() > 1 {
        terminal.warn(&Warning::MixedAdapters(checked.engines.iter().cloned().collect()));
    }
    let files = report::write_check(&out, &checked)?;
    print(&if args.json { as_json(&checked, &test) } else { as_text(&checked, &test) })?;
    terminal.say_files(&out, &files);
    Ok(match checked.verdict() {
        Verdict::Pass => exit::DONE,
        Verdict::Undecided => exit::INCOMPLETE,
        Verdict::Fail => exit::VIOLATED,
    })
}

fn question(args: &CheckArgs) -> Result<YieldTest> {
    let (yield_frac, confidence) = (args.yield_frac, args.confidence);
    if !(yield_frac > 0.0 && yield_frac < 1.0) {
        return Err(Error::usage(format!("--yield {yield_frac}: above 0 to below 1")).hint("99 % is 0.99; that every chip keeps the accuracy is shown by no number of chips"));
    }
    if !(LEAST_CONFIDENCE..=MOST_CONFIDENCE).contains(&confidence) {
        return Err(Error::usage(format!("--confidence {confidence}: {LEAST_CONFIDENCE} to {MOST_CONFIDENCE}")).hint("95 % is 0.95; a wrong verdict is then given in 5 % of all checks at most"));
    }
    Ok(YieldTest { yield_frac, confidence })
}

fn percent(frac: f64) -> String {
    format!("{:.2}", 100.0 * frac)
}

/// Without the noise of a float's last digits.
fn plain(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn share(correct: u64, images: u64) -> String {
    percent(correct as f64 / images.max(1) as f64)
}

/// Values that tell a group from others; empty where there is one group.
fn name_of(group: &Group, all: &[Group]) -> Vec<(String, String)> {
    let Some(first) = group.points.first() else { return Vec::new() };
    let others = || all.iter().filter_map(|g| g.points.first());
    let mut values: Vec<(String, String)> = first
        .point
        .columns
        .iter()
        .filter(|(name, value)| name != "ou_wordlines" && others().any(|o| o.point.value(name) != value))
        .cloned()
        .collect();
    if others().any(|o| o.point.seed != first.point.seed) {
        values.push(("seed".into(), first.point.seed.to_string()));
    }
    values
}

fn as_text(checked: &Checked, test: &YieldTest) -> String {
    let mut text = String::new();
    for group in &checked.groups {
        let named: Vec<String> = name_of(group, &checked.groups).iter().map(|(name, value)| format!("{name} {value}")).collect();
        if !named.is_empty() {
            let _ = writeln!(text, "{}", named.join(", "));
        }
        let _ = writeln!(text, "{:>9}  {:<11} {:>7} {:>7}  {:>22}  {:>11} {:>10}", "wordlines", "verdict", "chips", "failed", "yield % (bounds)", "quantised %", "nominal %");
        group.points.iter().for_each(|p| write_point(&mut text, p));
        if let Some(conclusion) = conclusion(group) {
            let _ = writeln!(text, "{conclusion}");
        }
        text.push('\n');
    }
    let (yield_percent, confidence) = (plain(100.0 * test.yield_frac), plain(100.0 * test.confidence));
    let _ = writeln!(text, "{}: {}", checked.verdict().word().to_uppercase(), meaning(checked, yield_percent));
    let _ = writeln!(text, "Each verdict errs with a probability of at most {} %, each bound alone holds at {confidence} %: {}.", plain(100.0 - confidence), YieldTest::METHOD);
    if checked.groups.len() > 1 {
        let _ = writeln!(text, "That holds for each of the {} groups on its own, not for all together.", checked.groups.len());
    }
    let tested = checked.groups.iter().flat_map(|g| &g.points).find_map(|p| Some((p, p.answer.as_ref()?)));
    if let Some((p, a)) = tested {
        let (images, lost) = (p.point.images, allowed_loss(p.point.max_drop, p.point.images));
        let half = binomial_half_width(a.references.quantised_correct, images);
        let _ = writeln!(text, "A chip passes that loses at most {lost} of these {images} images against the quantised network (max_drop {}).", p.point.max_drop);
        let _ = writeln!(text, "Apart from that: for all images there are, {images} of them know an accuracy to +-{} % only (95 %).", percent(half));
    }
    text
}

fn write_point(text: &mut String, p: &PointCheck) {
    let height = p.point.value("ou_wordlines");
    let Some(a) = &p.answer else {
        let _ = writeln!(text, "{height:>9}  not reached");
        return;
    };
    let d = &a.decision;
    let shown = format!("{} ({}-{})", percent(d.passing as f64 / d.chips.max(1) as f64), percent(a.interval.lo), percent(a.interval.hi));
    let [quantised, nominal] = [a.references.quantised_correct, a.references.nominal_correct].map(|c| share(c, p.point.images));
    let every = if a.deterministic { "  every chip is the same" } else { "" };
    let _ = writeln!(text, "{height:>9}  {:<11} {:>7} {:>7}  {shown:>22}  {quantised:>11} {nominal:>10}{every}", d.verdict.word().to_uppercase(), d.chips, d.chips - d.passing);
}

/// What the sequence of heights says; none for a single one.
fn conclusion(group: &Group) -> Option<String> {
    if group.points.len() < 2 {
        return None;
    }
    let height = |p: &PointCheck| p.point.value("ou_wordlines").to_string();
    let heights = |wanted: Option<Verdict>| group.points.iter().filter(|p| p.verdict() == wanted).map(height).collect::<Vec<_>>().join(", ");
    let safe = group.points.first().and_then(|p| p.largest_safe.clone());
    let mut line = safe.map_or("no ou_wordlines is shown to be safe".to_string(), |h| format!("largest safe ou_wordlines: {h}"));
    for (verdict, words) in [(Some(Verdict::Fail), "ruled out"), (Some(Verdict::Undecided), "undecided"), (None, "not reached")] {
        let list = heights(verdict);
        if !list.is_empty() {
            let _ = write!(line, "; {words}: {list}");
        }
    }
    Some(line)
}

fn meaning(checked: &Checked, yield_percent: f64) -> String {
    let sequence = checked.groups.iter().any(|g| g.points.len() > 1);
    let subject = match (checked.groups.len(), sequence) {
        (1, false) => "the point",
        (1, true) => "the lowest height",
        (_, false) if checked.verdict() == Verdict::Pass => "every point",
        (_, true) if checked.verdict() == Verdict::Pass => "the lowest height of every group",
        (_, false) => "one point at least",
        (_, true) => "the lowest height of one group at least",
    };
    match checked.verdict() {
        Verdict::Pass => format!("at {subject}, at least {yield_percent} % of chips keep the accuracy"),
        Verdict::Fail => format!("at {subject}, fewer than {yield_percent} % of chips keep the accuracy"),
        Verdict::Undecided => format!("as many chips as allowed do not tell whether, at {subject}, {yield_percent} % keep the accuracy; more --trials go on from here"),
    }
}

fn as_json(checked: &Checked, test: &YieldTest) -> String {
    let point = |p: &PointCheck| -> Value {
        let images = p.point.images;
        let frac = |correct: u64| correct as f64 / images.max(1) as f64;
        let answer = p.answer.as_ref().map(|a| {
            let d = &a.decision;
            json!({
                "chips": d.chips, "chips_failed": d.chips - d.passing, "every_chip_is_the_same": a.deterministic,
                "yield_frac": d.passing as f64 / d.chips.max(1) as f64, "yield_lo_frac": a.interval.lo, "yield_hi_frac": a.interval.hi,
                "quantised_accuracy_frac": frac(a.references.quantised_correct), "nominal_crossbar_accuracy_frac": frac(a.references.nominal_correct),
                "test_set_half_width_frac": binomial_half_width(a.references.quantised_correct, images),
            })
        });
        json!({
            "config_hash": p.point.short(), "seed": p.point.seed, "ou_wordlines": p.point.value("ou_wordlines").parse::<u64>().unwrap_or(0),
            "verdict": p.verdict().map_or("not-reached", |v| v.word()), "images": images, "max_drop_frac": p.point.max_drop,
            "images_allowed": allowed_loss(p.point.max_drop, images), "answer": answer,
        })
    };
    let group = |g: &Group| -> Value {
        let values: serde_json::Map<String, Value> = name_of(g, &checked.groups).into_iter().map(|(name, value)| (name, value.into())).collect();
        let safe = g.points.first().and_then(|p| p.largest_safe.as_ref()?.parse::<u64>().ok());
        json!({ "values": values, "verdict": g.verdict().word(), "largest_safe_ou_wordlines": safe, "points": g.points.iter().map(point).collect::<Vec<_>>() })
    };
    let whole = json!({
        "format": "bwq-check-1", "verdict": checked.verdict().word(), "yield_asked_frac": test.yield_frac, "confidence": test.confidence,
        "method": YieldTest::METHOD, "fewest_chips": test.fewest(), "fewest_chips_fixed_sample": test.fewest_fixed(),
        "groups": checked.groups.iter().map(group).collect::<Vec<_>>(),
    });
    format!("{whole:#}\n")
}
