// gemm_quad: C = A B, 4 x 16 results in the registers of each invocation; four lanes share what they load of B.
//
// For adapters that are CPUs with subgroups of four lanes. A quad computes 16 x 16 results: each lane loads four rows
// of A and four columns of B, and swaps the columns with the other three. 8 words are loaded for 64 multiply-adds.
// What else counts on SwiftShader:
// * A fetch from a texture takes whole vectors, where a load from a buffer takes words one by one: A and B are images,
//   texel i at i % 4096, i / 4096.
// * A swap is one instruction, a broadcast twenty.
// * What is live in a loop lies in memory, so a turn takes four steps in k for each time that it touches a result.
//
// Dispatch: n / 256 by m / 16 workgroups of 64 invocations, sizes padded up.
// Twin: src/kernel/gemm.rs. Tolerance: 1e-5 by norm.

// Padded k: columns of A, rows of B; a multiple of 4.
override DEPTH: u32;
// Padded n, in vectors of 4.
override COLUMNS_4: u32;

// Texels in a line of an image.
const WIDTH = 4096u;
// A tile of 16 rows, and one of 256 columns, in vectors of 4.
const TILE_ROWS_4 = 4u;
const TILE_COLUMNS_4 = 64u;

// A, m x k, held by columns in panels of 16: m / 16 x DEPTH x 16.
@group(0) @binding(0) var a: texture_2d<f32>;
// B, k x n, held by rows in panels of 256: n / 256 x DEPTH x 256.
@group(0) @binding(1) var b: texture_2d<f32>;
// C, m x n, held by rows, padded to whole tiles.
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;

// tile + columns rows over four steps: row i of the 4 x 4 tile, which WGSL calls its column i, gains columns[s][i]
// rows[s] in each step s.
fn accumulate(tile: mat4x4<f32>, columns: mat4x4<f32>, rows: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4(
        gain(tile[0], vec4(columns[0].x, columns[1].x, columns[2].x, columns[3].x), rows),
        gain(tile[1], vec4(columns[0].y, columns[1].y, columns[2].y, columns[3].y), rows),
        gain(tile[2], vec4(columns[0].z, columns[1].z, columns[2].z, columns[3].z), rows),
        gain(tile[3], vec4(columns[0].w, columns[1].w, columns[2].w, columns[3].w), rows),
    );
}

// sum + factors rows.
fn gain(sum: vec4<f32>, factors: vec4<f32>, rows: mat4x4<f32>) -> vec4<f32> {
    let two = fma(vec4(factors.y), rows[1], fma(vec4(factors.x), rows[0], sum));
    return fma(vec4(factors.w), rows[3], fma(vec4(factors.z), rows[2], two));
}

// Writes 4 x 4 results from c[i] on.
fn store(i: u32, tile: mat4x4<f32>) {
    c[i] = tile[0];
    c[i + COLUMNS_4] = tile[1];
    c[i + 2u * COLUMNS_4] = tile[2];
    c[i + 3u * COLUMNS_4] = tile[3];
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
    @builtin(subgroup_invocation_id) id: u32,
) {
    // Own rows by own columns, by those of the lane beside, below, and across.
    var own = mat4x4<f32>();
    var beside = mat4x4<f32>();
    var below = mat4x4<f32>();
    var across = mat4x4<f32>();
    let lane = id % 4u;
    var i = workgroup.y * DEPTH * TILE_ROWS_4 + lane;
    var j = workgroup.x * DEPTH * TILE_COLUMNS_4 + invocation;
    for (var k = 0u; k < DEPTH; k += 4u) {
        // The texels of a turn lie in one line: WIDTH is a multiple of both tiles over four steps.
        let at_a = vec2(i % WIDTH, i / WIDTH);
        let at_b = vec2(j % WIDTH, j / WIDTH);
        let columns = mat4x4(
            textureLoad(a, at_a, 0),
            textureLoad(a, at_a + vec2(TILE_ROWS_4, 0u), 0),
            textureLoad(a, at_a + vec2(2u * TILE_ROWS_4, 0u), 0),
            textureLoad(a, at_a + vec2(3u * TILE_ROWS_4, 0u), 0),
        );
        let r0 = textureLoad(b, at_b, 0);
        let r1 = textureLoad(b, at_b + vec2(TILE_COLUMNS_4, 0u), 0);
        let r2 = textureLoad(b, at_b + vec2(2u * TILE_COLUMNS_4, 0u), 0);
        let r3 = textureLoad(b, at_b + vec2(3u * TILE_COLUMNS_4, 0u), 0);
        own = accumulate(own, columns, mat4x4(r0, r1, r2, r3));
        beside = accumulate(beside, columns, mat4x4(quadSwapX(r0), quadSwapX(r1), quadSwapX(r2), quadSwapX(r3)));
        below = accumulate(below, columns, mat4x4(quadSwapY(r0), quadSwapY(r1), quadSwapY(r2), quadSwapY(r3)));
        across = accumulate(
            across,
            columns,
            mat4x4(quadSwapDiagonal(r0), quadSwapDiagonal(r1), quadSwapDiagonal(r2), quadSwapDiagonal(r3)),
        );
        i += 4u * TILE_ROWS_4;
        j += 4u * TILE_COLUMNS_4;
    }
    let corner = (workgroup.y * 16u + 4u * lane) * COLUMNS_4 + workgroup.x * TILE_COLUMNS_4;
    store(corner + invocation, own);
    store(corner + quadSwapX(invocation), beside);
    store(corner + quadSwapY(invocation), below);
    store(corner + quadSwapDiagonal(invocation), across);
}
