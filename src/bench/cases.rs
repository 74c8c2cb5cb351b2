//! The standard layer: 576 inputs, 64 outputs, 8-bit weights and inputs, 1-bit cells and DAC, differential with analog
//! subtraction, lossless ADC, on/off ratio infinite, 10 % programming error. At some heights and numbers of vectors.

use super::look_up::Aside;
use crate::config::{self, Overrides, PointConfig};
use crate::crossbar::{Conversion, CrossbarLayer};
use crate::device::{self, QuantileTable};
use crate::engine::cpu::crossbar_mvm::{Counts, Mvm};
use crate::engine::cpu::product::Work;
use crate::engine::cpu::program_cells::program_cells;
use crate::error::{Error, Result};
use crate::mvm::{Operands, lay_out};
use crate::quantize::Window;
use crate::rng::PhiloxStream;
use std::cell::RefCell;

/// Inputs of the layer.
pub const INPUTS: usize = 576;
/// Its outputs.
pub const OUTPUTS: usize = 64;
/// Vectors on which kernels are compared with each other.
pub const COMPARED_VECTORS: usize = 64;

/// How finely a conductance is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fraction {
    /// As finely as 32-bit sums allow.
    Max,
    /// As finely as 16-bit sums allow: 16 - ADC bits. From [`COARSE_FROM`] wordlines on.
    Coarse,
}

/// Wordlines from which on the coarse fraction is measured as well.
pub const COARSE_FROM: usize = 16;

impl Fraction {
    /// Its word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Fraction::Max => "max",
            Fraction::Coarse => "coarse",
        }
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Wordlines that are on at once.
    pub ou_wordlines: usize,
    /// Input vectors per chip.
    pub vectors: usize,
    /// Resolution of a conductance.
    pub fraction: Fraction,
}

/// All cases; a `quick` look takes three heights and sizes.
pub fn cases(quick: bool) -> Vec<Case> {
    let heights: &[usize] = if quick { &[9, 128] } else { &[9, 16, 32, 64, 128] };
    let mut all = Vec::new();
    for &ou_wordlines in heights {
        let vectors: &[usize] = match (quick, ou_wordlines) {
            (false, 9) => &[64, 1024, 16384],
            (true, 128) => &[1024],
            _ => &[64, 1024],
        };
        for &vectors in vectors {
            all.push(Case { ou_wordlines, vectors, fraction: Fraction::Max });
            if ou_wordlines >= COARSE_FROM {
                all.push(Case { ou_wordlines, vectors, fraction: Fraction::Coarse });
            }
        }
    }
    all
}

/// A case with its operands, ready for a kernel.
pub struct Product {
    /// What it is.
    pub case: Case,
    /// Cells, groups, converter.
    pub layer: CrossbarLayer,
    /// The law of the cells.
    pub table: QuantileTable,
    /// Inputs of a position: the vectors lie in a row.
    pub window: Window,
    /// `[input][vector]`.
    pub inputs: Vec<u32>,
    /// Shape of the inputs [C, H, W].
    pub shape: [usize; 3],
    /// Seed of the chips.
    pub seed: u64,
    /// Working memory, kept between chips as an engine keeps it.
    pub work: RefCell<Work>,
    /// Memory of stages that are run once more for the clock's sake.
    pub aside: RefCell<Aside>,
}

impl Product {
    /// Draws weights and inputs, uniform over their bits, and lays the weights out.
    pub fn new(case: &Case) -> Result<Self> {
        let mut point = point(case)?;
        let mut random = PhiloxStream::new(1);
        let weights: Vec<i64> = (0..OUTPUTS * INPUTS).map(|_| i64::from(random.below(255)) - 127).collect();
        let inputs: Vec<u32> = (0..INPUTS * case.vectors).map(|_| random.below(256)).collect();
        let operands = Operands { shape: [OUTPUTS, INPUTS], weights, vectors: case.vectors, inputs: Vec::new(), conductances: None, pre_adc: false, kernel: None };
        let mut layer = lay_out(&point, &operands)?;
        if case.fraction == Fraction::Coarse {
            let Some(bits) = layer.conversion.bits(layer.sums.signed) else {
                return Err(Error::internal("the benchmark's converter rounds nothing"));
            };
            point.device.fraction_bits = Some(16u32.saturating_sub(bits));
            layer = lay_out(&point, &operands)?;
        }
        let fraction_bits = device::fraction_bits(&point.device, case.ou_wordlines, point.crossbar.dac_bits);
        Ok(Product {
            case: *case,
            table: QuantileTable::new(&point.device, layer.cell_bits, fraction_bits),
            window: Window { first_channel: 0, channels: INPUTS, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, case.vectors] },
            inputs,
            shape: [INPUTS, 1, case.vectors],
            seed: point.monte_carlo.seed,
            layer,
            work: RefCell::default(),
            aside: RefCell::default(),
        })
    }

    /// Conversions for all vectors.
    pub fn conversions(&self) -> u64 {
        self.layer.conversions() * self.case.vectors as u64
    }

    /// Multiply-accumulates of the plain integer product.
    pub fn macs(&self) -> u64 {
        (INPUTS * OUTPUTS * self.case.vectors) as u64
    }
}

fn point(case: &Case) -> Result<PointConfig> {
    let toml = format!(
        "[quantization]\nweight_bits = 8\nactivation_bits = 8\n\
         [crossbar]\nrows = 128\ncols = 128\nou_wordlines = {}\ncell_bits = 1\ndac_bits = 1\nencoding = \"differential\"\nsubtraction = \"analog\"\n\
         [adc]\nbits = \"lossless\"\nrange = \"full\"\n\
         [device]\non_off_ratio = \"infinite\"\nprogramming_error = {{ law = \"normal-proportional\", sigma_rel = 0.1 }}\n",
        case.ou_wordlines,
    );
    config::parse_mvm(&toml, "the benchmark's layer", &Overrides::default())
}

/// What the coarse fraction costs in exactness, at one height.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Precision {
    /// Wordlines that are on at once.
    pub ou_wordlines: usize,
    /// Fraction bits at `max`.
    pub fraction_bits_max: u32,
    /// Fraction bits at `coarse`.
    pub fraction_bits_coarse: u32,
    /// Conversions compared, of one chip.
    pub codes: u64,
    /// Share of them whose code is another one at `coarse`.
    pub codes_that_differ_frac: f64,
}

/// Compares the codes of the same chip at both resolutions.
pub fn precision(ou_wordlines: usize) -> Result<Precision> {
    let product = |fraction| Product::new(&Case { ou_wordlines, vectors: COMPARED_VECTORS, fraction });
    let (max, coarse) = (product(Fraction::Max)?, product(Fraction::Coarse)?);
    let (of_max, of_coarse) = (codes(&max)?, codes(&coarse)?);
    let differ = of_max.iter().zip(&of_coarse).filter(|(a, b)| a != b).count();
    Ok(Precision {
        ou_wordlines,
        fraction_bits_max: max.table.fraction_bits,
        fraction_bits_coarse: coarse.table.fraction_bits,
        codes: of_max.len() as u64,
        codes_that_differ_frac: differ as f64 / of_max.len() as f64,
    })
}

/// All codes of the first chip.
fn codes(product: &Product) -> Result<Vec<i32>> {
    let cells = program_cells(&product.layer, &product.table, None, product.seed, 0);
    let mut mvm = Mvm::new(&product.layer, &product.window, 0);
    mvm.keep_sums();
    mvm.run(&cells, &product.inputs, product.shape, &mut Counts::default());
    match &product.layer.conversion {
        Conversion::Rounding(adc) => Ok(mvm.sums().iter().map(|&sum| adc.code(sum).0).collect()),
        Conversion::Ideal => Err(Error::internal("the benchmark's converter rounds nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layer is the one the reference outside this program computes: its groups, its converter, its resolutions.
    #[test]
    fn the_standard_layer() {
        for (height, groups, coarse) in [(9, 64, 11), (16, 36, 10), (32, 18, 9), (64, 9, 8), (128, 5, 7)] {
            let case = Case { ou_wordlines: height, vectors: 4, fraction: Fraction::Coarse };
            let product = Product::new(&case).unwrap();
            assert_eq!((product.layer.groups.len(), product.table.fraction_bits), (groups, coarse), "{height}");
            assert_eq!(product.conversions(), (4 * groups * 7 * 8 * OUTPUTS) as u64);
        }
    }

    #[test]
    fn a_coarse_fraction_changes_few_codes() {
        let p = precision(128).unwrap();
        assert!(p.codes == (5 * 7 * 8 * OUTPUTS * COMPARED_VECTORS) as u64 && p.fraction_bits_coarse == 7);
        assert!(p.codes_that_differ_frac > 0.0 && p.codes_that_differ_frac < 0.2, "{p:?}");
    }
}
