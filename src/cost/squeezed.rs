//! What is known of the zeros of a network that a design squeezes out: weights and images where there are any, else shares that are
//! assumed by name.

use super::costed::Assumption;
use super::costed::LayerCost;
use super::count::Counts;
use super::designs::{Design, Squeeze};
use super::mapping::Load;
use super::network::Subject;
use super::scheme::Scheme;
use super::shape::Layer;
use super::squeeze::inputs::{IMAGES, Inputs, inputs};
use super::squeeze::reads::Reads;
use super::squeeze::weights::magnitudes;
use super::squeeze::{Cells, squeeze};
use crate::config::cost::CostConfig;
use crate::dataset::{self, Dataset};
use crate::embedded;
use crate::error::{Error, Result};
use std::path::Path;

/// Zeros of a network under a design that squeezes them out.
pub struct Sparsity {
    how: Squeeze,
    /// Of each layer.
    cells: Vec<Cells>,
    /// Of each layer, or the share of OU activations that are taken to have no input.
    inputs: std::result::Result<Vec<Inputs>, f64>,
    /// Where they come from.
    source: [String; 2],
}

/// The zeros that a design squeezes out, if it does.
///
/// # Errors
/// Integer weights that need more bits; images that cannot be read or are of another network.
pub fn sparsity(config: &CostConfig, design: &Design, subject: &Subject, scheme: &Scheme) -> Result<Option<Sparsity>> {
    let Some(how) = design.squeeze else { return Ok(None) };
    let (cells, of_cells) = match &subject.weights {
        Some(_) if config.row_compression.is_some() => {
            return Err(Error::input(&config.place, format!("`cost.row_compression`: the weights of `{}` are there, and their zeros are counted", subject.shape.name)).hint("leave it out"));
        }
        Some(network) => (magnitudes(network, &how, scheme).map_err(|why| Error::input(&config.place, why).hint("raise weight_bits"))?, "counted on the network's weights".to_string()),
        None => {
            let (compression, from) = config.row_compression.map_or(how.compression, |c| (c, "as asked"));
            (vec![Cells::Assumed(compression); subject.shape.layers.len()], format!("assumed: one row in {compression} is left in each crossbar ({from})"))
        }
    };
    let images = if how.skips_zero_inputs { images(config, subject)? } else { None };
    let (inputs, of_inputs) = match (&subject.weights, images) {
        (Some(network), Some(dataset)) => {
            if config.zero_input_frac.is_some() {
                return Err(Error::input(&config.place, "`cost.zero_input_frac` beside images on which it is measured").hint("leave it, or the dataset, out"));
            }
            dataset.check_fits(network.input_shape, network.classes())?;
            (Ok(inputs(network, &dataset, scheme.activation_bits)), format!("measured on the first {} images of {}", IMAGES.min(dataset.len()), dataset.name))
        }
        _ => {
            let (share, from) = config.zero_input_frac.map_or(how.zero_input_frac, |f| (f, "as asked"));
            (Err(share), format!("assumed: {share} of OU activations have no input ({from})"))
        }
    };
    Ok(Some(Sparsity { how, cells, inputs, source: [of_cells, of_inputs] }))
}

/// The images of a network, if there are any.
fn images(config: &CostConfig, subject: &Subject) -> Result<Option<Dataset>> {
    match &config.dataset {
        None if subject.is_embedded => Ok(Some(embedded::dataset(IMAGES, 1)?)),
        None => Ok(None),
        Some(_) if subject.weights.is_none() => {
            Err(Error::input(&config.place, format!("`cost.dataset` beside `{}`: a bundled layer table has no weights that images could pass", subject.shape.name)).hint("zero_input_frac = 0.3 states a share"))
        }
        Some(path) => Ok(Some(dataset::load(Path::new(path), IMAGES, 1)?)),
    }
}

impl Sparsity {
    /// What the layer `index` comes to.
    pub fn count(&self, index: usize, layer: &Layer, scheme: &Scheme) -> (Load, Counts, Reads) {
        let squeezed = squeeze(layer, &self.cells[index], self.inputs.as_ref().ok().map(|all| &all[index]), &self.how, scheme);
        let reads = self.inputs.as_ref().map_or_else(|&share| Reads::without(share), |_| squeezed.reads);
        (squeezed.load, Counts::of(layer, &squeezed.load, squeezed.index_entries, reads, scheme), reads)
    }

    /// What the counts of `layers` rest on.
    pub fn assumptions(&self, layers: &[LayerCost], scheme: &Scheme) -> Vec<Assumption> {
        let rows: u64 = layers.iter().map(|l| squeeze(&l.layer, &Cells::Assumed(1.0), None, &self.how, scheme).index_entries).sum();
        let left: u64 = layers.iter().map(|l| l.counts.blocks).sum();
        let zero_rows = format!("{}: {left} of {rows}, {:.3} for one", self.source[0], rows as f64 / left.max(1) as f64);
        let skipped = layers.iter().map(|l| l.reads.skipped_frac()).sum::<f64>() / layers.len().max(1) as f64;
        let mut all = vec![Assumption { name: "zero_rows", value: zero_rows, meaning: "what is known of rows of zeros: rows of cells left, of all" }];
        if self.how.skips_zero_inputs {
            let value = format!("{}: {skipped:.3} of a layer on average", self.source[1]);
            all.push(Assumption { name: "zero_inputs", value, meaning: "what is known of OUs without an input in a step" });
        }
        all
    }
}
