//! Weights, graphs, lists of layers, precision maps. What is read then runs: folded, quantised where the images fit, an image classified.

use super::mutations::{of_json, of_safetensors};
use super::support::tiny;
use super::trial::{Reader, try_out};
use bwq::error::Result;
use bwq::import::Options;
use bwq::import::layer_list::import_layers;
use bwq::network::{Network, float, fold, read};
use bwq::quantize::PrecisionMap;
use std::path::Path;

/// Most multiply-accumulates of a network that is run.
const MOST_MACS: u64 = 1 << 20;

fn runs(network: &Network) -> Result<()> {
    let folded = fold::fold_batchnorm(network)?;
    let size = network.input_shape.iter().product::<usize>();
    // What is large is read, and would run for long.
    if network.macs() < MOST_MACS && network.nodes.iter().map(|n| n.out_shape.iter().product::<usize>()).sum::<usize>() < 1 << 20 {
        assert_eq!(float::logits(&folded, &vec![0.5; size]).len(), network.classes());
    }
    Ok(())
}

#[test]
fn weights_and_graphs() {
    let dir = tempfile::tempdir().unwrap();
    tiny::write(dir.path(), 4);
    let (graph, weights) = (dir.path().join("net.json"), dir.path().join("net.safetensors"));
    let read = || runs(&read::read(&graph)?);
    let seeds = [std::fs::read(&weights).unwrap()];
    try_out(&Reader { name: "weights (safetensors)", file: &weights, folder: dir.path(), seeds: &seeds, change: &of_safetensors, read: &read, share: 1.0 });
    let seeds = [std::fs::read(&graph).unwrap()];
    try_out(&Reader { name: "graph (netgraph-1)", file: &graph, folder: dir.path(), seeds: &seeds, change: &of_json, read: &read, share: 1.0 });
}

#[test]
fn lists_of_layers() {
    let dir = tempfile::tempdir().unwrap();
    tiny::write(dir.path(), 4);
    let (list, weights) = (dir.path().join("layers.json"), dir.path().join("net.safetensors"));
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(dir.path().join("net.json")).unwrap()).unwrap();
    let short = serde_json::json!({"input": {"shape": [1, 8, 8]}, "nodes": [
        {"op": "conv2d", "name": "c1", "pad": 1}, {"op": "relu", "name": "r"}, {"op": "maxpool", "name": "p", "kernel": 2}, {"op": "conv2d", "name": "c2"}, {"op": "global_avgpool", "name": "g"},
        {"op": "flatten", "name": "f"}]});
    let seeds = [short.to_string().into_bytes(), whole.to_string().into_bytes()];
    let read = || runs(&import_layers(&weights, &list, &Options::default())?.network);
    try_out(&Reader { name: "list of layers", file: &list, folder: dir.path(), seeds: &seeds, change: &of_json, read: &read, share: 0.5 });
    let seeds = [std::fs::read(&weights).unwrap()];
    try_out(&Reader { name: "weights of a list", file: &weights, folder: dir.path(), seeds: &seeds, change: &of_safetensors, read: &read, share: 0.5 });
}

#[test]
fn precision_maps() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("map.json");
    let read = || {
        let map = PrecisionMap::read(&file)?;
        let place = file.display().to_string();
        map.check_names(["c1", "fc"].into_iter(), &place)?;
        for (name, rows, outputs) in [("c1", 9, 6), ("fc", 14, 10)] {
            map.check_layer(name, rows, outputs, 8, &place)?;
            assert!(map.bits(name, rows - 1, outputs - 1) <= 8);
        }
        Ok(())
    };
    let seeds = [br#"{"format":"bwq-precision-map-1","block":[9,8],"layers":{"c1":[[3]],"fc":[[3,0],[8,1]]}}"#.to_vec()];
    try_out(&Reader { name: "precision map", file: &file, folder: dir.path(), seeds: &seeds, change: &of_json, read: &read, share: 1.0 });
}

/// Headers that state far more than the file holds, made by hand: refused before anything is taken for them.
#[test]
fn headers_that_state_much() {
    let dir = tempfile::tempdir().unwrap();
    tiny::write(dir.path(), 4);
    let weights = dir.path().join("net.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    let with = |header: &str| [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
    let cases: [(&str, Vec<u8>); 7] = [
        ("a header of 2^60 bytes", [&(1u64 << 60).to_le_bytes(), &whole[8..]].concat()),
        ("a tensor of 2^40 values", with(r#"{"c1.weight":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#)),
        ("a shape whose product overflows", with(r#"{"c1.weight":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}"#)),
        ("offsets backwards", with(r#"{"c1.weight":{"dtype":"F32","shape":[0],"data_offsets":[8,0]}}"#)),
        ("offsets that overlap", [with(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#), vec![0; 4]].concat()),
        ("a name twice", [with(r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#), vec![0; 8]].concat()),
        ("bytes behind the last tensor", [&whole[..], &[0; 4]].concat()),
    ];
    for (what, bytes) in cases {
        std::fs::write(&weights, bytes).unwrap();
        let e = read::read(&dir.path().join("net.json")).expect_err(what);
        assert!(e.to_string().starts_with(&*weights.to_string_lossy()), "{what}: {e}");
    }
    assert!(read::read(Path::new("/dev/zero")).is_err());
}
