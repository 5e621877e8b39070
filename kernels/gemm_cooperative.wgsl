// gemm_cooperative: C = A B with A and B in f16 and C in f32, on matrix units: a tile of 64 x 64 results to a subgroup.
//
// For GPUs with cooperative matrices of 16 x 16. Four subgroups of a workgroup compute 2 x 2 tiles of 64 x 64, each in
// 4 x 4 accumulators: 8 blocks loaded for 16 products, and the first-level cache serves each block to two subgroups.
// A and B lie in blocks of 16 x 16 from end to end, so a block is one run of 512 bytes and needs no workgroup memory.
// A subgroup may be smaller than it was planned for: then several compute the same tile, and write the same results.
//
// Dispatch: n / 128 by m / 128 workgroups of LANES invocations, sizes padded up.
// Twin: src/kernel/gemm.rs. Tolerance: 1e-2 by norm, operands being rounded to f16; how a unit adds up is its affair.

enable f16;
enable wgpu_cooperative_matrix;

// Four times the largest size of a subgroup.
override LANES: u32;
// Padded k: columns of A, rows of B; a multiple of 16.
override DEPTH: u32;
// Padded n.
override COLUMNS: u32;

// Words of a block.
const BLOCK = 256u;

// A, m x k, held by columns in panels of 16: m / 16 x DEPTH x 16.
@group(0) @binding(0) var<storage, read> a: array<f16>;
// B, k x n, held by rows in panels of 16: n / 16 x DEPTH x 16.
@group(0) @binding(1) var<storage, read> b: array<f16>;
// C, m x n, held by rows, padded to whole tiles.
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
) {
    // This subgroup's tile, counted in tiles.
    let y = 2u * workgroup.y + (subgroup / 2u) % 2u;
    let x = 2u * workgroup.x + subgroup % 2u;
    var c00 = coop_mat16x16<f32, C>();
    var c01 = coop_mat16x16<f32, C>();
    var c02 = coop_mat16x16<f32, C>();
    var c03 = coop_mat16x16<f32, C>();
    var c10 = coop_mat16x16<f32, C>();
    var c11 = coop_mat16x16<f32, C>();
    var c12 = coop_mat16x16<f32, C>();
    var c13 = coop_mat16x16<f32, C>();
    var c20 = coop_mat16x16<f32, C>();
    var c21 = coop_mat16x16<f32, C>();
    var c22 = coop_mat16x16<f32, C>();
    var c23 = coop_mat16x16<f32, C>();
    var c30 = coop_mat16x16<f32, C>();
    var c31 = coop_mat16x16<f32, C>();
    var c32 = coop_mat16x16<f32, C>();
    var c33 = coop_mat16x16<f32, C>();
    let panel = 16u * DEPTH;
    var i = 4u * y * panel;
    var j = 4u * x * panel;
    for (var k = 0u; k < DEPTH; k += 16u) {
        // A block of A is held by columns, one of B by rows.
        let a0 = coopLoad<coop_mat16x16<f16, A>>(&a[i], 16u);
        let a1 = coopLoad<coop_mat16x16<f16, A>>(&a[i + panel], 16u);
        let a2 = coopLoad<coop_mat16x16<f16, A>>(&a[i + 2u * panel], 16u);
        let a3 = coopLoad<coop_mat16x16<f16, A>>(&a[i + 3u * panel], 16u);
        let b0 = coopLoadT<coop_mat16x16<f16, B>>(&b[j], 16u);
        let b1 = coopLoadT<coop_mat16x16<f16, B>>(&b[j + panel], 16u);
        let b2 = coopLoadT<coop_mat16x16<f16, B>>(&b[j + 2u * panel], 16u);
        let b3 = coopLoadT<coop_mat16x16<f16, B>>(&b[j + 3u * panel], 16u);
        c00 = coopMultiplyAdd(a0, b0, c00);
        c01 = coopMultiplyAdd(a0, b1, c01);
        c02 = coopMultiplyAdd(a0, b2, c02);
        c03 = coopMultiplyAdd(a0, b3, c03);
        c10 = coopMultiplyAdd(a1, b0, c10);
        c11 = coopMultiplyAdd(a1, b1, c11);
        c12 = coopMultiplyAdd(a1, b2, c12);
        c13 = coopMultiplyAdd(a1, b3, c13);
        c20 = coopMultiplyAdd(a2, b0, c20);
        c21 = coopMultiplyAdd(a2, b1, c21);
        c22 = coopMultiplyAdd(a2, b2, c22);
        c23 = coopMultiplyAdd(a2, b3, c23);
        c30 = coopMultiplyAdd(a3, b0, c30);
        c31 = coopMultiplyAdd(a3, b1, c31);
        c32 = coopMultiplyAdd(a3, b2, c32);
        c33 = coopMultiplyAdd(a3, b3, c33);
        i += BLOCK;
        j += BLOCK;
    }
    // C is held by rows.
    let row = 16u * COLUMNS;
    let corner = 4u * y * row + 64u * x;
    coopStoreT(c00, &c[corner], COLUMNS);
    coopStoreT(c01, &c[corner + 16u], COLUMNS);
    coopStoreT(c02, &c[corner + 32u], COLUMNS);
    coopStoreT(c03, &c[corner + 48u], COLUMNS);
    coopStoreT(c10, &c[corner + row], COLUMNS);
    coopStoreT(c11, &c[corner + row + 16u], COLUMNS);
    coopStoreT(c12, &c[corner + row + 32u], COLUMNS);
    coopStoreT(c13, &c[corner + row + 48u], COLUMNS);
    coopStoreT(c20, &c[corner + 2u * row], COLUMNS);
    coopStoreT(c21, &c[corner + 2u * row + 16u], COLUMNS);
    coopStoreT(c22, &c[corner + 2u * row + 32u], COLUMNS);
    coopStoreT(c23, &c[corner + 2u * row + 48u], COLUMNS);
    coopStoreT(c30, &c[corner + 3u * row], COLUMNS);
    coopStoreT(c31, &c[corner + 3u * row + 16u], COLUMNS);
    coopStoreT(c32, &c[corner + 3u * row + 32u], COLUMNS);
    coopStoreT(c33, &c[corner + 3u * row + 48u], COLUMNS);
}
