// layer_norm: y = (s - mean(s)) / sqrt(variance(s) + EPSILON) * gain + bias with s = x + residual, each row by itself.
//
// The residual has PERIOD rows and begins again after them: as many as x for the stream past a block, as many as a
// sentence has tokens for the positions of a batch of sentences, one of zeros for none.
// Row r of y is made of row r EACH of that sum: 1 for all rows, as many as an image has for that of its class token.
// LANES invocations share a row and add up their parts in workgroup memory. On a CPU LANES is 1.
//
// Dispatch: LANES invocations for each row, workgroups of LANES x TEAMS in rows of ROW workgroups.
// Twin: src/kernel/layer_norm.rs. Tolerance: 1e-5 by norm.

// Invocations that share a row, a power of two.
override LANES: u32;
// Rows in a workgroup.
override TEAMS: u32;
// Workgroups along x; y continues where a row of them ends.
override ROW: u32;
// Rows of y.
override ROWS: u32;
// Rows of the residual.
override PERIOD: u32;
// Rows of x for each row of y.
override EACH: u32;
// Columns, without padding.
override COLUMNS: u32;
// Padded columns in vectors of 4.
override COLUMNS_4: u32;
// Keeps a row of equal words finite.
override EPSILON: f32;

// ROWS EACH x columns, padded with zeros to 4 columns.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// PERIOD x columns, padded alike.
@group(0) @binding(1) var<storage, read> residual: array<vec4<f32>>;
// One for each column, padded alike.
@group(0) @binding(2) var<storage, read> gain: array<vec4<f32>>;
// One for each column, padded alike.
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
// ROWS x columns, padded alike.
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;

// One partial sum from each invocation.
var<workgroup> sh_sum: array<f32, LANES * TEAMS>;

// The sum over the lanes of a team, with every one of them.
fn total(part: vec4<f32>, invocation: u32) -> f32 {
    var sum = (part.x + part.y) + (part.z + part.w);
    for (var distance = 1u; distance < LANES; distance *= 2u) {
        sh_sum[invocation] = sum;
        workgroupBarrier();
        sum += sh_sum[invocation ^ distance];
        workgroupBarrier();
    }
    return sum;
}

@compute @workgroup_size(LANES, TEAMS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let team = (workgroup.y * ROW + workgroup.x) * TEAMS + local.y;
    // Teams past the end work on the last row, for the barriers' sake, and write nothing.
    let row = min(team, ROWS - 1u);
    let base = row * EACH * COLUMNS_4;
    let other = (row * EACH % PERIOD) * COLUMNS_4;
    var sums = vec4<f32>();
    for (var j = local.x; j < COLUMNS_4; j += LANES) {
        sums += x[base + j] + residual[other + j];
    }
    let mean = total(sums, invocation) / f32(COLUMNS);
    var squares = vec4<f32>();
    for (var j = local.x; j < COLUMNS_4; j += LANES) {
        let inside = vec4(4u * j) + vec4(0u, 1u, 2u, 3u) < vec4(COLUMNS);
        let apart = select(vec4<f32>(), x[base + j] + residual[other + j] - mean, inside);
        squares = fma(apart, apart, squares);
    }
    let scale = 1.0 / sqrt(total(squares, invocation) / f32(COLUMNS) + EPSILON);
    if team < ROWS {
        for (var j = local.x; j < COLUMNS_4; j += LANES) {
            y[row * COLUMNS_4 + j] = fma((x[base + j] + residual[other + j] - mean) * scale, gain[j], bias[j]);
        }
    }
}
