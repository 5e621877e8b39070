// linear: y = x W^T + b for many rows of x, or y = gelu(x W^T + b); a tile of 8 x 8 results in the registers of each
// invocation, no workgroup memory.
//
// x lies by rows, as the kernels before leave it: four steps along a row are one load. Rows past the end are read as the
// last one, and are not written.
// gelu(v) = v (1 + erf(v / sqrt 2)) / 2, with erf by Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
//
// Dispatch: outputs / 64 by rows / 64 workgroups of 8 x 8 invocations, sizes rounded up.
// Twin: src/kernel/linear.rs. Tolerance: 1e-5 by norm.

// Rows of x and y.
override ROWS: u32;
// Padded inputs in vectors of 4.
override INPUTS_4: u32;
// Padded outputs in vectors of 4, as y has them.
override OUTPUTS_4: u32;
// The same as W and b have them.
override WIDTH_4: u32;
// 1: gelu of the sums.
override GELU: u32;

// rows x inputs, padded with zeros to 4 inputs.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// W, outputs x inputs, held by columns: inputs x outputs, padded to 4 inputs and 64 outputs.
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
// b, padded to 64 outputs.
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
// rows x outputs, padded to 4 outputs.
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// Vector k of four rows from `row` on, one to a column.
fn four_rows(row: u32, k: u32) -> mat4x4<f32> {
    return mat4x4(
        x[min(row, ROWS - 1u) * INPUTS_4 + k],
        x[min(row + 1u, ROWS - 1u) * INPUTS_4 + k],
        x[min(row + 2u, ROWS - 1u) * INPUTS_4 + k],
        x[min(row + 3u, ROWS - 1u) * INPUTS_4 + k],
    );
}

// Four outputs over four inputs from w[j] on, one input to a column.
fn four_outputs(j: u32) -> mat4x4<f32> {
    return mat4x4(w[j], w[j + WIDTH_4], w[j + 2u * WIDTH_4], w[j + 3u * WIDTH_4]);
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

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let row = 8u * invocation.y;
    let column = 2u * invocation.x;
    let b0 = bias[column];
    let b1 = bias[column + 1u];
    // Four rows by four outputs each; in WGSL's words a row is a column of the matrix.
    var c00 = mat4x4(b0, b0, b0, b0);
    var c01 = mat4x4(b1, b1, b1, b1);
    var c10 = c00;
    var c11 = c01;
    var j = column;
    for (var k = 0u; k < INPUTS_4; k++) {
        let low = four_rows(row, k);
        let high = four_rows(row + 4u, k);
        let left = four_outputs(j);
        let right = four_outputs(j + 1u);
        c00 += left * low;
        c01 += right * low;
        c10 += left * high;
        c11 += right * high;
        j += 4u * WIDTH_4;
    }
    store_tile(row, column, c00);
    store_tile(row, column + 1u, c01);
    store_tile(row + 4u, column, c10);
    store_tile(row + 4u, column + 1u, c11);
}
