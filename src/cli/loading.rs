//! Which language models run, and on which backends.
//!
//! Where the real weights are not in the store and no model was asked for, seeded weights of the same shape run
//! instead, and every page says so. Where no backend was asked for and the engine cannot run a model on this adapter,
//! candle runs it alone, and that is said too. What was asked for by name and cannot be had is an error.

use super::arguments::{BackendName, DEFAULT_MODEL, MachineArguments};
use super::{Failure, say};
use crate::engine::{EngineError, LlamaWeights};
use crate::gpu::{Class, Device};
use crate::interrupt::Interrupt;
use crate::model::{self, Model, ModelChoice, ModelError, Opened, Precision, StoreError};
use crate::tuner::Tuner;
use crate::workload::{LanguageShapes, LanguageSource};
use std::sync::Arc;

/// What models are opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A flight, or a sweep of what a flight would fly.
    Flight,
    /// A benchmark.
    Bench,
}

/// Where models can run.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    /// The adapter, opened.
    pub(super) device: Option<&'a Device>,
    /// candle's device.
    pub(super) candle: &'a model::Device,
    /// Loading ends between two tensors once the user wishes to stop.
    pub(super) interrupt: &'a Interrupt,
}

/// The models that were asked for, or the default one, on each backend; none where no workload wants any.
pub(super) fn open_models(
    arguments: &MachineArguments,
    shapes: &LanguageShapes,
    purpose: Purpose,
    places: Places<'_>,
    tuner: &mut Tuner,
) -> Result<Vec<LanguageSource>, Failure> {
    let wanted = |name: &str| arguments.workloads.is_empty() || arguments.workloads.iter().any(|known| known == name);
    let needed = (wanted("prefill") && !shapes.prefill.is_empty()) || (wanted("decode") && !shapes.decode.is_empty());
    let choices = choices(arguments)?;
    let (engine, candle) = backends(arguments.backend, purpose, places)?;
    if !needed {
        return Ok(Vec::new());
    }
    let several = shapes.decode.iter().map(|shape| shape.sequences).find(|&sequences| sequences > 1);
    if let Some(sequences) = several.filter(|_| !engine) {
        return Err(one_at_a_time(sequences));
    }
    let choices = if choices.is_empty() { vec![default_choice(arguments, places.interrupt)?] } else { choices };
    let mut sources = Vec::new();
    for choice in &choices {
        let loaded = if engine { on_engine(choice, arguments.backend, places, tuner)? } else { None };
        let has_engine = loaded.is_some();
        sources.extend(loaded);
        if let Some(sequences) = several.filter(|_| !has_engine) {
            return Err(one_at_a_time(sequences));
        }
        if candle || !has_engine {
            let opened = Opened::until(choice, places.interrupt);
            match opened.and_then(|opened| Model::load(opened, places.candle, Precision::Quantised)) {
                Ok(model) => sources.push(LanguageSource::Candle(Box::new(model))),
                Err(error @ ModelError::TooLarge { .. }) if arguments.backend.is_none() && has_engine => {
                    say(&format!("candle does not run this model here: {error}; the engine does"));
                }
                Err(error) => return Err(Failure::input(error)),
            }
        }
    }
    Ok(sources)
}

fn one_at_a_time(sequences: usize) -> Failure {
    Failure::input(format!(
        "--npl {sequences}: candle decodes one sequence at a time; more need --backend engine on an adapter that runs the model"
    ))
}

/// What `-m` says; `synthetic` alone is the default model's shape with weights from `--seed`.
fn choices(arguments: &MachineArguments) -> Result<Vec<ModelChoice>, Failure> {
    let choice = |text: &String| match text.as_str() {
        "synthetic" => Ok(synthetic(arguments)),
        text => text.parse().map_err(Failure::input),
    };
    arguments.model.iter().map(choice).collect()
}

fn synthetic(arguments: &MachineArguments) -> ModelChoice {
    ModelChoice::Synthetic { name: DEFAULT_MODEL.into(), seed: arguments.seed }
}

/// The default model with its real weights, or with seeded ones where the store has none.
fn default_choice(arguments: &MachineArguments, interrupt: &Interrupt) -> Result<ModelChoice, Failure> {
    let real = ModelChoice::Registered(DEFAULT_MODEL.into());
    match Opened::until(&real, interrupt) {
        Ok(_) => Ok(real),
        Err(error) if !is_missing(&error) => Err(Failure::input(error)),
        Err(error) => {
            say(&format!(
                "no real weights: {error}; seeded weights of the same shape run instead (`dawndusk models pull`)"
            ));
            Ok(synthetic(arguments))
        }
    }
}

/// Whether the engine runs, and whether candle does.
fn backends(asked: Option<BackendName>, purpose: Purpose, places: Places<'_>) -> Result<(bool, bool), Failure> {
    let class = places.device.map(|device| device.facts().class);
    match (asked, class) {
        (Some(BackendName::Engine | BackendName::Both), None) => {
            Err(Failure::input("--backend engine: there is no adapter for it; `dawndusk devices` lists what there is"))
        }
        (Some(BackendName::Engine), Some(_)) => Ok((true, false)),
        (Some(BackendName::Both), Some(_)) => Ok((true, true)),
        (Some(BackendName::Candle), _) | (None, None) => Ok((false, true)),
        (None, Some(_)) if purpose == Purpose::Bench => Ok((true, true)),
        // A flight is about the adapter; a software renderer is the CPU, which candle drives better.
        (None, Some(Class::Hardware)) => Ok((places.candle.is_cpu(), !places.candle.is_cpu())),
        (None, Some(Class::Software)) => Ok((false, true)),
    }
}

/// The model on the adapter; none, and a word of it, where it cannot run there and the engine was not asked for.
fn on_engine(
    choice: &ModelChoice,
    asked: Option<BackendName>,
    places: Places<'_>,
    tuner: &mut Tuner,
) -> Result<Option<LanguageSource>, Failure> {
    let Some(device) = places.device else { return Ok(None) };
    let loaded =
        LlamaWeights::open_until(device, choice, places.interrupt).and_then(|weights| match device.facts().class {
            Class::Hardware => weights.tuned(tuner),
            // A renderer is a CPU, for which the rule was found by measurement; trials would take half a minute there.
            Class::Software => Ok(weights),
        });
    match loaded {
        Ok(weights) => Ok(Some(LanguageSource::Engine(Arc::new(weights)))),
        Err(EngineError::Model(error)) => Err(Failure::input(error)),
        Err(error @ EngineError::Gpu(_)) => Err(Failure::tool(error)),
        Err(error) if asked.is_some() => Err(Failure::input(error)),
        Err(error) => {
            say(&format!("the engine does not run this model here: {error}; candle is tried"));
            Ok(None)
        }
    }
}

/// The weights are not in the store, which is no reason not to fly.
pub(super) fn is_missing(error: &ModelError) -> bool {
    matches!(error, ModelError::Store(StoreError::Missing { .. } | StoreError::NoFolder))
}
