//! The weights of a llama on the device, shared by everything that runs it.
//!
//! Query, key and value of a layer are one matrix, and so are gate and up, in alternating pairs of rows: a product of what is
//! multiplied with the same activations is one dispatch.

use super::EngineError;
use super::choices::Choices;
use super::feed::FeedWeights;
use super::matrix::{Matrix, memory, settle};
use super::memory::{Need, Room, layer_matrices, layers_that_fit};
use super::product::TOKENS;
use super::repack::{format_of, is_exact, repack, widest};
use crate::gpu::Device;
use crate::interrupt::Interrupt;
use crate::kernel::{Format, Memory, Weights};
use crate::model::{
    Config, Counts, Description, ModelChoice, ModelError, Opened, Precision, Provenance, Quantisation, Tensors,
};
use crate::tuner::Tuner;
use std::collections::BTreeMap;

/// Where a seeded model is cut to fit, room is left for so many positions of one sequence, read in pieces of so many.
const POSITIONS: usize = 4096;
const BATCH: usize = 512;

/// A model's weights in place.
#[derive(Debug)]
pub struct LlamaWeights {
    pub(super) device: Device,
    pub(super) shape: Config,
    pub(super) layers: Vec<LayerWeights>,
    pub(super) table: Matrix,
    /// `None`: the table, where the kernels read it as the embedding does.
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
    pub(super) feed: FeedWeights,
    /// Before attention, and before the feed-forward half.
    pub(super) norms: [Vec<f32>; 2],
}

impl LlamaWeights {
    /// Opens a model, with weights from the user's store.
    ///
    /// # Errors
    /// See [`EngineError`]; [`EngineError::Memory`] comes before anything is allocated. Seeded weights that do not fit
    /// are cut: see [`LlamaWeights::load_cut`].
    pub fn open(device: &Device, choice: &ModelChoice) -> Result<LlamaWeights, EngineError> {
        LlamaWeights::open_until(device, choice, &Interrupt::default())
    }

    /// As [`LlamaWeights::open`], until the user wishes to stop.
    ///
    /// # Errors
    /// As [`LlamaWeights::open`], and [`ModelError::Interrupted`].
    pub fn open_until(
        device: &Device,
        choice: &ModelChoice,
        interrupt: &Interrupt,
    ) -> Result<LlamaWeights, EngineError> {
        let opened = Opened::until(choice, interrupt)?;
        match opened.provenance {
            Provenance::Real { .. } => LlamaWeights::load(device, opened),
            Provenance::Synthetic { .. } => {
                let positions = opened.shape.context.min(POSITIONS);
                LlamaWeights::load_cut(device, opened, &Room { sequences: 1, positions, batch: BATCH })
            }
        }
    }

    /// Loads a model with seeded weights; of one that is too large for the device as many layers as fit together with
    /// room for work, and its name says so.
    ///
    /// # Errors
    /// As [`LlamaWeights::open`]: also where not even one layer fits.
    pub fn load_cut(device: &Device, mut opened: Opened, room: &Room) -> Result<LlamaWeights, EngineError> {
        let shape = &mut opened.shape;
        let need = Need::of(device, shape, &opened.tensors, room);
        if let Some(memory) = device.memory_bytes().filter(|&memory| memory < need.total()) {
            let layers = layers_that_fit(device, shape, &opened.tensors, room, memory);
            if layers > 0 {
                opened.name = format!("{} cut to {layers} of {} layers", opened.name, shape.layers);
                shape.layers = layers;
            }
        }
        LlamaWeights::load(device, opened)
    }

    /// Loads a model that is open.
    ///
    /// # Errors
    /// As [`LlamaWeights::open`].
    pub fn load(device: &Device, opened: Opened) -> Result<LlamaWeights, EngineError> {
        let Opened { name, provenance, shape, mut tensors, interrupt, .. } = opened;
        refuse_what_is_not_built(device, &name, &shape)?;
        let room = Room { sequences: 1, positions: 1, batch: 1 };
        Need::of(device, &shape, &tensors, &room).within(device, &name, &room)?;
        let quantisation = tally(&shape, &tensors);
        let layers: Vec<LayerWeights> = (0..shape.layers)
            .map(|index| {
                interrupt.check().map_err(ModelError::from)?;
                LayerWeights::load(index, device, &shape, &mut tensors)
            })
            .collect::<Result<_, _>>()?;
        interrupt.check().map_err(ModelError::from)?;
        let straight = |name: &str| [Rows { name: name.into(), rows: shape.vocabulary, place: Place::From(0) }];
        // The embedding reads its table from a buffer.
        let table = load(device, &mut tensors, &straight("token_embd.weight"), shape.hidden, Memory::Words)?;
        let head = match (shape.tied_embedding, memory(device)) {
            (true, Memory::Words) => None,
            (true, memory) => Some(load(device, &mut tensors, &straight("token_embd.weight"), shape.hidden, memory)?),
            (false, memory) => Some(load(device, &mut tensors, &straight("output.weight"), shape.hidden, memory)?),
        };
        let norm = tensors.read("output_norm.weight", &[shape.hidden])?.values(&[shape.hidden])?;
        let weight_bytes = layers.iter().map(LayerWeights::bytes_per_token).sum::<u64>()
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
            let attention = [&layer.query_key_value, &layer.output].into_iter();
            attention.chain(layer.feed.matrices()).map(Matrix::kind).collect::<Vec<_>>()
        };
        let matrices: Vec<_> = self.layers.iter().flat_map(layer).chain([head.kind()]).collect();
        let choices = Choices::tuned(tuner, matrices, &TOKENS, memory(&self.device))?;
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
        let mut matrix = |parts: &[Rows], columns| load(device, tensors, parts, columns, memory(device));
        let query_key_value = matrix(
            &[
                straight("attn_q", queries, 0),
                straight("attn_k", keys, queries),
                straight("attn_v", keys, queries + keys),
            ],
            shape.hidden,
        )?;
        let output = matrix(&[straight("attn_output", shape.hidden, 0)], queries)?;
        let feed = FeedWeights::load(index, device, shape, tensors)?;
        let mut vector = |part: &str| tensors.read(&name(part), &[shape.hidden])?.values(&[shape.hidden]);
        let norms = [vector("attn_norm")?, vector("ffn_norm")?];
        settle(device)?;
        Ok(LayerWeights { query_key_value, output, feed, norms })
    }

    fn bytes(&self) -> u64 {
        self.attention_bytes() + self.feed.bytes()
    }

    fn bytes_per_token(&self) -> u64 {
        self.attention_bytes() + self.feed.bytes_per_token()
    }

    /// Of its attention and its norms.
    fn attention_bytes(&self) -> u64 {
        let norms: usize = self.norms.iter().map(Vec::len).sum();
        self.query_key_value.bytes + self.output.bytes + 4 * norms as u64
    }
}

/// A tensor whose rows go into a matrix.
pub(super) struct Rows {
    pub(super) name: String,
    pub(super) rows: usize,
    pub(super) place: Place,
}

impl Rows {
    /// The format that they become.
    pub(super) fn format(&self, tensors: &Tensors, columns: usize) -> Format {
        tensors.kind(&self.name, columns).map_or(Format::F32, format_of)
    }

    /// Puts them into their places in `weights`.
    pub(super) fn read(&self, tensors: &mut Tensors, weights: &mut Weights) -> Result<(), EngineError> {
        let sizes = [self.rows, weights.columns];
        let stored = tensors.read(&self.name, &sizes)?;
        Ok(repack(&stored, sizes, weights, |row| match self.place {
            Place::From(first) => first + row,
            Place::Turns(first) => row / 2 * 4 + row % 2 + first,
        })?)
    }
}

/// Where row r goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// To `first` + r.
    From(usize),
    /// Two and two: to 4 (r / 2) + r % 2 + `first`.
    Turns(usize),
}

/// One matrix out of several tensors of the same number of columns.
pub(super) fn load(
    device: &Device,
    tensors: &mut Tensors,
    parts: &[Rows],
    columns: usize,
    memory: Memory,
) -> Result<Matrix, EngineError> {
    let rows = parts.iter().map(|part| part.rows).sum();
    let format = widest(parts.iter().map(|part| part.format(tensors, columns)));
    let mut weights = Weights::zeros(rows, columns, format);
    parts.iter().try_for_each(|part| part.read(tensors, &mut weights))?;
    Matrix::upload(device, &parts[0].name, &weights, memory)
}

fn refuse_what_is_not_built(device: &Device, name: &str, shape: &Config) -> Result<(), EngineError> {
    let facts = device.facts();
    if !facts.features.immediates {
        return Err(EngineError::Adapter { adapter: facts.name.clone(), what: "immediates" });
    }
    let (group, width) = (shape.heads / shape.kv_heads, shape.heads * shape.head_size);
    let checks = [
        ("query heads to a key head", group, group <= 16, "1 to 16"),
        ("the size of a head", shape.head_size, shape.head_size.is_multiple_of(4), "multiples of 4"),
        ("heads times their size", width, width.is_multiple_of(32), "multiples of 32"),
        ("the feed-forward size", shape.feed_forward, shape.feed_forward.is_multiple_of(32), "multiples of 32"),
    ];
    EngineError::check_sizes(name, &checks)
}

/// Matrices by the type in the file and the format here.
fn tally(shape: &Config, tensors: &Tensors) -> Vec<Quantisation> {
    let layers = (0..shape.layers).flat_map(|layer| layer_matrices(shape, layer));
    let tables = ["token_embd.weight", "output.weight"].map(|name| (name.to_owned(), [shape.vocabulary, shape.hidden]));
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (name, [_, columns]) in layers.chain(tables) {
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
