//! Rows of a table of weights, one for each token: the way into a language model.

use super::format::{BLOCK, Format, Weights};
use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled};
use crate::gpu::{Facts, Wgsl};

/// Invocations in a workgroup.
const WORKGROUP: u32 = 64;

/// `tokens` rows of a table of `rows` x `columns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embed {
    tokens: u32,
    rows: u32,
    columns: u32,
    format: Format,
    first: u32,
}

impl Embed {
    /// So many rows out of a table of `rows` x `columns` in a format.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new([tokens, rows, columns]: [u32; 3], format: Format) -> Result<Embed, Error> {
        guard("embed", &[tokens, rows, columns], &[&[tokens, columns], &[rows, columns]])?;
        Ok(Embed { tokens, rows, columns, format, first: 0 })
    }

    /// The same, where the rows that are there begin with number `first`.
    #[must_use]
    pub fn from(self, first: u32) -> Embed {
        Embed { first, ..self }
    }

    /// As in SmolLM2-135M for the small one, as in Llama-3-8B for the others, with a shorter table.
    pub fn standard(size: Size) -> Embed {
        let (rows, columns) = (size.pick(4096, 16384, 65536), size.pick(576, 4096, 4096));
        Embed { tokens: size.pick(512, 2048, 8192), rows, columns, format: Format::Q8, first: 0 }
    }

    /// A value for each `override`.
    pub fn constants(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("FORMAT", self.format.code()),
            ("BLOCKS", self.columns.div_ceil(BLOCK as u32).into()),
            ("ROWS", self.rows.into()),
            ("FIRST", self.first.into()),
        ]
    }

    /// Workgroups for so many tokens.
    pub fn workgroups(&self, tokens: u32) -> [u32; 3] {
        [self.columns.div_ceil(BLOCK as u32).div_ceil(WORKGROUP), tokens, 1]
    }

    /// The source.
    pub const SOURCE: Wgsl = wgsl!("embed");
}

impl Kernel for Embed {
    fn name(&self) -> &'static str {
        "embed"
    }

    /// tokens x rows x columns, and the format of the table.
    fn shape(&self) -> String {
        format!("{} {}", spelled(&[self.tokens, self.rows, self.columns]), self.format.name())
    }

    /// Nothing is computed; unpacking is not counted.
    fn flop(&self) -> u64 {
        0
    }

    /// A row as it is held and its number in, the row as f32 out.
    fn bytes(&self) -> u64 {
        let row = u64::from(self.columns).div_ceil(BLOCK as u64) * self.format.block_bytes();
        u64::from(self.tokens) * (4 + row + 4 * u64::from(self.columns))
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let tokens = uniform(seed, 0, self.tokens as usize, 0.0, self.rows as f32);
        let number = |token: &f32| self.first as f32 + token.floor().min((self.rows - 1) as f32);
        let tokens = tokens.iter().map(number).collect();
        vec![tokens, uniform(seed, 1, (self.rows * self.columns) as usize, -1.0, 1.0)]
    }

    fn output_len(&self) -> usize {
        (self.tokens * self.columns) as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [tokens, table] = inputs else { return };
        let columns = self.columns as usize;
        let held = Weights::encode(self.rows as usize, columns, self.format, table);
        for (line, token) in output.chunks_exact_mut(columns).zip(tokens) {
            for (block, piece) in line.chunks_mut(BLOCK).enumerate() {
                piece.copy_from_slice(
                    &held.get(*token as usize - self.first as usize, block).decode(self.format)[..piece.len()],
                );
            }
        }
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        Plan {
            source: Embed::SOURCE,
            constants: self.constants(),
            inputs: vec![Packing::padded(1, self.tokens, 1, 4), Packing::weights(self.rows, self.columns, self.format)],
            output: Packing::padded(self.tokens, self.columns, 1, BLOCK as u32),
            workgroups: self.workgroups(self.tokens),
            iterations: 32,
            ..Plan::default()
        }
    }
}
