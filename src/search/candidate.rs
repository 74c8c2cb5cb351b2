//! Networks in integers by every method, each at one setting: a price of a bit, or a width.

use super::Problem;
use super::fit::{Choice, Fitted, fit};
use super::layer::{Layer, layers};
use super::walk::{Replacement, put, walk};
use crate::error::Result;
use crate::network::{Network, Op, Tensor};
use crate::quantize::PrecisionMap;
use crate::quantize::weights::{magnitude_bits, quantize};
use std::collections::BTreeMap;

/// How bits are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A number of bits for each block, by the search.
    Block,
    /// A number of bits for each layer, by the same search with a block as large as the layer (as BSQ gives them).
    Layer,
    /// One number for all, weights rounded to nearest.
    Uniform,
    /// The same integers; leading bits that no weight of a block uses are taken away.
    UniformStripped,
    /// One number for all, rounded as the search does, leading zeros taken away: what is left of the search without its choice of bits.
    UniformCompensated,
}

/// All methods, in the order of tables.
pub const METHODS: [Method; 5] = [Method::Block, Method::Layer, Method::UniformCompensated, Method::UniformStripped, Method::Uniform];

impl Method {
    /// Its name in tables.
    pub fn word(self) -> &'static str {
        match self {
            Method::Block => "block-wise",
            Method::Layer => "layer-wise",
            Method::Uniform => "uniform",
            Method::UniformStripped => "uniform-stripped",
            Method::UniformCompensated => "uniform-compensated",
        }
    }
}

/// Bits of a layer's blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerBits {
    /// Name of the layer.
    pub name: String,
    /// Rows and outputs of its matrix.
    pub shape: [usize; 2],
    /// Positions of its window in one image.
    pub positions: usize,
    /// `[block row][block column]` magnitude bits.
    pub bits: Vec<Vec<u8>>,
}

/// A network in integers.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// How its bits were given.
    pub method: Method,
    /// Price of a unit of cost (`Block`, `Layer`) in mean squared change of the logits, or magnitude bits (the others).
    pub setting: f64,
    /// Batch norms folded; weights are integers with their worth.
    pub network: Network,
    /// In execution order.
    pub layers: Vec<LayerBits>,
}

impl Candidate {
    /// Its bits as a precision map of blocks of `block` rows and columns.
    pub fn map(&self, block: [usize; 2]) -> PrecisionMap {
        let layers: BTreeMap<String, Vec<Vec<u8>>> = self.layers.iter().map(|l| (l.name.clone(), l.bits.clone())).collect();
        PrecisionMap::new(block, layers)
    }

    /// Most magnitude bits of a block.
    pub fn most_bits(&self) -> u32 {
        self.layers.iter().flat_map(|l| l.bits.iter().flatten()).copied().max().map_or(0, u32::from)
    }
}

/// A network whose bits were searched at a price.
///
/// # Errors
/// Inputs that are not finite.
pub fn searched(problem: &Problem, method: Method, price: f64, per_error: &[f64]) -> Result<Candidate> {
    quantised(problem, method, price, &mut |problem, layer, index| {
        let block = if method == Method::Layer { [layer.rows, layer.outputs] } else { problem.block };
        (block, None, price / per_error[index])
    })
}

/// A network of `bits` bits everywhere, rounded as the search does.
///
/// # Errors
/// Inputs that are not finite.
pub fn compensated(problem: &Problem, bits: u32) -> Result<Candidate> {
    quantised(problem, Method::UniformCompensated, f64::from(bits), &mut |problem, _, _| (problem.block, Some(bits), 0.0))
}

/// For each layer with its number: block, fixed bits, price of a unit of cost in output error.
type Rule<'a> = dyn FnMut(&Problem, &Layer, usize) -> ([usize; 2], Option<u32>, f64) + 'a;

fn quantised(problem: &Problem, method: Method, setting: f64, rule: &mut Rule) -> Result<Candidate> {
    let mut all = Vec::new();
    let network = walk(problem.network, problem.images, &mut |layer, statistics| {
        let (block, fixed_bits, price) = rule(problem, layer, all.len());
        let price = |rows: usize, columns: usize, bits: u32| price * problem.cost(layer, rows, columns, bits);
        let fitted = fit(layer, statistics, &Choice { block, most_bits: problem.most_bits, fixed_bits, price: &price })?;
        all.push(of_layer(problem, layer, &fitted, block));
        Ok(Some(fitted.replacement(layer)))
    })?;
    Ok(Candidate { method, setting, network, layers: all })
}

/// A layer's bits in the problem's blocks: those of `block`, of which one may hold the whole layer.
fn of_layer(problem: &Problem, layer: &Layer, fitted: &Fitted, block: [usize; 2]) -> LayerBits {
    let bits = |row: usize, column: usize| fitted.bits[row * problem.block[0] / block[0]][column * problem.block[1] / block[1]];
    let [rows, columns] = [layer.rows.div_ceil(problem.block[0]), layer.outputs.div_ceil(problem.block[1])];
    let bits = (0..rows).map(|row| (0..columns).map(|column| bits(row, column)).collect()).collect();
    LayerBits { name: layer.name.into(), shape: [layer.rows, layer.outputs], positions: layer.positions, bits }
}

/// The network of `bits` magnitude bits everywhere, weights rounded to nearest, and the same with its leading zeros taken away.
pub fn rounded(problem: &Problem, bits: u32) -> [Candidate; 2] {
    let mut network = problem.network.clone();
    let (mut full, mut stripped) = (Vec::new(), Vec::new());
    for layer in layers(problem.network) {
        let quantized = quantize(&layer.weight.values, layer.outputs, bits + 1, problem.weight_scale);
        let needed = needed_bits(&quantized.values, layer.rows, problem.block);
        let of = |bits: Vec<Vec<u8>>| LayerBits { name: layer.name.into(), shape: [layer.rows, layer.outputs], positions: layer.positions, bits };
        full.push(of(needed.iter().map(|row| vec![bits as u8; row.len()]).collect()));
        stripped.push(of(needed));
        let weight = Tensor::of_integers(layer.weight.shape.clone(), &quantized.values, quantized.scale);
        let bias = match &problem.network.nodes[layer.node].op {
            Op::Conv2d { bias, .. } | Op::Linear { bias, .. } => bias.clone(),
            _ => None,
        };
        put(&mut network, layer.node, Replacement { weight, bias: bias.unwrap_or_else(|| vec![0.0; layer.outputs]) });
    }
    let candidate = |method, network, layers| Candidate { method, setting: f64::from(bits), network, layers };
    [candidate(Method::Uniform, network.clone(), full), candidate(Method::UniformStripped, network, stripped)]
}

/// Magnitude bits that the integers `[output][row]` of each block need.
pub fn needed_bits(integers: &[i32], rows: usize, block: [usize; 2]) -> Vec<Vec<u8>> {
    let outputs = integers.len() / rows.max(1);
    let mut bits = vec![vec![0; outputs.div_ceil(block[1])]; rows.div_ceil(block[0])];
    for (i, &integer) in integers.iter().enumerate() {
        let of: &mut u8 = &mut bits[i % rows / block[0]][i / rows / block[1]];
        *of = (*of).max(magnitude_bits(integer) as u8);
    }
    bits
}
