//! The linear layer for adapters with subgroups of eight lanes or more: a workgroup of 32 invocations computes 32 x 128
//! results, eight lanes share what they load of x, and W is an image.

use super::{Linear, Memory, Plan};

/// Rows and outputs that a workgroup computes.
const TILE: [u32; 2] = [32, 128];

/// How `linear_octet.wgsl` runs.
pub(super) fn plan(linear: &Linear) -> Plan {
    linear.tiled(wgsl!("linear_octet"), TILE, linear.weights(TILE[1]).in_panels(TILE[1]).held_in(Memory::Image))
}
