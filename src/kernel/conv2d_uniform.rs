//! The convolution for GPUs, and for whatever has no subgroups: all lanes load the same filters.

use crate::gpu::Wgsl;

/// The source; how it runs is in `conv2d.rs`.
pub(super) const SOURCE: Wgsl =
    Wgsl { file: "conv2d_uniform.wgsl", text: include_str!("../../kernels/conv2d_uniform.wgsl") };
