// One tile of columns of a layer on its crossbars: bitline sums of the active wordlines, conversion, shift-and-add.
// Twin of src/engine/cpu/crossbar_mvm.rs; no tables, no shortcuts: this is the oracle of faster kernels.
//
// A vector is one (trial, image, position). A workgroup takes 32 columns of 4 vectors: it gathers the inputs of
// some whole row groups, then each invocation adds up and converts one column of one vector.
// #include "shared/wide.wgsl"
// #include "shared/window.wgsl"
// #include "shared/adc.wgsl"
// #include "shared/counters.wgsl"

// Mirror: `CrossbarMvm` in src/engine/gpu/layout.rs.
struct CrossbarMvm {
    window: Window,
    adc: Converter,
    rows: u32,
    groups: u32,
    columns: u32,      // of the tile
    first_column: u32, // of the tile
    slices: u32,       // of all converted planes
    dac_bits: u32,
    zero: u32,         // what padding drives
    accumulators: u32, // per vector
    input_sum: u32,    // 1: the sum of the inputs stands last
    count: u32,        // 0: a digital layer, nothing is counted
    images: u32,
    positions: u32,
    input_trial_stride: u32, // 0: all trials read the same images
    input_image_stride: u32,
    first_vector: u32,
    vectors: u32,
}

// Input steps; a constant, so that the loops over them unroll.
override INPUT_STEPS: u32 = 8u;
const MAX_INPUT_STEPS: u32 = 16u;
const COLUMNS: u32 = 32u;
const VECTORS: u32 = 4u;
const ROWS: u32 = 1024u; // gathered together; no row group is taller

@group(0) @binding(0) var<uniform> params: CrossbarMvm;
@group(0) @binding(1) var<storage, read> groups: array<vec2<u32>>; // [start, end)
@group(0) @binding(2) var<storage, read> column_weights: array<i32>; // [group][converted column]
@group(0) @binding(3) var<storage, read> thresholds: array<i32>;
@group(0) @binding(4) var<storage, read> cells: array<i32>; // [trial][row][converted column]
@group(0) @binding(5) var<storage, read> input: array<u32>; // [trial][image][channel][row][column]
@group(0) @binding(6) var<storage, read_write> accumulators: array<vec2<u32>>; // [vector][accumulator]
@group(0) @binding(7) var<storage, read_write> counters: array<TrialCounters>;

var<workgroup> inputs: array<array<u32, ROWS>, VECTORS>;

@compute @workgroup_size(COLUMNS, VECTORS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let wanted = params.first_vector + workgroup.y * VECTORS + local.y;
    let column = workgroup.x * COLUMNS + local.x;
    let works = wanted < params.vectors && column < params.columns;
    let vector = min(wanted, params.vectors - 1u); // the idle ones gather, too: barriers want everybody
    let trial = vector / (params.images * params.positions);
    let image = vector / params.positions % params.images;
    let position = vector % params.positions;
    let image_start = trial * params.input_trial_stride + image * params.input_image_stride;
    let row_stride = params.slices * params.columns;
    let first_cell = trial * params.rows * row_stride + column;
    let mask = (1u << params.dac_bits) - 1u;

    var accumulator = vec2(0u);
    var sum_of_inputs = vec2(0u);
    var clipped = 0u;
    var group = 0u;
    while group < params.groups {
        let first_row = groups[group].x;
        var past = group + 1u; // past the last group gathered together
        while past < params.groups && groups[past].y - first_row <= ROWS {
            past += 1u;
        }
        let last_row = groups[past - 1u].y;
        workgroupBarrier();
        for (var row = first_row + local.x; row < last_row; row += COLUMNS) {
            let element = window_element(params.window, position, row);
            if element == PADDING {
                inputs[local.y][row - first_row] = params.zero;
            } else {
                inputs[local.y][row - first_row] = input[image_start + element];
            }
        }
        workgroupBarrier();
        if works {
            for (var g = group; g < past; g++) {
                let range = groups[g];
                for (var slice = 0u; slice < params.slices; slice++) {
                    let weight = column_weights[g * row_stride + slice * params.columns + column];
                    if weight == 0 {
                        continue; // no conversion is made
                    }
                    var sums = array<i32, MAX_INPUT_STEPS>();
                    for (var row = range.x; row < range.y; row++) {
                        let cell = cells[first_cell + row * row_stride + slice * params.columns];
                        let driven = inputs[local.y][row - first_row];
                        for (var step = 0u; step < INPUT_STEPS; step++) {
                            sums[step] += cell * bitcast<i32>(driven >> (step * params.dac_bits) & mask);
                        }
                    }
                    // What a code counts is a power of two, with a sign for the negative plane.
                    let place = countTrailingZeros(bitcast<u32>(abs(weight)));
                    for (var step = 0u; step < INPUT_STEPS; step++) {
                        var value = sums[step];
                        if params.adc.ideal == 0u {
                            let code = adc_code(params.adc, value);
                            value = code.value;
                            clipped += select(0u, 1u, code.clipped);
                        }
                        let counted = wide_shift_left(wide_from_i32(value), place + step * params.dac_bits);
                        accumulator = wide_add(accumulator, select(counted, wide_negate(counted), weight < 0));
                    }
                }
            }
            if params.input_sum != 0u && params.first_column + column == 0u {
                for (var row = first_row; row < last_row; row++) {
                    sum_of_inputs = wide_add(sum_of_inputs, wide_from_u32(inputs[local.y][row - first_row]));
                }
            }
        }
        group = past;
    }
    if !works {
        return;
    }
    accumulators[vector * params.accumulators + params.first_column + column] = accumulator;
    if params.input_sum != 0u && params.first_column + column == 0u {
        accumulators[vector * params.accumulators + params.accumulators - 1u] = sum_of_inputs;
    }
    if clipped != 0u && params.count != 0u {
        let before = atomicAdd(&counters[trial].clipped_low, clipped);
        if before + clipped < before {
            atomicAdd(&counters[trial].clipped_high, 1u);
        }
    }
}
