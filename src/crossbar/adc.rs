//! The analog-to-digital converter: a bitline sum becomes a code.
//!
//! The rule (that of the independent simulator we are held to): clip to [lo, hi], then
//! index = round((v - lo) / step), ties to the even index counted from lo. It is *defined* by an IEEE f64
//! expression ([`Rounding::index`]) and tabulated as integer thresholds, so that engines without f64 give
//! the same codes. Steps from lo to hi: 2^bits - 1, or 2^bits - 2 for a signed converter (zero is a level).

use crate::config::{AdcBits, AdcConfig, AdcRange, ConverterReach};
use crate::error::{Error, Result};

/// Least step in units of the integer sum: finer ones would show the grid of the conductances.
const LEAST_STEP: f64 = 4.0;

/// How a bitline sum becomes a number.
#[derive(Debug, Clone, PartialEq)]
pub enum Conversion {
    /// `adc.bits = "ideal"`: the sum itself, unrounded.
    Ideal,
    /// A converter.
    Rounding(Adc),
}

/// What a sum can be: from the row group's height, the cells, the DAC and the way of subtraction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sums {
    /// True where a plane is subtracted before the conversion.
    pub signed: bool,
    /// Largest nominal sum in level steps (one level at one DAC step), before rounding.
    pub largest: f64,
    /// One level step in units of the integer sum: 2^F (1 - g_off) / (2^cell_bits - 1).
    pub level_step: f64,
    /// Current of one cell at g_on and full input, in units of the integer sum: 2^F (2^dac_bits - 1).
    pub full_current: f64,
}

/// A uniform converter of integer bitline sums.
#[derive(Debug, Clone, PartialEq)]
pub struct Adc {
    /// Index of the highest code; codes are 0..=top.
    pub top: u32,
    /// Lower end of the range, in units of the integer sum.
    pub lo: f64,
    /// Step, in units of the integer sum.
    pub step: f64,
    /// Step in level steps; exactly 1 for a lossless converter.
    pub step_levels: f64,
    /// Index that stands for (about) zero current; engines use `index - zero_index`.
    pub zero_index: i32,
    /// What `zero_index` really stands for, in level steps; 0 unless zero is no level of the range.
    pub offset_levels: f64,
    /// `thresholds[i]` is the least sum whose unclipped index is at least i; i = 0..=top + 1.
    pub thresholds: Vec<i32>,
    /// The expression that defines the converter.
    pub rule: Rounding,
}

/// How an index is computed from a sum, exactly the same on every processor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rounding {
    /// sum x .0 + .1, rounded once, to a whole number: .1 is the zero level's index plus [`ROUNDER`].
    Fused(f64, f64),
    /// (sum - .0) x .1, rounded to f64 and then to a whole number.
    Product(f64, f64),
    /// (sum - .0) / .1, rounded to f64 and then to a whole number.
    Quotient(f64, f64),
}

/// 1.5 x 2^52: adding it rounds to the nearest whole number, ties to even, and leaves that number in the low bits.
pub const ROUNDER: f64 = 6755399441055744.0;

impl Rounding {
    /// The index of a sum, unclipped.
    #[inline(always)]
    pub fn index(&self, sum: i32) -> i32 {
        let sum = f64::from(sum);
        let rounded = match *self {
            Rounding::Fused(inverse, start) => sum.mul_add(inverse, start),
            Rounding::Product(lo, inverse) => (sum - lo) * inverse + ROUNDER,
            Rounding::Quotient(lo, step) => (sum - lo) / step + ROUNDER,
        };
        rounded.to_bits() as i32
    }
}

impl Sums {
    /// Sums of `rows` wordlines. `subtracted`: planes are subtracted before the conversion (g_off cancels).
    pub fn new(rows: usize, cell_bits: u32, dac_bits: u32, g_off: f64, fraction_bits: u32, subtracted: bool) -> Self {
        let levels = f64::from((1u32 << cell_bits) - 1);
        let dac = f64::from((1u32 << dac_bits) - 1);
        let unit = (1u64 << fraction_bits) as f64;
        let largest = rows as f64 * levels * dac / if subtracted { 1.0 } else { 1.0 - g_off };
        Sums { signed: subtracted, largest, level_step: unit * (1.0 - g_off) / levels, full_current: unit * dac }
    }

    /// Fewest bits that cover every possible sum in steps of `multiple` level steps.
    pub fn lossless_bits(&self) -> u32 {
        (1..=31).find(|&bits| self.covers(bits, 1)).unwrap_or(31)
    }

    /// True if `bits` cover every possible sum in steps of `multiple` level steps.
    fn covers(&self, bits: u32, multiple: u64) -> bool {
        self.highest_code(bits) as f64 >= (self.largest / multiple as f64).round_ties_even()
    }

    /// Codes above zero of a converter with `bits` bits.
    fn highest_code(&self, bits: u32) -> u64 {
        if self.signed { (1u64 << (bits - 1)) - 1 } else { (1u64 << bits) - 1 }
    }
}

impl Conversion {
    /// The converter of `config` for `sums`. `calibrated_multiple`: the step in level steps that calibration
    /// chose; only read if `range = "calibrated"`.
    ///
    /// Refused: a signed converter of 1 bit, and steps finer than the fixed-point conductances.
    pub fn new(config: &AdcConfig, sums: &Sums, calibrated_multiple: u64) -> Result<Self> {
        let bits = match config.bits {
            AdcBits::Ideal => return Ok(Conversion::Ideal),
            AdcBits::Lossless => sums.lossless_bits(),
            AdcBits::Bits(bits) => bits,
        };
        if sums.highest_code(bits) == 0 {
            return Err(Error::usage("adc.bits = 1 has no code besides zero when planes are subtracted before the conversion")
                .hint("use adc.bits >= 2, or crossbar.subtraction = \"digital\""));
        }
        let adc = match config.range {
            AdcRange::Given(lo, hi) => Adc::given(lo, hi, bits, sums),
            AdcRange::Calibrated => Adc::multiple(bits, calibrated_multiple, sums),
            AdcRange::Full => {
                let least = (sums.largest / (sums.highest_code(bits).max(1) as f64 + 0.5)).floor().max(1.0) as u64;
                let multiple = (least..).find(|&m| sums.covers(bits, m)).unwrap_or(least);
                Adc::multiple(bits, multiple, sums)
            }
        };
        if adc.step < LEAST_STEP {
            return Err(Error::usage(format!("an ADC step is {} units of the fixed-point conductance; at least {LEAST_STEP} are needed", adc.step))
                .hint("raise device.fraction_bits, widen adc.range or lower adc.bits"));
        }
        Ok(Conversion::Rounding(adc))
    }

    /// The same converter with another reach. An ideal one has no ends.
    pub fn reaching(self, reach: ConverterReach, sums: &Sums) -> Self {
        match (self, reach) {
            (Conversion::Ideal, _) => Conversion::Ideal,
            (conversion, ConverterReach::AsConfigured) => conversion,
            (Conversion::Rounding(adc), ConverterReach::Unclipped) => Conversion::Rounding(adc.unclipped(sums)),
            (Conversion::Rounding(_), ConverterReach::Fine) => Conversion::Rounding(Adc::fine(sums)),
        }
    }

    /// Resolution in bits; `None` for an ideal one.
    pub fn bits(&self, signed: bool) -> Option<u32> {
        match self {
            Conversion::Ideal => None,
            Conversion::Rounding(adc) => Some((adc.top + if signed { 2 } else { 1 }).ilog2()),
        }
    }
}

impl Adc {
    /// Steps of a whole number of level steps, zero a level.
    fn multiple(bits: u32, multiple: u64, sums: &Sums) -> Self {
        let highest = sums.highest_code(bits);
        let (top, zero) = if sums.signed { (2 * highest, highest) } else { (highest, 0) };
        let step = multiple as f64 * sums.level_step;
        let mut adc = Adc {
            top: top as u32,
            lo: -(zero as f64) * step,
            step,
            step_levels: multiple as f64,
            zero_index: zero as i32,
            offset_levels: 0.0,
            thresholds: Vec::new(),
            rule: Rounding::Fused(1.0 / step, ROUNDER + zero as f64),
        };
        // Sums that lie halfway between two codes by design need a quotient that is rounded before it is decided.
        if adc.has_nominal_ties(sums) {
            adc.rule = Rounding::Quotient(adc.lo, step);
        }
        adc.tabulated()
    }

    /// Range `[lo, hi]` in currents of one cell at g_on.
    fn given(lo: f64, hi: f64, bits: u32, sums: &Sums) -> Self {
        let top = if sums.signed { 2 * sums.highest_code(bits) } else { sums.highest_code(bits) }.max(1) as u32;
        let step_current = (hi - lo) / f64::from(top);
        let levels = |current: f64| current * sums.full_current / sums.level_step;
        let zero = (-lo / step_current).round_ties_even().clamp(0.0, f64::from(top));
        let offset = lo + zero * step_current;
        // Slop of the division of the range must not pass for an offset of the zero level.
        let offset = if offset.abs() < 1e-9 * step_current { 0.0 } else { offset };
        let (lo, step) = (lo * sums.full_current, step_current * sums.full_current);
        let adc = Adc {
            top,
            lo,
            step,
            step_levels: levels(step_current),
            zero_index: zero as i32,
            offset_levels: levels(offset),
            thresholds: Vec::new(),
            rule: Rounding::Quotient(lo, step),
        };
        adc.tabulated()
    }

    /// The same steps, with codes for sums of up to twice the largest nominal one on either side.
    fn unclipped(&self, sums: &Sums) -> Self {
        let far = (2.0 * sums.largest / self.step_levels).ceil() as i32;
        let more = [far - self.zero_index, far - (self.top as i32 - self.zero_index)].map(|codes| codes.max(0));
        let below = f64::from(more[0]);
        let lo = self.lo - below * self.step;
        let rule = match self.rule {
            Rounding::Fused(inverse, start) => Rounding::Fused(inverse, start + below),
            Rounding::Product(_, inverse) => Rounding::Product(lo, inverse),
            Rounding::Quotient(_, step) => Rounding::Quotient(lo, step),
        };
        let adc = Adc { top: self.top + (more[0] + more[1]) as u32, lo, zero_index: self.zero_index + more[0], rule, thresholds: Vec::new(), ..*self };
        adc.tabulated()
    }

    /// Steps of an eighth of a level step, as far as [`Self::unclipped`] reaches; whole level steps where sums have so many
    /// that an eighth of one is nothing.
    fn fine(sums: &Sums) -> Self {
        let finer = if 16.0 * sums.largest <= f64::from(i16::MAX) { 8.0 } else { 1.0 };
        let step = sums.level_step / finer;
        let fine = Adc {
            top: 0,
            lo: 0.0,
            step,
            step_levels: 1.0 / finer,
            zero_index: 0,
            offset_levels: 0.0,
            thresholds: Vec::new(),
            rule: Rounding::Fused(1.0 / step, ROUNDER),
        };
        fine.unclipped(sums)
    }

    fn tabulated(mut self) -> Self {
        self.thresholds = (0..=i64::from(self.top) + 1).map(|index| self.threshold(index)).collect();
        self
    }

    /// The first of `rules` that gives every sum the index of the definition, else the definition. All rise with the
    /// sum, so one that is right at every threshold and just below it is right everywhere in the range.
    pub fn same_rule(&self, rules: impl IntoIterator<Item = Rounding>) -> Rounding {
        let right = |rule: &Rounding| self.thresholds.iter().all(|&t| [t, t.saturating_sub(1)].into_iter().all(|sum| rule.index(sum) == self.rule.index(sum)));
        rules.into_iter().find(right).unwrap_or(self.rule)
    }

    /// The index of a sum before clipping. This defines the converter.
    #[inline]
    pub fn index(&self, sum: i32) -> f64 {
        f64::from(self.rule.index(sum))
    }

    /// The least sum whose index is at least `index`, within i32.
    fn threshold(&self, index: i64) -> i32 {
        let about = self.lo + (index as f64 - 0.5) * self.step;
        let mut sum = about.floor().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32;
        while sum > i32::MIN && self.index(sum) >= index as f64 {
            sum -= 1;
        }
        while sum < i32::MAX && self.index(sum) < index as f64 {
            sum += 1;
        }
        sum
    }

    /// The code of a sum, counted from the zero level, and whether it was clipped: whether the sum lies more
    /// than half a step outside the range, which rounding alone cannot explain.
    #[inline]
    pub fn code(&self, sum: i32) -> (i32, bool) {
        let index = self.index(sum);
        let clipped = index.clamp(0.0, f64::from(self.top));
        (clipped as i32 - self.zero_index, clipped != index)
    }

    /// The largest magnitude of a code counted from the zero level.
    pub fn largest_code(&self) -> i64 {
        (i64::from(self.top) - i64::from(self.zero_index)).max(i64::from(self.zero_index))
    }

    /// True if nominal sums (whole numbers of level steps) can lie exactly between two codes.
    pub fn has_nominal_ties(&self, sums: &Sums) -> bool {
        let least = if sums.signed { -sums.largest } else { 0.0 };
        (least as i64..=sums.largest as i64).any(|levels| {
            let index = (levels as f64 * sums.level_step - self.lo) / self.step;
            (index - index.floor() - 0.5).abs() < 1e-9 && index > -0.5 && index < f64::from(self.top) + 0.5
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(rows: usize, signed: bool) -> Sums {
        Sums::new(rows, 1, 1, 0.0, 20, signed)
    }

    fn rounding(bits: AdcBits, range: AdcRange, s: &Sums) -> Adc {
        match Conversion::new(&AdcConfig { bits, range }, s, 1).unwrap() {
            Conversion::Rounding(adc) => adc,
            Conversion::Ideal => panic!("not a converter"),
        }
    }

    #[test]
    fn lossless_bits_of_the_papers_unit() {
        assert_eq!(sums(9, false).lossless_bits(), 4); // 0..9
        assert_eq!(sums(9, true).lossless_bits(), 5); // -9..9, and a signed converter has 2^b - 2 steps
        assert_eq!(sums(128, true).lossless_bits(), 9);
        assert_eq!(sums(1, false).lossless_bits(), 1);
        // A finite on/off ratio adds the off current to an unsigned sum: 15 cells at ratio 10 reach 16.7 steps.
        assert_eq!(Sums::new(15, 1, 1, 0.1, 20, false).lossless_bits(), 5);
    }

    #[test]
    fn lossless_codes_are_the_sums() {
        for signed in [false, true] {
            let s = sums(9, signed);
            let adc = rounding(AdcBits::Lossless, AdcRange::Full, &s);
            for level in if signed { -9 } else { 0 }..=9 {
                assert_eq!(adc.code(level << 20), (level, false));
            }
            assert_eq!(adc.step_levels, 1.0);
        }
    }

    #[test]
    fn fewer_bits_take_the_smallest_whole_step() {
        let adc = rounding(AdcBits::Bits(4), AdcRange::Full, &sums(9, true)); // 7 codes above zero: step 1 covers 7, 2 covers 14
        assert_eq!((adc.step_levels, adc.top, adc.zero_index), (1.0 + 1.0, 14, 7));
        let adc = rounding(AdcBits::Bits(4), AdcRange::Full, &sums(128, false)); // 128 / 15 = 8.53
        assert_eq!(adc.step_levels, 9.0);
    }

    #[test]
    fn ties_go_to_the_even_index_counted_from_lo() {
        // Step 2 from lo = -3: sums -2, 0, 2 lie between indices 0|1, 1|2, 2|3.
        let adc = rounding(AdcBits::Bits(3), AdcRange::Given(-3.0, 11.0), &sums(20, false));
        let index = |sum: i32| adc.code(sum << 20).0 + adc.zero_index;
        assert_eq!([index(-2), index(0), index(2), index(4)], [0, 2, 2, 4]);
    }

    /// Thresholds, quotient and product are one converter.
    #[test]
    fn thresholds_are_the_rule() {
        let s = sums(9, true);
        for (lo, hi, bits) in [(-9.0, 9.0, 4), (-7.3, 8.1, 3), (-3.0, 4.0, 5), (-1.5, 1.5, 3), (0.2, 0.7, 4)] {
            let adc = rounding(AdcBits::Bits(bits), AdcRange::Given(lo, hi), &s);
            for (i, &t) in adc.thresholds.iter().enumerate() {
                assert!(adc.index(t) >= i as f64 && adc.index(t - 1) < i as f64);
            }
            for sum in (-10 << 20..10 << 20).step_by(7919) {
                let reached = adc.thresholds[1..=adc.top as usize].iter().filter(|&&t| t <= sum).count() as i32;
                assert_eq!(adc.code(sum).0 + adc.zero_index, reached);
            }
        }
    }

    #[test]
    fn clipping_is_more_than_rounding() {
        let adc = rounding(AdcBits::Bits(3), AdcRange::Given(0.0, 7.0), &sums(9, false));
        assert_eq!(adc.code((7 << 20) + (1 << 18)), (7, false));
        assert_eq!(adc.code(8 << 20), (7, true));
        assert_eq!(adc.code(-(1 << 20)), (0, true));
    }

    #[test]
    fn reach_changes_the_ends_and_nothing_between() {
        for (range, signed) in [(AdcRange::Given(-3.0, 4.0), true), (AdcRange::Given(0.0, 7.0), false), (AdcRange::Full, true)] {
            let s = sums(9, signed);
            let adc = rounding(AdcBits::Bits(3), range, &s);
            let Conversion::Rounding(far) = Conversion::Rounding(adc.clone()).reaching(ConverterReach::Unclipped, &s) else { panic!("a converter") };
            for sum in (-15 << 20..15 << 20).step_by(99_991) {
                let (code, clipped) = adc.code(sum);
                assert!(!far.code(sum).1);
                assert!(clipped || far.code(sum) == (code, false), "{range:?} {sum}");
            }
            let Conversion::Rounding(fine) = Conversion::Rounding(adc).reaching(ConverterReach::Fine, &s) else { panic!("a converter") };
            assert_eq!([-9, 0, 1, 9].map(|level: i32| fine.code(level << 20)), [-72, 0, 8, 72].map(|code| (code, false)));
        }
    }

    #[test]
    fn ranges_with_ties_are_known() {
        let s = sums(9, true);
        assert!(rounding(AdcBits::Bits(4), AdcRange::Given(-14.0, 14.0), &s).has_nominal_ties(&s));
        assert!(!rounding(AdcBits::Lossless, AdcRange::Full, &s).has_nominal_ties(&s));
    }
}
