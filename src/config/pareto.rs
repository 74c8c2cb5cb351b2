//! The file of `bwq pareto`: a sweep file, whose axes are the search space, with the sections `[pareto]` and `[cost]`.
//!
//! What an axis cannot say, values that belong together as a network and its precision map do, stands in tables
//! `[[pareto.variants]]`: each sets its keys over the file, and the points are those of all variants. `[cost]` holds what a
//! sweep knows nothing of (design, component sets, buffers, copies); what the sweep says of a point is refused there. To add a
//! key: a line in [`KEYS`], a field of [`ParetoConfig`], a line in `of`; then `UPDATE_GOLDEN=1`.

use super::cost::{CostConfig, keys::KEYS as COST_KEYS, of_section};
use super::key::{Interval, Key, Kind, closed, integer, key, words};
use super::keys::written;
use super::parse::{self, Node, Value};
use super::scalar::{Scalar, read};
use super::settings::{Form, unknown_key};
use super::source::{At, nearest, shown};
use super::words::Choice;
use super::{Overrides, PointConfig, Sweep, points_of};
use crate::error::{Error, Result};
use crate::stats::YieldTest;
use std::path::Path;

/// A figure of a point on hardware, for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Energy, leakage included, in pJ.
    Energy,
    /// Time, layers one after another, in ns.
    Latency,
    /// Area of all that is powered, in um2.
    Area,
}

/// What a chip's accuracy is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropFrom {
    /// The point's own quantised accuracy, as in `bwq run` and `bwq check`: what quantisation loses is not counted.
    Quantised,
    /// The highest float accuracy of any network among the points, on the same images: it is.
    Float,
}

/// `[pareto]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ParetoConfig {
    /// What is made small, the first one first; at least one, each once.
    pub minimize: Vec<Figure>,
    /// Share of the chips that must keep the accuracy, and the confidence of the verdict.
    pub test: YieldTest,
    /// Chips that every point's mean is taken over, whatever the verdict took.
    pub mean_chips: u32,
    /// What a chip's accuracy is compared with.
    pub drop_from: DropFrom,
    /// Whether points that cost no less than one that passed are left without chips.
    pub skip_dominated: bool,
}

/// A question, ready to be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Pareto {
    /// Points of all variants, each once. Their trials are the most that a point may take.
    pub sweep: Sweep,
    /// Name of each point's variant; empty without one.
    pub variants: Vec<String>,
    /// `[cost]`: what the points do not say.
    pub cost: CostConfig,
    /// `[pareto]`.
    pub settings: ParetoConfig,
}

/// What options of the command line set over the file.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Asked {
    /// `--yield`.
    pub yield_frac: Option<f64>,
    /// `--confidence`.
    pub confidence: Option<f64>,
}

/// The section, with what it holds.
pub const SECTION: (&str, &str) = ("pareto", "accuracy against cost (files of `bwq pareto` only, beside `[cost]` of docs/cost.md); tables `[[pareto.variants]]` set keys of the file together, `name` among them for the outputs");

/// Every key of the section, but for the tables of variants.
#[rustfmt::skip] // one key, few lines: it is read as a table
pub const KEYS: &[Key] = &[
    key("pareto.minimize", "", words(Figure::WORDS), "\"energy_pj\"",
        "what an image costs and is made small; a list of them for several, the first one first")
        .slip("without latency_ns or area_um2 they have no say, but stand in the table"),
    key("pareto.yield", "",
        Kind::Number { interval: Interval { min: 0.0, max: 1.0, above_min: true, below_max: true }, words: &[] }, "0.99",
        "share of chips that must keep the accuracy, tested as `bwq check` does")
        .unit("fraction")
        .slip("a fraction: 99 % is 0.99; all chips (1) is shown by no number of chips")
        .cost("at a confidence of 0.95 a point passes after 36 chips at 0.9 and 377 at 0.99, at the earliest"),
    key("pareto.confidence", "", Kind::Number { interval: closed(0.8, 0.999999), words: &[] }, "0.95",
        "confidence of each verdict")
        .unit("fraction")
        .slip("a fraction: 95 % is 0.95"),
    key("pareto.mean_chips", "", integer(2, 10_000_000), "16",
        "chips that the mean accuracy of every point is taken over, whatever its verdict took")
        .unit("chips")
        .cost("every point takes so many at least"),
    key("pareto.drop_from", "", words(DropFrom::WORDS), "\"quantised\"",
        "monte_carlo.max_drop is a drop from the point's own quantised accuracy, or from the highest float accuracy of any point's network")
        .slip("to compare networks or maps, take \"float\": what quantisation loses then counts"),
    key("pareto.skip_dominated", "", Kind::Bool, "false",
        "whether a point is left without chips that costs no less than one that has passed, under every component set")
        .slip("write true or false, without quotes"),
];

/// Keys of `[cost]` that a sweep says for each point.
const OF_THE_SWEEP: &[(&str, &str)] = &[
    ("network", "network.model"), ("precision_map", "quantization.precision_map"), ("mean_bits", "quantization.precision_map"), ("seed", "quantization.precision_map"),
    ("weight_bits", "quantization.weight_bits"), ("activation_bits", "quantization.activation_bits"), ("rows", "crossbar.rows"), ("cols", "crossbar.cols"),
    ("ou_wordlines", "crossbar.ou_wordlines"), ("ou_bitlines", "crossbar.ou_bitlines"), ("cell_bits", "crossbar.cell_bits"), ("dac_bits", "crossbar.dac_bits"),
    ("row_cut", "crossbar.row_cut"), ("signs", "crossbar.encoding"), ("adc_bits", "adc.bits"), ("adc_clips", "adc.bits"),
];

/// The question of a file.
///
/// # Errors
/// What cannot be read, unknown keys, values that do not fit, what the sweep says in `[cost]`.
pub fn load(path: &Path, overrides: &Overrides, asked: Asked) -> Result<Pareto> {
    parse(&super::read(path)?, &path.display().to_string(), overrides, asked)
}

/// The question of a text; `place` is the file's name in messages.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, place: &str, overrides: &Overrides, asked: Asked) -> Result<Pareto> {
    let mut tree = parse::file(text, place)?;
    for assignment in &overrides.set {
        tree.set_among(assignment, written().chain(COST_KEYS))?;
    }
    for (option, name, value) in [("--yield", "pareto.yield", asked.yield_frac), ("--confidence", "pareto.confidence", asked.confidence)] {
        if let Some(value) = value {
            tree.put(name, Node { value: Value::Float(value), at: At::option(&format!("{option} {value}")) })?;
        }
    }
    let variants = tree.take("pareto.variants");
    let settings = of(tree.take(SECTION.0).as_ref(), &At::file(place, text))?;
    let cost = tree.take("cost");
    refuse_points_in_cost(cost.as_ref(), "bwq pareto")?;
    let cost = of_section(cost, place, text)?;
    let usual = settings.test.usual_most().max(u64::from(settings.mean_chips));
    let overrides = Overrides { usual_trials: Some(usual.min(MOST_CHIPS)), ..overrides.clone() };
    let (mut points, mut names, mut preset): (Vec<PointConfig>, Vec<String>, _) = (Vec::new(), Vec::new(), None);
    for (name, tree) in alternatives(tree, variants.as_ref())? {
        let (some, given) = points_of(tree, &overrides, Form::Sweep)?;
        preset = preset.or(given);
        for point in some {
            if !points.contains(&point) {
                points.push(point);
                names.push(name.clone());
            }
        }
    }
    if let Some(p) = points.iter().find(|p| p.monte_carlo.trials < settings.mean_chips) {
        return Err(Error::input(place, format!("`pareto.mean_chips = {}`, but `monte_carlo.trials = {}` chips are the most for a point", settings.mean_chips, p.monte_carlo.trials)).hint("raise trials, or lower mean_chips"));
    }
    if points.iter().any(|p| p.monte_carlo.antithetic) {
        return Err(Error::input(place, "`monte_carlo.antithetic = true`: a yield needs chips that are drawn each on its own").hint("leave it out"));
    }
    Ok(Pareto { sweep: Sweep { path: place.into(), points, preset }, variants: names, cost, settings })
}

/// As in the table of keys.
const MOST_CHIPS: u64 = 10_000_000;

/// Refuses what the point of a sweep says; `file` is whose.
pub(super) fn refuse_points_in_cost(section: Option<&Node>, file: &str) -> Result<()> {
    let Some(Node { value: Value::Table(entries), .. }) = section else { return Ok(()) };
    for entry in entries {
        if let Some((name, of_sweep)) = OF_THE_SWEEP.iter().find(|(name, _)| *name == entry.name) {
            return Err(entry.at.error(format!("`cost.{name}` in a file of `{file}`: each point says it, by `{of_sweep}`")).hint("leave it out of [cost]: accuracy and cost are of one and the same point"));
        }
    }
    Ok(())
}

/// The file once for each variant, with the variant's name; once without variants.
fn alternatives(tree: Node, variants: Option<&Node>) -> Result<Vec<(String, Node)>> {
    let Some(variants) = variants else { return Ok(vec![(String::new(), tree)]) };
    let no_tables = || variants.at.error("`pareto.variants` is no list of tables").hint("write [[pareto.variants]], and keys as they are called from outside their sections: network.model = \"net.json\"");
    let Value::List(items) = &variants.value else { return Err(no_tables()) };
    let mut all: Vec<(String, Node)> = Vec::new();
    for item in items {
        let Value::Table(entries) = &item.value else { return Err(no_tables()) };
        let mut one = (String::new(), tree.clone());
        for entry in entries {
            match (&entry.node.value, entry.name.as_str()) {
                (Value::Word(name), "name") => one.0.clone_from(name),
                (Value::Table(inner), section) => inner.iter().try_for_each(|e| one.1.put(&format!("{section}.{}", e.name), e.node.clone()))?,
                (_, name) => {
                    let error = entry.at.error(format!("`{}` of a variant is no section with a key", shown(name)));
                    return Err(error.hint(format!("a name in quotes, or keys with their sections: {}", nearest_path(name))));
                }
            }
        }
        if all.iter().any(|(name, _)| !name.is_empty() && *name == one.0) {
            return Err(item.at.error(format!("two variants are called `{}`", shown(&one.0))).hint("outputs tell them by their names"));
        }
        all.push(one);
    }
    if all.is_empty() { Err(no_tables()) } else { Ok(all) }
}

fn nearest_path(name: &str) -> &'static str {
    let meant = nearest(name, written().map(Key::name));
    written().find(|k| meant.is_some_and(|m| k.name() == m)).map_or("network.model", |k| k.path)
}

fn of(section: Option<&Node>, file: &At) -> Result<ParetoConfig> {
    let entries = match section.map(|node| (&node.value, node)) {
        None => &[][..],
        Some((Value::Table(entries), _)) => entries,
        Some((value, node)) => return Err(node.at.error(format!("`pareto = {value}`: `pareto` is a section")).hint("write [pareto] on a line of its own")),
    };
    if let Some(entry) = entries.iter().find(|e| !KEYS.iter().any(|k| k.name() == e.name)) {
        return Err(unknown_key(entry, &format!("{}.{}", SECTION.0, entry.name), SECTION.0));
    }
    let key_of = |name: &str| KEYS.iter().find(|k| k.name() == name).ok_or_else(|| Error::internal(format!("no key `pareto.{name}`")));
    let given = |name: &str| entries.iter().find(|e| e.name == name).map(|e| &e.node);
    let value = |name: &str| {
        let key = key_of(name)?;
        given(name).map_or_else(|| read(key, &parse::value(key.default, file)?), |node| read(key, node))
    };
    let unread = |name: &str| Error::internal(format!("`pareto.{name}` has no value"));
    let number = |name: &str| match value(name)? {
        Scalar::Int(i) => Ok(i as f64),
        Scalar::Num(x) => Ok(x),
        _ => Err(unread(name)),
    };
    let word = |scalar: Scalar| if let Scalar::Word(word) = scalar { word } else { String::new() };
    let figure = |scalar: Scalar| Figure::from_word(&word(scalar)).ok_or_else(|| unread("minimize"));
    let minimize = match given("minimize").map(|node| (&node.value, node)) {
        Some((Value::List(items), node)) => {
            let key = key_of("minimize")?;
            let all = items.iter().map(|item| figure(read(key, item)?)).collect::<Result<Vec<_>>>()?;
            if all.is_empty() || (1..all.len()).any(|i| all[..i].contains(&all[i])) {
                return Err(node.at.error(format!("`pareto.minimize = {}`", node.value)).hint("a figure at least, and each once: [\"energy_pj\", \"area_um2\"]"));
            }
            all
        }
        _ => vec![figure(value("minimize")?)?],
    };
    let test = YieldTest { yield_frac: number("yield")?, confidence: number("confidence")? };
    let fewest = test.fewest();
    if fewest > MOST_CHIPS {
        let at = given("yield").map_or(file, |node| &node.at);
        return Err(at.error(format!("`pareto.yield = {}`: {fewest} chips are needed at least, all passing; {MOST_CHIPS} are possible", test.yield_frac)).hint("ask for a lower yield"));
    }
    Ok(ParetoConfig {
        minimize,
        test,
        mean_chips: number("mean_chips")? as u32,
        drop_from: DropFrom::from_word(&word(value("drop_from")?)).ok_or_else(|| unread("drop_from"))?,
        skip_dominated: value("skip_dominated")? == Scalar::Bool(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Pareto> {
        parse(text, "pareto.toml", &Overrides::default(), Asked::default())
    }

    #[test]
    fn defaults_and_values() {
        let p = parsed("").expect("defaults");
        assert_eq!((p.sweep.points.len(), &p.settings.minimize, p.settings.drop_from), (1, &vec![Figure::Energy], DropFrom::Quantised));
        assert_eq!(u64::from(p.sweep.points[0].monte_carlo.trials), p.settings.test.usual_most());
        let text = "[crossbar]\nou_wordlines = [9, 16]\n[cost]\ndesign = \"isaac-ou\"\ncomponents = \"ppsim\"\n[pareto]\nminimize = [\"energy_pj\", \"area_um2\"]\nyield = 0.9\nskip_dominated = true\n";
        let p = parsed(text).expect("a question");
        assert_eq!((p.sweep.points.len(), p.cost.design.as_str(), p.cost.components.as_str()), (2, "isaac-ou", "ppsim"));
        assert_eq!((p.settings.minimize.len(), p.settings.test.yield_frac, p.settings.skip_dominated), (2, 0.9, true));
        let set = Overrides { set: vec!["cost.packing=shared".into(), "pareto.mean_chips=4".into(), "crossbar.ou_wordlines=8".into()], ..Overrides::default() };
        let p = parse(text, "p", &set, Asked { yield_frac: Some(0.5), confidence: Some(0.8) }).expect("a question");
        assert_eq!((p.sweep.points.len(), p.settings.mean_chips, p.settings.test.yield_frac, p.cost.packing), (1, 4, 0.5, crate::config::cost::Packing::Shared));
    }

    #[test]
    fn variants_set_keys_together_and_points_are_taken_once() {
        let text = "[crossbar]\nou_wordlines = [9, 16]\n[[pareto.variants]]\nname = \"eight\"\n[[pareto.variants]]\nname = \"bwq\"\nnetwork.model = \"embedded-bwq-a\"\nquantization.precision_map = \"embedded-bwq-a\"\nquantization.activation_bits = 4\n[[pareto.variants]]\nname = \"again\"\nquantization.weight_bits = 8\n";
        let p = parsed(text).expect("variants");
        assert_eq!(p.variants, ["eight", "eight", "bwq", "bwq"]);
        assert_eq!(p.sweep.points[3].quantization.activation_bits, 4);
        assert_eq!(p.sweep.points[0].network.model, "embedded");
    }

    #[test]
    fn slips_are_named() {
        let hint = |text: &str| parsed(text).expect_err(text).to_string();
        assert!(hint("[cost]\nou_wordlines = 9").contains("each point says it, by `crossbar.ou_wordlines`"));
        assert!(hint("[cost]\ndesign = \"bwqh\"").contains("did you mean \"bwq-h\"?"));
        assert!(hint("[cost]\ndesing = \"bwq-h\"").contains("did you mean `design`?"));
        assert!(hint("[pareto]\nminimise = \"energy_pj\"").contains("did you mean `minimize`?"));
        assert!(hint("[pareto]\nminimize = [\"energy\"]").contains("energy_pj"));
        assert!(hint("[pareto]\nminimize = [\"energy_pj\", \"energy_pj\"]").contains("each once"));
        assert!(hint("[pareto]\nyield = 1").contains("a fraction"));
        assert!(hint("[pareto]\nmean_chips = 9\n[monte_carlo]\ntrials = 8").contains("raise trials"));
        assert!(hint("[monte_carlo]\nantithetic = true").contains("each on its own"));
        assert!(hint("[[pareto.variants]]\nmodel = \"a.json\"").contains("network.model"));
        assert!(hint("[[pareto.variants]]\nname = \"a\"\n[[pareto.variants]]\nname = \"a\"\n").contains("two variants"));
        assert!(hint("[pareto]\nvariants = 3").contains("[[pareto.variants]]"));
        assert!(hint("[[pareto.variants]]\nnetwork.modell = \"a.json\"").contains("did you mean"));
        // Every key of [cost] is either the sweep's or left to the section.
        assert!(OF_THE_SWEEP.iter().all(|(name, of)| COST_KEYS.iter().any(|k| k.name() == *name) && (written().any(|k| k.path == *of))));
    }
}
