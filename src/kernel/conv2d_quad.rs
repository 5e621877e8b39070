//! The convolution for CPUs with subgroups: lanes share the filters that they load.

use crate::gpu::Wgsl;

/// The source; how it runs is in `conv2d.rs`.
pub(super) const SOURCE: Wgsl = wgsl!("conv2d_quad");
