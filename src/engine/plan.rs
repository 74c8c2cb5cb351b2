//! A point made ready for an engine: the integer network on its crossbars, and the tables of its device.

use crate::config::{AdcBits, AdcConfig, AdcRange, Compensation, ConverterReach, ConverterSpread, CrossbarConfig, DeviceConfig, DigitalLayers, PointConfig, ReadNoise, WireTopology};
use crate::crossbar::layer::{Build, Weights};
use crate::crossbar::{Conversion, Converters, CrossbarLayer, Wires};
use crate::device::{self, Effects, QuantileTable, ReadNoiseLaw};
use crate::engine::Kernel;
use crate::engine::cpu::compensate::Reference;
use crate::engine::kernel::check_read_noise;
use crate::error::{Error, Result};
use crate::quantize::fixed_point::{Decoding, Extra, IDEAL_FRACTION_BITS};
use crate::quantize::{IntegerNetwork, Matrix, MatrixPart, Requantize};
use crate::rng::ChipKey;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// One channel group of a layer on crossbars.
#[derive(Debug, Clone)]
pub struct PlacedPart {
    /// Cells, groups, converter.
    pub crossbar: CrossbarLayer,
    /// What the accumulators stand for.
    pub decoding: Decoding,
    /// Accumulators to outputs.
    pub requantize: Requantize,
}

/// Everything an engine reads for one point.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Steps and tensors.
    pub network: Arc<IntegerNetwork>,
    /// Per layer with weights, its channel groups.
    pub layers: Vec<Vec<PlacedPart>>,
    /// Conductances as configured.
    pub table: QuantileTable,
    /// What befalls cells beside and after their programming error.
    pub effects: Option<Effects>,
    /// How converters differ from each other.
    pub converters: ConverterSpread,
    /// What chips correct on calibration images.
    pub compensation: Option<Arc<Reference>>,
    /// What the GPU has no pass for, as a key and in words.
    pub cpu_only: Option<(&'static str, &'static str)>,
    /// Conductances of layers that are computed digitally.
    pub ideal_table: QuantileTable,
    /// Seed of everything random.
    pub seed: u64,
    /// True if chip 2k + 1 is the antithetic partner of chip 2k.
    pub antithetic: bool,
    /// True if every chip is the same.
    pub deterministic: bool,
    /// True if cells are more than a draw from a table, so that every engine takes those that the host programs.
    pub host_cells: bool,
    /// The kernel to use where it can; `None` = the cheapest of each layer. Results do not depend on it.
    pub kernel: Option<Kernel>,
}

/// The conditions under which the crossbar must equal the integer product exactly.
pub fn ideal(point: &PointConfig) -> PointConfig {
    let mut point = point.clone();
    point.adc = AdcConfig { bits: AdcBits::Lossless, range: AdcRange::Full };
    point.device = DeviceConfig { g_on_siemens: point.device.g_on_siemens, on_off_ratio: None, fraction_bits: point.device.fraction_bits, ..DeviceConfig::default() };
    (point.converters, point.reach) = (ConverterSpread::default(), ConverterReach::AsConfigured);
    point.compensation = Compensation::None;
    point
}

/// The point without what is random.
pub fn nominal(point: &PointConfig) -> PointConfig {
    let mut point = point.clone();
    point.device = point.device.without_randomness();
    point.converters = ConverterSpread::default();
    point
}

/// What of a point the GPU has no pass for, as a key and in words.
pub fn cpu_only(point: &PointConfig) -> Option<(&'static str, &'static str)> {
    let wires = &point.device.wires;
    let lacking = [
        (wires.ohm > 0.0 && wires.topology == WireTopology::Gated, "device.wire_topology", "gated cells on wires, whose currents depend on the whole pattern of driven rows"),
        (point.converters != ConverterSpread::default(), "adc", "converters that differ from each other"),
        (point.device.read_noise != ReadNoise::None, "device.read_noise", "read noise"),
        (point.compensation != Compensation::None, "crossbar.compensation", "compensation, which gives each chip scales of its own"),
    ];
    lacking.into_iter().find(|(lacks, ..)| *lacks).map(|(_, key, what)| (key, what))
}

/// True if every chip of the point is the same.
pub fn is_deterministic(point: &PointConfig) -> bool {
    device::is_deterministic(&point.device) && point.converters == ConverterSpread::default()
}

/// Bytes of a chip's converters, where they differ: a table of thresholds each.
const MOST_CONVERTER_BYTES: u64 = 1 << 30;

impl Plan {
    /// Lays the network out on the crossbars of `point`. `calibrated`: per layer, the ADC step in level steps
    /// (read only if `adc.range = "calibrated"`).
    pub fn new(network: Arc<IntegerNetwork>, point: &PointConfig, calibrated: &[u64]) -> Result<Self> {
        Self::with_digital(network, point, calibrated, &|_| false)
    }

    /// The same with more layers left digital.
    pub fn with_digital(network: Arc<IntegerNetwork>, point: &PointConfig, calibrated: &[u64], more_digital: &dyn Fn(usize) -> bool) -> Result<Self> {
        let c = &point.crossbar;
        let fraction_bits = device::fraction_bits(&point.device, c.ou_wordlines, c.dac_bits);
        let noise = ReadNoiseLaw::new(&point.device, c.ou_wordlines, c.dac_bits, fraction_bits).map(Arc::new);
        let last = network.matrices().count().saturating_sub(1);
        let layers = network.matrices().map(|(_, matrix)| {
            let digital = match c.digital_layers {
                DigitalLayers::None => false,
                DigitalLayers::First => matrix.layer == 0,
                DigitalLayers::Last => matrix.layer == last,
                DigitalLayers::FirstAndLast => matrix.layer == 0 || matrix.layer == last,
            } || more_digital(matrix.layer);
            let multiple = calibrated.get(matrix.layer).copied().unwrap_or(1);
            matrix.parts.iter().map(|part| place(&network, matrix, part, point, fraction_bits, noise.as_ref(), multiple, digital)).collect()
        });
        let layers = layers.collect::<Result<Vec<Vec<PlacedPart>>>>()?;
        let converter_bytes: u64 = layers.iter().flatten().filter(|p| !p.crossbar.digital).map(|p| Converters::bytes(&p.crossbar)).sum();
        if point.converters != ConverterSpread::default() && converter_bytes > MOST_CONVERTER_BYTES {
            return Err(Error::input("adc", format!("converters of their own would take {:.1} GiB for a chip; at most {} GiB are taken", converter_bytes as f64 / f64::from(1 << 30), MOST_CONVERTER_BYTES >> 30))
                .hint("lower adc.bits, or use larger crossbars: their converters are fewer"));
        }
        let ideal_device = DeviceConfig { on_off_ratio: None, ..point.device.clone() };
        let table = QuantileTable::new(&point.device, c.cell_bits, fraction_bits);
        let effects = Effects::new(&point.device, &table);
        Ok(Plan {
            layers,
            host_cells: point.device.wires.ohm > 0.0 || effects.is_some(),
            effects,
            converters: point.converters,
            compensation: None,
            table,
            ideal_table: QuantileTable::nominal(&ideal_device, c.cell_bits, fraction_bits),
            seed: point.monte_carlo.seed,
            antithetic: point.monte_carlo.antithetic,
            deterministic: is_deterministic(point),
            cpu_only: cpu_only(point),
            kernel: None,
            network,
        })
    }

    /// What the cells of a layer are drawn from.
    pub fn laws_of(&self, layer: &CrossbarLayer) -> (&QuantileTable, Option<&Effects>) {
        if layer.digital { (&self.ideal_table, None) } else { (&self.table, self.effects.as_ref()) }
    }

    /// The chip `trial` as its random numbers know it.
    pub fn chip(&self, trial: u32) -> ChipKey {
        ChipKey::new(trial, self.antithetic)
    }

    /// Conversions one image takes.
    pub fn conversions_per_image(&self) -> u64 {
        let positions = self.network.matrices().flat_map(|(_, m)| &m.parts).map(|p| p.window.positions() as u64);
        let parts = self.layers.iter().flatten();
        parts.zip(positions).filter(|(p, _)| !p.crossbar.digital).map(|(p, positions)| p.crossbar.conversions() * positions).sum()
    }

    /// Cells of one chip.
    pub fn cells(&self) -> u64 {
        let cells = |p: &PlacedPart| p.crossbar.cells.iter().map(|c| u64::from(c >> 16)).sum::<u64>() * p.crossbar.planes.programmed as u64;
        self.layers.iter().flatten().filter(|p| !p.crossbar.digital).map(cells).sum()
    }

    /// Hash of every integer that floats on the host decided: scales, thresholds, quantiles. Blocks made from
    /// another one cannot be merged with ours.
    pub fn host_hash(&self) -> String {
        let mut hash = Sha256::new();
        let mut words = |values: &mut dyn Iterator<Item = i64>| values.for_each(|v| hash.update(v.to_le_bytes()));
        words(&mut self.network.pixel_table.iter().flatten().map(|&v| i64::from(v)));
        for tensor in &self.network.tensors {
            words(&mut [i64::from(tensor.bits), i64::from(tensor.zero_point)].into_iter());
        }
        for step in &self.network.steps {
            use crate::quantize::Step;
            match step {
                Step::Add { inputs, shift, low, high, .. } => words(&mut inputs.iter().map(|i| i64::from(i.1)).chain([i64::from(*shift), i64::from(*low), i64::from(*high)])),
                Step::AveragePool { multiplier, shift, .. } => words(&mut [i64::from(*multiplier), i64::from(*shift)].into_iter()),
                _ => {}
            }
        }
        for part in self.layers.iter().flatten() {
            let r = &part.requantize;
            words(&mut part.crossbar.cells.iter().map(|&v| i64::from(v)));
            words(&mut part.crossbar.column_weights.iter().map(|&v| i64::from(v)));
            words(&mut r.multiplier.iter().map(|&v| i64::from(v)).chain(r.bias.iter().copied()).chain(r.extra_multiplier.iter().copied()));
            words(&mut [r.prescale as i64, i64::from(r.shift), i64::from(r.zero_point), i64::from(r.low), i64::from(r.high)].into_iter());
            words(&mut part.crossbar.wires.iter().map(|w| w.segment.to_bits() as i64));
            if let Conversion::Rounding(adc) = &part.crossbar.conversion {
                words(&mut adc.thresholds.iter().map(|&v| i64::from(v)).chain([i64::from(adc.zero_index)]));
            }
        }
        words(&mut self.table.knots.iter().flatten().map(|&v| i64::from(v)));
        words(&mut self.effects.iter().flat_map(Effects::words));
        if let Some(noise) = self.layers.iter().flatten().find_map(|p| p.crossbar.read_noise.as_ref()) {
            words(&mut noise.integers());
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

fn place(network: &IntegerNetwork, matrix: &Matrix, part: &MatrixPart, point: &PointConfig, fraction_bits: u32, noise: Option<&Arc<ReadNoiseLaw>>, multiple: u64, digital: bool) -> Result<PlacedPart> {
    let uniform = network.weight_bits - 1;
    let bits = |row: usize, output: usize| network.precision_map.as_ref().map_or(uniform, |map| map.bits(&matrix.name, row, part.first_output + output));
    let crossbar_config: &CrossbarConfig = &point.crossbar;
    let lossless = AdcConfig { bits: AdcBits::Lossless, range: AdcRange::Full };
    let g_off = if digital { 0.0 } else { device::g_off(point.device.on_off_ratio) };
    let build = Build {
        name: &matrix.name,
        layer: matrix.layer as u32,
        first_output: part.first_output as u32,
        weight_bits: network.weight_bits,
        input_bits: matrix.input_bits,
        crossbar: crossbar_config,
        adc: if digital { &lossless } else { &point.adc },
        g_off,
        fraction_bits,
        calibrated_multiple: multiple,
        digital,
    };
    let weights = Weights { rows: part.window.rows(), outputs: part.outputs, values: &part.weights, magnitude_bits: &bits };
    let mut crossbar = CrossbarLayer::new(&build, &weights)?.with_wires(Wires::new(&point.device, fraction_bits)).with_read_noise(noise);
    if !digital {
        crossbar.conversion = crossbar.conversion.reaching(point.reach, &crossbar.sums);
    }
    check_read_noise(&crossbar)?;
    let place = format!("layer `{}`", matrix.name);
    if matrix.layer >= crate::rng::MAX_LAYERS {
        return Err(Error::input(place, format!("more than {} layers with weights", crate::rng::MAX_LAYERS)));
    }
    let decoding = decoding(&crossbar, g_off, fraction_bits, f64::from((1u32 << matrix.input_bits) - 1));
    let requantize = part.requantize_for(matrix.input_zero, &decoding, &place)?;
    Ok(PlacedPart { crossbar, decoding, requantize })
}

/// What the accumulators of a layer stand for, in multiply-accumulates (rules 6 and 7 of the reference simulator):
/// y = sum over conversions of value / (1 - g_off) (2^cell_bits - 1) (2^dac_bits - 1) 2^(slice and step).
pub fn decoding(layer: &CrossbarLayer, g_off: f64, fraction_bits: u32, largest_input: f64) -> Decoding {
    let weight = |output: usize| layer.conversion_weight(output) as f64;
    let all = layer.largest_conversion_weight() as f64;
    let (unit, largest_code, prescale, offset) = match &layer.conversion {
        Conversion::Ideal => (1.0 / layer.sums.level_step, f64::from(i32::MAX), fraction_bits.saturating_sub(IDEAL_FRACTION_BITS), 0.0),
        Conversion::Rounding(adc) => (adc.step_levels, f64::from(adc.top), 0, adc.offset_levels),
    };
    let planes = &layer.planes;
    let extra = if planes.reference_column {
        Some(Extra::ReferenceColumn)
    } else if planes.input_sum {
        // Every slice's off current, and the offset itself, follow from the sum of the inputs.
        let highest = ((1u64 << (planes.slices as u32 * layer.cell_bits)) - 1) as f64;
        let coefficient = g_off / (1.0 - g_off) * highest + f64::from(planes.offset);
        Some(Extra::InputSum(-coefficient, layer.rows as f64 * largest_input))
    } else {
        None
    };
    // A reference column takes the converter's offset away with everything else.
    let offset_of = |output: usize| if planes.reference_column { 0.0 } else { offset * weight(output) };
    Decoding { unit, largest: (largest_code * all).min(i64::MAX as f64), prescale, offset: (0..layer.outputs).map(offset_of).collect(), extra }
}

/// The multiply-accumulates that one position's `accumulators` stand for at output `n`, unrounded.
pub fn multiply_accumulates(layer: &CrossbarLayer, decoding: &Decoding, accumulators: &[i64], n: usize) -> f64 {
    let extra = match decoding.extra {
        None => 0.0,
        Some(Extra::ReferenceColumn) => -(accumulators[layer.outputs] as f64 * decoding.unit),
        Some(Extra::InputSum(coefficient, _)) => coefficient * accumulators[layer.columns] as f64,
    };
    accumulators[n] as f64 * decoding.unit + extra + decoding.offset[n]
}
