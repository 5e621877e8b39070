// gemm_half: C = A B with A and B in f16 and sums in f32: a tile of 128 x 128 results to a workgroup, 8 x 8 of them in
// the registers of each invocation.
//
// For GPUs that have f16 but no matrix units: gemm_tiled with half the bytes to move, in memory and in workgroups.
// Slabs of A and B, 16 deep, go through workgroup memory, where each word serves 16 invocations. The 8 x 8 results of
// an invocation lie in four 4 x 4 blocks 64 apart, so that neighbours read neighbouring vectors.
//
// Dispatch: n / 128 by m / 128 workgroups of 16 x 16 invocations, sizes padded up.
// Twin: src/kernel/gemm.rs. Tolerance: 1e-5 by norm, operands being rounded to f16.

enable f16;

// Padded k: columns of A, rows of B; a multiple of SLAB.
override DEPTH: u32;
// Padded m, in vectors of 4.
override ROWS_4: u32;
// Padded n, in vectors of 4.
override COLUMNS_4: u32;

// Steps in k that are in workgroup memory at once.
const SLAB = 16u;
// A tile's side of 128, in vectors of 4.
const SIDE_4 = 32u;

// A, m x k, held by columns: k x m, padded to DEPTH x 4 ROWS_4.
@group(0) @binding(0) var<storage, read> a: array<vec4<f16>>;
// B, k x n, held by rows, padded to DEPTH x 4 COLUMNS_4.
@group(0) @binding(1) var<storage, read> b: array<vec4<f16>>;
// C, m x n, held by rows, padded to 4 ROWS_4 x 4 COLUMNS_4.
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;

// SLAB x 128 numbers of A, and as many of B: 8 KiB together.
var<workgroup> sh_a: array<vec4<f16>, 512>;
var<workgroup> sh_b: array<vec4<f16>, 512>;

// tile + column row: row i of the 4 x 4 tile, which WGSL calls its column i, gains column[i] row.
fn accumulate(tile: mat4x4<f32>, column: vec4<f32>, row: vec4<f32>) -> mat4x4<f32> {
    return mat4x4(
        fma(vec4(column.x), row, tile[0]),
        fma(vec4(column.y), row, tile[1]),
        fma(vec4(column.z), row, tile[2]),
        fma(vec4(column.w), row, tile[3]),
    );
}

// Writes 4 x 4 results from c[i] on.
fn store(i: u32, tile: mat4x4<f32>) {
    c[i] = tile[0];
    c[i + COLUMNS_4] = tile[1];
    c[i + 2u * COLUMNS_4] = tile[2];
    c[i + 3u * COLUMNS_4] = tile[3];
}

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    var c00 = mat4x4<f32>();
    var c01 = mat4x4<f32>();
    var c10 = mat4x4<f32>();
    var c11 = mat4x4<f32>();
    // 256 invocations bring in 512 vectors of each slab: two each, 8 steps of k apart.
    let deep = invocation / SIDE_4;
    let along = invocation % SIDE_4;
    var i = deep * ROWS_4 + workgroup.y * SIDE_4 + along;
    var j = deep * COLUMNS_4 + workgroup.x * SIDE_4 + along;
    for (var k = 0u; k < DEPTH; k += SLAB) {
        sh_a[invocation] = a[i];
        sh_a[invocation + 256u] = a[i + 8u * ROWS_4];
        sh_b[invocation] = b[j];
        sh_b[invocation + 256u] = b[j + 8u * COLUMNS_4];
        i += SLAB * ROWS_4;
        j += SLAB * COLUMNS_4;
        workgroupBarrier();
        for (var step = 0u; step < SLAB; step++) {
            let a0 = vec4<f32>(sh_a[step * SIDE_4 + local.y]);
            let a1 = vec4<f32>(sh_a[step * SIDE_4 + local.y + 16u]);
            let b0 = vec4<f32>(sh_b[step * SIDE_4 + local.x]);
            let b1 = vec4<f32>(sh_b[step * SIDE_4 + local.x + 16u]);
            c00 = accumulate(c00, a0, b0);
            c01 = accumulate(c01, a0, b1);
            c10 = accumulate(c10, a1, b0);
            c11 = accumulate(c11, a1, b1);
        }
        workgroupBarrier();
    }
    let corner = (workgroup.y * 128u + local.y * 4u) * COLUMNS_4 + workgroup.x * SIDE_4 + local.x;
    store(corner, c00);
    store(corner + 16u, c01);
    store(corner + 64u * COLUMNS_4, c10);
    store(corner + 64u * COLUMNS_4 + 16u, c11);
}
