//! Softmax of each row: y = exp(x - max(x)) / sum(exp(x - max(x))).

use super::packing::rectangle;
use super::random::uniform;
use super::suite::team;
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled};
use crate::gpu::Facts;
use rayon::prelude::*;

/// `rows` vectors of `columns` words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    rows: u32,
    columns: u32,
}

impl Softmax {
    /// `rows` vectors of `columns` words, each by itself.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(rows: u32, columns: u32) -> Result<Softmax, Error> {
        guard("softmax", &[rows, columns], &[&[rows, columns]])?;
        Ok(Softmax { rows, columns })
    }

    /// 1 MiB, 32 MiB and 256 MiB of scores.
    pub fn standard(size: Size) -> Softmax {
        Softmax { rows: size.pick(256, 4096, 16384), columns: size.pick(1024, 2048, 4096) }
    }
}

impl Kernel for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn shape(&self) -> String {
        spelled(&[self.rows, self.columns])
    }

    /// For each word a comparison, a difference, an exponential, an addition and a factor; for each row a quotient.
    fn flop(&self) -> u64 {
        let [rows, columns] = [self.rows, self.columns].map(u64::from);
        rows * (5 * columns + 1)
    }

    /// Rows in, rows out.
    fn bytes(&self) -> u64 {
        2 * 4 * u64::from(self.rows) * u64::from(self.columns)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        vec![uniform(seed, 0, self.output_len(), -8.0, 8.0)]
    }

    fn output_len(&self) -> usize {
        self.rows as usize * self.columns as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let ([x], columns) = (inputs, self.columns as usize) else { return };
        let rows = output.par_chunks_exact_mut(columns).zip(x.par_chunks_exact(columns));
        rows.with_min_len(4).for_each(|(y, x)| {
            let top = x.iter().copied().fold(f32::MIN, f32::max);
            // In f64: a row may be a whole vocabulary.
            let mut sum = 0.0;
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (x - top).exp();
                sum += f64::from(*y);
            }
            let scale = (1.0 / sum) as f32;
            y.iter_mut().for_each(|y| *y *= scale);
        });
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let [lanes, teams] = team(facts, self.columns);
        let workgroups = rectangle(self.rows.div_ceil(teams), facts.limits.workgroups_per_dimension);
        let packing = Packing::padded(self.rows, self.columns, teams * workgroups[1], 4 * lanes);
        Plan {
            source: wgsl!("softmax"),
            constants: vec![
                ("LANES", lanes.into()),
                ("TEAMS", teams.into()),
                ("ROW", workgroups[0].into()),
                ("COLUMNS_4", (packing.padded_columns() / 4).into()),
            ],
            inputs: vec![packing.filled_with(f32::MIN)],
            output: packing,
            workgroups,
            workgroup_bytes: 8 * u64::from(lanes * teams),
            iterations: 2 * (packing.padded_columns() / (4 * lanes)) + lanes.ilog2(),
            ..Plan::default()
        }
    }
}
