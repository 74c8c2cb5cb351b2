//! What is not understood is refused by the node's name, its operation and what could be done.

use super::model::*;
use bwq::import::Options;
use bwq::import::messages::{NodeProto, TensorProto};

/// Imports [2, 5, 6] images through a layer `c`, then `nodes`; the message must contain all of `wanted`.
fn refused(nodes: Vec<NodeProto>, constants: Vec<TensorProto>, wanted: &[&str]) {
    let (first, weight) = same("x", "c", 2);
    let model = model(&[0, 2, 5, 6], [vec![first], nodes].concat(), [vec![weight], constants].concat());
    let message = match import(&model) {
        Ok(_) => panic!("imported, though {wanted:?}"),
        Err(e) => e.to_string(),
    };
    wanted.iter().for_each(|w| assert!(message.contains(w), "no {w:?} in: {message}"));
}

#[test]
fn operations_without_a_counterpart_are_named_with_a_way_out() {
    let cases = [
        ("HardSwish", "train the network with one of these"),
        ("LayerNormalization", "batch normalisation"),
        ("QLinearConv", "QDQ form"),
        ("If", "inference mode"),
        ("ConvTranspose", "classifiers are simulated"),
        ("LSTM", "convolutions and linear layers"),
        ("TopK", "returns the logits"),
        ("Frobnicate", "export again"),
    ];
    for (op, hint) in cases {
        refused(vec![node(op, &["c"], "odd", Vec::new())], Vec::new(), &["m.onnx: node 1 `odd`", &format!("({op})"), "is not supported; supported: Add, AveragePool", "hint: ", hint]);
    }
    let foreign = NodeProto { domain: "com.microsoft".into(), ..node("FusedConv", &["c"], "odd", Vec::new()) };
    refused(vec![foreign], Vec::new(), &["node 1 `odd` (FusedConv)", "an operation of `com.microsoft`", "ONNX's own operations only"]);
}

#[test]
fn values_that_do_not_fit_are_named() {
    let n = |op: &str, inputs: &[&str], attributes| vec![node(op, inputs, "odd", attributes)];
    refused(n("Conv", &["c", "k"], Vec::new()), vec![floats("k", &[1, 3, 1, 1], &[0.0; 3])], &["(Conv)", "takes 3 input channels per group"]);
    refused(n("Conv", &["c", "k"], Vec::new()), vec![floats("k", &[1, 2, 1], &[0.0; 2])], &["[1, 2, 1]", "convolutions over height and width"]);
    refused(n("Conv", &["c", "c"], Vec::new()), Vec::new(), &["input 1 `c` depends on the image; a constant is needed"]);
    refused(n("Conv", &["c", "c.weight"], vec![int("group", -1)]), Vec::new(), &["negative number of groups"]);
    refused(n("Conv", &["c", "c.weight"], vec![int("flavour", 1)]), Vec::new(), &["attribute `flavour` is not supported; supported: auto_pad"]);
    refused(n("Conv", &["c", "c.weight"], vec![ints("strides", &[1, -1])]), Vec::new(), &["strides [1, -1]; supported: 2 numbers"]);
    refused(n("Gemm", &["c", "w"], Vec::new()), vec![floats("w", &[60, 2], &[0.0; 120])], &["[1, 2, 5, 6]", "[N, in] and [in, out] are needed"]);
    refused(n("Add", &["c", "k"], Vec::new()), vec![floats("k", &[5, 6], &[0.0; 30])], &["one value for all or for each channel"]);
    refused(n("Mul", &["c", "c"], Vec::new()), Vec::new(), &["`Mul` of two activations", "squeeze-and-excitation"]);
    refused(n("Clip", &["c", "low"], Vec::new()), vec![floats("low", &[], &[-1.0])], &["from -1 to inf", "from 0 to a number above it"]);
    refused(n("AveragePool", &["c"], vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1; 4])]), Vec::new(), &["divided by fewer values", "count_include_pad"]);
    refused(n("MaxPool", &["c"], vec![ints("kernel_shape", &[2, 2]), ints("dilations", &[2, 2])]), Vec::new(), &["(dilations) is not supported"]);
    refused(n("MaxPool", &["c"], Vec::new()), Vec::new(), &["attribute `kernel_shape` is missing"]);
    refused(n("ReduceMean", &["c"], vec![ints("axes", &[1])]), Vec::new(), &["over height and width"]);
    refused(n("Reshape", &["c", "s"], Vec::new()), vec![longs("s", &[7, -1])], &["cannot become [7, -1]"]);
    refused(n("Reshape", &["c", "s"], Vec::new()), vec![longs("s", &[60])], &["the first axis, the images, must stay 1"]);
    refused(n("Transpose", &["c"], vec![ints("perm", &[1, 0, 2, 3])]), Vec::new(), &["must stay first"]);
    refused(n("Slice", &["c", "a", "b"], Vec::new()), vec![longs("a", &[0, 1]), longs("b", &[1, 2])], &["every n-th row or column of the whole", "channel shuffles"]);
    refused(n("BatchNormalization", &["c", "k", "k", "k", "k"], vec![int("training_mode", 1)]), vec![floats("k", &[2], &[1.0; 2])], &["export in inference mode: model.eval()"]);
    refused(n("Softmax", &["c"], vec![int("axis", 1)]), Vec::new(), &["over the classes"]);
    refused(n("DequantizeLinear", &["k", "s"], Vec::new()), vec![bytes("k", &[1], &[1]), floats("s", &[], &[-1.0])], &["a scale that is not above 0"]);
    refused(n("Relu", &["nowhere"], Vec::new()), Vec::new(), &["its input `nowhere` is made by no earlier node"]);
    refused(vec![node("Relu", &["c"], "c", Vec::new())], Vec::new(), &["its output `c` exists already"]);
    refused(n("Relu", &["c"], Vec::new()), Vec::new(), &["the output `odd` has shape [1, 2, 5, 6]; one row of logits"]);
    let softmax = vec![node("Flatten", &["c"], "f", Vec::new()), node("Softmax", &["f"], "s", Vec::new()), node("Relu", &["s"], "r", Vec::new())];
    refused(softmax, Vec::new(), &["`s` (Softmax)", "something follows it"]);
    let stray = vec![node("MaxPool", &["c"], "p", vec![ints("kernel_shape", &[2, 2])]), node("BatchNormalization", &["p", "k", "k", "k", "k"], "bn", Vec::new()), node("Flatten", &["bn"], "f", Vec::new())];
    refused(stray, vec![floats("k", &[2], &[1.0; 2])], &["m.onnx: node 2 `bn`", "cannot be folded: it follows `p` (maxpool)"]);
}

#[test]
fn tensors_and_inputs_that_are_not_understood_are_named() {
    let (conv, weight) = same("x", "c", 2);
    let nodes = || vec![conv.clone(), node("Flatten", &["c"], "f", Vec::new())];
    let with = |weight: TensorProto| import(&model(&[0, 2, 5, 6], nodes(), vec![weight])).map(|_| ()).unwrap_err().to_string();
    let half = with(TensorProto { data_type: 10, ..weight.clone() });
    assert!(half.contains("m.onnx: tensor `c.weight`: type float16; supported: float32") && half.contains("export the model in float32"), "{half}");
    let short = with(TensorProto { raw_data: weight.raw_data.slice(..12), ..weight.clone() });
    assert!(short.contains("3 values for a tensor of shape [2, 2, 1, 1]"), "{short}");
    let huge = with(TensorProto { dims: vec![1 << 40, 1 << 40], ..weight.clone() });
    assert!(huge.contains("a tensor has at most 67108864 values"), "{huge}");
    let nan = with(floats("c.weight", &[2, 2, 1, 1], &[1.0, f32::NAN, 0.0, 1.0]));
    assert!(nan.contains("c.weight") && nan.contains("weights must be finite"), "{nan}");

    let of_input = |dims: &[i64], shape| import_with(&model(dims, nodes(), vec![weight.clone()]), &Options { input_shape: shape, ..Options::default() });
    let open = of_input(&[0, 2, 0, 0], None).map(|_| ()).unwrap_err().to_string();
    assert!(open.contains("the input `x` has shape [?, 2, ?, ?]") && open.contains("--input-shape 3,224,224"), "{open}");
    assert_eq!(of_input(&[0, 2, 0, 0], Some([2, 7, 8])).expect("imported").network.input_shape, [2, 7, 8]);
    let other = of_input(&[0, 2, 5, 6], Some([2, 7, 8])).map(|_| ()).unwrap_err().to_string();
    assert!(other.contains("--input-shape [2, 7, 8] for an input of shape [?, 2, 5, 6]"), "{other}");
    let mut two = model(&[0, 2, 5, 6], nodes(), vec![weight.clone()]);
    let graph = two.graph.as_mut().unwrap();
    graph.output.push(graph.output[0].clone());
    assert!(import(&two).map(|_| ()).unwrap_err().to_string().contains("2 outputs (`f`, `f`); one is needed: the logits"));

    // Rows of values: as they are, or as pictures.
    let row = || model(&[0, 6], vec![node("Gemm", &["x", "w"], "y", vec![int("transB", 1)])], vec![floats("w", &[2, 6], &numbers(12))]);
    let imported = import(&row()).expect("imported");
    assert_eq!((imported.network.input_shape, imported.notes.len()), ([6, 1, 1], 1));
    let imported = import_with(&row(), &Options { input_shape: Some([1, 2, 3]), ..Options::default() }).expect("imported");
    assert_eq!((imported.network.input_shape, imported.notes.len()), ([1, 2, 3], 0));
}
