//! The outer loops of BWQ-A: alpha is raised while activations have their first number of bits, then activation bits are
//! taken away, as long as models stay within the budget. The model carries over from setting to setting; the last one within
//! the budget is kept. As in the paper, test images decide; it is the engine's integers that classify them, so that what keeps the budget
//! is what is exported. (The training's forward pass has no room for what integers round between two crossbars: branches of a sum have
//! 20 bits there, which puts one image in a hundred of ResNet-20 on the other side. Without sums the two agree.)

use crate::export::engine_correct;
use crate::model::Model;
use crate::pass::Pass;
use crate::train::{Position, Trainer};
use bwq::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// A line of curve.csv: the state after an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Setting, from 0.
    pub setting: usize,
    /// Epochs done in all settings.
    pub epoch: usize,
    /// Strength of the lasso.
    pub alpha: f64,
    /// Bits of an activation.
    pub activation_bits: u32,
    /// Learning rate at the end of the epoch.
    pub learning_rate: f64,
    /// Mean cross entropy of the epoch's training images, in nats.
    pub loss: f64,
    /// The lasso's term after the epoch.
    pub lasso: f64,
    /// Share of the epoch's training images that were classified as labelled.
    pub training_accuracy_frac: f64,
    /// Share of the test images, by the engine's integers.
    pub accuracy_frac: f64,
    /// Mean magnitude bits of a weight.
    pub mean_bits: f64,
}

impl Row {
    /// 32 / mean magnitude bits, the paper's count; infinite where no bit is left.
    pub fn compression(&self) -> f64 {
        32.0 / self.mean_bits
    }
}

/// The last model within the budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// The model.
    pub model: Model,
    /// Its alpha.
    pub alpha: f64,
    /// Test images classified as labelled.
    pub correct: usize,
}

/// Everything that changes during a training.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The setting at hand: an index of alphas, then of activation bits from the second on.
    pub setting: usize,
    /// Where in it.
    pub at: Position,
    /// The model at hand.
    pub model: Model,
    /// The last one within the budget.
    pub best: Option<Best>,
    /// Of every epoch.
    pub rows: Vec<Row>,
    /// Whether the training is over.
    pub done: bool,
}

/// Who hears of a training.
pub trait Observer {
    /// After an epoch: its line, and the share of the settings' epochs that is done.
    fn epoch(&mut self, row: &Row, state: &State) -> Result<()>;
    /// After a setting: whether its model is within the budget.
    fn setting(&mut self, row: &Row, passed: bool);
    /// Whether to stop; the state is then as it is after a whole step.
    fn stop(&self) -> bool;
}

/// Number of settings, if all models are within the budget.
pub fn settings(trainer: &Trainer) -> usize {
    trainer.config.alpha.len() + trainer.config.activation_bits.len() - 1
}

/// Runs the outer loops from a state on. False if it was stopped; the state then says where.
///
/// # Errors
/// A loss that is not finite, and what the observer refuses.
pub fn run(trainer: &Trainer, state: &mut State, float_correct: usize, observer: &mut dyn Observer) -> Result<bool> {
    let config = trainer.config;
    let mut pass = Pass::new(trainer.graph);
    let allowed = (config.max_drop * trainer.test.len() as f64).floor() as usize;
    while !state.done {
        let bits = (state.setting + 1).checked_sub(config.alpha.len()).map(|after| config.activation_bits[after]);
        let alpha = match (bits, &state.best) {
            (Some(_), Some(best)) if state.setting >= config.alpha.len() => best.alpha,
            _ => config.alpha[state.setting.min(config.alpha.len() - 1)],
        };
        state.model.activation_bits = bits.unwrap_or(config.activation_bits[0]);
        while state.at.epoch < config.epochs {
            if !trainer.epoch(&mut state.model, &mut state.at, alpha, &mut pass, &|_| observer.stop()) {
                return Ok(false);
            }
            let correct = engine_correct(trainer, &state.model)?;
            let seen = (trainer.steps() * config.batch.min(trainer.training.len())) as f64;
            let loss = std::mem::take(&mut state.at.loss);
            if !loss.sum.is_finite() {
                return Err(Error::input("train.learning_rate", format!("the loss of epoch {} is not finite: the training diverged", state.at.total_epochs))
                    .hint("lower train.learning_rate or train.plane_rate; the state before this epoch is kept"));
            }
            let row = Row {
                setting: state.setting,
                epoch: state.at.total_epochs,
                alpha,
                activation_bits: state.model.activation_bits,
                learning_rate: trainer.rate(&state.at),
                loss: loss.sum / seen,
                lasso: trainer.lasso(&state.model, alpha),
                training_accuracy_frac: loss.correct as f64 / seen,
                accuracy_frac: correct as f64 / trainer.test.len() as f64,
                mean_bits: state.model.mean_bits(),
            };
            state.rows.push(row.clone());
            if state.at.epoch == config.epochs {
                let passed = correct + allowed >= float_correct;
                decide(trainer, state, alpha, correct, passed);
                observer.setting(&row, passed);
                observer.epoch(&row, state)?;
                break;
            }
            observer.epoch(&row, state)?;
        }
    }
    Ok(true)
}

/// Goes to the next setting.
fn decide(trainer: &Trainer, state: &mut State, alpha: f64, correct: usize, passed: bool) {
    let alphas = trainer.config.alpha.len();
    if passed {
        state.best = Some(Best { model: state.model.clone(), alpha, correct });
        state.setting += 1;
    } else if let (true, Some(best)) = (state.setting < alphas, &state.best) {
        // Too much: back to the last model within the budget, and on to its activations.
        state.model = best.model.clone();
        state.setting = alphas;
    } else {
        state.done = true;
    }
    state.at = Position { total_epochs: state.at.total_epochs, ..Position::default() };
    state.done |= state.setting >= settings(trainer);
}
