//! The standard normal law's quantile and tail, with operations that give the same bits on every machine.
//!
//! Source: Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied
//! Statistics 37 (1988) 477-484, PPND16 (relative accuracy 1e-16).

// The coefficients stand as published.
#![allow(clippy::excessive_precision)]

/// The `z >= 0` above which lies the probability `tail`, 0 < tail <= 1/2.
pub fn upper_quantile(tail: f64) -> f64 {
    let q = 0.5 - tail;
    if q <= 0.425 {
        let r = 0.180625 - q * q;
        return q
            * ratio(
                r,
                [
                    3.387132872796366608,
                    133.14166789178437745,
                    1971.5909503065514427,
                    13731.693765509461125,
                    45921.953931549871457,
                    67265.770927008700853,
                    33430.575583588128105,
                    2509.0809287301226727,
                ],
                [
                    1.0,
                    42.313330701600911252,
                    687.1870074920579083,
                    5394.1960214247511077,
                    21213.794301586595867,
                    39307.89580009271061,
                    28729.085735721942674,
                    5226.495278852545925,
                ],
            );
    }
    let r = libm::sqrt(-libm::log(tail));
    if r <= 5.0 {
        ratio(
            r - 1.6,
            [
                1.42343711074968357734,
                4.6303378461565452959,
                5.7694972214606914055,
                3.64784832476320460504,
                1.27045825245236838258,
                0.24178072517745061177,
                0.0227238449892691845833,
                7.7454501427834140764e-4,
            ],
            [
                1.0,
                2.05319162663775882187,
                1.6763848301838038494,
                0.68976733498510000455,
                0.14810397642748007459,
                0.0151986665636164571966,
                5.475938084995344946e-4,
                1.05075007164441684324e-9,
            ],
        )
    } else {
        ratio(
            r - 5.0,
            [
                6.6579046435011037772,
                5.4637849111641143699,
                1.7848265399172913358,
                0.29656057182850489123,
                0.026532189526576123093,
                0.0012426609473880784386,
                2.71155556874348757815e-5,
                2.01033439929228813265e-7,
            ],
            [
                1.0,
                0.59983220655588793769,
                0.13692988092273580531,
                0.0148753612908506148525,
                7.868691311456132591e-4,
                1.8463183175100546818e-5,
                1.4215117583164458887e-7,
                2.04426310338993978564e-15,
            ],
        )
    }
}

/// The probability above `z`: half the complementary error function of z / sqrt(2).
pub fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Quotient of two polynomials, coefficients from the constant up.
fn ratio(x: f64, numerator: [f64; 8], denominator: [f64; 8]) -> f64 {
    let horner = |c: [f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
    horner(numerator) / horner(denominator)
}

#[cfg(test)]
mod tests {
    use super::{upper_quantile, upper_tail};
    use statrs::distribution::{ContinuousCDF, Normal};

    #[test]
    fn agrees_with_an_independent_cdf() {
        let normal = Normal::standard();
        for k in 1..=2000 {
            let tail = f64::from(k) / 4000.0;
            assert!((normal.sf(upper_quantile(tail)) / tail - 1.0).abs() < 1e-9, "{tail}");
        }
        for octave in 2..33 {
            let tail = 0.5f64.powi(octave);
            assert!((normal.sf(upper_quantile(tail)) / tail - 1.0).abs() < 1e-8, "2^-{octave}");
        }
        for tail in [0.5, 0.3, 0.01, 1e-9] {
            assert!((upper_tail(upper_quantile(tail)) / tail - 1.0).abs() < 1e-12);
        }
        assert_eq!(upper_quantile(0.5), 0.0);
        assert!((upper_quantile(0.025) - 1.959963984540054).abs() < 1e-14);
    }
}
