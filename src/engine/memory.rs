//! What a language model needs on a device, known before anything is allocated.

use super::EngineError;
use super::matrix::memory;
use super::repack::format_of;
use crate::gpu::Device;
use crate::kernel::{Format, GROUP, Memory, Weights};
use crate::model::{Config, Tensors};

/// Rows of logits that are computed at once where those of a whole prompt are asked for.
pub(super) const LOGITS_ROWS: usize = 8;

/// Room that is made for work: sequences side by side, and positions of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Sequences that are decoded together.
    pub sequences: usize,
    /// Positions of each.
    pub positions: usize,
    /// Tokens of a prompt that run at once.
    pub batch: usize,
}

impl Room {
    /// One sequence, and pieces of a prompt of 128 tokens.
    pub fn for_positions(positions: usize) -> Room {
        Room { sequences: 1, positions, batch: 128 }
    }

    /// Lines of the cache for one sequence: whole tiles of keys.
    pub(super) fn capacity(&self) -> usize {
        self.positions.next_multiple_of(32)
    }

    /// Rows of logits, in whole tiles of a product.
    pub(super) fn logits_rows(&self) -> usize {
        if self.sequences > LOGITS_ROWS { self.sequences.next_multiple_of(64) } else { LOGITS_ROWS }
    }

    /// Rows of activations: of a piece of a prompt or of a step, in whole tiles.
    pub(super) fn rows(&self) -> usize {
        self.batch.max(self.sequences).next_multiple_of(64)
    }
}

/// The share of a memory that is left to its driver, to programs and to what is on its way there: a sixteenth.
const RESERVE: u64 = 16;

/// How many layers of a shape whose layers are alike, as those of seeded weights are, fit into a memory of so many
/// bytes, with room for work; a sixteenth of it is left free.
pub fn layers_that_fit(device: &Device, shape: &Config, tensors: &Tensors, room: &Room, memory_bytes: u64) -> usize {
    let need = |layers| Need::of(device, &Config { layers, ..*shape }, tensors, room).total();
    let (rest, layer) = (need(0), need(1) - need(0));
    let room_for_layers = (memory_bytes - memory_bytes / RESERVE).saturating_sub(rest);
    shape.layers.min((room_for_layers / layer.max(1)) as usize)
}

/// The matrices of a layer: names, rows and columns.
pub(super) fn layer_matrices(shape: &Config, layer: usize) -> Vec<(String, [usize; 2])> {
    let (hidden, feed) = (shape.hidden, shape.feed_forward);
    let (queries, keys) = (shape.heads * shape.head_size, shape.kv_heads * shape.head_size);
    let name = |part: &str| format!("blk.{layer}.{part}.weight");
    let mut all = vec![
        (name("attn_q"), [queries, hidden]),
        (name("attn_k"), [keys, hidden]),
        (name("attn_v"), [keys, hidden]),
        (name("attn_output"), [hidden, queries]),
    ];
    let [experts, _] = shape.mixture().unwrap_or([0, 1]);
    if experts > 0 {
        all.push((name("ffn_gate_inp"), [experts, hidden]));
    }
    // A dense network is one without a number.
    let numbers: Vec<String> =
        if experts > 0 { (0..experts).map(|e| format!(".{e}")).collect() } else { vec![String::new()] };
    for number in numbers {
        let part = |part: &str, sizes| (name(&format!("{part}{number}")), sizes);
        all.extend([
            part("ffn_gate", [feed, hidden]),
            part("ffn_up", [feed, hidden]),
            part("ffn_down", [hidden, feed]),
        ]);
    }
    all
}

/// Bytes by purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) weights: u64,
    pub(super) cache: u64,
    pub(super) activations: u64,
}

impl Need {
    /// Of a model of this shape, as its tensors are stored.
    pub(super) fn of(device: &Device, shape: &Config, tensors: &Tensors, room: &Room) -> Need {
        let bytes = |name: &str, rows: usize, columns: usize| {
            let format = tensors.kind(name, columns).map_or(Format::F32, format_of);
            Weights::words(rows, columns, format).iter().sum::<u64>() * 4
        };
        let layers = (0..shape.layers).flat_map(|layer| layer_matrices(shape, layer));
        let layers: u64 = layers.map(|(name, [rows, columns])| bytes(&name, rows, columns)).sum();
        let tables = if shape.tied_embedding && memory(device) == Memory::Words { 1 } else { 2 };
        let weights = layers + tables * bytes("token_embd.weight", shape.vocabulary, shape.hidden);
        Need::of_room(shape, weights, room)
    }

    /// Of so many bytes of weights, with room for work.
    pub(super) fn of_room(shape: &Config, weights: u64, room: &Room) -> Need {
        let (queries, keys) = (shape.heads * shape.head_size, shape.kv_heads * shape.head_size);
        let [experts, slots] = shape.mixture().unwrap_or([0, 1]);
        let routed = if experts > 0 { experts.next_multiple_of(GROUP) + 2 * slots } else { 0 };
        let row = 3 * shape.hidden + 2 * (queries + 2 * keys) + queries + slots * shape.feed_forward + routed;
        let lines = (room.sequences * room.capacity()) as u64;
        let logits = (room.logits_rows() * shape.vocabulary.next_multiple_of(GROUP)) as u64;
        Need {
            weights,
            cache: lines * (2 * shape.layers * keys * 4) as u64,
            activations: 4 * ((room.rows() * row) as u64 + logits),
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.weights + self.cache + self.activations
    }

    /// Refuses what the device's memory cannot hold.
    pub(super) fn within(&self, device: &Device, model: &str, room: &Room) -> Result<(), EngineError> {
        let Some(limit) = device.memory_bytes().filter(|&limit| limit < self.total()) else { return Ok(()) };
        Err(EngineError::Memory {
            model: model.to_owned(),
            adapter: device.facts().name.clone(),
            needed: self.total(),
            weights: self.weights,
            cache: self.cache,
            sequences: room.sequences,
            positions: room.positions,
            limit,
        })
    }
}
