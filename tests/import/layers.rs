//! Safetensors with a list of layers.

use super::support::{bwq, bwq_ok};
use bwq::network::read;
use safetensors::tensor::{Dtype, TensorView, serialize};
use std::path::Path;

fn write_weights(dir: &Path) {
    let tensors: Vec<(&str, Vec<usize>)> = vec![
        ("0.weight", vec![4, 1, 3, 3]),
        ("1.weight", vec![4]), ("1.bias", vec![4]), ("1.running_mean", vec![4]), ("1.running_var", vec![4]), ("1.num_batches_tracked", vec![]),
        ("4.weight", vec![3, 64]), ("4.bias", vec![3]),
        ("forgotten.weight", vec![2]),
    ];
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, shape)| (0..shape.iter().product::<usize>()).flat_map(|i| (0.5 + i as f32 / 64.0).to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape), bytes)| (*name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor")));
    std::fs::write(dir.join("w.safetensors"), serialize(views, None).expect("serialised")).expect("written");
}

/// A chain of layers is a list of names and operations; the rest follows from the tensors' names.
#[test]
fn a_chain_of_layers_needs_no_more_than_their_names() {
    let dir = tempfile::tempdir().expect("a folder");
    write_weights(dir.path());
    let list = r#"[{"name": "0", "op": "conv2d", "pad": 1}, {"name": "1", "op": "batchnorm", "eps": 1e-5}, {"name": "2", "op": "relu"}, {"name": "3", "op": "flatten"}, {"name": "4", "op": "linear"}]"#;
    std::fs::write(dir.path().join("layers.json"), list).expect("written");
    let args = ["import", "w.safetensors", "--graph", "layers.json", "-o", "net", "--input-shape", "1,4,4", "--scale", "1/255"];
    let (code, _, stderr) = bwq(dir.path(), &args);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("1 of 9 tensors are in no node: `forgotten.weight`"), "{stderr}");
    let network = read::read(&dir.path().join("net")).expect("a network");
    assert_eq!(network.nodes.iter().map(|n| n.op.name()).collect::<Vec<_>>(), ["conv2d", "batchnorm", "relu", "flatten", "linear"]);
    assert_eq!((network.name.as_str(), network.preprocess.scale, network.classes()), ("w", 1.0 / 255.0, 3));

    // What it wrote is a list of layers, too, with nothing left out: imported again it is the same network.
    bwq_ok(dir.path(), &["import", "net/network.safetensors", "--graph", "net/network.json", "-o", "again"]);
    assert_eq!(read::read(&dir.path().join("again")).expect("a network"), network);
}

#[test]
fn what_does_not_follow_is_asked_for() {
    let dir = tempfile::tempdir().expect("a folder");
    write_weights(dir.path());
    let cases = [
        (r#"[{"name": "9", "op": "conv2d"}]"#, "tensor `9.weight`: missing"),
        (r#"[{"name": "0", "op": "conv2d", "pad": 1}, {"name": "1", "op": "batchnorm"}]"#, "key `eps` is missing"),
        (r#"[{"op": "relu"}]"#, "node 0 has no `name`"),
        (r#"[{"name": "a", "op": "relu"}]"#, "no layer with weights"),
        (r#"{"nodes": 3}"#, "`nodes` must be a list"),
        ("7", "must be an object with `nodes`, or the list of nodes itself"),
        ("[", "broken JSON"),
    ];
    for (list, wanted) in cases {
        std::fs::write(dir.path().join("layers.json"), list).expect("written");
        let (code, _, stderr) = bwq(dir.path(), &["import", "w.safetensors", "--graph", "layers.json", "-o", "net", "--input-shape", "1,4,4"]);
        assert!(code == 2 && stderr.contains(wanted), "{list}: {stderr}");
    }
    let (code, _, stderr) = bwq(dir.path(), &["import", "w.safetensors", "--graph", "layers.json", "-o", "net"]);
    assert!(code == 2 && stderr.contains("broken JSON"), "{stderr}");
}
