//! Models on this crate's own kernels, for any adapter that wgpu reaches.
//!
//! candle runs on CPUs, NVIDIA and Apple; an engine of our own runs the same weights on AMD, Intel, Arm and software
//! renderers too. Each model here is checked against its candle counterpart in [`crate::model`].
//!
//! A step is recorded as one pass: pipelines and bindings are made once, what changes from step to step travels as
//! immediates, and nothing is read back but what was asked for.
