//! The tables and the picture of an error budget: `explain.csv`, `explain_layers.csv`, `explain.svg`.

use super::{Column, OfPoint, Table, each, plot, write_table};
use crate::error::Result;
use crate::explain::{Budget, CauseLine, Difference};
use crate::stats::number;
use crate::sweep::block::{ERROR_UNIT, LayerTally};
use crate::sweep::manifest::ManifestPoint;
use std::path::{Path, PathBuf};

pub(super) const CAUSES: Table<Budget> = Table {
    file: "explain.csv",
    row: "point and cause of `bwq explain`, in the order causes are added",
    columns: &[
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
    ],
    rows: |budgets| each(budgets, cause_rows),
};

pub(super) const LAYERS: Table<Budget> = Table {
    file: "explain_layers.csv",
    row: "point, layer and cause of `bwq explain`, and one per layer for all causes",
    columns: &[
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
    ],
    rows: |budgets| each(budgets, layer_rows),
};

impl OfPoint for Budget {
    fn point(&self) -> &ManifestPoint {
        &self.of
    }
}

/// Writes tables, provenance and pictures into `out`; returns the files.
pub fn write(out: &Path, budgets: &[Budget], engine: &str, command: &[String]) -> Result<Vec<PathBuf>> {
    let points: Vec<&ManifestPoint> = budgets.iter().map(|b| &b.of).collect();
    let text = super::provenance::of_command(out, &points, engine, command)?;
    let mut files = Vec::new();
    for table in [&CAUSES, &LAYERS] {
        files.extend(write_table(out, table, budgets, &text)?);
    }
    files.extend(plot::budgets::draw(out, budgets)?);
    Ok(files)
}

fn cause_rows(budget: &Budget) -> Vec<Vec<String>> {
    let row = |line: &CauseLine| {
        let mut row = vec![budget.chips.to_string(), line.cause.to_string(), line.setting.clone(), number(line.accuracy_after)];
        row.extend(with_ends(Some(&line.added)));
        row.extend(with_ends(line.removed.as_ref()));
        row.extend([line.sd_after, line.variance_share].map(|v| v.map(number).unwrap_or_default()));
        row
    };
    budget.causes.iter().map(row).collect()
}

fn layer_rows(budget: &Budget) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (layer, name) in budget.layer_names.iter().enumerate() {
        let start = |cause: &str| vec![layer.to_string(), name.clone(), cause.to_string()];
        for line in &budget.causes {
            let Some(tally) = line.layers.get(layer) else { continue };
            let mut row = start(line.cause);
            row.push(relative_error(tally));
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
