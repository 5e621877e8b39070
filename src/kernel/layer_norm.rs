//! Layer normalisation of each row, of the sum with a residual: y = (s - mean(s)) / sqrt(variance(s) + epsilon) * gain
//! + bias, s = x + residual.
//!
//! Source: Ba, Kiros and Hinton, Layer Normalization, 2016, section 3, with the epsilon that all implementations add.

use super::packing::rectangle;
use super::random::uniform;
use super::suite::team;
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled};
use crate::gpu::Facts;
use rayon::prelude::*;

/// `rows` vectors of `columns` words, one of each `each` vectors of x, and a residual of `period` rows that begins again
/// after them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    rows: u32,
    columns: u32,
    period: u32,
    each: u32,
    epsilon: f32,
}

impl LayerNorm {
    /// `rows` vectors of `columns` words, each normalised by itself after one of `period` rows is added to it.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large, or the period is longer than the rows.
    pub fn new(rows: u32, columns: u32, period: u32, epsilon: f32) -> Result<LayerNorm, Error> {
        let shape = [rows, columns, period];
        guard("layer_norm", &shape, &[&[rows, columns], &[rows, columns.div_ceil(4), 4]])?;
        if period > rows {
            let reason = format!("a residual of {period} rows is longer than the {rows} rows of x");
            return Err(Error::Shape { kernel: "layer_norm", shape: spelled(&shape), reason });
        }
        Ok(LayerNorm { rows, columns, period, each: 1, epsilon })
    }

    /// The same rows out of `each` times as many of x: its first, and then each `each`-th, with the rows of the residual
    /// that belong to them.
    ///
    /// # Errors
    /// [`Error::Shape`] where that is 0 or makes x too large.
    pub fn of_each(self, each: u32) -> Result<LayerNorm, Error> {
        guard(
            "layer_norm",
            &[self.rows, self.columns, self.period, each],
            &[&[self.rows, each, self.columns.div_ceil(4), 4]],
        )?;
        Ok(LayerNorm { each, ..self })
    }

    /// Rows as in MiniLM for the small one, as in BERT-large for the others, with a residual for each row.
    pub fn standard(size: Size) -> LayerNorm {
        let rows = size.pick(512, 4096, 16384);
        LayerNorm { rows, columns: size.pick(384, 1024, 1024), period: rows, each: 1, epsilon: 1e-12 }
    }

    /// What is added to the variance.
    pub fn epsilon(&self) -> f32 {
        self.epsilon
    }
}

impl Kernel for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    /// rows x columns x rows of the residual, and rows of x for each where that is more than one.
    fn shape(&self) -> String {
        let sizes = [self.rows, self.columns, self.period, self.each];
        spelled(if self.each > 1 { &sizes } else { &sizes[..3] })
    }

    /// For each word the residual, the sum, the difference from the mean, its square and their sum, scale, gain and
    /// bias; for each row two means, an addition, a root and a quotient.
    fn flop(&self) -> u64 {
        let [rows, columns] = [self.rows, self.columns].map(u64::from);
        rows * (8 * columns + 5)
    }

    /// Rows, residual, gain and bias in, rows out; of x and the residual the rows that are read.
    fn bytes(&self) -> u64 {
        let [rows, columns, period] = [self.rows, self.columns, self.period.min(self.rows)].map(u64::from);
        4 * columns * (2 * rows + period + 2)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let [rows, columns, period] = [self.rows * self.each, self.columns, self.period].map(|size| size as usize);
        vec![
            uniform(seed, 0, rows * columns, -1.0, 1.0),
            uniform(seed, 1, period * columns, -0.5, 1.0),
            uniform(seed, 2, columns, 0.5, 1.5),
            uniform(seed, 3, columns, -0.5, 0.5),
        ]
    }

    fn output_len(&self) -> usize {
        self.rows as usize * self.columns as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [x, residual, gain, bias] = inputs else { return };
        let (columns, each, count) = (self.columns as usize, self.each as usize, self.columns as f32);
        let rows = output.par_chunks_exact_mut(columns).zip(x.par_chunks_exact(each * columns)).enumerate();
        rows.with_min_len(16).for_each(|(row, (y, x))| {
            let other = &residual[row * each % self.period as usize * columns..][..columns];
            for ((y, x), other) in y.iter_mut().zip(x).zip(other) {
                *y = x + other;
            }
            let mean = y.iter().sum::<f32>() / count;
            y.iter_mut().for_each(|y| *y -= mean);
            let scale = 1.0 / (y.iter().map(|y| y * y).sum::<f32>() / count + self.epsilon).sqrt();
            for ((y, gain), bias) in y.iter_mut().zip(gain).zip(bias) {
                *y = *y * scale * gain + bias;
            }
        });
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let [lanes, teams] = team(facts, self.columns);
        let workgroups = rectangle(self.rows.div_ceil(teams), facts.limits.workgroups_per_dimension);
        let packing = |rows| Packing::padded(rows, self.columns, 1, 4);
        let (x, y, one) = (packing(self.rows * self.each), packing(self.rows), packing(1));
        Plan {
            source: wgsl!("layer_norm"),
            constants: vec![
                ("LANES", lanes.into()),
                ("TEAMS", teams.into()),
                ("ROW", workgroups[0].into()),
                ("ROWS", self.rows.into()),
                ("PERIOD", self.period.into()),
                ("EACH", self.each.into()),
                ("COLUMNS", self.columns.into()),
                ("COLUMNS_4", (x.padded_columns() / 4).into()),
                ("EPSILON", self.epsilon.into()),
            ],
            inputs: vec![x, packing(self.period), one, one],
            output: y,
            workgroups,
            workgroup_bytes: 4 * u64::from(lanes * teams),
            iterations: 3 * x.padded_columns().div_ceil(4 * lanes) + 2 * lanes.ilog2(),
            ..Plan::default()
        }
    }
}
