//! The matrix product for GPUs with matrix units: f16 times f16 gives f32, and four subgroups of a workgroup compute
//! 128 x 128 results.

use super::packing::Memory;
use super::{Gemm, Packing, Plan};
use crate::gpu::Facts;

/// Rows and columns of C that a workgroup computes.
const SIDE: u32 = 128;

/// Rows and columns of what a matrix unit multiplies.
const BLOCK: u32 = 16;

/// Subgroups in a workgroup.
const SUBGROUPS: u32 = 4;

/// The unit that it needs, as [`Features::cooperative_matrix`](crate::gpu::Features::cooperative_matrix) spells it.
const UNIT: &str = "16x16x16 F16 -> F32";

/// Whether an adapter has such units, and room for four of its largest subgroups in a workgroup.
pub(super) fn runs_on(facts: &Facts) -> bool {
    let features = &facts.features;
    let unit = features.cooperative_matrix.iter().any(|unit| unit == UNIT);
    unit && features.f16 && features.subgroup && lanes(facts) <= facts.limits.workgroup_invocations
}

/// How `gemm_cooperative.wgsl` runs.
pub(super) fn plan(gemm: &Gemm, facts: &Facts) -> Plan {
    let source = wgsl!("gemm_cooperative");
    let [a, b] = operands(gemm);
    let (m, n, k) = (a.padded_rows(), b.padded_columns(), b.padded_rows());
    Plan {
        source,
        constants: vec![("LANES", lanes(facts).into()), ("DEPTH", k.into()), ("COLUMNS", n.into())],
        inputs: vec![a, b],
        output: Packing::padded(gemm.m, gemm.n, SIDE, SIDE),
        workgroups: [n / SIDE, m / SIDE, 1],
        iterations: k / BLOCK,
        ..Plan::default()
    }
}

/// A and B in blocks of 16 x 16 from end to end: those of A by columns, those of B by rows.
fn operands(gemm: &Gemm) -> [Packing; 2] {
    let a = Packing::padded(gemm.m, gemm.k, SIDE, BLOCK).by_columns().in_panels(BLOCK).held_in(Memory::Halves);
    let b = Packing::padded(gemm.k, gemm.n, BLOCK, SIDE).in_panels(BLOCK).held_in(Memory::Halves);
    [a, b]
}

/// Invocations in a workgroup: four subgroups, however large the driver makes them.
fn lanes(facts: &Facts) -> u32 {
    SUBGROUPS * facts.subgroup_size_max
}

#[cfg(test)]
mod tests {
    use super::super::{Kernel, Tiling};
    use super::*;

    /// Element (row, column) of the product, with the blocks where the kernel looks for them.
    fn element(a: &[f32], b: &[f32], depth: usize, row: usize, column: usize) -> f32 {
        const BLOCK: usize = super::BLOCK as usize;
        let panel = BLOCK * depth;
        let mut sum = 0.0;
        for k in (0..depth).step_by(BLOCK) {
            let (block_a, block_b) = (row / BLOCK * panel + k * BLOCK, column / BLOCK * panel + k * BLOCK);
            for step in 0..BLOCK {
                // Held by columns, and by rows, both with a stride of a block's side.
                let (left, right) = (step * BLOCK + row % BLOCK, step * BLOCK + column % BLOCK);
                sum += a[block_a + left] * b[block_b + right];
            }
        }
        sum
    }

    #[test]
    fn blocks_lie_where_the_kernel_looks_for_them() {
        let gemm = Gemm::new(35, 50, 21, Tiling::Cooperative).expect("a fair shape");
        let packings = operands(&gemm);
        let inputs = gemm.inputs(7);
        let mut product = vec![0.0; gemm.output_len()];
        gemm.twin(&inputs, &mut product);
        let [a, b] = [0, 1].map(|operand: usize| packings[operand].pack(&inputs[operand]));
        for (i, expected) in product.into_iter().enumerate() {
            let found = element(&a, &b, packings[1].padded_rows() as usize, i / 50, i % 50);
            assert!((found - expected).abs() < 1e-5, "element {i}, seed 7: {found} for {expected}");
        }
    }
}
