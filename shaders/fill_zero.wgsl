// Every element becomes the integer that stands for zero. Twin of src/engine/cpu/fill_zero.rs.
// #include "shared/grid.wgsl"

// Mirror: `FillZero` in src/engine/gpu/layout.rs.
struct FillZero {
    zero: u32,
    elements: u32,
}

@group(0) @binding(0) var<uniform> params: FillZero;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    if index < params.elements {
        out[index] = params.zero;
    }
}
