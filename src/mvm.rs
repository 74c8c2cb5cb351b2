//! One crossbar product, for cross-checks and for use from Python.
//!
//! Arrays, C order: weights `[n][k]`, inputs `[k][b]`, conductances `[trial][plane][slice][k][n]` (G / G_on),
//! outputs `[trial][n][b]`, currents before the ADC `[group][slice][input step][n][b]` (unit: one cell at g_on and
//! full input; digital subtraction lists the minus plane's slices after the plus plane's).
//!
//! For wires an array is a row group's rows and the n columns of one plane and slice ([`crate::crossbar::layout`]).

use crate::config::{Choice, Compensation, DeviceConfig, Encoding, PointConfig};
use crate::crossbar::{Converters, CrossbarLayer, Wires};
use crate::crossbar::layer::{Build, Weights};
use crate::device::{self, Effects, QuantileTable, ReadNoiseLaw};
use crate::engine::cpu::View;
use crate::engine::cpu::crossbar_mvm::{Counts, Mvm};
use crate::engine::cpu::product::{Product, Work};
use crate::engine::cpu::program_cells::{Cells, given_cells, program_cells};
use crate::engine::kernel::check_read_noise;
use crate::engine::{Kernel, decoding, multiply_accumulates};
use crate::error::{Error, Result};
use crate::quantize::Window;
use crate::rng::{ChipKey, Reads};
use std::sync::Arc;

/// What is multiplied.
pub struct Operands {
    /// Outputs n and inputs k.
    pub shape: [usize; 2],
    /// `[n][k]`.
    pub weights: Vec<i64>,
    /// Vectors.
    pub vectors: usize,
    /// `[k][b]`.
    pub inputs: Vec<i64>,
    /// Given conductances: number of trials and `[trial][plane][slice][k][n]`.
    pub conductances: Option<(usize, Vec<f64>)>,
    /// Keep the currents before the ADC (of the first trial).
    pub pre_adc: bool,
    /// The kernel to use if it can; `None` = the cheapest. The products do not depend on it.
    pub kernel: Option<Kernel>,
}

/// The products.
pub struct Products {
    /// Trials.
    pub trials: usize,
    /// `[trial][n][b]`.
    pub outputs: Vec<f64>,
    /// Shape and values of the currents before the ADC.
    pub pre_adc: Option<([usize; 5], Vec<f64>)>,
    /// Clipped conversions and cut cells, for a line to the user.
    pub clipped: u64,
    /// See above.
    pub saturated_cells: u64,
}

/// Expected length of one trial's conductances `[plane][slice][k][n]`.
pub fn conductance_shape(point: &PointConfig, shape: [usize; 2]) -> [usize; 4] {
    let planes = crate::crossbar::layer::Planes::new(point.crossbar.encoding, point.quantization.weight_bits, point.crossbar.cell_bits);
    [planes.programmed, planes.slices, shape[1], shape[0]]
}

/// Computes the products. Operands out of the configured bits are refused with their place.
pub fn mvm(point: &PointConfig, operands: &Operands) -> Result<Products> {
    if point.compensation != Compensation::None {
        return Err(Error::input("crossbar.compensation", format!("\"{}\" has no meaning here: a chip is corrected on calibration images", point.compensation.word())).hint("leave it out"));
    }
    let given_alone = DeviceConfig { programming_error: point.device.programming_error.clone(), read_noise: point.device.read_noise, ..point.device.without_randomness() };
    if operands.conductances.is_some() && (given_alone != point.device || point.device.drift.nu != 0.0) {
        return Err(Error::input("device", "relaxation, spread, stuck_at or drift beside given conductances: those are taken as they are").hint("leave one of the two out"));
    }
    let layer = lay_out(point, operands)?;
    let device = &point.device;
    let table = QuantileTable::new(device, layer.cell_bits, device::fraction_bits(device, point.crossbar.ou_wordlines, layer.dac_bits));
    let effects = Effects::new(device, &table);
    let window = Window { first_channel: 0, channels: layer.rows, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, operands.vectors] };
    let inputs: Vec<u32> = operands.inputs.iter().map(|&x| x as u32).collect();
    let decoding = decoding(&layer, device::g_off(device.on_off_ratio), table.fraction_bits, f64::from((1u32 << point.quantization.activation_bits) - 1));
    let trials = operands.conductances.as_ref().map_or(point.monte_carlo.trials as usize, |c| c.0);
    let mut products = Products { trials, outputs: Vec::new(), pre_adc: None, clipped: 0, saturated_cells: 0 };
    let shape = [layer.rows, 1, operands.vectors];
    let product = Product::new(&layer, &window, point.quantization.activation_bits, 0, operands.kernel, operands.vectors);
    let mut work = Work::default();
    for trial in 0..trials {
        let cells: Cells = match &operands.conductances {
            None => program_cells(&layer, &table, effects.as_ref(), point.monte_carlo.seed, ChipKey::new(trial as u32, point.monte_carlo.antithetic)),
            Some((_, all)) => {
                let size = all.len() / trials.max(1);
                given_cells(&layer, &table, &all[trial * size..(trial + 1) * size])
            }
        };
        products.saturated_cells += cells.saturated;
        let cells = Cells { converters: Converters::draw(&layer, &point.converters, point.monte_carlo.seed, ChipKey::new(trial as u32, point.monte_carlo.antithetic)), ..cells };
        let mut counts = Counts::default();
        // A vector is a position of image 0.
        let reads = Reads::new(point.monte_carlo.seed, trial as u32, layer.layer);
        if operands.pre_adc && trial == 0 {
            let mut mvm = Mvm::new(&layer, &window, 0);
            mvm.keep_sums();
            mvm.read(reads, 0);
            mvm.run(&cells, &inputs, shape, &mut Counts::default());
            products.pre_adc = Some(currents(&layer, &mvm, operands.vectors));
        }
        let part = product.on_chip(cells).reading(reads);
        let accumulators = product.accumulators(&part, View { values: &inputs, shape }, 0, &mut work, &mut counts);
        for n in 0..layer.outputs {
            for row in accumulators.chunks(layer.accumulators()) {
                products.outputs.push(multiply_accumulates(&layer, &decoding, row, n));
            }
        }
        products.clipped += counts.clipped;
    }
    Ok(products)
}

/// Sums before the ADC as currents, without a reference column.
fn currents(layer: &CrossbarLayer, mvm: &Mvm, vectors: usize) -> ([usize; 5], Vec<f64>) {
    let slices = layer.planes.converted * layer.planes.slices;
    let shape = [layer.groups.len(), slices, layer.input_steps as usize, layer.outputs, vectors];
    let of_column = |(i, &sum): (usize, &i32)| (i / vectors % layer.columns < layer.outputs).then(|| f64::from(sum) / layer.sums.full_current);
    (shape, mvm.sums().iter().enumerate().filter_map(of_column).collect())
}

/// The operands' weights on crossbars.
pub(crate) fn lay_out(point: &PointConfig, operands: &Operands) -> Result<CrossbarLayer> {
    let [outputs, rows] = operands.shape;
    let q = &point.quantization;
    let top = (1i64 << (q.weight_bits - 1)) - 1;
    let least = if matches!(point.crossbar.encoding, Encoding::Offset(_)) { -top - 1 } else { -top };
    if let Some(i) = operands.weights.iter().position(|w| !(least..=top).contains(w)) {
        return Err(Error::input(format!("weights[{}][{}]", i / rows, i % rows), format!("{} is outside {least} to {top}", operands.weights[i]))
            .hint(format!("quantization.weight_bits = {} counts the sign", q.weight_bits)));
    }
    let top_input = (1i64 << q.activation_bits) - 1;
    if let Some(i) = operands.inputs.iter().position(|x| !(0..=top_input).contains(x)) {
        return Err(Error::input(format!("inputs[{}][{}]", i / operands.vectors, i % operands.vectors), format!("{} is outside 0 to {top_input}", operands.inputs[i]))
            .hint("inputs are unsigned integers of quantization.activation_bits bits"));
    }
    let weights: Vec<i32> = operands.weights.iter().map(|&w| w as i32).collect();
    let uniform = q.weight_bits - 1;
    let build = Build {
        name: "mvm",
        layer: 0,
        first_output: 0,
        weight_bits: q.weight_bits,
        input_bits: q.activation_bits,
        crossbar: &point.crossbar,
        adc: &point.adc,
        g_off: device::g_off(point.device.on_off_ratio),
        fraction_bits: device::fraction_bits(&point.device, point.crossbar.ou_wordlines, point.crossbar.dac_bits),
        calibrated_multiple: 1,
        digital: false,
    };
    let noise = ReadNoiseLaw::new(&point.device, point.crossbar.ou_wordlines, point.crossbar.dac_bits, build.fraction_bits).map(Arc::new);
    let layer = CrossbarLayer::new(&build, &Weights { rows, outputs, values: &weights, magnitude_bits: &|_, _| uniform })?;
    let layer = layer.with_wires(Wires::new(&point.device, build.fraction_bits)).with_read_noise(noise.as_ref());
    check_read_noise(&layer)?;
    Ok(CrossbarLayer { layout: layer.layout.of_groups(), ..layer })
}
