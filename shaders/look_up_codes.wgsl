// A product from tables of codes: entries are added over row groups, shifted by step. Twin of
// src/engine/cpu/plain/look_up_codes.rs.
//
// One invocation per (vector, eight columns). A word of a table holds two columns as odd * 2^16 + even, so sums of
// words are sums of both as long as they fit 16 bits; they are taken apart after as many units as that allows.
// #include "shared/grid.wgsl"
// #include "shared/wide.wgsl"
// #include "shared/wide_columns.wgsl"
// #include "shared/patterns.wgsl"
// #include "shared/counters.wgsl"

// Mirror: `LookUpCodes` in src/engine/gpu/layout.rs.
struct LookUpCodes {
    units: u32,
    index_bits: u32,    // of the largest unit
    columns: u32,       // of the tile
    first_column: u32,  // of the tile
    blocks: u32,        // of eight columns
    units_at_once: u32, // their sums fit 16 bits
    accumulators: u32,  // per vector
    input_sum: u32,     // 1: the sum of the inputs stands last
    flags: u32,         // where `clips` holds, per trial, whether any conversion was clipped
    of_trial: u32,      // vectors of one trial
    first_vector: u32,
    vectors: u32, // from the first one on
    first_unit: u32, // the units of this dispatch; what earlier ones accumulated is kept
    end_unit: u32,
    unused: vec2<u32>,
}

@group(0) @binding(0) var<uniform> params: LookUpCodes;
@group(0) @binding(1) var<storage, read> units: array<vec2<u32>>; // rows [start, end)
@group(0) @binding(2) var<storage, read> tables: array<vec4<u32>>; // [trial][unit][index][block]
@group(0) @binding(3) var<storage, read> clips: array<u32>; // [trial][unit][index], then flags
@group(0) @binding(4) var<storage, read> patterns: array<u32>; // [unit][vector from the first one on][step]
@group(0) @binding(5) var<storage, read_write> accumulators: array<vec2<u32>>; // [vector][accumulator]
@group(0) @binding(6) var<storage, read_write> counters: array<TrialCounters>;

// Of one invocation: the steps so far, even and odd columns.
var<private> even: vec4<i32>;
var<private> odd: vec4<i32>;

// Appends the sum of the next lower step.
fn shift_and_add(sum: vec4<u32>) {
    let low = bitcast<vec4<i32>>(sum << vec4(16u)) >> vec4(16u);
    even = (even << vec4(DAC_BITS)) + low;
    odd = (odd << vec4(DAC_BITS)) + ((bitcast<vec4<i32>>(sum) - low) >> vec4(16u));
}

// Adds to an accumulator, or sets it.
fn accumulate(at: u32, value: vec2<u32>) {
    var sum = value;
    if params.first_unit != 0u {
        sum = wide_add(sum, accumulators[at]);
    }
    accumulators[at] = sum;
}

fn write_column(first: u32, column: u32, low: u32, high: u32) {
    if column < params.columns {
        accumulate(first + column, vec2(low, high));
    }
}

// Conversions clipped in every `blocks`-th unit from `first` on: the invocations of a vector share its units.
fn clipped_conversions(first_row: u32, first_word: u32, first: u32) -> u32 {
    var clipped = 0u;
    for (var unit = first; unit < params.end_unit; unit += params.blocks) {
        for (var step = 0u; step < INPUT_STEPS; step++) {
            let index = patterns[first_word + unit * unit_words() + step / 2u] >> (step % 2u * 16u) & 0xffffu;
            clipped += clips[first_row + (unit << params.index_bits) + index];
        }
    }
    return clipped;
}

// Words from one unit to the next.
fn unit_words() -> u32 {
    return params.vectors * step_words();
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    let blocks = params.blocks;
    let block = index % blocks;
    if index / blocks >= params.vectors {
        return;
    }
    let vector = params.first_vector + index / blocks;
    let trial = vector / params.of_trial;
    let first_row = trial * params.units << params.index_bits;
    let first_word = index / blocks * step_words();

    var even_total = WideColumns(vec4(0u), vec4(0u));
    var odd_total = WideColumns(vec4(0u), vec4(0u));
    for (var first = params.first_unit; first < params.end_unit; first += params.units_at_once) {
        var sum_0 = vec4(0u);
        var sum_1 = vec4(0u);
        var sum_2 = vec4(0u);
        var sum_3 = vec4(0u);
        var sum_4 = vec4(0u);
        var sum_5 = vec4(0u);
        var sum_6 = vec4(0u);
        var sum_7 = vec4(0u);
        var sum_8 = vec4(0u);
        var sum_9 = vec4(0u);
        var sum_10 = vec4(0u);
        var sum_11 = vec4(0u);
        for (var unit = first; unit < min(first + params.units_at_once, params.end_unit); unit++) {
            let word = first_word + unit * unit_words();
            let row = first_row + (unit << params.index_bits);
            let pair_0 = patterns[word];
            sum_0 += tables[(row + (pair_0 & 0xffffu)) * blocks + block];
            if INPUT_STEPS > 1u {
                sum_1 += tables[(row + (pair_0 >> 16u)) * blocks + block];
            }
            if INPUT_STEPS > 2u {
                let pair_2 = patterns[word + 1u];
                sum_2 += tables[(row + (pair_2 & 0xffffu)) * blocks + block];
                if INPUT_STEPS > 3u {
                    sum_3 += tables[(row + (pair_2 >> 16u)) * blocks + block];
                }
            }
            if INPUT_STEPS > 4u {
                let pair_4 = patterns[word + 2u];
                sum_4 += tables[(row + (pair_4 & 0xffffu)) * blocks + block];
                if INPUT_STEPS > 5u {
                    sum_5 += tables[(row + (pair_4 >> 16u)) * blocks + block];
                }
            }
            if INPUT_STEPS > 6u {
                let pair_6 = patterns[word + 3u];
                sum_6 += tables[(row + (pair_6 & 0xffffu)) * blocks + block];
                if INPUT_STEPS > 7u {
                    sum_7 += tables[(row + (pair_6 >> 16u)) * blocks + block];
                }
            }
            if INPUT_STEPS > 8u {
                let pair_8 = patterns[word + 4u];
                sum_8 += tables[(row + (pair_8 & 0xffffu)) * blocks + block];
                if INPUT_STEPS > 9u {
                    sum_9 += tables[(row + (pair_8 >> 16u)) * blocks + block];
                }
            }
            if INPUT_STEPS > 10u {
                let pair_10 = patterns[word + 5u];
                sum_10 += tables[(row + (pair_10 & 0xffffu)) * blocks + block];
                if INPUT_STEPS > 11u {
                    sum_11 += tables[(row + (pair_10 >> 16u)) * blocks + block];
                }
            }
        }
        // The highest step first. Steps that there are not have added nothing.
        even = vec4(0);
        odd = vec4(0);
        if INPUT_STEPS > 8u {
            shift_and_add(sum_11);
            shift_and_add(sum_10);
            shift_and_add(sum_9);
            shift_and_add(sum_8);
        }
        if INPUT_STEPS > 4u {
            shift_and_add(sum_7);
            shift_and_add(sum_6);
            shift_and_add(sum_5);
            shift_and_add(sum_4);
        }
        shift_and_add(sum_3);
        shift_and_add(sum_2);
        shift_and_add(sum_1);
        shift_and_add(sum_0);
        even_total = wide_columns_add(even_total, wide_columns_from(even));
        odd_total = wide_columns_add(odd_total, wide_columns_from(odd));
    }

    let out = vector * params.accumulators + params.first_column;
    for (var k = 0u; k < 4u; k++) {
        write_column(out, block * 8u + 2u * k, even_total.low[k], even_total.high[k]);
        write_column(out, block * 8u + 2u * k + 1u, odd_total.low[k], odd_total.high[k]);
    }
    if params.input_sum != 0u && params.first_column + block == 0u {
        accumulate(vector * params.accumulators + params.accumulators - 1u, input_sum(first_word, unit_words(), params.first_unit, params.end_unit));
    }
    if clips[params.flags + trial] != 0u {
        count_clipped(trial, clipped_conversions(first_row, first_word, params.first_unit + block));
    }
}
