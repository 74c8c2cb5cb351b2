//! Writes the tables of this experiment into the folder given; `experiments/coverage/run.sh` calls it.

mod simulate;

use bwq::stats::{YieldTest, clopper_pearson, number, wilson};
use simulate::{Boundaries, Law, coarse_laws, laws, mean_coverage, stopped_coverage};
use std::path::Path;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let out = std::env::args().nth(1).ok_or("usage: coverage RESULTS_FOLDER")?;
    let out = Path::new(&out);
    std::fs::create_dir_all(out)?;
    let mut all = laws();
    all.extend(measured()?);
    means(&out.join("means.csv"), all.iter().chain(&coarse_laws()))?;
    stopping(&out.join("stopping.csv"), &all)?;
    shares(&out.join("shares.csv"))?;
    check(&out.join("check.csv"))
}

/// Accuracies of a thousand chips each, as `bwq run` measured them.
fn measured() -> Result<Vec<Law>, Box<dyn std::error::Error>> {
    let mut reader = csv::Reader::from_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("results/ou_limit/thousand_chips/trials.csv"))?;
    let headers = reader.headers()?.clone();
    let column = |name: &str| headers.iter().position(|h| h == name).ok_or(format!("no column {name}"));
    let (sigma, correct, images) = (column("sigma_ln")?, column("correct")?, column("images")?);
    let mut laws: Vec<(String, u64, Vec<u32>)> = Vec::new();
    for row in reader.records() {
        let row = row?;
        let name = format!("measured: ResNet-20, 9 wordlines, sigma_ln {}", &row[sigma]);
        if laws.last().is_none_or(|l| l.0 != name) {
            laws.push((name, row[images].parse()?, Vec::new()));
        }
        if let Some(last) = laws.last_mut() {
            last.2.push(row[correct].parse()?);
        }
    }
    let vary = |l: &(String, u64, Vec<u32>)| l.2.iter().any(|c| *c != l.2[0]);
    Ok(laws.into_iter().filter(vary).map(|(name, images, counts)| Law::measured(&name, images, &counts)).collect())
}

fn means<'a>(path: &Path, laws: impl Iterator<Item = &'a Law>) -> Outcome {
    const REPETITIONS: u64 = 20_000;
    let mut csv = csv::Writer::from_path(path)?;
    csv.write_record(["law", "images", "mean_frac", "sd_frac", "chips", "repetitions", "covered_frac"])?;
    for law in laws {
        for chips in [10, 20, 30, 50, 100] {
            let c = mean_coverage(law, chips, REPETITIONS);
            csv.write_record([law.name.clone(), law.images.to_string(), number(law.mean_frac()), number(law.sd_frac()), chips.to_string(), REPETITIONS.to_string(), number(c.covered_frac)])?;
        }
    }
    Ok(csv.flush()?)
}

fn stopping(path: &Path, laws: &[Law]) -> Outcome {
    const REPETITIONS: u64 = 2000;
    let mut csv = csv::Writer::from_path(path)?;
    csv.write_record(["law", "images", "half_width_frac", "block_trials", "chips_if_sd_known", "repetitions", "covered_frac", "chips_mean"])?;
    for law in laws {
        for chips in [32.0, 80.0, 150.0, 400.0] {
            let half_width = 1.959964 * law.sd_frac() / f64::sqrt(chips);
            for block in [1, 16] {
                let c = stopped_coverage(law, half_width, block, REPETITIONS);
                csv.write_record([law.name.clone(), law.images.to_string(), number(half_width), block.to_string(), number(chips), REPETITIONS.to_string(), number(c.covered_frac), number(c.chips_mean)])?;
            }
        }
    }
    Ok(csv.flush()?)
}

/// Exact: summed over all outcomes, least and mean over 999 true shares.
fn shares(path: &Path) -> Outcome {
    let mut csv = csv::Writer::from_path(path)?;
    csv.write_record(["interval", "chips", "covered_least_frac", "covered_mean_frac"])?;
    for n in [10u64, 30, 100, 300, 1000] {
        let ends = |of: &dyn Fn(u64) -> bwq::stats::Interval| (0..=n).map(of).collect::<Vec<_>>();
        for (name, ends) in [("Clopper-Pearson", ends(&|k| clopper_pearson(k, n, 0.95))), ("Wilson", ends(&|k| wilson(k, n)))] {
            let covered: Vec<f64> = (1..1000).map(|i| coverage(n, f64::from(i) / 1000.0, &ends)).collect();
            let least = covered.iter().copied().fold(1.0, f64::min);
            let mean = covered.iter().sum::<f64>() / covered.len() as f64;
            csv.write_record([name.to_string(), n.to_string(), format!("{least:.6}"), format!("{mean:.6}")])?;
        }
    }
    Ok(csv.flush()?)
}

fn coverage(n: u64, p: f64, ends: &[bwq::stats::Interval]) -> f64 {
    // In logarithms: (1 - p)^1000 is no float.
    let mut ln_probability = n as f64 * (1.0 - p).ln();
    let mut covered = 0.0;
    for k in 0..=n {
        let i = ends[k as usize];
        if i.lo <= p && p <= i.hi {
            covered += ln_probability.exp();
        }
        ln_probability += ((n - k) as f64 / (k + 1) as f64 * p / (1.0 - p)).ln();
    }
    covered
}

fn check(path: &Path) -> Outcome {
    const REPETITIONS: u64 = 20_000;
    let mut csv = csv::Writer::from_path(path)?;
    csv.write_record(["yield_asked_frac", "confidence", "chips_most", "yield_true_frac", "decisions", "pass_frac", "fail_frac", "undecided_frac", "wrong_frac", "chips_mean"])?;
    for (yield_frac, confidence) in [(0.99, 0.95), (0.95, 0.95), (0.99, 0.8)] {
        let test = YieldTest { yield_frac, confidence };
        let most = 20 * test.fewest();
        let boundaries = Boundaries::new(&test, most);
        for factor in [3.0, 2.0, 1.5, 1.1, 1.0, 0.9, 0.5, 0.1, 0.0] {
            // As many times the failures allowed: 0.97, 0.98, 0.985, 0.989, 0.99, 0.991, 0.995, 0.999, 1 for 0.99.
            let truth = 1.0 - factor * (1.0 - yield_frac);
            let v = boundaries.decisions(truth, REPETITIONS);
            let wrong = if truth >= yield_frac { v.fail_frac } else { v.pass_frac };
            csv.write_record([number(yield_frac), number(confidence), most.to_string(), format!("{truth:.4}"), REPETITIONS.to_string(), number(v.pass_frac), number(v.fail_frac), number(v.undecided_frac), number(wrong), number(v.chips_mean)])?;
        }
    }
    Ok(csv.flush()?)
}
