//! Parameters that stay floats: biases, gamma and beta of batch norms, ranges of activations.

/// A trainable vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    /// Node and role: `bn1.gamma`.
    pub name: String,
    /// Values.
    pub values: Vec<f32>,
    /// Momentum.
    pub momentum: Vec<f32>,
    /// Least and largest value.
    pub within: [f32; 2],
}

impl Vector {
    /// A vector without bounds.
    pub fn new(name: String, values: Vec<f32>) -> Self {
        Vector { name, momentum: vec![0.0; values.len()], values, within: [f32::NEG_INFINITY, f32::INFINITY] }
    }

    /// One step of gradient descent with momentum and weight decay.
    pub fn update(&mut self, gradient: &[f32], rate: f32, momentum: f32, decay: f32) {
        for ((value, m), g) in self.values.iter_mut().zip(&mut self.momentum).zip(gradient) {
            *m = momentum * *m + (g + decay * *value);
            *value = (*value - rate * *m).max(self.within[0]).min(self.within[1]);
        }
    }
}
