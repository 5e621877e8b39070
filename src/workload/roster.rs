//! The roster: which workloads there are on this machine, in flight order.
//!
//! Kernels run on the adapter, or as their plain-Rust twins where there is none; so do the classifier of digits and the
//! encoder, with candle where there is none; prefill and decode run on candle.

use super::classify::Classify;
use super::embed::Embed;
use super::kernel::{KernelWorkload, family};
use super::language::{Decode, Prefill, Shape};
use super::{Workload, WorkloadError};
use crate::gpu::Device;
use crate::kernel;
use crate::model::Model;

/// How the language model is put to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanguageShapes {
    /// Of prefill.
    pub prefill: Shape,
    /// Of decode.
    pub decode: Shape,
}

impl LanguageShapes {
    /// In flight a batch must end soon after it was admitted: pieces of a prompt, a few tokens of an answer.
    pub const FLIGHT: LanguageShapes = LanguageShapes {
        prefill: Shape { depth: 0, length: 512, batch: 32 },
        decode: Shape { depth: 64, length: 64, batch: 4 },
    };
}

/// Why there are no workloads.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// A name that no workload has.
    #[error("--workloads {wanted}: there is no such workload; there are {known}")]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// One of them cannot be prepared.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
}

/// What workloads can be made from.
pub struct Roster<'a> {
    /// The adapter, opened; none runs the twins.
    pub device: Option<&'a Device>,
    /// One model for prefill and one for decode, or none.
    pub models: Option<[Model; 2]>,
    /// How they are put to work.
    pub shapes: LanguageShapes,
    /// The encoder at work, or none.
    pub embed: Option<Embed>,
    /// Seed of inputs and prompts.
    pub seed: u64,
}

impl Roster<'_> {
    /// Every workload, or those that are `wanted`, in flight order.
    ///
    /// # Errors
    /// A wanted name that no workload has; a workload that cannot be prepared.
    pub fn workloads(self, wanted: &[String]) -> Result<Vec<Box<dyn Workload>>, RosterError> {
        let known = names();
        if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(RosterError::Unknown { wanted: unknown.clone(), known: known.join(", ") });
        }
        let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|known| known == name);
        let mut workloads: Vec<Box<dyn Workload>> = Vec::new();
        for kernel in kernel::suite(self.device.map(Device::facts)) {
            if is_wanted(family(kernel.name())) {
                workloads.push(Box::new(KernelWorkload::new(kernel, self.device, self.seed)?));
            }
        }
        if is_wanted("classify") {
            workloads.push(Box::new(Classify::new(self.device, self.seed)?));
        }
        if let Some([prefill, decode]) = self.models {
            if is_wanted("prefill") {
                workloads.push(Box::new(Prefill::new(prefill, self.shapes.prefill, self.seed)?));
            }
            if is_wanted("decode") {
                workloads.push(Box::new(Decode::new(decode, self.shapes.decode, self.seed)?));
            }
        }
        if let Some(embed) = self.embed.filter(|_| is_wanted("embed")) {
            workloads.push(Box::new(embed));
        }
        Ok(workloads)
    }
}

/// Every name, in flight order.
fn names() -> Vec<&'static str> {
    let kernels = kernel::suite(None).into_iter().map(|kernel| family(kernel.name()));
    kernels.chain(["classify", "prefill", "decode", "embed"]).collect()
}
