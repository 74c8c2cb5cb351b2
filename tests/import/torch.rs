//! PyTorch's networks against PyTorch's logits, by every way out of it.

use super::{fixtures, support};
use bwq::dataset::Pixels as Images;
use bwq::import::{Options, import_onnx};
use bwq::network::{Network, Op, float, read};
use std::path::Path;

/// Largest deviation from PyTorch, as a share of the largest magnitude: float32 sums in another order.
const TOLERANCE_REL: f32 = 1e-5;

/// Networks in `folder` as `experiments/import/networks.py` writes them, against PyTorch's logits.
fn compare_with_torch(folder: &Path) {
    for (name, ways) in [("resnet", 4), ("mobilenet", 4), ("fire", 3), ("perceptron", 3)] {
        let (arrays, _) = support::npz(&folder.join(format!("{name}.npz")));
        let (images, logits) = (&arrays["images"], &arrays["logits"]);
        let images: Vec<f32> = images.values.iter().map(|&v| v as f32).collect();
        let mut networks: Vec<(String, Network)> = Vec::new();
        for way in ["ts", "dynamo", "norms"] {
            let path = folder.join(format!("{name}.{way}.onnx"));
            networks.push((way.into(), import_onnx(&path, &Options::default()).expect("imported").network));
        }
        if folder.join(format!("{name}.fx")).is_dir() {
            networks.push(("export.py".into(), read::read(&folder.join(format!("{name}.fx"))).expect("a network")));
        }
        assert_eq!(networks.len(), ways, "{name}");
        let norms = networks.iter().filter(|(_, n)| n.nodes.iter().any(|node| matches!(node.op, Op::BatchNorm { .. }))).count();
        assert!(norms >= 1 || name == "fire" || name == "perceptron", "{name}: no way keeps batch norms apart");
        for (way, network) in &networks {
            let images = Images::F32(images.clone());
            let runner = float::Runner::new(network);
            let ours: Vec<f32> = (0..2).flat_map(|i| runner.logits(&float::normalise(network, &images, i))).collect();
            // The softmax at the end was left out: ours are logits before it.
            let ours: Vec<f32> = match name {
                "fire" => ours.chunks(10).flat_map(|row| softmax(row).into_iter().map(f32::ln)).collect(),
                "perceptron" => ours.chunks(10).flat_map(softmax).collect(),
                _ => ours,
            };
            let theirs: Vec<f32> = logits.values.iter().map(|&v| v as f32).collect();
            let scale = theirs.iter().fold(0.0f32, |max, x| max.max(x.abs()));
            let worst = ours.iter().zip(&theirs).fold(0.0f32, |max, (x, y)| max.max((x - y).abs()));
            println!("{name}, {way}: largest deviation {:.1e} of the largest magnitude {scale}", worst / scale);
            assert_eq!(ours.len(), theirs.len());
            assert!(worst <= TOLERANCE_REL * scale, "{name}, {way}: {worst} at a largest magnitude of {scale}");
        }
    }
}

fn softmax(row: &[f32]) -> Vec<f32> {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = row.iter().map(|v| (v - largest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

/// A ResNet, a MobileNetV2, concatenation and grouped convolution, a perceptron: small files that PyTorch 2.15 wrote.
#[test]
fn files_that_pytorch_wrote_have_its_logits() {
    compare_with_torch(&fixtures());
}

/// The same, larger, exported at this moment by the PyTorch of `BWQ_PYTHON` or `python3`.
#[test]
fn a_pytorch_at_hand_agrees() {
    let python = std::env::var("BWQ_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = std::process::Command::new(&python).args(["-c", "import torch, onnx, safetensors"]).output();
    if !there.is_ok_and(|out| out.status.success()) {
        eprintln!("NOT RUN: {python} has no torch, onnx and safetensors (pip install torch onnx onnxscript safetensors; BWQ_PYTHON names another); the small files of tests/data/import are compared");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/import/networks.py");
    let out = std::process::Command::new(&python).env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(dir.path()).output().expect("it starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    compare_with_torch(dir.path());
}
