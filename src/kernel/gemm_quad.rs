//! The matrix product for CPUs with subgroups of four lanes: a workgroup of 64 invocations computes 16 x 256 results
//! from images of A and B.

use super::{Gemm, Plan};

/// How `gemm_quad.wgsl` runs.
pub(super) fn plan(gemm: &Gemm) -> Plan {
    gemm.reading_images(wgsl!("gemm_quad"), [16, 256, 4])
}
