// gemm_octet: C = A B, 32 x 4 results in the registers of each invocation; eight lanes share what they load of A.
//
// For adapters that are CPUs with subgroups of eight or more lanes. What counts on them:
// * A word from an image costs a quarter of one from a buffer, so A and B are images: texel i is at i % 4096, i / 4096.
// * Eight lanes work on the same 32 rows of A. Each loads four of them and hands them to the others: 8 words loaded for
//   128 multiply-adds. An octet lies in one subgroup as long as their size is 8, 16, 32, ...
// * Each turn of a loop costs a select for every variable that it carries, so a turn takes four steps in k.
// * A and B lie in panels, as high and as wide as the tile of a workgroup, so that memory is read from end to end.
//
// Dispatch: n / 128 by m / 32 workgroups of 32 invocations, sizes padded up.
// Twin: src/kernel/gemm.rs. Tolerance: 1e-5 by norm.

// Padded k: columns of A, rows of B; a multiple of 4.
override DEPTH: u32;
// Padded n, in vectors of 4.
override COLUMNS_4: u32;

// Texels in a line of an image.
const WIDTH = 4096u;
// A tile of 32 rows, and one of 128 columns, in vectors of 4.
const TILE_ROWS_4 = 8u;
const TILE_COLUMNS_4 = 32u;

// A, m x k, held by columns in panels of 32: m / 32 x DEPTH x 32.
@group(0) @binding(0) var a: texture_storage_2d<rgba32float, read>;
// B, k x n, held by rows in panels of 128: n / 128 x DEPTH x 128.
@group(0) @binding(1) var b: texture_storage_2d<rgba32float, read>;
// C, m x n, held by rows, padded to whole tiles.
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;

// Four rows of A over four steps, which another lane of the octet has loaded; one row to a vector.
fn rows_of(columns: mat4x4<f32>, lane: u32) -> mat4x4<f32> {
    return transpose(mat4x4(
        subgroupShuffle(columns[0], lane),
        subgroupShuffle(columns[1], lane),
        subgroupShuffle(columns[2], lane),
        subgroupShuffle(columns[3], lane),
    ));
}

// Writes 4 x 4 results from c[i] on.
fn store(i: u32, tile: mat4x4<f32>) {
    c[i] = tile[0];
    c[i + COLUMNS_4] = tile[1];
    c[i + 2u * COLUMNS_4] = tile[2];
    c[i + 3u * COLUMNS_4] = tile[3];
}

@compute @workgroup_size(32)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // Four rows each of the tile; in WGSL's words a row is a column of the matrix.
    var c0 = mat4x4<f32>();
    var c1 = mat4x4<f32>();
    var c2 = mat4x4<f32>();
    var c3 = mat4x4<f32>();
    var c4 = mat4x4<f32>();
    var c5 = mat4x4<f32>();
    var c6 = mat4x4<f32>();
    var c7 = mat4x4<f32>();
    let first = lane - lane % 8u;
    var i = workgroup.y * DEPTH * TILE_ROWS_4 + lane % 8u;
    var j = workgroup.x * DEPTH * TILE_COLUMNS_4 + invocation;
    for (var k = 0u; k < DEPTH; k += 4u) {
        // The texels of a turn lie in one line: WIDTH is a multiple of both tiles over four steps.
        let at_a = vec2(i % WIDTH, i / WIDTH);
        let at_b = vec2(j % WIDTH, j / WIDTH);
        let columns = mat4x4(
            textureLoad(a, at_a),
            textureLoad(a, at_a + vec2(TILE_ROWS_4, 0u)),
            textureLoad(a, at_a + vec2(2u * TILE_ROWS_4, 0u)),
            textureLoad(a, at_a + vec2(3u * TILE_ROWS_4, 0u)),
        );
        let rows = mat4x4(
            textureLoad(b, at_b),
            textureLoad(b, at_b + vec2(TILE_COLUMNS_4, 0u)),
            textureLoad(b, at_b + vec2(2u * TILE_COLUMNS_4, 0u)),
            textureLoad(b, at_b + vec2(3u * TILE_COLUMNS_4, 0u)),
        );
        c0 += rows * rows_of(columns, first);
        c1 += rows * rows_of(columns, first + 1u);
        c2 += rows * rows_of(columns, first + 2u);
        c3 += rows * rows_of(columns, first + 3u);
        c4 += rows * rows_of(columns, first + 4u);
        c5 += rows * rows_of(columns, first + 5u);
        c6 += rows * rows_of(columns, first + 6u);
        c7 += rows * rows_of(columns, first + 7u);
        i += 4u * TILE_ROWS_4;
        j += 4u * TILE_COLUMNS_4;
    }
    let corner = workgroup.y * 32u * COLUMNS_4 + workgroup.x * TILE_COLUMNS_4 + invocation;
    store(corner, c0);
    store(corner + 4u * COLUMNS_4, c1);
    store(corner + 8u * COLUMNS_4, c2);
    store(corner + 12u * COLUMNS_4, c3);
    store(corner + 16u * COLUMNS_4, c4);
    store(corner + 20u * COLUMNS_4, c5);
    store(corner + 24u * COLUMNS_4, c6);
    store(corner + 28u * COLUMNS_4, c7);
}
