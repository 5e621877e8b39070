//! The largest words of each row and their softmax among themselves: which experts a token goes to, and how much each
//! of them counts (the gate of Jiang et al. 2024, arXiv 2401.04088, section 2.1).

use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled};
use crate::gpu::{Facts, Wgsl};
use std::cmp::Ordering;

/// Longest row: each invocation keeps what it has taken to itself.
const COLUMNS_MAX: u32 = 64;
/// Rows of a workgroup.
const WORKGROUP: u32 = 32;

/// The `slots` largest of `columns` words, in `rows` rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopK {
    rows: u32,
    columns: u32,
    slots: u32,
}

impl TopK {
    /// So many words out of each of so many rows of up to 64.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0, a row has more words, or more are asked for than it has.
    pub fn new(rows: u32, columns: u32, slots: u32) -> Result<TopK, Error> {
        let shape = [rows, columns, slots];
        guard("top_k", &shape, &[&[rows, columns], &[rows, 2 * slots.min(COLUMNS_MAX)]])?;
        if columns > COLUMNS_MAX || slots > columns {
            let reason = format!("a row has up to {COLUMNS_MAX} words, and as many as that can be taken");
            return Err(Error::Shape { kernel: "top_k", shape: spelled(&shape), reason });
        }
        Ok(TopK { rows, columns, slots })
    }

    /// The router of eight experts over a prompt.
    pub fn standard(size: Size) -> TopK {
        TopK { rows: size.pick(512, 8192, 65536), columns: 8, slots: 2 }
    }

    /// A value for each `override`, for rows that are `stride` words apart.
    pub fn constants(&self, stride: u32) -> Vec<(&'static str, f64)> {
        vec![("COLUMNS", self.columns.into()), ("STRIDE", stride.into()), ("SLOTS", self.slots.into())]
    }

    /// Workgroups for so many rows, which are padded to whole ones.
    pub fn workgroups(rows: u32) -> [u32; 3] {
        [rows.div_ceil(WORKGROUP), 1, 1]
    }

    /// The source.
    pub const SOURCE: Wgsl = wgsl!("top_k");
}

impl Kernel for TopK {
    fn name(&self) -> &'static str {
        "top_k"
    }

    /// rows x columns, and how many are taken.
    fn shape(&self) -> String {
        format!("{} of {}", self.slots, spelled(&[self.rows, self.columns]))
    }

    /// For each word that is taken a comparison with each word of its row, a difference, an exponential, an addition
    /// and a quotient.
    fn flop(&self) -> u64 {
        let [rows, columns, slots] = [self.rows, self.columns, self.slots].map(u64::from);
        rows * slots * (columns + 4)
    }

    /// Rows in, a number and a weight out for each word that is taken.
    fn bytes(&self) -> u64 {
        4 * u64::from(self.rows) * (u64::from(self.columns) + 2 * u64::from(self.slots))
    }

    /// Steps of a quarter, so that words of a row are often equal.
    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let words = uniform(seed, 0, self.rows as usize * self.columns as usize, -4.0, 4.0);
        vec![words.into_iter().map(|word| (4.0 * word).floor() / 4.0 + 0.125).collect()]
    }

    fn output_len(&self) -> usize {
        2 * self.rows as usize * self.slots as usize
    }

    /// By sorting the row, which is stable.
    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let ([x], slots) = (inputs, self.slots as usize) else { return };
        for (row, line) in x.chunks_exact(self.columns as usize).zip(output.chunks_exact_mut(2 * slots)) {
            let mut words: Vec<(usize, f32)> = row.iter().copied().enumerate().filter(|&(_, w)| w > f32::MIN).collect();
            words.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal));
            words.truncate(slots);
            let largest = words.first().map_or(0.0, |&(_, word)| word);
            let sum: f64 = words.iter().map(|&(_, word)| f64::from(word - largest).exp()).sum();
            line.fill(0.0);
            for (pair, (at, word)) in line.chunks_exact_mut(2).zip(words) {
                pair[0] = at as f32;
                pair[1] = (f64::from(word - largest).exp() / sum) as f32;
            }
        }
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        let x = Packing::padded(self.rows, self.columns, WORKGROUP, 4);
        Plan {
            source: TopK::SOURCE,
            constants: self.constants(x.padded_columns()),
            inputs: vec![x],
            output: Packing::padded(self.rows, 2 * self.slots, WORKGROUP, 1),
            workgroups: TopK::workgroups(self.rows),
            iterations: self.slots * (self.columns + 2),
            ..Plan::default()
        }
    }
}
