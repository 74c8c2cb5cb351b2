//! Files that are broken or meant to break something: refused with a message that names the file, without a panic, and soon.

use super::model::*;
use super::fixtures;
use super::support::mutations::{noise, of_bytes};
use bwq::import::external::Folder;
use bwq::import::messages::{AttributeProto, ModelProto, NodeProto, TensorProto};
use bwq::import::{Options, import_bytes};
use bwq::rng::PhiloxStream;
use prost::Message;
use rand::RngExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest that a file of some kilobytes may take, on a busy machine and without optimisation: milliseconds are usual.
const MOST: Duration = Duration::from_secs(60);

/// One import; true if it was refused. It must not panic, and a refusal names the file.
fn refused(bytes: Vec<u8>, what: &str) -> bool {
    let start = Instant::now();
    let outcome = import_bytes(bytes, "bad.onnx", Folder::of(Path::new("bad.onnx")), &Options::default());
    assert!(start.elapsed() < MOST, "{what}: {:?}", start.elapsed());
    match outcome {
        Ok(_) => false,
        Err(e) => {
            assert!(e.place.as_ref().is_some_and(|place| place.starts_with("bad.onnx")), "{what}: no file in {e}");
            assert!(e.kind == bwq::error::Kind::Input, "{what}: {e}");
            true
        }
    }
}

/// A change of what a whole file says: numbers, names, types, operations, nodes and tensors that are gone or in another place.
fn misstated(valid: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    const NUMBERS: [i64; 12] = [0, 1, -1, 2, 3, 7, 64, 1 << 20, 1 << 31, 1 << 40, i64::MAX, i64::MIN];
    const OPS: [&str; 24] = [
        "Conv", "Gemm", "MatMul", "BatchNormalization", "Add", "Mul", "Relu", "Clip", "Softmax", "MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "Flatten", "Reshape",
        "Squeeze", "Unsqueeze", "Transpose", "Pad", "Slice", "Concat", "Shape", "Gather", "DequantizeLinear",
    ];
    let mut model = ModelProto::decode(valid).expect("a valid model");
    let graph = model.graph.as_mut().expect("a graph");
    for _ in 0..rng.random_range(1..4) {
        let number = NUMBERS[rng.random_range(0..NUMBERS.len())];
        let (nodes, tensors) = (graph.node.len(), graph.initializer.len());
        let (n, t) = (rng.random_range(0..nodes.max(1)), rng.random_range(0..tensors.max(1)));
        let mut node = graph.node.get(n).map(|bytes| NodeProto::decode(bytes.clone()).expect("a node")).unwrap_or_default();
        let mut tensor = graph.initializer.get(t).map(|bytes| TensorProto::decode(bytes.clone()).expect("a tensor")).unwrap_or_default();
        match rng.random_range(0..10) {
            0 => node.op_type = OPS[rng.random_range(0..OPS.len())].into(),
            1 if node.input.len() > 1 => node.input.swap(0, 1),
            2 if !node.input.is_empty() => drop(node.input.pop()),
            3 => node.input.push(tensor.name.clone()),
            4 if !node.attribute.is_empty() => {
                let at = rng.random_range(0..node.attribute.len());
                let mut attribute = AttributeProto::decode(node.attribute[at].clone()).expect("an attribute");
                attribute.i = number;
                let place = rng.random_range(0..attribute.ints.len().max(1));
                attribute.ints.iter_mut().skip(place).take(1).for_each(|i| *i = number);
                node.attribute[at] = attribute.encode_to_vec().into();
            }
            5 => node.attribute.push(ints(["axes", "pads", "perm", "kernel_shape", "strides"][rng.random_range(0..5)], &[number, 1]).encode_to_vec().into()),
            6 if !tensor.dims.is_empty() => {
                let at = rng.random_range(0..tensor.dims.len());
                tensor.dims[at] = number;
            }
            7 => tensor.data_type = rng.random_range(0..18),
            8 => tensor.dims.insert(0, if rng.random() { 1 } else { number }),
            _ => {
                let dim = graph.input[0].r#type.as_mut().and_then(|t| t.tensor_type.as_mut()).and_then(|t| t.shape.as_mut()).expect("a shape");
                let at = rng.random_range(0..dim.dim.len().max(1));
                dim.dim.iter_mut().skip(at).take(1).for_each(|d| d.dim_value = Some(number));
            }
        }
        if n < nodes {
            graph.node[n] = node.encode_to_vec().into();
        }
        if t < tensors {
            graph.initializer[t] = tensor.encode_to_vec().into();
        }
        match rng.random_range(0..8) {
            0 if n < nodes => drop(graph.node.remove(n)),
            1 if t < tensors => drop(graph.initializer.remove(t)),
            2 if nodes > 0 => graph.node.swap(n, nodes / 2),
            _ => {}
        }
    }
    model.encode_to_vec()
}

/// Mutations of valid files, as many whole files that say something else, and a quarter as many of random bytes; `BWQ_MALFORMED` says how many.
#[test]
fn malformed_files_are_refused_by_name() {
    let asked = std::env::var("BWQ_MALFORMED").ok().and_then(|n| n.parse().ok());
    let count: usize = asked.unwrap_or(if cfg!(debug_assertions) { 2_000 } else { 20_000 });
    let names = ["resnet.ts", "resnet.dynamo", "mobilenet.norms", "fire.ts", "fire.dynamo", "perceptron.ts", "perceptron.dynamo"];
    let valid: Vec<Vec<u8>> = names.iter().map(|name| std::fs::read(fixtures().join(format!("{name}.onnx"))).expect("a fixture")).collect();
    let mut rng = PhiloxStream::new(99);
    let mut kinds = [0usize; 2];
    for i in 0..count {
        let seed = &valid[i % valid.len()];
        let bytes = of_bytes(seed, &valid[rng.random_range(0..valid.len())], &mut rng);
        kinds[usize::from(refused(bytes, &format!("mutation {i} of {}", names[i % names.len()])))] += 1;
    }
    let mut said = [0usize; 2];
    for i in 0..count {
        let bytes = misstated(&valid[i % valid.len()], &mut rng);
        said[usize::from(refused(bytes, &format!("misstatement {i} of {}", names[i % names.len()])))] += 1;
    }
    let mut noise_refused = 0;
    for i in 0..count / 4 {
        noise_refused += usize::from(refused(noise(&mut rng), &format!("noise {i}")));
    }
    println!("{count} mutations of the bytes of {} valid files: {} refused, {} still a network; {count} of what they say: {} refused, {}; {} of {} random files refused; no panic",
        valid.len(), kinds[1], kinds[0], said[1], said[0], noise_refused, count / 4);
    for kinds in [kinds, said] {
        assert!(kinds[0] > 0 && kinds[1] > count / 4, "{kinds:?}: the mutations test nothing");
    }
    assert_eq!(noise_refused, count / 4);
}

/// Small files that ask for much: each is refused, or done at once.
#[test]
fn small_files_make_no_large_jobs() {
    let (conv, weight) = same("x", "c", 2);
    let with = |dims: &[i64], nodes: Vec<_>, constants: Vec<_>| model(dims, [vec![conv.clone()], nodes].concat(), [vec![weight.clone()], constants].concat()).encode_to_vec();
    let chain = |op: &str, second: &str, count: usize| (0..count).map(|i| node(op, &[&if i == 0 { "big".to_string() } else { format!("v{}", i - 1) }, second], &format!("v{i}"), Vec::new())).collect::<Vec<_>>();
    let fill = |n: i64| (node("ConstantOfShape", &["n"], "big", Vec::new()), longs("n", &[n]));
    let (made, n) = fill(1 << 40);
    assert!(refused(with(&[1, 2, 5, 6], vec![made], vec![n]), "a huge constant"));
    let (made, n) = fill(1 << 20);
    assert!(refused(with(&[1, 2, 5, 6], [vec![made], chain("Add", "big", 500)].concat(), vec![n]), "sums of large constants"));
    let transposes = (0..500).map(|i| node("Transpose", &[&if i == 0 { "c".to_string() } else { format!("t{}", i - 1) }], &format!("t{i}"), vec![ints("perm", &[0, 1, 3, 2])])).collect();
    assert!(refused(with(&[1, 2, 4096, 4096], transposes, Vec::new()), "transposes of a large image"));
    assert!(refused(with(&[1, 2, 1 << 40, 1 << 40], Vec::new(), Vec::new()), "a huge input"));
    assert!(refused(with(&[1, 2, 5, 6], vec![node("Range", &["a", "b", "a"], "r", Vec::new())], vec![longs("a", &[1]), longs("b", &[i64::MAX])]), "a long range"));
    let same_names = (0..20_000).map(|i| bwq::import::messages::NodeProto { name: "r".into(), ..node("Relu", &["c"], &format!("r{i}"), Vec::new()) }).collect();
    assert!(refused(with(&[1, 2, 5, 6], same_names, Vec::new()), "one name for all nodes"));
    // Millions of empty nodes, two bytes each.
    let empty: Vec<u8> = [vec![0x3a, 0x80, 0x89, 0x7a], [0x0a, 0x00].repeat(1_000_000)].concat();
    assert!(refused(empty, "empty nodes"));
}
