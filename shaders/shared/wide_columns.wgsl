// 64-bit integers of four columns at once. Mirror: `wide_add` in shaders/shared/wide.wgsl, one column at a time.

struct WideColumns {
    low: vec4<u32>,
    high: vec4<u32>,
}

fn wide_columns_add(a: WideColumns, b: WideColumns) -> WideColumns {
    let low = a.low + b.low;
    return WideColumns(low, a.high + b.high + select(vec4(0u), vec4(1u), low < a.low));
}

fn wide_columns_from(v: vec4<i32>) -> WideColumns {
    return WideColumns(bitcast<vec4<u32>>(v), bitcast<vec4<u32>>(v >> vec4(31u)));
}

// v * 2^by, by < 64.
fn wide_columns_shift_left(v: WideColumns, by: u32) -> WideColumns {
    if by == 0u {
        return v;
    }
    if by >= 32u {
        return WideColumns(vec4(0u), v.low << vec4(by - 32u));
    }
    return WideColumns(v.low << vec4(by), v.high << vec4(by) | v.low >> vec4(32u - by));
}
