//! Each family of operations does what ONNX says, on models made here.

use super::model::*;
use bwq::import::messages::{ModelProto, NodeProto, TensorProto};
use super::{fixtures, support};
use bwq::import::{Options, import_onnx};
use bwq::network::{Op, float};
use prost::Message;

/// A model on images [2, 5, 6] whose first layer leaves them as they are, then `nodes` from the value `c` on.
fn after_same(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> ModelProto {
    let (first, weight) = same("x", "c", 2);
    model(&[0, 2, 5, 6], [vec![first], nodes].concat(), [vec![weight], constants].concat())
}

fn flatten(input: &str) -> NodeProto {
    node("Flatten", &[input], "flat", Vec::new())
}

const SHAPE: [usize; 3] = [2, 5, 6];

fn image() -> Vec<f32> {
    numbers(SHAPE.iter().product())
}

/// The pixel at (channel, row, column), if there is one.
fn pixel(x: &[f32], c: usize, y: i64, column: i64) -> Option<f32> {
    let inside = (0..SHAPE[1] as i64).contains(&y) && (0..SHAPE[2] as i64).contains(&column);
    inside.then(|| x[(c * SHAPE[1] + y as usize) * SHAPE[2] + column as usize])
}

/// For every window, `of` the pixels under it (`None` = padding), by the definition.
fn windows(x: &[f32], out: [usize; 2], kernel: i64, stride: i64, before: i64, of: impl Fn(Vec<Option<f32>>) -> f32) -> Vec<f32> {
    let at = |c: usize, y: i64, column: i64| (0..kernel * kernel).map(|i| pixel(x, c, y * stride - before + i / kernel, column * stride - before + i % kernel)).collect();
    (0..2).flat_map(|c| (0..out[0] as i64).flat_map(move |y| (0..out[1] as i64).map(move |column| (c, y, column)))).map(|(c, y, column)| of(at(c, y, column))).collect()
}

fn largest(pixels: Vec<Option<f32>>) -> f32 {
    pixels.into_iter().flatten().fold(f32::NEG_INFINITY, f32::max)
}

fn close(ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).enumerate().for_each(|(i, (a, b))| assert!((a - b).abs() < 1e-5, "{i}: {a} and {b}"));
}

#[test]
fn a_pooling_with_ceil_mode_keeps_the_last_window() {
    let attributes = || vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2]), int("ceil_mode", 1)];
    let pooled = after_same(vec![node("MaxPool", &["c"], "p", attributes()), flatten("p")], Vec::new());
    close(&outputs(&pooled, &image()), &windows(&image(), [3, 3], 2, 2, 0, largest));
    // A window that would begin after the image is left out: 5 rows by windows of 1 in steps of 3 are 2.
    let attributes = vec![ints("kernel_shape", &[1, 1]), ints("strides", &[3, 3]), int("ceil_mode", 1)];
    let pooled = after_same(vec![node("MaxPool", &["c"], "p", attributes), flatten("p")], Vec::new());
    close(&outputs(&pooled, &image()), &windows(&image(), [2, 2], 1, 3, 0, largest));
}

#[test]
fn poolings_and_means() {
    let mean = |pixels: Vec<Option<f32>>| pixels.iter().flatten().sum::<f32>() / pixels.len() as f32;
    let attributes = vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1, 1, 1, 1]), int("count_include_pad", 1)];
    let pooled = after_same(vec![node("AveragePool", &["c"], "p", attributes), flatten("p")], Vec::new());
    close(&outputs(&pooled, &image()), &windows(&image(), [5, 6], 3, 1, 1, mean));
    let of_planes = |of: &dyn Fn(&[f32]) -> f32| image().chunks(30).map(of).collect::<Vec<f32>>();
    let means = of_planes(&|plane| plane.iter().sum::<f32>() / 30.0);
    let global = after_same(vec![node("GlobalAveragePool", &["c"], "g", Vec::new()), flatten("g")], Vec::new());
    close(&outputs(&global, &image()), &means);
    let by_attribute = after_same(vec![node("ReduceMean", &["c"], "g", vec![ints("axes", &[-1, -2]), int("keepdims", 0)])], Vec::new());
    close(&outputs(&by_attribute, &image()), &means);
    let by_input = after_same(vec![node("ReduceMean", &["c", "axes"], "g", Vec::new()), flatten("g")], vec![longs("axes", &[2, 3])]);
    close(&outputs(&by_input, &image()), &means);
    let most = after_same(vec![node("GlobalMaxPool", &["c"], "g", Vec::new()), flatten("g")], Vec::new());
    close(&outputs(&most, &image()), &of_planes(&|plane| plane.iter().copied().fold(f32::MIN, f32::max)));
}

/// TensorFlow's way: images and weights with channels last, transposed back and forth, and a linear layer on what was flattened so.
#[test]
fn channels_last_end_in_the_order_of_the_weights() {
    let (outputs_count, len) = (3, 60);
    let weight = numbers(outputs_count * len);
    let (conv, identity) = same("first", "c", 2);
    let nodes = vec![
        node("Transpose", &["x"], "first", vec![ints("perm", &[0, 3, 1, 2])]),
        conv,
        node("Relu", &["c"], "r", Vec::new()),
        node("Transpose", &["r"], "last", vec![ints("perm", &[0, 2, 3, 1])]),
        node("Reshape", &["last", "shape"], "rows", Vec::new()),
        node("MatMul", &["rows", "fc.weight"], "fc", Vec::new()),
        node("Add", &["fc", "bias"], "y", Vec::new()),
    ];
    let constants = vec![identity, longs("shape", &[-1, len as i64]), floats("fc.weight", &[len as i64, 3], &weight), floats("bias", &[3], &[1.0, 2.0, 3.0])];
    let model = model(&[0, 5, 6, 2], nodes, constants);
    let imported = import(&model).expect("imported");
    assert_eq!(imported.network.input_shape, SHAPE);
    assert!(imported.notes[0].contains("[H, W, C]"), "{:?}", imported.notes);
    assert!(imported.network.nodes.iter().all(|node| ["conv2d", "relu", "flatten", "linear"].contains(&node.op.name())));
    let x = image();
    let expected: Vec<f32> = (0..3).map(|n| {
        let sum: f32 = (0..len).map(|i| x[i % 2 * 30 + i / 2].max(0.0) * weight[i * 3 + n]).sum();
        sum + (n + 1) as f32
    }).collect();
    close(&outputs(&model, &x), &expected);
}

/// What TorchScript writes for `x.view(x.size(0), -1)`, and for a padding whose amounts are computed.
#[test]
fn shape_arithmetic_is_folded() {
    let nodes = vec![
        node("Shape", &["c"], "s", Vec::new()),
        node("Gather", &["s", "zero"], "n", vec![int("axis", 0)]),
        node("Unsqueeze", &["n", "zeros"], "n1", Vec::new()),
        node("Concat", &["n1", "minus"], "target", vec![int("axis", 0)]),
        node("Reshape", &["c", "target"], "y", Vec::new()),
    ];
    let zero = TensorProto { dims: Vec::new(), ..longs("zero", &[0]) };
    let viewed = after_same(nodes, vec![zero, longs("zeros", &[0]), longs("minus", &[-1])]);
    close(&outputs(&viewed, &image()), &image());

    // torch.nn.functional.pad(x, (1, 2, 0, 1)) for an image: pads come last axis first, in pairs, filled up with zeros.
    let nodes = vec![
        node("ConstantOfShape", &["four"], "fill", Vec::new()),
        node("Cast", &["fill"], "fill64", vec![int("to", 7)]),
        node("Concat", &["pads", "fill64"], "all", vec![int("axis", 0)]),
        node("Reshape", &["all", "pairs"], "table", Vec::new()),
        node("Slice", &["table", "start", "end", "zeros", "start"], "turned", Vec::new()),
        node("Transpose", &["turned"], "columns", vec![ints("perm", &[1, 0])]),
        node("Reshape", &["columns", "start"], "flatpads", Vec::new()),
        node("Pad", &["c", "flatpads"], "wide", vec![text("mode", "constant")]),
        node("Conv", &["wide", "k"], "k1", Vec::new()),
        flatten("k1"),
    ];
    let constants = vec![longs("four", &[4]), longs("pads", &[1, 2, 0, 1]), longs("pairs", &[-1, 2]), longs("start", &[-1]), longs("end", &[i64::MIN + 1]), longs("zeros", &[0]), floats("k", &[1, 2, 1, 1], &[1.0, 1.0])];
    let padded = after_same(nodes, constants);
    let network = import(&padded).unwrap_or_else(|e| panic!("{e}")).network;
    let Op::Conv2d { pad, .. } = network.nodes[1].op else { panic!("a convolution") };
    assert_eq!(pad, [0, 1, 1, 2], "top, left, bottom, right");
}

#[test]
fn padding_waits_for_the_next_window() {
    let kernel = numbers(18);
    let by = |attributes, pads: &[i64]| {
        let mut nodes = vec![node("Conv", &["p", "k"], "k1", attributes), flatten("k1")];
        nodes.insert(0, if pads.is_empty() { node("Identity", &["c"], "p", Vec::new()) } else { node("Pad", &["c", "pads"], "p", Vec::new()) });
        outputs(&after_same(nodes, vec![longs("pads", pads), floats("k", &[1, 2, 3, 3], &kernel)]), &image())
    };
    let own = by(vec![ints("pads", &[1, 2, 0, 1])], &[]);
    close(&by(Vec::new(), &[0, 0, 1, 2, 0, 0, 0, 1]), &own);
    close(&by(vec![ints("pads", &[1, 1, 0, 0])], &[0, 0, 0, 1, 0, 0, 0, 1]), &own);
    // 5 x 6 by 3 x 3 in steps of 2: one row above and below; one column, which goes behind (upper) or before (lower).
    let strides = || ints("strides", &[2, 2]);
    close(&by(vec![text("auto_pad", "SAME_UPPER"), strides()], &[]), &by(vec![ints("pads", &[1, 0, 1, 1]), strides()], &[]));
    close(&by(vec![text("auto_pad", "SAME_LOWER"), strides()], &[]), &by(vec![ints("pads", &[1, 1, 1, 0]), strides()], &[]));
    close(&by(vec![text("auto_pad", "VALID"), strides()], &[]), &by(vec![strides()], &[]));
    // Zeros around what a Relu left are lost against it.
    let pool = |around: &str| {
        let nodes = vec![
            node("Relu", &["c"], "r", Vec::new()),
            node("Pad", &["r", "pads"], "p", Vec::new()),
            node("MaxPool", &[around], "m", vec![ints("kernel_shape", &[3, 3]), ints("pads", if around == "p" { &[0; 4] } else { &[1; 4] })]),
            flatten("m"),
        ];
        outputs(&after_same(nodes, vec![longs("pads", &[0, 0, 1, 1, 0, 0, 1, 1])]), &image())
    };
    close(&pool("p"), &pool("r"));
    let channels = after_same(vec![node("Pad", &["c", "pads"], "p", Vec::new()), flatten("p")], vec![longs("pads", &[0, 1, 0, 0, 0, 2, 0, 0])]);
    close(&outputs(&channels, &image()), &[vec![0.0; 30], image(), vec![0.0; 60]].concat());
}

#[test]
fn rows_and_columns_are_left_out() {
    let slice = vec![node("Slice", &["c", "from", "to", "axes", "steps"], "s", Vec::new()), flatten("s")];
    let thin = after_same(slice, vec![longs("from", &[0, 0]), longs("to", &[i64::MAX, 6]), longs("axes", &[2, -1]), longs("steps", &[2, 3])]);
    close(&outputs(&thin, &image()), &windows(&image(), [3, 2], 1, 1, 0, |_| 0.0).iter().enumerate().map(|(i, _)| pixel(&image(), i / 6, (i % 6 / 2 * 2) as i64, (i % 2 * 3) as i64).unwrap()).collect::<Vec<_>>());
}

/// On the input a shift and a factor are preprocessing, after a layer they are its bias or a batch norm.
#[test]
fn constants_that_scale_and_shift() {
    let (conv, weight) = same("b", "c", 2);
    let nodes = vec![node("Sub", &["x", "mean"], "a", Vec::new()), node("Div", &["a", "std"], "b", Vec::new()), conv, node("Add", &["c", "bias"], "d", Vec::new()), node("Mul", &["d", "two"], "e", Vec::new()), flatten("e")];
    let constants = vec![weight, floats("mean", &[1, 2, 1, 1], &[10.0, 20.0]), floats("std", &[], &[4.0]), floats("bias", &[2, 1, 1], &[1.0, -1.0]), floats("two", &[1], &[2.0])];
    let imported = import(&model(&[1, 2, 5, 6], nodes, constants)).expect("imported");
    let p = &imported.network.preprocess;
    assert_eq!((p.scale, &p.mean[..], &p.std[..]), (1.0, &[10.0, 20.0][..], &[4.0, 4.0][..]));
    assert_eq!(imported.notes.len(), 2, "{:?}", imported.notes);
    let Op::Conv2d { bias: Some(bias), .. } = &imported.network.nodes[0].op else { panic!("a convolution with a bias") };
    assert_eq!(bias, &[1.0, -1.0]);
    let Op::BatchNorm { gamma, beta, .. } = &imported.network.nodes[1].op else { panic!("a batch norm") };
    assert_eq!((&gamma[..], &beta[..]), (&[2.0, 2.0][..], &[0.0, 0.0][..]));
}

#[test]
fn activations_end_where_they_are_clipped() {
    let clip = after_same(vec![node("Clip", &["c", "low", "high"], "r", Vec::new()), flatten("r")], vec![floats("low", &[], &[0.0]), floats("high", &[], &[0.5])]);
    close(&outputs(&clip, &image()), &image().iter().map(|v| v.clamp(0.0, 0.5)).collect::<Vec<_>>());
    let open = after_same(vec![node("Clip", &["c", "low"], "r", Vec::new()), flatten("r")], vec![floats("low", &[], &[0.0])]);
    assert_eq!(import(&open).expect("imported").network.nodes[1].op, Op::Relu);
}

/// int8 weights with their scale stay integers; ranges of quantised activations are those of the nodes that make them.
#[test]
fn quantised_weights_are_taken_as_given() {
    let nodes = vec![
        node("QuantizeLinear", &["x", "sx", "zx"], "xq", Vec::new()),
        node("DequantizeLinear", &["xq", "sx", "zx"], "xd", Vec::new()),
        node("DequantizeLinear", &["w", "sw"], "wd", vec![int("axis", 0)]),
        node("DequantizeLinear", &["b", "sb"], "bd", vec![int("axis", 0)]),
        node("Conv", &["xd", "wd", "bd"], "conv", Vec::new()),
        node("Relu", &["conv"], "relu", Vec::new()),
        node("QuantizeLinear", &["relu", "sx", "zx"], "rq", Vec::new()),
        node("DequantizeLinear", &["rq", "sx", "zx"], "rd", Vec::new()),
        flatten("rd"),
    ];
    let bias = TensorProto { dims: vec![2], data_type: 6, name: "b".into(), int32_data: vec![1000, -1000], ..TensorProto::default() };
    let constants = vec![
        floats("sx", &[], &[0.01]),
        bytes("zx", &[], &[-128]),
        bytes("w", &[2, 2, 1, 1], &[100, -128, 3, 0]),
        floats("sw", &[2], &[0.5, 0.25]),
        bias,
        floats("sb", &[2], &[0.001, 0.002]),
    ];
    let network = import(&model(&[0, 2, 5, 6], nodes, constants)).unwrap_or_else(|e| panic!("{e}")).network;
    let Op::Conv2d { weight, bias, .. } = &network.nodes[0].op else { panic!("a convolution") };
    assert_eq!(weight.integers(), Some(vec![100, -128, 3, 0]));
    assert_eq!(weight.step, Some(vec![0.5, 0.25]));
    assert_eq!(bias.as_deref(), Some(&[1.0, -2.0][..]));
    let high = 255.0 * f64::from(0.01f32);
    assert_eq!((&network.nodes[1].op, network.nodes[1].range), (&Op::ClippedRelu { high: high as f32 }, Some([0.0, high])));
    assert_eq!(network.nodes.len(), 3);
}

/// What onnxruntime's quantiser writes: it leaves out every ReLU, as integers that begin at 0 do its work. Its own answer for the
/// image is some steps of 8 bits away.
#[test]
fn a_quantised_file_has_the_relus_that_its_integers_stand_for() {
    let imported = import_onnx(&fixtures().join("mobilenet.int8.onnx"), &Options::default()).expect("imported").network;
    let ops = |name: &str| imported.nodes.iter().filter(|node| node.op.name() == name).count();
    assert_eq!((ops("conv2d"), ops("clipped_relu")), (10, 7), "{:?}", imported.nodes.iter().map(|n| n.op.name()).collect::<Vec<_>>());
    let integers = imported.nodes.iter().filter(|node| matches!(&node.op, Op::Conv2d { weight, .. } | Op::Linear { weight, .. } if weight.step.is_some())).count();
    assert_eq!(integers, 11, "every weight is taken as integers");
    let (arrays, _) = support::npz(&fixtures().join("mobilenet.npz"));
    let image: Vec<f32> = arrays["images"].values[..192].iter().map(|&v| v as f32).collect();
    let ours = float::logits(&imported, &image);
    let worst = ours.iter().zip(&arrays["logits"].values).fold(0.0f64, |max, (a, b)| max.max((f64::from(*a) - b).abs()));
    let scale = arrays["logits"].values[..10].iter().fold(0.0f64, |max, v| max.max(v.abs()));
    assert!(worst < 0.03 * scale, "{worst} at a largest magnitude of {scale}");
}

/// Weights in a file of their own, as PyTorch writes them for larger models.
#[test]
fn external_weights_lie_beside_the_model() {
    let dir = tempfile::tempdir().expect("a folder");
    let inside = after_same(vec![flatten("c")], Vec::new());
    let mut outside = inside.clone();
    let mut tensor = TensorProto::decode(outside.graph.as_ref().unwrap().initializer[0].clone()).expect("a tensor");
    std::fs::write(dir.path().join("m.data"), [&[7u8; 8], &tensor.raw_data[..]].concat()).expect("written");
    let entry = |key: &str, value: &str| bwq::import::messages::StringStringEntryProto { key: key.into(), value: value.into() };
    tensor.external_data = vec![entry("location", "m.data"), entry("offset", "8"), entry("length", "16")];
    (tensor.data_location, tensor.raw_data) = (1, Default::default());
    outside.graph.as_mut().unwrap().initializer[0] = tensor.encode_to_vec().into();
    let path = dir.path().join("m.onnx");
    let outcome = |model: &ModelProto| {
        std::fs::write(&path, model.encode_to_vec()).expect("written");
        import_onnx(&path, &Options { name: Some("network".into()), ..Options::default() })
    };
    assert_eq!(outcome(&outside).expect("imported").network, import(&inside).expect("imported").network);

    std::fs::write(dir.path().join("../outside.data"), [0u8; 64]).expect("written");
    std::fs::create_dir(dir.path().join("sub")).expect("a folder");
    let mut cases = vec![
        (vec![entry("location", "../outside.data")], "leads out of the folder"),
        (vec![entry("location", "/etc/passwd")], "leads out of the folder"),
        (vec![entry("location", "sub/../../outside.data")], "leads out of the folder"),
        (vec![entry("location", "sub")], "not a file"),
        (vec![entry("location", "absent")], "cannot be read"),
        (vec![entry("location", "m.data"), entry("offset", "9")], "bytes 9 to 9 + 16 of a file of 24"),
        (vec![entry("location", "m.data"), entry("offset", "18446744073709551615")], "of a file of 24"),
        (vec![entry("location", "m.data"), entry("length", "17")], "external data of 17 bytes; its shape and type need 16"),
        (vec![entry("location", "m.data"), entry("offset", "many")], "offset `many` is no number"),
        (Vec::new(), "external data without a location"),
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(dir.path().join("../outside.data"), dir.path().join("link")).expect("a link");
        cases.push((vec![entry("location", "link")], "leads out of the folder"));
    }
    for (entries, wanted) in cases {
        tensor.external_data = entries;
        outside.graph.as_mut().unwrap().initializer[0] = tensor.encode_to_vec().into();
        let message = outcome(&outside).expect_err(wanted).to_string();
        assert!(message.contains("tensor `c.weight`") && message.contains(wanted), "{wanted}: {message}");
    }
    std::fs::remove_file(dir.path().join("../outside.data")).expect("removed");
}
