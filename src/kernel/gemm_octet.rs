//! The matrix product for CPUs with subgroups of eight lanes or more: a workgroup of 32 invocations computes 32 x 128
//! results from images of A and B.

use super::{Gemm, Plan};

/// How `gemm_octet.wgsl` runs.
pub(super) fn plan(gemm: &Gemm) -> Plan {
    gemm.reading_images(wgsl!("gemm_octet"), [32, 128, 4])
}
