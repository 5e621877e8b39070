//! Root-mean-square normalisation of each row: y = x / sqrt(mean(x^2) + epsilon) * weight.
//!
//! Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019, equation 4, with the epsilon that all
//! implementations add.

use super::gemv::dot;
use super::packing::rectangle;
use super::random::uniform;
use super::suite::team;
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled};
use crate::gpu::{Facts, Wgsl};
use rayon::prelude::*;

/// As in the Llama family of models.
const EPSILON: f32 = 1e-5;

/// `rows` vectors of `columns` words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsNorm {
    rows: u32,
    columns: u32,
    epsilon: f32,
}

impl RmsNorm {
    /// `rows` vectors of `columns` words, each normalised by itself.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(rows: u32, columns: u32) -> Result<RmsNorm, Error> {
        guard("rms_norm", &[rows, columns], &[&[rows, columns]])?;
        Ok(RmsNorm { rows, columns, epsilon: EPSILON })
    }

    /// 2 MiB, 32 MiB and 256 MiB of activations.
    pub fn standard(size: Size) -> RmsNorm {
        RmsNorm { rows: size.pick(512, 4096, 16384), columns: size.pick(1024, 2048, 4096), epsilon: EPSILON }
    }

    /// What is added to the mean of squares.
    pub fn epsilon(&self) -> f32 {
        self.epsilon
    }

    /// The same with another epsilon.
    #[must_use]
    pub fn with_epsilon(self, epsilon: f32) -> RmsNorm {
        RmsNorm { epsilon, ..self }
    }

    /// A value for each `override`, for any number of rows of x, `stride` words apart.
    pub fn constants(&self, facts: &Facts, stride: u32) -> Vec<(&'static str, f64)> {
        let [lanes, teams] = team(facts, self.columns);
        vec![
            ("LANES", lanes.into()),
            ("TEAMS", teams.into()),
            ("ROW", facts.limits.workgroups_per_dimension.into()),
            ("COLUMNS", self.columns.into()),
            ("COLUMNS_4", (stride / 4).into()),
            ("EPSILON", self.epsilon.into()),
        ]
    }

    /// Workgroups for so many rows, which are padded to whole workgroups of up to 64 rows.
    pub fn workgroups(&self, facts: &Facts, rows: u32) -> [u32; 3] {
        let [_, teams] = team(facts, self.columns);
        [rows.div_ceil(teams), 1, 1]
    }

    /// The source.
    pub const SOURCE: Wgsl = wgsl!("rms_norm");
}

impl Kernel for RmsNorm {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn shape(&self) -> String {
        spelled(&[self.rows, self.columns])
    }

    /// For each word a square, its addition and two factors; for each row a mean, an addition, a root and a quotient.
    fn flop(&self) -> u64 {
        let [rows, columns] = [self.rows, self.columns].map(u64::from);
        rows * (4 * columns + 4)
    }

    /// Rows and weights in, rows out.
    fn bytes(&self) -> u64 {
        let [rows, columns] = [self.rows, self.columns].map(u64::from);
        4 * (2 * rows * columns + columns)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let [rows, columns] = [self.rows, self.columns].map(|size| size as usize);
        vec![uniform(seed, 0, rows * columns, -1.0, 1.0), uniform(seed, 1, columns, 0.5, 1.5)]
    }

    fn output_len(&self) -> usize {
        self.rows as usize * self.columns as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [x, weight] = inputs else { return };
        let columns = self.columns as usize;
        let rows = output.par_chunks_exact_mut(columns).zip(x.par_chunks_exact(columns));
        rows.with_min_len(16).for_each(|(y, x)| {
            let scale = 1.0 / (dot(x, x) / self.columns as f32 + self.epsilon).sqrt();
            for ((y, &x), &weight) in y.iter_mut().zip(x).zip(weight) {
                *y = x * scale * weight;
            }
        });
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let [lanes, teams] = team(facts, self.columns);
        let workgroups = rectangle(self.rows.div_ceil(teams), facts.limits.workgroups_per_dimension);
        let x = Packing::padded(self.rows, self.columns, teams * workgroups[1], 4 * lanes);
        Plan {
            source: RmsNorm::SOURCE,
            constants: vec![
                ("LANES", lanes.into()),
                ("TEAMS", teams.into()),
                ("ROW", workgroups[0].into()),
                ("COLUMNS", self.columns.into()),
                ("COLUMNS_4", (x.padded_columns() / 4).into()),
                ("EPSILON", self.epsilon.into()),
            ],
            inputs: vec![x, Packing::padded(1, self.columns, 1, 4 * lanes)],
            output: x,
            immediates: vec![0],
            workgroups,
            workgroup_bytes: 4 * u64::from(lanes * teams),
            iterations: 2 * (x.padded_columns() / (4 * lanes)) + lanes.ilog2(),
            ..Plan::default()
        }
    }
}
