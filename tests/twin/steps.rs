//! Every step of a network against its twin: networks of one step, whose output is read as logits.

use super::layers::{ENCODINGS, random_case};
use super::{Cases, assert_same, engine};
use bwq::config::{AdcBits, AdcConfig, AdcRange, ConverterSpread, DeviceConfig, ProgrammingError};
use bwq::device::QuantileTable;
use bwq::engine::gpu::{BatchLimits, GpuEngine};
use bwq::engine::{IntegerImages, PlacedPart, Plan, cpu};
use bwq::quantize::fixed_point::Decoding;
use bwq::quantize::{IntegerNetwork, Matrix, MatrixPart, Requantize, Step, TensorInfo, Window};
use std::sync::Arc;

fn tensor(shape: [usize; 3], zero_point: i32) -> TensorInfo {
    TensorInfo { name: format!("{shape:?}"), shape, bits: 20, zero_point, scale: 1.0 }
}

/// A plan without layers on crossbars.
fn plan(tensors: Vec<TensorInfo>, steps: Vec<Step>, layers: Vec<Vec<PlacedPart>>, table: Option<QuantileTable>) -> Plan {
    let device = DeviceConfig { on_off_ratio: None, fraction_bits: None, programming_error: ProgrammingError::None, ..DeviceConfig::default() };
    let ideal_table = QuantileTable::new(&device, 1, 20);
    let network = IntegerNetwork {
        name: "steps".into(),
        output: tensors.len() - 1,
        tensors,
        steps,
        pixel_table: Vec::new(),
        weight_bits: 8,
        precision_map: None,
        calibration: String::new(),
    };
    Plan { network: Arc::new(network), layers, effects: None, converters: ConverterSpread::default(), compensation: None, table: table.unwrap_or_else(|| ideal_table.clone()), ideal_table, seed: 99, antithetic: false, deterministic: false, host_cells: false, cpu_only: None, kernel: None }
}

/// Runs the plan on both engines, on `images` random images and two chips.
fn compare(engine: &GpuEngine, plan: &Plan, cases: &mut Cases, images: usize, input_bits: u32, what: &str) {
    let size = plan.network.tensors[0].len();
    let values = (0..images * size).map(|_| (cases.word() >> (32 - input_bits)) as u16).collect();
    let classes = plan.network.tensors[plan.network.output].len();
    let labels = (0..images).map(|_| cases.below(classes.min(3)) as u32).collect();
    let images = IntegerImages::from_integers(size, values, labels);
    let gpu = engine.run(plan, &images, 3..5, true).expect("a run");
    let cpu: Vec<_> = cpu::run(plan, &images, 3..5, true);
    assert_same(what, &gpu.iter().flat_map(|t| &t.logits).collect::<Vec<_>>(), &cpu.iter().flat_map(|t| &t.logits).collect::<Vec<_>>());
    assert_eq!(gpu, cpu, "{what}");
}

/// Runs `step`, which reads tensor 0 and writes tensor 1, on the images themselves (the same for all chips) and
/// on a copy of them (one per chip).
fn compare_step(engine: &GpuEngine, cases: &mut Cases, tensors: [TensorInfo; 2], step: impl Fn(usize, usize) -> Step, what: &str) {
    let [input, output] = tensors;
    let direct = plan(vec![input.clone(), output.clone()], vec![step(0, 1)], Vec::new(), None);
    compare(engine, &direct, cases, 3, 16, what);
    let copy = Step::CopyChannels { input: 0, output: 1, first_channel: 0, stride: [1, 1] };
    let copied = plan(vec![input.clone(), input, output], vec![copy, step(1, 2)], Vec::new(), None);
    compare(engine, &copied, cases, 3, 16, &format!("{what}, per chip"));
}

fn random_window(cases: &mut Cases, shape: [usize; 3]) -> Window {
    let kernel = [cases.below(3) + 1, cases.below(3) + 1];
    Window {
        first_channel: 0,
        channels: shape[0],
        kernel,
        stride: [cases.below(3) + 1, cases.below(2) + 1],
        pad: [cases.below(kernel[0]), cases.below(kernel[1])],
        dilation: [1, cases.below(2) + 1],
        out: [cases.below(4) + 1, cases.below(4) + 1],
    }
}

#[test]
fn pooling() {
    let Some(engine) = engine() else { return };
    let mut cases = Cases::new(10);
    for round in 0..12 {
        let shape = [cases.below(20) + 1, cases.below(6) + 3, cases.below(6) + 3];
        let window = random_window(&mut cases, shape);
        let out = [shape[0], window.out[0], window.out[1]];
        compare_step(&engine, &mut cases, [tensor(shape, 7), tensor(out, 7)], |input, output| Step::MaxPool { input, output, window }, &format!("max_pool {round}"));
        let (shift, zero) = (cases.within(1, 30) as u32, cases.within(0, 500) as i32);
        let multiplier = (cases.within(1, 1 << 24) >> (24 - shift.min(24))).max(1) as i32;
        let step = |input, output| Step::AveragePool { input, output, window, multiplier, shift, low: 100, high: 60_000 };
        compare_step(&engine, &mut cases, [tensor(shape, 20_000), tensor(out, zero)], step, &format!("average_pool {round}"));
    }
}

#[test]
fn copies_and_constants() {
    let Some(engine) = engine() else { return };
    let mut cases = Cases::new(11);
    for round in 0..8 {
        let stride = [cases.below(2) + 1, cases.below(3) + 1];
        let shape = [cases.below(9) + 1, cases.below(6) + 1, cases.below(6) + 1];
        let size = [shape[1].div_ceil(stride[0]), shape[2].div_ceil(stride[1])];
        let first_channel = cases.below(4);
        let out = [shape[0] + first_channel + cases.below(3), size[0], size[1]];
        let steps = vec![Step::FillZero { output: 1 }, Step::CopyChannels { input: 0, output: 1, first_channel, stride }];
        compare(&engine, &plan(vec![tensor(shape, 0), tensor(out, 77)], steps, Vec::new(), None), &mut cases, 4, 16, &format!("copy {round}"));
    }
}

#[test]
fn sums() {
    let Some(mut engine) = engine() else { return };
    let mut cases = Cases::new(12);
    for round in 0..16 {
        let shape = [cases.below(30) + 1, cases.below(5) + 1, 3];
        let mut factor = |largest: i64| (cases.within(-largest, largest) as i32, cases.within(0, 40_000) as i32);
        let ((a, zero), (b, wide_zero), (c, out_zero)) = (factor(1 << 24), factor(1 << 24), factor(1 << 10));
        let shift = cases.within(18, 26) as u32;
        let steps = vec![
            // A wide tensor from the images, then the sum of both, then the wide tensor with itself.
            Step::Add { inputs: vec![(0, 1 << 20)], output: 1, shift: 16, low: 0, high: (1 << 20) - 1 },
            Step::Add { inputs: vec![(1, a), (0, b)], output: 2, shift, low: 0, high: 1 << 20 },
            Step::Add { inputs: vec![(2, c), (2, 1 << 10)], output: 3, shift: 10, low: 0, high: (1 << 20) - 1 },
        ];
        let tensors = vec![tensor(shape, zero), tensor(shape, wide_zero), tensor(shape, 0), tensor(shape, out_zero)];
        engine.set_limits(BatchLimits { trials: 1 + round % 2, images: 1 + round % 4, ..BatchLimits::default() });
        compare(&engine, &plan(tensors, steps, Vec::new(), None), &mut cases, 3, 16, &format!("add {round}"));
    }
}

/// Scales far from what a network has: every bit of the 64-bit arithmetic matters.
#[test]
fn requantization() {
    let Some(engine) = engine() else { return };
    let mut cases = Cases::new(13);
    let mut spread = 0;
    for round in 0..32 {
        let bits = if round % 3 == 0 { AdcBits::Ideal } else { AdcBits::Lossless };
        let law = ProgrammingError::Lognormal { sigma_ln: 0.2, sigma_ln_off: None, clip: false };
        let mut case = random_case(&mut cases, ENCODINGS[round % 4], AdcConfig { bits, range: AdcRange::Full }, law);
        case.layer.layer = 0;
        let outputs = case.layer.outputs;
        // Accumulators of unrounded sums have some 45 bits; the prescale leaves the 37 that the scale is made for.
        let prescale = if bits == AdcBits::Ideal { cases.within(14, 20) as u32 } else { cases.within(0, 3) as u32 };
        let shift = cases.within(20, 40) as u32;
        let mut numbers = |largest: i64| -> Vec<i64> { (0..outputs).map(|_| cases.within(-largest, largest)).collect() };
        let requantize = Requantize {
            prescale,
            extra_prescale: prescale / 2,
            shift,
            multiplier: numbers(1 << 24).into_iter().map(|m| m as i32).collect(),
            extra_multiplier: numbers(1 << 26),
            bias: numbers(1 << (shift + 9)),
            zero_point: 1 << 18,
            low: 1000,
            high: (1 << 20) - 1,
        };
        let first_output = cases.below(3);
        let shape = [first_output + outputs + cases.below(2), case.window.out[0], case.window.out[1]];
        let part = MatrixPart {
            window: case.window,
            first_output,
            outputs,
            weights: Vec::new(),
            factor: Vec::new(),
            bias: Vec::new(),
            requantize: requantize.clone(),
        };
        let input_bits = case.layer.input_steps * case.layer.dac_bits;
        let matrix = Matrix { name: "layer".into(), layer: 0, input_bits, input_zero: case.zero as i32, parts: vec![part] };
        let placed = PlacedPart { crossbar: case.layer, decoding: Decoding::exact(outputs, 1.0), requantize };
        let steps = vec![Step::FillZero { output: 1 }, Step::Matrix { input: 0, output: 1, matrix: Box::new(matrix) }];
        let plan = plan(vec![tensor(case.shape, 0), tensor(shape, 5)], steps, vec![vec![placed]], Some(case.table));
        compare(&engine, &plan, &mut cases, case.images, input_bits, &format!("requantize {round}"));
        let image = IntegerImages::from_integers(plan.network.tensors[0].len(), vec![1; plan.network.tensors[0].len()], vec![0]);
        let logits = cpu::run(&plan, &image, 0..1, true).remove(0).logits;
        spread += logits.iter().filter(|&&v| v > 1000 && v < (1 << 20) - 1).count();
    }
    assert!(spread > 500, "most outputs are at a clamp: {spread}");
}
