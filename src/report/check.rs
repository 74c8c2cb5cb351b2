//! `check.csv`: one row per point of a check.

use super::{Column, Table, each, ends, frac};
use crate::stats::{allowed_loss, binomial_half_width, number};
use crate::sweep::check::PointCheck;

pub(super) const TABLE: Table<PointCheck> = Table {
    file: "check.csv",
    row: "point of `bwq check`, in the order of the tests",
    columns: &[
        Column { name: "yield_asked_frac", meaning: "the share of chips that should keep the accuracy" },
        Column { name: "confidence", meaning: "1 - the greatest probability of a wrong verdict, of either kind" },
        Column { name: "verdict", meaning: "pass, fail, undecided (as many chips as allowed do not tell), or not-reached (a lower ou_wordlines did not pass)" },
        Column { name: "chips", meaning: "chips until the verdict (beta-mixture martingale, looked at after every chip); 1 where every chip is the same" },
        Column { name: "chips_failed", meaning: "of these, how many lost more than max_drop_frac" },
        Column { name: "yield_frac", meaning: "share of these chips that passed" },
        Column { name: "yield_lo_frac", meaning: "lower end of the yields left possible, valid whenever one stops; alone it holds at the confidence" },
        Column { name: "yield_hi_frac", meaning: "upper end, alike" },
        Column { name: "quantised_accuracy_frac", meaning: "accuracy of the quantised network in digital arithmetic, on the same images" },
        Column { name: "nominal_crossbar_accuracy_frac", meaning: "accuracy of the crossbar as configured, without random errors" },
        Column { name: "images_allowed", meaning: "images that a passing chip may lose" },
        Column { name: "test_set_half_width_frac", meaning: "what the number of images adds for the population of images: half width of the 95 % interval (Wilson) of the quantised accuracy" },
        Column { name: "largest_safe_ou_wordlines", meaning: "the largest ou_wordlines that passed, among points that differ in it only; empty if none did" },
    ],
    rows: |points| each(points, rows),
};

fn rows(check: &PointCheck) -> Vec<Vec<String>> {
    let p = &check.point;
    let mut row = vec![number(check.test.yield_frac), number(check.test.confidence)];
    row.push(check.verdict().map_or("not-reached", |v| v.word()).into());
    match &check.answer {
        Some(a) => {
            let d = &a.decision;
            row.extend([d.chips.to_string(), (d.chips - d.passing).to_string(), frac(d.passing, d.chips)]);
            row.extend(ends(Some(a.interval)));
            row.extend([a.references.quantised_correct, a.references.nominal_correct].map(|correct| frac(correct, p.images)));
            row.push(allowed_loss(p.max_drop, p.images).to_string());
            row.push(number(binomial_half_width(a.references.quantised_correct, p.images)));
        }
        None => row.extend([const { String::new() }; 7].into_iter().chain([allowed_loss(p.max_drop, p.images).to_string(), String::new()])),
    }
    row.push(check.largest_safe.clone().unwrap_or_default());
    vec![row]
}
