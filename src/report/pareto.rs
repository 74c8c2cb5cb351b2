//! The tables of `bwq pareto` and its answer for a program to read: a row for each point, and one for each point and component set.

use super::{Column, OfPoint, Table, each, ends, frac, provenance, write_table};
use crate::config::Choice;
use crate::config::pareto::{Figure, ParetoConfig};
use crate::error::{Error, Result};
use crate::pareto::knee::AgainstPaper;
use crate::pareto::price::PointCost;
use crate::pareto::{Found, ParetoPoint};
use crate::stats::{YieldTest, number};
use crate::sweep::manifest::ManifestPoint;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

impl OfPoint for ParetoPoint {
    fn point(&self) -> &ManifestPoint {
        &self.point
    }
}

/// A row for each point.
pub const POINTS: Table<ParetoPoint> = Table {
    file: "pareto.csv",
    row: "point of `bwq pareto`, in the order of the sweep",
    columns: &[
        Column { name: "variant", meaning: "name of the table of `pareto.variants` that the point is from; empty without one" },
        Column { name: "float_accuracy_frac", meaning: "accuracy of the float network on the same images" },
        Column { name: "quantised_accuracy_frac", meaning: "accuracy of the quantised network in digital arithmetic" },
        Column { name: "nominal_crossbar_accuracy_frac", meaning: "accuracy of the crossbar as configured, without random errors" },
        Column { name: "least_accuracy_frac", meaning: "what a passing chip reaches: max_drop_frac below the accuracy that `pareto.drop_from` names" },
        Column { name: "mean_chips", meaning: "chips of the mean, the first ones; 1 where every chip is the same; empty without chips" },
        Column { name: "accuracy_mean_frac", meaning: "their mean accuracy" },
        Column { name: "accuracy_mean_lo95_frac", meaning: "lower end of its 95 % interval (hull of Student t and Hall 1992, these images)" },
        Column { name: "accuracy_mean_hi95_frac", meaning: "upper end" },
        Column { name: "verdict", meaning: "pass, fail, undecided (as many chips as allowed do not tell), or skipped (a cheaper point had passed)" },
        Column { name: "skipped_for", meaning: "config_hash of that cheaper point" },
        Column { name: "chips", meaning: "chips until the verdict (beta-mixture martingale, looked at after every chip)" },
        Column { name: "chips_failed", meaning: "of these, how many were below least_accuracy_frac" },
        Column { name: "yield_frac", meaning: "share of these chips that passed" },
        Column { name: "yield_lo_frac", meaning: "lower end of the yields left possible, valid whenever one stops; alone it holds at the confidence" },
        Column { name: "yield_hi_frac", meaning: "upper end, alike" },
        Column { name: "adc_resolution_bits", meaning: "bits of the converters, of the engine and of the cost model" },
        Column { name: "mean_bits", meaning: "mean bits of a weight, signs apart" },
        Column { name: "energy_min_pj", meaning: "energy of an image, leakage included: least over the component sets that have a price for the point" },
        Column { name: "energy_max_pj", meaning: "greatest" },
        Column { name: "latency_min_ns", meaning: "time of an image, layers one after another: least" },
        Column { name: "latency_max_ns", meaning: "greatest" },
        Column { name: "area_min_um2", meaning: "area of the crossbars that hold the network and of all beside them, on `cost.design`: least" },
        Column { name: "area_max_um2", meaning: "greatest" },
        Column { name: "sets_priced", meaning: "how many component sets those are" },
        Column { name: "on_front", meaning: "true if the point is on the front, by mean accuracies, under at least one of them (src/pareto/front.rs)" },
        Column { name: "on_front_sets", meaning: "under how many" },
        Column { name: "may_be_on_front_sets", meaning: "under how many the intervals of the means do not show that it is off" },
        Column { name: "crossbars", meaning: "crossbars, copies included" },
        Column { name: "conversions_per_image", meaning: "conversions that the engine makes" },
        Column { name: "adc_conversions", meaning: "conversions that are charged: those of idle bitlines of an OU, too" },
    ],
    rows: |points| points.iter().enumerate().map(|(of, p)| super::Row { of, values: row(p, points) }).collect(),
};

/// A row for each point and component set.
pub const SETS: Table<ParetoPoint> = Table {
    file: "pareto_sets.csv",
    row: "point of `bwq pareto` and component set that has a price for it",
    columns: &[
        Column { name: "variant", meaning: "as in pareto.csv" },
        Column { name: "components", meaning: "the component set" },
        Column { name: "energy_pj", meaning: "energy of an image, leakage included" },
        Column { name: "latency_ns", meaning: "time of an image, layers one after another" },
        Column { name: "area_um2", meaning: "area of the crossbars that hold the network and of all beside them, on `cost.design`" },
        Column { name: "on_front", meaning: "true if no point that costs no more has a mean accuracy as high" },
        Column { name: "may_be_on_front", meaning: "true unless a point that costs no more has the lower end of its mean's interval at or above this one's upper end" },
    ],
    rows: |points| each(points, set_rows),
};

const FIGURES: [Figure; 3] = [Figure::Energy, Figure::Latency, Figure::Area];

fn row(p: &ParetoPoint, all: &[ParetoPoint]) -> Vec<String> {
    let (r, images) = (&p.references, p.point.images);
    let mut row = vec![p.variant.clone()];
    row.extend([r.float_correct, r.quantised_correct, r.nominal_correct, p.least_correct].map(|correct| frac(correct, images)));
    match &p.chips {
        Some(c) => {
            row.extend([c.mean_chips.to_string(), number(c.mean)]);
            row.extend(ends(Some(c.interval)));
        }
        None => row.extend([const { String::new() }; 4]),
    }
    row.push(p.verdict_word().into());
    row.push(p.skipped_for.map(|i| all[i].point.short().to_string()).unwrap_or_default());
    match &p.chips {
        Some(c) => {
            let d = &c.answer.decision;
            row.extend([d.chips.to_string(), (d.chips - d.passing).to_string(), frac(d.passing, d.chips)]);
            row.extend(ends(Some(c.answer.interval)));
        }
        None => row.extend([const { String::new() }; 5]),
    }
    row.extend([p.cost.adc_bits.to_string(), number(p.cost.mean_bits)]);
    for figure in FIGURES {
        row.extend(p.cost.band(figure).map_or_else(Default::default, |b| [number(b.min), number(b.max)]));
    }
    row.extend([p.cost.sets.len().to_string(), (p.on_front_sets() > 0).to_string(), p.on_front_sets().to_string(), p.may_be_on_front_sets().to_string()]);
    row.extend([p.cost.crossbars, r.conversions_per_image, p.cost.adc_conversions].map(|n| n.to_string()));
    row
}

fn set_rows(p: &ParetoPoint) -> Vec<Vec<String>> {
    let of_set = |c: &crate::pareto::price::SetCost| {
        let place = p.places.iter().find(|(set, _)| *set == c.set).map(|(_, place)| *place).unwrap_or_default();
        let mut row = vec![p.variant.clone(), c.set.clone()];
        row.extend([c.energy_pj, c.latency_ns, c.area_um2].map(number));
        row.extend([place.on, place.may_be].map(|b| b.to_string()));
        row
    };
    p.cost.sets.iter().map(of_set).collect()
}

/// The answer for a program to read.
///
/// # Errors
/// None that a user could cause.
pub fn json(found: &Found, settings: &ParetoConfig) -> Result<String> {
    let figures = |cost: &PointCost| -> Value {
        let set = |s: &crate::pareto::price::SetCost| json!({ "components": s.set, "energy_pj": s.energy_pj, "latency_ns": s.latency_ns, "area_um2": s.area_um2 });
        cost.sets.iter().map(set).collect::<Vec<_>>().into()
    };
    let point = |p: &ParetoPoint| -> Value {
        let frac = |correct: u64| correct as f64 / p.point.images.max(1) as f64;
        let chips = p.chips.as_ref().map(|c| {
            let d = &c.answer.decision;
            json!({
                "mean_chips": c.mean_chips, "accuracy_mean_frac": c.mean, "accuracy_mean_lo95_frac": c.interval.lo, "accuracy_mean_hi95_frac": c.interval.hi,
                "chips": d.chips, "chips_failed": d.chips - d.passing, "yield_lo_frac": c.answer.interval.lo, "yield_hi_frac": c.answer.interval.hi, "every_chip_is_the_same": c.answer.deterministic,
            })
        });
        let fronts: Vec<Value> = p.places.iter().map(|(set, place)| json!({ "components": set, "on_front": place.on, "may_be_on_front": place.may_be })).collect();
        json!({
            "config_hash": p.point.short(), "seed": p.point.seed, "variant": p.variant, "values": p.point.columns.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "float_accuracy_frac": frac(p.references.float_correct), "quantised_accuracy_frac": frac(p.references.quantised_correct), "nominal_crossbar_accuracy_frac": frac(p.references.nominal_correct),
            "least_accuracy_frac": frac(p.least_correct), "verdict": p.verdict_word(), "skipped_for": p.skipped_for.map(|i| found.points[i].point.short().to_string()), "on_chips": chips,
            "adc_resolution_bits": p.cost.adc_bits, "mean_bits": p.cost.mean_bits, "crossbars": p.cost.crossbars, "conversions_per_image": p.references.conversions_per_image, "adc_conversions": p.cost.adc_conversions,
            "costs": figures(&p.cost), "unpriced": p.cost.silent.iter().map(|(set, why)| json!({ "components": set, "why": why })).collect::<Vec<_>>(), "fronts": fronts,
        })
    };
    let hash = |index: usize| found.points[index].point.short().to_string();
    let against = |a: &AgainstPaper| json!({ "config_hash": hash(a.point), "costs": figures(&a.cost), "paper_config_hash": a.paper.map(hash), "paper_verdict": a.paper.map(|i| found.points[i].verdict_word()) });
    let whole = json!({
        "format": "bwq-pareto-1",
        "tool_version": env!("CARGO_PKG_VERSION"),
        "question": question(settings),
        "method": YieldTest::METHOD,
        "knees": found.knees.iter().map(|k| json!({ "components": k.set, "config_hash": k.point.map(hash) })).collect::<Vec<_>>(),
        "against_papers_ou": found.against_paper.iter().map(against).collect::<Vec<_>>(),
        "assumptions": found.assumptions,
        "points": found.points.iter().map(point).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&whole).map_err(|e| Error::internal(e.to_string()))? + "\n")
}

fn question(settings: &ParetoConfig) -> Value {
    json!({
        "minimize": settings.minimize.iter().map(|f| f.word()).collect::<Vec<_>>(), "yield_frac": settings.test.yield_frac, "confidence": settings.test.confidence,
        "mean_chips": settings.mean_chips, "drop_from": settings.drop_from.word(), "skip_dominated": settings.skip_dominated,
    })
}

/// Writes both tables, each with its provenance, and the answer as JSON into the results folder; returns the files.
///
/// # Errors
/// What cannot be written.
pub fn write(out: &Path, found: &Found, settings: &ParetoConfig, command: &[String]) -> Result<Vec<PathBuf>> {
    let of: Vec<&ManifestPoint> = found.points.iter().map(|p| &p.point).collect();
    let internal = |e: serde_json::Error| Error::internal(e.to_string());
    let mut value: Value = serde_json::from_str(&provenance::text(out, &of, &found.engines, 0)?).map_err(internal)?;
    (value["question"], value["command"], value["assumptions"]) = (question(settings), json!(command), json!(found.assumptions));
    let text = serde_json::to_string_pretty(&value).map_err(internal)? + "\n";
    let mut files = Vec::new();
    for table in [&POINTS, &SETS] {
        files.extend(write_table(out, table, &found.points, &text)?);
    }
    let answer = out.join("pareto.json");
    crate::sweep::atomic::write(&answer, json(found, settings)?.as_bytes())?;
    files.push(answer);
    Ok(files)
}
