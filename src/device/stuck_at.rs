//! Stuck-at faults: cells that keep the highest or the lowest conductance whatever is written.
//!
//! A cell is stuck by one random word: the lowest words are stuck on, the highest stuck off, so that both rates are
//! exact to 2^-32 and no cell is both. Where faults are clustered all cells of a line share the word. Source: fault
//! maps of fabricated arrays (Chen et al., TC'15: 1.75 % stuck at g_on, 9.04 % stuck at g_off in a 4 Mb array).

use crate::config::StuckAtConfig;

/// Faults as engines read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StuckAt {
    /// Words below this are stuck on.
    pub on_below: u64,
    /// Words from this on are stuck off.
    pub off_from: u64,
    /// Conductance of a cell that is stuck on, and of one that is stuck off, in 2^-F of g_on.
    pub stuck: [i32; 2],
}

impl StuckAt {
    /// Faults at the configured rates; `lowest` and `highest` are the conductances of those levels.
    pub fn new(config: &StuckAtConfig, lowest: i32, highest: i32) -> Self {
        let words = |frac: f64| (frac * 4294967296.0).round_ties_even() as u64;
        StuckAt { on_below: words(config.on_frac), off_from: (1 << 32) - words(config.off_frac), stuck: [highest, lowest] }
    }

    /// The conductance of a cell that would have `g`.
    #[inline(always)]
    pub fn conductance(&self, g: i32, word: u32) -> i32 {
        let word = u64::from(word);
        let g = if word < self.on_below { self.stuck[0] } else { g };
        if word >= self.off_from { self.stuck[1] } else { g }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Clustering;

    #[test]
    fn rates_are_exact() {
        let faults = |on_frac, off_frac| StuckAt::new(&StuckAtConfig { on_frac, off_frac, clustering: Clustering::None }, 1, 100);
        let half = faults(0.25, 0.75);
        assert_eq!([0, (1 << 30) - 1, 1 << 30, u32::MAX].map(|w| half.conductance(50, w)), [100, 100, 1, 1]);
        let none = faults(0.0, 0.0);
        assert_eq!([0, 1 << 31, u32::MAX].map(|w| none.conductance(50, w)), [50; 3]);
        let all = faults(1.0, 0.0);
        assert_eq!([0, 1 << 31, u32::MAX].map(|w| all.conductance(50, w)), [100; 3]);
        // 1 % asked, 1 % given (a rival gives 0.01 %).
        let one = faults(0.0, 0.01);
        let n = 1_000_000u32;
        let stuck = (0..n).filter(|i| one.conductance(50, i.wrapping_mul(4295)) == 1).count();
        assert!((9_998..=10_002).contains(&stuck), "{stuck}");
    }
}
