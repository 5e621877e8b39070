// gemv: y = A x. Every word of A is used once, so this runs at the speed of memory.
//
// LANES invocations share four rows and add up their parts in workgroup memory. On a GPU neighbours read
// neighbouring words of a row. On a CPU LANES is 1: an invocation walks its four rows alone, without a barrier.
//
// Dispatch: one invocation for LANES-th of 4 rows, workgroups of LANES x TEAMS in rows of ROW workgroups.
// Twin: src/kernel/gemv.rs. Tolerance: 1e-5 by norm.

// Invocations that share four rows, a power of two.
override LANES: u32;
// Times four rows in a workgroup.
override TEAMS: u32;
// Workgroups along x; y continues where a row of them ends.
override ROW: u32;
// Padded columns of A, in vectors of 4; a multiple of LANES.
override COLUMNS_4: u32;

// A, rows x columns, held by rows, padded to 4 TEAMS rows and 4 LANES columns.
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
// x, padded as the columns of A.
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
// y, padded as the rows of A.
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

// One partial sum of each of the four rows from each invocation.
var<workgroup> sh_sum: array<vec4<f32>, LANES * TEAMS>;

fn horizontal(v: vec4<f32>) -> f32 {
    return (v.x + v.y) + (v.z + v.w);
}

@compute @workgroup_size(LANES, TEAMS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let team = (workgroup.y * ROW + workgroup.x) * TEAMS + local.y;
    let base = 4u * team * COLUMNS_4;
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var j = local.x; j < COLUMNS_4; j += LANES) {
        let v = x[j];
        s0 = fma(a[base + j], v, s0);
        s1 = fma(a[base + COLUMNS_4 + j], v, s1);
        s2 = fma(a[base + 2u * COLUMNS_4 + j], v, s2);
        s3 = fma(a[base + 3u * COLUMNS_4 + j], v, s3);
    }
    var sum = vec4(horizontal(s0), horizontal(s1), horizontal(s2), horizontal(s3));
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        sh_sum[invocation] = sum;
        workgroupBarrier();
        if local.x < half {
            sum += sh_sum[invocation + half];
        }
        workgroupBarrier();
    }
    if local.x == 0u {
        y[team] = sum;
    }
}
