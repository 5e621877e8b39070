//! Matrix times vector, y = A x in f32: what decoding one token does with each weight. The speed of memory.

use super::packing::rectangle;
use super::random::uniform;
use super::suite::team;
use super::{Error, Kernel, Packing, Plan, Size, guard, spelled};
use crate::gpu::Facts;
use rayon::prelude::*;

/// Rows that a team of invocations shares.
const ROWS: u32 = 4;

/// A of `rows` x `columns` times x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gemv {
    rows: u32,
    columns: u32,
}

impl Gemv {
    /// The product of a `rows` x `columns` matrix and a vector.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(rows: u32, columns: u32) -> Result<Gemv, Error> {
        guard("gemv", &[rows, columns], &[&[rows, columns]])?;
        Ok(Gemv { rows, columns })
    }

    /// Matrices of 8 MiB, 64 MiB and 512 MiB.
    pub fn standard(size: Size) -> Gemv {
        Gemv { rows: size.pick(2048, 4096, 8192), columns: size.pick(1024, 4096, 16384) }
    }
}

impl Kernel for Gemv {
    fn name(&self) -> &'static str {
        "gemv"
    }

    fn shape(&self) -> String {
        spelled(&[self.rows, self.columns])
    }

    /// 2 rows columns.
    fn flop(&self) -> u64 {
        2 * u64::from(self.rows) * u64::from(self.columns)
    }

    /// A and x in, y out.
    fn bytes(&self) -> u64 {
        let [rows, columns] = [self.rows, self.columns].map(u64::from);
        4 * (rows * columns + columns + rows)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let [rows, columns] = [self.rows, self.columns].map(|size| size as usize);
        vec![uniform(seed, 0, rows * columns, -1.0, 1.0), uniform(seed, 1, columns, -1.0, 1.0)]
    }

    fn output_len(&self) -> usize {
        self.rows as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [a, x] = inputs else { return };
        let rows = output.par_iter_mut().zip(a.par_chunks_exact(self.columns as usize));
        rows.with_min_len(16).for_each(|(y, row)| *y = dot(row, x));
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let [lanes, teams] = team(facts, self.columns);
        let workgroups = rectangle(self.rows.div_ceil(ROWS * teams), facts.limits.workgroups_per_dimension);
        let a = Packing::padded(self.rows, self.columns, ROWS * teams * workgroups[1], 4 * lanes);
        Plan {
            source: wgsl!("gemv"),
            constants: vec![
                ("LANES", lanes.into()),
                ("TEAMS", teams.into()),
                ("ROW", workgroups[0].into()),
                ("COLUMNS_4", (a.padded_columns() / 4).into()),
            ],
            inputs: vec![a, Packing::padded(1, self.columns, 1, 4 * lanes)],
            output: Packing::padded(self.rows, 1, ROWS * teams * workgroups[1], 1),
            workgroups,
            workgroup_bytes: 16 * u64::from(lanes * teams),
            iterations: a.padded_columns() / (4 * lanes) + lanes.ilog2(),
            ..Plan::default()
        }
    }
}

/// a b in eight partial sums, which a compiler may keep in one vector register.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
