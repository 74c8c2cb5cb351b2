//! `trials.csv`: one row per point and chip.

use super::{Column, Table, each, frac};
use crate::stats::{allowed_loss, number};
use crate::sweep::merge::PointResult;

pub(super) const TABLE: Table<PointResult> = Table {
    file: "trials.csv",
    row: "point and chip",
    columns: &[
        Column { name: "trial", meaning: "number of the chip; the same number is the same chip at every point with the same cells" },
        Column { name: "correct", meaning: "images classified as labelled" },
        Column { name: "accuracy_frac", meaning: "their share" },
        Column { name: "drop_frac", meaning: "quantised accuracy minus this, on the same images" },
        Column { name: "passes", meaning: "1 if the drop is at most max_drop_frac, else 0" },
        Column { name: "conversions_saturated", meaning: "conversions whose sum lay more than half a step outside the ADC's range" },
        Column { name: "cells_saturated", meaning: "cells whose drawn conductance was cut at the largest one that fits" },
    ],
    rows: |points| each(points, rows),
};

fn rows(point: &PointResult) -> Vec<Vec<String>> {
    let (images, quantised) = (point.point.images, point.references.quantised_correct);
    let allowed = allowed_loss(point.point.max_drop, images);
    let row = |t: &crate::sweep::block::Trial| {
        let drop = (quantised as f64 - t.correct as f64) / images as f64;
        let passes = u8::from(t.correct + allowed >= quantised);
        vec![
            t.trial.to_string(),
            t.correct.to_string(),
            frac(t.correct, images),
            number(drop),
            passes.to_string(),
            t.clipped.to_string(),
            t.saturated_cells.to_string(),
        ]
    };
    point.trials.iter().map(row).collect()
}
