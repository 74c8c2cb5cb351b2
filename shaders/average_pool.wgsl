// Mean over a window on the output's scale; positions outside the input count as zero.
// Twin of src/engine/cpu/average_pool.rs. One invocation per element of the output.
// #include "shared/grid.wgsl"
// #include "shared/window.wgsl"
// #include "shared/fixed_point.wgsl"

// Mirror: `AveragePool` in src/engine/gpu/layout.rs.
struct AveragePool {
    window: Window,
    images: u32, // per trial
    trials: u32,
    input_trial_stride: u32, // 0: the same for all trials
    channels: u32,
    input_zero: i32,
    zero: i32,
    multiplier: i32, // holds 1 / (window size)
    shift: u32,
    low: i32,
    high: i32,
}

@group(0) @binding(0) var<uniform> params: AveragePool;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    let window = params.window;
    let position = vec2(index / window.out.y % window.out.x, index % window.out.y);
    let plane = index / (window.out.x * window.out.y); // of all channels, images, trials
    let trial = plane / (params.channels * params.images);
    if trial >= params.trials {
        return;
    }
    let start = trial * params.input_trial_stride + plane % (params.channels * params.images) * window.input_size.x * window.input_size.y;
    var sum = vec2(0u);
    for (var ky = 0u; ky < window.kernel.x; ky++) {
        for (var kx = 0u; kx < window.kernel.y; kx++) {
            let at = inside(window, position, vec2(ky, kx));
            if at != PADDING {
                sum = wide_add(sum, wide_from_i32(bitcast<i32>(input[start + at]) - params.input_zero));
            }
        }
    }
    let scaled = wide_multiply(sum, wide_from_i32(params.multiplier));
    out[index] = rounded_output(scaled, params.shift, params.zero, params.low, params.high);
}
