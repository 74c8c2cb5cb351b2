//! Moments of whole numbers: sums are exact, so neither the order of the values nor the machine can change a bit.

use super::interval::{Interval, MeanOf, of_mean};

/// Independent whole numbers, as their moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// How many.
    pub n: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n - 1); None for one value.
    pub sd: Option<f64>,
    /// m3 / m2^(3/2); 0 where the values do not differ.
    pub skewness: f64,
    /// m4 / m2^2; 0 where the values do not differ.
    pub kurtosis: f64,
}

impl Sample {
    /// The moments of `values`; None without any. Magnitudes up to 2^31 and 2^32 values cannot overflow.
    pub fn of(values: impl Iterator<Item = i64> + Clone) -> Option<Self> {
        let n = values.clone().count() as i128;
        if n == 0 {
            return None;
        }
        let sum: i128 = values.clone().map(i128::from).sum();
        // Powers about a whole number near the mean stay small, and so do the corrections for what it is off by.
        let origin = sum.div_euclid(n);
        let [s1, s2, s3, s4] = values.fold([0i128; 4], |[a, b, c, d], value| {
            let x = i128::from(value) - origin;
            [a + x, b + x * x, c + x * x * x, d + x * x * x * x]
        });
        let mean_of = |s: i128| s as f64 / n as f64;
        let (off, a2, a3, a4) = (mean_of(s1), mean_of(s2), mean_of(s3), mean_of(s4));
        // n sum (x - mean)^2 = n sum x^2 - (sum x)^2
        let spread = (n * s2 - s1 * s1) as f64;
        let m2 = spread / (n * n) as f64;
        let m3 = a3 - 3.0 * off * a2 + 2.0 * off * off * off;
        let m4 = a4 - 4.0 * off * a3 + 6.0 * off * off * a2 - 3.0 * off * off * off * off;
        Some(Sample {
            n: n as u64,
            mean: sum as f64 / n as f64,
            sd: (n > 1).then(|| (spread / (n * (n - 1)) as f64).sqrt()),
            skewness: if m2 > 0.0 { m3 / (m2 * m2.sqrt()) } else { 0.0 },
            kurtosis: if m2 > 0.0 { m4 / (m2 * m2) } else { 0.0 },
        })
    }

    /// 95 % interval of the mean in units of `unit` values, within `[least, most]` (in those units).
    pub fn mean_interval(&self, unit: f64, least: f64, most: f64) -> Option<Interval> {
        let of = MeanOf { mean: self.mean / unit, sd: self.sd? / unit, skewness: self.skewness, n: self.n };
        of_mean(&of, super::CONFIDENCE, least, most)
    }

    /// Standard error of the standard deviation: sd/2 sqrt((kurtosis - (n - 3)/(n - 1)) / n), from the variance of a
    /// sample variance and the delta method (Rao 1973, "Linear Statistical Inference and Its Applications", 6h). The
    /// kurtosis of few chips comes out low where tails are long, and with it this error.
    pub fn sd_standard_error(&self) -> Option<f64> {
        let n = self.n as f64;
        let excess = (self.kurtosis - (n - 3.0) / (n - 1.0)).max(0.0);
        self.sd.map(|sd| if sd == 0.0 { 0.0 } else { sd / 2.0 * (excess / n).sqrt() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_definition() {
        let values = [911i64, 905, 918, 890, 902, 915, 899, 908];
        let s = Sample::of(values.into_iter()).unwrap();
        let n = values.len() as f64;
        let moment = |p: i32| values.iter().map(|v| (*v as f64 - 906.0).powi(p)).sum::<f64>() / n;
        assert_eq!((s.n, s.mean), (8, 906.0));
        assert!((s.sd.unwrap() - (moment(2) * n / (n - 1.0)).sqrt()).abs() < 1e-12);
        assert!((s.skewness - moment(3) / moment(2).powf(1.5)).abs() < 1e-12);
        assert!((s.kurtosis - moment(4) / moment(2).powi(2)).abs() < 1e-12);
        let far = Sample::of(values.iter().map(|v| v - 1_000_000)).unwrap();
        assert_eq!((far.sd, far.skewness, far.kurtosis), (s.sd, s.skewness, s.kurtosis));
        let same = Sample::of([7, 7, 7].into_iter()).unwrap();
        assert_eq!((same.sd, same.skewness, same.sd_standard_error()), (Some(0.0), 0.0, Some(0.0)));
        assert_eq!(Sample::of([7].into_iter()).unwrap().sd, None);
        assert_eq!(Sample::of(std::iter::empty()), None);
    }
}
