// Integer scaling; every digital rounding is half away from zero. Mirror: src/quantize/fixed_point.rs.
// #include "shared/wide.wgsl"

// v / 2^shift, rounded half away from zero. shift >= 1, |v| < 2^62.
fn shift_round(v: vec2<u32>, shift: u32) -> vec2<u32> {
    let negative = wide_is_negative(v);
    let half = wide_shift_left(vec2(1u, 0u), shift - 1u);
    let magnitude = wide_shift_right(wide_add(select(v, wide_negate(v), negative), half), shift);
    return select(magnitude, wide_negate(magnitude), negative);
}

// v / 2^by, rounded half up: how accumulators of an ideal converter lose their spare bits.
fn prescaled(v: vec2<u32>, by: u32) -> vec2<u32> {
    if by == 0u {
        return v;
    }
    return wide_shift_right(wide_add(v, wide_shift_left(vec2(1u, 0u), by - 1u)), by);
}

// clamp(zero + round(v / 2^shift), low, high): the last step of every digital pass.
fn rounded_output(v: vec2<u32>, shift: u32, zero: i32, low: i32, high: i32) -> u32 {
    return bitcast<u32>(wide_clamp(wide_add(wide_from_i32(zero), shift_round(v, shift)), low, high));
}
