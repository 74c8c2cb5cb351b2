// Channels of a tensor, strided in space, copied to channels of another: concatenation, subsampling and padding of
// channels. Twin of src/engine/cpu/copy_channels.rs. One invocation per element copied.
// #include "shared/grid.wgsl"

// Mirror: `CopyChannels` in src/engine/gpu/layout.rs.
struct CopyChannels {
    input_size: vec2<u32>, // [H, W]
    out_size: vec2<u32>,
    stride: vec2<u32>,
    channels: u32, // of the input
    out_channels: u32,
    first_channel: u32,
    images: u32, // per trial
    trials: u32,
    input_trial_stride: u32, // 0: the same for all trials
}

@group(0) @binding(0) var<uniform> params: CopyChannels;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    let out_plane = params.out_size.x * params.out_size.y;
    let x = index % params.out_size.y;
    let y = index / params.out_size.y % params.out_size.x;
    let c = index / out_plane % params.channels;
    let image = index / out_plane / params.channels; // of all trials
    let trial = image / params.images;
    if trial >= params.trials {
        return;
    }
    let plane = image % params.images * params.channels + c;
    let source = trial * params.input_trial_stride + (plane * params.input_size.x + y * params.stride.x) * params.input_size.y + x * params.stride.y;
    out[(image * params.out_channels + params.first_channel + c) * out_plane + index % out_plane] = input[source];
}
