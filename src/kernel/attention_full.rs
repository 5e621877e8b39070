//! Attention of whole sentences, each token with every token of its own: out = softmax(q k^T / sqrt(head)) v.
//!
//! Source: Vaswani et al., Attention Is All You Need, 2017, equation 1. FLOP are counted as Dao does in
//! FlashAttention-2, 2023, section 4.1: the two products, and not the softmax between them.

use super::gemv::dot;
use super::random::{uniform, whole_numbers};
use super::{Error, Kernel, Packing, Plan, Size, Unit, guard, spelled};
use crate::gpu::{Facts, Wgsl};
use rayon::prelude::*;

/// Queries in a workgroup, and keys that it sees at once.
const TILE: u32 = 32;

/// So many sentences, tokens in each, heads, and words in a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionFull {
    sentences: u32,
    tokens: u32,
    heads: u32,
    head: u32,
}

impl AttentionFull {
    /// `sentences` of up to `tokens` tokens, with `heads` heads of `head` words each.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(sentences: u32, tokens: u32, heads: u32, head: u32) -> Result<AttentionFull, Error> {
        let shape = [sentences, tokens, heads, head];
        guard("attention_full", &shape, &[&[sentences, tokens, 3, heads, head.div_ceil(4), 4]])?;
        Ok(AttentionFull { sentences, tokens, heads, head })
    }

    /// Heads as in MiniLM for the small one, as in BERT-large for the others.
    pub fn standard(size: Size) -> AttentionFull {
        AttentionFull {
            sentences: size.pick(16, 32, 256),
            tokens: size.pick(32, 128, 128),
            heads: size.pick(12, 16, 16),
            head: size.pick(32, 64, 64),
        }
    }

    fn rows(&self) -> u32 {
        self.sentences * self.tokens
    }
}

impl Kernel for AttentionFull {
    fn name(&self) -> &'static str {
        "attention_full"
    }

    /// sentences x tokens x heads x words in a head.
    fn shape(&self) -> String {
        spelled(&[self.sentences, self.tokens, self.heads, self.head])
    }

    fn unit(&self) -> Unit {
        Unit::Flop
    }

    /// With all tokens in use: two products of 2 FLOP for each word of each pair of each head.
    fn flop(&self) -> u64 {
        4 * u64::from(self.rows()) * u64::from(self.tokens) * u64::from(self.heads) * u64::from(self.head)
    }

    /// Queries, keys, values and lengths in, results out.
    fn bytes(&self) -> u64 {
        4 * (4 * u64::from(self.rows()) * u64::from(self.heads) * u64::from(self.head) + u64::from(self.sentences))
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        vec![
            // Wide enough for scores of a few units, so that weights differ between keys as they do in a model.
            uniform(seed, 0, 3 * self.output_len(), -2.0, 2.0),
            whole_numbers(seed, 1, self.sentences as usize, 1, self.tokens),
        ]
    }

    fn output_len(&self) -> usize {
        self.rows() as usize * self.heads as usize * self.head as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [qkv, lengths] = inputs else { return };
        let [tokens, heads, head] = [self.tokens, self.heads, self.head].map(|size| size as usize);
        let scale = 1.0 / (self.head as f32).sqrt();
        output.par_chunks_exact_mut(head).enumerate().for_each(|(index, out)| {
            let (row, h) = (index / heads, index % heads);
            let sentence = row / tokens;
            let part = |row: usize, part: usize| &qkv[((row * 3 + part) * heads + h) * head..][..head];
            let first = sentence * tokens;
            let keys = first..first + (lengths[sentence] as usize).clamp(1, tokens);
            let scores: Vec<f32> = keys.clone().map(|key| scale * dot(part(row, 0), part(key, 1))).collect();
            let top = scores.iter().copied().fold(f32::MIN, f32::max);
            out.fill(0.0);
            let mut sum = 0.0f64;
            for (key, score) in keys.zip(scores) {
                let weight = (score - top).exp();
                sum += f64::from(weight);
                out.iter_mut().zip(part(key, 2)).for_each(|(out, value)| *out += weight * value);
            }
            out.iter_mut().for_each(|out| *out /= sum as f32);
        });
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        let packing = |parts: u32| Packing::padded(self.rows() * parts * self.heads, self.head, 1, 4);
        let out = packing(1);
        let head_4 = out.padded_columns() / 4;
        // For each step: scores, twice the keys and four sums, the values of each eighth vector; then the way out.
        let [tile, head] = [TILE, head_4].map(u64::from);
        let step = 1 + head + 2 * tile + 4 + head.div_ceil(8) * (1 + tile);
        let turns = u64::from(self.tokens.div_ceil(TILE)) * step + 2 * (tile * head).div_ceil(64);
        Plan {
            source: Wgsl { file: "attention_full.wgsl", text: include_str!("../../kernels/attention_full.wgsl") },
            constants: vec![
                ("TOKENS", self.tokens.into()),
                ("HEADS", self.heads.into()),
                ("HEAD_4", head_4.into()),
                ("SCALE", 1.0 / f64::from(self.head).sqrt()),
            ],
            inputs: vec![packing(3), Packing::padded(1, self.sentences, 1, 4).filled_with(1.0)],
            output: out,
            more_outputs: vec![],
            immediates: vec![],
            workgroups: [self.tokens.div_ceil(TILE), self.heads, self.sentences],
            workgroup_bytes: 4 + 4 * u64::from(TILE) * (u64::from(TILE) + 4 * u64::from(head_4) + 3),
            turns: turns.min(u32::MAX.into()) as u32,
        }
    }
}
