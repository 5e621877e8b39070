//! The product with weights for few rows of x: lanes share the columns, so that many of them read W at once.

use super::matmul::{Matmul, MatmulPlan};
use super::packing::rectangle;
use crate::gpu::{Class, Facts};

/// Rows of x that a workgroup takes at most.
const TOKENS_MAX: u32 = 8;

/// Shares of the columns on a GPU: with eight lanes a workgroup of 128.
const SLICES_MAX: u32 = 16;

/// How `matmul_split.wgsl` runs.
pub(super) fn program(matmul: &Matmul, facts: &Facts) -> MatmulPlan {
    let tokens = matmul.tokens(TOKENS_MAX);
    let slices = match facts.class {
        Class::Hardware => SLICES_MAX.min(matmul.blocks().next_power_of_two()),
        Class::Software => 1,
    };
    let [x, y, _] = rectangle(matmul.groups(), facts.limits.workgroups_per_dimension);
    let mut constants = matmul.constants(tokens, x);
    constants.push(("SLICES", slices.into()));
    MatmulPlan {
        source: wgsl!("matmul_split"),
        constants,
        tokens,
        workgroups: [x, y],
        workgroup_bytes: 16 * 8 * u64::from(slices * tokens),
        iterations: matmul.blocks() * (9 * tokens + 9) + (8 + slices) * tokens,
    }
}
