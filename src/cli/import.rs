//! `bwq import`: a network from elsewhere into our form.

use super::ImportArgs;
use super::terminal::{Terminal, print};
use bwq::error::{Error, Result, exit};
use bwq::files::holds_other;
use bwq::import::layer_list::import_layers;
use bwq::import::pixels::Pixels;
use bwq::import::{Imported, Options, import_onnx};
use bwq::dataset;
use bwq::network::write::files;
use bwq::network::{Network, float};
use bwq::sweep::{Observer, atomic};
use std::path::Path;

/// Imports one network and writes `network.json` and `network.safetensors`.
pub fn import(args: &ImportArgs, terminal: &Terminal) -> Result<u8> {
    let list = |values: &[super::Number]| (!values.is_empty()).then(|| values.iter().map(|n| n.0).collect::<Vec<f64>>());
    let pixels = match args.raw_pixels {
        true => Pixels { scale: Some(1.0), ..Pixels::default() },
        false => Pixels { scale: args.scale.map(|n| n.0), mean: list(&args.mean), std: list(&args.std) },
    };
    let unsaid = pixels.is_unsaid();
    let input_shape = match args.input_shape[..] {
        [] => None,
        [c, h, w] => Some([c, h, w]),
        ref other => return Err(Error::usage(format!("--input-shape has {} numbers; three are needed: channels, height, width", other.len())).hint("--input-shape 3,32,32")),
    };
    let options = Options { name: args.name.clone(), pixels, input_shape };
    let imported = match (&args.graph, extension(&args.model).as_str()) {
        (Some(graph), "safetensors") => import_layers(&args.model, graph, &options)?,
        (None, "onnx") => import_onnx(&args.model, &options)?,
        (Some(_), _) => return Err(Error::input(args.model.display(), "--graph goes with weights in a .safetensors file").hint("an .onnx file has its graph in itself")),
        (None, "safetensors") => {
            return Err(Error::input(args.model.display(), "weights without a graph").hint("say which layers they belong to: --graph LAYERS.json (see the README, \"Your own network and data\")"));
        }
        (None, "pt" | "pth" | "ckpt" | "bin" | "pkl") => {
            return Err(Error::input(args.model.display(), "files of torch.save are programs, and are not run").hint("in Python: torch.onnx.export(model.eval(), (images,), \"model.onnx\"), or experiments/import/export.py"));
        }
        (None, _) => return Err(Error::input(args.model.display(), "supported: MODEL.onnx, and MODEL.safetensors with --graph")),
    };
    write(args, &imported, terminal, unsaid && args.graph.is_none())?;
    match &args.check {
        Some(path) => check(&imported.network, path),
        None => Ok(exit::DONE),
    }
}

/// Prints the float accuracy on a test set: whether weights and pixels were understood as they were meant.
fn check(network: &Network, path: &Path) -> Result<u8> {
    let dataset = dataset::load_whole(path, 0)?;
    dataset.check_fits(network.input_shape, network.classes())?;
    let right = float::accuracy(network, &dataset);
    print(&format!("float accuracy {:.2} % ({right} of {} images of {})\n", 100.0 * right as f64 / dataset.len() as f64, dataset.len(), dataset.name))?;
    Ok(exit::DONE)
}

fn write(args: &ImportArgs, imported: &Imported, terminal: &Terminal, unsaid: bool) -> Result<()> {
    let Imported { network, notes } = imported;
    for note in notes {
        terminal.say(note);
    }
    let p = &network.preprocess;
    let formula = format!("x = (pixel * {} - {:?}) / {:?}", p.scale, p.mean, p.std);
    match unsaid {
        true => terminal.say(&format!("pixels are taken as they are, 0 to 255 ({formula}): if the network was trained on others, say how, as --scale 1/255 --mean 0.5 --std 0.5; --raw-pixels if that is right")),
        false => terminal.say(&format!("pixels: {formula}")),
    }
    let written = files(network)?;
    let [graph, weights] = ["network.json", "network.safetensors"].map(|name| args.out.join(name));
    if !args.force && (holds_other(&graph, written.graph.as_bytes()) || holds_other(&weights, &written.weights)) {
        return Err(Error::input(args.out.display(), "the folder holds another network").hint("choose another folder, or --force to write in its place"));
    }
    // The graph last: it is what a folder is recognised by.
    atomic::write(&weights, &written.weights)?;
    atomic::write(&graph, written.graph.as_bytes())?;
    let layers = network.nodes.iter().filter(|node| matches!(node.op.name(), "conv2d" | "linear")).count();
    terminal.say(&format!(
        "`{}`: {} nodes, {layers} layers with weights, {:.1} million multiply-accumulates an image of {:?}, {} classes",
        network.name, network.nodes.len(), network.macs() as f64 / 1e6, network.input_shape, network.classes()
    ));
    terminal.say_files(&args.out, &[graph, weights]);
    terminal.say(&format!("in a sweep file: [network] model = \"{}\"", args.out.display()));
    Ok(())
}

fn extension(path: &Path) -> String {
    path.extension().map_or_else(String::new, |e| e.to_string_lossy().to_ascii_lowercase())
}
