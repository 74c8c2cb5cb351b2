//! Reading, folding and running small networks made here, and what is refused.

use super::*;
use crate::dataset::Pixels;
use serde_json::{Value, json};

/// A .safetensors of float32 tensors.
fn weights(tensors: &[(&str, &[usize], Vec<f32>)]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape, values) in tensors {
        let begin = data.len();
        values.iter().for_each(|v| data.extend_from_slice(&v.to_le_bytes()));
        header.insert(name.to_string(), json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()]}));
    }
    with_header(&Value::Object(header).to_string(), &data)
}

/// The small network with its convolution in integers; `scale` holds what one is worth.
fn integer_network(integers: impl Fn(usize) -> i16, scale: &[f64]) -> (Value, Vec<u8>) {
    let mut graph = small_graph();
    graph["nodes"][0]["weights"]["weight_scale"] = json!("conv.s");
    graph["nodes"][2]["activation_range"] = json!([0, 2.75]);
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    let mut put = |name: &str, dtype: &str, shape: &[usize], bytes: Vec<u8>| {
        let begin = data.len();
        data.extend(bytes);
        header.insert(name.into(), json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, data.len()]}));
    };
    put("conv.s", "F64", &[scale.len()], scale.iter().flat_map(|s| s.to_le_bytes()).collect());
    put("conv.w", "I16", &[4, 2, 3, 3], (0..72).flat_map(|i| integers(i).to_le_bytes()).collect());
    for (name, values) in [("conv.b", ramp(4)), ("g", vec![0.5, 2.0, -1.0, 1.5]), ("b", ramp(4)), ("m", vec![0.1, -0.2, 0.3, 0.0]), ("v", vec![1.0, 0.5, 2.0, 0.0])] {
        put(name, "F32", &[4], values.iter().flat_map(|v: &f32| v.to_le_bytes()).collect());
    }
    (graph, with_header(&Value::Object(header).to_string(), &data))
}

fn a_weight(i: usize) -> i16 {
    (i * 37 % 511) as i16 - 255
}

fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn ramp(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7 % 11) as f32 / 4.0 - 1.25).collect()
}

fn small_weights() -> Vec<u8> {
    weights(&[
        ("conv.w", &[4, 2, 3, 3], ramp(72)),
        ("conv.b", &[4], ramp(4)),
        ("g", &[4], vec![0.5, 2.0, -1.0, 1.5]),
        ("b", &[4], ramp(4)),
        ("m", &[4], vec![0.1, -0.2, 0.3, 0.0]),
        ("v", &[4], vec![1.0, 0.5, 2.0, 0.0]),
        ("fc.w", &[3, 6], ramp(18)),
    ])
}

fn small_graph() -> Value {
    json!({
        "format": "netgraph-1", "name": "small", "input": {"shape": [2, 5, 4]},
        "preprocess": {"layout": "NCHW", "scale": 0.5, "mean": [1.0, 2.0], "std": [2.0, 4.0]},
        "nodes": [
            {"name": "conv", "op": "conv2d", "inputs": ["input"], "stride": 2, "pad": [1, 1, 1, 1],
             "weights": {"weight": "conv.w", "bias": "conv.b"}, "out_shape": [4, 3, 2]},
            {"name": "bn", "op": "batchnorm", "inputs": ["conv"], "eps": 1e-3,
             "weights": {"gamma": "g", "beta": "b", "mean": "m", "var": "v"}},
            {"name": "act", "op": "relu6", "inputs": ["bn"]},
            {"name": "sum", "op": "add", "inputs": ["act", "bn"]},
            {"name": "cat", "op": "concat", "inputs": ["sum", "act"]},
            {"name": "sub", "op": "subsample", "inputs": ["cat"], "stride": [2, 1]},
            {"name": "pool", "op": "maxpool", "inputs": ["sub"], "kernel": [1, 2]},
            {"name": "wide", "op": "pad_channels", "inputs": ["pool"], "before": 1, "after": 3},
            {"name": "mean", "op": "avgpool", "inputs": ["wide"], "kernel": [2, 1]},
            {"name": "flat", "op": "flatten", "inputs": ["mean"]},
            {"name": "all", "op": "relu", "inputs": ["flat"]},
        ]
    })
}

fn parsed(graph: &Value) -> crate::error::Result<Network> {
    read::parse(&graph.to_string(), &small_weights(), "small.json")
}

/// The message for `graph` after a change.
fn refusal(change: impl Fn(&mut Value)) -> String {
    let mut graph = small_graph();
    change(&mut graph);
    parsed(&graph).expect_err("a refusal").to_string()
}

#[test]
fn shapes_follow() {
    let network = parsed(&small_graph()).expect("a network");
    let shapes: Vec<_> = network.nodes.iter().map(|node| node.out_shape.clone()).collect();
    let expected: [&[usize]; 11] = [
        &[4, 3, 2], &[4, 3, 2], &[4, 3, 2], &[4, 3, 2], &[8, 3, 2], &[8, 2, 2], &[8, 2, 1], &[12, 2, 1], &[12, 1, 1], &[12], &[12],
    ];
    assert_eq!(shapes, expected);
    assert_eq!((network.classes(), network.macs()), (12, 72 * 6));
}

#[test]
fn refusals_name_what_and_where() {
    let says = |message: String, parts: &[&str]| {
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    };
    says(refusal(|g| g["nodes"][2]["op"] = json!("gelu")), &["node 2 `act`", "operation `gelu` is not supported", "relu6"]);
    says(refusal(|g| g["nodes"][0]["op"] = json!("Conv")), &["did you mean `conv2d`"]);
    says(refusal(|g| g["nodes"][6]["op"] = json!("MaxPool2d")), &["did you mean `maxpool`"]);
    says(refusal(|g| g["nodes"][1]["op"] = json!("BatchNormalization")), &["did you mean `batchnorm`"]);
    says(refusal(|g| g["nodes"][2]["inputs"] = json!(["nowhere"])), &["node 2 `act`", "input `nowhere`"]);
    says(refusal(|g| g["nodes"][2]["inputs"] = json!(["sum"])), &["execution order"]);
    says(refusal(|g| g["nodes"][2]["inputs"] = json!(["act"])), &["its own input"]);
    says(refusal(|g| g["nodes"][3]["inputs"] = json!(["act"])), &["takes 2 input(s), 1 given"]);
    says(refusal(|g| g["nodes"][2]["name"] = json!("conv")), &["node 2 `conv`", "taken"]);
    says(refusal(|g| g["nodes"][2]["name"] = json!("input")), &["taken"]);
    says(refusal(|g| g["nodes"][0]["out_shape"] = json!([4, 3, 3])), &["out_shape", "[4, 3, 2]"]);
    says(refusal(|g| g["nodes"][0]["weight_shape"] = json!([4, 2, 3, 1])), &["weight_shape"]);
    says(refusal(|g| g["nodes"][0]["groups"] = json!(3)), &["3 groups do not divide"]);
    says(refusal(|g| g["nodes"][0]["groups"] = json!(2)), &["takes 2 input channels per group"]);
    says(refusal(|g| g["nodes"][0]["stride"] = json!(0)), &["at least 1"]);
    says(refusal(|g| g["nodes"][0]["stride"] = json!([1, 2, 3])), &["[vertical, horizontal]"]);
    says(refusal(|g| g["nodes"][0]["stride"] = json!(-1)), &["whole number"]);
    says(refusal(|g| g["nodes"][0]["dilation"] = json!(9)), &["larger than the padded input of 7 x 6"]);
    says(refusal(|g| g["nodes"][0]["pad"] = json!([1048576, 1048576])), &["more than"]);
    says(refusal(|g| g["nodes"][0]["ceil_mode"] = json!(true)), &["`conv2d` has no key `ceil_mode`"]);
    says(refusal(|g| g["nodes"][2]["stride"] = json!(2)), &["`relu6` has no key `stride`"]);
    says(refusal(|g| g["nodes"][0]["weights"]["weight"] = json!("gone")), &["tensor `gone`", "missing"]);
    says(refusal(|g| g["nodes"][0]["weights"]["scale"] = json!("g")), &["no key `scale`"]);
    says(refusal(|g| g["nodes"][0]["weights"]["weight"] = json!("g")), &["shape [4]"]);
    says(refusal(|g| g["nodes"][0]["weights"]["bias"] = json!("fc.w")), &["one axis"]);
    says(refusal(|g| g["nodes"][1]["eps"] = json!(0)), &["var + eps"]);
    says(refusal(|g| g["nodes"][6]["pad"] = json!([1, 0])), &["smaller than the window"]);
    says(refusal(|g| g["nodes"][7]["before"] = json!(u64::MAX)), &["whole number"]);
    says(refusal(|g| g["format"] = json!("netgraph-2")), &["netgraph-2", "netgraph-1"]);
    says(refusal(|g| g["nodes"] = json!([])), &["empty"]);
    says(refusal(|g| g["input"]["shape"] = json!([2, 1048576, 1048576])), &["more than"]);
    says(refusal(|g| g["preprocess"]["std"] = json!([1.0])), &["2 input channels"]);
    says(refusal(|g| g["preprocess"]["std"] = json!([1.0, 0.0])), &["above 0"]);
    says(read::parse("{\n \"format\": }", &small_weights(), "x.json").expect_err("broken").to_string(), &["x.json:2:", "broken JSON"]);
}

#[test]
fn broken_weights_are_refused() {
    let graph = small_graph().to_string();
    let message = |bytes: &[u8]| read::parse(&graph, bytes, "x").expect_err("a refusal").to_string();
    let whole = small_weights();
    assert!(message(&whole[..whole.len() - 1]).contains(".safetensors"));
    assert!(message(&[]).contains(".safetensors"));
    assert!(message(&u64::MAX.to_le_bytes()).contains(".safetensors"));
    let huge = r#"{"conv.w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#;
    assert!(message(&with_header(huge, &[0; 4])).contains(".safetensors"));
    let half = r#"{"conv.w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#;
    assert!(message(&with_header(half, &[0; 4])).contains("tensor `conv.w`: type F16"));
    assert!(message(&weights(&[("conv.w", &[4, 2, 3, 3], vec![f32::NAN; 72])])).contains("tensor `conv.w`: value 0 is NaN"));
    assert!(message(&weights(&[("conv.w", &[0, 2, 3, 3], vec![])])).contains("holds no value"));
}

#[test]
fn the_hash_counts_contents_only() {
    let hash = |graph: &Value| parsed(graph).expect("a network").content_hash();
    let (plain, mut graph) = (hash(&small_graph()), small_graph());
    graph["name"] = json!("other");
    graph["nodes"][10]["name"] = json!("logits");
    graph["nodes"][0]["stride"] = json!([2, 2]);
    graph["nodes"][6]["stride"] = json!([1, 2]);
    assert_eq!(hash(&graph), plain);
    graph["nodes"][1]["eps"] = json!(2e-3);
    assert_ne!(hash(&graph), plain);
    graph = small_graph();
    graph["nodes"][4]["inputs"] = json!(["act", "sum"]);
    assert_ne!(hash(&graph), plain);
}

#[test]
fn runs_as_defined() {
    let network = parsed(&small_graph()).expect("a network");
    let image = float::normalise(&network, &Pixels::U8((0..80).map(|i| i * 3).collect()), 1);
    assert_eq!((image[0], image[20]), ((120.0 * 0.5 - 1.0) / 2.0, (180.0 * 0.5 - 2.0) / 4.0));
    let out = float::forward(&network, &image);
    assert!(out.iter().zip(&network.nodes).all(|(out, node)| out.len() == node.out_shape.iter().product::<usize>()));
    assert_eq!(float::logits(&network, &image), out[10]);
    // [bn, act, sum, cat, sub, pool, wide, mean] of the first channel.
    assert_eq!(out[2][0], out[1][0].clamp(0.0, 6.0));
    assert_eq!(out[3][0], out[2][0] + out[1][0]);
    assert_eq!(out[4][24..], out[2][..]);
    assert_eq!(out[5][..4], [out[4][0], out[4][1], out[4][4], out[4][5]]);
    assert_eq!(out[6][0], out[5][0].max(out[5][1]));
    assert_eq!((out[7][..2].to_vec(), out[7][2]), (vec![0.0, 0.0], out[6][0]));
    assert_eq!(out[8][1], (out[7][2] + out[7][3]) / 2.0);
    assert_eq!(float::argmax(&[1.0, 3.0, 3.0, f32::NAN]), 1);
}

#[test]
fn padded_pools() {
    let graph = json!({
        "format": "netgraph-1", "name": "pools", "input": {"shape": [1, 2, 2]},
        "preprocess": {"scale": 1, "mean": [0], "std": [1]},
        "nodes": [
            {"name": "max", "op": "maxpool", "inputs": "input", "kernel": 2, "stride": 1, "pad": [1, 1, 0, 0]},
            {"name": "mean", "op": "avgpool", "inputs": "input", "kernel": 2, "stride": 1, "pad": [0, 0, 1, 1]},
            {"name": "sum", "op": "add", "inputs": ["max", "mean"]},
        ]
    });
    let network = read::parse(&graph.to_string(), &weights(&[]), "pools").expect("a network");
    let out = float::forward(&network, &[-1.0, -2.0, -3.0, -4.0]);
    assert_eq!(out[0], [-1.0, -1.0, -1.0, -1.0]);
    assert_eq!(out[1], [-2.5, -1.5, -1.75, -1.0]);
}

#[test]
fn folding_keeps_the_outputs() {
    let network = parsed(&small_graph()).expect("a network");
    let folded = fold::fold_batchnorm(&network).expect("a folded network");
    assert_eq!(folded.nodes.len(), network.nodes.len() - 1);
    assert_eq!(folded.nodes[0].name, "conv");
    let image = ramp(40);
    let (plain, folds) = (float::logits(&network, &image), float::logits(&folded, &image));
    assert!(plain.iter().zip(&folds).all(|(x, y)| (x - y).abs() <= 1e-5 * x.abs().max(1.0)), "{plain:?} {folds:?}");
}

#[test]
fn a_written_network_is_read_as_it_was() {
    let (graph, weights) = integer_network(a_weight, &[0.1, 0.3, 1e-3, 0.7]);
    for network in [parsed(&small_graph()).expect("a network"), read::parse(&graph.to_string(), &weights, "integers").expect("a network")] {
        let files = write::files(&network).expect("files");
        let again = read::parse(&files.graph, &files.weights, "written").expect("a network");
        assert_eq!(again, network);
        assert_eq!(again.content_hash(), network.content_hash());
    }
}

#[test]
fn integers_stay_what_they_are() {
    let (graph, weights) = integer_network(a_weight, &[0.1, 0.3, 1e-3, 0.7]);
    let network = read::parse(&graph.to_string(), &weights, "integers").expect("a network");
    assert_eq!(network.nodes[2].range, Some([0.0, 2.75]));
    let of = |network: &Network| match &network.nodes[0].op {
        Op::Conv2d { weight, .. } => (weight.integers().expect("integers"), weight.step.clone().expect("steps")),
        _ => panic!("the first node is a convolution"),
    };
    let given: Vec<i32> = (0..72).map(|i| i32::from(a_weight(i))).collect();
    assert_eq!(of(&network), (given.clone(), vec![0.1, 0.3, 1e-3, 0.7]));
    // A normalisation scales what one is worth; gamma = -1 of the third channel turns its signs.
    let (integers, steps) = of(&fold::fold_batchnorm(&network).expect("a folded network"));
    let expected: Vec<i32> = given.iter().enumerate().map(|(i, n)| if i / 18 == 2 { -n } else { *n }).collect();
    assert_eq!(integers, expected);
    assert!((steps[2] - 1e-3 / 2.001f64.sqrt()).abs() < 1e-9 && (steps[0] - 0.1 * 0.5 / 1.001f64.sqrt()).abs() < 1e-9, "{steps:?}");
    // The same integers at another worth, and the same floats without integers, are other networks.
    let other = integer_network(a_weight, &[0.1, 0.3, 1e-3, 0.8]);
    assert_ne!(read::parse(&other.0.to_string(), &other.1, "other").expect("a network").content_hash(), network.content_hash());
    let mut floats = network.clone();
    let Op::Conv2d { weight, .. } = &mut floats.nodes[0].op else { panic!("the first node is a convolution") };
    weight.step = None;
    assert_ne!(floats.content_hash(), network.content_hash());
}

#[test]
fn wrong_integers_are_refused() {
    let message = |integers: &dyn Fn(usize) -> i16, scale: &[f64], change: &dyn Fn(&mut Value)| {
        let (mut graph, weights) = integer_network(integers, scale);
        change(&mut graph);
        read::parse(&graph.to_string(), &weights, "integers").expect_err("a refusal").to_string()
    };
    let nothing = |_: &mut Value| {};
    assert!(message(&|_| 256, &[1.0], &nothing).contains("integer 256; supported: -255 to 255"));
    assert!(message(&|_| i16::MIN, &[1.0], &nothing).contains("integer -32768"));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e38, 1e-300] {
        assert!(message(&a_weight, &[bad], &nothing).contains("scale"), "{bad}");
    }
    assert!(message(&a_weight, &[1.0, 2.0], &nothing).contains("2 scales for 4 outputs"));
    assert!(message(&a_weight, &[1.0], &|g| drop(g["nodes"][0]["weights"].as_object_mut().map(|w| w.remove("weight_scale")))).contains("no `weight_scale`"));
    assert!(message(&a_weight, &[1.0], &|g| g["nodes"][0]["weights"]["weight_scale"] = json!(3)).contains("must be the name of a tensor"));
    assert!(message(&a_weight, &[1.0], &|g| g["nodes"][0]["weights"]["weight"] = json!("g")).contains("type F32 with a `weight_scale`"));
    for bad in [json!([0.5, 1.0]), json!([0.0, 0.0]), json!([0.0]), json!([-1.0, -0.5]), json!("wide")] {
        assert!(message(&a_weight, &[1.0], &|g| g["nodes"][2]["activation_range"] = bad.clone()).contains("activation_range"), "{bad}");
    }
}

#[test]
fn a_normalisation_elsewhere_is_refused() {
    let mut graph = small_graph();
    graph["nodes"][4]["inputs"] = json!(["sum", "conv"]);
    let message = |graph: &Value| fold::fold_batchnorm(&parsed(graph).expect("a network")).expect_err("a refusal").to_string();
    assert!(message(&graph).contains("node 1 `bn`") && message(&graph).contains("feeds 2 nodes"));
    graph = small_graph();
    graph["nodes"][1]["inputs"] = json!(["early"]);
    let nodes = graph["nodes"].as_array_mut().expect("a list");
    nodes.insert(1, json!({"name": "early", "op": "relu", "inputs": ["conv"]}));
    assert!(message(&graph).contains("node 2 `bn`") && message(&graph).contains("`early` (relu)"));
}

#[test]
fn mutated_files_never_panic() {
    let whole = integer_network(a_weight, &[0.5]);
    let sources = [(small_graph().to_string().into_bytes(), small_weights()), (whole.0.to_string().into_bytes(), whole.1)];
    let mut state = 12345u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for round in 0..6000 {
        let (mut graph, mut weights) = sources[round / 2 % 2].clone();
        let bytes = if round % 2 == 0 { &mut graph } else { &mut weights };
        let end = if round % 2 == 0 { bytes.len() } else { 560.min(bytes.len()) };
        for _ in 0..1 + next(3) {
            match next(4) {
                0 => bytes.truncate(next(bytes.len()).max(8)),
                1 => bytes.insert(next(end.min(bytes.len())), b"0919{}[]\",:-"[next(12)]),
                _ => {
                    let at = next(end.min(bytes.len()));
                    bytes[at] = if next(2) == 0 { b"09[]{}\"e"[next(8)] } else { next(256) as u8 };
                }
            }
        }
        if let Ok(network) = read::parse(&String::from_utf8_lossy(&graph), &weights, "mutated") {
            let few = network.nodes.iter().all(|node| node.out_shape.iter().product::<usize>() < 10_000);
            if few && network.input_len() < 10_000 {
                float::logits(&network, &vec![1.0; network.input_len()]);
                let _ = fold::fold_batchnorm(&network);
            }
        }
    }
}
