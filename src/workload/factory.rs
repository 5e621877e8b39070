//! The workload factory: makes the workloads that there are on this machine, in flight order.
//!
//! Kernels run on the adapter, or as their plain-Rust twins where there is none; of the ways to multiply matrices the
//! tuner chooses one. The classifier of digits, the encoder and the vision transformer run on the adapter too, with candle
//! where there is none; prefill and decode run on the engine, on candle, or on both.

use super::backend::Source;
use super::classify::Classify;
use super::embed::Embed;
use super::kernel::{KernelWorkload, family};
use super::language::{Decode, Prefill, Shape, check_room, label};
use super::vision::{self, Vision};
use super::{Workload, WorkloadError};
use crate::gpu::{Device, Facts};
use crate::interrupt::{Interrupt, Interrupted};
use crate::kernel::{self, Gemm, Kernel, Matmul, Sharing, Size, Tiling};
use crate::tuner::{Family, GemmFamily, MatmulFamily, Tuner};
use std::sync::Arc;

/// Kernels that measure what the adapter can do at most: others are judged by them.
pub const PEAKS: [&str; 2] = ["copy", "fma"];

/// How a language model is put to work: one workload for each shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanguageShapes {
    /// Of prefill.
    pub prefill: Vec<Shape>,
    /// Of decode.
    pub decode: Vec<Shape>,
}

impl LanguageShapes {
    /// In flight a batch must end soon after it was admitted: pieces of a prompt, a few tokens of an answer.
    pub fn flight() -> LanguageShapes {
        LanguageShapes {
            prefill: vec![Shape { depth: 0, length: 512, batch: 32, sequences: 1 }],
            decode: vec![Shape { depth: 64, length: 64, batch: 4, sequences: 1 }],
        }
    }
}

/// Why there are no workloads.
#[derive(Debug, thiserror::Error)]
pub enum FactoryError {
    /// A name that no workload has.
    #[error("--workloads {wanted}: there is no such workload; there are {known}")]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// The user wished to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The model has no room for so many tokens.
    #[error(transparent)]
    Room(WorkloadError),
    /// One of them cannot be prepared on this machine.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
}

/// What workloads can be made from.
pub struct WorkloadFactory<'a> {
    /// The adapter, opened; none runs the twins.
    pub device: Option<&'a Device>,
    /// Chooses between kernels for the same computation; none takes what suits the kind of adapter.
    pub tuner: Option<&'a mut Tuner>,
    /// Models, each of which is put to work in every shape.
    pub models: Vec<Source>,
    /// How they are put to work.
    pub shapes: LanguageShapes,
    /// The encoder at work, or none.
    pub embed: Option<Embed>,
    /// The vision transformer at work, or none.
    pub vision: Option<Vision>,
    /// Seed of inputs and prompts.
    pub seed: u64,
    /// No further workload is prepared once the user wishes to stop.
    pub interrupt: Interrupt,
}

impl WorkloadFactory<'_> {
    /// Every workload, or those that are `wanted`, in flight order.
    ///
    /// # Errors
    /// A wanted name that no workload has; a workload that cannot be prepared; the user's wish to stop.
    pub fn workloads(mut self, wanted: &[String]) -> Result<Vec<Box<dyn Workload>>, FactoryError> {
        let known = names(self.device.map(Device::facts));
        if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(FactoryError::Unknown { wanted: unknown.clone(), known: known.join(", ") });
        }
        let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|known| known == name);
        let mut workloads: Vec<Box<dyn Workload>> = Vec::new();
        for kernel in kernel::suite(self.device.map(Device::facts)) {
            self.interrupt.check()?;
            let name = family(kernel.name());
            if is_wanted(name)
                && let Some(kernel) = self.tuned(name, kernel)?
            {
                workloads.push(Box::new(KernelWorkload::new(kernel, self.device, self.seed)?));
            }
        }
        self.interrupt.check()?;
        if is_wanted("classify") {
            workloads.push(Box::new(Classify::new(self.device, self.seed)?));
        }
        for model in &self.models {
            self.language(model, &is_wanted, &mut workloads)?;
        }
        if let Some(embed) = self.embed.filter(|_| is_wanted("embed")) {
            workloads.push(Box::new(embed));
        }
        if let Some(vision) = self.vision.filter(|_| is_wanted(vision::NAME)) {
            workloads.push(Box::new(vision));
        }
        Ok(workloads)
    }

    /// A matrix product by the kernel that the tuner chooses, other kernels as they are. None for a product in f16 whose
    /// kernels all give wrong results: they are named among what was excluded, and not measured.
    fn tuned(&mut self, name: &str, untuned: Arc<dyn Kernel>) -> Result<Option<Arc<dyn Kernel>>, WorkloadError> {
        let facts = self.device.map(Device::facts);
        let product = || Gemm::standard(Size::of(facts), Tiling::of(facts)).sizes();
        let (tokens, format) = kernel::MATMUL;
        let weights = || Matmul::standard(Size::of(facts), tokens, format, Sharing::of(facts, tokens)).sizes();
        let (family, shape): (Box<dyn Family>, [u32; 3]) = match name {
            "gemm" => (Box::new(GemmFamily::Floats), product()),
            "gemm_half" | "gemm_cooperative" => (Box::new(GemmFamily::Halves), product()),
            "matmul" => (Box::new(MatmulFamily { format }), weights()),
            _ => return Ok(Some(untuned)),
        };
        let Some(tuner) = self.tuner.as_deref_mut() else { return Ok(Some(untuned)) };
        let failed = |error: kernel::Error| WorkloadError { workload: name.into(), reason: error.to_string() };
        let choice = tuner.choose(family.as_ref(), &shape).map_err(failed)?;
        // Where every product in f32 is wrong, the run's own check must see it.
        let is_excluded = choice.excluded.iter().any(|excluded| excluded.variant == choice.variant);
        if is_excluded && choice.family == GemmFamily::Halves.name() {
            return Ok(None);
        }
        family.kernel(&choice.variant, &shape).map(Some).map_err(failed)
    }

    /// One model in every shape, each with a cache of its own.
    fn language(
        &self,
        model: &Source,
        is_wanted: &dyn Fn(&str) -> bool,
        workloads: &mut Vec<Box<dyn Workload>>,
    ) -> Result<(), FactoryError> {
        for &shape in self.shapes.prefill.iter().filter(|_| is_wanted("prefill")) {
            self.interrupt.check()?;
            let name = self.name("prefill", model, &label("pp", shape), self.shapes.prefill.len());
            let name = unique(name, workloads);
            check_room(model, shape, &name).map_err(FactoryError::Room)?;
            workloads.push(Box::new(Prefill::new(&name, model, shape, self.seed)?));
        }
        // candle decodes one sequence at a time: batches are the engine's.
        let can = |shape: &&Shape| shape.sequences == 1 || matches!(model, Source::Engine(_));
        for &shape in self.shapes.decode.iter().filter(|_| is_wanted("decode")).filter(can) {
            self.interrupt.check()?;
            let name = self.name("decode", model, &label("tg", shape), self.shapes.decode.len());
            let name = unique(name, workloads);
            check_room(model, shape, &name).map_err(FactoryError::Room)?;
            workloads.push(Box::new(Decode::new(&name, model, shape, self.seed)?));
        }
        Ok(())
    }

    /// `prefill`, and where there are several of that kind `prefill pp512 @ d64`, with the backend and the model where
    /// those are several.
    fn name(&self, kind: &str, model: &Source, label: &str, shapes: usize) -> String {
        let mut name = kind.to_owned();
        let others = |differs: &dyn Fn(&Source) -> bool| self.models.iter().any(differs);
        if others(&|other| other.kind() != model.kind()) {
            name = format!("{name} {}", model.kind());
        }
        if others(&|other| other.describe().name != model.describe().name) {
            name = format!("{name} {}", model.describe().name);
        }
        if shapes > 1 { format!("{name} {label}") } else { name }
    }
}

/// No two workloads have one name: the second of the same model in the same shape is `prefill (2)`.
fn unique(name: String, workloads: &[Box<dyn Workload>]) -> String {
    let is_taken = |name: &str| workloads.iter().any(|workload| workload.description().name == name);
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(name)
}

/// Every name that there is on an adapter, in flight order.
fn names(facts: Option<&Facts>) -> Vec<&'static str> {
    let kernels = kernel::suite(facts).into_iter().map(|kernel| family(kernel.name()));
    kernels.chain(["classify", "prefill", "decode", "embed", vision::NAME]).collect()
}
