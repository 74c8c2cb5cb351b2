//! `summary.csv`: one row per point.

use super::{Column, Table, each, ends, frac};
use crate::stats::number;
use crate::sweep::merge::PointResult;

pub(super) const TABLE: Table<PointResult> = Table {
    file: "summary.csv",
    row: "point",
    columns: &[
        Column { name: "trials", meaning: "chips" },
        Column { name: "float_accuracy_frac", meaning: "accuracy of the float network on the same images" },
        Column { name: "quantised_accuracy_frac", meaning: "accuracy of the quantised network in digital arithmetic" },
        Column { name: "ideal_crossbar_accuracy_frac", meaning: "accuracy of the crossbar without errors, infinite on/off ratio, lossless ADC; its logits equal the quantised network's exactly" },
        Column { name: "nominal_crossbar_accuracy_frac", meaning: "accuracy of the crossbar as configured, without random errors" },
        Column { name: "accuracy_mean_frac", meaning: "mean accuracy over chips" },
        Column { name: "accuracy_sd_frac", meaning: "standard deviation over chips (n - 1)" },
        Column { name: "accuracy_min_frac", meaning: "worst chip" },
        Column { name: "accuracy_p1_frac", meaning: "1st percentile over chips (linear between order statistics)" },
        Column { name: "accuracy_p5_frac", meaning: "5th percentile" },
        Column { name: "accuracy_p50_frac", meaning: "median" },
        Column { name: "accuracy_p95_frac", meaning: "95th percentile" },
        Column { name: "accuracy_mean_lo95_frac", meaning: "lower end of the 95 % interval of the mean (hull of Student t and Hall 1992 over chips or antithetic pairs, these images)" },
        Column { name: "accuracy_mean_hi95_frac", meaning: "upper end" },
        Column { name: "drop_mean_frac", meaning: "mean of quantised accuracy minus the chip's, on the same images; positive is worse" },
        Column { name: "drop_mean_lo95_frac", meaning: "lower end of its 95 % interval" },
        Column { name: "drop_mean_hi95_frac", meaning: "upper end" },
        Column { name: "yield_frac", meaning: "share of chips whose drop is at most max_drop_frac, on these images" },
        Column { name: "yield_lo95_frac", meaning: "lower end of its 95 % interval (Clopper-Pearson)" },
        Column { name: "yield_hi95_frac", meaning: "upper end" },
        Column { name: "test_set_half_width_frac", meaning: "what the number of images adds for the population of images: half width of the 95 % interval (Wilson) of the quantised accuracy" },
        Column { name: "conversions", meaning: "ADC conversions of all chips on all images" },
        Column { name: "conversions_saturated", meaning: "of these, how many had a sum more than half a step outside the ADC's range" },
        Column { name: "conversions_saturated_frac", meaning: "their share" },
        Column { name: "cells", meaning: "cells of all chips" },
        Column { name: "cells_saturated", meaning: "of these, how many drew a conductance that was cut at the largest one that fits" },
        Column { name: "adc_resolution_bits", meaning: "resolution used (what `lossless` came to); empty for an ideal ADC" },
        Column { name: "conductance_fraction_bits", meaning: "fraction bits used (what `max` came to)" },
        Column { name: "conductance_rounding_rms_steps", meaning: "rms of what rounding the conductances adds to a sum of ou_wordlines cells, in ADC steps (level steps for an ideal ADC)" },
        Column { name: "programming_error_rms_steps", meaning: "rms of the programming error of ou_wordlines cells at g_on, in the same steps" },
        Column { name: "accuracy_sd_se_frac", meaning: "standard error of the standard deviation, from the chips' kurtosis" },
        Column { name: "antithetic_variance_ratio", meaning: "antithetic pairs: variance of the mean against that of as many independent chips (below 1 they pay); spread, quantiles and yield are then those of the first chip of each pair" },
    ],
    rows: |points| each(points, rows),
};

fn rows(point: &PointResult) -> Vec<Vec<String>> {
    let (p, r, s) = (&point.point, &point.references, &point.summary);
    let of_images = |correct: u64| frac(correct, p.images);
    let conversions = u128::from(r.conversions_per_image) * u128::from(p.images * s.trials);
    let clipped: u128 = point.trials.iter().map(|t| u128::from(t.clipped)).sum();
    let a = &s.accuracy;
    let mut row = vec![s.trials.to_string()];
    row.extend([r.float_correct, r.quantised_correct, r.ideal_correct, r.nominal_correct].map(of_images));
    row.push(number(a.mean));
    row.push(a.sd.map(number).unwrap_or_default());
    row.extend([a.min, a.p1, a.p5, a.p50, a.p95].map(number));
    row.extend(ends(a.mean_interval));
    row.push(number(s.drop.mean));
    row.extend(ends(s.drop.mean_interval));
    row.push(number(s.chip_yield.frac));
    row.extend([number(s.chip_yield.interval.lo), number(s.chip_yield.interval.hi)]);
    row.push(number(crate::stats::binomial_half_width(r.quantised_correct, p.images)));
    row.extend([conversions.to_string(), clipped.to_string(), frac(clipped, conversions)]);
    row.push((u128::from(r.cells_per_chip) * u128::from(s.trials)).to_string());
    row.push(point.trials.iter().map(|t| u128::from(t.saturated_cells)).sum::<u128>().to_string());
    row.push(r.adc_resolution_bits.map(|b| b.to_string()).unwrap_or_default());
    row.push(r.conductance_fraction_bits.to_string());
    row.extend([number(r.rounding_rms_steps), number(r.programming_error_rms_steps)]);
    row.extend([a.sd_standard_error, a.antithetic_variance_ratio].map(|x| x.map(number).unwrap_or_default()));
    vec![row]
}
