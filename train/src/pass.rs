//! One pass of a batch through the graph, forwards and backwards. Buffers stay from batch to batch.

use crate::graph::{Graph, Kind};
use crate::model::Model;
use crate::ops::batch_norm::{self, Statistics};
use crate::ops::{conv, linear, moves, pact};
use crate::planes::Weights;

/// What the gradients of a batch are.
pub struct Gradients {
    /// With respect to the values of every layer's weights.
    pub layers: Vec<Vec<f32>>,
    /// With respect to every vector.
    pub vectors: Vec<Vec<f32>>,
}

/// Buffers of a batch.
pub struct Pass<'g> {
    graph: &'g Graph,
    /// Values: the input, then the output of every step.
    values: Vec<Vec<f32>>,
    gradients: Vec<Vec<f32>>,
    /// Of the batch, per batch norm.
    pub statistics: Vec<Statistics>,
    images: usize,
}

impl<'g> Pass<'g> {
    /// Buffers for a graph.
    pub fn new(graph: &'g Graph) -> Self {
        let values = vec![Vec::new(); graph.steps.len() + 1];
        Pass { graph, gradients: values.clone(), values, statistics: vec![Statistics::default(); graph.statistics.len()], images: 0 }
    }

    /// The batch that the next pass reads, [image, channel, row, column].
    pub fn input(&mut self, images: usize) -> &mut [f32] {
        self.images = images;
        self.values[0].resize(images * self.graph.input_len, 0.0);
        &mut self.values[0]
    }

    /// The logits of the last pass.
    pub fn logits(&self) -> &[f32] {
        self.values.last().map_or(&[], Vec::as_slice)
    }

    /// Runs the batch forwards; in training batch norms use the batch's own statistics, else the running ones.
    pub fn forward(&mut self, model: &Model, weights: &[Weights], training: bool) {
        let images = self.images;
        for (index, step) in self.graph.steps.iter().enumerate() {
            let mut out = std::mem::take(&mut self.values[index + 1]);
            out.resize(images * step.len, 0.0);
            let x = &self.values[step.inputs[0]];
            let vector = |v: usize| model.vectors[v].values.as_slice();
            match &step.kind {
                Kind::Conv { conv, layer, bias } => conv.forward(&weights[*layer].values, bias.map(vector), x, &mut out),
                Kind::Linear { inputs, layer, bias } => linear::forward(&weights[*layer].values, bias.map(vector), x, *inputs, &mut out),
                Kind::BatchNorm { gamma, beta, statistics, eps } if training => {
                    self.statistics[*statistics] = batch_norm::forward(vector(*gamma), vector(*beta), *eps, x, images, &mut out);
                }
                Kind::BatchNorm { gamma, beta, statistics, eps } => {
                    let running = &model.running[*statistics];
                    batch_norm::apply(vector(*gamma), vector(*beta), &running.mean, &running.var, *eps, x, images, &mut out);
                }
                Kind::Relu { top } => pact::relu(x, *top, &mut out),
                Kind::Pact { range, signed } => model.pact(*range, *signed).forward(x, &mut out),
                Kind::MaxPool(pool) => pool.max_forward(x, &mut out),
                Kind::MeanPool(pool) => pool.mean_forward(x, &mut out),
                Kind::Flatten => out.copy_from_slice(x),
                Kind::Add => moves::add(x, &self.values[step.inputs[1]], &mut out),
                Kind::Copies(copies) => copies.iter().zip(&step.inputs).for_each(|(copy, &input)| copy.forward(&self.values[input], &mut out)),
            }
            self.values[index + 1] = out;
        }
    }

    /// Runs backwards from the gradient of the logits, which `of_logits` writes.
    pub fn backward<T>(&mut self, model: &Model, weights: &[Weights], of_logits: impl FnOnce(&[f32], &mut [f32]) -> T) -> (T, Gradients) {
        let images = self.images;
        let mut result = Gradients { layers: vec![Vec::new(); model.layers.len()], vectors: model.vectors.iter().map(|v| vec![0.0; v.values.len()]).collect() };
        let last = self.values.len() - 1;
        let mut ready = vec![false; last + 1];
        self.gradients[last].resize(self.values[last].len(), 0.0);
        let told = of_logits(&self.values[last], &mut self.gradients[last]);
        ready[last] = true;
        for (index, step) in self.graph.steps.iter().enumerate().rev() {
            if !ready[index + 1] {
                continue; // nobody reads it
            }
            let dy = std::mem::take(&mut self.gradients[index + 1]);
            let (values, from) = (&self.values, step.inputs[0]);
            let x = &values[from];
            let vector = |v: usize| model.vectors[v].values.as_slice();
            // The gradient of the first input, unless that is the image.
            let mut dx = if ready[from] { Vec::new() } else { std::mem::take(&mut self.gradients[from]) };
            dx.resize(x.len(), 0.0);
            match &step.kind {
                Kind::Conv { conv, layer, bias } => {
                    result.layers[*layer] = conv.backward_weight(x, &dy, images);
                    if let Some(bias) = bias {
                        result.vectors[*bias] = conv::backward_bias(&dy, conv.output[0], images);
                    }
                    if from > 0 {
                        conv.backward_input(&weights[*layer].values, &dy, &mut dx);
                    }
                }
                Kind::Linear { inputs, layer, bias } => {
                    result.layers[*layer] = linear::backward_weight(x, &dy, *inputs, images);
                    if let Some(bias) = bias {
                        result.vectors[*bias] = conv::backward_bias(&dy, dy.len() / images, images);
                    }
                    linear::backward_input(&weights[*layer].values, &dy, *inputs, &mut dx);
                }
                Kind::BatchNorm { gamma, beta, statistics, eps } => {
                    let of = &self.statistics[*statistics];
                    let [of_gamma, of_beta] = batch_norm::backward(vector(*gamma), of, *eps, x, &dy, images, &mut dx);
                    (result.vectors[*gamma], result.vectors[*beta]) = (of_gamma, of_beta);
                }
                Kind::Relu { top } => pact::relu_backward(x, *top, &dy, &mut dx),
                Kind::Pact { range, signed } => result.vectors[*range][0] += model.pact(*range, *signed).backward(x, &dy, &mut dx),
                Kind::MaxPool(pool) => pool.max_backward(x, &values[index + 1], &dy, &mut dx),
                Kind::MeanPool(pool) => pool.mean_backward(&dy, &mut dx),
                Kind::Flatten | Kind::Add => dx.copy_from_slice(&dy),
                Kind::Copies(copies) => copies[0].backward(&dy, &mut dx),
            }
            give(&mut self.gradients[from], &mut ready[from], dx);
            for (input, &from) in step.inputs.iter().enumerate().skip(1) {
                let mut dx = vec![0.0; values[from].len()];
                match &step.kind {
                    Kind::Copies(copies) => copies[input].backward(&dy, &mut dx),
                    _ => dx.copy_from_slice(&dy),
                }
                give(&mut self.gradients[from], &mut ready[from], dx);
            }
            self.gradients[index + 1] = dy;
        }
        (told, result)
    }
}

/// Adds to a value's gradient, or begins it.
fn give(gradient: &mut Vec<f32>, ready: &mut bool, more: Vec<f32>) {
    if *ready {
        gradient.iter_mut().zip(&more).for_each(|(g, m)| *g += m);
    } else {
        (*gradient, *ready) = (more, true);
    }
}
