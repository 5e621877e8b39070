// softmax: y = exp(x - max(x)) / sum(exp(x - max(x))), each row by itself.
//
// The maximum and the sum are found in one pass: when a larger value comes, the sum so far is scaled down to it
// (Milakov and Gimelshein, Online normalizer calculation for softmax, 2018, algorithm 3). LANES invocations share a
// row and join their pairs in workgroup memory. On a CPU LANES is 1.
//
// Dispatch: LANES invocations for each row, workgroups of LANES x TEAMS in rows of ROW workgroups.
// Twin: src/kernel/softmax.rs. Tolerance: 1e-5 by norm.

// Invocations that share a row, a power of two.
override LANES: u32;
// Rows in a workgroup.
override TEAMS: u32;
// Workgroups along x; y continues where a row of them ends.
override ROW: u32;
// Padded columns in vectors of 4, a multiple of LANES.
override COLUMNS_4: u32;

// The least finite f32, which stands for minus infinity: exp(LEAST - anything in use) is 0, never NaN.
const LEAST = -3.4028234e38;

// rows x columns, padded with LEAST to TEAMS rows and 4 LANES columns.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// As x.
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// One pair of maximum and sum from each invocation.
var<workgroup> sh_part: array<vec2<f32>, LANES * TEAMS>;

fn largest(v: vec4<f32>) -> f32 {
    return max(max(v.x, v.y), max(v.z, v.w));
}

fn horizontal(v: vec4<f32>) -> f32 {
    return (v.x + v.y) + (v.z + v.w);
}

@compute @workgroup_size(LANES, TEAMS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let base = ((workgroup.y * ROW + workgroup.x) * TEAMS + local.y) * COLUMNS_4;
    var top = LEAST;
    var sum = 0.0;
    for (var j = local.x; j < COLUMNS_4; j += LANES) {
        let v = x[base + j];
        let higher = max(top, largest(v));
        sum = sum * exp(top - higher) + horizontal(exp(v - higher));
        top = higher;
    }
    for (var distance = 1u; distance < LANES; distance *= 2u) {
        sh_part[invocation] = vec2(top, sum);
        workgroupBarrier();
        let other = sh_part[invocation ^ distance];
        let higher = max(top, other.x);
        sum = sum * exp(top - higher) + other.y * exp(other.x - higher);
        top = higher;
        workgroupBarrier();
    }
    let scale = 1.0 / sum;
    for (var j = local.x; j < COLUMNS_4; j += LANES) {
        y[base + j] = exp(x[base + j] - top) * scale;
    }
}
