// In which pattern the rows of every unit are driven, for some vectors: rows of tables. Twin of
// src/engine/cpu/plain/patterns.rs.
// One invocation per (unit, vector): neighbours read neighbouring positions.
// #include "shared/grid.wgsl"
// #include "shared/window.wgsl"

// Mirror: `Patterns` in src/engine/gpu/layout.rs.
struct Patterns {
    window: Window,
    units: u32,
    zero: u32, // what padding drives
    images: u32,
    positions: u32,
    input_trial_stride: u32, // 0: all trials read the same images
    input_image_stride: u32,
    first_vector: u32,
    vectors: u32, // from the first one on
}

// Constants of a pipeline, so that what is not needed is compiled away.
override INPUT_STEPS: u32 = 8u;
override DAC_BITS: u32 = 1u;

@group(0) @binding(0) var<uniform> params: Patterns;
@group(0) @binding(1) var<storage, read> units: array<vec2<u32>>; // rows [start, end)
@group(0) @binding(2) var<storage, read> input: array<u32>; // [trial][image][channel][row][column]
@group(0) @binding(3) var<storage, read_write> out: array<u32>; // [unit][vector from the first one on][step], two steps to a word

// Bit `j` of the digits of the steps `first` to `first + 3`, at `place`.
fn digit_bits(value: u32, first: u32, j: u32, place: u32) -> vec4<u32> {
    return (vec4(value) >> ((vec4(0u, 1u, 2u, 3u) + first) * DAC_BITS + j) & vec4(1u)) << vec4(place);
}

fn write_steps(word: u32, first: u32, indices: vec4<u32>) {
    if INPUT_STEPS > first {
        out[word + first / 2u] = indices.x | indices.y << 16u;
    }
    if INPUT_STEPS > first + 2u {
        out[word + first / 2u + 1u] = indices.z | indices.w << 16u;
    }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    if index / params.vectors >= params.units {
        return;
    }
    let vector = params.first_vector + index % params.vectors;
    let position = place_of(params.window, vector % params.positions);
    let image = vector / params.positions;
    let start = image / params.images * params.input_trial_stride + image % params.images * params.input_image_stride;
    let rows = units[index / params.vectors];

    // Four steps to a vector; bits of steps beyond the last are zero, as no input has them.
    var steps_0 = vec4(0u);
    var steps_4 = vec4(0u);
    var steps_8 = vec4(0u);
    var tap = tap_of_row(params.window, rows.x);
    for (var row = rows.x; row < rows.y; row++) {
        let element = element_of(params.window, position, tap);
        tap = next_tap(params.window, tap);
        var value = params.zero;
        if element != PADDING {
            value = input[start + element];
        }
        for (var j = 0u; j < DAC_BITS; j++) {
            let place = j * (rows.y - rows.x) + row - rows.x;
            steps_0 |= digit_bits(value, 0u, j, place);
            if INPUT_STEPS > 4u {
                steps_4 |= digit_bits(value, 4u, j, place);
            }
            if INPUT_STEPS > 8u {
                steps_8 |= digit_bits(value, 8u, j, place);
            }
        }
    }
    let word = index * ((INPUT_STEPS + 1u) / 2u);
    write_steps(word, 0u, steps_0);
    write_steps(word, 4u, steps_4);
    write_steps(word, 8u, steps_8);
}
