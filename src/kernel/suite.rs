//! Which kernels there are, and in which shapes.

use super::{
    Argmax, Attention, AttentionDecode, AttentionFull, AttentionMerge, Conv2d, Copy, Embed, Error, Fma, Format, Gemm,
    Gemv, Kernel, LayerNorm, Linear, Loads, Matmul, MatmulExperts, MeanPool, Octets, RmsNorm, RotaryCache, Sharing,
    Softmax, Tiling, TopK,
};
use crate::gpu::{Class, Facts};
use std::sync::Arc;

/// Rows of x, and the format of the weights, of the standard product with weights: a small batch of sequences.
pub const MATMUL: (u32, Format) = (8, Format::Q4);

/// How large the standard shapes are. Fixed for a kind of adapter rather than measured, so that two runs, or two
/// cards, are given the same work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// A few milliseconds on two CPU cores: software renderers and twins.
    Small,
    /// GPUs that share the CPU's memory.
    Medium,
    /// GPUs with memory of their own.
    Large,
}

impl Size {
    /// The one for this adapter, or for none.
    pub fn of(facts: Option<&Facts>) -> Size {
        match facts {
            Some(facts) if facts.class == Class::Software => Size::Small,
            Some(facts) if facts.device_type == "discrete" => Size::Large,
            Some(_) => Size::Medium,
            None => Size::Small,
        }
    }

    pub(super) fn pick(self, small: u32, medium: u32, large: u32) -> u32 {
        match self {
            Size::Small => small,
            Size::Medium => medium,
            Size::Large => large,
        }
    }
}

/// Every kernel by its name, in a standard shape.
macro_rules! kernels {
    ($size:ident, $facts:ident: $($name:literal => $kernel:expr,)+) => {
        /// Names that [`named`] takes. `gemm`, `matmul` and `conv2d` mean the one of their variants that suits the adapter.
        pub const NAMES: &[&str] = &[$($name),+];

        /// A kernel by its name, in the standard shape of a size.
        ///
        /// # Errors
        /// [`Error::Unknown`], which lists the names.
        pub fn named(name: &str, $size: Size, $facts: Option<&Facts>) -> Result<Arc<dyn Kernel>, Error> {
            Ok(match name {
                $($name => Arc::new($kernel),)+
                _ => return Err(Error::Unknown { name: name.to_owned(), known: NAMES.join(", ") }),
            })
        }
    };
}

kernels! { size, facts:
    "copy" => Copy::standard(size),
    "fma" => Fma::standard(size),
    "gemm" => Gemm::standard(size, Tiling::of(facts)),
    "gemm_registers" => Gemm::standard(size, Tiling::Registers),
    "gemm_quad" => Gemm::standard(size, Tiling::Quad),
    "gemm_octet" => Gemm::standard(size, Tiling::Octet),
    "gemm_tiled" => Gemm::standard(size, Tiling::Workgroup),
    "gemm_half" => Gemm::standard(size, Tiling::Half),
    "gemm_cooperative" => Gemm::standard(size, Tiling::Cooperative),
    "gemv" => Gemv::standard(size),
    "matmul" => Matmul::standard(size, MATMUL.0, MATMUL.1, Sharing::of(facts, MATMUL.0)),
    "matmul_lanes" => Matmul::standard(size, MATMUL.0, MATMUL.1, Sharing::Lanes),
    "matmul_split" => Matmul::standard(size, MATMUL.0, MATMUL.1, Sharing::Split),
    "matmul_tiled" => Matmul::standard(size, MATMUL.0, MATMUL.1, Sharing::Tiled),
    "matmul_experts" => MatmulExperts::standard(size),
    "rms_norm" => RmsNorm::standard(size),
    "softmax" => Softmax::standard(size),
    "attention" => Attention::standard(size),
    "layer_norm" => LayerNorm::standard(size),
    "linear" => Linear::standard(size, Octets::Apart),
    "linear_octet" => Linear::standard(size, Octets::Shared),
    "attention_full" => AttentionFull::standard(size, Octets::Apart),
    "attention_full_octet" => AttentionFull::standard(size, Octets::Shared),
    "mean_pool" => MeanPool::standard(size),
    "attention_decode" => AttentionDecode::standard(size),
    "attention_merge" => AttentionMerge::standard(size),
    "embed" => Embed::standard(size),
    "rotary_cache" => RotaryCache::standard(size),
    "argmax" => Argmax::standard(size),
    "top_k" => TopK::standard(size),
    "conv2d" => Conv2d::standard(size, Loads::of(facts)),
    "conv2d_uniform" => Conv2d::standard(size, Loads::Uniform),
    "conv2d_quad" => Conv2d::standard(size, Loads::Quad),
}

/// The kernels that are measured by themselves, once each, in the shapes and variants for this adapter, or for the CPU;
/// the product in f16 as well on a GPU that has it.
pub fn suite(facts: Option<&Facts>) -> Vec<Arc<dyn Kernel>> {
    let size = Size::of(facts);
    let mut kernels: Vec<Arc<dyn Kernel>> = vec![
        Arc::new(Copy::standard(size)),
        Arc::new(Fma::standard(size)),
        Arc::new(Gemm::standard(size, Tiling::of(facts))),
        Arc::new(Gemv::standard(size)),
        Arc::new(Matmul::standard(size, MATMUL.0, MATMUL.1, Sharing::of(facts, MATMUL.0))),
        Arc::new(RmsNorm::standard(size)),
        Arc::new(Softmax::standard(size)),
        Arc::new(Attention::standard(size)),
        Arc::new(Conv2d::standard(size, Loads::of(facts))),
    ];
    if let Some(tiling) = facts.and_then(Tiling::in_f16_of) {
        kernels.push(Arc::new(Gemm::standard(size, tiling)));
    }
    kernels
}

/// How many invocations share a row of `columns` words, and how many such teams make a workgroup.
///
/// Never more than have a vector of 4 words each to read. On a GPU up to 64, in workgroups of 128. On a CPU every
/// doubling costs a barrier, and what pays for it is neighbours that load neighbouring words: eight lanes are worth it
/// (lavapipe: gemv at 2.4 times the rate of one), four are not (SwiftShader: 0.7 times). Results do not depend on it.
pub(super) fn team(facts: &Facts, columns: u32) -> [u32; 2] {
    let most = columns.div_ceil(4).next_power_of_two();
    match facts.class {
        Class::Software if facts.subgroup_size_min >= 8 => [most.min(8), 8],
        Class::Software => [1, 8],
        Class::Hardware => [most.min(64), 128 / most.min(64)],
    }
}
