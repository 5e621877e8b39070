//! The number of the largest word of each row: greedy decoding, without a way over the host.

use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled};
use crate::gpu::{Facts, Wgsl};

/// Largest row: whole numbers beyond it have no f32 of their own.
const COLUMNS_MAX: u32 = 1 << 24;
/// Lines of history in its own test and benchmark, and the one that is written.
const HISTORY: u32 = 4;
const LINE: u32 = 2;

/// `rows` of `columns` words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argmax {
    rows: u32,
    columns: u32,
}

impl Argmax {
    /// So many rows of up to 2^24 words.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(rows: u32, columns: u32) -> Result<Argmax, Error> {
        let shape = [rows, columns];
        guard("argmax", &shape, &[&shape])?;
        if columns > COLUMNS_MAX {
            let reason = format!("a row has up to {COLUMNS_MAX} words");
            return Err(Error::Shape { kernel: "argmax", shape: spelled(&shape), reason });
        }
        Ok(Argmax { rows, columns })
    }

    /// Logits of one token, or of a batch.
    pub fn standard(size: Size) -> Argmax {
        Argmax { rows: size.pick(8, 64, 256), columns: size.pick(49_152, 128_256, 128_256) }
    }

    /// A value for each `override`, for rows that are `stride` words apart.
    pub fn constants(&self, stride: u32) -> Vec<(&'static str, f64)> {
        vec![("COLUMNS", self.columns.into()), ("STRIDE", stride.into())]
    }

    /// The source.
    pub const SOURCE: Wgsl = wgsl!("argmax");
}

impl Kernel for Argmax {
    fn name(&self) -> &'static str {
        "argmax"
    }

    /// rows x columns.
    fn shape(&self) -> String {
        spelled(&[self.rows, self.columns])
    }

    /// One comparison for each word.
    fn flop(&self) -> u64 {
        u64::from(self.rows) * u64::from(self.columns)
    }

    /// Rows in, two numbers out for each.
    fn bytes(&self) -> u64 {
        4 * u64::from(self.rows) * (u64::from(self.columns) + 2)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        vec![uniform(seed, 0, (self.rows * self.columns) as usize, -8.0, 8.0)]
    }

    fn output_len(&self) -> usize {
        2 * self.rows as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [x] = inputs else { return };
        let (tokens, history) = output.split_at_mut(self.rows as usize);
        for ((row, token), history) in x.chunks_exact(self.columns as usize).zip(tokens).zip(history) {
            let best = row.iter().enumerate().fold(
                (0, f32::MIN),
                |best, (at, &word)| {
                    if word > best.1 { (at, word) } else { best }
                },
            );
            (*token, *history) = (best.0 as f32, best.0 as f32);
        }
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        let x = Packing::padded(self.rows, self.columns, 1, 4).filled_with(f32::MAX);
        let line = Packing::padded(1, self.rows, 1, 1);
        Plan {
            source: Argmax::SOURCE,
            constants: self.constants(x.padded_columns()),
            inputs: vec![x],
            output: Packing::padded(1, self.rows, 1, 4),
            more_outputs: vec![line.placed(1, LINE, HISTORY)],
            immediates: vec![LINE, 0, self.rows],
            workgroups: [self.rows, 1, 1],
            workgroup_bytes: 8 * 64,
            iterations: self.columns.div_ceil(64) + 64,
        }
    }
}
