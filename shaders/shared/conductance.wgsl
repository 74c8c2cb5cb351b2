// A cell's conductance from a random word: a table of quantiles, interpolated in integers.
// Mirror: `QuantileTable::sample` in src/device/quantile_table.rs. The pass declares `knots`: [level][side][octave][segment].

const OCTAVES: u32 = 32u;
const SEGMENTS: u32 = 32u;
const SIDE: u32 = OCTAVES * SEGMENTS;

fn sample_conductance(level: u32, word: u32) -> i32 {
    let tail = word & 0x7fffffffu;
    let octave = countLeadingZeros(tail) - 1u;
    let bits = (tail << octave) << 1u; // in two steps: octave can be 31
    let segment = bits >> 26u & 31u;
    let place = bitcast<i32>(bits >> 14u & 0xfffu);
    let knot = level * 2u * SIDE + (word >> 31u) * SIDE + octave * SEGMENTS + segment;
    let base = knots[knot].x;
    let rise = knots[knot].y;
    // rise * place / 4096, rounded, in 32 bits: the high and the low 12 bits of the rise apart.
    return base + (rise >> 12u) * place + (((rise & 0xfff) * place + 2048) >> 12u);
}
