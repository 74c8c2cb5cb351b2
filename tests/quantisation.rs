//! Real networks: post-training quantisation against an independent implementation's table (slow, minutes: full test sets; set
//! BWQ_SLOW=1), and the integer network against the float one.

mod support;

use bwq::config::{self, Overrides, QuantizationConfig, WeightScale};
use bwq::dataset::{self, Dataset};
use bwq::network::{Network, Op, Tensor, float, fold, read};
use bwq::quantize::{IntegerNetwork, Step, lower::lower, weights};
use std::collections::HashMap;
use std::rc::Rc;
use support::{quantised, shared, slow};

const IMAGES: usize = 10_000;

/// (network, data set) of every network with a test set.
const NETWORKS: [(&str, &str); 8] = [
    ("cifar10_resnet20", "cifar10"),
    ("cifar10_resnet20_bsq", "cifar10"),
    ("cifar10_resnet20_crosssim", "cifar10"),
    ("cifar10_resnet44", "cifar10"),
    ("cifar10_resnet56", "cifar10"),
    ("cifar10_resnet8_mlperftiny", "cifar10"),
    ("mnist_cntk", "mnist"),
    ("fashion_vgg6", "fashion_mnist"),
];

fn load(name: &str, data: &str, images: usize) -> Option<(Network, Dataset)> {
    let folder = shared("data")?;
    let network = read::read(&folder.join(format!("nets/{name}.json"))).unwrap_or_else(|e| panic!("{e}"));
    let dataset = dataset::load(&folder.join(data), images, 256).unwrap_or_else(|e| panic!("{e}"));
    Some((network, dataset))
}

/// The networks, each test set read once; `None` without the data.
fn load_all(images: usize) -> Option<Vec<(&'static str, Network, Rc<Dataset>)>> {
    let folder = shared("data")?;
    let mut sets = HashMap::new();
    let load = |(name, data): (&'static str, &'static str)| {
        let network = read::read(&folder.join(format!("nets/{name}.json"))).unwrap_or_else(|e| panic!("{e}"));
        let set = sets.entry(data).or_insert_with(|| Rc::new(dataset::load(&folder.join(data), images, 0).unwrap_or_else(|e| panic!("{e}"))));
        (name, network, set.clone())
    };
    Some(NETWORKS.map(load).into())
}

/// Correct images of the table: (net, scheme, bits).
fn table(net: &str, scheme: &str, bits: u32) -> Option<i64> {
    let text = std::fs::read_to_string(shared("data/reference/ptq.csv")?).unwrap();
    let prefix = format!("{net},{scheme},{bits},");
    text.lines().find_map(|l| l.strip_prefix(&prefix)?.split(',').next()?.parse().ok())
}

#[test]
fn weights_alone_meet_the_table() {
    if !slow() {
        return;
    }
    for (name, network, dataset) in load_all(IMAGES).unwrap_or_default() {
        let folded = table(name, "folded_per_tensor", 8).is_some();
        let (scheme, source) = if folded { ("folded_per_tensor", fold::fold_batchnorm(&network).unwrap()) } else { ("raw_per_tensor", network) };
        for bits in [8, 6, 5, 4] {
            let expected = table(name, scheme, bits).unwrap_or_else(|| panic!("{name} {scheme} {bits} is not in the table"));
            let correct = float::accuracy(&weights::rounded(&source, bits, WeightScale::PerLayer), &dataset) as i64;
            println!("{name:28} {scheme} {bits} bits: {correct}, table {expected}");
            assert!((correct - expected).abs() <= 30, "{name} at {bits} bits: {correct}, table {expected}");
        }
    }
}

/// Few images, always run; whole sets: tests/networks.rs.
#[test]
fn eight_bits_lose_little_on_few_images() {
    for (name, data) in [("cifar10_resnet20", "cifar10"), ("fashion_vgg6", "fashion_mnist")] {
        let Some((network, dataset)) = load(name, data, 500) else { return };
        let (float, quantised) = (float::accuracy(&network, &dataset) as i64, quantised(&network, &dataset, 8, 8) as i64);
        assert!((float - quantised).abs() <= 5, "{name}: {float} to {quantised}");
    }
}

/// The embedded network needs nothing beside the checkout.
#[test]
fn the_embedded_network_is_as_good_as_its_readme_says() {
    let network = bwq::embedded::network().unwrap();
    let dataset = bwq::embedded::dataset(1000, 256).unwrap();
    assert_eq!(float::accuracy(&network, &dataset), 936);
    assert!(quantised(&network, &dataset, 8, 8) >= 931);
    assert!(quantised(&network, &dataset, 6, 5) >= 900);
}

/// Nor does its form by BWQ-A: that accuracy in integers, within its map, 20 times smaller by the paper's count.
#[test]
fn the_embedded_bwq_a_network_is_as_good_and_as_small_as_its_readme_says() {
    let (network, map) = (bwq::embedded::bwq_a().unwrap(), bwq::embedded::bwq_a_map().unwrap());
    let dataset = bwq::embedded::dataset(1000, 256).unwrap();
    assert_eq!(quantised(&network, &dataset, 8, 4), 923);
    let (mut weights, mut bits) = (0u64, 0u64);
    for layer in bwq::search::layer::layers(&network) {
        map.check_layer(layer.name, layer.rows, layer.outputs, 7, "map").unwrap();
        for (row, output) in (0..layer.rows).flat_map(|row| (0..layer.outputs).map(move |output| (row, output))) {
            weights += 1;
            bits += u64::from(map.bits(layer.name, row, output));
        }
    }
    assert_eq!((weights, map.block), (77_328, [9, 8]));
    assert!(32 * weights >= 20 * bits, "{bits} bits of {weights} weights");
    // Lowered with its map no integer changes: none is beyond its block's bits.
    let toml = "[quantization]\nweight_bits = 8\nactivation_bits = 4\n";
    let point = config::parse_mvm(toml, "test", &Overrides::default()).unwrap();
    let [with, without] = [Some(map), None].map(|map| integers(&lower(&network, &dataset, &point.quantization, map).unwrap()));
    assert_eq!(with, without);
}

/// Integer weights of all layers, one after another.
fn integers(network: &IntegerNetwork) -> Vec<i32> {
    let parts = network.steps.iter().filter_map(|step| if let Step::Matrix { matrix, .. } = step { Some(&matrix.parts) } else { None });
    parts.flatten().flat_map(|part| part.weights.iter().copied()).collect()
}

/// A network of integers keeps them: floats rounded to 8 bits and given as integers make the integer network of these
/// floats, and where fewer bits are asked for than they need the message says how many.
#[test]
fn integer_weights_are_taken_as_they_are() {
    let mut network = bwq::embedded::network().unwrap();
    let dataset = bwq::embedded::dataset(8, 32).unwrap();
    let config = config::parse_mvm("", "test", &Overrides::default()).unwrap().quantization;
    let plain = lower(&fold::fold_batchnorm(&network).unwrap(), &dataset, &config, None).unwrap();
    let mut given = fold::fold_batchnorm(&network).unwrap();
    for node in &mut given.nodes {
        if let Op::Conv2d { weight, .. } | Op::Linear { weight, .. } = &mut node.op {
            let rounded = weights::quantize(&weight.values, weight.shape[0], 8, config.weight_scale);
            *weight = Tensor::of_integers(weight.shape.clone(), &rounded.values, rounded.scale);
        }
    }
    let own = lower(&given, &dataset, &config, None).unwrap();
    assert_eq!(integers(&own), integers(&plain));
    assert!(integers(&own).iter().any(|n| n.abs() == 127));
    // Eight bits of their own, whatever room there is.
    let wide = lower(&given, &dataset, &QuantizationConfig { weight_bits: 9, ..config.clone() }, None).unwrap();
    assert_eq!(integers(&wide), integers(&plain));
    let error = lower(&given, &dataset, &QuantizationConfig { weight_bits: 7, ..config.clone() }, None).expect_err("a refusal");
    assert!(error.message.contains("needs 8 bits") && error.hint.as_ref().is_some_and(|h| h.contains("weight_bits=8")), "{error}");

    // A range in the file is the range of the tensor.
    let relu = network.nodes.iter().position(|node| node.op == Op::Relu).unwrap();
    network.nodes[relu].range = Some([0.0, 1.5]);
    let ranged = lower(&fold::fold_batchnorm(&network).unwrap(), &dataset, &config, None).unwrap();
    let tensor = ranged.tensors.iter().find(|t| t.name == network.nodes[relu].name).unwrap();
    assert_eq!((tensor.scale, tensor.zero_point), (1.5 / 255.0, 0));
}
