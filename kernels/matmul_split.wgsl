// matmul_split: y = x W^T for TOKENS rows of x at a time, W in f32, f16, or quantised; lanes share the columns of a row.
//
// For few rows of x, where reading W is what takes time: SLICES times eight lanes take 32 rows of W, four to a lane,
// and each slice every SLICES-th block of 32 columns. Neighbouring slices read neighbouring blocks, so that a GPU reads
// W in whole lines; their sums meet in workgroup memory. Where a lane is a core of its own SLICES is 1.
//
// Dispatch: one workgroup of 8 x SLICES lanes for 32 rows of W, in rows of ROW workgroups, by TOKENS rows of x along z.
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
// Rows of x that a workgroup takes, up to 8.
override TOKENS: u32;
// Shares of the columns, a power of two.
override SLICES: u32;
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

// Sums of four rows of W, for each row of x, of each slice and lane.
var<workgroup> sh_sum: array<vec4<f32>, TOKENS * SLICES * 8u>;

// Sums of four rows of W, for each row of x.
var<private> sums: array<vec4<f32>, 8>;

// Four columns of four rows, from vector `i` of each row of x on.
fn multiply(weights: mat4x4<f32>, token: u32, i: u32) {
    for (var t = 0u; t < TOKENS; t++) {
        sums[t] += weights * x[(token + t) * BLOCKS * 8u + i];
    }
}

// Four columns that lie in four bits each from bit 0 of `q` on, one word for each row.
fn nibbles(q: vec4<u32>, scale: vec4<f32>, least: vec4<f32>) -> mat4x4<f32> {
    return mat4x4(
        fma(vec4<f32>(q & vec4(15u)), scale, least),
        fma(vec4<f32>((q >> vec4(4u)) & vec4(15u)), scale, least),
        fma(vec4<f32>((q >> vec4(8u)) & vec4(15u)), scale, least),
        fma(vec4<f32>((q >> vec4(12u)) & vec4(15u)), scale, least),
    );
}

// Four columns that lie in the four bytes of `q`, signed, one word for each row.
fn bytes(q: vec4<u32>, scale: vec4<f32>) -> mat4x4<f32> {
    let s = bitcast<vec4<i32>>(q);
    return mat4x4(
        vec4<f32>((s << vec4(24u)) >> vec4(24u)) * scale,
        vec4<f32>((s << vec4(16u)) >> vec4(24u)) * scale,
        vec4<f32>((s << vec4(8u)) >> vec4(24u)) * scale,
        vec4<f32>(s >> vec4(24u)) * scale,
    );
}

// Two words of f16 of one row.
fn halves(q: vec2<u32>) -> vec4<f32> {
    return vec4(unpack2x16float(q.x), unpack2x16float(q.y));
}

// One block of the four rows of a lane, times the rows of x.
fn multiply_block(at: u32, lane: u32, token: u32, i: u32) {
    var scale: vec4<f32>;
    var least: vec4<f32>;
    if FORMAT >= 2u {
        let s = scales[at * 8u + lane];
        let a = unpack2x16float(s.x);
        let b = unpack2x16float(s.y);
        let c = unpack2x16float(s.z);
        let d = unpack2x16float(s.w);
        scale = vec4(a.x, b.x, c.x, d.x);
        least = vec4(a.y, b.y, c.y, d.y);
    }
    let vectors = 8u >> FORMAT;
    for (var v = 0u; v < vectors; v++) {
        let first = (at * 4u * vectors + v) * 8u + lane;
        let a = w[first];
        let b = w[first + 8u * vectors];
        let c = w[first + 16u * vectors];
        let d = w[first + 24u * vectors];
        let q = transpose_words(a, b, c, d);
        if FORMAT == 3u {
            for (var n = 0u; n < 4u; n++) {
                multiply(nibbles(q[n], scale, least), token, i + 2u * n);
                multiply(nibbles(q[n] >> vec4(16u), scale, least), token, i + 2u * n + 1u);
            }
        } else if FORMAT == 2u {
            for (var n = 0u; n < 4u; n++) {
                multiply(bytes(q[n], scale), token, i + 4u * v + n);
            }
        } else if FORMAT == 1u {
            multiply(transpose(mat4x4(halves(a.xy), halves(b.xy), halves(c.xy), halves(d.xy))), token, i + 2u * v);
            multiply(transpose(mat4x4(halves(a.zw), halves(b.zw), halves(c.zw), halves(d.zw))), token, i + 2u * v + 1u);
        } else {
            let rows = mat4x4(
                bitcast<vec4<f32>>(a),
                bitcast<vec4<f32>>(b),
                bitcast<vec4<f32>>(c),
                bitcast<vec4<f32>>(d),
            );
            multiply(transpose(rows), token, i + v);
        }
    }
}

// Word n of each of four rows.
fn transpose_words(a: vec4<u32>, b: vec4<u32>, c: vec4<u32>, d: vec4<u32>) -> array<vec4<u32>, 4> {
    return array(
        vec4(a.x, b.x, c.x, d.x),
        vec4(a.y, b.y, c.y, d.y),
        vec4(a.z, b.z, c.z, d.z),
        vec4(a.w, b.w, c.w, d.w),
    );
}

// What becomes of the sum of one row of x.
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

@compute @workgroup_size(8, SLICES)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let lane = local.x;
    let slice = local.y;
    let group = min(workgroup.y * ROW + workgroup.x, COUNT - 1u);
    let token = workgroup.z * TOKENS;
    for (var t = 0u; t < TOKENS; t++) {
        sums[t] = vec4<f32>();
    }
    for (var block = slice; block < BLOCKS; block += SLICES) {
        multiply_block(group * BLOCKS + block, lane, token, block * 8u);
    }
    if SLICES == 1u {
        for (var t = 0u; t < TOKENS; t++) {
            finish(sums[t], token + t, group, lane);
        }
        return;
    }
    for (var t = 0u; t < TOKENS; t++) {
        sh_sum[(t * SLICES + slice) * 8u + lane] = sums[t];
    }
    workgroupBarrier();
    // The slices share the rows of x between them.
    for (var t = slice; t < TOKENS; t += SLICES) {
        var sum = vec4<f32>();
        for (var s = 0u; s < SLICES; s++) {
            sum += sh_sum[(t * SLICES + s) * 8u + lane];
        }
        finish(sum, token + t, group, lane);
    }
}
