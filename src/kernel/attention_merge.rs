//! The parts of a split attention, added up.
//!
//! Source: Dao et al., Flash-Decoding for long-context inference, 2023.

use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled};
use crate::gpu::{Facts, Wgsl};

/// Invocations in a workgroup.
const WORKGROUP: u32 = 64;

/// So many query heads of so many parts each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionMerge {
    queries: u32,
    splits: u32,
    head: u32,
}

impl AttentionMerge {
    /// `queries` heads of `splits` parts, with `head` words in a head, a multiple of 4.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large, or a head is no multiple of 4.
    pub fn new(queries: u32, splits: u32, head: u32) -> Result<AttentionMerge, Error> {
        let shape = [queries, splits, head];
        guard("attention_merge", &shape, &[&shape])?;
        if !head.is_multiple_of(4) {
            let reason = "a head is a multiple of 4 words".to_owned();
            return Err(Error::Shape { kernel: "attention_merge", shape: spelled(&shape), reason });
        }
        Ok(AttentionMerge { queries, splits, head })
    }

    /// What decoding eight sequences leaves.
    pub fn standard(size: Size) -> AttentionMerge {
        AttentionMerge { queries: size.pick(72, 256, 256), splits: size.pick(4, 16, 64), head: size.pick(64, 128, 128) }
    }

    /// A value for each `override`.
    pub fn constants(&self) -> Vec<(&'static str, f64)> {
        vec![("HEAD_4", (self.head / 4).into()), ("SPLITS", self.splits.into())]
    }

    /// Workgroups along x, y and z.
    pub fn workgroups(&self) -> [u32; 3] {
        [(self.head / 4).div_ceil(WORKGROUP), self.queries, 1]
    }

    /// The source.
    pub const SOURCE: Wgsl = wgsl!("attention_merge");
}

impl Kernel for AttentionMerge {
    fn name(&self) -> &'static str {
        "attention_merge"
    }

    /// query heads x parts x words in a head.
    fn shape(&self) -> String {
        spelled(&[self.queries, self.splits, self.head])
    }

    /// A product and a sum for each word of each part, a quotient for each word; weights once for each query head.
    fn flop(&self) -> u64 {
        let [queries, splits, head] = [self.queries, self.splits, self.head].map(u64::from);
        queries * (splits * (2 * head + 5) + head)
    }

    /// Parts in, results out.
    fn bytes(&self) -> u64 {
        let [queries, splits, head] = [self.queries, self.splits, self.head].map(u64::from);
        4 * queries * (splits * (head + 2) + head)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let parts = (self.queries * self.splits) as usize;
        let (tops, sums) = (uniform(seed, 1, parts, -2.0, 2.0), uniform(seed, 2, parts, 1.0, 50.0));
        let part = tops.iter().zip(sums).flat_map(|(&top, sum)| [top, sum]).collect();
        vec![uniform(seed, 0, parts * self.head as usize, -1.0, 1.0), part]
    }

    fn output_len(&self) -> usize {
        (self.queries * self.head) as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [sums, parts] = inputs else { return };
        let (splits, head) = (self.splits as usize, self.head as usize);
        for (query, out) in output.chunks_exact_mut(head).enumerate() {
            let parts = &parts[2 * query * splits..2 * (query + 1) * splits];
            let top = parts.chunks_exact(2).map(|part| part[0]).fold(f32::MIN, f32::max);
            let mut weight = 0.0;
            out.fill(0.0);
            for (n, part) in parts.chunks_exact(2).enumerate() {
                let share = (part[0] - top).exp();
                weight += share * part[1];
                let start = (query * splits + n) * head;
                out.iter_mut().zip(&sums[start..start + head]).for_each(|(out, sum)| *out += share * sum);
            }
            out.iter_mut().for_each(|out| *out /= weight);
        }
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        let parts = self.queries * self.splits;
        Plan {
            source: AttentionMerge::SOURCE,
            constants: self.constants(),
            inputs: vec![Packing::padded(parts, self.head, 1, 4), Packing::padded(parts, 2, 2, 1)],
            output: Packing::padded(self.queries, self.head, 1, 4),
            workgroups: self.workgroups(),
            iterations: 2 * self.splits,
            ..Plan::default()
        }
    }
}
