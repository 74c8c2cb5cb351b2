//! A small network with every kind of branch, and small images of three classes.

use bwq::network::{Network, Node, Op, Preprocess, Source, Tensor, shape, write};
use tempfile::TempDir;

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    (0..count as u32).map(|i| bwq::rng::philox4x32([i, seed, 0, 0], [7, 7])[0] as f32 / 2f32.powi(31) - 1.0).collect()
}

/// `net.json` with its weights, and a training and a test set beside it.
pub fn small() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let files = write::files(&network()).expect("files");
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("written");
    put("net.json", files.graph.as_bytes());
    put("net.safetensors", &files.weights);
    for (set, count, seed) in [("train", 128, 1), ("t10k", 60, 2)] {
        let (images, labels) = images(count, seed);
        put(&format!("{set}-images-idx3-ubyte"), &images);
        put(&format!("{set}-labels-idx1-ubyte"), &labels);
    }
    folder
}

/// Horizontal stripes, vertical stripes, a bright middle, each with noise, as IDX files.
fn images(count: usize, seed: u32) -> (Vec<u8>, Vec<u8>) {
    let header = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
    let (mut pixels, mut labels) = (header(&[0x803, count as u32, 8, 8]), header(&[0x801, count as u32]));
    let noise = numbers(count * 64, seed);
    for image in 0..count {
        for at in 0..64 {
            let (y, x) = (at / 8, at % 8);
            let on = match image % 3 {
                0 => y % 4 < 2,
                1 => x % 4 < 2,
                _ => (2..6).contains(&y) && (2..6).contains(&x),
            };
            pixels.push((if on { 170.0 } else { 60.0 } + 50.0 * noise[image * 64 + at]) as u8);
        }
        labels.push((image % 3) as u8);
    }
    (pixels, labels)
}

fn network() -> Network {
    let mut network = Network {
        name: "small".into(),
        input_shape: [1, 8, 8],
        preprocess: Preprocess { scale: 1.0 / 255.0, mean: vec![0.4], std: vec![0.3] },
        nodes: Vec::new(),
    };
    let conv = |inputs: usize, outputs: usize, stride: usize, seed: u32| Op::Conv2d {
        weight: Tensor::of_floats(vec![outputs, inputs, 3, 3], numbers(outputs * inputs * 9, seed)),
        bias: None,
        stride: [stride; 2],
        pad: [1; 4],
        dilation: [1, 1],
        groups: 1,
    };
    let norm = |channels: usize, seed: u32| Op::BatchNorm {
        gamma: numbers(channels, seed).iter().map(|x| 1.0 + 0.3 * x).collect(),
        beta: vec![0.1; channels],
        mean: vec![0.0; channels],
        var: vec![2.0; channels],
        eps: 1e-5,
    };
    let mut node = |name: &str, op: Op, inputs: &[&str]| {
        let find = |input: &&str| network.nodes.iter().position(|n| n.name == **input).map_or(Source::Input, Source::Node);
        let inputs: Vec<Source> = inputs.iter().map(find).collect();
        let shapes: Vec<&[usize]> = inputs.iter().map(|&s| network.shape_of(s)).collect();
        let out_shape = shape::output_shape(&op, &shapes).expect("shapes that fit");
        network.nodes.push(Node { name: name.into(), op, inputs, out_shape, range: None });
    };
    node("conv1", conv(1, 6, 1, 1), &["input"]);
    node("bn1", norm(6, 2), &["conv1"]);
    node("relu1", Op::Relu, &["bn1"]);
    node("conv2", conv(6, 10, 2, 3), &["relu1"]);
    node("bn2", norm(10, 4), &["conv2"]);
    // A shortcut without parameters (option A), and a sum.
    node("half", Op::Subsample { stride: [2, 2] }, &["relu1"]);
    node("wide", Op::PadChannels { before: 2, after: 2 }, &["half"]);
    node("sum", Op::Add, &["bn2", "wide"]);
    node("relu2", Op::Relu, &["sum"]);
    node("conv3", conv(10, 6, 1, 5), &["relu2"]);
    node("bn3", norm(6, 6), &["conv3"]);
    node("relu3", Op::ClippedRelu { high: 6.0 }, &["bn3"]);
    node("both", Op::Concat, &["relu3", "relu2"]);
    node("pool", Op::MaxPool { kernel: [2, 2], stride: [2, 2], pad: [0; 4] }, &["both"]);
    node("conv4", conv(16, 8, 1, 7), &["pool"]);
    node("bn4", norm(8, 8), &["conv4"]);
    node("relu4", Op::Relu, &["bn4"]);
    node("mean", Op::GlobalAvgPool, &["relu4"]);
    node("flat", Op::Flatten, &["mean"]);
    node("logits", Op::Linear { weight: Tensor::of_floats(vec![3, 8], numbers(24, 9)), bias: Some(vec![0.0; 3]) }, &["flat"]);
    network
}
