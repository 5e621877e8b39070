//! The convolution for GPUs, and for whatever has no subgroups: all lanes load the same filters.

use crate::gpu::Wgsl;

/// The source; how it runs is in `conv2d.rs`.
pub(super) const SOURCE: Wgsl = wgsl!("conv2d_uniform");
