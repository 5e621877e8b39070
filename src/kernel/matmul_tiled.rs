//! The product with weights for many rows of x on GPUs: tiles of 64 x 64 in workgroup memory.

use super::matmul::{Matmul, MatmulPlan};
use super::packing::rectangle;
use crate::gpu::Facts;

/// Rows of x, and of W, in a tile.
pub(super) const TILE: u32 = 64;

/// Groups of 32 rows of W in a tile.
const TILE_GROUPS: u32 = 2;

/// How `matmul_tiled.wgsl` runs.
pub(super) fn program(matmul: &Matmul, facts: &Facts) -> MatmulPlan {
    let [x, y, _] = rectangle(matmul.groups().div_ceil(TILE_GROUPS), facts.limits.workgroups_per_dimension);
    let mut constants = matmul.constants(TILE, x);
    constants.retain(|(name, _)| *name != "TOKENS");
    MatmulPlan {
        source: wgsl!("matmul_tiled"),
        constants,
        tokens: TILE,
        workgroups: [x, y],
        // 32 columns of 64 rows of W, and of x.
        workgroup_bytes: 2 * 4 * 32 * u64::from(TILE),
        iterations: matmul.blocks() * (32 + 2 + 2 + 16) + 1,
    }
}
