// For every pattern of a block of rows, the current it adds to a bitline. Twin of
// src/engine/cpu/plain/sum_tables.rs.
// One invocation per (trial, unit, converted column): each bit of the index doubles what it has.
// #include "shared/grid.wgsl"

// Mirror: `SumTables` in src/engine/gpu/layout.rs.
struct SumTables {
    rows: u32,
    units: u32,
    index_bits: u32, // of the largest unit
    dac_bits: u32,
    columns: u32, // of the tile
    width: u32,   // columns and padding
    slices: u32,  // of all converted planes
    trials: u32,
}

@group(0) @binding(0) var<uniform> params: SumTables;
@group(0) @binding(1) var<storage, read> units: array<vec2<u32>>; // rows [start, end)
@group(0) @binding(2) var<storage, read> cells: array<i32>; // [trial][row][converted column]
@group(0) @binding(3) var<storage, read_write> tables: array<i32>; // [trial][unit][index][slice][column, padded]

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let at = folded_index(workgroup, workgroups, lane);
    let stride = params.slices * params.width;
    let column = at % params.width;
    let slice = at % stride / params.width;
    let unit = at / stride % params.units;
    let trial = at / stride / params.units;
    if trial >= params.trials {
        return;
    }
    let rows = units[unit];
    let height = rows.y - rows.x;
    let first = ((trial * params.units + unit) << params.index_bits) * stride + slice * params.width + column;
    tables[first] = 0;
    for (var bit = 0u; bit < height * params.dac_bits; bit++) {
        var conductance = 0; // of padding
        if column < params.columns {
            conductance = cells[((trial * params.rows + rows.x + bit % height) * params.slices + slice) * params.columns + column];
        }
        let added = conductance << (bit / height);
        for (var index = 0u; index < 1u << bit; index++) {
            tables[first + ((1u << bit) + index) * stride] = tables[first + index * stride] + added;
        }
    }
}
