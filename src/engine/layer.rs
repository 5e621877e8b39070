//! One layer of a llama on the device: its cache, its pipelines, and the order in which they run.
//!
//! ```text
//! n = norm(x)             qkv = n W_qkv^T      rotary_cache: qkv -> q, cache
//! a = attention(q)        x' = x + a W_o^T
//! n = norm(x')            x = x' + feed(n), dense or of experts: see `feed`
//! ```

use super::EngineError;
use super::choices::Choices;
use super::feed::Feed;
use super::memory::Room;
use super::product::{Product, Way};
use super::programs::Programs;
use super::weights::LayerWeights;
use crate::gpu::{Buffer, Pipeline, Recording};
use crate::kernel::{
    Attention, AttentionDecode, AttentionMerge, Epilogue, GROUP, Kernel, RmsNorm, RotaryCache, within_iterations,
};
use crate::model::Config;

/// Activations that all layers share, and what else they have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) shape: Config,
    pub(super) room: Room,
    /// The stream: into a layer, and between its halves.
    pub(super) x: Buffer,
    pub(super) middle: Buffer,
    pub(super) normed: Buffer,
    pub(super) qkv: Buffer,
    pub(super) q: Buffer,
    pub(super) attended: Buffer,
    /// Parts of a split attention.
    pub(super) sums: Buffer,
    pub(super) parts: Buffer,
    pub(super) gated: Buffer,
    /// What a router says of each expert, and whom it has chosen.
    pub(super) routed: Buffer,
    pub(super) choice: Buffer,
    pub(super) angles: Buffer,
    /// What stands in for a residual where none is added.
    pub(super) nothing: Buffer,
}

/// What a step is made of: rows, and where they stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Position of the first token of each sequence.
    pub(super) first: u32,
    /// The first sequence.
    pub(super) sequence: u32,
    /// Sequences.
    pub(super) sequences: u32,
    /// Tokens of each.
    pub(super) tokens: u32,
}

impl Step {
    pub(super) fn rows(&self) -> u32 {
        self.sequences * self.tokens
    }
}

/// The pipelines of one layer.
#[derive(Debug)]
pub(super) struct Layer {
    norm: Norm,
    query_key_value: Product,
    rotary: Pipeline,
    rotary_width: RotaryCache,
    prefill: Pipeline,
    decode: Pipeline,
    merge: Option<Pipeline>,
    decode_shape: AttentionDecode,
    output: Product,
    feed_norm: Norm,
    feed: Feed,
}

/// A norm between two buffers.
#[derive(Debug)]
pub(super) struct Norm {
    pipeline: Pipeline,
    shape: RmsNorm,
}

impl Norm {
    pub(super) fn new(
        programs: &mut Programs,
        shape: &Config,
        weights: &[f32],
        [x, y]: [&Buffer; 2],
    ) -> Result<Norm, EngineError> {
        let device = programs.device().clone();
        let norm = RmsNorm::new(1, shape.hidden as u32)?.with_epsilon(shape.norm_epsilon as f32);
        let mut padded = weights.to_vec();
        padded.resize(shape.hidden.next_multiple_of(GROUP), 0.0);
        let weights = device.upload("norm", &padded)?;
        let program = programs.get(RmsNorm::SOURCE, &norm.constants(device.facts(), padded.len() as u32))?;
        let pipeline = Pipeline::of(&device, &program, &[x, &weights, y], [1, 1, 1])?;
        Ok(Norm { pipeline, shape: norm })
    }

    /// Records the norm of `rows` rows of x from row `first` on.
    pub(super) fn record(&self, recording: &mut Recording, programs: &Programs, first: u32, rows: u32) {
        let workgroups = self.shape.workgroups(programs.device().facts(), rows);
        recording.run_with(&self.pipeline, workgroups, &[first]);
    }
}

impl Layer {
    /// Pipelines and a cache for the weights of one layer.
    pub(super) fn new(
        programs: &mut Programs,
        choices: &Choices,
        weights: &LayerWeights,
        shared: &Shared,
    ) -> Result<Layer, EngineError> {
        let (device, shape, room) = (programs.device().clone(), &shared.shape, &shared.room);
        let (queries, keys) = (shape.heads * shape.head_size, shape.kv_heads * shape.head_size);
        let LayerWeights { query_key_value, output, feed, norms } = weights;
        // Attention of a prompt reads whole tiles of 32 keys, also where the last one is begun.
        let lines = room.sequences * room.capacity() + 32;
        let cache = || device.zeros("cache", lines * keys);
        let (key_cache, value_cache) = (cache()?, cache()?);
        let rotary_width = rotary(shape, room);
        let program = programs.get(RotaryCache::SOURCE, &rotary_width.constants(padded(queries + 2 * keys)))?;
        let buffers = [&shared.qkv, &shared.angles, &shared.q, &key_cache, &value_cache];
        let rotary = Pipeline::of(&device, &program, &buffers, [1, 1, 1])?;

        let attention = Attention::new(1, shape.heads as u32, shape.kv_heads as u32, shape.head_size as u32)?;
        let longest = attention.after(room.capacity() as u32 - 1).plan(device.facts());
        within_iterations("attention", &format!("{} keys", room.capacity()), longest.iterations, device.facts())?;
        let program = programs.get(Attention::SOURCE, &attention.constants())?;
        let buffers = [&shared.q, &key_cache, &value_cache, &shared.attended];
        let prefill = Pipeline::of(&device, &program, &buffers, [1, 1, 1])?;

        let decode_shape = decode_shape(shape, room, device.facts()).checked()?;
        within_iterations("attention_decode", &decode_shape.shape(), decode_shape.iterations(), device.facts())?;
        let program = programs.get(AttentionDecode::SOURCE, &decode_shape.constants())?;
        let whole = decode_shape.splits == 1;
        let out = if whole { &shared.attended } else { &shared.sums };
        let buffers = [&shared.q, &key_cache, &value_cache, out, &shared.parts];
        let decode = Pipeline::of(&device, &program, &buffers, decode_shape.workgroups())?;
        let merge = match whole {
            true => None,
            false => Some(merge(programs, &decode_shape, shared)?),
        };

        let rows = room.rows();
        let [x, middle] = [[&shared.x, &shared.middle], [&shared.middle, &shared.x]];
        let way = |x, residual, y, epilogue| Way { x, residual, y, epilogue };
        let (normed, nothing) = (&shared.normed, &shared.nothing);
        Ok(Layer {
            norm: Norm::new(programs, shape, &norms[0], [x[0], normed])?,
            query_key_value: Product::new(
                programs,
                choices,
                query_key_value,
                way(normed, nothing, &shared.qkv, Epilogue::Store),
                rows,
            )?,
            rotary,
            rotary_width,
            prefill,
            decode,
            merge,
            decode_shape,
            output: Product::new(programs, choices, output, way(&shared.attended, x[0], x[1], Epilogue::Add), rows)?,
            feed_norm: Norm::new(programs, shape, &norms[1], [middle[0], normed])?,
            feed: Feed::new(programs, choices, feed, shared)?,
        })
    }

    /// Records one step of this layer.
    pub(super) fn record(&self, recording: &mut Recording, programs: &Programs, step: &Step) {
        let rows = step.rows();
        self.norm.record(recording, programs, 0, rows);
        self.query_key_value.record(recording, rows);
        let place = [step.first, step.sequence, step.tokens];
        recording.run_with(&self.rotary, self.rotary_width.workgroups(rows), &place);
        if step.tokens == 1 && step.sequences as usize == self.decode_shape.sequences as usize {
            recording.run_with(&self.decode, self.decode_shape.workgroups(), &[step.first + 1]);
            if let Some(merge) = &self.merge {
                recording.run(merge);
            }
        } else {
            let heads = self.rotary_width.heads;
            let workgroups = [step.tokens.div_ceil(32), heads, 1];
            let line = step.sequence * self.rotary_width.capacity;
            recording.run_with(&self.prefill, workgroups, &[step.first, line]);
        }
        self.output.record(recording, rows);
        self.feed_norm.record(recording, programs, 0, rows);
        self.feed.record(recording, programs, rows);
    }
}

/// Heads and cache.
fn rotary(shape: &Config, room: &Room) -> RotaryCache {
    RotaryCache {
        heads: shape.heads as u32,
        key_heads: shape.kv_heads as u32,
        head: shape.head_size as u32,
        capacity: room.capacity() as u32,
        sequences: room.sequences as u32,
        tokens: 1,
        first: 0,
        base: shape.rope_base,
    }
}

/// Cosine and sine for every position that there is room for.
pub(super) fn angles(shape: &Config, room: &Room) -> Vec<f32> {
    let rotary = rotary(shape, room);
    rotary.angles(rotary.capacity)
}

/// Attention of one token of each sequence.
pub(super) fn decode_shape(shape: &Config, room: &Room, facts: &crate::gpu::Facts) -> AttentionDecode {
    let capacity = room.capacity() as u32;
    let shape = AttentionDecode {
        sequences: room.sequences as u32,
        keys: capacity,
        capacity,
        heads: shape.heads as u32,
        key_heads: shape.kv_heads as u32,
        head: shape.head_size as u32,
        splits: AttentionDecode::splits(facts, capacity),
        tile: 64,
    };
    shape.tiled_for(facts)
}

fn merge(programs: &mut Programs, decode: &AttentionDecode, shared: &Shared) -> Result<Pipeline, EngineError> {
    let merge = AttentionMerge::new(decode.sequences * decode.heads, decode.splits, decode.head)?;
    let program = programs.get(AttentionMerge::SOURCE, &merge.constants())?;
    let buffers = [&shared.sums, &shared.parts, &shared.attended];
    Ok(Pipeline::of(programs.device(), &program, &buffers, merge.workgroups())?)
}

/// Words of a row of activations, as a product pads them.
pub(super) fn padded(width: usize) -> u32 {
    width.next_multiple_of(GROUP) as u32
}
