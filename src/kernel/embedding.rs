//! Look-up: a row of a table for each token.

use super::packing::rectangle;
use super::random::{uniform, whole_numbers};
use super::{Error, Kernel, Packing, Plan, Size, Unit, guard};
use crate::gpu::{Facts, Wgsl};
use crate::kernel::spelled;
use rayon::prelude::*;

/// Invocations in a workgroup.
const WORKGROUP: u32 = 64;
/// Row numbers go through f32 on the host, which counts to here without a gap.
const ROWS_MAX: u32 = 1 << 24;

/// `tokens` look-ups in a table of `rows` vectors of `columns` words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedding {
    tokens: u32,
    rows: u32,
    columns: u32,
}

impl Embedding {
    /// `tokens` look-ups in a table of `rows` x `columns` words.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(tokens: u32, rows: u32, columns: u32) -> Result<Embedding, Error> {
        let shape = [tokens, rows, columns];
        let padded = columns.div_ceil(4);
        guard("embedding", &shape, &[&[tokens, columns], &[rows, columns], &[tokens, padded, 4], &[rows, padded, 4]])?;
        if rows > ROWS_MAX {
            let reason = format!("a table of {rows} rows; allowed: up to {ROWS_MAX}");
            return Err(Error::Shape { kernel: "embedding", shape: spelled(&shape), reason });
        }
        Ok(Embedding { tokens, rows, columns })
    }

    /// A batch of sentences in the table of MiniLM, of BERT-large for the larger ones.
    pub fn standard(size: Size) -> Embedding {
        Embedding { tokens: size.pick(512, 8192, 65536), rows: 30522, columns: size.pick(384, 1024, 1024) }
    }
}

impl Kernel for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    /// tokens x rows x columns.
    fn shape(&self) -> String {
        spelled(&[self.tokens, self.rows, self.columns])
    }

    fn unit(&self) -> Unit {
        Unit::Byte
    }

    /// Nothing is computed.
    fn flop(&self) -> u64 {
        0
    }

    /// A number and a row in, a row out, for each token.
    fn bytes(&self) -> u64 {
        4 * u64::from(self.tokens) * (1 + 2 * u64::from(self.columns))
    }

    /// What is moved is what was there.
    fn tolerance(&self) -> f64 {
        0.0
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let words = self.rows as usize * self.columns as usize;
        vec![whole_numbers(seed, 0, self.tokens as usize, 0, self.rows - 1), uniform(seed, 1, words, -1.0, 1.0)]
    }

    fn output_len(&self) -> usize {
        self.tokens as usize * self.columns as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [tokens, table] = inputs else { return };
        let columns = self.columns as usize;
        output.par_chunks_exact_mut(columns).zip(tokens).for_each(|(y, &token)| {
            let row = (token as usize).min(self.rows as usize - 1);
            y.copy_from_slice(&table[row * columns..][..columns]);
        });
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let table = Packing::padded(self.rows, self.columns, 1, 4);
        let y = Packing::padded(self.tokens, self.columns, 1, 4);
        let vectors = u64::from(self.tokens) * u64::from(y.padded_columns() / 4);
        let needed = vectors.div_ceil(WORKGROUP.into()) as u32;
        let workgroups = rectangle(needed, facts.limits.workgroups_per_dimension);
        Plan {
            source: Wgsl { file: "embedding.wgsl", text: include_str!("../../kernels/embedding.wgsl") },
            constants: vec![
                ("TOKENS", self.tokens.into()),
                ("ROWS", self.rows.into()),
                ("COLUMNS_4", (y.padded_columns() / 4).into()),
                ("ROW", workgroups[0].into()),
            ],
            inputs: vec![Packing::padded(1, self.tokens, 1, 4).whole_numbers(), table],
            output: y,
            workgroups,
            workgroup_bytes: 0,
            turns: 0,
        }
    }
}
