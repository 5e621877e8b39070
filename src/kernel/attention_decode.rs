//! Attention of one new token of each sequence over its cache: out = softmax(q k^T / sqrt(head)) v, head by head.
//!
//! Source: Vaswani et al., 2017, equation 1; heads in groups as in Ainslie et al., GQA, 2023; the split over the sequence
//! as in Dao et al., Flash-Decoding for long-context inference, 2023.

use super::gemv::dot;
use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled, within_iterations};
use crate::gpu::{Class, Facts, Wgsl};
use rayon::prelude::*;

/// Keys that a workgroup sees at once on a GPU.
const TILE: u32 = 64;
/// Most query heads to a key head.
const GROUP_MAX: u32 = 16;

/// So many sequences with so many keys each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionDecode {
    /// Sequences.
    pub sequences: u32,
    /// Keys of each.
    pub keys: u32,
    /// Lines of the cache for each.
    pub capacity: u32,
    /// Query heads.
    pub heads: u32,
    /// Key heads.
    pub key_heads: u32,
    /// Words of a head, a multiple of 4.
    pub head: u32,
    /// Workgroups that share the keys of a head.
    pub splits: u32,
    /// Keys that a workgroup sees at once, and its invocations: at least the query heads to a key head.
    pub tile: u32,
}

impl AttentionDecode {
    /// The same, once its sizes are known to be sensible.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large, heads do not go together, or keys are more than the cache holds.
    pub fn checked(self) -> Result<AttentionDecode, Error> {
        let shape = [self.sequences, self.keys, self.heads, self.key_heads, self.head, self.splits];
        let lines = [self.sequences, self.capacity, self.key_heads, self.head];
        guard(
            "attention_decode",
            &shape,
            &[&lines, &[self.sequences, self.heads, self.splits, self.head], &[self.tile]],
        )?;
        let refuse = |reason: String| Err(Error::Shape { kernel: "attention_decode", shape: spelled(&shape), reason });
        if !self.heads.is_multiple_of(self.key_heads) || self.heads / self.key_heads > GROUP_MAX {
            return refuse(format!("query heads are 1 to {GROUP_MAX} times the {} key heads", self.key_heads));
        }
        if self.tile < self.heads / self.key_heads {
            return refuse(format!("{} keys at once are fewer than the query heads to a key head", self.tile));
        }
        if !self.head.is_multiple_of(4) {
            return refuse("a head is a multiple of 4 words".to_owned());
        }
        if self.keys > self.capacity {
            return refuse(format!("{} keys are more than the {} lines of the cache", self.keys, self.capacity));
        }
        Ok(self)
    }

    /// Heads of SmolLM2-135M for the small one, of Llama-3-8B for the others.
    pub fn standard(size: Size) -> AttentionDecode {
        let (heads, key_heads, head) = (size.pick(9, 32, 32), size.pick(3, 8, 8), size.pick(64, 128, 128));
        let keys = size.pick(256, 4096, 16384);
        AttentionDecode {
            sequences: 1,
            keys,
            capacity: keys,
            heads,
            key_heads,
            head,
            splits: size.pick(1, 16, 64),
            tile: size.pick(16, TILE, TILE),
        }
    }

    /// The same with the tile for an adapter: on a CPU a barrier is a change of coroutine for each subgroup, so that few
    /// lanes are better, as long as the loops over all keys run to their ends.
    #[must_use]
    pub fn tiled_for(self, facts: &Facts) -> AttentionDecode {
        let tiles = match facts.class {
            Class::Hardware => [TILE, TILE, TILE],
            Class::Software => [16, 32, TILE],
        };
        let fits = |tile: &u32| {
            let tiled = AttentionDecode { tile: *tile, ..self };
            within_iterations("attention_decode", "", tiled.iterations(), facts).is_ok()
        };
        AttentionDecode { tile: tiles.into_iter().find(fits).unwrap_or(TILE), ..self }
    }

    /// Iterations of one invocation in all of its loops.
    pub fn iterations(&self) -> u32 {
        let steps = self.keys.div_ceil(self.tile * self.splits);
        let items = (self.group() * self.head / 4).div_ceil(self.tile);
        let step = 3 * self.tile + (self.head / 4) * (1 + self.group()) + 2 * self.group() + items * (self.tile + 1);
        steps * step + 2 * items
    }

    /// So many splits that every core of a GPU has some, for a cache of this capacity.
    pub fn splits(facts: &Facts, capacity: u32) -> u32 {
        match facts.class {
            Class::Hardware => (capacity / (4 * TILE)).clamp(1, 64),
            Class::Software => 1,
        }
    }

    /// A value for each `override`.
    pub fn constants(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("KEY_HEADS", self.key_heads.into()),
            ("GROUP", self.group().into()),
            ("HEAD_4", (self.head / 4).into()),
            ("SCALE", 1.0 / f64::from(self.head).sqrt()),
            ("CAPACITY", self.capacity.into()),
            ("SPLITS", self.splits.into()),
            ("TILE", self.tile.into()),
        ]
    }

    /// Workgroups along x, y and z.
    pub fn workgroups(&self) -> [u32; 3] {
        [self.key_heads, self.sequences, self.splits]
    }

    /// The source.
    pub const SOURCE: Wgsl = wgsl!("attention_decode");

    fn group(&self) -> u32 {
        self.heads / self.key_heads
    }

    /// Results or partial sums: one for each sequence, query head and split.
    fn parts(&self) -> usize {
        (self.sequences * self.heads * self.splits) as usize
    }

    /// One part: weighted values into `out`; the largest score and the sum of weights.
    fn part(&self, [q, k, v]: [&[f32]; 3], index: usize, out: &mut [f32]) -> [f32; 2] {
        let [keys, heads, key_heads, head, splits] =
            [self.keys, self.heads, self.key_heads, self.head, self.splits].map(|size| size as usize);
        let (query, split) = (index / splits, index % splits);
        let (sequence, key_head) = (query / heads, query % heads / self.group() as usize);
        let line = |key: usize| ((sequence * keys + key) * key_heads + key_head) * head;
        let mine = || (0..keys).filter(move |key| key / self.tile as usize % splits == split);
        let q = &q[query * head..(query + 1) * head];
        let scale = 1.0 / (self.head as f32).sqrt();
        let scores: Vec<f32> = mine().map(|key| scale * dot(q, &k[line(key)..line(key) + head])).collect();
        let top = scores.iter().copied().fold(f32::MIN, f32::max);
        let mut sum = 0.0;
        out.fill(0.0);
        for (key, score) in mine().zip(scores) {
            let weight = (score - top).exp();
            sum += weight;
            for (out, &value) in out.iter_mut().zip(&v[line(key)..line(key) + head]) {
                *out += weight * value;
            }
        }
        if splits == 1 {
            out.iter_mut().for_each(|out| *out /= sum);
        }
        [top, sum]
    }
}

impl Kernel for AttentionDecode {
    fn name(&self) -> &'static str {
        "attention_decode"
    }

    /// sequences x keys x query heads x key heads x words in a head x splits.
    fn shape(&self) -> String {
        spelled(&[self.sequences, self.keys, self.heads, self.key_heads, self.head, self.splits])
    }

    /// Two products of 2 FLOP for each word of each key and query head; not the softmax between them.
    fn flop(&self) -> u64 {
        4 * u64::from(self.sequences * self.heads) * u64::from(self.keys) * u64::from(self.head)
    }

    /// Keys and values once, queries in, results out.
    fn bytes(&self) -> u64 {
        let [sequences, keys, heads, key_heads, head] =
            [self.sequences, self.keys, self.heads, self.key_heads, self.head].map(u64::from);
        4 * sequences * head * (2 * keys * key_heads + heads) + 4 * self.parts() as u64 * (head + 2)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let keys = (self.sequences * self.keys * self.key_heads * self.head) as usize;
        vec![
            uniform(seed, 0, (self.sequences * self.heads * self.head) as usize, -2.0, 2.0),
            uniform(seed, 1, keys, -2.0, 2.0),
            uniform(seed, 2, keys, -1.0, 1.0),
        ]
    }

    fn output_len(&self) -> usize {
        self.parts() * (self.head as usize + 2)
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [q, k, v] = inputs else { return };
        let (out, parts) = output.split_at_mut(self.parts() * self.head as usize);
        let parts = out.par_chunks_exact_mut(self.head as usize).zip(parts.par_chunks_exact_mut(2)).enumerate();
        parts.for_each(|(index, (out, part))| part.copy_from_slice(&self.part([q, k, v], index, out)));
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        let lines =
            Packing::padded(self.keys, self.key_heads * self.head, 1, 4).placed(self.sequences, 0, self.capacity);
        let [group, head] = [self.group(), self.head].map(u64::from);
        Plan {
            source: AttentionDecode::SOURCE,
            constants: self.constants(),
            inputs: vec![Packing::padded(self.sequences * self.heads, self.head, 1, 4), lines, lines],
            output: Packing::padded(self.parts() as u32, self.head, 1, 4),
            more_outputs: vec![Packing::padded(self.parts() as u32, 2, 2, 1)],
            immediates: vec![self.keys],
            workgroups: self.workgroups(),
            workgroup_bytes: 4 * (2 * group * head + group * u64::from(self.tile) + 3 * group),
            iterations: self.iterations(),
        }
    }
}
