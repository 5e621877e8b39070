//! Compute kernels: the pieces that inference is made of, each as WGSL for an adapter and as plain Rust.
//!
//! A kernel is four things of one name:
//!
//! * `kernels/NAME.wgsl`, a file that any WGSL checker opens: formula, bindings with their shapes, sizes as `override`;
//! * `src/kernel/NAME.rs`, a [`Kernel`]: shape, exact counts of FLOP and bytes, dispatch;
//! * its twin in the same file, [`Kernel::twin`]: the same result in plain Rust, which is also what runs where there
//!   is no adapter;
//! * one comparison in `tests/kernels.rs`.
//!
//! [`Prepared`] makes one ready on an adapter or on the CPU. From then on nobody needs to know which:
//!
//! ```
//! use dawndusk::kernel::{self, Prepared, Size};
//!
//! # fn main() -> Result<(), kernel::Error> {
//! let kernel = kernel::named("softmax", Size::Small, None)?;
//! let mut prepared = Prepared::new(kernel, None, 42)?;
//! assert!(prepared.verify()?.passed());
//! let elapsed = prepared.run(3)?;
//! # assert!(elapsed.time.0 > 0.0);
//! # Ok(())
//! # }
//! ```
//!
//! Sizes are `override` constants, so a pipeline is compiled for its shape: drivers fold strides into addresses, no
//! kernel has a struct of parameters, and no layout must be kept the same on two sides. Operands are padded when they
//! are packed, so kernels have neither tails nor bounds to check. A FLOP is one addition, multiplication, division,
//! comparison, root or exponential, and a fused multiply-add is two. Bytes are those that must move: every operand
//! once. What is padding or read again counts for nothing.

/// A file of `kernels/`, taken in at build time.
macro_rules! wgsl {
    ($name:literal) => {
        $crate::gpu::Wgsl {
            file: concat!($name, ".wgsl"),
            text: include_str!(concat!("../../kernels/", $name, ".wgsl")),
        }
    };
}

mod argmax;
mod attention;
mod attention_decode;
mod attention_full;
mod attention_full_octet;
mod attention_merge;
mod compilation;
mod conv2d;
mod conv2d_quad;
mod conv2d_uniform;
mod copy;
mod embed;
mod fma;
mod format;
mod gemm;
mod gemm_cooperative;
mod gemm_half;
mod gemm_octet;
mod gemm_quad;
mod gemm_registers;
mod gemm_tiled;
mod gemv;
mod layer_norm;
mod linear;
mod linear_octet;
mod matmul;
mod matmul_experts;
mod matmul_lanes;
mod matmul_split;
mod matmul_tiled;
mod mean_pool;
mod packing;
mod prepared;
mod random;
mod rms_norm;
mod rotary_cache;
mod softmax;
mod suite;
mod top_k;
mod verification;

pub use argmax::Argmax;
pub use attention::Attention;
pub use attention_decode::AttentionDecode;
pub use attention_full::AttentionFull;
pub use attention_merge::AttentionMerge;
pub use compilation::Compilation;
pub use conv2d::{Conv2d, Convolution, Loads};
pub use copy::Copy;
pub use embed::Embed;
pub use fma::Fma;
pub use format::{BLOCK, Block, Format, GROUP, Weights};
pub use gemm::{Gemm, Tiling};
pub use gemv::Gemv;
pub use layer_norm::LayerNorm;
pub use linear::{Activation, Linear, Octets};
pub use matmul::{Epilogue, Matmul, MatmulPlan, Sharing};
pub use matmul_experts::{Direction, MatmulExperts};
pub use mean_pool::MeanPool;
pub use packing::{Memory, Packing, Plan};
pub use prepared::{Prepared, within_iterations, within_limits};
pub use rms_norm::RmsNorm;
pub use rotary_cache::RotaryCache;
pub use softmax::Softmax;
pub use suite::{MATMUL, NAMES, Size, named, suite};
pub use top_k::TopK;
pub use verification::Verification;

use crate::gpu::{self, Facts};
use crate::interrupt::Interrupted;

/// What a kernel is measured in: what its adapter runs out of first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Arithmetic.
    Flop,
    /// Bytes moved to and from memory.
    Byte,
}

/// One kernel of one shape.
pub trait Kernel: std::fmt::Debug + Send + Sync {
    /// The name of its WGSL file, without the ending.
    fn name(&self) -> &'static str;

    /// Its sizes, in words: `512x512x512`.
    fn shape(&self) -> String;

    /// What its work is counted in: bytes, for a kernel that waits for memory.
    fn unit(&self) -> Unit {
        Unit::Byte
    }

    /// FLOP of one dispatch, exactly.
    fn flop(&self) -> u64;

    /// Bytes that one dispatch must move at least, exactly.
    fn bytes(&self) -> u64;

    /// Work of one dispatch, in its [`unit`](Kernel::unit).
    fn work(&self) -> u64 {
        match self.unit() {
            Unit::Flop => self.flop(),
            Unit::Byte => self.bytes(),
        }
    }

    /// Largest relative error, by norm, between an adapter and the twin.
    fn tolerance(&self) -> f64 {
        1e-5
    }

    /// Its operands from a seed, unpadded, in the order of its bindings. Never zeros: switching costs power.
    fn inputs(&self, seed: u64) -> Vec<Vec<f32>>;

    /// Words of its result, unpadded.
    fn output_len(&self) -> usize;

    /// The same computation in plain Rust, over all cores. `output` has [`output_len`](Kernel::output_len) words.
    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]);

    /// How it runs on an adapter.
    fn plan(&self, facts: &Facts) -> Plan;
}

/// What can be wrong with a kernel.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sizes make no sense together, or are beyond what a kernel can index.
    #[error("{kernel} of shape {shape}: {reason}")]
    Shape {
        /// The kernel's name.
        kernel: &'static str,
        /// The sizes that were asked for.
        shape: String,
        /// What is wrong, and what is allowed.
        reason: String,
    },
    /// No kernel has this name.
    #[error("no kernel is called `{name}`; there are {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// All names, in words.
        known: String,
    },
    /// The adapter could not do it.
    #[error(transparent)]
    Gpu(#[from] gpu::Error),
    /// The user wished to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Refuses sizes of zero, and operands of more words than 31 bits count (kernels index with 32).
fn guard(kernel: &'static str, shape: &[u32], operands: &[&[u32]]) -> Result<(), Error> {
    const WORDS_MAX: u64 = 1 << 31;
    let refusal = |reason| Error::Shape { kernel, shape: spelled(shape), reason };
    if shape.contains(&0) {
        return Err(refusal("each size must be at least 1".to_owned()));
    }
    for sizes in operands {
        let words = sizes.iter().try_fold(1u64, |words, &size| words.checked_mul(size.into()));
        if words.is_none_or(|words| words > WORDS_MAX) {
            let operand = spelled(sizes);
            return Err(refusal(format!("an operand of {operand} words is over the largest, {WORDS_MAX} words")));
        }
    }
    Ok(())
}

fn spelled(sizes: &[u32]) -> String {
    sizes.iter().map(u32::to_string).collect::<Vec<_>>().join("x")
}
