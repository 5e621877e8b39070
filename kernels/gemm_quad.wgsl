// gemm_quad: C = A B, a tile of 16 x 8 results in the registers of each invocation; lanes share what they load of A.
//
// For adapters that are CPUs and have subgroups. All lanes of a workgroup work on the same 16 rows, so the four of a
// quad load 4 rows each and hand them to one another: 12 words loaded for 128 multiply-adds, where gemm_registers
// loads 16 for 64. A quad is 4 lanes on every adapter, so no size of a subgroup is assumed.
//
// Dispatch: n / 128 by m / 16 workgroups of 16 invocations, sizes padded up.
// Twin: src/kernel/gemm.rs. Tolerance: 1e-5 by norm.

// k: columns of A, rows of B.
override DEPTH: u32;
// Padded m, in vectors of 4.
override ROWS_4: u32;
// Padded n, in vectors of 4.
override COLUMNS_4: u32;

// A, m x k, held by columns: k x m, padded to k x 4 ROWS_4.
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
// B, k x n, held by rows, padded to k x 4 COLUMNS_4.
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
// C, m x n, held by rows, padded to 4 ROWS_4 x 4 COLUMNS_4.
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;

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

@compute @workgroup_size(16)
fn main(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    var c00 = mat4x4<f32>();
    var c01 = mat4x4<f32>();
    var c10 = mat4x4<f32>();
    var c11 = mat4x4<f32>();
    var c20 = mat4x4<f32>();
    var c21 = mat4x4<f32>();
    var c30 = mat4x4<f32>();
    var c31 = mat4x4<f32>();
    var i = 4u * invocation.y + lane % 4u;
    var j = 2u * invocation.x;
    for (var k = 0u; k < DEPTH; k++) {
        let quarter = a[i];
        let b0 = b[j];
        let b1 = b[j + 1u];
        let a0 = quadBroadcast(quarter, 0u);
        c00 = accumulate(c00, a0, b0);
        c01 = accumulate(c01, a0, b1);
        let a1 = quadBroadcast(quarter, 1u);
        c10 = accumulate(c10, a1, b0);
        c11 = accumulate(c11, a1, b1);
        let a2 = quadBroadcast(quarter, 2u);
        c20 = accumulate(c20, a2, b0);
        c21 = accumulate(c21, a2, b1);
        let a3 = quadBroadcast(quarter, 3u);
        c30 = accumulate(c30, a3, b0);
        c31 = accumulate(c31, a3, b1);
        i += ROWS_4;
        j += COLUMNS_4;
    }
    let corner = 16u * invocation.y * COLUMNS_4 + 2u * invocation.x;
    store(corner, c00);
    store(corner + 1u, c01);
    store(corner + 4u * COLUMNS_4, c10);
    store(corner + 4u * COLUMNS_4 + 1u, c11);
    store(corner + 8u * COLUMNS_4, c20);
    store(corner + 8u * COLUMNS_4 + 1u, c21);
    store(corner + 12u * COLUMNS_4, c30);
    store(corner + 12u * COLUMNS_4 + 1u, c31);
}
