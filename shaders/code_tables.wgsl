// For every pattern of a row group, what the codes of a column's slices add up to. Twin of
// src/engine/cpu/plain/code_tables.rs.
//
// One invocation per (trial, unit, sixteen patterns, pair of columns): the patterns share their high bits, whose current
// is added up once per slice; their four low bits are worked out in registers.
// #include "shared/grid.wgsl"
// #include "shared/wide.wgsl"
// #include "shared/adc.wgsl"

// Mirror: `CodeTables` in src/engine/gpu/layout.rs.
struct CodeTables {
    adc: Converter,
    rows: u32,
    units: u32,
    index_bits: u32, // of the largest unit
    dac_bits: u32,
    columns: u32, // of the tile
    pairs: u32,   // of columns, padding included
    slices: u32,  // of all converted planes
    trials: u32,
    flags: u32, // where `clips` holds, per trial, whether any conversion was clipped
    count: u32, // 0: a digital layer, nothing is counted
    unused: vec2<u32>,
}

@group(0) @binding(0) var<uniform> params: CodeTables;
@group(0) @binding(1) var<storage, read> units: array<vec2<u32>>; // rows [start, end)
@group(0) @binding(2) var<storage, read> column_weights: array<i32>; // [unit][converted column]
@group(0) @binding(3) var<storage, read> thresholds: array<i32>;
@group(0) @binding(4) var<storage, read> cells: array<i32>; // [trial][row][converted column]
@group(0) @binding(5) var<storage, read_write> tables: array<u32>; // [trial][unit][index][pair]: odd column * 2^16 + even one
@group(0) @binding(6) var<storage, read_write> clips: array<atomic<u32>>; // [trial][unit][index], zero before; then flags

// Of one invocation: its unit, and for its sixteen patterns what was counted so far, even and odd column.
var<private> first_cell: u32; // of the unit's first row
var<private> height: u32;
var<private> even: array<vec4<i32>, 4>;
var<private> odd: array<vec4<i32>, 4>;
var<private> clipped: array<vec4<u32>, 4>;

// The current that bit `bit` of an index stands for in a converted column; 0 beyond the unit's bits.
fn current(bit: u32, converted: u32) -> i32 {
    if bit >= height * params.dac_bits {
        return 0;
    }
    return cells[first_cell + bit % height * params.slices * params.columns + converted] << (bit / height);
}

// Converts a column's sums under all sixteen patterns.
fn convert(high: u32, converted: u32, weight: i32) -> array<vec4<i32>, 4> {
    var above = 0;
    for (var bit = 4u; bit < height * params.dac_bits; bit++) {
        above += current(bit, converted) & -bitcast<i32>(high >> (bit - 4u) & 1u);
    }
    let current_0 = current(0u, converted);
    let current_1 = current(1u, converted);
    let current_2 = current(2u, converted);
    let current_3 = current(3u, converted);
    let sums = above + vec4(0, current_0, current_1, current_0 + current_1);
    let codes_0 = adc_codes(params.adc, sums);
    let codes_1 = adc_codes(params.adc, sums + current_2);
    let codes_2 = adc_codes(params.adc, sums + current_3);
    let codes_3 = adc_codes(params.adc, sums + current_2 + current_3);
    let is_made = weight != 0;
    clipped[0] += select(vec4(0u), vec4(1u), codes_0.clipped & vec4(is_made));
    clipped[1] += select(vec4(0u), vec4(1u), codes_1.clipped & vec4(is_made));
    clipped[2] += select(vec4(0u), vec4(1u), codes_2.clipped & vec4(is_made));
    clipped[3] += select(vec4(0u), vec4(1u), codes_3.clipped & vec4(is_made));
    return array(codes_0.values * weight, codes_1.values * weight, codes_2.values * weight, codes_3.values * weight);
}

fn write_entry(at: u32, even_entry: i32, odd_entry: i32) {
    tables[at] = bitcast<u32>((odd_entry << 16u) + even_entry);
}

fn write_entries(first: u32, patterns: u32, even_entries: vec4<i32>, odd_entries: vec4<i32>) {
    if patterns > 0u {
        write_entry(first, even_entries.x, odd_entries.x);
    }
    if patterns > 1u {
        write_entry(first + params.pairs, even_entries.y, odd_entries.y);
    }
    if patterns > 2u {
        write_entry(first + 2u * params.pairs, even_entries.z, odd_entries.z);
        write_entry(first + 3u * params.pairs, even_entries.w, odd_entries.w);
    }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    let sixteens = max(1u << params.index_bits >> 4u, 1u);
    let pair = index % params.pairs;
    let high = index / params.pairs % sixteens;
    let unit = index / params.pairs / sixteens % params.units;
    let trial = index / params.pairs / sixteens / params.units;
    if trial >= params.trials {
        return;
    }
    let rows = units[unit];
    height = rows.y - rows.x;
    let patterns = 1u << (height * params.dac_bits);
    if high << 4u >= patterns {
        return; // a low unit has fewer
    }
    let row_stride = params.slices * params.columns;
    first_cell = (trial * params.rows + rows.x) * row_stride;

    for (var slice = 0u; slice < params.slices; slice++) {
        let converted = slice * params.columns + 2u * pair;
        if 2u * pair < params.columns {
            let counted = convert(high, converted, column_weights[unit * row_stride + converted]);
            even[0] += counted[0];
            even[1] += counted[1];
            even[2] += counted[2];
            even[3] += counted[3];
        }
        if 2u * pair + 1u < params.columns {
            let counted = convert(high, converted + 1u, column_weights[unit * row_stride + converted + 1u]);
            odd[0] += counted[0];
            odd[1] += counted[1];
            odd[2] += counted[2];
            odd[3] += counted[3];
        }
    }

    let first = ((trial * params.units + unit) << params.index_bits) + (high << 4u);
    let here = patterns - (high << 4u);
    write_entries(first * params.pairs + pair, here, even[0], odd[0]);
    if here > 4u {
        write_entries((first + 4u) * params.pairs + pair, here, even[1], odd[1]);
    }
    if here > 8u {
        write_entries((first + 8u) * params.pairs + pair, here, even[2], odd[2]);
        write_entries((first + 12u) * params.pairs + pair, here, even[3], odd[3]);
    }
    let any_clipped = any((clipped[0] | clipped[1] | clipped[2] | clipped[3]) != vec4(0u)) && params.count != 0u;
    if any_clipped {
        atomicOr(&clips[params.flags + trial], 1u);
    }
    for (var i = select(16u, 0u, any_clipped); i < min(here, 16u); i++) {
        atomicAdd(&clips[first + i], clipped[i / 4u][i % 4u]);
    }
}
