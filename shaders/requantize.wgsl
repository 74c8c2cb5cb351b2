// Accumulators -> integers of the output tensor. Twin of src/engine/cpu/requantize.rs.
// One invocation per (trial, image, output, position).
// #include "shared/grid.wgsl"
// #include "shared/fixed_point.wgsl"

// Mirror: `Requantize` in src/engine/gpu/layout.rs.
struct Requantize {
    prescale: u32,
    extra_prescale: u32,
    shift: u32,
    zero_point: i32,
    low: i32,
    high: i32,
    outputs: u32,
    first_output: u32,
    positions: u32,
    accumulators: u32, // per vector; one more than outputs where there is an extra one
    images: u32,       // of all trials
    out_stride: u32,   // elements of one image's tensor
}

@group(0) @binding(0) var<uniform> params: Requantize;
@group(0) @binding(1) var<storage, read> multiplier: array<i32>;
@group(0) @binding(2) var<storage, read> extra_multiplier: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read> accumulators: array<vec2<u32>>; // [vector][accumulator]
@group(0) @binding(5) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    let position = index % params.positions;
    let n = index / params.positions % params.outputs;
    let image = index / params.positions / params.outputs;
    if image >= params.images {
        return;
    }
    let vector = (image * params.positions + position) * params.accumulators;
    var v = wide_multiply(prescaled(accumulators[vector + n], params.prescale), wide_from_i32(multiplier[n]));
    if params.accumulators > params.outputs {
        let extra = prescaled(accumulators[vector + params.outputs], params.extra_prescale);
        v = wide_add(v, wide_multiply(extra, extra_multiplier[n]));
    }
    v = wide_add(v, bias[n]);
    let at = image * params.out_stride + (params.first_output + n) * params.positions + position;
    out[at] = rounded_output(v, params.shift, params.zero_point, params.low, params.high);
}
