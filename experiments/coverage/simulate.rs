//! Do intervals cover and verdicts err as often as they say? Repetitions on laws whose truth is known.
//!
//! Used by `experiments/coverage/main.rs`, which writes the tables, and by `tests/coverage.rs`, which repeats less.

use bwq::rng::PhiloxStream;
use bwq::stats::{Chips, Sample, Verdict, YieldTest, half_width};
use rand::RngExt;
use rayon::prelude::*;
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

/// A law of the count of correct images, as a table of equally likely values.
pub struct Law {
    pub name: String,
    pub images: u64,
    values: Vec<u32>,
}

const CELLS: usize = 1 << 16;

impl Law {
    /// From its quantiles; counts are rounded and cut to what is possible.
    pub fn new(name: &str, images: u64, quantile: impl Fn(f64) -> f64) -> Self {
        let value = |i: usize| quantile((i as f64 + 0.5) / CELLS as f64).round().clamp(0.0, images as f64) as u32;
        Law { name: name.into(), images, values: (0..CELLS).map(value).collect() }
    }

    /// From measured chips.
    pub fn measured(name: &str, images: u64, counts: &[u32]) -> Self {
        Law { name: name.into(), images, values: counts.to_vec() }
    }

    pub fn mean_frac(&self) -> f64 {
        self.values.iter().map(|&v| f64::from(v)).sum::<f64>() / self.values.len() as f64 / self.images as f64
    }

    pub fn sd_frac(&self) -> f64 {
        let mean = self.mean_frac();
        let square = |&v: &u32| (f64::from(v) / self.images as f64 - mean).powi(2);
        (self.values.iter().map(square).sum::<f64>() / self.values.len() as f64).sqrt()
    }

    fn draw(&self, rng: &mut PhiloxStream) -> u64 {
        u64::from(self.values[rng.random_range(0..self.values.len())])
    }
}

fn normal(u: f64) -> f64 {
    Normal::standard().inverse_cdf(u)
}

/// Laws with closed forms: normal, skewed to the left (as accuracies are), heavy-tailed, discrete.
pub fn laws() -> Vec<Law> {
    let student = StudentsT::new(0.0, 1.0, 5.0).expect("a law");
    let binomial = |p, n| Binomial::new(p, n).expect("a law");
    vec![
        Law::new("normal", 10_000, |u| 9000.0 + 100.0 * normal(u)),
        Law::new("skewed: minus lognormal, sigma 0.5", 10_000, |u| 9500.0 - 200.0 * (0.5 * normal(u)).exp()),
        Law::new("skewed: minus exponential", 10_000, |u| 9500.0 + 200.0 * u.ln()),
        Law::new("heavy-tailed: Student t, 5 degrees", 10_000, |u| 8000.0 + 100.0 * student.inverse_cdf(u)),
        Law::new("uniform", 10_000, |u| 8000.0 + 1000.0 * u),
        Law::new("binomial, 1000 images, 0.9", 1000, |u| binomial(0.9, 1000).inverse_cdf(u) as f64),
        Law::new("binomial, 100 images, 0.98", 100, |u| binomial(0.98, 100).inverse_cdf(u) as f64),
    ]
}

/// A law whose chips differ by less than an image: no interval of the mean covers as stated at few chips.
pub fn coarse_laws() -> Vec<Law> {
    let binomial = |p, n| Binomial::new(p, n).expect("a law");
    vec![
        Law::new("coarse: binomial, 30 images, 0.99", 30, |u| binomial(0.99, 30).inverse_cdf(u) as f64),
        Law::new("coarse: binomial, 10 images, 0.95", 10, |u| binomial(0.95, 10).inverse_cdf(u) as f64),
    ]
}

/// Coverage of the truth, and a mean number of chips.
#[derive(Debug, Clone, Copy)]
pub struct Coverage {
    pub covered_frac: f64,
    pub chips_mean: f64,
}

fn repeat(repetitions: u64, seed: u64, one: impl Fn(&mut PhiloxStream) -> (bool, u64) + Sync) -> Coverage {
    let each = |r| one(&mut PhiloxStream::new(seed << 32 | r));
    let (covered, chips) = (0..repetitions).into_par_iter().map(each).map(|(c, n)| (u64::from(c), n)).reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    Coverage { covered_frac: covered as f64 / repetitions as f64, chips_mean: chips as f64 / repetitions as f64 }
}

fn covers(law: &Law, counts: &[u64], truth: f64) -> bool {
    let sample = Sample::of(counts.iter().map(|&c| c as i64)).expect("chips");
    // Ends are rounded to 1e-9.
    sample.mean_interval(law.images as f64, 0.0, 1.0).is_some_and(|i| i.lo - 1e-9 <= truth && truth <= i.hi + 1e-9)
}

/// The 95 % interval of the mean of `chips` chips.
pub fn mean_coverage(law: &Law, chips: u64, repetitions: u64) -> Coverage {
    let truth = law.mean_frac();
    repeat(repetitions, chips, |rng| {
        let counts: Vec<u64> = (0..chips).map(|_| law.draw(rng)).collect();
        (covers(law, &counts, truth), chips)
    })
}

/// The same where chips are taken in blocks until the interval is as narrow as `--half-width` asks for.
pub fn stopped_coverage(law: &Law, half_width_frac: f64, block: u64, repetitions: u64) -> Coverage {
    let truth = law.mean_frac();
    repeat(repetitions, block, |rng| {
        let mut counts = Vec::new();
        while !half_width::reached(half_width_frac, &counts, law.images, Chips::Independent) {
            counts.extend((0..block).map(|_| law.draw(rng)));
        }
        (covers(law, &counts, truth), counts.len() as u64)
    })
}

/// How often `check` says what.
#[derive(Debug, Clone, Copy)]
pub struct Verdicts {
    pub pass_frac: f64,
    pub fail_frac: f64,
    pub undecided_frac: f64,
    pub chips_mean: f64,
}

/// For each number of chips, up to how many failures it is a PASS, and from how many on a FAIL.
pub struct Boundaries(Vec<(Option<u64>, u64)>);

impl Boundaries {
    pub fn new(test: &YieldTest, most: u64) -> Self {
        let (mut pass, mut fail) = (None, 0);
        let bounds = (1..=most).map(|n| {
            let verdict = |failures: u64| test.verdict(n - failures, n);
            // Both rise with the number of chips.
            while pass.map_or(0, |f: u64| f + 1) <= n && verdict(pass.map_or(0, |f| f + 1)) == Verdict::Pass {
                pass = Some(pass.map_or(0, |f| f + 1));
            }
            while fail <= n && verdict(fail) != Verdict::Fail {
                fail += 1;
            }
            (pass, fail)
        });
        Boundaries(bounds.collect())
    }

    /// Decisions about chips that pass with probability `yield_frac`.
    pub fn decisions(&self, yield_frac: f64, repetitions: u64) -> Verdicts {
        let one = |r: u64| {
            let mut rng = PhiloxStream::new(1 << 63 | r);
            let mut failures = 0;
            for (n, (pass, fail)) in self.0.iter().enumerate() {
                failures += u64::from(rng.random::<f64>() >= yield_frac);
                if pass.is_some_and(|f| failures <= f) {
                    return [1, 0, n as u64 + 1];
                }
                if failures >= *fail {
                    return [0, 1, n as u64 + 1];
                }
            }
            [0, 0, self.0.len() as u64]
        };
        let [pass, fail, chips] = (0..repetitions).into_par_iter().map(one).reduce(|| [0; 3], |a, b| [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
        let frac = |count: u64| count as f64 / repetitions as f64;
        Verdicts { pass_frac: frac(pass), fail_frac: frac(fail), undecided_frac: frac(repetitions - pass - fail), chips_mean: frac(chips) }
    }
}
