//! The embedding of each sentence: the mean over its tokens, divided by its length in the Euclidean norm.
//!
//! Source: Reimers and Gurevych, Sentence-BERT, 2019, section 3 (the strategy MEAN), with the normalisation that the
//! encoders of that family have behind it.

use super::random::{uniform, whole_numbers};
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled};
use crate::gpu::{Class, Facts};
use rayon::prelude::*;

/// `sentences` of `tokens` rows of `columns` words, of which the first few count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeanPool {
    sentences: u32,
    tokens: u32,
    columns: u32,
}

impl MeanPool {
    /// `sentences` of up to `tokens` rows of `columns` words.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(sentences: u32, tokens: u32, columns: u32) -> Result<MeanPool, Error> {
        let shape = [sentences, tokens, columns];
        guard("mean_pool", &shape, &[&shape, &[sentences, tokens, columns.div_ceil(4), 4]])?;
        Ok(MeanPool { sentences, tokens, columns })
    }

    /// Batches of sentences as MiniLM and BERT-large have them.
    pub fn standard(size: Size) -> MeanPool {
        MeanPool {
            sentences: size.pick(16, 64, 256),
            tokens: size.pick(32, 128, 128),
            columns: size.pick(384, 1024, 1024),
        }
    }
}

impl Kernel for MeanPool {
    fn name(&self) -> &'static str {
        "mean_pool"
    }

    /// sentences x tokens x columns.
    fn shape(&self) -> String {
        spelled(&[self.sentences, self.tokens, self.columns])
    }

    /// With all tokens in use: for each column the sum, a mean, a square and its addition, a factor; for each sentence
    /// a root and a quotient.
    fn flop(&self) -> u64 {
        let [sentences, tokens, columns] = [self.sentences, self.tokens, self.columns].map(u64::from);
        sentences * (columns * (tokens + 4) + 2)
    }

    /// With all tokens in use: rows and lengths in, embeddings out.
    fn bytes(&self) -> u64 {
        let [sentences, tokens, columns] = [self.sentences, self.tokens, self.columns].map(u64::from);
        4 * sentences * (columns * (tokens + 1) + 1)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let [sentences, tokens, columns] = [self.sentences, self.tokens, self.columns].map(|size| size as usize);
        vec![
            uniform(seed, 0, sentences * tokens * columns, -1.0, 2.0),
            whole_numbers(seed, 1, sentences, 1, self.tokens),
        ]
    }

    fn output_len(&self) -> usize {
        self.sentences as usize * self.columns as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [x, lengths] = inputs else { return };
        let [tokens, columns] = [self.tokens, self.columns].map(|size| size as usize);
        let sentences = output.par_chunks_exact_mut(columns).zip(x.par_chunks_exact(tokens * columns)).zip(lengths);
        sentences.for_each(|((y, x), &length)| {
            let length = (length as usize).clamp(1, tokens);
            y.fill(0.0);
            for x in x.chunks_exact(columns).take(length) {
                y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
            }
            y.iter_mut().for_each(|y| *y /= length as f32);
            let scale = 1.0 / y.iter().map(|y| y * y).sum::<f32>().sqrt();
            y.iter_mut().for_each(|y| *y *= scale);
        });
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let x = Packing::padded(self.sentences * self.tokens, self.columns, 1, 4);
        let y = Packing::padded(self.sentences, self.columns, 1, 4);
        let lanes = match facts.class {
            Class::Software => 8,
            Class::Hardware => 64,
        };
        let columns_4 = y.padded_columns() / 4;
        Plan {
            source: wgsl!("mean_pool"),
            constants: vec![("LANES", lanes.into()), ("TOKENS", self.tokens.into()), ("COLUMNS_4", columns_4.into())],
            inputs: vec![x, Packing::padded(1, self.sentences, 1, 4).filled_with(1.0)],
            output: y,
            workgroups: [self.sentences, 1, 1],
            workgroup_bytes: 4 * u64::from(lanes),
            iterations: columns_4.div_ceil(lanes).saturating_mul(self.tokens + 2) + lanes.ilog2(),
            ..Plan::default()
        }
    }
}
