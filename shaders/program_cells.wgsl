// Draws the conductance of every cell of a tile of columns, for several chips. Twin of src/engine/cpu/program_cells.rs.
// One invocation per (trial, row, column) with all its planes and slices.
// #include "shared/grid.wgsl"
// #include "shared/philox.wgsl"
// #include "shared/conductance.wgsl"
// #include "shared/counters.wgsl"

// Mirror: `ProgramCells` in src/engine/gpu/layout.rs.
struct ProgramCells {
    rows: u32,
    columns: u32,      // of the tile
    first_column: u32, // of the tile
    outputs: u32,      // the column of this number is the reference column
    programmed: u32,
    converted: u32,
    slices: u32,
    offset: i32,
    cell_bits: u32,
    layer: u32,
    first_output: u32,
    saturation: i32,
    seed: vec2<u32>,
    first_trial: u32,
    trials: u32,
    count: u32, // 0: the same chips were counted before
    antithetic: u32, // 1: an odd chip is the partner of the one before it
}

@group(0) @binding(0) var<uniform> params: ProgramCells;
@group(0) @binding(1) var<storage, read> packed: array<u32>; // [row][column]
@group(0) @binding(2) var<storage, read> knots: array<vec2<i32>>;
@group(0) @binding(3) var<storage, read_write> cells: array<i32>; // [trial][row][converted column]
@group(0) @binding(4) var<storage, read_write> counters: array<TrialCounters>;

// Level of the cell in `plane` and `slice`. Mirror: `CrossbarLayer::level` in src/crossbar/layer.rs.
fn cell_level(packed_cell: u32, plane: u32, slice: u32) -> u32 {
    let weight = bitcast<i32>(packed_cell << 16u) >> 16u;
    var value = 0;
    if params.offset != 0 {
        value = weight + params.offset;
    } else if (weight < 0) == (plane == 1u) {
        value = abs(weight);
    }
    return bitcast<u32>(value >> (slice * params.cell_bits)) & ((1u << params.cell_bits) - 1u);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = folded_index(workgroup, workgroups, lane);
    let column = index % params.columns;
    let row = index / params.columns % params.rows;
    let trial = index / params.columns / params.rows;
    if trial >= params.trials {
        return;
    }
    let packed_cell = packed[row * params.columns + column];
    let held = packed_cell >> 16u;
    let of_layer = params.first_column + column;
    let column_key = select(params.first_output + of_layer, REFERENCE_COLUMN, of_layer == params.outputs);
    let out = (trial * params.rows + row) * params.converted * params.slices * params.columns + column;
    let chip = chip_key(params.first_trial + trial, params.antithetic);
    var saturated = 0u;
    for (var plane = 0u; plane < params.programmed; plane++) {
        var words = vec4(0u);
        for (var slice = 0u; slice < params.slices; slice++) {
            if slice % 4u == 0u {
                words = cell_words(params.seed, chip, PROGRAMMING_ERROR, params.layer, row, column_key, plane, slice / 4u);
            }
            var kept = 0; // where there is no cell
            if slice < held {
                let drawn = sample_conductance(cell_level(packed_cell, plane, slice), words[slice % 4u]);
                kept = min(drawn, params.saturation);
                saturated += select(0u, 1u, kept != drawn);
            }
            let converted_plane = min(plane, params.converted - 1u);
            let at = out + (converted_plane * params.slices + slice) * params.columns;
            if plane == 1u && params.converted == 1u {
                cells[at] -= kept; // only the difference reaches the converter
            } else {
                cells[at] = kept;
            }
        }
    }
    if saturated != 0u && params.count != 0u {
        let before = atomicAdd(&counters[trial].saturated_low, saturated);
        if before + saturated < before {
            atomicAdd(&counters[trial].saturated_high, 1u);
        }
    }
}
