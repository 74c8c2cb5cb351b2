// The inputs of every row of a layer at some positions, so that the product reads them one after another.
// Twin of src/engine/cpu/gather.rs. One invocation per (vector, row).
// #include "shared/grid.wgsl"
// #include "shared/window.wgsl"

// Mirror: `Gather` in src/engine/gpu/layout.rs.
struct Gather {
    window: Window,
    rows: u32,
    zero: u32, // what padding drives
    images: u32,
    positions: u32,
    input_trial_stride: u32, // 0: all trials read the same images
    input_image_stride: u32,
    first_vector: u32,
    vectors: u32, // from the first one on
}

@group(0) @binding(0) var<uniform> params: Gather;
@group(0) @binding(1) var<storage, read> input: array<u32>; // [trial][image][channel][row][column]
@group(0) @binding(2) var<storage, read_write> out: array<u32>; // [vector][row]

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    if index / params.rows >= params.vectors {
        return;
    }
    let vector = params.first_vector + index / params.rows;
    let position = vector % params.positions;
    let image = vector / params.positions;
    let start = image / params.images * params.input_trial_stride + image % params.images * params.input_image_stride;
    let element = element_of(params.window, place_of(params.window, position), tap_of_row(params.window, index % params.rows));
    var value = params.zero;
    if element != PADDING {
        value = input[start + element];
    }
    out[index] = value;
}
