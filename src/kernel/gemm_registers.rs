//! The matrix product for any adapter: a workgroup of 8 x 8 invocations computes 64 x 64 results, in registers alone.

use super::{Gemm, Plan};

/// Rows and columns of C that a workgroup computes.
const SIDE: u32 = 64;

/// How `gemm_registers.wgsl` runs.
pub(super) fn plan(gemm: &Gemm) -> Plan {
    gemm.tiled(wgsl!("gemm_registers"), [SIDE, SIDE, 1])
}
