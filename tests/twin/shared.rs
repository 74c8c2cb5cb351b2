//! Functions of `shaders/shared` against their mirrors.

use super::{Cases, assert_same, engine};
use bwq::config::{DeviceConfig, ProgrammingError};
use bwq::device::QuantileTable;
use bwq::quantize::fixed_point::shift_round;
use bwq::rng::{ChipKey, Purpose, cell_words};

#[test]
fn philox_gives_the_known_answers() {
    let Some(engine) = engine() else { return };
    let wgsl = r#"
// #include "shared/philox.wgsl"
@group(0) @binding(0) var<storage, read> given: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) at: vec3<u32>) {
    let i = at.x * 6u;
    out[at.x] = philox4x32(vec4(given[i], given[i + 1u], given[i + 2u], given[i + 3u]), vec2(given[i + 4u], given[i + 5u]));
}
"#;
    let text = include_str!("../data/philox_kat.txt");
    let lines: Vec<Vec<u32>> = text
        .lines()
        .filter(|l| !l.starts_with('#') && !l.trim().is_empty())
        .map(|l| l.split_whitespace().map(|w| u32::from_str_radix(w, 16).expect("a hexadecimal word")).collect())
        .collect();
    let given: Vec<u32> = lines.iter().flat_map(|l| l[..6].to_vec()).collect();
    let expected: Vec<u32> = lines.iter().flat_map(|l| l[6..].to_vec()).collect();
    let got = engine.probe(wgsl, &[&given], expected.len(), lines.len() as u32).expect("a run");
    assert_same("philox4x32", &got, &expected);
}

#[test]
fn cells_have_the_same_random_words() {
    let Some(engine) = engine() else { return };
    let wgsl = r#"
// #include "shared/philox.wgsl"
@group(0) @binding(0) var<storage, read> given: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) at: vec3<u32>) {
    let i = at.x * 8u;
    out[at.x] = cell_words(vec2(given[i], given[i + 1u]), chip_key(given[i + 2u], given[i + 6u]), PROGRAMMING_ERROR, given[i + 3u], given[i + 4u], given[i + 5u], given[i + 6u], given[i + 7u]);
}
"#;
    let mut cases = Cases::new(1);
    let keys: Vec<[u32; 8]> = (0..500)
        .map(|_| [cases.word(), cases.word(), cases.word(), cases.word() & 0xffff, cases.word(), cases.word(), cases.word() & 1, cases.word() & 3])
        .collect();
    let expected: Vec<u32> = keys
        .iter()
        .flat_map(|k| cell_words(u64::from(k[1]) << 32 | u64::from(k[0]), ChipKey::new(k[2], k[6] == 1), Purpose::ProgrammingError, k[3], k[4], k[5], k[6], k[7]))
        .collect();
    let got = engine.probe(wgsl, &[keys.as_flattened()], expected.len(), keys.len() as u32).expect("a run");
    assert_same("cell_words", &got, &expected);
}

/// Operands around every power of two, and random ones.
fn operands() -> Vec<i64> {
    let mut out = vec![0, i64::MAX, i64::MIN];
    for bit in 0..63 {
        for near in -1..=1 {
            out.extend([(1i64 << bit) + near, -(1i64 << bit) + near]);
        }
    }
    let mut cases = Cases::new(2);
    out.extend((0..600).map(|_| cases.within(i64::MIN / 2, i64::MAX / 2) >> cases.below(64)));
    out
}

fn words(values: impl IntoIterator<Item = i64>) -> Vec<u32> {
    values.into_iter().flat_map(|v| [v as u32, (v >> 32) as u32]).collect()
}

#[test]
fn mirrors_i64() {
    let Some(engine) = engine() else { return };
    let wgsl = r#"
// #include "shared/fixed_point.wgsl"
@group(0) @binding(0) var<storage, read> a: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> b: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> shifts: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<array<vec2<u32>, 10>>;
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) at: vec3<u32>) {
    let i = at.x;
    let x = a[i];
    let y = b[i];
    let by = shifts[i];
    let low = bitcast<i32>(y.x >> 1u);
    out[i] = array(
        wide_add(x, y), wide_negate(x), wide_multiply(x, y), multiply_u32(x.x, y.x), wide_shift_left(x, by), wide_shift_right(x, by),
        vec2(select(0u, 1u, wide_less(x, y)), select(0u, 1u, wide_is_negative(x))),
        wide_from_i32(wide_clamp(x, -low, low)),
        // The bounds of their callers: |v| < 2^62, shift >= 1.
        shift_round(wide_shift_right(x, 2u), max(by, 1u)), prescaled(wide_shift_right(x, 2u), by),
    );
}
"#;
    let operands = operands();
    let mut cases = Cases::new(3);
    let triples: Vec<(i64, i64, u32)> =
        (0..4000).map(|i| (operands[i % operands.len()], cases.pick(&operands), cases.below(63) as u32)).collect();
    let expected: Vec<u32> = triples
        .iter()
        .flat_map(|&(x, y, by)| {
            let low = i64::from(y as u32 >> 1);
            let quarter = x >> 2;
            words([
                x.wrapping_add(y),
                x.wrapping_neg(),
                x.wrapping_mul(y),
                (u64::from(x as u32) * u64::from(y as u32)) as i64,
                x << by,
                x >> by,
                i64::from(x < y) | i64::from(x < 0) << 32,
                x.clamp(-low, low),
                shift_round(quarter, by.max(1)),
                if by == 0 { quarter } else { (quarter + (1 << (by - 1))) >> by },
            ])
        })
        .collect();
    let (a, b) = (words(triples.iter().map(|t| t.0)), words(triples.iter().map(|t| t.1)));
    let shifts: Vec<u32> = triples.iter().map(|t| t.2).collect();
    let got = engine.probe(wgsl, &[&a, &b, &shifts], expected.len(), triples.len() as u32).expect("a run");
    let per_case = |v: &[u32]| v.chunks(20).zip(&triples).map(|(c, t)| (*t, c.to_vec())).collect::<Vec<_>>();
    assert_same("64-bit integers", &per_case(&got), &per_case(&expected));
}

#[test]
fn conductances_follow_the_table() {
    let Some(engine) = engine() else { return };
    let wgsl = r#"
// #include "shared/conductance.wgsl"
@group(0) @binding(0) var<storage, read> knots: array<vec2<i32>>;
@group(0) @binding(1) var<storage, read> given: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> out: array<i32>;
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) at: vec3<u32>) {
    out[at.x] = sample_conductance(given[at.x].x, given[at.x].y);
}
"#;
    let mut random = Cases::new(4);
    let mut cases: Vec<[u32; 2]> = (0..3000).map(|_| [random.word() & 3, random.word() >> random.below(32)]).collect();
    cases.extend([0, 1, 2, 3, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, u32::MAX].map(|w| [3, w]));
    for law in [ProgrammingError::Lognormal { sigma_ln: 0.3, sigma_ln_off: None, clip: false }, ProgrammingError::NormalIndependent { sigma_rel: 0.2, clip: true }] {
        let device = DeviceConfig { on_off_ratio: Some(20.0), fraction_bits: None, programming_error: law, ..DeviceConfig::default() };
        let table = QuantileTable::new(&device, 2, 26);
        let knots: Vec<u32> = table.knots.as_flattened().iter().map(|&k| k as u32).collect();
        let expected: Vec<u32> = cases.iter().map(|&[level, word]| table.sample(level, word) as u32).collect();
        let got = engine.probe(wgsl, &[&knots, cases.as_flattened()], expected.len(), cases.len() as u32).expect("a run");
        assert_same("sample_conductance", &got, &expected);
    }
}
