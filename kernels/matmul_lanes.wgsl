// matmul_lanes: y = x W^T for TOKENS rows of x at a time, W in f32, f16, or quantised; eight lanes share what they load of x.
//
// For adapters that are CPUs with subgroups: there each lane of a load is done on its own, and what counts is how many
// words are loaded for a multiply-add. A team of eight lanes takes 32 rows of W, four to a lane. Of each block of 32
// columns a lane loads four words of x and hands them round; the weights, packed, are unpacked once for all rows of x.
// A team must lie in one subgroup: sizes of 8, 16, 32, ... do.
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
// Rows of x that an invocation takes, up to 16.
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
@group(0) @binding(1) var<storage, read> w: array<vec4<u32>>;
// For each group, block and lane, for four rows: scale and least value, two f16 in a word.
@group(0) @binding(2) var<storage, read> scales: array<vec4<u32>>;
// As y, where it is added; otherwise of any size.
@group(0) @binding(3) var<storage, read> residual: array<vec2<f32>>;
// rows of x by rows of W, padded alike.
@group(0) @binding(4) var<storage, read_write> y: array<vec2<f32>>;

// Sums of four rows of W, for each row of x.
var<private> sums: array<vec4<f32>, 16>;
// This lane's words of x in this block, for each row.
var<private> words: array<vec4<f32>, 16>;

// Four columns of four rows: column c of the matrix is weights of column c of W.
fn multiply(weights: mat4x4<f32>, lane: u32) {
    for (var t = 0u; t < TOKENS; t++) {
        let v = words[t];
        var sum = sums[t];
        sum = fma(weights[0], vec4(subgroupShuffle(v.x, lane)), sum);
        sum = fma(weights[1], vec4(subgroupShuffle(v.y, lane)), sum);
        sum = fma(weights[2], vec4(subgroupShuffle(v.z, lane)), sum);
        sum = fma(weights[3], vec4(subgroupShuffle(v.w, lane)), sum);
        sums[t] = sum;
    }
}

// Four columns that lie in four bits each from bit 0 of `q` on, one word for each row.
fn nibbles(q: vec4<u32>, scale: vec4<f32>, least: vec4<f32>) -> mat4x4<f32> {
    return mat4x4(
        fma(vec4<f32>(vec4<i32>(q & vec4(15u))), scale, least),
        fma(vec4<f32>(vec4<i32>((q >> vec4(4u)) & vec4(15u))), scale, least),
        fma(vec4<f32>(vec4<i32>((q >> vec4(8u)) & vec4(15u))), scale, least),
        fma(vec4<f32>(vec4<i32>((q >> vec4(12u)) & vec4(15u))), scale, least),
    );
}

// Four columns that lie in the four bytes of `q`, signed, one word for each row.
fn bytes(q: vec4<u32>, scale: vec4<f32>) -> mat4x4<f32> {
    let s = vec4<i32>(q);
    return mat4x4(
        vec4<f32>((s << vec4(24u)) >> vec4(24u)) * scale,
        vec4<f32>((s << vec4(16u)) >> vec4(24u)) * scale,
        vec4<f32>((s << vec4(8u)) >> vec4(24u)) * scale,
        vec4<f32>(s >> vec4(24u)) * scale,
    );
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

// A word of each of four rows.
fn column(a: u32, b: u32, c: u32, d: u32) -> vec4<u32> {
    return vec4(a, b, c, d);
}

// Eight columns of four bits from lane 2 i on.
fn eight_nibbles(q: vec4<u32>, scale: vec4<f32>, least: vec4<f32>, lane: u32) {
    multiply(nibbles(q, scale, least), lane);
    multiply(nibbles(q >> vec4(16u), scale, least), lane + 1u);
}

// One vector of each of four rows: where it lies for row 0, and how far the rows are apart.
struct Four {
    a: vec4<u32>,
    b: vec4<u32>,
    c: vec4<u32>,
    d: vec4<u32>,
}

fn four(at: u32, stride: u32) -> Four {
    return Four(w[at], w[at + stride], w[at + 2u * stride], w[at + 3u * stride]);
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
    }
    for (var block = 0u; block < BLOCKS; block++) {
        for (var t = 0u; t < TOKENS; t++) {
            words[t] = x[((token + t) * BLOCKS + block) * 8u + lane];
        }
        let at = group * BLOCKS + block;
        if FORMAT == 3u {
            let s = scales[at * 8u + lane];
            let a = unpack2x16float(s.x);
            let b = unpack2x16float(s.y);
            let c = unpack2x16float(s.z);
            let d = unpack2x16float(s.w);
            let scale = vec4(a.x, b.x, c.x, d.x);
            let least = vec4(a.y, b.y, c.y, d.y);
            let q = four(at * 32u + lane, 8u);
            eight_nibbles(column(q.a.x, q.b.x, q.c.x, q.d.x), scale, least, first);
            eight_nibbles(column(q.a.y, q.b.y, q.c.y, q.d.y), scale, least, first + 2u);
            eight_nibbles(column(q.a.z, q.b.z, q.c.z, q.d.z), scale, least, first + 4u);
            eight_nibbles(column(q.a.w, q.b.w, q.c.w, q.d.w), scale, least, first + 6u);
        } else if FORMAT == 2u {
            let s = scales[at * 8u + lane];
            let scale = vec4(unpack2x16float(s.x).x, unpack2x16float(s.y).x, unpack2x16float(s.z).x, unpack2x16float(s.w).x);
            for (var v = 0u; v < 2u; v++) {
                let q = four(at * 64u + v * 8u + lane, 16u);
                multiply(bytes(column(q.a.x, q.b.x, q.c.x, q.d.x), scale), first + 4u * v);
                multiply(bytes(column(q.a.y, q.b.y, q.c.y, q.d.y), scale), first + 4u * v + 1u);
                multiply(bytes(column(q.a.z, q.b.z, q.c.z, q.d.z), scale), first + 4u * v + 2u);
                multiply(bytes(column(q.a.w, q.b.w, q.c.w, q.d.w), scale), first + 4u * v + 3u);
            }
        } else if FORMAT == 1u {
            for (var v = 0u; v < 4u; v++) {
                let q = four(at * 128u + v * 8u + lane, 32u);
                multiply(halves(q.a.xy, q.b.xy, q.c.xy, q.d.xy), first + 2u * v);
                multiply(halves(q.a.zw, q.b.zw, q.c.zw, q.d.zw), first + 2u * v + 1u);
            }
        } else {
            for (var v = 0u; v < 8u; v++) {
                let q = four(at * 256u + v * 8u + lane, 64u);
                multiply(transpose(mat4x4(bitcast<vec4<f32>>(q.a), bitcast<vec4<f32>>(q.b), bitcast<vec4<f32>>(q.c), bitcast<vec4<f32>>(q.d))), first + v);
            }
        }
    }
    if asked != group {
        return;
    }
    for (var t = 0u; t < TOKENS; t++) {
        let sum = sums[t];
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
