// Arg-max against the label; the lowest class wins a tie. Twin of src/engine/cpu/tally.rs.
// One invocation per (trial, image).
// #include "shared/grid.wgsl"
// #include "shared/counters.wgsl"

// Mirror: `Tally` in src/engine/gpu/layout.rs.
struct Tally {
    classes: u32,
    images: u32, // per trial
    trials: u32,
    trial_stride: u32, // of the logits; 0: the same for all trials
}

@group(0) @binding(0) var<uniform> params: Tally;
@group(0) @binding(1) var<storage, read> logits: array<u32>; // [trial][image][class]
@group(0) @binding(2) var<storage, read> labels: array<u32>; // [image]
@group(0) @binding(3) var<storage, read_write> counters: array<TrialCounters>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    let trial = index / params.images;
    let image = index % params.images;
    if trial >= params.trials {
        return;
    }
    let start = trial * params.trial_stride + image * params.classes;
    var best = 0u;
    for (var candidate = 1u; candidate < params.classes; candidate++) {
        if logits[start + candidate] > logits[start + best] {
            best = candidate;
        }
    }
    if best == labels[image] {
        atomicAdd(&counters[trial].correct, 1u);
    }
}
