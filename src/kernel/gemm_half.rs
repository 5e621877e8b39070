//! The matrix product in f16 for GPUs without matrix units: as `gemm_tiled`, with operands half as large.

use super::packing::Memory;
use super::{Gemm, Plan};

/// Rows and columns of C that a workgroup computes.
const SIDE: u32 = 128;

/// Steps in k that are in workgroup memory at once.
const SLAB: u32 = 16;

/// How `gemm_half.wgsl` runs.
pub(super) fn plan(gemm: &Gemm) -> Plan {
    let plan = gemm.tiled(wgsl!("gemm_half"), [SIDE, SIDE, SLAB]);
    Plan {
        inputs: plan.inputs.iter().map(|packing| packing.held_in(Memory::Halves)).collect(),
        workgroup_bytes: 2 * 2 * u64::from(SLAB * SIDE),
        iterations: plan.iterations + plan.iterations / SLAB,
        ..plan
    }
}
