//! Cross entropy of the softmax, mean over a batch, and its gradient.

use bwq::network::float::argmax;

/// What a batch gives.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Loss {
    /// Sum of the cross entropy over the batch, in nats.
    pub sum: f64,
    /// Images classified as labelled.
    pub correct: usize,
}

/// Cross entropy of `logits` [image, class]; `gradient` gets that of the batch's mean.
pub fn cross_entropy(logits: &[f32], labels: &[u32], gradient: &mut [f32]) -> Loss {
    let classes = logits.len() / labels.len();
    let mut loss = Loss::default();
    for ((logits, gradient), &label) in logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes)).zip(labels) {
        let label = label as usize;
        let largest = logits.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        let powers: Vec<f64> = logits.iter().map(|&x| libm::exp(f64::from(x - largest))).collect();
        let total: f64 = powers.iter().sum();
        loss.sum += libm::log(total) - f64::from(logits[label] - largest);
        loss.correct += usize::from(argmax(logits) == label);
        for (class, (g, power)) in gradient.iter_mut().zip(&powers).enumerate() {
            let target = if class == label { 1.0 } else { 0.0 };
            *g = ((power / total - target) / labels.len() as f64) as f32;
        }
    }
    loss
}
