//! The results of `bwq search`: tables `search.csv` and `search_layers.csv`, the network and its precision map, a sweep file that
//! runs them, and the figures.

use super::{Column, OfPoint, Table, each, plot, provenance, write_table};
use crate::config::{Search, template};
use crate::error::Result;
use crate::search::count::Counts;
use crate::search::curve::Tried;
use crate::search::judge::{export, sweep_point};
use crate::search::{Found, Right};
use crate::stats::number;
use crate::sweep::atomic;
use crate::sweep::manifest::ManifestPoint;
use std::path::{Path, PathBuf};

/// Columns of a table: what a row is, what its bits come to, what else.
macro_rules! columns {
    ([$($name:literal: $meaning:literal),+], [$($more:literal: $what:literal),*]) => {
        &[
            $(Column { name: $name, meaning: $meaning },)+
            Column { name: "mean_bits", meaning: "mean magnitude bits of a weight" },
            Column { name: "compression", meaning: "32-bit weights over magnitude bits, the paper's count: 32 / mean_bits; empty where no bit is left" },
            Column { name: "compression_with_signs", meaning: "the same with one sign bit for each weight of a block that has bits" },
            Column { name: "compression_with_table", meaning: "the same with signs and the table of precisions: an entry for each block (layer-wise: for each layer; uniform: none)" },
            Column { name: "ou_operations_per_image", meaning: "operations of operation units in one image at the file's activation bits, blocks lying on OUs" },
            Column { name: "weights", meaning: "weights" },
            Column { name: "blocks", meaning: "weight blocks" },
            Column { name: "empty_blocks", meaning: "weight blocks of 0 bits" },
            $(Column { name: $more, meaning: $what },)*
        ]
    };
}

pub(super) const TRIED: Table<Found> = Table {
    file: "search.csv",
    row: "candidate that `bwq search` tried",
    columns: columns!([
        "method": "block-wise, layer-wise (the same search, one number of bits a layer), uniform-compensated (one number for all, rounded as the search does, leading zeros of each block stripped), uniform-stripped (rounded to nearest, stripped), uniform (not stripped)",
        "setting": "price of a unit of the objective in mean squared change of the logits (block-wise, layer-wise), or magnitude bits"
    ], [
        "images": "test images that choose, the first ones of the set",
        "accuracy_frac": "accuracy on them, in digital integers",
        "drop_frac": "accuracy of the float network on them minus that",
        "keeps_budget": "whether the drop is at most max_drop",
        "unseen_images": "the other images of the test set, which had no say; empty where they were not looked at",
        "unseen_accuracy_frac": "accuracy on them",
        "chips": "chips drawn; empty where none were",
        "chips_passing": "chips that lose at most max_drop against the float network",
        "yield_verdict": "whether the wanted yield is shown",
        "energy_pj": "energy of an image by the cost model under the component set of [cost]; empty unless energy or time is made small",
        "latency_ns": "time of an image, layers one after another; empty likewise"
    ]),
    rows: |found| each(found, |f| f.tried.iter().map(|t| tried_row(f, t)).collect()),
};

pub(super) const LAYERS: Table<Found> = Table {
    file: "search_layers.csv",
    row: "layer of the network that `bwq search` chose, and one for all",
    columns: columns!([
        "layer": "name of the layer, or `all`",
        "rows": "rows of its matrix; empty for `all`",
        "outputs": "columns of its matrix; empty for `all`"
    ], [
        "activation_bits_chosen": "bits of an activation of the network chosen"
    ]),
    rows: |found| each(found, layer_rows),
};

impl OfPoint for Found {
    fn point(&self) -> &ManifestPoint {
        &self.of
    }
}

fn count_fields(counts: &Counts) -> [String; 8] {
    let ratio = |x: f64| if x.is_finite() { number(x) } else { String::new() };
    [
        number(counts.mean_bits()),
        ratio(counts.compression()),
        ratio(counts.compression_with_signs()),
        ratio(counts.compression_with_table()),
        counts.ou_operations.to_string(),
        counts.weights.to_string(),
        counts.blocks.to_string(),
        counts.empty_blocks.to_string(),
    ]
}

fn tried_row(found: &Found, tried: &Tried) -> Vec<String> {
    let frac = |right: Right| right.frac().map(number).unwrap_or_default();
    let mut row = vec![tried.method.word().to_string(), number(tried.setting)];
    row.extend(count_fields(&tried.counts));
    let drop = tried.lost as f64 / tried.first.images.max(1) as f64;
    row.extend([tried.first.images.to_string(), frac(tried.first), number(drop), tried.keeps(found.allowed_loss(1.0)).to_string()]);
    row.extend(tried.unseen.map_or_else(Default::default, |u| [u.images.to_string(), frac(u)]));
    row.extend(tried.chips.map_or_else(Default::default, |y| [y.chips.to_string(), y.passing.to_string(), y.verdict.word().to_string()]));
    row.extend(tried.figures.map_or_else(Default::default, |f| [number(f.energy_pj), number(f.latency_ns)]));
    row
}

fn layer_rows(found: &Found) -> Vec<Vec<String>> {
    let Some(chosen) = &found.chosen else { return Vec::new() };
    let row = |name: &str, shape: [String; 2], counts: &Counts| {
        let mut row = vec![name.to_string()];
        row.extend(shape);
        row.extend(count_fields(counts));
        row.push(chosen.activation_bits.to_string());
        row
    };
    let layers = found.layer_counts.iter().map(|(l, counts)| row(&l.name, l.shape.map(|n| n.to_string()), counts));
    layers.chain([row("all", Default::default(), &found.counts)]).collect()
}

/// Writes everything into `out`; returns the files.
///
/// # Errors
/// What cannot be written.
pub fn write(out: &Path, found: &Found, search: &Search, engine: &str, command: &[String]) -> Result<Vec<PathBuf>> {
    let results = std::slice::from_ref(found);
    let mut settings = search.settings.resolved();
    settings.extend(search.settings.objective.is_priced().then(|| ("cost.components", search.cost.components.clone())));
    let text = provenance::of_command(out, &[&found.of], engine, command)?;
    let text = provenance::with(&text, "search", &settings)?;
    let mut files = Vec::new();
    for table in [&TRIED, &LAYERS] {
        files.extend(write_table(out, table, results, &text)?);
    }
    files.extend(plot::trade_off::draw(out, found)?);
    if let Some(chosen) = &found.chosen {
        let exported = export(out, &chosen.candidate, found.block)?;
        let sweep = out.join("sweep.toml");
        let point = sweep_point(search.point(), &chosen.candidate, chosen.activation_bits, &exported);
        let about = format!("What `bwq search` chose for {}; `bwq run` runs it.", found.of.value("network"));
        atomic::write(&sweep, template::point_toml(&point, &about).as_bytes())?;
        files.extend([exported.map, exported.network, exported.weights, sweep]);
        files.extend(plot::blocks::draw(out, &chosen.candidate.map(found.block))?);
    }
    Ok(files)
}
