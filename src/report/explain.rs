//! The tables and the picture of an error budget: `explain.csv`, `explain_layers.csv`, `explain.svg`.

use super::{Column, plot};
use crate::error::{Error, Result};
use crate::explain::{Budget, Difference};
use crate::stats::number;
use crate::sweep::atomic;
use crate::sweep::block::{ERROR_UNIT, LayerTally};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Columns of `explain.csv`: one row per point and cause, in the order causes are added.
pub const CAUSES: &[Column] = &[
    Column { name: "tool_version", meaning: "version of the program" },
    Column { name: "point", meaning: "number of the point in the sweep, from 0" },
    Column { name: "seed", meaning: "seed of everything random" },
    Column { name: "chips", meaning: "chips of each run" },
    Column { name: "cause", meaning: "what is added; the first row is the step from floats to integers" },
    Column { name: "setting", meaning: "its settings" },
    Column { name: "accuracy_after_frac", meaning: "mean accuracy with this cause and all above it" },
    Column { name: "loss_added_frac", meaning: "mean loss of accuracy when it is added to those above it, on the same chips" },
    Column { name: "loss_added_lo95_frac", meaning: "lower end of its 95 % interval (paired)" },
    Column { name: "loss_added_hi95_frac", meaning: "upper end" },
    Column { name: "loss_removed_frac", meaning: "mean accuracy won when it alone is taken away from the configured point, on the same chips; without `adc_resolution` nothing is clipped either, and spread in ADC steps shrinks with the step" },
    Column { name: "loss_removed_lo95_frac", meaning: "lower end of its 95 % interval (paired)" },
    Column { name: "loss_removed_hi95_frac", meaning: "upper end" },
    Column { name: "accuracy_sd_after_frac", meaning: "standard deviation of the accuracy over chips with this cause and all above it" },
    Column { name: "variance_share_frac", meaning: "share of the configured point's variance over chips that goes with this cause: 1 - variance without it / variance; negative where chips are more alike with it" },
];

/// Columns of `explain_layers.csv`: one row per point, layer and cause, and one per layer for all of them.
pub const LAYERS: &[Column] = &[
    Column { name: "tool_version", meaning: "version of the program" },
    Column { name: "point", meaning: "number of the point in the sweep, from 0" },
    Column { name: "layer_index", meaning: "number of the layer, from 0, in execution order" },
    Column { name: "layer", meaning: "name of the layer" },
    Column { name: "cause", meaning: "what is added, or `all`: every cause together" },
    Column { name: "output_error_rms_rel", meaning: "rms of (output - ideal output for the same inputs) with this cause and all before it, relative to the rms ideal output; from the first 4 images on the first 2 chips" },
    Column { name: "loss_alone_frac", meaning: "mean loss of accuracy when all causes act in this layer alone (rows `all`)" },
    Column { name: "loss_alone_lo95_frac", meaning: "lower end of its 95 % interval" },
    Column { name: "loss_alone_hi95_frac", meaning: "upper end" },
    Column { name: "won_if_ideal_frac", meaning: "mean accuracy won when this layer alone is ideal (rows `all`), on the same chips" },
    Column { name: "won_if_ideal_lo95_frac", meaning: "lower end of its 95 % interval (paired)" },
    Column { name: "won_if_ideal_hi95_frac", meaning: "upper end" },
];

/// Writes tables, provenance and picture into `out`; returns the files.
pub fn write(out: &Path, budgets: &[Budget], engine: &str, command: &[String]) -> Result<Vec<PathBuf>> {
    let causes = table(CAUSES, budgets.iter().enumerate().flat_map(|(i, b)| cause_rows(i, b)))?;
    let layers = table(LAYERS, budgets.iter().enumerate().flat_map(|(i, b)| layer_rows(i, b)))?;
    let points: Vec<_> = budgets.iter().map(|b| b.point.columns().into_iter().collect::<std::collections::BTreeMap<_, _>>()).collect();
    let provenance = json!({
        "tool": "bwq",
        "tool_version": env!("CARGO_PKG_VERSION"),
        "commit": option_env!("BWQ_COMMIT").unwrap_or("unknown"),
        "command": command,
        "engine": engine,
        "host": atomic::host(),
        "points": points,
    });
    let text = serde_json::to_vec_pretty(&provenance).map_err(|e| Error::internal(e.to_string()))?;
    let mut files = Vec::new();
    for (name, bytes) in [("explain.csv", causes), ("explain_layers.csv", layers), ("explain.provenance.json", text)] {
        let path = out.join(name);
        atomic::write(&path, &bytes)?;
        files.push(path);
    }
    files.extend(plot::budgets::draw(out, budgets)?);
    Ok(files)
}

fn table(columns: &[Column], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>> {
    let failed = |e: csv::Error| Error::internal(format!("a table cannot be written: {e}"));
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(columns.iter().map(|c| c.name)).map_err(failed)?;
    for row in rows {
        writer.write_record(row).map_err(failed)?;
    }
    writer.into_inner().map_err(|e| Error::internal(e.to_string()))
}

fn cause_rows(index: usize, budget: &Budget) -> Vec<Vec<String>> {
    let row = |line: &crate::explain::CauseLine| {
        let mut row = vec![env!("CARGO_PKG_VERSION").into(), index.to_string(), budget.point.monte_carlo.seed.to_string(), budget.chips.to_string()];
        row.extend([line.cause.to_string(), line.setting.clone(), number(line.accuracy_after)]);
        row.extend(with_ends(Some(&line.added)));
        row.extend(with_ends(line.removed.as_ref()));
        row.extend([line.sd_after, line.variance_share].map(|v| v.map(number).unwrap_or_default()));
        row
    };
    budget.causes.iter().map(row).collect()
}

fn layer_rows(index: usize, budget: &Budget) -> Vec<Vec<String>> {
    let layers = budget.causes.iter().map(|c| c.layers.len()).max().unwrap_or(0);
    let mut rows = Vec::new();
    for layer in 0..layers {
        let start = |cause: &str| vec![env!("CARGO_PKG_VERSION").to_string(), index.to_string(), layer.to_string(), budget.layer_names[layer].clone(), cause.to_string()];
        for line in budget.causes.iter().filter(|c| !c.layers.is_empty()) {
            let mut row = start(line.cause);
            row.push(relative_error(&line.layers[layer]));
            row.extend(with_ends(None).into_iter().chain(with_ends(None)));
            rows.push(row);
        }
        let mut row = start("all");
        row.push(budget.causes.last().and_then(|c| c.layers.get(layer)).map(relative_error).unwrap_or_default());
        let of_layer = budget.layers.get(layer);
        row.extend(with_ends(of_layer.map(|l| &l.alone)));
        row.extend(with_ends(of_layer.map(|l| &l.ideal)));
        rows.push(row);
    }
    rows
}

fn relative_error(tally: &LayerTally) -> String {
    if tally.outputs == 0 || tally.ideal_squared == 0 {
        return String::new();
    }
    number(libm::sqrt(tally.error_squared as f64 / tally.ideal_squared as f64) / ERROR_UNIT)
}

fn with_ends(difference: Option<&Difference>) -> [String; 3] {
    let ends = difference.and_then(|d| d.interval.as_ref()).map_or([String::new(), String::new()], |i| [number(i.lo), number(i.hi)]);
    [difference.map(|d| number(d.mean)).unwrap_or_default(), ends[0].clone(), ends[1].clone()]
}
