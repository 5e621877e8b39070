//! A language model as a workload sees it, whichever backend runs it.
//!
//! [`Source`] is a model that is loaded; [`Source::instance`] makes one that works, with a cache of its own and the
//! weights shared. The engine goes on from the tokens that it has found on the device; on candle the host carries them.

use super::language::Shape;
use super::{ModelFacts, WorkloadError};
use crate::engine::{Llama, LlamaWeights, Room};
use crate::model::{Counts, Description, Model, Provenance, greedy};
use std::sync::Arc;

/// Tokens of a prompt that the engine runs at once, at most.
const BATCH_MAX: usize = 512;

/// A model that is loaded.
#[derive(Debug)]
pub enum Source {
    /// On candle.
    Candle(Box<Model>),
    /// On this crate's kernels.
    Engine(Arc<LlamaWeights>),
}

impl Source {
    /// What it is.
    pub fn describe(&self) -> &Description {
        match self {
            Self::Candle(model) => model.describe(),
            Self::Engine(weights) => weights.describe(),
        }
    }

    /// `candle` or `engine`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Candle(_) => "candle",
            Self::Engine(_) => "engine",
        }
    }

    /// `candle:cpu`, `wgpu:vulkan`.
    pub(super) fn backend(&self) -> String {
        match self {
            Self::Candle(model) => format!("candle:{}", model.describe().device),
            Self::Engine(weights) => format!("wgpu:{}", weights.device().facts().backend),
        }
    }

    /// What a table says of it.
    pub(super) fn facts(&self) -> ModelFacts {
        let described = self.describe();
        let mut kinds: Vec<&str> = described.quantisation.iter().map(|kind| kind.loaded.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        ModelFacts {
            kind: format!("{} {}", described.name, kinds.join("+")),
            file: match &described.provenance {
                Provenance::Real { file, .. } => Some(file.clone()),
                Provenance::Synthetic { .. } => None,
            },
            parameters: described.parameters,
            weight_bytes_per_token: described.weight_bytes_per_token,
        }
    }

    /// Its arithmetic and traffic.
    pub(super) fn counts(&self) -> Counts {
        match self {
            Self::Candle(model) => model.counts(),
            Self::Engine(weights) => weights.counts(),
        }
    }

    /// The model made ready for work of one shape, under the name of a workload.
    pub(super) fn instance(&self, name: &str, shape: Shape) -> Result<Box<dyn LanguageModel>, WorkloadError> {
        let failed = |reason: String| WorkloadError { workload: name.into(), reason };
        match self {
            Self::Candle(_) if shape.sequences != 1 => {
                Err(failed(format!("candle decodes one sequence at a time, not {}", shape.sequences)))
            }
            Self::Candle(model) => {
                let mut model = model.with_own_cache().map_err(|error| failed(error.to_string()))?;
                model.reserve(shape.depth + shape.length).map_err(|error| failed(error.to_string()))?;
                Ok(Box::new(OnCandle { model, next: 0 }))
            }
            Self::Engine(weights) => {
                let positions = shape.depth + shape.length;
                let batch = shape.batch.max(shape.depth).clamp(1, BATCH_MAX);
                let room = Room { sequences: shape.sequences, positions, batch };
                let model = Llama::new(weights, room).map_err(|error| failed(error.to_string()))?;
                Ok(Box::new(OnEngine { model }))
            }
        }
    }
}

/// A language model at work. Errors are sentences, since a workload adds its name to them.
pub(super) trait LanguageModel: Send {
    /// Tokens of each sequence so far.
    fn position(&self) -> usize;

    /// Forgets every position from this one on.
    fn truncate(&mut self, position: usize);

    /// Reads the tokens that come next, in every sequence.
    fn prefill(&mut self, tokens: &[u32]) -> Result<(), String>;

    /// Goes on greedily for so many tokens in every sequence, from what the last call has found.
    fn generate(&mut self, steps: usize) -> Result<(), String>;
}

struct OnCandle {
    model: Model,
    next: u32,
}

impl LanguageModel for OnCandle {
    fn position(&self) -> usize {
        self.model.position()
    }

    fn truncate(&mut self, position: usize) {
        self.model.truncate(position);
    }

    fn prefill(&mut self, tokens: &[u32]) -> Result<(), String> {
        self.next = greedy(&self.model.prefill(tokens).map_err(|error| error.to_string())?);
        Ok(())
    }

    fn generate(&mut self, steps: usize) -> Result<(), String> {
        for _ in 0..steps {
            self.next = greedy(&self.model.decode(self.next).map_err(|error| error.to_string())?);
        }
        Ok(())
    }
}

struct OnEngine {
    model: Llama,
}

impl LanguageModel for OnEngine {
    fn position(&self) -> usize {
        self.model.position()
    }

    fn truncate(&mut self, position: usize) {
        self.model.truncate(position);
    }

    fn prefill(&mut self, tokens: &[u32]) -> Result<(), String> {
        self.model.prefill(tokens).map(drop).map_err(|error| error.to_string())
    }

    fn generate(&mut self, steps: usize) -> Result<(), String> {
        self.model.generate(steps).map(drop).map_err(|error| error.to_string())
    }
}
