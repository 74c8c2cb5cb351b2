//! One setting: epochs of gradient steps at one alpha and one number of activation bits, with precision adjustments.

use crate::config::{Config, Method};
use crate::data::{Images, Pixel};
use crate::graph::Graph;
use crate::model::Model;
use crate::ops::loss::{Loss, cross_entropy};
use crate::pass::Pass;
use crate::planes::{CellErrors, Rule, Weights};
use bwq::dataset::Dataset;
use bwq::rng::training as random;
use bwq::network::Network;
use rayon::prelude::*;

/// Share of a batch's statistics in the running ones.
const NEW_SHARE: f32 = 0.1;

/// What a training works on.
pub struct Trainer<'a> {
    /// The float network it started from.
    pub network: &'a Network,
    /// Its steps.
    pub graph: &'a Graph,
    /// What the file states.
    pub config: &'a Config,
    /// Training set.
    pub training: &'a Images,
    /// Test set, as the training's forward pass reads it.
    pub test: &'a Images,
    /// The same, as the engine reads it, with its calibration images.
    pub dataset: &'a Dataset,
}

/// Where in a training a model is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Position {
    /// Epochs done in the setting.
    pub epoch: usize,
    /// Steps done in the epoch.
    pub step: usize,
    /// Epochs done in all settings.
    pub total_epochs: usize,
    /// Cross entropy and right answers of the epoch so far.
    pub loss: Loss,
}

impl Trainer<'_> {
    /// Steps of an epoch. What is left beyond whole batches is left out of it.
    pub fn steps(&self) -> usize {
        (self.training.len() / self.config.batch).max(1)
    }

    /// Epochs in which the lasso is on.
    pub fn lasso_epochs(&self) -> usize {
        if self.config.method == Method::Qat { 0 } else { self.config.epochs - self.config.settle_epochs }
    }

    /// Learning rate of a step: a cosine from the file's to 0 over a setting.
    pub fn rate(&self, at: &Position) -> f64 {
        let done = (at.epoch * self.steps() + at.step) as f64 / (self.config.epochs * self.steps()) as f64;
        self.config.learning_rate * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * done))
    }

    /// Goes on with an epoch until it is done (true) or `stop` is (false).
    pub fn epoch(&self, model: &mut Model, at: &mut Position, alpha: f64, pass: &mut Pass, stop: &dyn Fn(&Position) -> bool) -> bool {
        let order = random::order(self.config.seed, at.total_epochs as u32, self.training.len());
        let table = Pixel::new(self.network, model.activation_bits);
        let batch = self.config.batch.min(self.training.len());
        while at.step < self.steps() {
            if stop(at) {
                return false;
            }
            let which = &order[at.step * batch..][..batch];
            let labels = self.training.augmented(which, &table, self.config, at.total_epochs as u32, pass.input(batch));
            let alpha = if at.epoch < self.lasso_epochs() { alpha } else { 0.0 };
            let loss = self.step(model, at, alpha, pass, &labels);
            at.loss = Loss { sum: at.loss.sum + loss.sum, correct: at.loss.correct + loss.correct };
            at.step += 1;
        }
        (at.step, at.epoch, at.total_epochs) = (0, at.epoch + 1, at.total_epochs + 1);
        let in_lasso = at.epoch <= self.lasso_epochs();
        if in_lasso && (at.epoch.is_multiple_of(self.config.adjust_every) || at.epoch == self.lasso_epochs()) {
            model.layers.iter_mut().for_each(|layer| layer.adjust());
        }
        true
    }

    fn step(&self, model: &mut Model, at: &Position, alpha: f64, pass: &mut Pass, labels: &[u32]) -> Loss {
        let weights = self.weights(model, at);
        pass.forward(model, &weights, true);
        let (loss, gradients) = pass.backward(model, &weights, |logits, gradient| cross_entropy(logits, labels, gradient));
        let (rate, momentum) = (self.rate(at), self.config.momentum as f32);
        let decay = self.config.weight_decay as f32;
        let strengths: Vec<f64> = (0..model.layers.len()).map(|layer| model.lasso_strength(layer, alpha)).collect();
        model.layers.par_iter_mut().enumerate().for_each(|(index, layer)| {
            let rule = Rule { rate: (rate * self.config.plane_rate) as f32, momentum, decay, lasso: strengths[index] as f32 };
            layer.update(&weights[index], &gradients.layers[index], &rule);
        });
        for (index, (vector, gradient)) in model.vectors.iter_mut().zip(&gradients.vectors).enumerate() {
            vector.update(gradient, rate as f32, momentum, if self.graph.decays(index) { decay } else { 0.0 });
        }
        let (images, values) = (labels.len(), |step: usize| self.graph.steps[step].len);
        for (step, of) in self.graph.steps.iter().enumerate() {
            if let crate::graph::Kind::BatchNorm { statistics, .. } = of.kind {
                let (new, running) = (&pass.statistics[statistics], &mut model.running[statistics]);
                let count = (images * values(step) / new.mean.len()) as f32;
                let unbiased = count / (count - 1.0).max(1.0);
                for (old, new) in running.mean.iter_mut().zip(&new.mean) {
                    *old += NEW_SHARE * (new - *old);
                }
                for (old, new) in running.var.iter_mut().zip(&new.var) {
                    *old += NEW_SHARE * (new * unbiased - *old);
                }
            }
        }
        loss
    }

    /// The weights of a step, with the errors of its cells if the training is to know variation.
    fn weights(&self, model: &Model, at: &Position) -> Vec<Weights> {
        let number = (at.total_epochs * self.steps() + at.step) as u32;
        let mut first = 0;
        let first_of = |layer: &crate::planes::Layer| {
            first += layer.blocks.weights() as u32;
            first - layer.blocks.weights() as u32
        };
        let firsts: Vec<u32> = model.layers.iter().map(first_of).collect();
        let errors = |first| (self.config.sigma_ln > 0.0).then_some(CellErrors { sigma_ln: self.config.sigma_ln, seed: self.config.seed, step: number, first });
        model.layers.par_iter().zip(firsts).map(|(layer, first)| layer.weights(errors(first))).collect()
    }

    /// The lasso's term of the loss.
    pub fn lasso(&self, model: &Model, alpha: f64) -> f64 {
        model.layers.iter().enumerate().map(|(index, layer)| model.lasso_strength(index, alpha) * layer.lasso()).sum()
    }

    /// Logits [image, class] of the test images by the training's own forward pass, batch norms with running statistics.
    pub fn logits(&self, model: &Model, pass: &mut Pass) -> Vec<f32> {
        let weights: Vec<Weights> = model.layers.iter().map(|layer| layer.weights(None)).collect();
        let table = Pixel::new(self.network, model.activation_bits);
        let all: Vec<u32> = (0..self.test.len() as u32).collect();
        let mut logits = Vec::new();
        for which in all.chunks(self.config.batch.max(64)) {
            self.test.plain(which, &table, pass.input(which.len()));
            pass.forward(model, &weights, false);
            logits.extend_from_slice(pass.logits());
        }
        logits
    }

    /// Test images classified as labelled.
    pub fn correct(&self, logits: &[f32]) -> usize {
        let classes = logits.len() / self.test.len();
        logits.chunks_exact(classes).zip(&self.test.labels).filter(|(logits, label)| bwq::network::float::argmax(logits) == **label as usize).count()
    }
}
