// The analog-to-digital converter without f64: the index of a sum by a product with 2^(32 + shift) / step, which the host
// has compared with the rule, the f64 expression in `Adc::index` (src/crossbar/adc.rs), at every threshold. Where a
// product alone is not the rule (at ties, which go to the even index), it is one too large at most, and the table of
// thresholds decides. The pass declares `thresholds`: thresholds[i] is the least sum whose index is at least i.
// Mirror: `Adc::code`; the host's part is `Converter` in src/engine/gpu/converter.rs.
// #include "shared/wide.wgsl"

struct Converter {
    top: u32,        // highest code
    zero_index: i32, // codes are counted from here
    first: i32,      // index at `base`, one more than that of any sum below
    base: i32,       // least sum that has index `first`
    inverse: u32,    // 2^(32 + shift) / step
    fraction: u32,   // what `base` lies above its true threshold, times `inverse`
    shift: u32,
    last: i32, // highest index that a sum can have
}

// A constant of a pipeline, so that what is not needed is compiled away.
override CONVERSION: u32 = TABLE;
const IDEAL: u32 = 0u; // sums go on unrounded
const PRODUCT: u32 = 1u; // the product is the rule
const TABLE: u32 = 2u; // the product, then the table

// Codes of four sums, and whether a sum lay more than half a step outside the range.
struct Codes {
    values: vec4<i32>,
    clipped: vec4<bool>,
}

// (a * b + c) / 2^32. Mirror: `multiply_u32` in shaders/shared/wide.wgsl, by the same halves.
fn multiply_high(a: vec4<u32>, b: u32, c: u32) -> vec4<u32> {
    let a_low = a & vec4(0xffffu);
    let a_high = a >> vec4(16u);
    let b_low = b & 0xffffu;
    let b_high = b >> 16u;
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> vec4(16u));
    let other = a_low * b_high + (middle & vec4(0xffffu));
    let product = (other << vec4(16u)) | (low & vec4(0xffffu));
    let carry = select(vec4(0u), vec4(1u), product + c < product);
    return a_high * b_high + (middle >> vec4(16u)) + (other >> vec4(16u)) + carry;
}

fn unclipped_indices(adc: Converter, sums: vec4<i32>) -> vec4<i32> {
    let distances = bitcast<vec4<u32>>(sums) - vec4(bitcast<u32>(adc.base));
    var indices = adc.first + bitcast<vec4<i32>>(multiply_high(distances, adc.inverse, adc.fraction) >> vec4(adc.shift));
    if CONVERSION == TABLE {
        indices = clamp(indices, vec4(0), vec4(adc.last));
        let reached = vec4(thresholds[indices.x], thresholds[indices.y], thresholds[indices.z], thresholds[indices.w]);
        indices -= select(vec4(0), vec4(1), reached > sums);
    }
    return select(indices, vec4(adc.first - 1), sums < vec4(adc.base));
}

fn adc_codes(adc: Converter, sums: vec4<i32>) -> Codes {
    let indices = unclipped_indices(adc, sums);
    let kept = clamp(indices, vec4(0), vec4(bitcast<i32>(adc.top)));
    return Codes(kept - adc.zero_index, kept != indices);
}
