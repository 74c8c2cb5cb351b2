// Philox4x32-10, a counter-based generator, and the random numbers of a cell.
// Mirrors: src/rng/philox.rs, `ChipKey` and `cell_words` in src/rng/mod.rs; held to tests/data/philox_kat.txt.
// #include "shared/wide.wgsl"

const PROGRAMMING_ERROR: u32 = 1u;
const REFERENCE_COLUMN: u32 = 0xffffffffu;

fn philox4x32(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    var c = counter;
    var k = key;
    for (var round = 0u; round < 10u; round++) {
        let p0 = multiply_u32(0xD2511F53u, c.x);
        let p1 = multiply_u32(0xCD9E8D57u, c.z);
        c = vec4(p1.y ^ c.y ^ k.x, p1.x, p0.y ^ c.w ^ k.y, p0.x);
        k += vec2(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

// A chip as its random numbers know it: its trial, and what turns over the top bit of each word.
struct ChipKey {
    trial: u32,
    flip: u32,
}

// The chip `trial`; if chips are antithetic (1, else 0), chip 2k + 1 is the partner of chip 2k.
fn chip_key(trial: u32, antithetic: u32) -> ChipKey {
    return ChipKey(trial & ~antithetic, (trial & antithetic) << 31u);
}

// Four random words: those of slices `4 quad` to `4 quad + 3` of a cell, for a chip.
fn cell_words(seed: vec2<u32>, chip: ChipKey, purpose: u32, layer: u32, row: u32, column: u32, plane: u32, quad: u32) -> vec4<u32> {
    let place = layer << 16u | purpose << 12u | plane << 8u | quad;
    return philox4x32(vec4(row, column, place, chip.trial), seed) ^ vec4(chip.flip);
}
