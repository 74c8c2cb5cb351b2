// One tile of columns of a layer on its crossbars: bitline sums of the active wordlines, conversion, shift-and-add.
// Twin of src/engine/cpu/crossbar_mvm.rs; no tables, no shortcuts: this is the oracle of faster kernels.
//
// A vector is one (trial, image, position). One invocation per (vector, column): it adds up, converts and counts
// every row group, slice and input step of its column.
// #include "shared/grid.wgsl"
// #include "shared/wide.wgsl"
// #include "shared/adc.wgsl"
// #include "shared/counters.wgsl"

// Mirror: `CrossbarMvm` in src/engine/gpu/layout.rs.
struct CrossbarMvm {
    adc: Converter,
    rows: u32,
    first_group: u32, // the groups of this dispatch; what earlier ones accumulated is kept
    end_group: u32,
    columns: u32,      // of the tile
    first_column: u32, // of the tile
    slices: u32,       // of all converted planes
    accumulators: u32, // per vector
    input_sum: u32,    // 1: the sum of the inputs stands last
    count: u32,        // 0: a digital layer, nothing is counted
    of_trial: u32,     // vectors of one trial
    first_vector: u32,
    vectors: u32, // from the first one on
}

// Constants of a pipeline, so that what is not needed is compiled away.
override INPUT_STEPS: u32 = 8u;
override DAC_BITS: u32 = 1u;

@group(0) @binding(0) var<uniform> params: CrossbarMvm;
@group(0) @binding(1) var<storage, read> groups: array<vec2<u32>>; // [start, end)
@group(0) @binding(2) var<storage, read> column_weights: array<i32>; // [group][converted column]
@group(0) @binding(3) var<storage, read> thresholds: array<i32>;
@group(0) @binding(4) var<storage, read> cells: array<i32>; // [trial][row][converted column]
@group(0) @binding(5) var<storage, read> inputs: array<u32>; // [vector from the first one on][row]
@group(0) @binding(6) var<storage, read_write> accumulators: array<vec2<u32>>; // [vector][accumulator]
@group(0) @binding(7) var<storage, read_write> counters: array<TrialCounters>;

// Of one invocation.
var<private> accumulator: vec2<u32>;
var<private> clipped: u32;

// The current of a cell in the steps `first` to `first + 3` of an input.
fn current(conductance: i32, input: u32, first: u32) -> vec4<i32> {
    let digits = bitcast<vec4<i32>>(vec4(input) >> ((vec4(0u, 1u, 2u, 3u) + first) * DAC_BITS) & vec4((1u << DAC_BITS) - 1u));
    if DAC_BITS == 1u {
        return vec4(conductance) & -digits; // the same without a multiplication
    }
    return conductance * digits;
}

// Adds what a code (or an unrounded sum) of one step counts: a power of two, with a sign for the negative plane.
fn count_step(value: i32, step: u32, weight: i32) {
    if step >= INPUT_STEPS {
        return;
    }
    let place = countTrailingZeros(bitcast<u32>(abs(weight))) + step * DAC_BITS;
    let counted = wide_shift_left(wide_from_i32(value), place);
    accumulator = wide_add(accumulator, select(counted, wide_negate(counted), weight < 0));
}

// Converts the sums of the steps `first` to `first + 3`.
fn count_steps(sums: vec4<i32>, first: u32, weight: i32) {
    if first >= INPUT_STEPS {
        return;
    }
    var values = sums;
    if CONVERSION != IDEAL {
        let codes = adc_codes(params.adc, sums);
        values = codes.values;
        let is_step = vec4(0u, 1u, 2u, 3u) + first < vec4(INPUT_STEPS);
        let ones = select(vec4(0u), vec4(1u), codes.clipped & is_step);
        clipped += ones.x + ones.y + ones.z + ones.w;
    }
    count_step(values.x, first, weight);
    count_step(values.y, first + 1u, weight);
    count_step(values.z, first + 2u, weight);
    count_step(values.w, first + 3u, weight);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    let column = index % params.columns;
    if index / params.columns >= params.vectors {
        return;
    }
    let vector = params.first_vector + index / params.columns;
    let trial = vector / params.of_trial;
    let first_input = index / params.columns * params.rows;
    let row_stride = params.slices * params.columns;

    for (var group = params.first_group; group < params.end_group; group++) {
        let range = groups[group];
        for (var slice = 0u; slice < params.slices; slice++) {
            let weight = column_weights[group * row_stride + slice * params.columns + column];
            if weight == 0 {
                continue; // no conversion is made
            }
            // Four input steps to a vector; what steps beyond the last would add is never looked at.
            var sums_0 = vec4(0);
            var sums_4 = vec4(0);
            var sums_8 = vec4(0);
            var cell = (trial * params.rows + range.x) * row_stride + slice * params.columns + column;
            for (var row = range.x; row < range.y; row++) {
                let conductance = cells[cell];
                let input = inputs[first_input + row];
                sums_0 += current(conductance, input, 0u);
                if INPUT_STEPS > 4u {
                    sums_4 += current(conductance, input, 4u);
                }
                if INPUT_STEPS > 8u {
                    sums_8 += current(conductance, input, 8u);
                }
                cell += row_stride;
            }
            count_steps(sums_0, 0u, weight);
            count_steps(sums_4, 4u, weight);
            count_steps(sums_8, 8u, weight);
        }
    }
    let at = vector * params.accumulators + params.first_column + column;
    if params.first_group != 0u {
        accumulator = wide_add(accumulator, accumulators[at]);
    }
    accumulators[at] = accumulator;

    if params.input_sum != 0u && params.first_column + column + params.first_group == 0u {
        var sum = vec2(0u);
        for (var row = 0u; row < params.rows; row++) {
            sum = wide_add(sum, wide_from_u32(inputs[first_input + row]));
        }
        accumulators[vector * params.accumulators + params.accumulators - 1u] = sum;
    }
    if params.count != 0u {
        count_clipped(trial, clipped);
    }
}
