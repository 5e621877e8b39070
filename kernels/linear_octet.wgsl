// linear_octet: y = x W^T + b for many rows of x, or y = gelu(x W^T + b); a tile of 32 x 4 results in the registers of
// each invocation; eight lanes share what they load of x.
//
// For adapters with subgroups of eight or more lanes. Eight lanes work on the same 32 rows of x. Each loads four of them
// and hands them to the others: 8 vectors loaded for 128 vector multiply-adds, where linear loads 16 for 64. An octet
// lies in one subgroup as long as their size is 8, 16, 32, ... W is an image, from which a renderer loads faster, in
// panels as wide as the tile of a workgroup, so that it is read from end to end; texel i is at i % 4096, i / 4096.
// x lies by rows, as the kernels before leave it. Rows past the end are read as the last one, and are not written.
// gelu(v) = v (1 + erf(v / sqrt 2)) / 2, with erf by Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
//
// Dispatch: outputs / 128 by rows / 32 workgroups of 32 invocations, sizes rounded up.
// Twin: src/kernel/linear.rs. Tolerance: 1e-5 by norm.

// Rows of x and y.
override ROWS: u32;
// Padded inputs in vectors of 4.
override INPUTS_4: u32;
// Padded outputs in vectors of 4, as y has them.
override OUTPUTS_4: u32;
// 1: gelu of the sums.
override GELU: u32;

// Texels in a line of an image.
const WIDTH = 4096u;
// Outputs of a workgroup, in vectors of 4.
const TILE_4 = 32u;

// rows x inputs, padded with zeros to 4 inputs.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// W, outputs x inputs, held by columns in panels of 128: outputs / 128 x inputs x 128, padded to 4 inputs.
@group(0) @binding(1) var w: texture_storage_2d<rgba32float, read>;
// b, padded to 128 outputs.
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
// rows x outputs, padded to 4 outputs.
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// Four steps of four rows that another lane of the octet has loaded; one row to a vector.
fn rows_of(rows: mat4x4<f32>, lane: u32) -> mat4x4<f32> {
    return mat4x4(
        subgroupShuffle(rows[0], lane),
        subgroupShuffle(rows[1], lane),
        subgroupShuffle(rows[2], lane),
        subgroupShuffle(rows[3], lane),
    );
}

fn gelu(v: vec4<f32>) -> vec4<f32> {
    let z = abs(v) * 0.70710678;
    let t = 1.0 / fma(vec4(0.3275911), z, vec4(1.0));
    var series = fma(t, vec4(1.061405429), vec4(-1.453152027));
    series = fma(t, series, vec4(1.421413741));
    series = fma(t, series, vec4(-0.284496736));
    series = fma(t, series, vec4(0.254829592));
    // Half of 1 - erf(z): what is left of v below zero, what is missing above.
    let tail = 0.5 * t * series * exp(-z * z);
    return v * select(tail, 1.0 - tail, v >= vec4<f32>());
}

// Writes a row of a tile.
fn store(row: u32, column: u32, sums: vec4<f32>) {
    if row < ROWS && column < OUTPUTS_4 {
        var result = sums;
        if GELU == 1u {
            result = gelu(sums);
        }
        y[row * OUTPUTS_4 + column] = result;
    }
}

fn store_tile(row: u32, column: u32, tile: mat4x4<f32>) {
    store(row, column, tile[0]);
    store(row + 1u, column, tile[1]);
    store(row + 2u, column, tile[2]);
    store(row + 3u, column, tile[3]);
}

@compute @workgroup_size(32)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let row = 32u * workgroup.y;
    let column = TILE_4 * workgroup.x + invocation;
    let first = lane - lane % 8u;
    // Where the four rows begin that this lane loads.
    let own = row + 4u * (lane % 8u);
    let x0 = min(own, ROWS - 1u) * INPUTS_4;
    let x1 = min(own + 1u, ROWS - 1u) * INPUTS_4;
    let x2 = min(own + 2u, ROWS - 1u) * INPUTS_4;
    let x3 = min(own + 3u, ROWS - 1u) * INPUTS_4;
    // Four rows each of the tile; in WGSL's words a row is a column of the matrix.
    let b = bias[column];
    var c0 = mat4x4(b, b, b, b);
    var c1 = c0;
    var c2 = c0;
    var c3 = c0;
    var c4 = c0;
    var c5 = c0;
    var c6 = c0;
    var c7 = c0;
    var j = workgroup.x * 4u * INPUTS_4 * TILE_4 + invocation;
    for (var k = 0u; k < INPUTS_4; k++) {
        let rows = mat4x4(x[x0 + k], x[x1 + k], x[x2 + k], x[x3 + k]);
        // The texels of a turn lie in one line: WIDTH is a multiple of the tile over four steps.
        let at = vec2(j % WIDTH, j / WIDTH);
        let weights = mat4x4(
            textureLoad(w, at),
            textureLoad(w, at + vec2(TILE_4, 0u)),
            textureLoad(w, at + vec2(2u * TILE_4, 0u)),
            textureLoad(w, at + vec2(3u * TILE_4, 0u)),
        );
        c0 += weights * rows_of(rows, first);
        c1 += weights * rows_of(rows, first + 1u);
        c2 += weights * rows_of(rows, first + 2u);
        c3 += weights * rows_of(rows, first + 3u);
        c4 += weights * rows_of(rows, first + 4u);
        c5 += weights * rows_of(rows, first + 5u);
        c6 += weights * rows_of(rows, first + 6u);
        c7 += weights * rows_of(rows, first + 7u);
        j += 4u * TILE_4;
    }
    store_tile(row, column, c0);
    store_tile(row + 4u, column, c1);
    store_tile(row + 8u, column, c2);
    store_tile(row + 12u, column, c3);
    store_tile(row + 16u, column, c4);
    store_tile(row + 20u, column, c5);
    store_tile(row + 24u, column, c6);
    store_tile(row + 28u, column, c7);
}
