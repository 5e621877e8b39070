//! The matrix product for GPUs: a workgroup of 16 x 16 invocations computes 128 x 128 results from slabs of A and B
//! in workgroup memory.

use super::{Gemm, Plan};

/// Rows and columns of C that a workgroup computes.
const SIDE: u32 = 128;

/// Steps in k that are in workgroup memory at once.
const SLAB: u32 = 16;

/// How `gemm_tiled.wgsl` runs.
pub(super) fn plan(gemm: &Gemm) -> Plan {
    let plan = gemm.tiled(wgsl!("gemm_tiled"), [SIDE, SIDE, SLAB]);
    Plan {
        workgroup_bytes: 2 * 4 * u64::from(SLAB * SIDE),
        iterations: plan.iterations + plan.iterations / SLAB,
        ..plan
    }
}
