// Sum of one or two tensors on a common scale, with a ReLU's clamp. Twin of src/engine/cpu/add.rs.
// One invocation per element of (trial, image).
// #include "shared/grid.wgsl"
// #include "shared/fixed_point.wgsl"

// Mirror: `Add` in src/engine/gpu/layout.rs.
struct Add {
    terms: u32, // 1 or 2; with 1, the second is not read
    shift: u32,
    zero: i32,
    low: i32,
    high: i32,
    first_multiplier: i32,
    first_zero: i32,
    first_trial_stride: u32, // 0: the same for all trials
    second_multiplier: i32,
    second_zero: i32,
    second_trial_stride: u32,
    of_trial: u32, // elements of one trial
    trials: u32,
}

@group(0) @binding(0) var<uniform> params: Add;
@group(0) @binding(1) var<storage, read> first: array<u32>;
@group(0) @binding(2) var<storage, read> second: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<u32>;

fn term(value: u32, multiplier: i32, zero: i32) -> vec2<u32> {
    return wide_multiply(wide_from_i32(bitcast<i32>(value) - zero), wide_from_i32(multiplier));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    let trial = index / params.of_trial;
    let element = index % params.of_trial;
    if trial >= params.trials {
        return;
    }
    var sum = term(first[trial * params.first_trial_stride + element], params.first_multiplier, params.first_zero);
    if params.terms == 2u {
        sum = wide_add(sum, term(second[trial * params.second_trial_stride + element], params.second_multiplier, params.second_zero));
    }
    out[index] = rounded_output(sum, params.shift, params.zero, params.low, params.high);
}
