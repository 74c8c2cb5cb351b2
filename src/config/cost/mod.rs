//! The file of `bwq cost`: one section, `[cost]`, of single values.
//!
//! Most keys say "design" by default: the value is then that of the design that is counted ([`crate::cost::designs`]), and a
//! value in the file takes its place. To add a key: a line in [`keys::KEYS`], a field of [`CostConfig`], a line in `of`; then
//! `UPDATE_GOLDEN=1`, which rewrites the page that [`reference`] makes.

pub mod keys;
pub mod lists;
pub mod reference;

use super::key::{Key, Kind};
use super::parse::{self, Node, Value};
use super::point::{AdcBits, RowCut};
use super::scalar::{Scalar, read};
use super::source::{At, nearest, shown};
use super::words::Choice;
use crate::cost::{components::ComponentSet, price::Stages};
use crate::error::{Error, Result};
use crate::quantize::PrecisionMap;
use std::path::Path;

/// Where the bits of a weight lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// In neighbouring columns, one weight after the other, without gaps: an OU may hold parts of two weights.
    Conventional,
    /// In neighbouring columns of one OU: no weight spans two OUs (unless it is wider than one), columns that are left stay empty.
    WeightWithinOu,
    /// One OU holds the same bit of a whole weight block: p bits take p OUs (BWQ-H).
    PrecisionAware,
}

/// How the blocks above each other in a crossbar share its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// A block column is as wide as its widest block in the crossbar; bits of one worth stand in one column of OUs, and OUs of
    /// missing leading bits are spare: skipped, but there (Fig. 6b of the paper).
    BitAligned,
    /// Every row of OUs is filled from its beginning: no OU is spare.
    Packed,
}

/// How a signed weight is held by cells of non-negative conductance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// As the paper counts: a block of p bits takes p OUs, and nothing is said of the sign.
    NotCounted,
    /// Two columns, subtracted as currents: twice the bitlines, one conversion.
    PairedAnalog,
    /// Two columns, converted both: twice the bitlines, OUs and conversions.
    PairedDigital,
    /// Weights plus an offset, and one bitline of each crossbar that holds it and is converted with every row of OUs.
    OffsetColumn,
}

/// How the groups of a grouped or depthwise convolution lie in crossbars. Groups share no inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Groups {
    /// As many groups as fit along the diagonal of an OU are read together; a 3x3 depthwise convolution in OUs of 9 rows: one.
    Diagonal,
    /// Each group on wordlines of its own: an OU holds the bits of one group only.
    OwnRows,
    /// As a convolution without groups, whose other weights are zero; a table of precisions skips blocks of zeros.
    Dense,
}

/// Whether layers share crossbars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Every layer begins a crossbar.
    None,
    /// A layer's OUs begin where those of the layer before end.
    Shared,
}

/// Where the bit planes of a layer's weights are, and so how time goes with their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitPlanes {
    /// All in the same crossbars, whose OUs are read one after another: time goes with weight bits x activation bits.
    InTurn,
    /// Each slice of cells in crossbars of its own, which are read at the same time: time goes with activation bits.
    InParallel,
}

/// When the table of block precisions is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableAccess {
    /// Every entry at every input step.
    PerInputStep,
    /// Every entry once for a position: it is kept over the input steps.
    PerPosition,
}

/// Bits of the weights' blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapSource {
    /// `own` for a network of integer weights, else `uniform`.
    Auto,
    /// `weight_bits` everywhere.
    Uniform,
    /// What the network's integers need.
    Own,
    /// Made up, with a given mean.
    Synthetic,
    /// A file.
    File(String),
    /// One at hand, from a caller; no file says this.
    Given(PrecisionMap),
}

/// How many arrays there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrays {
    /// As many as the network takes: no replicas.
    Own,
    /// That many.
    Number(u64),
    /// As many as another design takes for the network without replicas.
    OfDesign(String),
}

/// How much area the chip may have.
#[derive(Debug, Clone, PartialEq)]
pub enum Area {
    /// As much as the network takes, with its copies.
    Own,
    /// That much, in mm2.
    Mm2(f64),
    /// As much as another design takes for the network without replicas.
    OfDesign(String),
}

/// `[cost]`. `None` = the design's.
#[derive(Debug, Clone, PartialEq)]
pub struct CostConfig {
    /// The file, for messages.
    pub place: String,
    /// `embedded`, `embedded-bwq-a`, a bundled name, or a path.
    pub network: String,
    /// Name of the design.
    pub design: String,
    /// Bits of a weight in cells.
    pub weight_bits: Option<u32>,
    /// Bits of an activation.
    pub activation_bits: Option<u32>,
    /// Whether they are those of the paper's Table II.
    pub activation_bits_of_table2: bool,
    /// Wordlines of a crossbar.
    pub rows: Option<u64>,
    /// Bitlines of a crossbar.
    pub cols: Option<u64>,
    /// Wordlines of an OU.
    pub ou_wordlines: Option<u64>,
    /// Bitlines of an OU.
    pub ou_bitlines: Option<u64>,
    /// Bits of a cell.
    pub cell_bits: Option<u32>,
    /// Bits of an input step.
    pub dac_bits: Option<u32>,
    /// Where rows are cut.
    pub row_cut: Option<RowCut>,
    /// Where the bits of a weight lie.
    pub mapping: Option<Mapping>,
    /// Where bit planes are.
    pub bit_planes: Option<BitPlanes>,
    /// How blocks share columns.
    pub placement: Option<Placement>,
    /// How signs are held.
    pub signs: Option<Signs>,
    /// How groups lie.
    pub groups: Groups,
    /// Whether layers share crossbars.
    pub packing: Packing,
    /// Resolution of a conversion; never [`AdcBits::Ideal`].
    pub adc_bits: Option<AdcBits>,
    /// Whether a converter may be too small for its sums.
    pub adc_clips: bool,
    /// When the table is read.
    pub table_access: TableAccess,
    /// Bits of an entry of the table.
    pub table_entry_bits: Option<u32>,
    /// Bits of the blocks.
    pub precision_map: MapSource,
    /// Mean bits of a weight of a synthetic map; `None` = what Table II of the paper has.
    pub mean_bits: Option<f64>,
    /// Where the images come from whose activations are looked at; `None` = those inside the program for its own networks, else none.
    pub dataset: Option<String>,
    /// Rows of cells over rows left by squeezing, where no weights are known; `None` = the design's.
    pub row_compression: Option<f64>,
    /// Share of OU activations without an input, where no activations are known; `None` = the design's.
    pub zero_input_frac: Option<f64>,
    /// Seed of a synthetic map.
    pub seed: u64,
    /// How many arrays there may be.
    pub arrays: Arrays,
    /// How much area there may be.
    pub area: Area,
    /// The component sets: "band", a name, or the path of a file.
    pub components: String,
    /// Whether the stages of a layer work at the same time.
    pub layer_stages: Stages,
}

/// The component sets that are taken together, as `cost.components` names them.
pub const BAND: &str = "band";

/// An option of the command line that stands for a key: the option as it is written, the key's name, the value.
pub type Given<'a> = (&'a str, &'a str, Option<String>);

/// What is asked of a file without lists, or of none; options and `--set` take the place of its values.
///
/// # Errors
/// What cannot be read, other sections, unknown keys, values that do not fit.
pub fn load(path: Option<&Path>, options: &[Given], set: &[String]) -> Result<CostConfig> {
    let [text, place] = text_of(path)?;
    parse(&text, &place, options, set)
}

/// The same of a file that may have lists ([`lists`]).
///
/// # Errors
/// As [`load`].
pub fn load_all(path: Option<&Path>, options: &[Given], set: &[String]) -> Result<Vec<CostConfig>> {
    let [text, place] = text_of(path)?;
    parse_all(&text, &place, options, set)
}

/// A file's text and name; of none, an empty one.
fn text_of(path: Option<&Path>) -> Result<[String; 2]> {
    let Some(path) = path else { return Ok([String::new(), "bwq cost".into()]) };
    Ok([crate::files::text(path)?, path.display().to_string()])
}

/// The same of a text without lists; `place` is the file's name in messages.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, place: &str, options: &[Given], set: &[String]) -> Result<CostConfig> {
    of(&tree(text, place, options, set)?, place, &At::file(place, text))
}

/// The same of a text that may have lists.
///
/// # Errors
/// As [`load`].
pub fn parse_all(text: &str, place: &str, options: &[Given], set: &[String]) -> Result<Vec<CostConfig>> {
    lists::all(&tree(text, place, options, set)?, place, &At::file(place, text))
}

fn tree(text: &str, place: &str, options: &[Given], set: &[String]) -> Result<Node> {
    let mut tree = parse::file(text, place)?;
    for (option, name, value) in options {
        if let Some(value) = value {
            let at = At::option(&format!("{option} {value}"));
            let is_path = keys::KEYS.iter().any(|k| k.name() == *name && matches!(k.kind, Kind::Path { .. }));
            let node = if is_path { Node { value: Value::Word(value.clone()), at } } else { parse::value(value, &at)? };
            tree.put(&format!("cost.{name}"), node)?;
        }
    }
    for assignment in set {
        tree.set_among(assignment, keys::KEYS.iter())?;
    }
    Ok(tree)
}

/// The section of a file that has others, too; `text` is the file's. `None` = all defaults.
pub(super) fn of_section(section: Option<Node>, place: &str, text: &str) -> Result<CostConfig> {
    let mut tree = parse::file("", place)?;
    if let Some(section) = section {
        tree.put("cost", section)?;
    }
    of(&tree, place, &At::file(place, text))
}

fn of(tree: &Node, place: &str, file: &At) -> Result<CostConfig> {
    let section = |node: &Node| match &node.value {
        Value::Table(entries) => Ok(entries.clone()),
        value => Err(node.at.error(format!("`cost = {value}`: `cost` is a section")).hint("write [cost] on a line of its own")),
    };
    let top = section(tree)?;
    if let Some(other) = top.iter().find(|e| e.name != "cost") {
        let belongs = keys::KEYS.iter().any(|k| k.name() == other.name);
        let error = other.at.error(format!("`{}` has no place in a file of `bwq cost`", shown(&other.name)));
        return Err(error.hint(if belongs { format!("`{}` belongs to [cost]", other.name) } else { "its one section is [cost]; keys of a sweep's [crossbar] stand there, too".into() }));
    }
    let entries = top.first().map(|e| section(&e.node)).transpose()?.unwrap_or_default();
    if let Some(entry) = entries.iter().find(|e| !keys::KEYS.iter().any(|k| k.name() == e.name)) {
        let error = entry.at.error(format!("unknown key `cost.{}`", shown(&entry.name)));
        return Err(match nearest(&entry.name, keys::KEYS.iter().map(Key::name)) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!("keys here: {}", keys::KEYS.iter().map(Key::name).collect::<Vec<_>>().join(", "))),
        });
    }
    let value = |name: &str| {
        let key = keys::KEYS.iter().find(|k| k.name() == name).ok_or_else(|| Error::internal(format!("no key `cost.{name}`")))?;
        match entries.iter().find(|e| e.name == name) {
            Some(entry) => read(key, &entry.node),
            None => read(key, &parse::value(key.default, file)?),
        }
    };
    let whole = |name: &str| Ok::<_, Error>(if let Scalar::Int(n) = value(name)? { Some(n) } else { None });
    let bits = |name: &str| Ok::<_, Error>(whole(name)?.map(|n| n as u32));
    let number = |name: &str| Ok::<_, Error>(if let Scalar::Num(x) = value(name)? { Some(x) } else { None });
    let text = |name: &str| Ok::<_, Error>(if let Scalar::Word(word) = value(name)? { word } else { String::new() });
    entries.iter().filter(|e| e.name == "components").try_for_each(|e| ComponentSet::check_name(&e.node))?;
    fn choice<T: Choice>(word: &str) -> Result<T> {
        T::from_word(word).ok_or_else(|| Error::internal(format!("`{word}` stands for nothing")))
    }
    Ok(CostConfig {
        place: place.into(),
        network: text("network")?,
        design: text("design")?,
        weight_bits: bits("weight_bits")?,
        activation_bits: bits("activation_bits")?,
        activation_bits_of_table2: value("activation_bits")? == Scalar::Word("table2".into()),
        rows: whole("rows")?,
        cols: whole("cols")?,
        ou_wordlines: whole("ou_wordlines")?,
        ou_bitlines: whole("ou_bitlines")?,
        cell_bits: bits("cell_bits")?,
        dac_bits: bits("dac_bits")?,
        row_cut: RowCut::from_word(&text("row_cut")?),
        mapping: Mapping::from_word(&text("mapping")?),
        bit_planes: BitPlanes::from_word(&text("bit_planes")?),
        placement: Placement::from_word(&text("placement")?),
        signs: Signs::from_word(&text("signs")?),
        groups: choice(&text("groups")?)?,
        packing: choice(&text("packing")?)?,
        adc_bits: match value("adc_bits")? {
            Scalar::Int(n) => Some(AdcBits::Bits(n as u32)),
            Scalar::Word(word) if word == "lossless" => Some(AdcBits::Lossless),
            _ => None,
        },
        adc_clips: value("adc_clips")? == Scalar::Bool(true),
        table_access: choice(&text("table_access")?)?,
        table_entry_bits: bits("table_entry_bits")?,
        precision_map: match text("precision_map")?.as_str() {
            "auto" => MapSource::Auto,
            "uniform" => MapSource::Uniform,
            "own" => MapSource::Own,
            "synthetic" => MapSource::Synthetic,
            path => MapSource::File(path.into()),
        },
        mean_bits: number("mean_bits")?,
        dataset: Some(text("dataset")?).filter(|d| d != "auto"),
        row_compression: number("row_compression")?,
        zero_input_frac: number("zero_input_frac")?,
        seed: whole("seed")?.unwrap_or_default(),
        arrays: match value("arrays")? {
            Scalar::Int(n) => Arrays::Number(n),
            Scalar::Word(word) if word != "own" => Arrays::OfDesign(word),
            _ => Arrays::Own,
        },
        area: match value("area_mm2")? {
            Scalar::Num(mm2) => Area::Mm2(mm2),
            Scalar::Word(word) if word != "own" => Area::OfDesign(word),
            _ => Area::Own,
        },
        components: text("components")?,
        layer_stages: choice(&text("layer_stages")?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<CostConfig> {
        parse(text, "cost.toml", &[], &[])
    }

    #[test]
    fn an_empty_file_is_the_embedded_network_on_bwq_h() {
        let cost = parsed("").expect("defaults");
        assert_eq!((cost.network.as_str(), cost.design.as_str(), cost.weight_bits, &cost.precision_map), ("embedded-bwq-a", "bwq-h", None, &MapSource::Auto));
    }

    #[test]
    fn options_win_over_the_file_and_set_over_both() {
        let text = "[cost]\nweight_bits = 4\nactivation_bits = 5\ncell_bits = 2\nrow_cut = \"physical\"\nadc_bits = \"lossless\"\narrays = \"isaac-ou\"\n";
        let options = [("--weight-bits", "weight_bits", Some("6".to_string())), ("--cell-bits", "cell_bits", None)];
        let cost = parse(text, "c", &options, &["cost.activation_bits=3".into()]).expect("a cost");
        assert_eq!((cost.weight_bits, cost.activation_bits, cost.cell_bits, cost.row_cut), (Some(6), Some(3), Some(2), Some(RowCut::Physical)));
        assert_eq!((cost.adc_bits, cost.arrays), (Some(AdcBits::Lossless), Arrays::OfDesign("isaac-ou".into())));
    }

    #[test]
    fn slips_are_named() {
        let message = |text: &str| parsed(text).expect_err(text).to_string();
        assert!(message("[cost]\ndesign = \"bwqh\"").contains("did you mean \"bwq-h\"?"));
        assert!(message("[cost]\nweight_bit = 8").contains("did you mean `weight_bits`?"));
        assert!(message("[crossbar]\nrows = 64").contains("[cost]"));
        assert!(message("weight_bits = 8").contains("belongs to [cost]"));
        assert!(message("[cost]\nweight_bits = -8").contains("outside") || message("[cost]\nweight_bits = -8").contains("is not"));
        assert!(message("[cost]\nmean_bits = nan").contains("not a number"));
        assert!(message("[cost]\nrow_cut = \"phisical\"").contains("did you mean \"physical\"?"));
        assert!(parse("", "c", &[], &["cost.weight_bitz=8".into()]).expect_err("a slip").to_string().contains("weight_bits"));
        assert!(parse("", "c", &[("--design", "design", Some("prime".into()))], &[]).expect_err("unknown").to_string().contains("--design prime"));
    }
}
