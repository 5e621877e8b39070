// embed: row token[t] of a table of weights for each token t, as f32. The table is held as those of matmul are.
//
// Dispatch: one invocation for each block of 32 columns, workgroups of 64 along x, one token along y.
// Twin: src/kernel/embed.rs. Tolerance: 1e-5 by norm.

// How the table is held: 0 f32, 1 f16, 2 eight bits and a scale, 3 four bits, a scale and a least value.
override FORMAT: u32;
// Blocks of 32 columns.
override BLOCKS: u32;
// Rows of the table: all of them, or the part of a table that fits into one binding.
override ROWS: u32;
// The number of the first of them; tokens of other rows are left to other parts.
override FIRST: u32;

// The number of each token's row, a whole number.
@group(0) @binding(0) var<storage, read> token: array<f32>;
// The table, in groups of 32 rows by blocks of 32 columns; a block holds 4 x vectors x 8 lanes.
@group(0) @binding(1) var<storage, read> w: array<vec4<u32>>;
// For each group, block and lane, for four rows: scale and least value, two f16 in a word.
@group(0) @binding(2) var<storage, read> scales: array<vec4<u32>>;
// tokens x columns, padded to 32 columns.
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// Four bits each of the lower half of a word.
fn nibbles(q: u32, scale: vec2<f32>) -> vec4<f32> {
    return fma(vec4<f32>((vec4(q) >> vec4(0u, 4u, 8u, 12u)) & vec4(15u)), vec4(scale.x), vec4(scale.y));
}

// Four signed bytes of a word.
fn bytes(q: u32, scale: f32) -> vec4<f32> {
    let s = vec4(bitcast<i32>(q));
    return vec4<f32>((s << vec4(24u, 16u, 8u, 0u)) >> vec4(24u)) * scale;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let block = invocation.x;
    if block >= BLOCKS {
        return;
    }
    let t = invocation.y;
    let row = u32(token[t]) - FIRST;
    if row >= ROWS {
        return;
    }
    let at = row / 32u * BLOCKS + block;
    let lane = row % 32u / 4u;
    let vectors = 8u >> FORMAT;
    let first = (at * 4u + row % 4u) * vectors * 8u + lane;
    let out = (t * BLOCKS + block) * 8u;
    var scale: vec2<f32>;
    if FORMAT >= 2u {
        scale = unpack2x16float(scales[at * 8u + lane][row % 4u]);
    }
    for (var v = 0u; v < vectors; v++) {
        let q = w[first + 8u * v];
        if FORMAT == 3u {
            for (var n = 0u; n < 4u; n++) {
                y[out + 2u * n] = nibbles(q[n], scale);
                y[out + 2u * n + 1u] = nibbles(q[n] >> 16u, scale);
            }
        } else if FORMAT == 2u {
            for (var n = 0u; n < 4u; n++) {
                y[out + 4u * v + n] = bytes(q[n], scale.x);
            }
        } else if FORMAT == 1u {
            y[out + 2u * v] = vec4(unpack2x16float(q.x), unpack2x16float(q.y));
            y[out + 2u * v + 1u] = vec4(unpack2x16float(q.z), unpack2x16float(q.w));
        } else {
            y[out + v] = bitcast<vec4<f32>>(q);
        }
    }
}
