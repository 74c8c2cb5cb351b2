//! Networks from elsewhere into our form (`netgraph-1`): ONNX files, and safetensors with a list of layers.
//!
//! The data's way of an ONNX file: [`messages`] (its bytes) -> [`graph`] (nodes, constants, one input, one output; [`tensor`] and
//! [`external`] read numbers) -> [`netgraph`], which takes node after node: [`constants`] computes what is known, [`ops`] makes
//! nodes of ours of the rest. [`layer_list`] completes a list of layers whose weights have the names of a PyTorch state dict.
//! [`pixels`] is how raw pixels become what the network was trained on.
//!
//! Nothing in a file is trusted: sizes are compared with the bytes that are there before anything is allocated, and what comes
//! out is written, read and folded once, as a run will do it.

pub mod constants;
pub mod external;
pub mod graph;
pub mod layer_list;
pub mod messages;
pub mod netgraph;
pub mod ops;
pub mod pixels;
pub mod tensor;

use crate::error::{Error, Result};
use crate::network::write::{Files, files};
use crate::network::{Network, Op, Source, fold, read};
use external::Folder;
use netgraph::{Activation, Builder};
use pixels::Pixels;
use std::path::Path;
use std::rc::Rc;

pub(crate) use crate::network::clipped;

/// What the files do not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Name of the network; the file's stem if none is given.
    pub name: Option<String>,
    /// What becomes of raw pixels.
    pub pixels: Pixels,
    /// [C, H, W] of one image, where the file leaves it open or takes images as rows.
    pub input_shape: Option<[usize; 3]>,
}

/// A network in our form.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The network, batch norms as nodes of their own.
    pub network: Network,
    /// What was done that a user should know, in words.
    pub notes: Vec<String>,
}

/// Imports the ONNX file at `path`.
///
/// # Errors
/// A file that cannot be read or is no ONNX model, and whatever is not supported, by the node's name.
pub fn import_onnx(path: &Path, options: &Options) -> Result<Imported> {
    let bytes = crate::files::regular(path, graph::LARGEST_FILE).map_err(|e| if e.hint.is_none() { e.hint("keep the weights in files beside it (external data)") } else { e })?;
    let stem = path.file_stem().map_or_else(|| "network".into(), |stem| stem.to_string_lossy().into_owned());
    let options = Options { name: Some(options.name.clone().unwrap_or(stem)), ..options.clone() };
    import_bytes(bytes, &path.display().to_string(), Folder::of(path), &options)
}

/// The same from the file's bytes; `place` is its name in messages.
///
/// # Errors
/// As [`import_onnx`].
pub fn import_bytes(bytes: Vec<u8>, place: &str, folder: Folder, options: &Options) -> Result<Imported> {
    let mut graph = graph::read(bytes, place, folder)?;
    let (input_shape, input, note) = input(&graph, options, place)?;
    let preprocess = options.pixels.preprocess(input_shape[0])?;
    let name = options.name.clone().unwrap_or_else(|| "network".into());
    let nodes = std::mem::take(&mut graph.nodes);
    let mut builder = Builder::new(name, input_shape, preprocess, &mut graph, input);
    builder.notes.extend(note);
    for node in &nodes {
        builder.take(node)?;
    }
    let (network, notes) = builder.finish(place)?;
    let network = checked(&network, place)?;
    Ok(Imported { network, notes })
}

/// The input: [C, H, W] of our images, and how the graph sees it.
fn input(graph: &graph::Graph, options: &Options, place: &str) -> Result<([usize; 3], Activation, Option<String>)> {
    let (name, dims) = &graph.input;
    let name = clipped(name);
    let shown: Vec<String> = dims.iter().map(|d| d.map_or("?".into(), |n| n.to_string())).collect();
    let at = |message: String| Error::input(place, message);
    let batch = dims.first().copied().flatten().unwrap_or(1);
    // Channels last, if all that reads the images puts the channels first.
    let reads_input = |node: &&graph::Node| node.inputs.contains(&graph.input.0);
    let mut readers = graph.nodes.iter().filter(reads_input).peekable();
    let last = dims.len() == 4 && readers.peek().is_some() && readers.all(|node| node.op == "Transpose" && node.ints("perm") == Some(&[0, 3, 1, 2]));
    let open = || at(format!("the input `{name}` has shape [{}]; channels, height and width must be known", shown.join(", "))).hint("say it: --input-shape 3,224,224");
    let mut note = None;
    let shape = match (dims.get(1..).unwrap_or_default(), options.input_shape) {
        ([_, _, _], Some(shape)) => shape,
        (&[Some(h), Some(w), Some(c)], None) if last => [c, h, w],
        (&[Some(c), Some(h), Some(w)], None) => [c, h, w],
        ([_, _, _] | [_, _] | [None], None) => match dims[1..] {
            [Some(h), Some(w)] => [1, h, w],
            _ => return Err(open()),
        },
        (&[length], Some(shape)) if length.is_none_or(|n| shape.iter().try_fold(1usize, |p, &n| p.checked_mul(n)) == Some(n)) => shape,
        ([_, _], Some(shape)) if shape[0] == 1 => shape,
        (&[Some(n)], None) => {
            note = Some(format!("the network takes rows of {n} values: as images of [{n}, 1, 1] (pictures: --input-shape 1,28,28)"));
            [n, 1, 1]
        }
        _ => return Err(at(format!("the input `{name}` has shape [{}]; images [N, C, H, W] or rows [N, values] are supported", shown.join(", ")))),
    };
    let known = dims.get(1..).unwrap_or_default();
    let as_seen = match known.len() {
        1 => vec![shape.iter().try_fold(1usize, |p, &n| p.checked_mul(n)).unwrap_or(0)],
        2 => shape[1..].to_vec(),
        _ if last => vec![shape[1], shape[2], shape[0]],
        _ => shape.to_vec(),
    };
    if known.iter().zip(&as_seen).any(|(known, &seen)| known.is_some_and(|n| n != seen)) {
        return Err(at(format!("--input-shape {shape:?} for an input of shape [{}]", shown.join(", "))));
    }
    crate::network::shape::values(&shape).map_err(at)?;
    let order = last.then(|| {
        note = Some(format!("the file takes images as [H, W, C]; in our form they are [C, H, W], here {shape:?}"));
        Rc::new(constants::transposed(&shape, &[1, 2, 0]).iter().map(|&i| i as u32).collect::<Vec<u32>>())
    });
    let order = order.filter(|order| order.iter().enumerate().any(|(i, &place)| i != place as usize));
    Ok((shape, Activation { source: Source::Input, dims: [&[batch], as_seen.as_slice()].concat(), order, pad: [0; 4] }, note))
}

/// The network as it is read back from its files, after a trial of what a run does with it first.
fn checked(network: &Network, place: &str) -> Result<Network> {
    if !network.nodes.iter().any(|node| matches!(node.op, Op::Conv2d { .. } | Op::Linear { .. })) {
        return Err(Error::input(place, "no layer with weights leads to the output"));
    }
    let Files { graph, weights } = files(network)?;
    let network = read::parse(&graph, &weights, place)?;
    fold::fold_batchnorm(&network).map_err(|e| Error { place: Some(place.to_string()), ..e })?;
    Ok(network)
}
