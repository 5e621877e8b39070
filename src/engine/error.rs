//! Why a model does not run on an adapter.

use crate::model::ModelError;
use crate::{gpu, kernel};

/// Why a model does not run on an adapter.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The model itself: its file, its shape, or what it was asked to do.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The adapter: lost, out of memory, or without what is needed.
    #[error(transparent)]
    Gpu(#[from] gpu::Error),
    /// A kernel cannot have this shape.
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
    /// The model does not fit. Nothing was allocated.
    #[error(
        "{model} needs {needed} bytes ({weights} of weights, {cache} of cache for {sequences} sequences of {positions} \
         positions, the rest for activations), but {adapter} has {limit}"
    )]
    Memory {
        /// The model's name.
        model: String,
        /// The adapter's name.
        adapter: String,
        /// Bytes in all.
        needed: u64,
        /// Bytes of weights.
        weights: u64,
        /// Bytes of the cache.
        cache: u64,
        /// Sequences at once.
        sequences: usize,
        /// Positions of each.
        positions: usize,
        /// Bytes that there are.
        limit: u64,
    },
    /// A batch of images does not fit. Nothing was allocated.
    #[error(
        "{model} needs {needed} bytes ({weights} of weights, the rest for {images} images at a time), but {adapter} has \
         {limit}"
    )]
    Batch {
        /// The model's name.
        model: String,
        /// The adapter's name.
        adapter: String,
        /// Bytes in all.
        needed: u64,
        /// Bytes of weights.
        weights: u64,
        /// Images at once.
        images: usize,
        /// Bytes that there are.
        limit: u64,
    },
    /// The shape is one that the kernels do not have.
    #[error("{model}: {what} is {found}; this engine takes {allowed}")]
    Shape {
        /// The model's name.
        model: String,
        /// The size.
        what: &'static str,
        /// Its value.
        found: usize,
        /// What it may be.
        allowed: &'static str,
    },
    /// More positions or sequences than there was room made for.
    #[error("{what}: {wanted}; room was made for {room}")]
    NoRoom {
        /// What is too many.
        what: &'static str,
        /// How many are asked for.
        wanted: usize,
        /// How many fit.
        room: usize,
    },
    /// Every kernel for a product computes wrong results on this adapter, or does not compile.
    #[error("no kernel multiplies {} weights rightly here ({class}): {excluded}", format.name())]
    NoKernel {
        /// The format of the weights.
        format: crate::kernel::Format,
        /// The class of sizes.
        class: &'static str,
        /// Each kernel, and what is wrong with it.
        excluded: String,
    },
    /// The adapter lacks something that every kernel here needs.
    #[error("{adapter} has no {what}, which the engine needs; candle runs the model instead (--backend candle)")]
    Adapter {
        /// The adapter's name.
        adapter: String,
        /// What is missing.
        what: &'static str,
    },
}

impl EngineError {
    /// Refuses the first of the sizes of a model that is not right: what it is, its value, whether it is right, and what
    /// it may be.
    pub(super) fn check_sizes(
        model: &str,
        sizes: &[(&'static str, usize, bool, &'static str)],
    ) -> Result<(), EngineError> {
        match sizes.iter().find(|(_, _, right, _)| !right) {
            Some(&(what, found, _, allowed)) => {
                Err(EngineError::Shape { model: model.to_owned(), what, found, allowed })
            }
            None => Ok(()),
        }
    }
}
