//! Broken files of a training, TRAIN.toml and its checkpoint: refused with a message that names the file, or read as what they say; as
//! `tests/malformed.rs` does for all other files.

#[allow(dead_code, reason = "each test file uses a part")]
#[path = "../../tests/support/mutations.rs"]
mod mutations;
mod support;
#[path = "../../tests/support/trial.rs"]
mod trial;

use bwq::dataset::{self, training};
use bwq::network::read;
use bwq_train::checkpoint;
use bwq_train::config::Config;
use bwq_train::data::Images;
use bwq_train::graph::Graph;
use bwq_train::model::{Model, Start};
use bwq_train::pass::Pass;
use bwq_train::search::{Best, State};
use bwq_train::train::{Position, Trainer};
use mutations::{of_safetensors, of_text};
use trial::{Reader, try_out};

const TRAIN: &str = "[network]\nmodel = \"net.json\"\ndataset = \"data\"\nimages = 60\n[quantization]\nweight_bits = 5\nactivation_bits = [4, 3]\n[train]\nmethod = \"bwq\"\n\
    block_rows = 9\nblock_cols = 8\nalpha = [0.01, 0.02]\nmax_drop = 0.02\nepochs = 6\nadjust_every = 2\nsettle_epochs = 1\nbatch = 8\nlearning_rate = 0.05\nplane_rate = 10\ncrop = 1\n\
    flip = false\nseed = 3\n";

#[test]
fn settings() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("train.toml");
    let read = || Config::load(&file, &[]).map(|config| assert!(config.batch > 0 && config.epochs > 0 && !config.alpha.is_empty() && !config.activation_bits.is_empty()));
    try_out(&Reader { name: "training (TOML)", file: &file, folder: dir.path(), seeds: &[TRAIN.as_bytes().to_vec()], change: &of_text, read: &read, share: 1.0 });
}

#[test]
fn checkpoints() {
    let dir = support::small();
    let network = read::read(&dir.path().join("net.json")).expect("a network");
    let dataset = dataset::load(dir.path(), 60, 16).expect("a test set");
    let images = Images::new(training::load_training(dir.path()).expect("a training set"), 128, "train").expect("images");
    let test = Images::new(training::Labelled { shape: dataset.shape, images: (*dataset.images).clone(), labels: dataset.labels.clone() }, 60, "test").expect("images");
    let config = Config::parse(TRAIN, "train.toml", &[]).expect("a training");
    let graph = Graph::new(&network).expect("a graph");
    let trainer = Trainer { network: &network, graph: &graph, config: &config, training: &images, test: &test, dataset: &dataset };
    let model = Model::new(&network, &graph, &Start { block: Some([9, 8]), weight_bits: 4, activation_bits: 4 }, &dataset.calibration).expect("a model");
    let state = State { setting: 0, at: Position { step: 3, ..Position::default() }, model: model.clone(), best: Some(Best { model, alpha: 0.01, correct: 5 }), rows: Vec::new(), done: false };
    let file = dir.path().join("checkpoint.safetensors");
    checkpoint::write(&file, "this", &state).expect("written");
    let read = || {
        let read = checkpoint::read(&file, "this", &state, &trainer)?.expect("a state");
        assert_eq!(trainer.logits(&read.model, &mut Pass::new(&graph)).len(), 60 * network.classes());
        Ok(())
    };
    let seed = std::fs::read(&file).expect("a checkpoint");
    assert_eq!(checkpoint::read(&file, "this", &state, &trainer).expect("read").as_ref(), Some(&state));
    let change = |valid: &[u8], rng: &mut bwq::rng::PhiloxStream| {
        use rand::RngExt;
        // The state is a text in the header: what it says, and not only that it is one, changes.
        if rng.random() { of_state(valid, rng) } else { of_safetensors(valid, rng) }
    };
    try_out(&Reader { name: "checkpoint (safetensors)", file: &file, folder: dir.path(), seeds: &[seed], change: &change, read: &read, share: 0.2 });
}

/// Changes of the state's own JSON.
fn of_state(valid: &[u8], rng: &mut bwq::rng::PhiloxStream) -> Vec<u8> {
    let length = u64::from_le_bytes(valid[..8].try_into().expect("8 bytes")) as usize;
    let (header, data) = valid[8..].split_at(length);
    let mut header: serde_json::Value = serde_json::from_slice(header).expect("JSON");
    let state = header["__metadata__"]["state"].as_str().expect("a state").to_string();
    header["__metadata__"]["state"] = String::from_utf8_lossy(&mutations::of_json(state.as_bytes(), rng)).into();
    let header = serde_json::to_vec(&header).expect("JSON");
    [&(header.len() as u64).to_le_bytes(), &header[..], data].concat()
}
