//! Whole networks on both engines: identical counts and logits, whatever is computed at once.

use super::{Cases, assert_same, engine};
use bwq::config::*;
use bwq::dataset::{Dataset, Pixels};
use bwq::engine::gpu::BatchLimits;
use bwq::engine::{IntegerImages, Plan, cpu};
use bwq::network::{fold, read};
use bwq::quantize::{IntegerNetwork, PrecisionMap, lower};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A .safetensors of random float32 tensors.
fn weights(cases: &mut Cases, tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (name, shape) in tensors {
        let begin = data.len();
        for _ in 0..shape.iter().product::<usize>() {
            data.extend_from_slice(&(cases.within(-1000, 1000) as f32 / 2000.0).to_le_bytes());
        }
        header.insert(name.to_string(), json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()]}));
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

/// All kinds of steps: a strided, a padded, a dilated and a grouped convolution, a residual sum, concatenation,
/// pooling, padding of channels, a fully connected layer on a tensor with positions.
fn graph() -> Value {
    json!({
        "format": "netgraph-1", "name": "all", "input": {"shape": [2, 10, 9]},
        "preprocess": {"layout": "NCHW", "scale": 0.01, "mean": [1.0, 0.5], "std": [0.7, 0.9]},
        "nodes": [
            {"name": "a", "op": "conv2d", "inputs": ["input"], "stride": 1, "pad": [1, 1, 1, 1], "weights": {"weight": "a.w", "bias": "a.b"}},
            {"name": "ar", "op": "relu", "inputs": ["a"]},
            {"name": "p", "op": "maxpool", "inputs": ["ar"], "kernel": [3, 2], "stride": [2, 2], "pad": [1, 0, 1, 0]},
            {"name": "g", "op": "conv2d", "inputs": ["p"], "stride": 1, "pad": [1, 1, 1, 1], "groups": 2, "weights": {"weight": "g.w"}},
            {"name": "s", "op": "add", "inputs": ["g", "p"]},
            {"name": "sr", "op": "relu", "inputs": ["s"]},
            {"name": "d", "op": "conv2d", "inputs": ["sr"], "stride": 1, "pad": [2, 2, 2, 2], "dilation": 2, "weights": {"weight": "d.w", "bias": "d.b"}},
            {"name": "c", "op": "concat", "inputs": ["d", "sr"]},
            {"name": "u", "op": "subsample", "inputs": ["c"], "stride": [2, 1]},
            {"name": "w", "op": "pad_channels", "inputs": ["u"], "before": 1, "after": 2},
            {"name": "m", "op": "avgpool", "inputs": ["w"], "kernel": [2, 2]},
            {"name": "f", "op": "flatten", "inputs": ["m"]},
            {"name": "l", "op": "linear", "inputs": ["f"], "weights": {"weight": "l.w", "bias": "l.b"}},
        ]
    })
}

/// The quantised network and its test images.
fn lowered(map: Option<PrecisionMap>) -> (Arc<IntegerNetwork>, IntegerImages) {
    let mut cases = Cases::new(20);
    let tensors: [(&str, &[usize]); 7] =
        [("a.w", &[8, 2, 3, 3]), ("a.b", &[8]), ("g.w", &[8, 4, 3, 3]), ("d.w", &[6, 8, 3, 3]), ("d.b", &[6]), ("l.w", &[5, 34]), ("l.b", &[5])];
    let network = read::parse(&graph().to_string(), &weights(&mut cases, &tensors), "all.json").expect("a network");
    let network = fold::fold_batchnorm(&network).expect("a folded network");
    let images = 7;
    let mut pixels = |count: usize| Pixels::U8((0..count * network.input_len()).map(|_| cases.word() as u8).collect());
    let (test, calibration) = (pixels(images), pixels(4));
    let dataset = Dataset {
        name: "random".into(),
        shape: network.input_shape,
        images: Arc::new(test),
        labels: (0..images as u32).map(|i| i % 5).collect(),
        calibration,
        calibration_source: String::new(),
    };
    let config = QuantizationConfig {
        weight_bits: 5,
        activation_bits: 5,
        weight_scale: WeightScale::PerChannel,
        clipping: Clipping::Max,
        precision_map: PrecisionMapConfig::Uniform,
    };
    let integer = lower::lower(&network, &dataset, &config, map).expect("an integer network");
    let images = IntegerImages::new(&integer, &dataset);
    (Arc::new(integer), images)
}

fn point() -> PointConfig {
    let sweep = bwq::config::parse("[monte_carlo]\nseed = 77\n", "twin.toml", &Overrides::default()).expect("the defaults");
    let mut point = sweep.points.into_iter().next().expect("a point");
    point.device.programming_error = ProgrammingError::Lognormal { sigma_ln: 0.2, sigma_ln_off: None, clip: false };
    point
}

type Change = fn(&mut PointConfig);

#[test]
fn whole_networks() {
    let Some(mut engine) = engine() else { return };
    let bits: BTreeMap<String, Vec<Vec<u8>>> = [("a", [2, 1]), ("g", [4, 1]), ("d", [8, 1]), ("l", [4, 1])]
        .into_iter()
        .map(|(name, [rows, columns])| (name.to_string(), (0..rows).map(|r| (0..columns).map(|c| ((r + c) * 3 % 5) as u8).collect()).collect()))
        .collect();
    let map = PrecisionMap::new([9, 8], bits);
    let mut changes: Vec<(&str, bool, Change)> = Vec::new();
    let mut change = |what, mapped, f: Change| changes.push((what, mapped, f));
    change("zero outside the range", false, |p| (p.adc.bits, p.adc.range) = (AdcBits::Bits(4), AdcRange::Given(0.2, 0.7)));
    change("default", false, |_| {});
    change("map", true, |p| p.adc.bits = AdcBits::Bits(3));
    change("digital subtraction", false, |p| p.crossbar.encoding = Encoding::Differential(Subtraction::Digital));
    change("unit column", false, |p| p.crossbar.encoding = Encoding::Offset(OffsetRemoval::UnitColumn));
    change("sum of inputs", false, |p| (p.crossbar.encoding, p.crossbar.dac_bits) = (Encoding::Offset(OffsetRemoval::Digital), 2));
    change("ideal converter", false, |p| (p.adc.bits, p.crossbar.cell_bits) = (AdcBits::Ideal, 2));
    change("first layer digital", false, |p| (p.crossbar.digital_layers, p.adc.bits) = (DigitalLayers::First, AdcBits::Bits(3)));
    change("last layer digital", false, |p| (p.crossbar.digital_layers, p.adc.bits) = (DigitalLayers::Last, AdcBits::Bits(3)));
    change("cells cut", false, |p| p.device.programming_error = ProgrammingError::Lognormal { sigma_ln: 0.8, sigma_ln_off: None, clip: false });
    change("cells cut, on wires", true, |p| {
        p.device.programming_error = ProgrammingError::Lognormal { sigma_ln: 0.8, sigma_ln_off: None, clip: false };
        p.device.wires = WireConfig { ohm: 1.0, topology: WireTopology::Plain };
    });
    change("wires, first layer digital", false, |p| {
        (p.crossbar.digital_layers, p.crossbar.encoding) = (DigitalLayers::First, Encoding::Offset(OffsetRemoval::UnitColumn));
        p.device.wires = WireConfig { ohm: 50.0, topology: WireTopology::Plain };
    });
    change("effects beside the programming error", false, |p| {
        p.device.programming_error = ProgrammingError::Lognormal { sigma_ln: 0.1, sigma_ln_off: Some(0.4), clip: false };
        (p.device.relaxation_sigma_rel, p.device.spread.sigma_chip_ln, p.device.stuck_at.off_frac) = (0.02, 0.1, 0.05);
        (p.device.drift.nu, p.device.drift.time_s) = (0.02, 1e4);
    });
    change("antithetic chips", false, |p| p.monte_carlo.antithetic = true);
    change("every chip the same", false, |p| p.device.programming_error = ProgrammingError::None);

    let limits = |images, trials, columns| BatchLimits { images, trials, columns, ..BatchLimits::default() };
    let streamed = BatchLimits { memory_bytes: 60_000, ..limits(2, 1, 3) };
    let batches = [BatchLimits::default(), limits(3, 9, usize::MAX), limits(9, 2, 3), limits(1, 1, 1), streamed];
    for (what, mapped, change) in changes {
        let (network, images) = lowered(mapped.then(|| map.clone()));
        let mut point = point();
        change(&mut point);
        let plan = Plan::new(network, &point, &[]).expect("a plan");
        let cpu: Vec<_> = cpu::run(&plan, &images, 2..5, true);
        assert!(cpu[0].logits.iter().any(|l| *l != cpu[0].logits[0]), "{what}: logits differ");
        assert_eq!(cpu[0].saturated_cells > 0, what.starts_with("cells cut"), "{what}");
        for limits in batches {
            engine.set_limits(limits);
            let gpu = engine.run(&plan, &images, 2..5, true).expect("a run");
            for (g, c) in gpu.iter().zip(&cpu) {
                assert_same(&format!("{what}, {limits:?}: logits"), &g.logits, &c.logits);
            }
            assert_eq!(gpu, cpu, "{what}, {limits:?}");
        }
        let counted = engine.run(&plan, &images, 2..5, false).expect("a run");
        assert!(counted.iter().zip(&cpu).all(|(g, c)| g.logits.is_empty() && g.correct == c.correct));
    }
}

/// On an ideal crossbar nothing is found; on one whose converter loses, the first layer and its first wrong element are.
#[test]
fn the_first_wrong_layer_is_found() {
    let Some(mut engine) = engine() else { return };
    let (network, images) = lowered(None);
    let plan = |point: &PointConfig| Plan::new(network.clone(), point, &[]).expect("a plan");
    for limits in [BatchLimits::default(), BatchLimits { images: 3, columns: 3, ..BatchLimits::default() }] {
        engine.set_limits(limits);
        for image in [0, 5] {
            assert_eq!(engine.first_difference(&plan(&bwq::engine::ideal(&point())), &images, image).expect("a run"), None);
            let mut lossy = bwq::engine::ideal(&point());
            (lossy.adc.bits, lossy.crossbar.digital_layers) = (AdcBits::Bits(2), DigitalLayers::First);
            let found = engine.first_difference(&plan(&lossy), &images, image).expect("a run").expect("a difference");
            assert_eq!((found.layer.as_str(), found.is_in_its_input), ("g", false), "{found}");
            assert!(found.elements[0] > 0 && found.elements[0] <= found.elements[1] && found.values[0] != found.values[1], "{found}");
        }
    }
}

/// What a GPU says of the ends of a block is computed once more: another logit there is an error that names chip and image.
#[test]
fn a_block_is_held_to_the_cpu_engine() {
    let (network, images) = lowered(None);
    let plan = Plan::new(network, &point(), &[]).expect("a plan");
    let counts = cpu::run(&plan, &images, 2..5, true);
    let held = |counts: &[bwq::engine::TrialCounts]| bwq::engine::verify(&plan, &images, 2..5, counts, &|| false);
    held(&counts).expect("the same");
    let classes = counts[0].logits.len() / images.len();
    for image in [0, images.len() - 1] {
        let mut other = counts.clone();
        other[2].logits[image * classes + 1] += 1;
        let error = held(&other).expect_err("another logit");
        assert!(error.message.contains(&format!("chip 4 says something else of image {image} ")), "{error}");
    }
    assert!(bwq::engine::verify(&plan, &images, 2..5, &counts, &|| true).is_err(), "it was told to stop");
    held(&[]).expect("no chips");
    // More chips than are verified at once: the counts are those of a plain run, in order.
    let Some(gpu) = engine() else { return };
    let verified = bwq::engine::Engine::Gpu(Box::new(gpu)).run_verified(&plan, &images, 2..20, &|| false).expect("a run");
    let plain: Vec<_> = cpu::run(&plan, &images, 2..20, false);
    assert_eq!(verified, plain);
}

/// What does not fit is refused, with the sizes.
#[test]
fn nothing_panics_where_there_is_no_room() {
    let Some(mut engine) = engine() else { return };
    let (network, images) = lowered(None);
    let plan = Plan::new(network, &point(), &[]).expect("a plan");
    assert!(engine.run(&plan, &images, 3..3, false).expect("no chips").is_empty());
    assert!(engine.run(&plan, &images.first(0), 0..1, false).is_err());
    // The smallest budget still computes one column of one image at a time.
    engine.set_limits(BatchLimits { memory_bytes: 1, ..BatchLimits::default() });
    assert_eq!(engine.run(&plan, &images, 0..1, true).expect("a run"), cpu::run(&plan, &images, 0..1, true));
}
