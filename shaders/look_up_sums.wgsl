// A product from tables of currents: those of a group's blocks are added, converted, weighed. Twin of
// src/engine/cpu/plain/look_up_sums.rs. One invocation per (vector, four columns).
// #include "shared/grid.wgsl"
// #include "shared/wide.wgsl"
// #include "shared/wide_columns.wgsl"
// #include "shared/adc.wgsl"
// #include "shared/patterns.wgsl"
// #include "shared/counters.wgsl"

// Mirror: `LookUpSums` in src/engine/gpu/layout.rs.
struct LookUpSums {
    adc: Converter,
    units: u32,
    index_bits: u32, // of the largest unit
    first_group: u32, // the groups of this dispatch; what earlier ones accumulated is kept
    end_group: u32,
    columns: u32,      // of the tile
    first_column: u32, // of the tile
    blocks: u32,       // of four columns
    slices: u32,       // of all converted planes
    accumulators: u32, // per vector
    input_sum: u32,    // 1: the sum of the inputs stands last
    count: u32,        // 0: a digital layer, nothing is counted
    of_trial: u32,     // vectors of one trial
    first_vector: u32,
    vectors: u32, // from the first one on
}

@group(0) @binding(0) var<uniform> params: LookUpSums;
@group(0) @binding(1) var<storage, read> units: array<vec2<u32>>; // rows [start, end)
@group(0) @binding(2) var<storage, read> unit_groups: array<vec2<u32>>; // units [first, end) of each row group
@group(0) @binding(3) var<storage, read> column_weights: array<i32>; // [group][converted column]
@group(0) @binding(4) var<storage, read> thresholds: array<i32>;
@group(0) @binding(5) var<storage, read> tables: array<vec4<i32>>; // [trial][unit][index][slice][block]
@group(0) @binding(6) var<storage, read> patterns: array<u32>; // [unit][vector from the first one on][step]
@group(0) @binding(7) var<storage, read_write> accumulators: array<vec2<u32>>; // [vector][accumulator]
@group(0) @binding(8) var<storage, read_write> counters: array<TrialCounters>;

// Of one invocation.
var<private> total: WideColumns;
var<private> counted: vec4<i32>; // of the current group: codes, shifted and weighed
var<private> clipped: vec4<u32>;

// Adds what the sums of one step count in columns of the given weights; no conversion is made where a weight is 0.
fn count_step(sums: vec4<i32>, step: u32, weights: vec4<i32>) {
    if step >= INPUT_STEPS {
        return;
    }
    if CONVERSION == IDEAL {
        // A column's weight is 0 or, for all columns of a slice, the same power of two with a sign.
        let weight = max(max(abs(weights.x), abs(weights.y)), max(abs(weights.z), abs(weights.w)));
        let kept = wide_columns_from(sums * sign(weights));
        total = wide_columns_add(total, wide_columns_shift_left(kept, countTrailingZeros(bitcast<u32>(weight)) + step * DAC_BITS));
        return;
    }
    let codes = adc_codes(params.adc, sums);
    clipped += select(vec4(0u), vec4(1u), codes.clipped & (weights != vec4(0)));
    counted += (codes.values * weights) << vec4(step * DAC_BITS);
}

// Adds to an accumulator, or sets it.
fn accumulate(at: u32, value: vec2<u32>) {
    var sum = value;
    if params.first_group != 0u {
        sum = wide_add(sum, accumulators[at]);
    }
    accumulators[at] = sum;
}

fn weight_at(first: u32, column: u32) -> i32 {
    if column >= params.columns {
        return 0;
    }
    return column_weights[first + column];
}

// Words from one unit to the next.
fn unit_words() -> u32 {
    return params.vectors * step_words();
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    let blocks = params.blocks;
    let column = index % blocks * 4u;
    if index / blocks >= params.vectors {
        return;
    }
    let vector = params.first_vector + index / blocks;
    let trial = vector / params.of_trial;
    let first_row = trial * params.units << params.index_bits;
    let first_word = index / blocks * step_words();
    let row_stride = params.slices * blocks;

    for (var group = params.first_group; group < params.end_group; group++) {
        let range = unit_groups[group];
        counted = vec4(0);
        for (var slice = 0u; slice < params.slices; slice++) {
            let first_weight = (group * params.slices + slice) * params.columns;
            let weights = vec4(weight_at(first_weight, column), weight_at(first_weight, column + 1u), weight_at(first_weight, column + 2u), weight_at(first_weight, column + 3u));
            if all(weights == vec4(0)) {
                continue;
            }
            let place = slice * blocks + index % blocks;
            for (var first = 0u; first < INPUT_STEPS; first += 4u) {
                // Four input steps at once; steps beyond the last have index 0, whose current is 0.
                var sums_0 = vec4(0);
                var sums_1 = vec4(0);
                var sums_2 = vec4(0);
                var sums_3 = vec4(0);
                for (var unit = range.x; unit < range.y; unit++) {
                    let word = first_word + unit * unit_words() + first / 2u;
                    let row = first_row + (unit << params.index_bits);
                    let pair_0 = patterns[word];
                    sums_0 += tables[(row + (pair_0 & 0xffffu)) * row_stride + place];
                    sums_1 += tables[(row + (pair_0 >> 16u)) * row_stride + place];
                    if first + 2u < INPUT_STEPS {
                        let pair_2 = patterns[word + 1u];
                        sums_2 += tables[(row + (pair_2 & 0xffffu)) * row_stride + place];
                        sums_3 += tables[(row + (pair_2 >> 16u)) * row_stride + place];
                    }
                }
                count_step(sums_0, first, weights);
                count_step(sums_1, first + 1u, weights);
                count_step(sums_2, first + 2u, weights);
                count_step(sums_3, first + 3u, weights);
            }
        }
        total = wide_columns_add(total, wide_columns_from(counted));
    }

    for (var k = 0u; k < 4u; k++) {
        if column + k < params.columns {
            accumulate(vector * params.accumulators + params.first_column + column + k, vec2(total.low[k], total.high[k]));
        }
    }
    if params.input_sum != 0u && params.first_column + column == 0u {
        let of_groups = vec2(unit_groups[params.first_group].x, unit_groups[params.end_group - 1u].y);
        accumulate(vector * params.accumulators + params.accumulators - 1u, input_sum(first_word, unit_words(), of_groups.x, of_groups.y));
    }
    if params.count != 0u {
        count_clipped(trial, clipped.x + clipped.y + clipped.z + clipped.w);
    }
}
