// rms_norm: y = x / sqrt(mean(x^2) + EPSILON) * weight, each row by itself.
//
// LANES invocations share a row and add up their parts in workgroup memory. On a CPU LANES is 1.
//
// Dispatch: LANES invocations for each row, workgroups of LANES x TEAMS in rows of ROW workgroups.
// Twin: src/kernel/rms_norm.rs. Tolerance: 1e-5 by norm.

// Invocations that share a row, a power of two.
override LANES: u32;
// Rows in a workgroup.
override TEAMS: u32;
// Workgroups along x; y continues where a row of them ends.
override ROW: u32;
// Columns, without padding: what the mean divides by.
override COLUMNS: u32;
// Padded columns in vectors of 4, a multiple of LANES.
override COLUMNS_4: u32;
// Keeps a row of zeros finite.
override EPSILON: f32;

// Row of x that becomes the first row of y.
var<immediate> first: u32;

// rows x columns, padded with zeros to TEAMS rows and 4 LANES columns.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// One for each column, padded alike.
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
// As x.
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

// One partial sum of squares from each invocation.
var<workgroup> sh_sum: array<f32, LANES * TEAMS>;

@compute @workgroup_size(LANES, TEAMS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let row = (workgroup.y * ROW + workgroup.x) * TEAMS + local.y;
    let base = row * COLUMNS_4;
    let source = (first + row) * COLUMNS_4;
    var squares = vec4<f32>();
    for (var j = local.x; j < COLUMNS_4; j += LANES) {
        let v = x[source + j];
        squares = fma(v, v, squares);
    }
    var sum = (squares.x + squares.y) + (squares.z + squares.w);
    // Neighbours at doubling distances, so that every invocation ends with the whole sum.
    for (var distance = 1u; distance < LANES; distance *= 2u) {
        sh_sum[invocation] = sum;
        workgroupBarrier();
        sum += sh_sum[invocation ^ distance];
        workgroupBarrier();
    }
    let scale = 1.0 / sqrt(sum / f32(COLUMNS) + EPSILON);
    for (var j = local.x; j < COLUMNS_4; j += LANES) {
        y[base + j] = x[source + j] * scale * weight[j];
    }
}
