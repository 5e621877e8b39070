//! The linear layer for adapters with subgroups of eight lanes or more: a workgroup of 32 invocations computes 32 x 128
//! results, eight lanes share what they load of x, and W is an image.

use super::{Linear, Memory, Plan};
use crate::gpu::Wgsl;

/// Rows and outputs that a workgroup computes.
const TILE: [u32; 2] = [32, 128];

/// How `linear_octet.wgsl` runs.
pub(super) fn plan(linear: &Linear) -> Plan {
    let source = Wgsl { file: "linear_octet.wgsl", text: include_str!("../../kernels/linear_octet.wgsl") };
    linear.tiled(source, TILE, linear.weights(TILE[1]).in_panels(TILE[1]).held_in(Memory::Image))
}
