// Maximum over a window; positions outside the input are left out. Twin of src/engine/cpu/max_pool.rs.
// One invocation per element of the output.
// #include "shared/grid.wgsl"
// #include "shared/window.wgsl"

// Mirror: `MaxPool` in src/engine/gpu/layout.rs.
struct MaxPool {
    window: Window,
    images: u32, // per trial
    trials: u32,
    input_trial_stride: u32, // 0: the same for all trials
    channels: u32,
}

@group(0) @binding(0) var<uniform> params: MaxPool;
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
    var largest = 0u;
    for (var ky = 0u; ky < window.kernel.x; ky++) {
        for (var kx = 0u; kx < window.kernel.y; kx++) {
            let at = inside(window, position, vec2(ky, kx));
            if at != PADDING {
                largest = max(largest, input[start + at]);
            }
        }
    }
    out[index] = largest;
}
