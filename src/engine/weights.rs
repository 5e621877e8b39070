//! The weights of a llama on the device, shared by everything that runs it.
//!
//! Query, key and value of a layer are one matrix, and so are gate and up, in turns of two rows: a product of what is
//! multiplied with the same activations is one dispatch.

use super::EngineError;
use super::choices::Choices;
use super::matrix::Matrix;
use super::memory::{Need, Room};
use super::product::TOKENS;
use super::repack::{format_of, is_exact, repack, widest};
use crate::gpu::Device;
use crate::kernel::{Format, Weights};
use crate::model::{Config, Counts, Description, ModelChoice, Opened, Precision, Quantisation, Tensors};
use crate::tuner::Tuner;
use std::collections::BTreeMap;

/// A model's weights in place.
#[derive(Debug)]
pub struct LlamaWeights {
    pub(super) device: Device,
    pub(super) shape: Config,
    pub(super) layers: Vec<LayerWeights>,
    pub(super) table: Matrix,
    /// `None`: the table.
    pub(super) head: Option<Matrix>,
    pub(super) norm: Vec<f32>,
    pub(super) choices: Choices,
    description: Description,
}

/// The weights of one layer.
#[derive(Debug)]
pub(super) struct LayerWeights {
    pub(super) query_key_value: Matrix,
    pub(super) output: Matrix,
    pub(super) gate_up: Matrix,
    pub(super) down: Matrix,
    /// Before attention, and before the feed-forward half.
    pub(super) norms: [Vec<f32>; 2],
}

impl LlamaWeights {
    /// Opens a model, with weights from the user's store.
    ///
    /// # Errors
    /// See [`EngineError`]; [`EngineError::Memory`] comes before anything is allocated.
    pub fn open(device: &Device, choice: &ModelChoice) -> Result<LlamaWeights, EngineError> {
        LlamaWeights::load(device, Opened::of(choice)?)
    }

    /// Loads a model that is open.
    ///
    /// # Errors
    /// As [`LlamaWeights::open`].
    pub fn load(device: &Device, opened: Opened) -> Result<LlamaWeights, EngineError> {
        let Opened { name, provenance, shape, mut tensors, .. } = opened;
        refuse_what_is_not_built(device, &name, &shape)?;
        let room = Room { sequences: 1, positions: 1, batch: 1 };
        Need::of(&shape, &tensors, &room).within(device, &name, &room)?;
        let quantisation = tally(&shape, &tensors);
        let layers: Vec<LayerWeights> = (0..shape.layers)
            .map(|index| LayerWeights::load(index, device, &shape, &mut tensors))
            .collect::<Result<_, _>>()?;
        let straight = |name: &str| [Rows { name: name.into(), rows: shape.vocabulary, place: Place::From(0) }];
        let table = load(device, &mut tensors, &straight("token_embd.weight"), shape.hidden)?;
        let head = match shape.tied_embedding {
            true => None,
            false => Some(load(device, &mut tensors, &straight("output.weight"), shape.hidden)?),
        };
        let norm = tensors.read("output_norm.weight", &[shape.hidden])?.values(&[shape.hidden])?;
        let weight_bytes = layers.iter().map(LayerWeights::bytes).sum::<u64>()
            + head.as_ref().unwrap_or(&table).bytes
            + table.bytes / shape.vocabulary as u64
            + 4 * shape.hidden as u64;
        let description = Description {
            name,
            provenance,
            shape,
            parameters: shape.parameters(),
            device: device.facts().name.clone(),
            threads: None,
            precision: Precision::Quantised,
            quantisation,
            weight_bytes_per_token: weight_bytes,
            flop_per_token: Counts { shape, weight_bytes }.decode_flop(0),
        };
        let choices = Choices::default();
        Ok(LlamaWeights { device: device.clone(), shape, layers, table, head, norm, choices, description })
    }

    /// The same, multiplied by the kernels that the tuner chooses; the first time on an adapter this takes trials.
    ///
    /// # Errors
    /// The device is lost or does not answer.
    pub fn tuned(self, tuner: &mut Tuner) -> Result<LlamaWeights, EngineError> {
        let head = self.head.as_ref().unwrap_or(&self.table);
        let layer = |layer: &LayerWeights| {
            [&layer.query_key_value, &layer.output, &layer.gate_up, &layer.down].map(Matrix::kind)
        };
        let matrices: Vec<_> = self.layers.iter().flat_map(layer).chain([head.kind()]).collect();
        let choices = Choices::tuned(tuner, matrices, &TOKENS)?;
        Ok(LlamaWeights { choices, ..self })
    }

    /// What was tuned.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// What this model is, and how it was loaded.
    pub fn describe(&self) -> &Description {
        &self.description
    }

    /// Its arithmetic and traffic.
    pub fn counts(&self) -> Counts {
        Counts { shape: self.shape, weight_bytes: self.description.weight_bytes_per_token }
    }

    /// The device that holds them.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> u64 {
        let tables = self.table.bytes + self.head.as_ref().map_or(0, |head| head.bytes);
        self.layers.iter().map(LayerWeights::bytes).sum::<u64>() + tables
    }
}

impl LayerWeights {
    fn load(index: usize, device: &Device, shape: &Config, tensors: &mut Tensors) -> Result<LayerWeights, EngineError> {
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        let (queries, keys) = (shape.heads * shape.head_size, shape.kv_heads * shape.head_size);
        let straight =
            |part: &str, rows: usize, first: usize| Rows { name: name(part), rows, place: Place::From(first) };
        let turn = |part: &str, first| Rows { name: name(part), rows: shape.feed_forward, place: Place::Turns(first) };
        let mut matrix = |parts: &[Rows], columns| load(device, tensors, parts, columns);
        let query_key_value = matrix(
            &[
                straight("attn_q", queries, 0),
                straight("attn_k", keys, queries),
                straight("attn_v", keys, queries + keys),
            ],
            shape.hidden,
        )?;
        let output = matrix(&[straight("attn_output", shape.hidden, 0)], queries)?;
        let gate_up = matrix(&[turn("ffn_gate", 0), turn("ffn_up", 2)], shape.hidden)?;
        let down = matrix(&[straight("ffn_down", shape.hidden, 0)], shape.feed_forward)?;
        let mut vector = |part: &str| tensors.read(&name(part), &[shape.hidden])?.values(&[shape.hidden]);
        let norms = [vector("attn_norm")?, vector("ffn_norm")?];
        Ok(LayerWeights { query_key_value, output, gate_up, down, norms })
    }

    fn bytes(&self) -> u64 {
        let matrices = [&self.query_key_value, &self.output, &self.gate_up, &self.down];
        let norms: usize = self.norms.iter().map(Vec::len).sum();
        matrices.iter().map(|matrix| matrix.bytes).sum::<u64>() + 4 * norms as u64
    }
}

/// A tensor whose rows go into a matrix.
struct Rows {
    name: String,
    rows: usize,
    place: Place,
}

/// Where row r goes.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// To `first` + r.
    From(usize),
    /// Two and two: to 4 (r / 2) + r % 2 + `first`.
    Turns(usize),
}

/// One matrix out of several tensors of the same number of columns.
fn load(device: &Device, tensors: &mut Tensors, parts: &[Rows], columns: usize) -> Result<Matrix, EngineError> {
    let rows = parts.iter().map(|part| part.rows).sum();
    let formats = parts.iter().map(|part| tensors.kind(&part.name, columns).map_or(Format::F32, format_of));
    let mut weights = Weights::zeros(rows, columns, widest(formats));
    for part in parts {
        let stored = tensors.read(&part.name, &[part.rows, columns])?;
        repack(&stored, [part.rows, columns], &mut weights, |row| match part.place {
            Place::From(first) => first + row,
            Place::Turns(first) => row / 2 * 4 + row % 2 + first,
        })?;
    }
    Matrix::upload(device, &parts[0].name, &weights, device.facts().limits.storage_binding_bytes)
}

fn refuse_what_is_not_built(device: &Device, name: &str, shape: &Config) -> Result<(), EngineError> {
    let facts = device.facts();
    if !facts.features.immediates {
        return Err(EngineError::Adapter { adapter: facts.name.clone(), what: "immediates" });
    }
    let refuse = |what, found, allowed| Err(EngineError::Shape { model: name.to_owned(), what, found, allowed });
    if !shape.head_size.is_multiple_of(4) {
        return refuse("the size of a head", shape.head_size, "multiples of 4");
    }
    if !(shape.heads * shape.head_size).is_multiple_of(32) {
        return refuse("heads times their size", shape.heads * shape.head_size, "multiples of 32");
    }
    if !shape.feed_forward.is_multiple_of(32) {
        return refuse("the feed-forward size", shape.feed_forward, "multiples of 32");
    }
    Ok(())
}

/// Matrices by the type in the file and the format here.
fn tally(shape: &Config, tensors: &Tensors) -> Vec<Quantisation> {
    let parts = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
        .map(|part| (part, shape.hidden));
    let layers = (0..shape.layers).flat_map(|layer| parts.map(|(part, _)| format!("blk.{layer}.{part}.weight")));
    let tables = ["token_embd.weight", "output.weight"].map(str::to_owned);
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for name in layers.chain(tables) {
        let columns = if name.contains("ffn_down") { shape.feed_forward } else { shape.hidden };
        let is_there = name != "output.weight" || !shape.tied_embedding;
        if let Some(kind) = tensors.kind(&name, columns).filter(|_| is_there) {
            // A type that is held without loss keeps its name.
            let loaded = if is_exact(kind) { format!("{kind:?}") } else { format_of(kind).name().to_owned() };
            *counts.entry((format!("{kind:?}"), loaded)).or_default() += 1;
        }
    }
    let row = |((file, loaded), matrices)| Quantisation { file, loaded, matrices, padded: 0 };
    counts.into_iter().map(row).collect()
}
