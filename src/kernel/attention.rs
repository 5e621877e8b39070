//! Causal attention over a whole prompt, many query heads to a key head: out = softmax(q k^T / sqrt(head), causal) v.
//!
//! Source: Vaswani et al., Attention Is All You Need, 2017, equation 1; heads in groups as in Ainslie et al., GQA,
//! 2023. FLOP are counted as Dao does in FlashAttention-2, 2023, section 4.1: the two products, of the pairs that
//! causality leaves, and not the softmax between them.

use super::gemv::dot;
use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, Unit, guard, spelled};
use crate::gpu::{Facts, Wgsl};
use rayon::prelude::*;

/// Queries in a workgroup, and keys that it sees at once.
const TILE: u32 = 32;

/// So many tokens, query heads, key heads, and words in a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    tokens: u32,
    heads: u32,
    key_heads: u32,
    head: u32,
    first: u32,
}

impl Attention {
    /// A prompt of `tokens`, with `heads` query heads over `key_heads` key heads of `head` words each.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large, or the query heads are no multiple of the key heads.
    pub fn new(tokens: u32, heads: u32, key_heads: u32, head: u32) -> Result<Attention, Error> {
        let shape = [tokens, heads, key_heads, head];
        guard("attention", &shape, &[&[tokens, heads, head], &[tokens, key_heads, head]])?;
        // And again as they are padded.
        let [tokens_padded, head_padded] = [tokens.next_multiple_of(TILE), head.next_multiple_of(4)];
        guard("attention", &shape, &[&[tokens_padded, heads.max(key_heads), head_padded]])?;
        if !heads.is_multiple_of(key_heads) {
            let reason = format!("{heads} query heads are no multiple of {key_heads} key heads");
            return Err(Error::Shape { kernel: "attention", shape: spelled(&shape), reason });
        }
        Ok(Attention { tokens, heads, key_heads, head, first: 0 })
    }

    /// The same prompt after `first` tokens whose keys and values are there already.
    #[must_use]
    pub fn after(self, first: u32) -> Attention {
        Attention { first, ..self }
    }

    /// A value for each `override`.
    pub fn constants(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("HEADS", self.heads.into()),
            ("KEY_HEADS", self.key_heads.into()),
            ("GROUP", (self.heads / self.key_heads).into()),
            ("HEAD_4", self.head.div_ceil(4).into()),
            ("SCALE", 1.0 / f64::from(self.head).sqrt()),
        ]
    }

    /// Workgroups for so many tokens.
    pub fn workgroups(&self, tokens: u32) -> [u32; 3] {
        [tokens.div_ceil(TILE), self.heads, 1]
    }

    /// The source.
    pub const SOURCE: Wgsl = wgsl!("attention");

    /// Heads as in SmolLM2-135M for the small one, as in Llama-3-8B for the others: 0.005, 8.6 and 34 GFLOP.
    pub fn standard(size: Size) -> Attention {
        Attention {
            tokens: size.pick(64, 1024, 2048),
            heads: size.pick(9, 32, 32),
            key_heads: size.pick(3, 8, 8),
            head: size.pick(64, 128, 128),
            first: 0,
        }
    }

    /// Keys that all queries see together: query t sees first + t + 1.
    fn pairs(&self) -> u64 {
        let [tokens, first] = [self.tokens, self.first].map(u64::from);
        tokens * first + tokens * (tokens + 1) / 2
    }

    /// Keys in all.
    fn keys(&self) -> u32 {
        self.first + self.tokens
    }
}

impl Kernel for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    /// tokens x query heads x key heads x words in a head.
    fn shape(&self) -> String {
        spelled(&[self.tokens, self.heads, self.key_heads, self.head])
    }

    fn unit(&self) -> Unit {
        Unit::Flop
    }

    /// Two products of 2 FLOP for each word of each pair of each query head.
    fn flop(&self) -> u64 {
        4 * u64::from(self.heads) * u64::from(self.head) * self.pairs()
    }

    /// Queries, keys and values in, results out.
    fn bytes(&self) -> u64 {
        let lines = u64::from(self.tokens * self.heads) + u64::from(self.keys() * self.key_heads);
        4 * 2 * lines * u64::from(self.head)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let keys = (self.keys() * self.key_heads * self.head) as usize;
        vec![
            // Wide enough for scores of a few units, so that weights differ between keys as they do in a model.
            uniform(seed, 0, self.output_len(), -2.0, 2.0),
            uniform(seed, 1, keys, -2.0, 2.0),
            uniform(seed, 2, keys, -1.0, 1.0),
        ]
    }

    fn output_len(&self) -> usize {
        (self.tokens * self.heads * self.head) as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [q, k, v] = inputs else { return };
        let [heads, key_heads, head] = [self.heads, self.key_heads, self.head].map(|size| size as usize);
        let queries = output.par_chunks_exact_mut(head).zip(q.par_chunks_exact(head)).enumerate();
        queries.for_each(|(row, (out, q))| {
            let (token, key_head) = (self.first as usize + row / heads, row % heads / (heads / key_heads));
            let at = |words: &[f32], key: usize| {
                let start = (key * key_heads + key_head) * head;
                start..(start + head).min(words.len())
            };
            let scale = 1.0 / (self.head as f32).sqrt();
            let scores: Vec<f32> = (0..=token).map(|key| scale * dot(q, &k[at(k, key)])).collect();
            let top = scores.iter().copied().fold(f32::MIN, f32::max);
            out.fill(0.0);
            let mut sum = 0.0f64;
            for (key, score) in scores.iter().enumerate() {
                let weight = (score - top).exp();
                sum += f64::from(weight);
                for (out, &value) in out.iter_mut().zip(&v[at(v, key)]) {
                    *out += weight * value;
                }
            }
            out.iter_mut().for_each(|out| *out /= sum as f32);
        });
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        let packing = |lines: u32, heads: u32| Packing::padded(lines * heads, self.head, TILE * heads, 4);
        let (queries, keys) = (packing(self.tokens, self.heads), packing(self.keys(), self.key_heads));
        let head_4 = queries.padded_columns() / 4;
        // For each step: scores, twice the keys and four sums, the values of each eighth vector; then the way out.
        let [tile, head] = [TILE, head_4].map(u64::from);
        let step = 1 + head + 2 * tile + 4 + head.div_ceil(8) * (1 + tile);
        let iterations = u64::from(self.keys().div_ceil(TILE)) * step + 2 * (tile * head).div_ceil(64);
        Plan {
            source: Attention::SOURCE,
            constants: self.constants(),
            inputs: vec![queries, keys, keys],
            output: queries,
            immediates: vec![self.first, 0],
            workgroups: self.workgroups(self.tokens),
            workgroup_bytes: 4 * u64::from(TILE) * (u64::from(TILE) + 4 * u64::from(head_4) + 3),
            iterations: iterations.min(u32::MAX.into()) as u32,
            ..Plan::default()
        }
    }
}
