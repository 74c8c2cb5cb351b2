// The analog-to-digital converter as a table of thresholds, which holds the rule of the f64 expression in
// `Adc::index` (src/crossbar/adc.rs) for engines without f64. The pass declares `thresholds`: thresholds[i] is the
// least sum whose index is at least i; the index of a sum is the number of thresholds it has reached, less one.
// Mirror: `Adc::code`; the host's part is `Converter` in src/engine/gpu/layout.rs.
// #include "shared/wide.wgsl"

struct Converter {
    ideal: u32,        // 1: sums go on unrounded, nothing below is read
    top: u32,          // highest code
    zero_index: i32,   // codes are counted from here
    inverse_step: u32, // floor(2^32 / step)
    base: u32,         // guesses start at this threshold
    reachable: u32,    // thresholds that a 32-bit sum can reach
    unused: vec2<u32>,
}

struct Code {
    value: i32,
    clipped: bool,
}

// A guess by multiplication, off by one or two, then a walk to the exact index.
fn unclipped_index(adc: Converter, sum: i32) -> i32 {
    if adc.reachable == 0u || sum < thresholds[adc.base] {
        return -1; // below thresholds[base] only where base = 0
    }
    let distance = bitcast<u32>(sum) - bitcast<u32>(thresholds[adc.base]);
    var index = min(adc.base + multiply_u32(distance, adc.inverse_step).y, adc.reachable - 1u);
    while index > adc.base && thresholds[index] > sum {
        index -= 1u;
    }
    while index + 1u < adc.reachable && thresholds[index + 1u] <= sum {
        index += 1u;
    }
    return bitcast<i32>(index);
}

// The code of a sum, and whether the sum lay more than half a step outside the range.
fn adc_code(adc: Converter, sum: i32) -> Code {
    let index = unclipped_index(adc, sum);
    let kept = clamp(index, 0, bitcast<i32>(adc.top));
    return Code(kept - adc.zero_index, kept != index);
}
