//! The tables of a training: what `bwq-train` writes into a folder and `bwq report` shows.

use super::Column;

/// The table of epochs.
pub const CURVE_FILE: &str = "curve.csv";
/// The table of layers; of the same name as a sweep's, which no training writes.
pub const LAYERS_FILE: &str = "layers.csv";
/// Where both come from.
pub const PROVENANCE_FILE: &str = "train.provenance.json";

/// Columns of curve.csv, a row after every epoch.
pub const CURVE: &[Column] = &[
    Column { name: "setting", meaning: "setting of alpha and activation bits, from 0" },
    Column { name: "epoch", meaning: "epochs done in all settings" },
    Column { name: "alpha", meaning: "strength of the lasso" },
    Column { name: "activation_bits", meaning: "bits of an activation" },
    Column { name: "learning_rate", meaning: "learning rate at the end of the epoch" },
    Column { name: "loss", meaning: "mean cross entropy of the epoch's training images, in nats" },
    Column { name: "lasso", meaning: "the lasso's term of the loss after the epoch" },
    Column { name: "training_accuracy_frac", meaning: "share of the epoch's training images classified as labelled" },
    Column { name: "accuracy_frac", meaning: "share of the test images, by the integers that the engine runs" },
    Column { name: "mean_bits", meaning: "mean magnitude bits of a weight" },
    Column { name: "compression", meaning: "32-bit weights over magnitude bits, the paper's count: 32 / mean_bits; empty where no bit is left" },
];

/// Columns of layers.csv, a row for each layer of the network kept.
pub const LAYERS: &[Column] = &[
    Column { name: "layer", meaning: "name of the layer" },
    Column { name: "rows", meaning: "rows of its matrix" },
    Column { name: "outputs", meaning: "columns of its matrix" },
    Column { name: "blocks", meaning: "groups of weights with one precision" },
    Column { name: "blocks_without_bits", meaning: "those of 0 bits" },
    Column { name: "mean_bits", meaning: "mean magnitude bits of a weight" },
    Column { name: "most_bits", meaning: "most magnitude bits of a group" },
];
