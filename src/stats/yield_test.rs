//! Is the yield at least y? A test that may look after every chip, so that it stops as soon as the answer is certain.
//!
//! The chips that pass are drawn with an unknown probability p, the yield. Before any chip, p is given a law: density
//! (1 - p)^(-1/2) / 2, cut at y. After k passing chips of n, the evidence that p > y is the mean likelihood ratio over
//! that law,
//!
//! ```text
//!   above(y) = mean over q > y of q^k (1 - q)^(n - k) / (y^k (1 - y)^(n - k)).
//! ```
//!
//! Under any p <= y it is a non-negative supermartingale that starts at 1, so the probability that it *ever* reaches
//! 1/alpha is at most alpha (Ville's inequality; Robbins 1970, "Statistical methods related to the law of the iterated
//! logarithm", Ann. Math. Statist. 41; Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform, nonparametric,
//! nonasymptotic confidence sequences", Ann. Statist. 49). `below(y)` is the mirror image. The verdict is PASS once
//! above(y) >= 1/(1 - confidence), FAIL once below(y) does; whatever p is, only one of the two can be wrong, and it is
//! with probability at most 1 - confidence. All values of y that are not ruled out form the interval: a confidence
//! sequence, each end valid at that confidence whenever one stops.
//!
//! The law has the mass near 1 where yields are; a flawless run then needs some 380 chips for 99 % at 95 % where a test
//! with a number fixed beforehand needs 299. With it, evidence falls in y as long as it is above e (the derivative of its
//! logarithm), so the ends are found by bisection.
//!
//! Logarithms and exponentials are `libm`'s, the same on every machine, and so are verdicts.

use super::interval::Interval;

/// Is the yield at least `yield_frac`, at `confidence`?
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YieldTest {
    /// The yield asked for; strictly between 0 and 1.
    pub yield_frac: f64,
    /// 1 - the greatest probability of a wrong verdict of either kind; from 0.8 to below 1.
    pub confidence: f64,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verdict {
    /// The yield is at least what was asked for.
    Pass,
    /// It is less.
    Fail,
    /// The chips do not tell.
    #[default]
    Undecided,
}

/// The answer and the chips it took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// Chips looked at.
    pub chips: u64,
    /// Chips that passed among them.
    pub passing: u64,
}

impl Verdict {
    /// The verdict in a word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Undecided => "undecided",
        }
    }
}

/// See [`YieldTest::usual_most`].
const USUAL_TIMES_FEWEST: u64 = 20;

impl YieldTest {
    /// The name of the method, for outputs.
    pub const METHOD: &'static str = "beta-mixture martingale, looked at after every chip (Robbins 1970; Howard et al. 2021)";

    /// The answer of `passing` out of `chips`.
    pub fn verdict(&self, passing: u64, chips: u64) -> Verdict {
        let (above, below) = evidence(self.yield_frac, passing, chips);
        if above >= self.certain() {
            Verdict::Pass
        } else if below >= self.certain() {
            Verdict::Fail
        } else {
            Verdict::Undecided
        }
    }

    /// What is known after one more chip.
    pub fn look(&self, before: Decision, pass: bool) -> Decision {
        let (chips, passing) = (before.chips + 1, before.passing + u64::from(pass));
        Decision { verdict: self.verdict(passing, chips), chips, passing }
    }

    /// The answer at the first chip that gives one; chips after it do not count.
    pub fn decide(&self, passes: impl IntoIterator<Item = bool>) -> Decision {
        let mut so_far = Decision::default();
        for pass in passes {
            so_far = self.look(so_far, pass);
            if so_far.verdict != Verdict::Undecided {
                break;
            }
        }
        so_far
    }

    /// The yields that `passing` out of `chips` leave possible; each end alone holds at the confidence.
    pub fn interval(&self, passing: u64, chips: u64) -> Interval {
        let certain = self.certain();
        let lo = if passing == 0 { 0.0 } else { bisect(|p| evidence(p, passing, chips).0 >= certain) };
        let hi = if passing == chips { 1.0 } else { bisect(|p| evidence(p, passing, chips).1 < certain) };
        let estimate = if chips == 0 { 0.5 } else { passing as f64 / chips as f64 };
        Interval::tidy(lo, hi, estimate, 0.0, 1.0)
    }

    /// Chips that a test needs at least, all passing, if their number is fixed beforehand: ln(1 - c) / ln(y).
    pub fn fewest_fixed(&self) -> u64 {
        let chips = libm::log1p(-self.confidence) / libm::log(self.yield_frac);
        // A quotient that should be whole may lie a little above it.
        (chips - 1e-9).ceil().max(1.0) as u64
    }

    /// Chips allowed where nobody says how many: so many times the fewest that yields with half and with twice the failures allowed
    /// are told apart in 98 % of tests (`experiments/coverage`).
    pub fn usual_most(&self) -> u64 {
        USUAL_TIMES_FEWEST * self.fewest()
    }

    /// Chips that this test needs at least to pass.
    pub fn fewest(&self) -> u64 {
        let passes = |n: u64| self.verdict(n, n) == Verdict::Pass;
        let mut most = self.fewest_fixed();
        while !passes(most) {
            most *= 2;
        }
        let mut least = most / 2;
        while most - least > 1 {
            let middle = least + (most - least) / 2;
            if passes(middle) { most = middle } else { least = middle }
        }
        most
    }

    fn certain(&self) -> f64 {
        1.0 / (1.0 - self.confidence)
    }
}

/// The p in (0, 1) up to which `holds` is true.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut lo, mut hi) = (0.0, 1.0);
    // 2^-45: finer than the ends are rounded, and the middle is never 0 or 1.
    for _ in 0..45 {
        let middle = 0.5 * (lo + hi);
        if holds(middle) { lo = middle } else { hi = middle }
    }
    0.5 * (lo + hi)
}

/// Evidence that the yield is above `p`, and below: see the head of this module.
///
/// The mean over all q without a cut is B(1 + k, 1/2 + n - k) / 2 over the likelihood at p; the incomplete beta function
/// gives the part on the side of p that has less, and the other is the rest.
fn evidence(p: f64, passing: u64, chips: u64) -> (f64, f64) {
    let (k, failing) = (passing as f64, (chips - passing) as f64);
    let (a, b) = (1.0 + k, 0.5 + failing);
    let rest = 1.0 - p;
    let ln_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let whole = libm::exp(ln_beta - k * libm::log(p) - failing * libm::log(rest));
    // B_p(a, b) = p^a (1 - p)^b / a times a continued fraction, and the likelihood takes its powers away.
    let scale = p * rest.sqrt();
    let (above, below) = if p < (a + 1.0) / (a + b + 2.0) {
        let below = scale / a * fraction(a, b, p);
        ((whole - below).max(0.0), below)
    } else {
        let above = scale / b * fraction(b, a, rest);
        (above, (whole - above).max(0.0))
    };
    let of_law_above = rest.sqrt();
    (0.5 * above / of_law_above, 0.5 * below / (1.0 - of_law_above))
}

/// The continued fraction of the incomplete beta function (Press et al., "Numerical Recipes", 3rd ed., 6.4), by the
/// modified Lentz algorithm; it takes some sqrt(a + b) rounds.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const LEAST: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < LEAST { LEAST } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for i in 1..100_000 {
        let m = f64::from(i);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            step = c * d;
            value *= step;
        }
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: YieldTest = YieldTest { yield_frac: 0.99, confidence: 0.95 };

    /// Against the midpoint rule over the law.
    #[test]
    fn evidence_is_the_mean_likelihood_ratio() {
        for (p, k, n) in [(0.99, 0, 0), (0.99, 300, 300), (0.99, 280, 300), (0.9, 45, 60), (0.5, 3, 4), (0.3, 0, 5), (0.95, 990, 1000)] {
            let (mut above, mut below) = ([0.0; 2], [0.0; 2]);
            // With q = 1 - u^2 the law is uniform in u.
            let steps = 400_000;
            for i in 0..steps {
                let u = (f64::from(i) + 0.5) / f64::from(steps);
                let q = 1.0 - u * u;
                let ratio = ((k as f64) * (q / p).ln() + (n - k) as f64 * ((1.0 - q) / (1.0 - p)).ln()).exp();
                let side = if q > p { &mut above } else { &mut below };
                side[0] += ratio;
                side[1] += 1.0;
            }
            let (a, b) = evidence(p, k, n);
            for (got, mean) in [(a, above[0] / above[1]), (b, below[0] / below[1])] {
                assert!((got / mean - 1.0).abs() < 1e-3, "{p} {k} of {n}: {got} {mean}");
            }
        }
    }

    #[test]
    fn how_many_chips_a_flawless_run_needs() {
        assert_eq!(TEST.fewest_fixed(), 299);
        let fewest = TEST.fewest();
        assert!((370..400).contains(&fewest), "{fewest}");
        assert_eq!(TEST.decide(std::iter::repeat_n(true, 1000)), Decision { verdict: Verdict::Pass, chips: fewest, passing: fewest });
        assert_eq!(YieldTest { yield_frac: 0.9, confidence: 0.9 }.fewest_fixed(), 22);
        assert_eq!(TEST.decide([false; 10]).verdict, Verdict::Fail);
        assert_eq!(TEST.decide([true; 10]).verdict, Verdict::Undecided);
        // Millions of chips neither overflow nor take long.
        assert_eq!(TEST.verdict(9_850_000, 10_000_000), Verdict::Fail);
        assert_eq!(TEST.verdict(9_950_000, 10_000_000), Verdict::Pass);
        assert_eq!(TEST.verdict(9_900_000, 10_000_000), Verdict::Undecided);
    }

    /// The interval says what the verdict says.
    #[test]
    fn interval_and_verdict_agree() {
        for confidence in [0.8, 0.95, 0.999] {
            for yield_frac in [0.5, 0.9, 0.99] {
                let test = YieldTest { yield_frac, confidence };
                for n in [1u64, 2, 5, 17, 60, 300, 1000] {
                    for k in (0..=n).step_by(1.max(n as usize / 60)).chain([n]) {
                        let i = test.interval(k, n);
                        let verdict = test.verdict(k, n);
                        let near = [i.lo, i.hi].iter().any(|end| (end - yield_frac).abs() < 1e-8);
                        assert!(near || (verdict == Verdict::Pass) == (i.lo > yield_frac), "{k} of {n}: {i:?} {verdict:?}");
                        assert!(near || (verdict == Verdict::Fail) == (i.hi < yield_frac), "{k} of {n}: {i:?} {verdict:?}");
                        assert!(i.lo <= k as f64 / n as f64 && k as f64 / n as f64 <= i.hi);
                    }
                }
            }
        }
        assert_eq!(TEST.interval(0, 0), Interval { lo: 0.0, hi: 1.0 });
    }

    /// Probabilities of (PASS, FAIL) within `most` chips of yield `p`, exactly: the law of the number of failures among
    /// the runs that go on, chip by chip.
    fn verdicts(test: &YieldTest, p: f64, most: u64) -> (f64, f64) {
        let mut going = vec![1.0];
        let (mut pass, mut fail) = (0.0, 0.0);
        for n in 1..=most {
            let mut next = vec![0.0; going.len() + 1];
            for (failures, share) in going.iter().enumerate() {
                next[failures] += share * p;
                next[failures + 1] += share * (1.0 - p);
            }
            for (failures, share) in next.iter_mut().enumerate().filter(|(_, share)| **share > 0.0) {
                match test.verdict(n - failures as u64, n) {
                    Verdict::Pass => pass += std::mem::take(share),
                    Verdict::Fail => fail += std::mem::take(share),
                    Verdict::Undecided => {}
                }
            }
            while next.last() == Some(&0.0) {
                next.pop();
            }
            going = next;
        }
        (pass, fail)
    }

    /// A wrong verdict is at most as likely as stated, at the yield where it is likeliest; a right one is likely.
    #[test]
    fn errors_are_at_most_as_likely_as_stated() {
        for (yield_frac, confidence) in [(0.99, 0.95), (0.9, 0.9), (0.5, 0.8)] {
            let test = YieldTest { yield_frac, confidence };
            let (pass, fail) = verdicts(&test, yield_frac, 2000);
            assert!(pass <= 1.0 - confidence && fail <= 1.0 - confidence, "{yield_frac}: PASS {pass}, FAIL {fail}");
            assert!(pass + fail > 0.3 * (1.0 - confidence), "not idle: PASS {pass}, FAIL {fail}");
        }
        assert!(verdicts(&TEST, 0.97, 2000).1 > 0.99);
        assert!(verdicts(&TEST, 0.999, 2000).0 > 0.95);
    }
}
