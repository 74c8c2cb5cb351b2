// 64-bit integers as vec2<u32> (low, high), two's complement. WGSL has none of its own, and the extension that has
// them is not on every adapter. Mirror: Rust's i64 with wrapping arithmetic; `mirrors_i64` in tests/twin/shared.rs.

// The 64-bit product of two unsigned numbers, by halves of 16 bits.
fn multiply_u32(a: u32, b: u32) -> vec2<u32> {
    let a_low = a & 0xffffu;
    let a_high = a >> 16u;
    let b_low = b & 0xffffu;
    let b_high = b >> 16u;
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 16u); // at most (2^16 - 1)^2 + 2^16 - 1: no carry is lost
    let other = a_low * b_high + (middle & 0xffffu);
    return vec2(a * b, a_high * b_high + (middle >> 16u) + (other >> 16u));
}

fn wide_from_i32(v: i32) -> vec2<u32> {
    return vec2(bitcast<u32>(v), bitcast<u32>(v >> 31u));
}

fn wide_from_u32(v: u32) -> vec2<u32> {
    return vec2(v, 0u);
}

fn wide_is_negative(v: vec2<u32>) -> bool {
    return (v.y >> 31u) == 1u;
}

fn wide_add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = a.x + b.x;
    return vec2(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn wide_negate(v: vec2<u32>) -> vec2<u32> {
    return wide_add(~v, vec2(1u, 0u));
}

// The low 64 bits of a product, signed or not.
fn wide_multiply(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = multiply_u32(a.x, b.x);
    return vec2(low.x, low.y + a.x * b.y + a.y * b.x);
}

// v << by, by < 64.
fn wide_shift_left(v: vec2<u32>, by: u32) -> vec2<u32> {
    if by == 0u {
        return v;
    }
    if by >= 32u {
        return vec2(0u, v.x << (by - 32u));
    }
    return vec2(v.x << by, v.y << by | v.x >> (32u - by));
}

// v >> by with the sign kept, by < 64.
fn wide_shift_right(v: vec2<u32>, by: u32) -> vec2<u32> {
    if by == 0u {
        return v;
    }
    let high = bitcast<i32>(v.y);
    if by >= 32u {
        return vec2(bitcast<u32>(high >> (by - 32u)), bitcast<u32>(high >> 31u));
    }
    return vec2(v.x >> by | v.y << (32u - by), bitcast<u32>(high >> by));
}

// a < b, signed.
fn wide_less(a: vec2<u32>, b: vec2<u32>) -> bool {
    let a_high = bitcast<i32>(a.y);
    let b_high = bitcast<i32>(b.y);
    return a_high < b_high || (a_high == b_high && a.x < b.x);
}

// v within [low, high].
fn wide_clamp(v: vec2<u32>, low: i32, high: i32) -> i32 {
    if wide_less(v, wide_from_i32(low)) {
        return low;
    }
    if wide_less(wide_from_i32(high), v) {
        return high;
    }
    return bitcast<i32>(v.x);
}
