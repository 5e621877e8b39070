//! The linear layer for adapters with subgroups of eight lanes or more: a workgroup of 32 invocations computes 32 x 128
//! results, and eight lanes share what they load of x.

use super::{Linear, Plan};
use crate::gpu::Wgsl;

/// How `linear_octet.wgsl` runs.
pub(super) fn plan(linear: &Linear) -> Plan {
    let source = Wgsl { file: "linear_octet.wgsl", text: include_str!("../../kernels/linear_octet.wgsl") };
    linear.tiled(source, [32, 128])
}
