//! `differences.csv`: neighbouring points of a sweep, compared chip by chip.

use super::{Column, Row, Table, ends};
use crate::stats::difference::Side;
use crate::stats::{allowed_loss, difference, number};
use crate::sweep::merge::PointResult;

pub(super) const TABLE: Table<PointResult> = Table {
    file: "differences.csv",
    row: "pair of points that are neighbours along an axis of the sweep, all else being equal; the columns above are the first point's",
    columns: &[
        Column { name: "axis", meaning: "the column in which they differ" },
        Column { name: "from", meaning: "its value at the first point" },
        Column { name: "to", meaning: "its value at the second" },
        Column { name: "to_config_hash", meaning: "hash of the second point" },
        Column { name: "chips", meaning: "chips that both have; the same number is the same chip where both have the same cells" },
        Column { name: "accuracy_diff_mean_frac", meaning: "mean over chips of the second point's accuracy minus the first's" },
        Column { name: "accuracy_diff_mean_lo95_frac", meaning: "lower end of its 95 % interval, from the differences of each chip" },
        Column { name: "accuracy_diff_mean_hi95_frac", meaning: "upper end" },
        Column { name: "variance_ratio", meaning: "variance of the mean difference against that of two points with chips of their own; below 1 the same chips pay" },
        Column { name: "yield_diff_frac", meaning: "second yield minus first (of the first chips of antithetic pairs)" },
        Column { name: "yield_diff_lo95_frac", meaning: "lower end of its 95 % interval for paired shares (Newcombe 1998, method 10)" },
        Column { name: "yield_diff_hi95_frac", meaning: "upper end" },
    ],
    rows,
};

fn rows(points: &[PointResult]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (of, first) in points.iter().enumerate() {
        let mut seen: Vec<&str> = Vec::new();
        for second in &points[of + 1..] {
            let Some(axis) = axis(first, second) else { continue };
            if seen.contains(&axis) {
                continue; // not the next one
            }
            seen.push(axis);
            rows.extend(row(first, second, axis).map(|values| Row { of, values }));
        }
    }
    rows
}

/// The column in which two points of the same chips differ, if it is one. A column without a value at one of them (a range
/// beside a lossless converter) follows from another and does not count.
fn axis<'a>(first: &'a PointResult, second: &PointResult) -> Option<&'a str> {
    if first.point.seed != second.point.seed {
        return None;
    }
    let pairs = first.point.columns.iter().zip(&second.point.columns);
    let mut differing = pairs.filter(|(a, b)| a.1 != b.1 && !a.1.is_empty() && !b.1.is_empty()).map(|(a, _)| a.0.as_str());
    let axis = differing.next()?;
    // Whether chips come in pairs is no property of a crossbar.
    (differing.next().is_none() && axis != "antithetic").then_some(axis)
}

fn row(first: &PointResult, second: &PointResult, axis: &str) -> Option<Vec<String>> {
    let counts = |p: &PointResult| p.trials.iter().map(|t| t.correct).collect::<Vec<u64>>();
    let (a, b) = (counts(first), counts(second));
    let side = |p: &PointResult, correct| Side {
        correct,
        images: p.point.images,
        least: p.references.quantised_correct.saturating_sub(allowed_loss(p.point.max_drop, p.point.images)),
    };
    let d = difference(&side(first, &a), &side(second, &b), first.point.chips())?;
    let mut row = vec![axis.to_string(), first.point.value(axis).into(), second.point.value(axis).into(), second.point.short().into(), d.chips.to_string()];
    row.push(number(d.mean));
    row.extend(ends(d.mean_interval));
    row.push(d.variance_ratio.map(number).unwrap_or_default());
    row.push(number(d.yield_diff));
    row.extend(ends(Some(d.yield_interval)));
    Some(row)
}
