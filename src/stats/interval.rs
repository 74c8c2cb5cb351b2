//! Confidence intervals: of a mean, of a share (Clopper-Pearson, Wilson).
//!
//! Accuracies of chips are skewed to the left, the more the nearer they come to the network's own. Student's t then
//! covers 90 to 93 % in place of 95 % at ten chips; the t interval after a transformation that takes the skewness away
//! (Hall 1992, "On the removal of skewness by transformation", J. R. Statist. Soc. B 54, 221-228) covers these, but too
//! little for tails on both sides. The interval of a mean is the hull of the two: at 10 to 100 chips it covers 93.5 to
//! 96.5 % for normal, skewed, heavy-tailed and measured accuracies (`experiments/coverage`). Where the chips' counts
//! differ by less than about an image, the few values they can have decide: there it covers 89 to 99 % below 30 chips,
//! and no method does better.
//!
//! The ends of an interval pass through incomplete beta functions, which call the platform's `ln` and
//! `exp`; their last bits may differ between machines. Ends are therefore rounded to 1e-9, far below
//! what any number of trials resolves, so that CSVs compare byte for byte.

use statrs::distribution::{Beta, Continuous, ContinuousCDF, StudentsT};

/// 97.5 % quantile of the standard normal distribution.
const NORMAL_975: f64 = 1.959963984540054;

/// A two-sided confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Interval {
    /// Rounds both ends, clips them to `[least, most]` and keeps `estimate` inside, which rounding
    /// could leave out by half a unit.
    pub(super) fn tidy(lo: f64, hi: f64, estimate: f64, least: f64, most: f64) -> Self {
        Interval {
            lo: rounded(lo).clamp(least, most).min(estimate),
            hi: rounded(hi).clamp(least, most).max(estimate),
        }
    }
}

/// To the nearest multiple of 1e-9; see the head of this module.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// What an interval of a mean needs to know of `n` independent values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanOf {
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n - 1).
    pub sd: f64,
    /// Skewness m3 / m2^(3/2); 0 where the values do not differ.
    pub skewness: f64,
    /// How many values.
    pub n: u64,
}

/// Interval of a mean, clipped to `[least, most]`, the range the mean can have at all: the hull of mean +- t sd /
/// sqrt(n) and of Hall's interval; see the head of this module.
///
/// None if n < 2: one value says nothing about the spread. `confidence` lies strictly between 0 and 1.
pub fn of_mean(of: &MeanOf, confidence: f64, least: f64, most: f64) -> Option<Interval> {
    if of.n < 2 {
        return None;
    }
    let t = t_quantile(0.5 + confidence / 2.0, (of.n - 1) as f64)?;
    let error = of.sd / (of.n as f64).sqrt();
    let below = error * t.max(studentized(t, of));
    let above = error * t.max(-studentized(-t, of));
    Some(Interval::tidy(of.mean - below, of.mean + above, of.mean, least, most))
}

/// The studentized mean at which Hall's transformed one is `y`: 3 sqrt(n)/g ((1 + g/sqrt(n) (y - g/(6 sqrt(n))))^(1/3) - 1)
/// with the skewness g.
fn studentized(y: f64, of: &MeanOf) -> f64 {
    let g = of.skewness / (of.n as f64).sqrt();
    // So small a skewness moves no end by as much as its rounding.
    if g.abs() < 1e-7 { y } else { 3.0 / g * (libm::cbrt(1.0 + g * (y - g / 6.0)) - 1.0) }
}

/// Quantile of Student's t. One Newton step on the distribution function follows the library's value,
/// which for 1e5 degrees of freedom and more is right to five digits only.
fn t_quantile(p: f64, freedom: f64) -> Option<f64> {
    let law = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let t = law.inverse_cdf(p);
    Some(t - (law.cdf(t) - p) / law.pdf(t))
}

/// Clopper-Pearson interval of a share, `successes` out of `n`: lo is the (1 - c)/2 quantile of
/// Beta(k, n - k + 1), hi the (1 + c)/2 quantile of Beta(k + 1, n - k), c = `confidence`
/// (strictly between 0 and 1).
///
/// Exact: it covers the true share with at least that confidence, whatever the share. One end alone is
/// a bound of confidence (1 + c)/2. Without trials it is `[0, 1]`.
pub fn clopper_pearson(successes: u64, n: u64, confidence: f64) -> Interval {
    if n == 0 {
        return Interval { lo: 0.0, hi: 1.0 };
    }
    let (k, total) = (successes.min(n) as f64, n as f64);
    let tail = (1.0 - confidence) / 2.0;
    // Both laws have positive parameters except at the two borders, where the end is 0 or 1.
    let lo = Beta::new(k, total - k + 1.0).map_or(0.0, |law| law.inverse_cdf(tail));
    let hi = Beta::new(k + 1.0, total - k).map_or(1.0, |law| law.inverse_cdf(1.0 - tail));
    Interval::tidy(lo, hi, k / total, 0.0, 1.0)
}

/// 95 % Wilson interval of a share: (p + z^2/2n +- z sqrt(p (1 - p)/n + z^2/(4 n^2))) / (1 + z^2/n) with p = successes / n
/// and z = 1.96. Without trials it is `[0, 1]`.
pub fn wilson(successes: u64, n: u64) -> Interval {
    if n == 0 {
        return Interval { lo: 0.0, hi: 1.0 };
    }
    let (total, z2) = (n as f64, NORMAL_975 * NORMAL_975);
    let p = successes.min(n) as f64 / total;
    let centre = (p + z2 / (2.0 * total)) / (1.0 + z2 / total);
    let half = NORMAL_975 / (1.0 + z2 / total) * (p * (1.0 - p) / total + z2 / (4.0 * total * total)).sqrt();
    Interval::tidy(centre - half, centre + half, p, 0.0, 1.0)
}

/// What the size of the test set adds for the population of images: half the width of the 95 % Wilson interval of an
/// accuracy of `correct` out of `images`, rounded to 1e-9. More trials do not shrink it. Without images it is 0.5:
/// nothing is known.
pub fn binomial_half_width(correct: u64, images: u64) -> f64 {
    if images == 0 {
        return 0.5;
    }
    let (n, z2) = (images as f64, NORMAL_975 * NORMAL_975);
    let p = correct.min(images) as f64 / n;
    rounded(NORMAL_975 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 2e-9, "{a} is not {b}");
    }

    /// scipy.stats.t.ppf(0.975, df).
    #[test]
    fn t_quantiles_agree_with_scipy() {
        for (df, t) in [
            (1.0, 12.706204736174694),
            (2.0, 4.302652729749462),
            (9.0, 2.262157162798205),
            (999.0, 1.9623414611334493),
            (99999.0, 1.9599877077718442),
            (999999.0, 1.9599663568164791),
        ] {
            near(t_quantile(0.975, df).unwrap(), t);
        }
    }

    #[test]
    fn mean_interval() {
        let of = |mean, sd, skewness, n| of_mean(&MeanOf { mean, sd, skewness, n }, 0.95, 0.0, 1.0);
        // scipy.stats.t.interval(0.95, 9, loc=0.8, scale=0.02/sqrt(10)): without skewness it is Student's.
        let i = of(0.8, 0.02, 0.0, 10).unwrap();
        near(i.lo, 0.7856928619);
        near(i.hi, 0.8143071381);
        // Skewed to the left: the mean may lie further below, and no nearer above.
        let left = of(0.8, 0.02, -1.0, 10).unwrap();
        assert!(left.lo < i.lo - 1e-3 && left.hi == i.hi, "{left:?}");
        let right = of(0.8, 0.02, 1.0, 10).unwrap();
        near(left.lo - 0.8, 0.8 - right.hi);
        near(of(0.8, 0.02, -2e-7, 10).unwrap().lo, i.lo); // where the formulas change over
        assert_eq!(of(0.8, 0.0, 0.0, 1), None);
        // Clipped to what an accuracy can be.
        assert_eq!(of(0.99, 0.1, 0.0, 3).unwrap().hi, 1.0);
        // No spread: rounding must not push the mean out.
        let i = of(2.0 / 3.0, 0.0, 0.0, 5).unwrap();
        assert!(i.lo <= 2.0 / 3.0 && 2.0 / 3.0 <= i.hi);
    }

    /// scipy.stats.beta.ppf.
    #[test]
    fn clopper_pearson_agrees_with_scipy() {
        for (k, n, lo, hi) in [
            (0, 10, 0.0, 0.3084971078187607),
            (3, 10, 0.06673951117773447, 0.6524528500599973),
            (10, 10, 0.6915028921812393, 1.0),
            (99, 100, 0.9455406146079194, 0.9997468539670226),
            (990, 1000, 0.9816867569448875, 0.9951944893089507),
            (50_000, 100_000, 0.4968960624918004, 0.5031039375081996),
            (999_000, 1_000_000, 0.9989360818926848, 0.9990609987920499),
        ] {
            let i = clopper_pearson(k, n, 0.95);
            near(i.lo, lo);
            near(i.hi, hi);
        }
        assert_eq!(clopper_pearson(0, 0, 0.95), Interval { lo: 0.0, hi: 1.0 });
    }

    /// Share of outcomes, by their probability, whose interval holds the true share `p`.
    fn coverage(n: u64, p: f64, interval: impl Fn(u64) -> Interval) -> f64 {
        let mut probability = (1.0f64 - p).powi(n as i32);
        let mut covered = 0.0;
        for k in 0..=n {
            let i = interval(k);
            if i.lo <= p && p <= i.hi {
                covered += probability;
            }
            probability *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
        }
        covered
    }

    /// Summed over every outcome, Clopper-Pearson covers any true share with its confidence or more; Wilson on average
    /// over the shares, and never less than 82 % (near 0 and 1, where its ends lie too near).
    #[test]
    fn shares_are_covered() {
        for n in [5u64, 25, 100] {
            for confidence in [0.8, 0.95, 0.99] {
                let ends: Vec<Interval> = (0..=n).map(|k| clopper_pearson(k, n, confidence)).collect();
                for p in (1..200).map(|i| f64::from(i) / 200.0) {
                    let covered = coverage(n, p, |k| ends[k as usize]);
                    assert!(covered >= confidence - 1e-9, "n {n}, p {p}: {covered} < {confidence}");
                }
            }
            let covered: Vec<f64> = (1..200).map(|i| coverage(n, f64::from(i) / 200.0, |k| wilson(k, n))).collect();
            assert!(covered.iter().all(|c| *c > 0.82), "n {n}: {covered:?}");
            let mean = covered.iter().sum::<f64>() / covered.len() as f64;
            assert!((0.94..0.965).contains(&mean), "n {n}: {mean}");
        }
    }

    #[test]
    fn test_set_size() {
        // half the width of scipy.stats.binomtest(920, 1000).proportion_ci(method="wilson")
        near(binomial_half_width(920, 1000), 0.016859200);
        assert!(binomial_half_width(0, 1000) > 0.0);
        assert_eq!(binomial_half_width(0, 0), 0.5);
    }
}
