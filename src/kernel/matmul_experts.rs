//! Rows of activations times the matrices of chosen experts: the two products of a mixture of experts.
//!
//! Each row of x goes to `slots` of `experts` networks of the same shape (Shazeer et al. 2017, arXiv 1701.06538), which
//! [`TopK`](super::TopK) has chosen. With E the expert of row t in slot s, and g its weight:
//!
//! ```text
//! up      y[t, s] = silu(x[t] gate_E^T) (x[t] up_E^T)              rows of gate and up alternate in pairs
//! down    y[t]    = residual[t] + sum over s of g[t, s] x[t, s] W_E^T
//! ```
//!
//! The matrices of all experts lie in one, as [`Format`] says, each padded to whole groups of rows.

use super::format::{BLOCK, Format, GROUP, Weights};
use super::gemv::dot;
use super::packing::rectangle;
use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, Unit, guard, spelled};
use crate::gpu::{Class, Facts, Wgsl};
use rayon::prelude::*;

/// Shares of the columns on a GPU: with eight lanes a workgroup of 128.
const SLICES_MAX: u32 = 16;

/// Which of the two products of a feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the wide side, through the gate: a row of y for each slot.
    Up,
    /// And back into the stream of activations: one row of y for all slots.
    Down,
}

/// `tokens` rows of x, each in `slots` of `experts` matrices of `rows` x `columns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatmulExperts {
    tokens: u32,
    slots: u32,
    experts: u32,
    rows: u32,
    columns: u32,
    format: Format,
    direction: Direction,
    /// First and number of the experts that are there, where it is not all of them.
    part: Option<[u32; 2]>,
}

impl MatmulExperts {
    /// The product of `tokens` rows in `slots` of `experts` matrices of `rows` x `columns`.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large, where there are more slots than experts, and, on the way up,
    /// where rows are no multiple of 4.
    pub fn new(
        [tokens, slots, experts]: [u32; 3],
        [rows, columns]: [u32; 2],
        format: Format,
        direction: Direction,
    ) -> Result<MatmulExperts, Error> {
        let shape = [tokens, slots, experts, rows, columns];
        guard("matmul_experts", &shape, &[&[tokens, slots, columns], &[rows, columns], &[tokens, slots, rows]])?;
        let refusal = |reason: &str| {
            Err(Error::Shape { kernel: "matmul_experts", shape: spelled(&shape), reason: reason.to_owned() })
        };
        if slots > experts {
            return refusal("a row has as many slots as there are experts, or fewer");
        }
        if direction == Direction::Up && !rows.is_multiple_of(4) {
            return refusal("rows of gate and up, in alternating pairs, are a multiple of 4");
        }
        Ok(MatmulExperts { tokens, slots, experts, rows, columns, format, direction, part: None })
    }

    /// The same product with some of the experts: `count` of them from number `first` on. Those dispatches that have
    /// the others do the rest; on the way down the one with expert 0 comes first.
    #[must_use]
    pub fn part(self, first: u32, count: u32) -> MatmulExperts {
        MatmulExperts { part: Some([first, count]), ..self }
    }

    /// One row of x in two of eight experts of a small, a large and a very large language model.
    pub fn standard(size: Size) -> MatmulExperts {
        let (rows, columns) = (size.pick(512, 4096, 6144), size.pick(576, 2048, 4096));
        let (tokens, slots, experts, format, direction) = (1, 2, 8, Format::Q4, Direction::Up);
        MatmulExperts { tokens, slots, experts, rows, columns, format, direction, part: None }
    }

    /// A value for each `override`.
    pub fn constants(&self, facts: &Facts) -> Vec<(&'static str, f64)> {
        let [first, count] = self.part.unwrap_or([0, self.experts]);
        vec![
            ("FORMAT", self.format.code()),
            ("BLOCKS", self.blocks().into()),
            ("GROUPS", self.groups().into()),
            ("FIRST", first.into()),
            ("COUNT", count.into()),
            ("SLOTS", self.slots.into()),
            ("SLICES", self.slices(facts).into()),
            ("ROW", self.workgroups(facts, 1)[1].into()),
            ("DOWN", if self.direction == Direction::Down { 1.0 } else { 0.0 }),
        ]
    }

    /// Workgroups for so many rows of x.
    pub fn workgroups(&self, facts: &Facts, tokens: u32) -> [u32; 3] {
        let [y, z, _] = rectangle(self.groups(), facts.limits.workgroups_per_dimension);
        [tokens * self.lines(), y, z]
    }

    /// The source.
    pub const SOURCE: Wgsl = wgsl!("matmul_experts");

    /// Rows that one expert takes in the matrix of all.
    pub fn stride(rows: usize) -> usize {
        rows.next_multiple_of(GROUP)
    }

    fn blocks(&self) -> u32 {
        self.columns.div_ceil(BLOCK as u32)
    }

    fn groups(&self) -> u32 {
        self.rows.div_ceil(GROUP as u32)
    }

    fn slices(&self, facts: &Facts) -> u32 {
        match facts.class {
            Class::Hardware => SLICES_MAX.min(self.blocks().next_power_of_two()),
            Class::Software => 1,
        }
    }

    /// Rows of y for each row of x.
    fn lines(&self) -> u32 {
        if self.direction == Direction::Up { self.slots } else { 1 }
    }

    /// Rows of x for each token.
    fn sources(&self) -> u32 {
        if self.direction == Direction::Up { 1 } else { self.slots }
    }

    fn width(&self) -> u32 {
        if self.direction == Direction::Up { self.rows / 2 } else { self.rows }
    }

    fn residual(&self) -> [u32; 2] {
        if self.direction == Direction::Down { [self.tokens, self.rows] } else { [1, 1] }
    }

    /// Rows of the matrix of all experts.
    fn all_rows(&self) -> u32 {
        self.experts * self.groups() * GROUP as u32
    }
}

impl Kernel for MatmulExperts {
    fn name(&self) -> &'static str {
        "matmul_experts"
    }

    /// tokens x rows x columns, the experts, and the format of W.
    fn shape(&self) -> String {
        let sizes = spelled(&[self.tokens, self.rows, self.columns]);
        format!("{sizes} in {} of {} experts {}", self.slots, self.experts, self.format.name())
    }

    fn unit(&self) -> Unit {
        if self.tokens == 1 { Unit::Byte } else { Unit::Flop }
    }

    /// 2 tokens slots rows columns; what unpacking takes is not counted.
    fn flop(&self) -> u64 {
        2 * [self.tokens, self.slots, self.rows, self.columns].map(u64::from).iter().product::<u64>()
    }

    /// The experts that are chosen as they are held, x and the choice in, y out. Its own operands choose every expert
    /// as often as the others, so that these are all experts, or as many as there are slots of rows.
    fn bytes(&self) -> u64 {
        let [tokens, slots, experts, rows] = [self.tokens, self.slots, self.experts, self.rows].map(u64::from);
        let expert = rows * u64::from(self.blocks()) * self.format.block_bytes();
        let added = if self.direction == Direction::Down { tokens * rows } else { 0 };
        let x = tokens * u64::from(self.sources()) * u64::from(self.columns);
        let y = tokens * u64::from(self.lines()) * u64::from(self.width());
        experts.min(tokens * slots) * expert + 4 * (x + 2 * tokens * slots + added + y)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let [tokens, slots, columns] = [self.tokens, self.slots, self.columns].map(|size| size as usize);
        let x = uniform(seed, 0, tokens * self.sources() as usize * columns, -1.0, 1.0);
        let weights = uniform(seed, 1, self.all_rows() as usize * columns, -1.0, 1.0);
        let shares = uniform(seed, 2, tokens * slots, 0.0, 1.0);
        // Experts in turn, from another one under every seed.
        let first = seed % u64::from(self.experts);
        let expert = |index: usize| ((first + index as u64) % u64::from(self.experts)) as f32;
        let choice = shares.into_iter().enumerate().flat_map(|(index, share)| [expert(index), share]).collect();
        let residual = uniform(seed, 3, self.residual().iter().product::<u32>() as usize, -1.0, 1.0);
        vec![x, weights, choice, residual]
    }

    fn output_len(&self) -> usize {
        (self.tokens * self.lines()) as usize * self.width() as usize
    }

    /// On the weights as the format holds them.
    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [x, weights, choice, residual] = inputs else { return };
        let [slots, columns, all_rows] = [self.slots, self.columns, self.all_rows()].map(|size| size as usize);
        let held = Weights::encode(all_rows, columns, self.format, weights).decode();
        let stride = MatmulExperts::stride(self.rows as usize);
        // Row `row` of the expert of pick `pick` (token and slot), times row `line` of x.
        let sum = |pick: usize, row: usize, line: usize| {
            let at = (choice[2 * pick] as usize * stride + row) * columns;
            dot(&held[at..at + columns], &x[line * columns..(line + 1) * columns])
        };
        let width = self.width() as usize;
        output.par_chunks_exact_mut(width).enumerate().for_each(|(line, y)| {
            for (i, y) in y.iter_mut().enumerate() {
                *y = match self.direction {
                    Direction::Up => {
                        let row = i / 2 * 4 + i % 2;
                        let gate = sum(line, row, line / slots);
                        gate / (1.0 + (-gate).exp()) * sum(line, row + 2, line / slots)
                    }
                    Direction::Down => {
                        let picks = line * slots..(line + 1) * slots;
                        let mixed: f32 = picks.map(|pick| choice[2 * pick + 1] * sum(pick, i, pick)).sum();
                        residual[line * width + i] + mixed
                    }
                };
            }
        });
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let slices = self.slices(facts);
        let [residual_rows, residual_columns] = self.residual();
        let padded_width = if self.direction == Direction::Up { GROUP as u32 / 2 } else { GROUP as u32 };
        Plan {
            source: MatmulExperts::SOURCE,
            constants: self.constants(facts),
            inputs: vec![
                Packing::padded(self.tokens * self.sources(), self.columns, 1, BLOCK as u32),
                Packing::weights(self.all_rows(), self.columns, self.format),
                Packing::padded(1, 2 * self.tokens * self.slots, 1, 4),
                Packing::padded(residual_rows, residual_columns, 1, GROUP as u32),
            ],
            output: Packing::padded(self.tokens * self.lines(), self.width(), 1, padded_width),
            workgroups: self.workgroups(facts, self.tokens),
            workgroup_bytes: 16 * 8 * u64::from(slices),
            iterations: self.slots * (9 * self.blocks() + 1) + slices,
            ..Plan::default()
        }
    }
}
