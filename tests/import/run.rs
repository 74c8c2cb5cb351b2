//! Imported networks on crossbars: depthwise and grouped convolutions, concatenation, whole images of 224 x 224.

use super::support::{self, Array, bwq, bwq_ok, column, shared, slow, write_npy};
use super::{fixtures, model::numbers};
use std::path::Path;

const SWEEP: &str = r#"[network]
model = "net"
dataset = "data"
images = 4

[crossbar]
ou_wordlines = [9, 32]

[adc]
bits = 4

[device]
programming_error = { law = "lognormal", sigma_ln = 0.1 }

[monte_carlo]
trials = 2
"#;

/// Float images [4, 3, 8, 8] with labels.
fn write_data(dir: &Path) {
    std::fs::create_dir(dir.join("data")).expect("a folder");
    let values = numbers(4 * 192).iter().map(|&v| f64::from(v)).collect();
    write_npy(&dir.join("data/images.npy"), &Array { shape: vec![4, 3, 8, 8], values }, "f4");
    write_npy(&dir.join("data/labels.npy"), &Array { shape: vec![4], values: vec![1.0, 2.0, 3.0, 4.0] }, "i2");
}

/// A MobileNetV2's depthwise convolutions, each channel on rows of its own, and grouped ones with gaps: the ideal crossbar equals
/// the quantised network (or the program stops), errors move codes, and both engines give the same bytes.
#[test]
fn depthwise_and_grouped_convolutions_run_on_crossbars() {
    for name in ["mobilenet.ts", "fire.ts"] {
        let dir = support::folder(SWEEP);
        write_data(dir.path());
        bwq_ok(dir.path(), &["import", fixtures().join(format!("{name}.onnx")).to_str().unwrap(), "-o", "net", "--scale", "1/255"]);
        bwq_ok(dir.path(), &["run", "sweep.toml", "--out", "cpu", "--engine", "cpu"]);
        let [quantised, ideal] = ["quantised_accuracy_frac", "ideal_crossbar_accuracy_frac"].map(|c| column(&dir.path().join("cpu/summary.csv"), c));
        assert_eq!((quantised.len(), &quantised), (2, &ideal));
            let errors = column(&dir.path().join("cpu/layers.csv"), "output_error_sd_rel");
        assert!(errors.iter().any(|e| e.parse::<f64>().is_ok_and(|e| e > 0.0)), "{errors:?}");
        let (code, _, stderr) = bwq(dir.path(), &["run", "sweep.toml", "--out", "gpu", "--engine", "gpu"]);
        if code != 0 {
            assert!(std::env::var_os("CI").is_none(), "{stderr}");
            eprintln!("NOT RUN on a GPU: {}", stderr.lines().last().unwrap_or(""));
            continue;
        }
        for table in ["summary.csv", "trials.csv", "layers.csv"] {
            let [a, b] = ["cpu", "gpu"].map(|engine| std::fs::read(dir.path().join(engine).join(table)).expect("a table"));
            assert!(a == b, "{name}: {table} differs between the engines");
        }
    }
}

#[test]
fn another_network_is_not_overwritten() {
    let dir = tempfile::tempdir().expect("a folder");
    let args = |name: &str| ["import".to_string(), fixtures().join(name).display().to_string(), "-o".into(), "net".into(), "--scale".into(), "1/255".into()];
    let import = |name: &str, more: &[&str]| bwq(dir.path(), &[args(name).iter().map(String::as_str).collect::<Vec<_>>(), more.to_vec()].concat());
    assert_eq!(import("fire.ts.onnx", &[]).0, 0);
    assert_eq!(import("fire.ts.onnx", &[]).0, 0, "the same again");
    let before = std::fs::read(dir.path().join("net/network.json")).expect("a graph");
    let (code, _, stderr) = import("mobilenet.ts.onnx", &[]);
    assert!(code == 2 && stderr.contains("net: the folder holds another network") && stderr.contains("--force"), "{stderr}");
    assert!(std::fs::read(dir.path().join("net/network.json")).expect("a graph") == before);
    assert_eq!(import("mobilenet.ts.onnx", &["--force"]).0, 0);
}

/// SqueezeNet on images of 224 x 224: all of it, one chip. Slow, as an image is 850 million multiply-accumulates.
#[test]
fn squeezenet_runs_on_crossbars() {
    let (Some(nets), true) = (shared("data/nets"), slow()) else { return };
    let reference = shared("data/reference/random_inputs_imagenet_squeezenet10_deepcomp.npz").expect("beside the networks");
    let (arrays, _) = support::npz(&reference);
    let dir = support::folder(&SWEEP.replace("images = 4", "images = 1").replace("[9, 32]", "9").replace("trials = 2", "trials = 1"));
    std::fs::create_dir(dir.path().join("data")).expect("a folder");
    let classes: Vec<f64> = arrays["logits"].values.chunks(1000).map(|row| row.iter().enumerate().fold(0, |best, (i, v)| if *v > row[best] { i } else { best }) as f64).collect();
    // Raw pixels are needed, so that the preprocessing named on the command line is what is tried.
    let bytes = std::fs::read(&reference).expect("the archive");
    let mut archive = npyz::npz::NpzArchive::new(std::io::Cursor::new(bytes)).expect("an archive");
    let mut inputs = Vec::new();
    std::io::Read::read_to_end(&mut archive.zip_archive().by_name("inputs.npy").expect("an entry"), &mut inputs).expect("its bytes");
    std::fs::write(dir.path().join("data/images.npy"), inputs).expect("written");
    write_npy(&dir.path().join("data/labels.npy"), &Array { shape: vec![4], values: classes }, "i2");
    let model = nets.join("imagenet_squeezenet10_deepcomp.onnx");
    let checked = bwq_ok(dir.path(), &["import", model.to_str().unwrap(), "-o", "net", "--scale", "1", "--mean", "123,117,104", "--std", "1", "--check", "data"]);
    assert_eq!(checked, "float accuracy 100.00 % (4 of 4 images of data)\n", "the classes are those of the reference logits");
    bwq_ok(dir.path(), &["run", "sweep.toml", "--out", "out", "--engine", "cpu"]);
    let of = |name: &str| column(&dir.path().join("out/summary.csv"), name);
    assert_eq!(of("float_accuracy_frac"), ["1"]);
    assert_eq!(of("quantised_accuracy_frac"), of("ideal_crossbar_accuracy_frac"));
}
