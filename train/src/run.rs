//! A whole training: read, train (or go on), export, evaluate.

use crate::checkpoint;
use crate::config::{Config, Method};
use crate::data::Images;
use crate::export::{self, Agreement};
use crate::graph::Graph;
use crate::model::{Model, Start};
use crate::report;
use crate::search::{self, Observer, Row, State};
use crate::train::{Position, Trainer};
use bwq::dataset::{self, Dataset, training};
use bwq::error::{Error, Result};
use bwq::network::{Network, Op, float, fold, read};
use bwq::report::training::{CURVE_FILE, LAYERS_FILE, PROVENANCE_FILE};
use bwq::sweep::at_work::AtWork;
use bwq::sweep::folder::refuse_foreign;
use bwq::sweep::materials::{CALIBRATION_IMAGES, network_of};
use bwq::sweep::{atomic, block::hex};
use bwq::warning::Warning;
use std::path::{Path, PathBuf};

/// What the program shows while it trains.
pub trait Screen {
    /// A line.
    fn say(&self, line: &str);
    /// After an epoch: its line, and epochs done and to come at most, in all settings.
    fn progress(&self, row: &Row, done: usize, total: usize);
    /// Whether to stop.
    fn interrupted(&self) -> bool;
}

/// How a training ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Whether a model is within the budget.
    pub within_budget: bool,
    /// Float accuracy: test images classified as labelled.
    pub float_correct: usize,
    /// Accuracy of what was exported.
    pub agreement: Agreement,
    /// Mean magnitude bits of a weight.
    pub mean_bits: f64,
    /// Bits of an activation.
    pub activation_bits: u32,
    /// The network, its weights, its precision map.
    pub paths: [PathBuf; 3],
}

struct Watch<'a> {
    screen: &'a dyn Screen,
    out: &'a Path,
    training: &'a str,
    epochs: usize,
    settings: usize,
}

impl Observer for Watch<'_> {
    fn epoch(&mut self, row: &Row, state: &State) -> Result<()> {
        self.screen.progress(row, state.rows.len(), self.epochs * self.settings);
        checkpoint::write(&self.out.join("checkpoint.safetensors"), self.training, state)?;
        atomic::write(&self.out.join(CURVE_FILE), report::curve(&state.rows).as_bytes())
    }
    fn setting(&mut self, row: &Row, passed: bool) {
        self.screen.say(&format!(
            "setting {}: alpha {}, {}-bit activations: accuracy {:.2} %, {:.3} mean bits ({:.2}x): {} the budget",
            row.setting + 1,
            row.alpha,
            row.activation_bits,
            100.0 * row.accuracy_frac,
            row.mean_bits,
            row.compression(),
            if passed { "within" } else { "outside" }
        ));
    }
    fn stop(&self) -> bool {
        self.screen.interrupted()
    }
}

/// Trains as `config` says, into `out`. The same call goes on where an interrupted one was.
///
/// # Errors
/// What files or their contents cause, and [`Error::interrupted`] after a stop.
pub fn run(config: &Config, out: &Path, screen: &dyn Screen) -> Result<Outcome> {
    let started = std::time::Instant::now();
    refuse_foreign(out)?;
    let at_work = AtWork::alone(out)?;
    at_work.without_locks().iter().for_each(|line| screen.say(line));
    let network = network_of(&config.model)?;
    let path = Path::new(&config.dataset);
    let dataset = dataset::load(path, config.images, CALIBRATION_IMAGES)?;
    dataset.check_fits(network.input_shape, network.classes())?;
    let training = Images::new(training::load_training(path)?, config.training_images, &config.dataset)?;
    let test = test_images(&dataset)?;
    check_training(&training, &network, &config.dataset)?;
    let float_correct = float::accuracy(&fold::fold_batchnorm(&network)?, &dataset);
    screen.say(&format!(
        "{}: float accuracy {} of {} test images ({:.2} %); {} training images{}",
        network.name,
        float_correct,
        test.len(),
        100.0 * float_correct as f64 / test.len() as f64,
        training.len(),
        changes(config)
    ));
    if let Some(warning) = small_images_changed(config, training.shape) {
        screen.say(&format!("warning: {warning}"));
    }
    let float = network;
    let network = match config.start.as_str() {
        "float" => float.clone(),
        path => quantised_form(path, &float)?,
    };

    let graph = Graph::new(&network)?;
    let start = Start {
        block: (config.method != Method::Bsq).then_some(config.block),
        weight_bits: (config.weight_bits - 1) as u8,
        activation_bits: config.activation_bits[0],
    };
    let trainer = Trainer { network: &network, graph: &graph, config, training: &training, test: &test, dataset: &dataset };
    let model = Model::new(&network, &graph, &start, &dataset.calibration)?;
    let identity = identity([&float, &network], &dataset, &training, config);
    let name = identity.to_string();
    let mut state = State { setting: 0, at: Position::default(), model, best: None, rows: Vec::new(), done: false };
    let path = out.join("checkpoint.safetensors");
    if let Some(found) = checkpoint::read(&path, &name, &state, &trainer)? {
        state = found;
        screen.say(&format!("going on after {} epochs", state.at.total_epochs));
    }
    let mut watch = Watch { screen, out, training: &name, epochs: config.epochs, settings: search::settings(&trainer) };
    if !search::run(&trainer, &mut state, float_correct, &mut watch)? {
        checkpoint::write(&path, &name, &state)?;
        return Err(Error::interrupted("stopped: the state is kept").hint("the same command goes on"));
    }

    let within_budget = state.best.is_some();
    let model = state.best.map_or(state.model, |best| best.model);
    let paths = export::write(&trainer, &model, out)?;
    let logits = trainer.logits(&model, &mut crate::pass::Pass::new(&graph));
    let agreement = export::evaluate(&trainer, model.activation_bits, &logits, &paths)?;
    atomic::write(&out.join(LAYERS_FILE), report::layers(&model).as_bytes())?;
    bwq::report::plot::blocks::draw(out, &export::precision_map(&model, config))?;
    let provenance = report::provenance(config, &identity, float_correct, &agreement, started.elapsed().as_secs_f64())?;
    atomic::write(&out.join(PROVENANCE_FILE), provenance.as_bytes())?;
    Ok(Outcome { within_budget, float_correct, agreement, mean_bits: model.mean_bits(), activation_bits: model.activation_bits, paths })
}

/// What is done to training images, in words.
fn changes(config: &Config) -> String {
    let shift = (config.crop > 0).then(|| format!("shifted by up to {} pixels (train.crop)", config.crop));
    let turn = config.flip.then(|| "turned left to right at random (train.flip)".to_string());
    shift.into_iter().chain(turn).map(|change| format!(", {change}")).collect()
}

/// Sides from which on images are large enough for what [`changes`] says, in pixels.
const LARGE_ENOUGH: usize = 16;

fn small_images_changed(config: &Config, [_, rows, columns]: [usize; 3]) -> Option<Warning> {
    let side_pixels = rows.min(columns);
    // A shift by a pixel is small at 8 pixels a side, and larger ones in proportion.
    let changed = config.flip || 8 * config.crop > side_pixels;
    (side_pixels < LARGE_ENOUGH && changed).then_some(Warning::SmallImagesChanged { side_pixels })
}

fn test_images(dataset: &Dataset) -> Result<Images> {
    let set = training::Labelled { shape: dataset.shape, images: (*dataset.images).clone(), labels: dataset.labels.clone() };
    Images::new(set, usize::MAX, &dataset.name)
}

fn check_training(images: &Images, network: &Network, place: &str) -> Result<()> {
    let classes = network.classes() as u32;
    match images.labels.iter().position(|&label| label >= classes) {
        _ if images.shape != network.input_shape => {
            Err(Error::input(place, format!("training images of {:?}; the network takes {:?}", images.shape, network.input_shape)))
        }
        Some(at) => Err(Error::input(place, format!("training image {at} has label {}; the network has {classes} classes", images.labels[at]))),
        None => Ok(()),
    }
}

/// The network at `path`, which must be one of integers for the same images and classes as `float`.
fn quantised_form(path: &str, float: &Network) -> Result<Network> {
    let network = read::read(Path::new(path))?;
    if network.input_shape != float.input_shape || network.classes() != float.classes() {
        let shape = |n: &Network| format!("{:?} to {} classes", n.input_shape, n.classes());
        return Err(Error::input(path, format!("a network from {}; network.model is from {}", shape(&network), shape(float))));
    }
    let weights = network.nodes.iter().filter_map(|node| if let Op::Conv2d { weight, .. } | Op::Linear { weight, .. } = &node.op { Some(weight) } else { None });
    if let Some(at) = weights.into_iter().position(|weight| weight.step.is_none()) {
        return Err(Error::input(path, format!("weight layer {at} has floats; train.start takes a network of integers")).hint("a float network is network.model, with train.start = \"float\""));
    }
    Ok(network)
}

/// What a training is: all that its result depends on.
fn identity(networks: [&Network; 2], dataset: &Dataset, training: &Images, config: &Config) -> serde_json::Value {
    let mut form = bwq::network::hash::Canonical::new("bwq-training-images-1");
    form.bytes(&training.pixels);
    form.words(training.labels.iter().copied());
    // Paths are no part of it: the contents are.
    let values: Vec<_> = config.resolved.iter().filter(|(key, _)| !key.starts_with("network.") && key != "train.start").collect();
    serde_json::json!({
        "version": 1,
        "network": hex(&networks[0].content_hash()),
        "start": hex(&networks[1].content_hash()),
        "test_images": hex(&dataset.content_hash()),
        "training_images": hex(&form.finish()),
        "values": values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_to_training_images_is_said() {
        let config = |set: &str| Config::parse("[network]\ndataset = \"x\"\n", "t", &[set.to_string()]).expect("a training");
        let of_defaults = config("train.epochs=20");
        assert_eq!(changes(&of_defaults), ", shifted by up to 4 pixels (train.crop), turned left to right at random (train.flip)");
        let warned = |config: &Config, side: usize| small_images_changed(config, [1, side, 32]).is_some();
        assert!(warned(&of_defaults, 8) && warned(&config("train.flip=false"), 8) && !warned(&of_defaults, 28));
        assert!(!warned(&Config { crop: 1, flip: false, ..of_defaults }, 8));
    }
}
