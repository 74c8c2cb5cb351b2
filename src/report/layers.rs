//! `layers.csv`: one row per point and layer: where does it break?

use super::{Column, Table, each, frac};
use crate::stats::number;
use crate::sweep::block::{ERROR_UNIT, LayerTally};
use crate::sweep::merge::PointResult;

pub(super) const TABLE: Table<PointResult> = Table {
    file: "layers.csv",
    row: "point and layer with weights, from the first 4 images on the first 2 chips (digital layers are empty)",
    columns: &[
        Column { name: "layer_index", meaning: "number of the layer, from 0, in execution order" },
        Column { name: "layer", meaning: "name of the layer" },
        Column { name: "output_error_mean_rel", meaning: "mean of (output - ideal output for the same inputs), before requantisation, relative to the rms ideal output" },
        Column { name: "output_error_sd_rel", meaning: "standard deviation of that error, relative to the rms ideal output" },
        Column { name: "adc_clip_frac", meaning: "share of conversions whose sum lay more than half a step outside the ADC's range" },
        Column { name: "adc_wrong_code_frac", meaning: "share of conversions whose code is not that of the same crossbar without random errors; empty for an ideal ADC" },
        Column { name: "zero_pattern_frac", meaning: "share of input patterns (position, row group, input step) that drive no wordline" },
        Column { name: "conversions", meaning: "conversions compared" },
        Column { name: "zero_code_frac", meaning: "share of conversions whose code is zero without random errors; empty for an ideal ADC" },
    ],
    rows: |points| each(points, rows),
};

fn rows(point: &PointResult) -> Vec<Vec<String>> {
    let layer = |(index, name): (usize, &String)| {
        let mut tally = LayerTally::default();
        point.trials.iter().filter_map(|t| t.layers.get(index)).for_each(|t| tally.merge(t));
        let n = tally.outputs as f64;
        let rms = libm::sqrt(tally.ideal_squared as f64 / n);
        let mean = tally.error as f64 / n / ERROR_UNIT;
        let variance = (tally.error_squared as f64 / n / (ERROR_UNIT * ERROR_UNIT) - mean * mean).max(0.0);
        let relative = |x: f64| if tally.outputs == 0 || rms == 0.0 { String::new() } else { number(x / rms) };
        let ideal_adc = point.references.adc_resolution_bits.is_none();
        vec![
            index.to_string(),
            name.clone(),
            relative(mean),
            relative(libm::sqrt(variance)),
            frac(tally.clipped, tally.conversions),
            if ideal_adc { String::new() } else { frac(tally.wrong, tally.conversions) },
            frac(tally.zero_patterns, tally.patterns),
            tally.conversions.to_string(),
            if ideal_adc { String::new() } else { frac(tally.zero_codes, tally.conversions) },
        ]
    };
    point.point.layers.iter().enumerate().map(layer).collect()
}
