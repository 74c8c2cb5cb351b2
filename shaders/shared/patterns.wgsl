// Patterns of driven rows as `shaders/patterns.wgsl` lays them out. Mirror: src/engine/cpu/plain/patterns.rs.
// The pass declares `patterns`: [unit][vector][step], two 16-bit indices to a word, the first in the low half; and
// `units`: rows [start, end) of each.

// Constants of a pipeline, so that what is not needed is compiled away.
override INPUT_STEPS: u32 = 8u;
override DAC_BITS: u32 = 1u;

// Words of one unit.
fn step_words() -> u32 {
    return (INPUT_STEPS + 1u) / 2u;
}

// The sum of the inputs that the patterns of the units `first_unit` to `end_unit` of a vector stand for; its words are at
// `first`, and `stride` words from unit to unit.
fn input_sum(first: u32, stride: u32, first_unit: u32, end_unit: u32) -> vec2<u32> {
    var sum = vec2(0u);
    for (var unit = first_unit; unit < end_unit; unit++) {
        let rows = units[unit].y - units[unit].x;
        for (var step = 0u; step < INPUT_STEPS; step++) {
            let index = patterns[first + unit * stride + step / 2u] >> (step % 2u * 16u) & 0xffffu;
            for (var j = 0u; j < DAC_BITS; j++) {
                let driven = countOneBits(index >> (j * rows) & ((1u << rows) - 1u));
                sum = wide_add(sum, wide_from_u32(driven << (step * DAC_BITS + j)));
            }
        }
    }
    return sum;
}
