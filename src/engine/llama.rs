//! A language model of the llama family on WGSL kernels: prompts, steps of one or many sequences, greedy decoding.
//!
//! Tokens stay on the device: each step writes the number of its largest logit where the next step's embedding reads
//! it, and into a history. So many steps are recorded and handed over at once, and one copy brings back all their
//! tokens. All sequences stand at the same position, as in a batched benchmark.

use super::EngineError;
use super::layer::{Layer, Norm, Shared, Step, angles, decode_shape, padded};
use super::matrix::Matrix;
use super::memory::{LOGITS_ROWS, Need, Room};
use super::product::{Product, Way};
use super::programs::Programs;
use super::weights::LlamaWeights;
use crate::gpu::{Buffer, Class, Device, Pipeline, Readback, Recording, Resource};
use crate::kernel::{Argmax, Embed, Epilogue, Format};
use crate::model::{Config, ModelError, check_tokens};
use std::sync::Arc;

/// Steps that are recorded before the device is asked for their tokens.
const STEPS_MAX: usize = 16;

/// Work that a renderer is given at once, or one layer of a prompt or one step: the slowest, at 1 GFLOP/s, takes seconds.
const FLOP_AT_ONCE: f64 = 4e9;

/// An open model with room for its sequences.
#[derive(Debug)]
pub struct Llama {
    weights: Arc<LlamaWeights>,
    programs: Programs,
    shared: Shared,
    layers: Vec<Layer>,
    /// From the tokens of a prompt, and from those of the step before.
    embed_prompt: Vec<Pipeline>,
    embed_step: Vec<Pipeline>,
    norm: Norm,
    head: Product,
    argmax: Pipeline,
    embed_shape: Embed,
    prompt: Buffer,
    tokens: Buffer,
    history: Buffer,
    logits: Buffer,
    history_back: Readback,
    logits_back: Readback,
    position: usize,
}

impl Llama {
    /// Makes room for work with weights that are in place.
    ///
    /// # Errors
    /// See [`EngineError`]; [`EngineError::Memory`] comes before anything is allocated.
    pub fn new(weights: &Arc<LlamaWeights>, room: Room) -> Result<Llama, EngineError> {
        let (device, shape) = (&weights.device, &weights.shape);
        refuse_room(shape, &room)?;
        Need::of_room(shape, weights.bytes(), &room).within(device, &weights.describe().name, &room)?;
        let mut programs = Programs::new(device);
        let shared = share(device, shape, &room)?;
        let layers: Vec<Layer> = weights
            .layers
            .iter()
            .map(|layer| Layer::new(&mut programs, &weights.choices, layer, &shared))
            .collect::<Result<_, _>>()?;
        let norm = Norm::new(&mut programs, shape, &weights.norm, [&shared.x, &shared.normed])?;
        let rows = room.logits_rows();
        let stride = padded(shape.vocabulary) as usize;
        let logits = device.zeros("logits", rows * stride)?;
        let way = Way { x: &shared.normed, residual: &shared.nothing, y: &logits, epilogue: Epilogue::Store };
        let head =
            Product::new(&mut programs, &weights.choices, weights.head.as_ref().unwrap_or(&weights.table), way, rows)?;

        let prompt = device.zeros("prompt", room.rows())?;
        let tokens = device.zeros("tokens", room.sequences.next_multiple_of(4))?;
        let history = device.zeros("history", STEPS_MAX * room.sequences)?;
        let embed = |programs: &mut Programs, tokens: &Buffer| embeddings(programs, &weights.table, tokens, &shared.x);
        let (embed_prompt, embed_step) = (embed(&mut programs, &prompt)?, embed(&mut programs, &tokens)?);
        let argmax_shape = Argmax::new(1, shape.vocabulary as u32)?;
        let program = programs.get(Argmax::SOURCE, &argmax_shape.constants(stride as u32))?;
        let argmax = Pipeline::of(device, &program, &[&logits, &tokens, &history], [1, 1, 1])?;
        let mut model = Llama {
            weights: Arc::clone(weights),
            programs,
            shared,
            layers,
            embed_prompt,
            embed_step,
            norm,
            head,
            argmax,
            embed_shape: Embed::new([1, shape.vocabulary as u32, shape.hidden as u32], Format::F32)?,
            prompt,
            tokens,
            history,
            history_back: device.readback((4 * STEPS_MAX * room.sequences) as u64)?,
            logits_back: device.readback((4 * rows * stride) as u64)?,
            logits,
            position: 0,
        };
        // Drivers compile at the first dispatch: that belongs to opening, not to the first prompt.
        model.warm_up()?;
        Ok(model)
    }

    /// Its weights.
    pub fn weights(&self) -> &LlamaWeights {
        &self.weights
    }

    /// Sequences that it decodes together.
    pub fn sequences(&self) -> usize {
        self.shared.room.sequences
    }

    /// Tokens of each sequence so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Forgets every position from this one on.
    pub fn truncate(&mut self, position: usize) {
        self.position = self.position.min(position);
    }

    /// Reads the tokens that come next, the same for every sequence, and finds the token after them.
    ///
    /// # Errors
    /// No tokens, an unknown token or no room: nothing has changed then. What the device refuses.
    pub fn prefill(&mut self, tokens: &[u32]) -> Result<Vec<f32>, EngineError> {
        self.check(tokens, tokens.len())?;
        for sequence in 0..self.sequences() {
            self.read_prompt(sequence, tokens, |_, _, _| Ok(()))?;
        }
        self.position += tokens.len();
        self.last_logits(1)
    }

    /// As [`Llama::prefill`], with the logits after every token.
    ///
    /// # Errors
    /// As [`Llama::prefill`].
    pub fn prefill_all(&mut self, tokens: &[u32]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.check(tokens, tokens.len())?;
        let mut all = Vec::with_capacity(tokens.len());
        for sequence in 0..self.sequences() {
            all.clear();
            self.read_prompt(sequence, tokens, |model, first, rows| {
                for begin in (0..rows).step_by(LOGITS_ROWS) {
                    let count = LOGITS_ROWS.min(rows - begin);
                    let mut recording = model.programs.device().record();
                    model.record_logits(&mut recording, (first + begin) as u32, count as u32);
                    let flat = model.logits_of(recording, count)?;
                    all.extend(flat.chunks_exact(model.weights.shape.vocabulary).map(<[f32]>::to_vec));
                }
                Ok(())
            })?;
        }
        self.position += tokens.len();
        Ok(all)
    }

    /// Runs one token in every sequence; the logits of the one after it, sequence by sequence.
    ///
    /// # Errors
    /// As [`Llama::prefill`].
    pub fn decode(&mut self, token: u32) -> Result<Vec<Vec<f32>>, EngineError> {
        self.check(&[token], 1)?;
        let sequences = self.sequences();
        self.programs.device().write(&self.tokens, &vec![token as f32; sequences])?;
        let mut recording = self.programs.device().record();
        self.record_step(&mut recording, 0);
        let flat = self.logits_of(recording, sequences)?;
        self.position += 1;
        Ok(flat.chunks_exact(self.weights.shape.vocabulary).map(<[f32]>::to_vec).collect())
    }

    /// Goes on for `steps` tokens, each the likeliest after the one before, in every sequence; the first step runs the
    /// token that the last call has found. Tokens by step, then by sequence.
    ///
    /// # Errors
    /// No room: nothing has changed then. What the device refuses.
    pub fn generate(&mut self, steps: usize) -> Result<Vec<Vec<u32>>, EngineError> {
        self.check_room(steps)?;
        let sequences = self.sequences();
        let mut all = Vec::with_capacity(steps);
        while all.len() < steps {
            let count = self.steps_at_once().min(steps - all.len());
            let mut recording = self.programs.device().record();
            for line in 0..count {
                self.record_step(&mut recording, line as u32);
                self.position += 1;
            }
            let words = count * sequences;
            recording.copy(&self.history, (4 * words) as u64, &self.history_back);
            let doing = format!("decoding {count} tokens");
            let tokens: Vec<f32> = recording.submit(&doing)?.take(&self.history_back, words, &doing)?;
            all.extend(tokens.chunks_exact(sequences).map(|step| step.iter().map(|&token| token as u32).collect()));
        }
        Ok(all)
    }

    /// One sequence reads a prompt in pieces; `after` sees each piece, still in place, with its first row and length.
    fn read_prompt(
        &mut self,
        sequence: usize,
        tokens: &[u32],
        mut after: impl FnMut(&mut Llama, usize, usize) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let doing = format!("reading a prompt of {} tokens", tokens.len());
        let mut first = self.position;
        let pieces = tokens.chunks(self.shared.room.batch);
        let last = pieces.len() - 1;
        for (index, piece) in pieces.enumerate() {
            let numbers: Vec<f32> = piece.iter().map(|&token| token as f32).collect();
            self.programs.device().write(&self.prompt, &numbers)?;
            let (first_position, count) = (first as u32, piece.len() as u32);
            let step = Step { first: first_position, sequence: sequence as u32, sequences: 1, tokens: count };
            let mut recording = self.programs.device().record();
            for part in &self.embed_prompt {
                recording.run_with(part, self.embed_shape.workgroups(count), &[]);
            }
            let mut is_first = true;
            for part in self.layers.chunks(self.layers_at_once(piece.len())) {
                if !std::mem::replace(&mut is_first, false) {
                    // A driver, and this program, lose patience with a submission that takes too long.
                    let begun = std::mem::replace(&mut recording, self.programs.device().record());
                    begun.submit(&doing)?.wait(&doing)?;
                }
                part.iter().for_each(|layer| layer.record(&mut recording, &self.programs, &step));
            }
            if index == last {
                self.record_logits(&mut recording, count - 1, 1);
                recording.run_with(&self.argmax, [1, 1, 1], &[0, sequence as u32, self.sequences() as u32]);
            }
            let submission = recording.submit(&doing)?;
            // The next piece is written over this one's tokens, but only after what was submitted has read them.
            if index == last {
                submission.wait(&doing)?;
            }
            after(self, 0, piece.len())?;
            first += piece.len();
        }
        Ok(())
    }

    /// Records one token of every sequence, from its embedding to the next token in line `line` of the history.
    fn record_step(&self, recording: &mut Recording, line: u32) {
        let sequences = self.sequences() as u32;
        let step = Step { first: self.position as u32, sequence: 0, sequences, tokens: 1 };
        for part in &self.embed_step {
            recording.run_with(part, self.embed_shape.workgroups(sequences), &[]);
        }
        self.record_layers(recording, &step);
        self.record_logits(recording, 0, sequences);
        recording.run_with(&self.argmax, [sequences, 1, 1], &[line, 0, sequences]);
    }

    /// Steps of decoding that are handed over together.
    fn steps_at_once(&self) -> usize {
        let step_flop = self.weights.counts().decode_flop(self.position as u64) as f64 * self.sequences() as f64;
        match self.programs.device().facts().class {
            Class::Hardware => STEPS_MAX,
            Class::Software => ((FLOP_AT_ONCE / step_flop) as usize).clamp(1, STEPS_MAX),
        }
    }

    /// Layers of a prompt that are handed over together.
    fn layers_at_once(&self, rows: usize) -> usize {
        let layer_flop = 2.0 * self.weights.shape.layer_weights_used() as f64 * rows as f64;
        match self.programs.device().facts().class {
            Class::Hardware => self.layers.len(),
            Class::Software => ((FLOP_AT_ONCE / layer_flop) as usize).clamp(1, self.layers.len()),
        }
    }

    fn record_layers(&self, recording: &mut Recording, step: &Step) {
        for layer in &self.layers {
            layer.record(recording, &self.programs, step);
        }
    }

    /// The logits of `rows` rows of the stream from row `first` on.
    fn record_logits(&self, recording: &mut Recording, first: u32, rows: u32) {
        self.norm.record(recording, &self.programs, first, rows);
        self.head.record(recording, rows);
    }

    /// Runs a recording, then takes `rows` rows of logits without padding.
    fn logits_of(&self, mut recording: Recording, rows: usize) -> Result<Vec<f32>, EngineError> {
        let (vocabulary, stride) = (self.weights.shape.vocabulary, self.stride());
        recording.copy(&self.logits, (4 * rows * stride) as u64, &self.logits_back);
        let doing = "reading logits";
        let padded: Vec<f32> = recording.submit(doing)?.take(&self.logits_back, rows * stride, doing)?;
        Ok(padded.chunks_exact(stride).flat_map(|row| row[..vocabulary].iter().copied()).collect())
    }

    fn last_logits(&self, rows: usize) -> Result<Vec<f32>, EngineError> {
        self.logits_of(self.programs.device().record(), rows)
    }

    fn stride(&self) -> usize {
        padded(self.weights.shape.vocabulary) as usize
    }

    fn warm_up(&mut self) -> Result<(), EngineError> {
        let piece = self.shared.room.batch.min(self.shared.room.positions);
        for tokens in [1, 2, 4, piece] {
            if tokens <= self.shared.room.positions {
                self.prefill(&vec![0; tokens])?;
                self.truncate(0);
            }
        }
        self.generate(1)?;
        self.truncate(0);
        Ok(())
    }

    fn check(&self, tokens: &[u32], more: usize) -> Result<(), EngineError> {
        check_tokens(tokens, self.weights.shape.vocabulary)?;
        self.check_room(more)
    }

    fn check_room(&self, more: usize) -> Result<(), EngineError> {
        let (wanted, room) = (self.position + more, self.shared.room.positions);
        if wanted > room {
            return Err(EngineError::NoRoom { what: "positions", wanted, room });
        }
        Ok(())
    }
}

/// One pipeline for each part of the table.
fn embeddings(
    programs: &mut Programs,
    table: &Matrix,
    tokens: &Buffer,
    x: &Buffer,
) -> Result<Vec<Pipeline>, EngineError> {
    let device = programs.device().clone();
    let mut pipelines = Vec::with_capacity(table.parts.len());
    for part in &table.parts {
        let rows = (table.rows - 32 * part.first).min(32 * part.groups) as u32;
        let embed = Embed::new([1, rows, table.columns as u32], table.format)?.from(32 * part.first as u32);
        let program = programs.get(Embed::SOURCE, &embed.constants())?;
        let [quants, scales] = part.resources();
        let resources = [Resource::Buffer(tokens), quants, scales, Resource::Buffer(x)];
        pipelines.push(Pipeline::with_resources(&device, &program, &resources, [1, 1, 1])?);
    }
    Ok(pipelines)
}

/// The activations that all layers share.
fn share(device: &Device, shape: &Config, room: &Room) -> Result<Shared, EngineError> {
    let rows = room.rows();
    let (queries, keys) = (shape.heads * shape.head_size, shape.kv_heads * shape.head_size);
    let activations = |name: &str, width: usize| device.zeros(name, rows * padded(width) as usize);
    let [experts, slots] = shape.mixture().unwrap_or([1, 1]);
    let decode = decode_shape(shape, room, device.facts());
    let parts = (decode.sequences * decode.heads * decode.splits) as usize;
    Ok(Shared {
        shape: *shape,
        room: *room,
        // The norm of a prompt's last rows takes whole workgroups of rows, past the last.
        x: device.zeros("x", (rows + 64) * padded(shape.hidden) as usize)?,
        middle: activations("middle", shape.hidden)?,
        normed: activations("normed", shape.hidden)?,
        qkv: activations("qkv", queries + 2 * keys)?,
        q: activations("q", queries)?,
        attended: activations("attended", queries)?,
        sums: device.zeros("sums", if decode.splits > 1 { parts * shape.head_size } else { 4 })?,
        parts: device.zeros("parts", (2 * parts).next_multiple_of(4))?,
        gated: device.zeros("gated", rows * slots * padded(shape.feed_forward) as usize)?,
        routed: activations("routed", experts)?,
        choice: device.zeros("choice", 2 * rows * slots)?,
        angles: device.upload("angles", &angles(shape, room))?,
        nothing: device.zeros("nothing", 4)?,
    })
}

fn refuse_room(shape: &Config, room: &Room) -> Result<(), EngineError> {
    if room.sequences == 0 || room.positions == 0 || room.batch == 0 {
        return Err(EngineError::NoRoom { what: "sequences, positions and tokens at once", wanted: 1, room: 0 });
    }
    if room.positions > shape.context {
        return Err(ModelError::ContextFull { wanted: room.positions, context: shape.context }.into());
    }
    Ok(())
}
