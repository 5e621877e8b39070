//! The matrix product for CPUs with subgroups of eight lanes or more: a workgroup of 32 invocations computes 32 x 128
//! results from images of A and B.

use super::packing::Memory;
use super::{Gemm, Packing, Plan};
use crate::gpu::Wgsl;

/// Rows of C that a workgroup computes.
const ROWS: u32 = 32;

/// Columns of C that a workgroup computes.
const COLUMNS: u32 = 128;

/// Steps in k in one turn of the kernel's loop.
const STEPS: u32 = 4;

/// How `gemm_octet.wgsl` runs.
pub(super) fn plan(gemm: &Gemm) -> Plan {
    let source = Wgsl { file: "gemm_octet.wgsl", text: include_str!("../../kernels/gemm_octet.wgsl") };
    let a = Packing::padded(gemm.m, gemm.k, ROWS, STEPS).by_columns().in_panels(ROWS).held_in(Memory::Image);
    let b = Packing::padded(gemm.k, gemm.n, STEPS, COLUMNS).in_panels(COLUMNS).held_in(Memory::Image);
    let (m, n, k) = (a.padded_rows(), b.padded_columns(), b.padded_rows());
    Plan {
        source,
        constants: vec![("DEPTH", k.into()), ("COLUMNS_4", (n / 4).into())],
        inputs: vec![a, b],
        output: Packing::padded(gemm.m, gemm.n, ROWS, COLUMNS),
        workgroups: [n / COLUMNS, m / ROWS, 1],
        workgroup_bytes: 0,
        turns: k / STEPS,
    }
}
