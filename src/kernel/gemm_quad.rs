//! The matrix product for CPUs with subgroups: a workgroup of 16 invocations computes 16 x 128 results.

use super::{Gemm, Plan};
use crate::gpu::Wgsl;

/// How `gemm_quad.wgsl` runs.
pub(super) fn plan(gemm: &Gemm) -> Plan {
    let source = Wgsl { file: "gemm_quad.wgsl", text: include_str!("../../kernels/gemm_quad.wgsl") };
    gemm.tiled(source, [16, 128, 1])
}
