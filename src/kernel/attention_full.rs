//! Attention of whole sentences, each token with every token of its own: out = softmax(q k^T / sqrt(head)) v. Two
//! kernels, and the twin of both:
//!
//! * `attention_full_octet`: renderers with subgroups of eight lanes or more, which share what they load;
//! * `attention_full`: any adapter.
//!
//! Source: Vaswani et al., Attention Is All You Need, 2017, equation 1. FLOP are counted as Dao does in
//! FlashAttention-2, 2023, section 4.1: the two products, and not the softmax between them.

use super::gemv::dot;
use super::random::{uniform, whole_numbers};
use super::{Error, Kernel, Octets, Packing, Plan, Size, Unit, attention_full_octet, guard, spelled};
use crate::gpu::{Class, Facts, Wgsl};
use rayon::prelude::*;

/// Queries in a workgroup; in `attention_full.wgsl` also the keys that it sees at once.
pub(super) const TILE: u32 = 32;

/// So many sentences, tokens in each, heads, and words in a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionFull {
    sentences: u32,
    tokens: u32,
    heads: u32,
    head: u32,
    octets: Octets,
}

impl AttentionFull {
    /// `sentences` of up to `tokens` tokens, with `heads` heads of `head` words each.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(shape @ [sentences, tokens, heads, head]: [u32; 4], octets: Octets) -> Result<AttentionFull, Error> {
        guard("attention_full", &shape, &[&[sentences, tokens, 3, heads, head.div_ceil(4), 4]])?;
        Ok(AttentionFull { sentences, tokens, heads, head, octets })
    }

    /// Heads as in MiniLM for the small one, as in BERT-large for the others.
    pub fn standard(size: Size, octets: Octets) -> AttentionFull {
        AttentionFull {
            sentences: size.pick(16, 32, 256),
            tokens: size.pick(32, 128, 128),
            heads: size.pick(12, 16, 16),
            head: size.pick(32, 64, 64),
            octets,
        }
    }

    /// What suits this adapter: a GPU is better kept busy by workgroups of more than eight lanes.
    pub fn octets(facts: &Facts) -> Octets {
        match facts.class {
            Class::Software => Octets::of(Some(facts)),
            Class::Hardware => Octets::Apart,
        }
    }

    /// Keys of a sentence, in steps of so many.
    pub(super) fn steps(&self, keys: u32) -> u64 {
        self.tokens.div_ceil(keys).into()
    }

    fn rows(&self) -> u32 {
        self.sentences * self.tokens
    }
}

impl Kernel for AttentionFull {
    fn name(&self) -> &'static str {
        match self.octets {
            Octets::Apart => "attention_full",
            Octets::Shared => "attention_full_octet",
        }
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
        if self.octets == Octets::Shared {
            return attention_full_octet::plan(self);
        }
        self.planned(wgsl!("attention_full"), |head| {
            // For each step: scores, twice the keys and four sums, the values of each eighth vector; then the way out.
            let tile = u64::from(TILE);
            let step = 1 + head + 2 * tile + 4 + head.div_ceil(8) * (1 + tile);
            let iterations = self.steps(TILE) * step + 2 * (tile * head).div_ceil(64);
            (4 + 4 * tile * (tile + 4 * head + 3), iterations)
        })
    }
}

impl AttentionFull {
    /// The plan that both kernels share. `cost` gives the bytes that a workgroup shares and the iterations of its loops, for
    /// heads of so many vectors of 4.
    pub(super) fn planned(&self, source: Wgsl, cost: impl Fn(u64) -> (u64, u64)) -> Plan {
        let packing = |parts: u32| Packing::padded(self.rows() * parts * self.heads, self.head, 1, 4);
        let out = packing(1);
        let head_4 = out.padded_columns() / 4;
        let (workgroup_bytes, iterations) = cost(head_4.into());
        Plan {
            source,
            constants: vec![
                ("TOKENS", self.tokens.into()),
                ("HEADS", self.heads.into()),
                ("HEAD_4", head_4.into()),
                ("SCALE", 1.0 / f64::from(self.head).sqrt()),
            ],
            inputs: vec![packing(3), Packing::padded(1, self.sentences, 1, 4).filled_with(1.0)],
            output: out,
            workgroups: [self.tokens.div_ceil(TILE), self.heads, self.sentences],
            workgroup_bytes,
            iterations: iterations.min(u32::MAX.into()) as u32,
            ..Plan::default()
        }
    }
}
