//! A tiny network with every kind of step, and a tiny test set, made here: written as a user's files.

use bwq::rng::PhiloxStream;
use rand::RngExt;
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::json;
use std::path::Path;

/// Writes `net.json`, `net.safetensors` and a folder `data` of IDX files with `images` images into `dir`.
pub fn write(dir: &Path, images: usize) {
    let mut rng = PhiloxStream::new(2024);
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut tensor = |name: &str, shape: &[usize], scale: f32, shift: f32| {
        let bytes = (0..shape.iter().product::<usize>()).flat_map(|_| (shift + scale * (rng.random::<f32>() * 2.0 - 1.0)).to_le_bytes()).collect();
        tensors.push((name.to_string(), shape.to_vec(), bytes));
    };
    for (name, shape) in [("c1", [6, 1, 3, 3]), ("c2", [6, 6, 3, 3]), ("c3", [8, 3, 1, 1])] {
        tensor(&format!("{name}.weight"), &shape, 0.5, 0.0);
    }
    for (suffix, scale, shift) in [("gamma", 0.2, 1.0), ("beta", 0.2, 0.0), ("mean", 0.2, 0.0), ("var", 0.2, 1.0)] {
        tensor(&format!("b1.{suffix}"), &[6], scale, shift);
    }
    tensor("fc.weight", &[10, 14], 0.5, 0.0);
    tensor("fc.bias", &[10], 0.3, 0.0);
    let conv = |name: &str, input: &str, stride: usize, pad: usize, groups: usize| {
        json!({"name": name, "op": "conv2d", "inputs": [input], "stride": [stride, stride], "pad": [pad, pad, pad, pad], "dilation": [1, 1], "groups": groups, "weights": {"weight": format!("{name}.weight")}})
    };
    let one = |name: &str, op: &str, input: &str| json!({"name": name, "op": op, "inputs": [input]});
    let nodes = json!([
        conv("c1", "input", 1, 1, 1),
        {"name": "b1", "op": "batchnorm", "inputs": ["c1"], "eps": 1e-5, "weights": {"gamma": "b1.gamma", "beta": "b1.beta", "mean": "b1.mean", "var": "b1.var"}},
        one("r1", "relu", "b1"),
        conv("c2", "r1", 1, 1, 1),
        {"name": "add", "op": "add", "inputs": ["c2", "r1"]},
        one("r2", "relu6", "add"),
        {"name": "pool", "op": "maxpool", "inputs": ["r2"], "kernel": [2, 2], "stride": [2, 2], "pad": [0, 0, 0, 0]},
        conv("c3", "pool", 1, 0, 2), // two channel groups
        {"name": "sub", "op": "subsample", "inputs": ["r2"], "stride": 2},
        {"name": "padc", "op": "pad_channels", "inputs": ["pool"], "before": 1, "after": 1},
        one("r3", "relu", "c3"),
        {"name": "sum", "op": "add", "inputs": ["r3", "padc"]},
        one("r4", "relu", "sum"),
        {"name": "thin", "op": "avgpool", "inputs": ["sub"], "kernel": [2, 2], "stride": [2, 2], "pad": [0, 0, 0, 0]},
        {"name": "wide", "op": "maxpool", "inputs": ["r4"], "kernel": [2, 2], "stride": [2, 2], "pad": [0, 0, 0, 0]},
        {"name": "both", "op": "concat", "inputs": ["wide", "thin"]},
        one("gap", "global_avgpool", "both"),
        one("flat", "flatten", "gap"),
        {"name": "fc", "op": "linear", "inputs": ["flat"], "weights": {"weight": "fc.weight", "bias": "fc.bias"}},
    ]);
    let graph = json!({"format": "netgraph-1", "name": "tiny", "input": {"shape": [1, 8, 8]}, "preprocess": {"scale": 1.0 / 255.0, "mean": [0.4], "std": [0.3]}, "nodes": nodes});
    std::fs::write(dir.join("net.json"), graph.to_string()).expect("written");
    let views = tensors.iter().map(|(name, shape, bytes)| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor")));
    std::fs::write(dir.join("net.safetensors"), serialize(views, None).expect("serialised")).expect("written");

    let mut rng = PhiloxStream::new(7);
    let data = dir.join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    for (set, count) in [("t10k", images), ("train", 16)] {
        let mut file: Vec<u8> = [0x0803u32, count as u32, 8, 8].iter().flat_map(|n| n.to_be_bytes()).collect();
        file.extend((0..count * 64).map(|_| rng.random::<u8>()));
        std::fs::write(data.join(format!("{set}-images-idx3-ubyte")), file).expect("written");
        let mut file: Vec<u8> = [0x0801u32, count as u32].iter().flat_map(|n| n.to_be_bytes()).collect();
        file.extend((0..count).map(|_| rng.random_range(0..10u8)));
        std::fs::write(data.join(format!("{set}-labels-idx1-ubyte")), file).expect("written");
    }
}
