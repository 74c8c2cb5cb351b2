//! What counts as the same network or data: SHA-256 over a canonical form.
//!
//! Names, file paths and white space stay out of it; every list is preceded by its length, so that no two
//! different contents share a form. Floats count by their bits.

use super::{Network, Op, Tensor};
use sha2::{Digest, Sha256};

/// A hash under construction.
pub struct Canonical(Sha256);

impl Canonical {
    /// Starts a form called `kind`; change the name with the form.
    pub fn new(kind: &str) -> Self {
        let mut form = Canonical(Sha256::new());
        form.bytes(kind.as_bytes());
        form
    }
    /// One number.
    pub fn number(&mut self, n: usize) {
        self.0.update((n as u64).to_le_bytes());
    }
    /// A list of numbers.
    pub fn numbers(&mut self, list: &[usize]) {
        self.number(list.len());
        list.iter().for_each(|&n| self.number(n));
    }
    /// A string of bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }
    /// A list of u32.
    pub fn words(&mut self, words: impl ExactSizeIterator<Item = u32>) {
        self.number(words.len());
        // In pieces: a hash takes long slices faster than single words.
        let mut piece = Vec::with_capacity(4096);
        for word in words {
            piece.extend_from_slice(&word.to_le_bytes());
            if piece.len() == 4096 {
                self.0.update(&piece);
                piece.clear();
            }
        }
        self.0.update(&piece);
    }
    /// A list of f32, by their bits.
    pub fn floats(&mut self, values: &[f32]) {
        self.words(values.iter().map(|v| v.to_bits()));
    }
    /// A list of f64, by their bits.
    pub fn doubles(&mut self, values: &[f64]) {
        self.number(values.len());
        values.iter().for_each(|v| self.0.update(v.to_bits().to_le_bytes()));
    }
    /// The digest.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn tensor(&mut self, tensor: &Tensor) {
        self.numbers(&tensor.shape);
        self.floats(&tensor.values);
        if let Some(step) = &tensor.step {
            self.bytes(b"step");
            self.doubles(step);
        }
    }
    fn bias(&mut self, bias: &Option<Vec<f32>>) {
        self.number(bias.is_some() as usize);
        self.floats(bias.as_deref().unwrap_or(&[]));
    }
    fn op(&mut self, op: &Op) {
        self.bytes(op.name().as_bytes());
        match op {
            Op::Conv2d { weight, bias, stride, pad, dilation, groups } => {
                self.tensor(weight);
                self.bias(bias);
                self.numbers(stride);
                self.numbers(pad);
                self.numbers(dilation);
                self.number(*groups);
            }
            Op::BatchNorm { gamma, beta, mean, var, eps } => {
                [gamma, beta, mean, var].into_iter().for_each(|v| self.floats(v));
                self.doubles(&[*eps]);
            }
            Op::Linear { weight, bias } => {
                self.tensor(weight);
                self.bias(bias);
            }
            Op::MaxPool { kernel, stride, pad } | Op::AvgPool { kernel, stride, pad } => {
                self.numbers(kernel);
                self.numbers(stride);
                self.numbers(pad);
            }
            Op::Subsample { stride } => self.numbers(stride),
            Op::PadChannels { before, after } => self.numbers(&[*before, *after]),
            Op::ClippedRelu { high } if *high != 6.0 => self.floats(&[*high]),
            Op::Relu | Op::ClippedRelu { .. } | Op::GlobalAvgPool | Op::Flatten | Op::Add | Op::Concat => {}
        }
    }
}

impl Network {
    /// SHA-256 of what the network computes: input shape, normalisation, graph and weight bits. Two files that
    /// differ in names, comments, key order or white space have the same hash.
    pub fn content_hash(&self) -> [u8; 32] {
        let mut form = Canonical::new("bwq-network-1");
        form.numbers(&self.input_shape);
        form.doubles(&[self.preprocess.scale]);
        form.doubles(&self.preprocess.mean);
        form.doubles(&self.preprocess.std);
        form.number(self.nodes.len());
        for node in &self.nodes {
            form.op(&node.op);
            if let Some(range) = &node.range {
                form.bytes(b"range");
                form.doubles(range);
            }
            form.number(node.inputs.len());
            for source in &node.inputs {
                form.number(source.position());
            }
        }
        form.finish()
    }
}
