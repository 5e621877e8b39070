//! The matrix product for CPUs with subgroups of eight lanes or more: a workgroup of 32 invocations computes 32 x 128
//! results from images of A and B.

use super::{Gemm, Plan};
use crate::gpu::Wgsl;

/// How `gemm_octet.wgsl` runs.
pub(super) fn plan(gemm: &Gemm) -> Plan {
    let source = Wgsl { file: "gemm_octet.wgsl", text: include_str!("../../kernels/gemm_octet.wgsl") };
    gemm.reading_images(source, [32, 128, 4])
}
