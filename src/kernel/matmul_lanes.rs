//! The product with weights for CPUs with subgroups: teams of eight lanes share what they load of x.

use super::matmul::{Matmul, MatmulPlan};
use super::packing::rectangle;
use crate::gpu::Facts;

/// Teams of eight lanes in a workgroup.
const TEAMS: u32 = 4;

/// Rows of x that an invocation takes at most: the sums of more do not stay in registers (lavapipe: 43 GFLOP/s with
/// 8 rows, 29 with 16).
const TOKENS_MAX: u32 = 8;

/// How `matmul_lanes.wgsl` runs.
pub(super) fn program(matmul: &Matmul, facts: &Facts) -> MatmulPlan {
    let tokens = matmul.tokens(TOKENS_MAX);
    let [x, y, _] = rectangle(matmul.groups().div_ceil(TEAMS), facts.limits.workgroups_per_dimension);
    let mut constants = matmul.constants(tokens, x);
    constants.push(("LANES", (8 * TEAMS).into()));
    MatmulPlan {
        source: wgsl!("matmul_lanes"),
        constants,
        tokens,
        workgroups: [x, y],
        workgroup_bytes: 0,
        iterations: matmul.blocks() * (9 * tokens + 9) + 2 * tokens,
    }
}
