//! The file of `bwq search`: a sweep file with single values, and a section `[search]`.
//!
//! To add a key: a line in [`KEYS`], a field of [`SearchConfig`], a line in `of`; then `UPDATE_GOLDEN=1`.

use super::cost::{BAND, CostConfig, keys::KEYS as COST_KEYS, of_section};
use super::key::{Interval, Key, Kind, closed, integer, key, words};
use super::keys::written;
use super::pareto::refuse_points_in_cost;
use super::parse::{self, Node, Value};
use super::scalar::{Scalar, read};
use super::settings::{Form, unknown_key};
use super::source::At;
use super::words::Choice;
use super::{Overrides, PointConfig, Sweep, points_of};
use crate::error::{Error, Result};
use crate::search::candidate::Method;
use std::path::Path;

/// What the search makes small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// Magnitude bits of all weights.
    Bits,
    /// Operations of operation units in one image.
    OuOperations,
    /// Energy of an image by the cost model, in pJ.
    EnergyPj,
    /// Time of an image by the cost model, layers one after another, in ns.
    LatencyNs,
}

impl Objective {
    /// Whether it is a figure of the cost model.
    pub fn is_priced(self) -> bool {
        matches!(self, Objective::EnergyPj | Objective::LatencyNs)
    }
}

/// What is done about activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationSearch {
    /// `quantization.activation_bits` stays.
    Keep,
    /// Bits are taken away one at a time while the budget is kept.
    Fewest,
}

/// `[search]`.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchConfig {
    /// What is made small.
    pub objective: Objective,
    /// Whose network is kept: the block-wise one, or the layer-wise one.
    pub method: Method,
    /// [rows, columns] of a block.
    pub block: [usize; 2],
    /// Images on which layers are quantised, at most.
    pub calibration_images: usize,
    /// Prices tried between the last that keeps the budget and the first that does not; with any, one more for each other budget of
    /// [`crate::search::curve::BUDGETS`].
    pub levels: usize,
    /// What is done about activations.
    pub activation_bits: ActivationSearch,
    /// Share of the chips that must keep the budget; `None` = the quantised network in digital arithmetic must.
    pub yield_frac: Option<f64>,
    /// Confidence of that.
    pub confidence: f64,
    /// Most chips for a candidate, where `monte_carlo.trials` is given.
    pub most_chips: Option<u64>,
}

/// A search, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The one point: network, data, hardware, device, budget.
    pub sweep: Sweep,
    /// `[cost]`: what hardware costs, where that is made small.
    pub cost: CostConfig,
    /// `[search]`.
    pub settings: SearchConfig,
}

impl Search {
    /// Its point.
    pub fn point(&self) -> &PointConfig {
        &self.sweep.points[0]
    }
}

impl SearchConfig {
    /// Every value as it acts, by its key. The test of the keys holds it to [`KEYS`].
    pub fn resolved(&self) -> Vec<(&'static str, String)> {
        vec![
            ("search.objective", self.objective.word().into()),
            ("search.method", self.method.word().into()),
            ("search.block_rows", self.block[0].to_string()),
            ("search.block_columns", self.block[1].to_string()),
            ("search.calibration_images", self.calibration_images.to_string()),
            ("search.levels", self.levels.to_string()),
            ("search.activation_bits", self.activation_bits.word().into()),
            ("search.yield", self.yield_frac.map_or("none".into(), |y| y.to_string())),
            ("search.confidence", self.confidence.to_string()),
        ]
    }
}

/// The section, with what it holds.
pub const SECTION: (&str, &str) = ("search", "how block precisions are searched (files of `bwq search` only; beside it `[cost]` of docs/cost.md where energy or time is made small)");

/// Every key of the section.
#[rustfmt::skip] // one key, few lines: it is read as a table
pub const KEYS: &[Key] = &[
    key("search.objective", "", words(Objective::WORDS), "\"bits\"",
        "what is made small: magnitude bits of the weights; or OU operations, energy or time of an image")
        .slip("energy_pj and latency_ns are the cost model's, under one set: [cost] components, of docs/cost.md")
        .cost("ou-operations, energy_pj and latency_ns weigh layers with many positions more"),
    key("search.method", "", words(<Method as Choice>::WORDS), "\"block-wise\"",
        "whose network is written: bits for each block, or (the baseline) one number of bits for each layer")
        .slip("both are searched and compared in any case"),
    key("search.block_rows", "", Kind::Integer { min: 1, max: 4096, words: &["ou"] }, "\"ou\"",
        "rows of a weight block; \"ou\" = crossbar.ou_wordlines")
        .unit("wordlines"),
    key("search.block_columns", "", Kind::Integer { min: 1, max: 4096, words: &["ou"] }, "\"ou\"",
        "columns of a weight block; \"ou\" = crossbar.ou_bitlines")
        .unit("bitlines"),
    key("search.calibration_images", "", integer(8, 1_000_000), "512",
        "training images that layers are quantised on, at most; their labels are not used")
        .unit("images")
        .slip("at least 8; some hundred are enough")
        .cost("time and memory grow in proportion"),
    key("search.levels", "", integer(0, 20), "4",
        "prices of a bit tried on the way to the budget's edge; 0 = a coarse row of prices only")
        .slip("each level halves the distance to the edge; one more goes to each of four other budgets")
        .cost("each quantises and tests the network once, for each of two methods"),
    key("search.activation_bits", "", words(ActivationSearch::WORDS), "\"keep\"",
        "quantization.activation_bits as they are, or taken away one at a time while the budget is kept"),
    key("search.yield", "",
        Kind::Number { interval: Interval { min: 0.0, max: 1.0, above_min: true, below_max: true }, words: &["none"] }, "\"none\"",
        "share of chips that must keep the budget, tested as `bwq check` does; \"none\" = no chips are drawn")
        .unit("fraction")
        .slip("a fraction: 99 % is 0.99; all chips (1) is shown by no number of chips")
        .cost("chips are drawn until each candidate's yield is certain"),
    key("search.confidence", "", Kind::Number { interval: closed(0.8, 0.999999), words: &[] }, "0.95",
        "confidence at which the yield must be shown")
        .unit("fraction")
        .slip("a fraction: 95 % is 0.95"),
];

/// The search of a file.
///
/// # Errors
/// What cannot be read, unknown keys, values that do not fit.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Search> {
    parse(&super::read(path)?, &path.display().to_string(), overrides)
}

/// The search of a text; `place` is the file's name in messages.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, place: &str, overrides: &Overrides) -> Result<Search> {
    let mut tree = parse::file(text, place)?;
    for assignment in &overrides.set {
        tree.set_among(assignment, written().chain(COST_KEYS))?;
    }
    let section = tree.take(SECTION.0);
    let cost = tree.take("cost");
    refuse_points_in_cost(cost.as_ref(), "bwq search")?;
    let has_cost = cost.is_some();
    let cost = of_section(cost, place, text)?;
    let trials_given = tree.has("monte_carlo.trials") || overrides.trials.is_some();
    let (points, preset) = points_of(tree, overrides, Form::Search)?;
    let point = points.first().ok_or_else(|| Error::internal("a file without axes made no point"))?;
    if !matches!(point.crossbar.encoding, super::Encoding::Differential(_)) {
        return Err(Error::input(place, "`crossbar.encoding = \"offset\"`: blocks hold magnitude bits, and offset-encoded weights have no magnitude")
            .hint("use encoding = \"differential\""));
    }
    if point.quantization.precision_map != super::PrecisionMapConfig::Uniform {
        return Err(Error::input(place, "`quantization.precision_map` is what a search makes").hint("leave it out"));
    }
    let mut settings = of(section.as_ref(), point, &At::file(place, text))?;
    let asks_cost = settings.objective.is_priced();
    if asks_cost && cost.components == BAND {
        return Err(Error::input(place, format!("`search.objective = \"{}\"` under a band of component sets: they disagree on what is cheap", settings.objective.word()))
            .hint("name one in [cost]: components = \"isaac\"; `bwq cost` then prices what is found under all"));
    }
    if has_cost && !asks_cost {
        return Err(Error::input(place, format!("`[cost]` beside `search.objective = \"{}\"`, which has no prices", settings.objective.word())).hint("objective = \"energy_pj\" or \"latency_ns\", or leave [cost] out"));
    }
    settings.most_chips = trials_given.then_some(u64::from(point.monte_carlo.trials));
    Ok(Search { sweep: Sweep { path: place.into(), points, preset }, cost, settings })
}

fn of(section: Option<&Node>, point: &PointConfig, file: &At) -> Result<SearchConfig> {
    let entries = match section.map(|node| (&node.value, node)) {
        None => &[][..],
        Some((Value::Table(entries), _)) => entries,
        Some((value, node)) => return Err(node.at.error(format!("`search = {value}`: `search` is a section")).hint("write [search] on a line of its own")),
    };
    if let Some(entry) = entries.iter().find(|e| !KEYS.iter().any(|k| k.name() == e.name)) {
        return Err(unknown_key(entry, &format!("{}.{}", SECTION.0, entry.name), SECTION.0));
    }
    let value = |name: &str| {
        let key = KEYS.iter().find(|k| k.name() == name).ok_or_else(|| Error::internal(format!("no key `{name}`")))?;
        match entries.iter().find(|e| e.name == name) {
            Some(entry) => read(key, &entry.node),
            None => read(key, &parse::value(key.default, file)?),
        }
    };
    let number = |name: &str| Ok(match value(name)? {
        Scalar::Int(i) => Some(i as f64),
        Scalar::Num(x) => Some(x),
        _ => None,
    });
    let whole = |name: &str| Ok::<_, Error>(number(name)?.map(|x: f64| x as usize));
    let word = |name: &str| Ok::<_, Error>(if let Scalar::Word(word) = value(name)? { word } else { String::new() });
    let unread = |name: &str| Error::internal(format!("`search.{name}` has no value"));
    Ok(SearchConfig {
        objective: Objective::from_word(&word("objective")?).ok_or_else(|| unread("objective"))?,
        method: Method::from_word(&word("method")?).ok_or_else(|| unread("method"))?,
        block: [whole("block_rows")?.unwrap_or(point.crossbar.ou_wordlines), whole("block_columns")?.unwrap_or(point.crossbar.ou_bitlines)],
        calibration_images: whole("calibration_images")?.ok_or_else(|| unread("calibration_images"))?,
        levels: whole("levels")?.ok_or_else(|| unread("levels"))?,
        activation_bits: ActivationSearch::from_word(&word("activation_bits")?).ok_or_else(|| unread("activation_bits"))?,
        yield_frac: number("yield")?,
        confidence: number("confidence")?.ok_or_else(|| unread("confidence"))?,
        most_chips: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Search> {
        parse(text, "search.toml", &Overrides::default())
    }

    #[test]
    fn an_empty_file_searches_the_embedded_network() {
        let search = parsed("").expect("defaults");
        assert_eq!((search.point().network.model.as_str(), search.settings.block), ("embedded", [9, 8]));
        assert_eq!((search.settings.objective, search.settings.yield_frac), (Objective::Bits, None));
    }

    #[test]
    fn values_are_read_and_blocks_follow_the_ou() {
        let text = "[crossbar]\nou_wordlines = 16\n[search]\nobjective = \"ou-operations\"\nblock_columns = 4\nyield = 0.9\nactivation_bits = \"fewest\"\n";
        let s = parsed(text).expect("a search").settings;
        assert_eq!((s.objective, s.block, s.yield_frac, s.activation_bits), (Objective::OuOperations, [16, 4], Some(0.9), ActivationSearch::Fewest));
        let set = Overrides { set: vec!["search.levels=7".into()], ..Overrides::default() };
        assert_eq!(parse(text, "s", &set).expect("a search").settings.levels, 7);
        let names: Vec<&str> = s.resolved().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, KEYS.iter().map(|k| k.path).collect::<Vec<_>>(), "every key has its place in the provenance");
    }

    #[test]
    fn slips_are_named() {
        let hint = |text: &str| parsed(text).expect_err(text).to_string();
        assert!(hint("[search]\nobjectiv = \"bits\"").contains("did you mean `objective`?"));
        assert!(hint("[search]\nobjective = \"ou_operations\"").contains("did you mean \"ou-operations\"?"));
        assert!(hint("[search]\nyield = 1").contains("yield is a fraction"));
        assert!(hint("[serch]\nyield = 0.9").contains("search"));
        assert!(hint("[crossbar]\nou_wordlines = [9, 16]").contains("one"));
        assert!(hint("[crossbar]\nencoding = \"offset\"").contains("magnitude"));
        assert!(hint("[quantization]\nprecision_map = \"a.json\"").contains("leave it out"));
    }
}
