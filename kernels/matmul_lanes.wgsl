// matmul_lanes: y = x W^T for TOKENS rows of x at a time, W in f32, f16, or quantised; eight lanes share what they load of x.
//
// For adapters that are CPUs with subgroups. There each lane of a load is done on its own, so that loads are what
// counts: a team of eight lanes takes 32 rows of W, four to a lane; of each block of 32 columns a lane loads four words
// of x and hands them round. W lies in images, whose loads lavapipe does in vectors (1.4 times the rate of buffers
// here). Weights are multiplied as whole numbers; scale and least value come in once for a block:
// sum of (scale q + least) x = scale (sum of q x) + least (sum of x). Loops are written out where a turn would blend
// every sum with what it was. A team must lie in one subgroup: sizes of 8, 16, 32, ... do.
//
// Dispatch: one workgroup of LANES lanes for 4 LANES rows of W, in rows of ROW workgroups, by TOKENS rows of x along z.
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
// Rows of x that an invocation takes, up to 8.
override TOKENS: u32;
// Lanes of a workgroup, a multiple of eight.
override LANES: u32;
// Workgroups along x; y continues where a row of them ends.
override ROW: u32;
// 0: y = x W^T. 1: y = residual + x W^T. 2: rows of W alternate between gate and up by two; y = silu(gate) up, half as wide.
override EPILOGUE: u32;

// rows x columns, padded to TOKENS rows and 32 columns.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// W in groups of 32 rows by blocks of 32 columns; a block holds 4 x vectors x 8 lanes, the row being 4 lane + the first.
// Images are 4096 texels wide.
@group(0) @binding(1) var w: texture_storage_2d<rgba32uint, read>;
// For each group, block and lane, for four rows: scale and least value, two f16 in a word.
@group(0) @binding(2) var scales: texture_storage_2d<rgba32uint, read>;
// As y, where it is added; otherwise of any size.
@group(0) @binding(3) var<storage, read> residual: array<vec2<f32>>;
// rows of x by rows of W, padded alike.
@group(0) @binding(4) var<storage, read_write> y: array<vec2<f32>>;

// Sums of four rows of W, for each row of x.
var<private> sums: array<vec4<f32>, 8>;
// The same for this block, before its scale.
var<private> block_sums: array<vec4<f32>, 8>;
// This lane's words of x in this block, for each row.
var<private> words: array<vec4<f32>, 8>;

// Four columns of four rows, times the words of x that `lane` has: column c of the matrix is weights of column c of W.
fn multiply(weights: mat4x4<f32>, lane: u32) {
    for (var t = 0u; t < TOKENS; t++) {
        let v = words[t];
        var sum = block_sums[t];
        sum = fma(weights[0], vec4(subgroupShuffle(v.x, lane)), sum);
        sum = fma(weights[1], vec4(subgroupShuffle(v.y, lane)), sum);
        sum = fma(weights[2], vec4(subgroupShuffle(v.z, lane)), sum);
        sum = fma(weights[3], vec4(subgroupShuffle(v.w, lane)), sum);
        block_sums[t] = sum;
    }
}

// The sum of a block's words of x, over the eight lanes of a team.
fn total(v: vec4<f32>, invocation: u32) -> f32 {
    var sum = (v.x + v.y) + (v.z + v.w);
    sum += subgroupShuffle(sum, invocation ^ 1u);
    sum += subgroupShuffle(sum, invocation ^ 2u);
    sum += subgroupShuffle(sum, invocation ^ 4u);
    return sum;
}

// Four columns that lie in four bits each from bit 0 of `q` on, one word for each row.
fn nibbles(q: vec4<u32>) -> mat4x4<f32> {
    return mat4x4(
        vec4<f32>(vec4<i32>(q & vec4(15u))),
        vec4<f32>(vec4<i32>((q >> vec4(4u)) & vec4(15u))),
        vec4<f32>(vec4<i32>((q >> vec4(8u)) & vec4(15u))),
        vec4<f32>(vec4<i32>((q >> vec4(12u)) & vec4(15u))),
    );
}

// Eight columns of four bits, times what `lane` and the next one have of x.
fn eight_nibbles(a: u32, b: u32, c: u32, d: u32, lane: u32) {
    let q = vec4(a, b, c, d);
    multiply(nibbles(q), lane);
    multiply(nibbles(q >> vec4(16u)), lane + 1u);
}

// Four columns that lie in the four bytes of a word of each row, signed, times what `lane` has of x.
fn four_bytes(a: u32, b: u32, c: u32, d: u32, lane: u32) {
    let s = vec4<i32>(vec4(a, b, c, d));
    let weights = mat4x4(
        vec4<f32>((s << vec4(24u)) >> vec4(24u)),
        vec4<f32>((s << vec4(16u)) >> vec4(24u)),
        vec4<f32>((s << vec4(8u)) >> vec4(24u)),
        vec4<f32>(s >> vec4(24u)),
    );
    multiply(weights, lane);
}

// Four columns in the two words of f16 of each of four rows.
fn halves(a: vec2<u32>, b: vec2<u32>, c: vec2<u32>, d: vec2<u32>) -> mat4x4<f32> {
    return transpose(mat4x4(
        vec4(unpack2x16float(a.x), unpack2x16float(a.y)),
        vec4(unpack2x16float(b.x), unpack2x16float(b.y)),
        vec4(unpack2x16float(c.x), unpack2x16float(c.y)),
        vec4(unpack2x16float(d.x), unpack2x16float(d.y)),
    ));
}

// One vector of each of four rows.
struct Four {
    a: vec4<u32>,
    b: vec4<u32>,
    c: vec4<u32>,
    d: vec4<u32>,
}

fn texel(i: u32) -> vec4<u32> {
    return textureLoad(w, vec2(i % 4096u, i / 4096u));
}

// The vectors of four rows that are `stride` apart.
fn four(at: u32, stride: u32) -> Four {
    return Four(texel(at), texel(at + stride), texel(at + 2u * stride), texel(at + 3u * stride));
}

// A block in f32: columns 4 v to 4 v + 3.
fn singles(at: u32, v: u32, lane: u32, first: u32) {
    let q = four(at * 256u + v * 8u + lane, 64u);
    let rows = mat4x4(
        bitcast<vec4<f32>>(q.a),
        bitcast<vec4<f32>>(q.b),
        bitcast<vec4<f32>>(q.c),
        bitcast<vec4<f32>>(q.d),
    );
    multiply(transpose(rows), first + v);
}

// A block in f16: columns 8 v to 8 v + 7.
fn doubles(at: u32, v: u32, lane: u32, first: u32) {
    let q = four(at * 128u + v * 8u + lane, 32u);
    multiply(halves(q.a.xy, q.b.xy, q.c.xy, q.d.xy), first + 2u * v);
    multiply(halves(q.a.zw, q.b.zw, q.c.zw, q.d.zw), first + 2u * v + 1u);
}

// A block of eight bits: columns 16 v to 16 v + 15.
fn sixteen_bytes(at: u32, v: u32, lane: u32, first: u32) {
    let q = four(at * 64u + v * 8u + lane, 16u);
    four_bytes(q.a.x, q.b.x, q.c.x, q.d.x, first + 4u * v);
    four_bytes(q.a.y, q.b.y, q.c.y, q.d.y, first + 4u * v + 1u);
    four_bytes(q.a.z, q.b.z, q.c.z, q.d.z, first + 4u * v + 2u);
    four_bytes(q.a.w, q.b.w, q.c.w, q.d.w, first + 4u * v + 3u);
}

// The whole block in its format, into block_sums.
fn multiply_block(at: u32, lane: u32, first: u32) {
    if FORMAT == 3u {
        let q = four(at * 32u + lane, 8u);
        eight_nibbles(q.a.x, q.b.x, q.c.x, q.d.x, first);
        eight_nibbles(q.a.y, q.b.y, q.c.y, q.d.y, first + 2u);
        eight_nibbles(q.a.z, q.b.z, q.c.z, q.d.z, first + 4u);
        eight_nibbles(q.a.w, q.b.w, q.c.w, q.d.w, first + 6u);
    } else if FORMAT == 2u {
        sixteen_bytes(at, 0u, lane, first);
        sixteen_bytes(at, 1u, lane, first);
    } else if FORMAT == 1u {
        doubles(at, 0u, lane, first);
        doubles(at, 1u, lane, first);
        doubles(at, 2u, lane, first);
        doubles(at, 3u, lane, first);
    } else {
        singles(at, 0u, lane, first);
        singles(at, 1u, lane, first);
        singles(at, 2u, lane, first);
        singles(at, 3u, lane, first);
        singles(at, 4u, lane, first);
        singles(at, 5u, lane, first);
        singles(at, 6u, lane, first);
        singles(at, 7u, lane, first);
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_size) subgroup_size: u32,
    @builtin(subgroup_invocation_id) invocation: u32,
) {
    let lane = invocation % 8u;
    // The lane of this subgroup in which the team begins.
    let first = invocation - lane;
    let team = (subgroup * subgroup_size + invocation) / 8u;
    let asked = (workgroup.y * ROW + workgroup.x) * (LANES / 8u) + team;
    // A team too many computes the last group once more and keeps it to itself.
    let group = min(asked, COUNT - 1u);
    let token = workgroup.z * TOKENS;
    for (var t = 0u; t < TOKENS; t++) {
        sums[t] = vec4<f32>();
        block_sums[t] = vec4<f32>();
    }
    for (var block = 0u; block < BLOCKS; block++) {
        for (var t = 0u; t < TOKENS; t++) {
            words[t] = x[((token + t) * BLOCKS + block) * 8u + lane];
        }
        let at = group * BLOCKS + block;
        if FORMAT < 2u {
            // There is no scale: blocks go on with the sums as they are.
            multiply_block(at, lane, first);
            continue;
        }
        let i = at * 8u + lane;
        let s = textureLoad(scales, vec2(i % 4096u, i / 4096u));
        let a = unpack2x16float(s.x);
        let b = unpack2x16float(s.y);
        let c = unpack2x16float(s.z);
        let d = unpack2x16float(s.w);
        for (var t = 0u; t < TOKENS; t++) {
            block_sums[t] = vec4<f32>();
        }
        multiply_block(at, lane, first);
        for (var t = 0u; t < TOKENS; t++) {
            var sum = fma(block_sums[t], vec4(a.x, b.x, c.x, d.x), sums[t]);
            if FORMAT == 3u {
                sum = fma(vec4(a.y, b.y, c.y, d.y), vec4(total(words[t], invocation)), sum);
            }
            sums[t] = sum;
        }
    }
    if asked != group {
        return;
    }
    for (var t = 0u; t < TOKENS; t++) {
        let sum = sums[t] + select(vec4<f32>(), block_sums[t], FORMAT < 2u);
        if EPILOGUE == 2u {
            let gate = sum.xy;
            y[((token + t) * GROUPS + FIRST + group) * 8u + lane] = gate / (1.0 + exp(-gate)) * sum.zw;
        } else {
            let i = (((token + t) * GROUPS + FIRST + group) * 8u + lane) * 2u;
            if EPILOGUE == 1u {
                y[i] = residual[i] + sum.xy;
                y[i + 1u] = residual[i + 1u] + sum.zw;
            } else {
                y[i] = sum.xy;
                y[i + 1u] = sum.zw;
            }
        }
    }
}
