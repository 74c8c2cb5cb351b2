// The number of an invocation. A dispatch allows 65535 workgroups per dimension, so a long row of them is folded
// over x and y. Mirror: `Pass::record_folded` in src/engine/gpu/passes.rs.

const LANES: u32 = 64u;

fn folded_index(workgroup: vec3<u32>, workgroups: vec3<u32>, lane: u32) -> u32 {
    return (workgroup.y * workgroups.x + workgroup.x) * LANES + lane;
}
