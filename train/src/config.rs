//! TRAIN.toml: `[network]` and `[quantization]` as in a sweep file, `[train]` beside them. [`KEYS`] is the table of every key;
//! validation, "did you mean" and docs/train.md are made from it.

use bwq::config::key::{Interval, Key, Kind, closed, integer, key, words};
use bwq::config::parse::{self, Entry, Node, Value};
use bwq::config::scalar::{self, Scalar, refused};
use bwq::config::source::{At, nearest};
use bwq::error::{Error, Result};
use std::collections::HashMap;
use std::path::Path;

const fn number(min: f64, max: f64) -> Kind {
    Kind::Number { interval: closed(min, max), words: &[] }
}

/// Every key, in the order of the file.
#[rustfmt::skip] // one key, few lines: it is read as a table
pub const KEYS: &[Key] = &[
    key("network.model", "", Kind::Path { words: &["embedded"] }, "\"embedded\"",
        "the trained float network to start from: the one inside the program, or a netgraph-1 JSON file with its .safetensors beside it"),
    key("network.dataset", "", Kind::Path { words: &[] }, "\"\"",
        "folder of the training and test set: MNIST or Fashion-MNIST (IDX), CIFAR-10 (binary version), train_images.npy and train_labels.npy beside images.npy and labels.npy; or an .npz of these arrays"),
    key("network.images", "", integer(1, 10_000_000), "10000",
        "how many test images decide about the budget, the first ones of the test set").unit("images"),
    key("quantization.weight_bits", "", integer(2, 9), "9",
        "bits of a weight at the start, the sign included: the paper's 8 magnitude bits are 9").unit("bits"),
    key("quantization.activation_bits", "", integer(1, 12), "[8]",
        "bits of an activation that enters a crossbar; of a list, the first while alpha is raised, then one after the other").unit("bits"),
    key("train.start", "", Kind::Path { words: &["float"] }, "\"float\"",
        "what is trained: the float network, rounded; or a quantised form of it, network.json of a `bwq search` or of another training, whose integers are gone on from. The float network stays the measure"),
    key("train.method", "", words(&["bwq", "bsq", "qat"]), "\"bwq\"",
        "precision per weight block (BWQ-A), per layer (BSQ), or weight_bits everywhere (quantisation-aware training)"),
    key("train.block_rows", "", integer(1, 4096), "9",
        "rows of a weight block: the operation unit's wordlines").unit("weights"),
    key("train.block_cols", "", integer(1, 4096), "8",
        "outputs of a weight block: the operation unit's bitlines").unit("weights"),
    key("train.alpha", "", number(0.0, 100.0), "[0.005]",
        "strength of the bit group lasso; of a list, one after the other until a model is outside the budget"),
    key("train.max_drop", "", number(0.0, 1.0), "0.01",
        "budget: accuracy that may be lost against the float network").unit("fraction"),
    key("train.epochs", "", integer(1, 100_000), "30",
        "epochs of one setting of alpha and activation bits").unit("epochs").cost("time grows in proportion"),
    key("train.adjust_every", "", integer(1, 100_000), "10",
        "epochs between re-quantisations with precision adjustment; one more is made when the lasso ends").unit("epochs"),
    key("train.settle_epochs", "", integer(0, 100_000), "0",
        "last epochs of a setting without lasso, at the precision found (the paper has none)").unit("epochs"),
    key("train.batch", "", integer(1, 65_536), "128", "images of a step").unit("images"),
    key("train.learning_rate", "", number(0.0, 100.0), "0.02",
        "of biases, batch norms and ranges, at the start of a setting; it falls to 0 along a cosine"),
    key("train.plane_rate", "", number(0.0, 10_000.0), "1.0",
        "learning rate of bit planes, times learning_rate (1 = the paper's)"),
    key("train.weight_decay", "", number(0.0, 1.0), "1e-4", "of bit planes and activation ranges"),
    key("train.momentum", "", Kind::Number { interval: Interval { min: 0.0, max: 1.0, above_min: false, below_max: true }, words: &[] }, "0.9",
        "of gradient descent"),
    key("train.crop", "", integer(0, 64), "4",
        "training images are shifted by up to this, in both directions").unit("pixels"),
    key("train.flip", "", Kind::Bool, "true", "training images are turned left to right at random"),
    key("train.training_images", "", integer(1, 10_000_000), "10000000",
        "the first images of the training set that are used; all, if there are fewer").unit("images").cost("time grows in proportion"),
    key("train.sigma_ln", "", number(0.0, 10.0), "0.0",
        "variation-aware training: in each step every conducting cell is multiplied with exp(sigma_ln N(0, 1))"),
    key("train.seed", "", integer(0, u64::MAX), "1", "seed of all random numbers"),
];

/// Keys that take a list, to be gone through in order.
const LISTS: [&str; 2] = ["quantization.activation_bits", "train.alpha"];

/// Which precision is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Per weight block.
    Bwq,
    /// Per layer.
    Bsq,
    /// None: the precision of the start.
    Qat,
}

/// A training, as TRAIN.toml states it. The keys' meanings stand in [`KEYS`].
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields are the keys")]
pub struct Config {
    pub model: String,
    pub dataset: String,
    pub images: usize,
    pub weight_bits: u32,
    pub activation_bits: Vec<u32>,
    pub start: String,
    pub method: Method,
    pub block: [usize; 2],
    pub alpha: Vec<f64>,
    pub max_drop: f64,
    pub epochs: usize,
    pub adjust_every: usize,
    pub settle_epochs: usize,
    pub batch: usize,
    pub learning_rate: f64,
    pub plane_rate: f64,
    pub weight_decay: f64,
    pub momentum: f64,
    pub crop: usize,
    pub flip: bool,
    pub training_images: usize,
    pub sigma_ln: f64,
    pub seed: u64,
    /// Every key with its values, as TOML: for provenance, and to know whether a checkpoint is this training's.
    pub resolved: Vec<(String, String)>,
}

impl Config {
    /// Reads a file; `set` are `key=value` pairs of the command line.
    pub fn load(path: &Path, set: &[String]) -> Result<Self> {
        Self::parse(&bwq::files::text(path)?, &path.display().to_string(), set)
    }

    /// The training of a text; `place` is its name in messages.
    pub fn parse(text: &str, place: &str, set: &[String]) -> Result<Self> {
        let tree = parse::file(text, place)?;
        let mut given: HashMap<&str, Vec<Scalar>> = HashMap::new();
        let Value::Table(sections) = &tree.value else { return Err(tree.at.error("no table")) };
        for section in sections {
            let Value::Table(entries) = &section.node.value else { return Err(unknown(section, "", &section.name)) };
            for entry in entries {
                let path = format!("{}.{}", section.name, entry.name);
                let key = find(&path).ok_or_else(|| unknown(entry, &section.name, &path))?;
                given.insert(key.path, values(key, &entry.node)?);
            }
        }
        for assignment in set {
            let at = At::option(&format!("--set {assignment}"));
            let (path, value) = assignment.split_once('=').ok_or_else(|| at.error("no `=` in it").hint("write --set train.epochs=10"))?;
            let key = find(path.trim()).ok_or_else(|| {
                let error = at.error(format!("unknown key `{}`", path.trim()));
                match nearest(path.trim(), KEYS.iter().map(|k| k.path)) {
                    Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                    None => error.hint("a key is its section, a dot and its name: train.epochs"),
                }
            })?;
            given.insert(key.path, values(key, &parse::value(value, &at)?)?);
        }
        if !given.contains_key("network.dataset") {
            return Err(Error::input(place, "`network.dataset` is missing: a training needs a training set, and the program has none inside").hint(
                "dataset = \"FOLDER\" with train-images-idx3-ubyte[.gz] and its kind; Debian's package dataset-fashion-mnist puts Fashion-MNIST into /usr/share/datasets/fashion-mnist",
            ));
        }
        from_values(given, place)
    }
}

fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.path == path)
}

/// The values of one key.
fn values(key: &Key, node: &Node) -> Result<Vec<Scalar>> {
    match &node.value {
        Value::List(items) if LISTS.contains(&key.path) => {
            if items.is_empty() {
                return Err(refused(key, node, "is an empty list"));
            }
            items.iter().map(|item| scalar::read(key, item)).collect()
        }
        _ => Ok(vec![scalar::read(key, node)?]),
    }
}

fn unknown(entry: &Entry, section: &str, path: &str) -> Error {
    let sections = ["network", "quantization", "train"];
    if !sections.contains(&section) {
        let name = if section.is_empty() { path } else { section };
        let error = entry.at.error(format!("unknown section or key `{name}`"));
        return match (nearest(name, sections), KEYS.iter().find(|k| k.name() == name)) {
            (Some(meant), _) => error.hint(format!("did you mean [{meant}]?")),
            (None, Some(key)) => error.hint(format!("`{name}` belongs to [{}]", key.section())),
            _ => error.hint("the sections are [network] [quantization] [train]"),
        };
    }
    let error = entry.at.error(format!("unknown key `{path}`"));
    let siblings = || KEYS.iter().filter(|k| k.section() == section).map(Key::name);
    match (nearest(&entry.name, siblings()), KEYS.iter().find(|k| k.name() == entry.name)) {
        (Some(meant), _) => error.hint(format!("did you mean `{meant}`?")),
        (None, Some(key)) => error.hint(format!("`{}` belongs to [{}]", key.name(), key.section())),
        _ => error.hint(format!("keys here: {}", siblings().collect::<Vec<_>>().join(", "))),
    }
}

fn from_values(mut given: HashMap<&str, Vec<Scalar>>, place: &str) -> Result<Config> {
    for key in KEYS.iter().filter(|k| k.path != "network.dataset") {
        if !given.contains_key(key.path) {
            given.insert(key.path, values(key, &parse::value(key.default, &At::option(key.path))?)?);
        }
    }
    let list = |path: &str| given.get(path).map_or(&[] as &[Scalar], Vec::as_slice);
    let word = |path: &str| list(path).first().map_or(String::new(), Scalar::to_string);
    let numbers = |path: &str| -> Vec<f64> {
        let number = |scalar: &Scalar| match scalar {
            Scalar::Int(i) => *i as f64,
            Scalar::Num(x) => *x,
            _ => 0.0,
        };
        list(path).iter().map(number).collect()
    };
    let real = |path: &str| numbers(path).first().copied().unwrap_or(0.0);
    let count = |path: &str| if let Some(Scalar::Int(i)) = list(path).first() { *i } else { 0 };
    let resolved = KEYS.iter().map(|k| (k.path.to_string(), list(k.path).iter().map(Scalar::as_toml).collect::<Vec<_>>().join(", "))).collect();
    let config = Config {
        model: word("network.model"),
        dataset: word("network.dataset"),
        images: count("network.images") as usize,
        weight_bits: count("quantization.weight_bits") as u32,
        activation_bits: numbers("quantization.activation_bits").iter().map(|&b| b as u32).collect(),
        start: word("train.start"),
        method: match word("train.method").as_str() {
            "bsq" => Method::Bsq,
            "qat" => Method::Qat,
            _ => Method::Bwq,
        },
        block: [count("train.block_rows") as usize, count("train.block_cols") as usize],
        alpha: numbers("train.alpha"),
        max_drop: real("train.max_drop"),
        epochs: count("train.epochs") as usize,
        adjust_every: count("train.adjust_every") as usize,
        settle_epochs: count("train.settle_epochs") as usize,
        batch: count("train.batch") as usize,
        learning_rate: real("train.learning_rate"),
        plane_rate: real("train.plane_rate"),
        weight_decay: real("train.weight_decay"),
        momentum: real("train.momentum"),
        crop: count("train.crop") as usize,
        flip: list("train.flip") == [Scalar::Bool(true)],
        training_images: count("train.training_images") as usize,
        sigma_ln: real("train.sigma_ln"),
        seed: count("train.seed"),
        resolved,
    };
    if config.settle_epochs >= config.epochs && config.method != Method::Qat {
        return Err(Error::input(place, format!("train.settle_epochs = {} leaves no epoch with lasso of {}", config.settle_epochs, config.epochs)));
    }
    Ok(config)
}

/// docs/train.md.
pub fn reference_markdown() -> String {
    let mut page = String::from(
        "# TRAIN.toml\n\nGenerated from `train/src/config.rs` and `train/src/report.rs`; a test keeps it fresh.\n\n| key | allowed | default | meaning |\n|---|---|---|---|\n",
    );
    for key in KEYS {
        let list = if LISTS.contains(&key.path) { ", or a list of such" } else { "" };
        let default = if key.path == "network.dataset" { "must be given".into() } else { format!("`{}`", key.default) };
        page += &format!("| `{}` | {}{list} | {default} | {} |\n", key.path, key.allowed(), key.meaning);
    }
    page + &crate::report::tables_markdown()
}
