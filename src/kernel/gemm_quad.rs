//! The matrix product for CPUs with subgroups of four lanes: a workgroup of 64 invocations computes 16 x 256 results
//! from images of A and B.

use super::{Gemm, Plan};
use crate::gpu::Wgsl;

/// How `gemm_quad.wgsl` runs.
pub(super) fn plan(gemm: &Gemm) -> Plan {
    let source = Wgsl { file: "gemm_quad.wgsl", text: include_str!("../../kernels/gemm_quad.wgsl") };
    gemm.reading_images(source, [16, 256, 4])
}
