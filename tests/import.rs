//! `bwq import`: the ONNX files beside the checkout are the networks beside them, files that PyTorch wrote have PyTorch's
//! logits, every operation does what ONNX says, and what is not understood is refused by name.

mod support;

#[path = "import/layers.rs"]
mod layers;
#[path = "import/malformed.rs"]
mod malformed;
#[path = "import/model.rs"]
mod model;
#[path = "import/operations.rs"]
mod operations;
#[path = "import/refusals.rs"]
mod refusals;
#[path = "import/run.rs"]
mod run;
#[path = "import/torch.rs"]
mod torch;

use bwq::import::pixels::Pixels;
use bwq::import::{Options, import_onnx};
use bwq::network::read;
use std::path::{Path, PathBuf};
use support::{bwq, bwq_ok, shared};

/// The ONNX files of the shared networks.
const NETWORKS: [&str; 6] = ["mnist_cntk", "fashion_vgg6", "cifar10_resnet8_mlperftiny", "cifar10_resnet20", "cifar10_resnet20_bsq", "imagenet_squeezenet10_deepcomp"];

/// An ONNX file and the same network as a graph: equal in every bit of what is computed, so all that `tests/networks.rs` says of
/// the one (logits, accuracy on whole test sets) holds for the other.
#[test]
fn onnx_files_are_the_networks_beside_them() {
    let Some(nets) = shared("data/nets") else { return };
    for name in NETWORKS {
        let graph = read::read(&nets.join(format!("{name}.json"))).expect("a network");
        let p = &graph.preprocess;
        let pixels = Pixels { scale: Some(p.scale), mean: Some(p.mean.clone()), std: Some(p.std.clone()) };
        let imported = import_onnx(&nets.join(format!("{name}.onnx")), &Options { pixels, ..Options::default() }).expect("imported").network;
        assert_eq!(imported.content_hash(), graph.content_hash(), "{name}");
    }
}

/// Files that PyTorch wrote: see `experiments/import/networks.py`.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import")
}

/// The program from file to file: what it writes is read back as the same network, and says how pixels are taken.
#[test]
fn the_command_writes_what_a_sweep_reads() {
    let dir = tempfile::tempdir().expect("a folder");
    let model = fixtures().join("mobilenet.ts.onnx");
    let (code, stdout, stderr) = bwq(dir.path(), &["import", model.to_str().unwrap(), "-o", "net"]);
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(stderr.contains("pixels are taken as they are, 0 to 255") && stderr.contains("--scale 1/255"), "{stderr}");
    let raw = read::read(&dir.path().join("net")).expect("a network");
    assert_eq!((raw.preprocess.scale, &raw.preprocess.mean[..], &raw.name[..]), (1.0, &[0.0; 3][..], "mobilenet.ts"));
    assert_eq!(raw.nodes[0].name, "features.0.0", "{:?}", raw.nodes.iter().map(|n| &n.name).collect::<Vec<_>>());

    let (_, _, stderr) = bwq(dir.path(), &["import", model.to_str().unwrap(), "-o", "net", "--force", "--name", "mine", "--scale", "1/255", "--mean", "0.1,0.2,0.3", "--std", "0.5"]);
    assert!(!stderr.contains("as they are"), "{stderr}");
    let net = read::read(&dir.path().join("net")).expect("a network");
    assert_eq!((net.preprocess.scale, &net.preprocess.mean[..], &net.preprocess.std[..], &net.name[..]), (1.0 / 255.0, &[0.1, 0.2, 0.3][..], &[0.5; 3][..], "mine"));
    assert_eq!(net.nodes, raw.nodes);
}

/// The program itself, as a user checks what was imported: the rightly classified images that the data's page states, of
/// 10 000. (Those of CIFAR-10 are in `tests/networks.rs`, on the same networks.)
#[test]
fn the_command_finds_the_accuracy_that_is_known() {
    if cfg!(debug_assertions) {
        eprintln!("NOT RUN: whole test sets, in a build that is not optimised");
        return;
    }
    let (Some(nets), dir) = (shared("data/nets"), tempfile::tempdir().expect("a folder")) else { return };
    let cases: [(&str, &str, u32, &[&str]); 2] = [("mnist_cntk", "mnist", 9891, &["--raw-pixels"]), ("fashion_vgg6", "fashion_mnist", 9259, &["--scale", "1/255", "--mean", "0.286", "--std", "0.353"])];
    for (name, data, right, pixels) in cases {
        let (model, data) = (nets.join(format!("{name}.onnx")), shared(&format!("data/{data}")).expect("beside the networks"));
        let args = [&["import", model.to_str().unwrap(), "-o", name, "--check", data.to_str().unwrap()][..], pixels].concat();
        let stdout = bwq_ok(dir.path(), &args);
        let found: u32 = stdout.split(['(', ' ']).filter_map(|word| word.parse().ok()).next().expect("a count");
        println!("{name}: {}", stdout.trim());
        assert!(found.abs_diff(right) <= 2, "{name}: {stdout}");
    }
}

#[test]
fn slips_on_the_command_line_are_refused_with_a_hint() {
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["model.pth", "weights.safetensors", "model.h5"] {
        std::fs::write(dir.path().join(name), "x").expect("written");
    }
    let model = fixtures().join("mobilenet.ts.onnx").to_str().unwrap().to_string();
    let cases: [(&[&str], &[&str]); 9] = [
        (&["model.pth"], &["files of torch.save are programs", "torch.onnx.export"]),
        (&["weights.safetensors"], &["weights without a graph", "--graph LAYERS.json"]),
        (&["model.h5"], &["supported: MODEL.onnx"]),
        (&["absent.onnx"], &["absent.onnx: cannot read"]),
        (&[&model, "--scale", "1/255", "--mean", "0.5,0.5"], &["--mean: 2 numbers for 3 channels"]),
        (&[&model, "--mean", "0.5", "--std", "0.5"], &["--mean and --std without --scale", "--scale 1/255", "--scale 1 "]),
        (&[&model, "--scale", "1", "--std", "0"], &["--std must be above 0"]),
        (&[&model, "--input-shape", "3,8"], &["--input-shape has 2 numbers"]),
        (&[&model, "--input-shape", "3,9,8"], &["--input-shape [3, 9, 8] for an input of shape [?, 3, 8, 8]"]),
    ];
    for (args, wanted) in cases {
        let args: Vec<&str> = ["import", "-o", "net"].into_iter().chain(args.iter().copied()).collect();
        let (code, _, stderr) = bwq(dir.path(), &args);
        assert_eq!(code, 2, "{args:?}: {stderr}");
        wanted.iter().for_each(|w| assert!(stderr.contains(w), "{args:?}: no {w:?} in {stderr}"));
        assert!(!dir.path().join("net").exists(), "{args:?}: something was written");
    }
}
