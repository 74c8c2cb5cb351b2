//! The part of a layer's OU activations that is done, where OUs without an input are skipped.

/// Two fractions: of all OU activations, and of those of the crossbar that has most to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    all: [u64; 2],
    fullest: [u64; 2],
}

impl Reads {
    /// Nothing is skipped.
    pub const ALL: Reads = Reads { all: [1, 1], fullest: [1, 1] };

    /// As counted: done and possible, of all, and of the fullest crossbar. Where nothing is possible, nothing is skipped.
    pub fn counted(all: [u64; 2], fullest: [u64; 2]) -> Reads {
        let some = |[done, possible]: [u64; 2]| if possible == 0 { [1, 1] } else { [done, possible] };
        Reads { all: some(all), fullest: some(fullest) }
    }

    /// All but a share, to a millionth.
    pub fn without(zero_input_frac: f64) -> Reads {
        const PARTS: u64 = 1_000_000;
        let done = ((1.0 - zero_input_frac) * PARTS as f64).round() as u64;
        Reads { all: [done, PARTS], fullest: [done, PARTS] }
    }

    /// What is done of `n` activations, or of what goes with them; rounded up.
    pub fn of(&self, n: u64) -> u64 {
        part(n, self.all)
    }

    /// The same of the crossbar that has most to do.
    pub fn of_fullest(&self, n: u64) -> u64 {
        part(n, self.fullest)
    }

    /// Share that is skipped.
    pub fn skipped_frac(&self) -> f64 {
        1.0 - self.all[0] as f64 / self.all[1] as f64
    }
}

fn part(n: u64, [done, possible]: [u64; 2]) -> u64 {
    let all = u128::from(n) * u128::from(done);
    u64::try_from(all.div_ceil(u128::from(possible))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_rounded_up() {
        let reads = Reads::counted([1, 3], [2, 3]);
        assert_eq!([reads.of(9), reads.of(10), reads.of_fullest(9), reads.of(0)], [3, 4, 6, 0]);
        assert_eq!(Reads::counted([0, 0], [0, 0]), Reads::ALL);
        assert_eq!(Reads::without(0.25).of(1_000), 750);
        assert_eq!(Reads::ALL.of(u64::MAX), u64::MAX);
    }
}
