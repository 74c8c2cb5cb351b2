//! Statistics of one point: from the trials' counts of correct images to the numbers of the CSV.
//!
//! Everything starts from integers and stays integer as long as it can ([`summary`]), so the same
//! counts give the same bytes on every machine. Only interval ends need special functions
//! ([`interval`]); those are rounded.
//!
//! [`yield_test`] and [`half_width`] decide when chips are enough; both look at the chips in order and at nothing else.

pub mod difference;
pub mod half_width;
pub mod interval;
pub mod sample;
pub mod summary;
pub mod yield_test;

pub use difference::{Difference, difference};
pub use interval::{Interval, binomial_half_width, clopper_pearson, wilson};
pub use sample::Sample;
pub use summary::{AccuracyDrop, Chips, ChipYield, Distribution, Summary, allowed_loss, summarize};
pub use yield_test::{Decision, Verdict, YieldTest};

/// Confidence of the intervals in the CSV.
const CONFIDENCE: f64 = 0.95;

/// A float as it stands in a CSV: the fewest digits that read back to the same number.
///
/// Plain decimals between 1e-5 and 1e16, powers of ten (`1e-7`) outside; zero has no sign; a missing
/// value (NaN) is an empty field.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_nan() {
        String::new()
    } else if value == 0.0 {
        "0".to_string()
    } else if (1e-5..1e16).contains(&magnitude) || value.is_infinite() {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_short_and_read_back() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-4, "0.0001"),
            (1e-5, "0.00001"),
            (-2.5e-7, "-2.5e-7"),
            (1e15, "1000000000000000"),
            (1e300, "1e300"),
            (f64::INFINITY, "inf"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
            assert_eq!(text.parse::<f64>(), Ok(value));
        }
        assert_eq!(number(f64::NAN), "");
    }
}
