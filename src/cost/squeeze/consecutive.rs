//! SME's weights: magnitudes whose bits that are not zero stand within a window of few neighbouring places (SME, ICCD'21; the BWQ
//! paper, section IV: "at most 3 consecutive non-zero bits").

/// The nearest magnitude whose bits lie within `window` neighbouring places, not above `most`; of two that are as near, the lower.
pub fn nearest(magnitude: u32, window: u32, most: u32) -> u32 {
    let bits = u32::BITS - magnitude.leading_zeros();
    if bits <= window {
        return magnitude;
    }
    let shift = bits - window;
    let below = magnitude >> shift << shift;
    // One step up may carry into the next place, where it is a single bit.
    let above = below + (1 << shift);
    if above <= most && above - magnitude < magnitude - below { above } else { below }
}

/// Whether the bits of a magnitude lie within `window` neighbouring places.
pub fn fits(magnitude: u32, window: u32) -> bool {
    magnitude == 0 || magnitude >> magnitude.trailing_zeros() >> window == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 217 = 11011001b lies between 192 = 110b << 5 and 224 = 111b << 5.
    #[test]
    fn by_hand() {
        assert_eq!([217, 15, 9, 8, 7, 254, 0].map(|m| nearest(m, 3, 255)), [224, 14, 8, 8, 7, 224, 0]);
        assert_eq!(nearest(31, 3, 255), 32, "a carry");
        assert_eq!(nearest(255, 3, 256), 256);
    }

    /// Against every magnitude that fits.
    #[test]
    fn nothing_that_fits_is_nearer() {
        for window in 1..5 {
            for magnitude in 0..256u32 {
                let chosen = nearest(magnitude, window, 255);
                assert!(fits(chosen, window), "{chosen:b}");
                let least = (0..256).filter(|&m| fits(m, window)).map(|m| magnitude.abs_diff(m)).min();
                assert_eq!(Some(magnitude.abs_diff(chosen)), least, "{magnitude} in {window}");
            }
        }
        assert!(fits(0b0111_0000, 3) && !fits(0b1001, 3));
    }
}
