//! Copies a vector: the peak rate of the adapter's memory, in bytes read and written.

use super::packing::rectangle;
use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, guard};
use crate::gpu::Facts;
use rayon::prelude::*;

/// Invocations in a workgroup.
const WIDTH: u32 = 256;

/// Words that one invocation moves.
const WORDS: u32 = 16;

/// `destination = source`, so many words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    words: u32,
}

impl Copy {
    /// A copy of `words` words of 32 bits.
    ///
    /// # Errors
    /// [`Error::Shape`] for none, or for more than 2^31.
    pub fn new(words: u32) -> Result<Copy, Error> {
        guard("copy", &[words], &[&[words]])?;
        Ok(Copy { words })
    }

    /// Larger than the caches of what it is meant for: 8 MiB, 64 MiB, 512 MiB.
    pub fn standard(size: Size) -> Copy {
        Copy { words: size.pick(1 << 21, 1 << 24, 1 << 27) }
    }
}

impl Kernel for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn shape(&self) -> String {
        self.words.to_string()
    }

    fn flop(&self) -> u64 {
        0
    }

    /// One read and one write of each word.
    fn bytes(&self) -> u64 {
        2 * 4 * u64::from(self.words)
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        vec![uniform(seed, 0, self.words as usize, -1.0, 1.0)]
    }

    fn output_len(&self) -> usize {
        self.words as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        const CHUNK: usize = 1 << 16;
        let [source] = inputs else { return };
        output.par_chunks_mut(CHUNK).zip(source.par_chunks(CHUNK)).for_each(|(to, from)| to.copy_from_slice(from));
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let workgroups = rectangle(self.words.div_ceil(WORDS * WIDTH), facts.limits.workgroups_per_dimension);
        let packing = Packing::padded(1, self.words, 1, WORDS * WIDTH * workgroups[1]);
        Plan {
            source: wgsl!("copy"),
            constants: vec![("WIDTH", WIDTH.into()), ("ROW", workgroups[0].into())],
            inputs: vec![packing],
            output: packing,
            workgroups,
            ..Plan::default()
        }
    }
}
