// matmul_tiled: y = x W^T for many rows of x, W in f32, f16, or quantised; tiles of both in workgroup memory.
//
// For GPUs. A workgroup computes 64 rows of x by 64 rows of W, 4 x 4 to an invocation. In a step it unpacks a block of
// 32 columns of its rows of W once, for all of its rows of x.
//
// Dispatch: one workgroup of 16 x 16 invocations for 64 rows of W, in rows of ROW workgroups, by 64 rows of x along z.
// Twin: src/kernel/matmul.rs. Tolerance: 1e-5 by norm.

// How W is held: 0 f32, 1 f16, 2 eight bits and a scale, 3 four bits, a scale and a least value.
override FORMAT: u32;
// Blocks of 32 columns.
override BLOCKS: u32;
// Groups of 32 rows of y.
override GROUPS: u32;
// Groups of 32 rows of W: all of them, or the part of a matrix that fits into one binding.
override COUNT: u32;
// The group of y with which that part begins.
override FIRST: u32;
// Workgroups along x; y continues where a row of them ends.
override ROW: u32;
// 0: y = x W^T. 1: y = residual + x W^T. 2: rows of W alternate between gate and up by two; y = silu(gate) up, half as wide.
override EPILOGUE: u32;

// Rows of x, and of W, in a tile.
const TILE = 64u;

// rows x columns, padded to 64 rows and 32 columns.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// W in groups of 32 rows by blocks of 32 columns; a block holds 4 x vectors x 8 lanes x 4 words, the row being
// 4 lane + the first.
@group(0) @binding(1) var<storage, read> w: array<u32>;
// For each group, block and lane, for four rows: scale and least value, two f16 in a word.
@group(0) @binding(2) var<storage, read> scales: array<vec4<u32>>;
// As y, where it is added; otherwise of any size.
@group(0) @binding(3) var<storage, read> residual: array<vec2<f32>>;
// rows of x by rows of W, padded alike.
@group(0) @binding(4) var<storage, read_write> y: array<vec2<f32>>;

// 32 columns of 64 rows of W, four rows to a vector.
var<workgroup> sh_w: array<vec4<f32>, 512>;
// 32 columns of 64 rows of x.
var<workgroup> sh_x: array<f32, 2048>;

// Word `n` of the four rows of a lane in block `at`.
fn four(at: u32, lane: u32, n: u32) -> vec4<u32> {
    let vectors = 8u >> FORMAT;
    let first = ((at * 4u * vectors + n / 4u) * 8u + lane) * 4u + n % 4u;
    let stride = 32u * vectors;
    return vec4(w[first], w[first + stride], w[first + 2u * stride], w[first + 3u * stride]);
}

// Unpacks word `n` of the four rows of one of the sixteen lanes of the tile into its columns.
fn unpack(block: u32, group: u32, lane: u32, n: u32) {
    // A team too many unpacks the last group once more and keeps the sums to itself.
    let at = min(group + lane / 8u, COUNT - 1u) * BLOCKS + block;
    let q = four(at, lane % 8u, n);
    if FORMAT == 0u {
        sh_w[n * 16u + lane] = bitcast<vec4<f32>>(q);
        return;
    }
    if FORMAT == 1u {
        let a = unpack2x16float(q.x);
        let b = unpack2x16float(q.y);
        let c = unpack2x16float(q.z);
        let d = unpack2x16float(q.w);
        sh_w[2u * n * 16u + lane] = vec4(a.x, b.x, c.x, d.x);
        sh_w[(2u * n + 1u) * 16u + lane] = vec4(a.y, b.y, c.y, d.y);
        return;
    }
    let s = scales[at * 8u + lane % 8u];
    let a = unpack2x16float(s.x);
    let b = unpack2x16float(s.y);
    let c = unpack2x16float(s.z);
    let d = unpack2x16float(s.w);
    let scale = vec4(a.x, b.x, c.x, d.x);
    if FORMAT == 2u {
        for (var k = 0u; k < 4u; k++) {
            let signed = bitcast<vec4<i32>>(q << vec4(24u - 8u * k)) >> vec4(24u);
            sh_w[(4u * n + k) * 16u + lane] = vec4<f32>(signed) * scale;
        }
        return;
    }
    let least = vec4(a.y, b.y, c.y, d.y);
    for (var k = 0u; k < 8u; k++) {
        sh_w[(8u * n + k) * 16u + lane] = fma(vec4<f32>((q >> vec4(4u * k)) & vec4(15u)), scale, least);
    }
}

// What becomes of the sums of four rows of W for one row of x.
fn finish(sum: vec4<f32>, token: u32, group: u32, lane: u32) {
    if EPILOGUE == 2u {
        let gate = sum.xy;
        y[(token * GROUPS + FIRST + group) * 8u + lane] = gate / (1.0 + exp(-gate)) * sum.zw;
        return;
    }
    let i = ((token * GROUPS + FIRST + group) * 8u + lane) * 2u;
    if EPILOGUE == 1u {
        y[i] = residual[i] + sum.xy;
        y[i + 1u] = residual[i + 1u] + sum.zw;
    } else {
        y[i] = sum.xy;
        y[i + 1u] = sum.zw;
    }
}

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let group = 2u * (workgroup.y * ROW + workgroup.x);
    let token = workgroup.z * TILE;
    let words = 4u * (8u >> FORMAT);
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var block = 0u; block < BLOCKS; block++) {
        for (var n = invocation; n < 16u * words; n += 256u) {
            unpack(block, group, n % 16u, n / 16u);
        }
        for (var n = invocation; n < 512u; n += 256u) {
            let row = n / 8u;
            let word = x[((token + row) * BLOCKS + block) * 8u + n % 8u];
            let at = n % 8u * 4u * TILE + row;
            sh_x[at] = word.x;
            sh_x[at + TILE] = word.y;
            sh_x[at + 2u * TILE] = word.z;
            sh_x[at + 3u * TILE] = word.w;
        }
        workgroupBarrier();
        for (var k = 0u; k < 32u; k++) {
            let weights = sh_w[k * 16u + local.x];
            let at = k * TILE + 4u * local.y;
            s0 = fma(vec4(sh_x[at]), weights, s0);
            s1 = fma(vec4(sh_x[at + 1u]), weights, s1);
            s2 = fma(vec4(sh_x[at + 2u]), weights, s2);
            s3 = fma(vec4(sh_x[at + 3u]), weights, s3);
        }
        workgroupBarrier();
    }
    let mine = group + local.x / 8u;
    if mine >= COUNT {
        return;
    }
    let first = token + 4u * local.y;
    finish(s0, first, mine, local.x % 8u);
    finish(s1, first + 1u, mine, local.x % 8u);
    finish(s2, first + 2u, mine, local.x % 8u);
    finish(s3, first + 3u, mine, local.x % 8u);
}
