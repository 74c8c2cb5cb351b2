//! Every instruction set computes what the portable one does, and that is what it should be.

use super::*;
use crate::crossbar::Adc;
use crate::config::{AdcBits, AdcConfig, AdcRange};
use crate::crossbar::Conversion;
use crate::crossbar::adc::Sums;
use crate::rng::philox4x32;

fn ints(seed: u32) -> Ints {
    Ints(std::array::from_fn(|i| philox4x32([i as u32, seed, 0, 0], [1, 2])[0] as i32))
}

fn words(seed: u32) -> Words {
    Words(std::array::from_fn(|i| philox4x32([i as u32, seed, 1, 0], [1, 2])[0] as i16))
}

fn rounding(bits: AdcBits, range: AdcRange, g_off: f64) -> (Adc, Rounding) {
    converter(&Sums::new(9, 1, 1, g_off, 26, true), bits, range)
}

fn converter(sums: &Sums, bits: AdcBits, range: AdcRange) -> (Adc, Rounding) {
    let Conversion::Rounding(adc) = Conversion::new(&AdcConfig { bits, range }, sums, 3).expect("a converter") else { panic!("not a converter") };
    let rule = fastest_rule(&adc);
    (adc, rule)
}

/// Every operation of every set against the portable one.
fn agrees(lanes: impl Lanes) {
    let to = |row| {
        let mut out = Ints::ZERO;
        lanes.store(row, &mut out);
        out
    };
    let portable = |row| {
        let mut out = Ints::ZERO;
        Portable.store(row, &mut out);
        out
    };
    let p = Portable;
    for seed in 0..50 {
        let (a, b) = (ints(seed), ints(seed + 1000));
        let (c, d) = (Ints(a.0.map(|v| v >> 17)), Ints(b.0.map(|v| v >> 17)));
        let (x, y, u, v) = (lanes.ints(&a), lanes.ints(&b), p.ints(&a), p.ints(&b));
        assert_eq!(to(lanes.add(x, y)), portable(p.add(u, v)));
        assert_eq!(to(lanes.sub(x, y)), portable(p.sub(u, v)));
        assert_eq!(to(lanes.and(x, y)), portable(p.and(u, v)));
        assert_eq!(to(lanes.min(x, y)), portable(p.min(u, v)));
        assert_eq!(to(lanes.max(x, y)), portable(p.max(u, v)));
        assert_eq!(to(lanes.all(seed as i32 - 9)), portable(p.all(seed as i32 - 9)));
        assert_eq!(to(lanes.shift_left(x, seed % 20)), portable(p.shift_left(u, seed % 20)));
        assert_eq!(to(lanes.xor(x, y)), portable(p.xor(u, v)));
        assert_eq!(to(lanes.mul(x, y)), portable(p.mul(u, v)));
        assert_eq!(to(lanes.shift_right(x, seed % 32)), portable(p.shift_right(u, seed % 32)));
        let chosen = |lanes_out: &mut Words, p_out: &mut Words| {
            lanes.store_words(lanes.add_where_less(lanes.words(&words(seed)), lanes.as_words(x), lanes.as_words(y), lanes.words(&words(seed + 9))), lanes_out);
            p.store_words(p.add_where_less(words(seed).0, p.as_words(u), p.as_words(v), words(seed + 9).0), p_out);
        };
        let mut both = [Words::ZERO; 2];
        let [of_lanes, of_portable] = &mut both;
        chosen(of_lanes, of_portable);
        assert_eq!(both[0], both[1]);
        let mut other = a;
        other.0[seed as usize % INTS] ^= 1;
        let mask = Ints(b.0.map(|v| if v & 3 == 0 { 0 } else { -1 }));
        assert_eq!(lanes.count_different(x, lanes.ints(&other), lanes.ints(&mask)), p.count_different(u, p.ints(&other), p.ints(&mask)));
        assert_eq!(lanes.count_different(x, y, lanes.all(-1)), INTS as u32);
        assert_eq!(lanes.pack(lanes.ints(&c), lanes.ints(&d)), p.pack(p.ints(&c), p.ints(&d)));
        let (e, f) = (words(seed), words(seed + 1000));
        assert_eq!(lanes.pack_low(x, y), p.pack_low(u, v));
        assert_eq!(lanes.deinterleave(lanes.words(&words(seed))).map(to), p.deinterleave(words(seed).0).map(portable));
        let (first, start) = (lanes.ints(&c), SMALL_ROUNDER + 7.0);
        assert_eq!(to(lanes.small_indices(first, 0.013, start)), portable(p.small_indices(c.0, 0.013, start)));
        let word = |row| {
            let mut out = Words::ZERO;
            lanes.store_words(row, &mut out);
            out
        };
        let (g, h, by) = (lanes.words(&e), lanes.words(&f), seed % 15);
        assert_eq!(word(lanes.interleave(x, y)).0, p.interleave(u, v));
        assert_eq!(p.deinterleave(p.interleave(u, v)), [u.map(|i| i << 16), v.map(|i| i << 16)]);
        assert_eq!(word(lanes.sub_words(g, h)).0, p.sub_words(e.0, f.0));
        assert_eq!(word(lanes.shift_words_left(g, by)).0, p.shift_words_left(e.0, by));
        assert_eq!(word(lanes.shift_words_right(g, by)).0, p.shift_words_right(e.0, by));
        assert_eq!(lanes.words_without(g, 0x0306), p.words_without(e.0, 0x0306));
        assert_eq!(lanes.words_without(g, 0), u32::MAX);
        let sum = |l: [i16; 2]| l[0].wrapping_add(l[1]);
        let added = lanes.add_words(lanes.words(&e), lanes.words(&f));
        let factors = (1 << (seed % 9), 1 << (seed % 7));
        let wide = lanes.pair(added, lanes.words(&f), factors).map(to);
        let expected = p.pair(p.add_words(p.words(&e), p.words(&f)), p.words(&f), factors).map(portable);
        assert_eq!(wide, expected);
        let (m, n) = (HalfWords::of(&e), HalfWords::of(&f));
        let narrow = lanes.pair_half(lanes.add_half_words(lanes.half_words(&m), lanes.half_words(&n)), lanes.half_words(&n), factors);
        assert_eq!(to(narrow), wide[0]);
        for column in 0..WORDS {
            let at = Words::place(column);
            assert_eq!(Words::column(at), column);
            let exact = i32::from(factors.0) * i32::from(sum([e.0[at], f.0[at]])) + i32::from(factors.1) * i32::from(f.0[at]);
            assert_eq!(wide[column / INTS].0[column % INTS], exact);
        }
    }
}

fn converts(lanes: impl Lanes) {
    let ways = [
        rounding(AdcBits::Lossless, AdcRange::Full, 0.0),
        rounding(AdcBits::Lossless, AdcRange::Full, 0.01),
        rounding(AdcBits::Bits(4), AdcRange::Calibrated, 0.0),
        rounding(AdcBits::Bits(3), AdcRange::Given(-7.3, 8.1), 0.1),
        rounding(AdcBits::Bits(4), AdcRange::Given(0.2, 0.7), 0.1),
    ];
    for (adc, rule) in ways {
        let near: Vec<i32> = adc.thresholds.iter().flat_map(|&t| [t.saturating_sub(1), t, t.saturating_add(1)]).collect();
        for seed in 0..100 {
            let mut sums = ints(seed);
            near.iter().skip(seed as usize).take(8).enumerate().for_each(|(i, &v)| sums.0[i] = v);
            let mut got = Ints::ZERO;
            lanes.store(lanes.indices(lanes.ints(&sums), &rule), &mut got);
            for (sum, index) in sums.0.iter().zip(got.0) {
                assert_eq!(f64::from(index), adc.index(*sum), "{rule:?}");
            }
        }
    }
}

/// An estimate that is called certain is the exact index, and most are certain.
fn estimates(lanes: impl Lanes) {
    let usual = [(AdcBits::Lossless, 0.0), (AdcBits::Lossless, 0.01), (AdcBits::Bits(4), 0.01)].map(|(bits, g_off)| (rounding(bits, AdcRange::Full, g_off), 10));
    // 1023 rows: the highest index there may be, and so the widest margin.
    let widest = converter(&Sums::new(1023, 1, 1, 0.01, 20, true), AdcBits::Lossless, AdcRange::Full);
    assert!((2046..=4096).contains(&widest.0.top), "{}", widest.0.top);
    for ((adc, rule), in_doubt) in usual.into_iter().chain([(widest, 60)]) {
        let Some((inverse, limit)) = estimate_rule(&adc, &rule) else { panic!("one rounding: {rule:?}") };
        let mut certain = 0;
        for seed in 0..2000 {
            let mut sums = Ints(ints(seed).0.map(|v| (f64::from(v) / 2f64.powi(31) * adc.step * f64::from(adc.top) / 2.0) as i32));
            if seed % 2 == 1 {
                let threshold = adc.thresholds[seed as usize % adc.thresholds.len()];
                sums.0[seed as usize % INTS] = threshold.saturating_add(seed as i32 % 5 - 2);
            }
            let [once, farthest] = lanes.estimate(lanes.ints(&sums), inverse, lanes.no_codes(), lanes.no_codes());
            let [twice, _] = lanes.estimate(lanes.ints(&sums), inverse, once, farthest);
            if lanes.all_within(farthest, limit) {
                certain += 1;
                let mut codes = [Ints::ZERO; 2];
                lanes.store(lanes.whole(once), &mut codes[0]);
                lanes.store(lanes.whole(twice), &mut codes[1]);
                for i in 0..INTS {
                    let exact = adc.index(sums.0[i]) as i32 - adc.zero_index;
                    assert_eq!([codes[0].0[i], codes[1].0[i]], [exact, 3 * exact], "sum {} of {rule:?}", sums.0[i]);
                }
            }
        }
        assert!((1000 - in_doubt..=1000 + in_doubt).contains(&certain), "{certain} of 2000: all but those at a threshold");
    }
}

fn rescales(lanes: impl Lanes) {
    for seed in 0..500u32 {
        let wide = |i: u32, bits: u32| i64::from(philox4x32([i, seed, 2, 0], [1, 2])[0] as i32) >> (32 - bits);
        let by = Rescale {
            multiplier: std::array::from_fn(|i| wide(i as u32, 25)),
            bias: std::array::from_fn(|i| if seed % 3 == 0 { 0 } else { wide(100 + i as u32, 32) << (seed % 25) }),
            shift: 1 + seed % 40,
            zero: (seed % 200) as i32,
            low: (seed % 7) as i32,
            high: if seed % 2 == 0 { 255 } else { (1 << 20) - 1 },
        };
        let mut row = ints(seed);
        row.0[..4].copy_from_slice(&[0, 1, -1, i32::MIN]);
        let mut got = Ints::ZERO;
        lanes.store(lanes.rescale(lanes.ints(&row), &by), &mut got);
        assert_eq!(got.0, Portable.rescale(row.0, &by));
    }
}

fn transposes(lanes: impl Lanes) {
    let rows: [Ints; INTS] = std::array::from_fn(|i| Ints(std::array::from_fn(|j| (100 * i + j) as i32)));
    let turned = lanes.transpose(rows.map(|row| lanes.ints(&row)));
    for (j, row) in turned.into_iter().enumerate() {
        let mut got = Ints::ZERO;
        lanes.store(row, &mut got);
        assert_eq!(got.0, std::array::from_fn(|i| (100 * i + j) as i32));
    }
}

#[test]
fn every_set_computes_the_same() {
    fn all(lanes: impl Lanes) {
        agrees(lanes);
        converts(lanes);
        estimates(lanes);
        rescales(lanes);
        transposes(lanes);
    }
    all(Portable);
    #[cfg(target_arch = "x86_64")]
    {
        Avx2::new().into_iter().for_each(all);
        Avx512::new().into_iter().for_each(all);
    }
}

#[test]
fn the_usual_converters_need_one_rounding() {
    assert!(matches!(rounding(AdcBits::Lossless, AdcRange::Full, 0.0).1, Rounding::Fused(..)));
    assert!(matches!(rounding(AdcBits::Lossless, AdcRange::Full, 0.01).1, Rounding::Fused(..)));
    assert!(matches!(rounding(AdcBits::Bits(4), AdcRange::Calibrated, 0.0).1, Rounding::Fused(..)));
    assert!(!matches!(rounding(AdcBits::Bits(3), AdcRange::Given(-7.3, 8.1), 0.1).1, Rounding::Fused(..)));
}
