//! Rotary positions for queries and keys, and the way of keys and values into the cache, in one dispatch.
//!
//! Source: Su et al., RoFormer, 2021, equation 34, with the pairs of a head next to each other.

use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled};
use crate::gpu::{Facts, Wgsl};

/// Invocations in a workgroup.
const WORKGROUP: u32 = 64;

/// Heads, the rows that come, and where they go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RotaryCache {
    /// Query heads.
    pub heads: u32,
    /// Key heads, and as many value heads.
    pub key_heads: u32,
    /// Words of a head, a multiple of 4.
    pub head: u32,
    /// Lines of the cache for one sequence.
    pub capacity: u32,
    /// Sequences.
    pub sequences: u32,
    /// Tokens of each sequence.
    pub tokens: u32,
    /// Position of the first token.
    pub first: u32,
    /// Base of the angles.
    pub base: f64,
}

impl RotaryCache {
    /// The same, once its sizes are known to be sensible.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large, a head is no multiple of 4, or tokens go past the cache.
    pub fn checked(self) -> Result<RotaryCache, Error> {
        let shape = [self.sequences, self.tokens, self.heads, self.key_heads, self.head, self.capacity];
        let heads = self.heads.saturating_add(self.key_heads.saturating_mul(2));
        let lines = [self.sequences, self.capacity, self.key_heads, self.head];
        guard("rotary_cache", &shape, &[&lines, &[self.sequences, self.tokens, heads, self.head]])?;
        let refuse =
            |reason: &str| Error::Shape { kernel: "rotary_cache", shape: spelled(&shape), reason: reason.to_owned() };
        if !self.head.is_multiple_of(4) {
            return Err(refuse("a head is a multiple of 4 words"));
        }
        if u64::from(self.first) + u64::from(self.tokens) > u64::from(self.capacity) {
            return Err(refuse("tokens go past the end of the cache"));
        }
        Ok(self)
    }

    /// Heads of SmolLM2-135M for the small one, of Llama-3-8B for the others.
    pub fn standard(size: Size) -> RotaryCache {
        let (heads, key_heads, head) = (size.pick(9, 32, 32), size.pick(3, 8, 8), size.pick(64, 128, 128));
        let tokens = size.pick(256, 2048, 8192);
        RotaryCache { heads, key_heads, head, capacity: tokens, sequences: 1, tokens, first: 0, base: 10_000.0 }
    }

    /// Cosine and sine of each pair of a head at each of the first `positions`, in f64 before they are rounded.
    pub fn angles(&self, positions: u32) -> Vec<f32> {
        let pairs = self.head / 2;
        let angle = |position: u32, pair: u32| {
            f64::from(position) * self.base.powf(-2.0 * f64::from(pair) / f64::from(self.head))
        };
        (0..positions)
            .flat_map(|position| (0..pairs).map(move |pair| (position, pair)))
            .flat_map(|(position, pair)| {
                let (sine, cosine) = angle(position, pair).sin_cos();
                [cosine as f32, sine as f32]
            })
            .collect()
    }

    /// A value for each `override`, for rows of x that are `stride` words apart.
    pub fn constants(&self, stride: u32) -> Vec<(&'static str, f64)> {
        vec![
            ("HEADS", self.heads.into()),
            ("KEY_HEADS", self.key_heads.into()),
            ("HEAD_4", (self.head / 4).into()),
            ("STRIDE_4", (stride / 4).into()),
            ("CAPACITY", self.capacity.into()),
        ]
    }

    /// Workgroups for so many rows.
    pub fn workgroups(&self, rows: u32) -> [u32; 3] {
        [(self.width() / 4).div_ceil(WORKGROUP), rows, 1]
    }

    /// Words of a row of x.
    pub fn width(&self) -> u32 {
        (self.heads + 2 * self.key_heads) * self.head
    }

    /// The source.
    pub const SOURCE: Wgsl = wgsl!("rotary_cache");

    fn rows(&self) -> u32 {
        self.sequences * self.tokens
    }
}

impl Kernel for RotaryCache {
    fn name(&self) -> &'static str {
        "rotary_cache"
    }

    /// sequences x tokens x query heads x key heads x words in a head.
    fn shape(&self) -> String {
        spelled(&[self.sequences, self.tokens, self.heads, self.key_heads, self.head])
    }

    /// Three for each word that is rotated.
    fn flop(&self) -> u64 {
        3 * u64::from(self.rows()) * u64::from(self.heads + self.key_heads) * u64::from(self.head)
    }

    /// Rows in and out, and the angles of each position.
    fn bytes(&self) -> u64 {
        4 * (2 * u64::from(self.rows()) * u64::from(self.width()) + u64::from(self.tokens * self.head))
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let x = uniform(seed, 0, (self.rows() * self.width()) as usize, -1.0, 1.0);
        vec![x, self.angles(self.capacity)]
    }

    /// Queries, and the lines of keys and of values that were written. Lines before and after are not looked at.
    fn output_len(&self) -> usize {
        (self.rows() * self.width()) as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [x, angles] = inputs else { return };
        let [rows, tokens, head, width] = [self.rows(), self.tokens, self.head, self.width()].map(|n| n as usize);
        let [queries, keys] = [self.heads * self.head, self.key_heads * self.head].map(|n| n as usize);
        let (q, rest) = output.split_at_mut(rows * queries);
        let (k, v) = rest.split_at_mut(rows * keys);
        for (row, line) in x.chunks_exact(width).enumerate() {
            let position = self.first as usize + row % tokens;
            let mut turned = line.to_vec();
            for (pair, two) in turned[..queries + keys].chunks_exact_mut(2).enumerate() {
                let at = position * head + 2 * (pair % (head / 2));
                let (cosine, sine) = (angles[at], angles[at + 1]);
                (two[0], two[1]) = (two[0] * cosine - two[1] * sine, two[1] * cosine + two[0] * sine);
            }
            q[row * queries..(row + 1) * queries].copy_from_slice(&turned[..queries]);
            k[row * keys..(row + 1) * keys].copy_from_slice(&turned[queries..queries + keys]);
            v[row * keys..(row + 1) * keys].copy_from_slice(&turned[queries + keys..]);
        }
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        let queries = Packing::padded(self.rows(), self.heads * self.head, 1, 4);
        let lines = Packing::padded(self.tokens, self.key_heads * self.head, 1, 4).placed(
            self.sequences,
            self.first,
            self.capacity,
        );
        Plan {
            source: RotaryCache::SOURCE,
            constants: self.constants(self.width()),
            inputs: vec![
                Packing::padded(self.rows(), self.width(), 1, 4),
                Packing::padded(self.capacity, self.head, 1, 4),
            ],
            output: queries,
            more_outputs: vec![lines, lines],
            immediates: vec![self.first, 0, self.tokens],
            workgroups: self.workgroups(self.rows()),
            iterations: 1,
            ..Plan::default()
        }
    }
}
