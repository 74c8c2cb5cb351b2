// For every pattern of a row group, what the codes of a column's slices add up to. Twin of src/engine/cpu/code_tables.rs.
//
// A workgroup makes the tables of one (trial, unit) for a block of columns. A pattern's sum is that of its low and its
// high bits, both from workgroup memory: one addition per conversion, whatever the height of the group.
// #include "shared/grid.wgsl"
// #include "shared/wide.wgsl"
// #include "shared/adc.wgsl"

// Mirror: `CodeTables` in src/engine/gpu/layout.rs.
struct CodeTables {
    adc: Converter,
    rows: u32,
    units: u32,
    index_bits: u32, // of the largest unit
    dac_bits: u32,
    columns: u32, // of the tile
    pairs: u32,   // of columns, padding included
    block: u32,   // columns of a workgroup, even; `SUMS` holds their sums
    slices: u32,  // of all converted planes
    trials: u32,
    flags: u32, // where `clips` holds, per trial, whether any conversion was clipped
    count: u32, // 0: a digital layer, nothing is counted
    unused: u32,
}

// Mirror: `SUMS` in src/engine/gpu/tables.rs.
const SUMS: u32 = 4096u;

@group(0) @binding(0) var<uniform> params: CodeTables;
@group(0) @binding(1) var<storage, read> units: array<vec2<u32>>; // rows [start, end)
@group(0) @binding(2) var<storage, read> column_weights: array<i32>; // [unit][converted column]
@group(0) @binding(3) var<storage, read> thresholds: array<i32>;
@group(0) @binding(4) var<storage, read> cells: array<i32>; // [trial][row][converted column]
@group(0) @binding(5) var<storage, read_write> tables: array<u32>; // [trial][unit][index][pair]: odd column * 2^16 + even one
@group(0) @binding(6) var<storage, read_write> clips: array<atomic<u32>>; // [trial][unit][index], zero before; then flags

var<workgroup> sums: array<i32, SUMS>; // [slice][low indices, then high ones][column of the block]

// The current of a column under the bits of an index from `first_bit` on.
fn current(index: u32, first_bit: u32, rows: vec2<u32>, trial: u32, converted: u32) -> i32 {
    let row_stride = params.slices * params.columns;
    var sum = 0;
    var bits = index;
    while bits != 0u {
        let bit = first_bit + countTrailingZeros(bits);
        let height = rows.y - rows.x;
        sum += cells[(trial * params.rows + rows.x + bit % height) * row_stride + converted] << (bit / height);
        bits &= bits - 1u;
    }
    return sum;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let group = workgroup.y * workgroups.x + workgroup.x;
    let blocks = (2u * params.pairs + params.block - 1u) / params.block;
    let first_column = group % blocks * params.block;
    let unit = group / blocks % params.units;
    let trial = group / blocks / params.units;
    if trial >= params.trials {
        return;
    }
    let rows = units[unit];
    let bits = (rows.y - rows.x) * params.dac_bits;
    let low_bits = (bits + 1u) / 2u;
    let both = (1u << low_bits) + (1u << (bits - low_bits)); // partial sums of one column and slice
    for (var i = lane; i < params.slices * both * params.block; i += LANES) {
        let column = first_column + i % params.block;
        let partial = i / params.block % both;
        let slice = i / params.block / both;
        var sum = 0;
        if column < params.columns {
            let is_low = partial < 1u << low_bits;
            let part = select(partial - (1u << low_bits), partial, is_low);
            sum = current(part, select(low_bits, 0u, is_low), rows, trial, slice * params.columns + column);
        }
        sums[i] = sum;
    }
    workgroupBarrier();

    let pairs = params.block / 2u;
    let first_weight = unit * params.slices * params.columns;
    for (var i = lane; i < pairs << bits; i += LANES) {
        let pair = first_column / 2u + i % pairs;
        if pair >= params.pairs {
            continue;
        }
        let index = i / pairs;
        var entry = vec2(0);
        var clipped = 0u;
        for (var slice = 0u; slice < params.slices; slice++) {
            let low = (slice * both + (index & ((1u << low_bits) - 1u))) * params.block + i % pairs * 2u;
            let high = (slice * both + (1u << low_bits) + (index >> low_bits)) * params.block + i % pairs * 2u;
            for (var odd = 0u; odd < 2u; odd++) {
                let column = 2u * pair + odd;
                if column >= params.columns {
                    continue;
                }
                let weight = column_weights[first_weight + slice * params.columns + column];
                if weight == 0 {
                    continue; // no conversion is made
                }
                let code = adc_code(params.adc, sums[low + odd] + sums[high + odd]);
                entry[odd] += code.value * weight;
                clipped += select(0u, 1u, code.clipped);
            }
        }
        let at = (trial * params.units + unit) << params.index_bits | index;
        tables[at * params.pairs + pair] = bitcast<u32>((entry.y << 16u) + entry.x);
        if clipped != 0u && params.count != 0u {
            atomicAdd(&clips[at], clipped);
            atomicOr(&clips[params.flags + trial], 1u);
        }
    }
}
