//! Two points on the same chips: the difference of their accuracies and yields, chip by chip.
//!
//! What moves a chip at both points drops out of a difference, so pairing is the control variate that costs nothing.

use super::interval::{Interval, rounded, wilson};
use super::sample::Sample;
use super::summary::Chips;

/// A point's chips.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Count of correct images of each chip.
    pub correct: &'a [u64],
    /// Out of how many.
    pub images: u64,
    /// The fewest correct images of a passing chip.
    pub least: u64,
}

/// The second point minus the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Chips that both points have.
    pub chips: u64,
    /// Mean difference of accuracy.
    pub mean: f64,
    /// Its 95 % interval; None for one chip.
    pub mean_interval: Option<Interval>,
    /// Variance of the mean difference against that of two points with chips of their own; None where neither varies.
    pub variance_ratio: Option<f64>,
    /// Difference of yields.
    pub yield_diff: f64,
    /// Its 95 % interval.
    pub yield_interval: Interval,
}

/// Compares two points on the chips that both have; None without any.
pub fn difference(first: &Side<'_>, second: &Side<'_>, chips: Chips) -> Option<Difference> {
    let n = first.correct.len().min(second.correct.len());
    let (a, b) = (&first.correct[..n], &second.correct[..n]);
    // On a common scale: counts times the other's images.
    let scaled = |side: &Side, counts: &[u64], by: u64| -> Vec<i64> {
        debug_assert!(side.images > 0);
        chips.independent(counts).0.map(|c| c * by as i64).collect()
    };
    let (a_values, b_values) = (scaled(first, a, second.images), scaled(second, b, first.images));
    let differences = Sample::of(a_values.iter().zip(&b_values).map(|(a, b)| b - a))?;
    let variance = |values: &[i64]| Sample::of(values.iter().copied()).and_then(|s| s.sd).map(|sd| sd * sd);
    let unpaired = variance(&a_values).zip(variance(&b_values)).map(|(a, b)| a + b).filter(|v| *v > 0.0);
    let in_each = chips.in_one() as u64;
    let unit = (first.images * second.images * in_each) as f64;

    let pass = |counts, least| chips.of_the_law(counts).map(move |c| c >= least);
    let mut table = [[0u64; 2]; 2];
    pass(a, first.least).zip(pass(b, second.least)).for_each(|(a, b)| table[usize::from(a)][usize::from(b)] += 1);
    Some(Difference {
        chips: differences.n * in_each,
        mean: differences.mean / unit,
        mean_interval: differences.mean_interval(unit, -1.0, 1.0),
        variance_ratio: unpaired.zip(differences.sd).map(|(unpaired, sd)| sd * sd / unpaired),
        yield_diff: (table[0][1] as f64 - table[1][0] as f64) / table.iter().flatten().sum::<u64>() as f64,
        yield_interval: newcombe(table),
    })
}

/// 95 % interval of the difference of two paired shares (Newcombe 1998, "Improved confidence intervals for the
/// difference between binomial proportions based on paired data", Statist. Med. 17, 2635-2650, method 10): the Wilson
/// intervals of both, joined by the correlation of the pairs. `table[first passes][second passes]`.
fn newcombe(table: [[u64; 2]; 2]) -> Interval {
    let [[neither, second_only], [first_only, both]] = table.map(|row| row.map(|count| count as f64));
    let n = neither + second_only + first_only + both;
    let of = |passing: f64| (passing / n, wilson(passing as u64, n as u64));
    let ((p1, one), (p2, two)) = (of(first_only + both), of(second_only + both));
    let margins = (first_only + both) * (second_only + neither) * (second_only + both) * (first_only + neither);
    let excess = both * neither - first_only * second_only;
    // A positive correlation is taken a little smaller (method 10's continuity correction).
    let excess = if excess > 0.0 { (excess - n / 2.0).max(0.0) } else { excess };
    let correlation = if margins > 0.0 { excess / margins.sqrt() } else { 0.0 };
    let reach = |x: f64, y: f64| (x * x - 2.0 * correlation * x * y + y * y).max(0.0).sqrt();
    let diff = p2 - p1;
    let (lo, hi) = (diff - reach(p2 - two.lo, one.hi - p1), diff + reach(two.hi - p2, p1 - one.lo));
    Interval { lo: rounded(lo).clamp(-1.0, 1.0).min(diff), hi: rounded(hi).clamp(-1.0, 1.0).max(diff) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe's table II, the first, third and fifth line of method 10.
    #[test]
    fn newcombe_agrees_with_the_paper() {
        for (both, first_only, second_only, neither, lo, hi) in [(36, 12, 2, 0, 0.0569, 0.3404), (36, 14, 0, 0, 0.1528, 0.4167), (0, 0, 30, 0, -1.0, -0.8395)] {
            // The paper subtracts the second from the first.
            let i = newcombe([[neither, second_only], [first_only, both]]);
            assert!((-i.hi - lo).abs() < 2e-3 && (-i.lo - hi).abs() < 2e-3, "{both} {first_only} {second_only} {neither}: {i:?}");
        }
    }

    #[test]
    fn what_moves_both_points_drops_out() {
        let a: Vec<u64> = (0..40).map(|i| 900 + i * 7 % 13).collect();
        let b: Vec<u64> = a.iter().enumerate().map(|(i, c)| c - 5 - i as u64 % 2).collect();
        let side = |correct| Side { correct, images: 1000, least: 900 };
        let d = difference(&side(&a), &side(&b), Chips::Independent).unwrap();
        assert_eq!((d.chips, d.mean), (40, -0.0055));
        let i = d.mean_interval.unwrap();
        assert!(-0.0058 < i.lo && i.hi < -0.0052, "{i:?}");
        assert!(d.variance_ratio.unwrap() < 0.02, "{d:?}");
        assert!(d.yield_diff < 0.0 && d.yield_interval.lo <= d.yield_diff && d.yield_diff <= d.yield_interval.hi);
        // Half the images, half the counts: the same accuracies.
        let halves: Vec<u64> = a.iter().map(|c| c - c % 2).collect();
        let half: Vec<u64> = halves.iter().map(|c| c / 2).collect();
        let same = difference(&side(&halves), &Side { correct: &half, images: 500, least: 450 }, Chips::Independent).unwrap();
        assert_eq!((same.mean, same.mean_interval.unwrap(), same.yield_diff), (0.0, Interval { lo: 0.0, hi: 0.0 }, 0.0));
        assert!(difference(&side(&[]), &side(&a), Chips::Independent).is_none());
    }
}
