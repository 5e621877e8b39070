//! Rows of activations times a matrix of weights, y = x W^T: what nearly all of a language model's time goes into.
//!
//! W lies as [`Format`] says, quantised or not; x and y are f32. One row of x is a step of decoding, a
//! few are a batch of sequences, many are a prompt. Three kernels for three kinds of adapter, and the twin of all:
//!
//! * `matmul_lanes`: CPUs with subgroups of eight or more lanes;
//! * `matmul_split`: few rows; several lanes share the columns of a row;
//! * `matmul_tiled`: many rows; tiles in workgroup memory.

use super::format::{BLOCK, Format, GROUP, Weights};
use super::gemv::dot;
use super::random::uniform;
use super::{
    Error, Kernel, Memory, Packing, Plan, Size, Unit, guard, matmul_lanes, matmul_split, matmul_tiled, spelled,
};
use crate::gpu::{Class, Facts, Wgsl};
use rayon::prelude::*;

/// Which kernel multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(prefix = "matmul_", serialize_all = "snake_case")]
pub enum Sharing {
    /// `matmul_lanes.wgsl`: eight lanes hand round what they load of x.
    Lanes,
    /// `matmul_split.wgsl`: lanes share the columns.
    Split,
    /// `matmul_tiled.wgsl`: invocations share tiles in workgroup memory.
    Tiled,
}

impl Sharing {
    /// Every way to multiply.
    pub const ALL: [Sharing; 3] = [Sharing::Lanes, Sharing::Split, Sharing::Tiled];

    /// The name of its kernel.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Sharing> {
        Sharing::ALL.into_iter().find(|sharing| sharing.name() == name)
    }

    /// Whether it computes what it should on this adapter.
    pub fn runs_on(self, facts: &Facts) -> bool {
        match self {
            Sharing::Lanes => Sharing::teams_are_whole(facts),
            Sharing::Split | Sharing::Tiled => true,
        }
    }

    /// Without a trial, the one for so many rows of x on this kind of adapter, or on the CPU itself, where only the name is used.
    pub fn of(facts: Option<&Facts>, tokens: u32) -> Sharing {
        match facts {
            Some(facts) if facts.class == Class::Hardware && tokens >= TILED_MIN => Sharing::Tiled,
            Some(facts) if facts.class == Class::Software && Sharing::teams_are_whole(facts) => Sharing::Lanes,
            _ => Sharing::Split,
        }
    }

    /// What it reads W from.
    pub fn memory(self) -> Memory {
        match self {
            Sharing::Lanes => Memory::Image,
            Sharing::Split | Sharing::Tiled => Memory::Words,
        }
    }

    /// Whether eight neighbours always lie in one subgroup, as [`Sharing::Lanes`] needs.
    pub fn teams_are_whole(facts: &Facts) -> bool {
        facts.features.subgroup && facts.subgroup_size_min >= 8
    }
}

/// Rows of x from which tiles are filled well enough.
const TILED_MIN: u32 = 16;

/// What becomes of the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Epilogue {
    /// y = x W^T.
    Store,
    /// y = residual + x W^T: the way back into the stream of activations.
    Add,
    /// Rows of W are gate and up in alternating pairs; y = silu(x gate^T) (x up^T), half as wide.
    Gate,
}

impl Epilogue {
    fn code(self) -> f64 {
        match self {
            Self::Store => 0.0,
            Self::Add => 1.0,
            Self::Gate => 2.0,
        }
    }
}

/// `tokens` rows of x times W of `rows` x `columns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matmul {
    tokens: u32,
    rows: u32,
    columns: u32,
    format: Format,
    epilogue: Epilogue,
    sharing: Sharing,
    /// First and number of the groups of rows that are there, where it is not all of them.
    part: Option<[u32; 2]>,
}

/// How a product runs for any number of rows of x: its program, and the rows that one workgroup takes.
#[derive(Clone, Debug)]
pub struct MatmulPlan {
    /// The source.
    pub source: Wgsl,
    /// A value for each `override` in it.
    pub constants: Vec<(&'static str, f64)>,
    /// Rows of x in a workgroup: x and y are padded to whole ones.
    pub tokens: u32,
    /// Workgroups along x and y.
    pub workgroups: [u32; 2],
    /// Memory that a workgroup shares, in bytes.
    pub workgroup_bytes: u64,
    /// Iterations of one invocation in all of its loops.
    pub iterations: u32,
}

impl Matmul {
    /// The product of `tokens` x `columns` words and a `rows` x `columns` matrix.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large; for [`Epilogue::Gate`], where rows are no multiple of 4.
    pub fn new(
        [tokens, rows, columns]: [u32; 3],
        format: Format,
        epilogue: Epilogue,
        sharing: Sharing,
    ) -> Result<Matmul, Error> {
        let shape = [tokens, rows, columns];
        guard("matmul", &shape, &[&[tokens, columns], &[rows, columns], &[tokens, rows]])?;
        if epilogue == Epilogue::Gate && !rows.is_multiple_of(4) {
            let reason = "rows of gate and up, in alternating pairs, are a multiple of 4".to_owned();
            return Err(Error::Shape { kernel: "matmul", shape: spelled(&shape), reason });
        }
        Ok(Matmul { tokens, rows, columns, format, epilogue, sharing, part: None })
    }

    /// The same product with a part of W: `count` groups of 32 rows from group `first` on. It writes only their
    /// columns of y. So a matrix that no binding holds is multiplied in parts.
    #[must_use]
    pub fn part(self, first: u32, count: u32) -> Matmul {
        Matmul { part: Some([first, count]), ..self }
    }

    /// One row of x times matrices of a small, a large and a very large language model.
    pub fn standard(size: Size, tokens: u32, format: Format, sharing: Sharing) -> Matmul {
        let (rows, columns) = (size.pick(3072, 8192, 28672), size.pick(576, 2048, 8192));
        Matmul { tokens, rows, columns, format, epilogue: Epilogue::Store, sharing, part: None }
    }

    /// Rows of x, rows of W, columns of both.
    pub fn sizes(&self) -> [u32; 3] {
        [self.tokens, self.rows, self.columns]
    }

    /// How it runs on an adapter, for any number of rows of x.
    pub fn program(&self, facts: &Facts) -> MatmulPlan {
        match self.sharing {
            Sharing::Lanes => matmul_lanes::program(self, facts),
            Sharing::Split => matmul_split::program(self, facts),
            Sharing::Tiled => matmul_tiled::program(self, facts),
        }
    }

    /// Blocks of 32 columns.
    pub(super) fn blocks(&self) -> u32 {
        self.columns.div_ceil(BLOCK as u32)
    }

    /// Groups of 32 rows of W that are there.
    pub(super) fn groups(&self) -> u32 {
        self.part.map_or(self.rows.div_ceil(GROUP as u32), |[_, count]| count)
    }

    /// Rows of x for one invocation: as many as there are, rounded up to a power of two, and `most` at most.
    pub(super) fn tokens(&self, most: u32) -> u32 {
        self.tokens.next_power_of_two().min(most)
    }

    /// The constants that all its kernels have, for so many rows of x and workgroups along x.
    pub(super) fn constants(&self, tokens: u32, row: u32) -> Vec<(&'static str, f64)> {
        vec![
            ("FORMAT", self.format.code()),
            ("BLOCKS", self.blocks().into()),
            ("GROUPS", self.rows.div_ceil(GROUP as u32).into()),
            ("COUNT", self.groups().into()),
            ("FIRST", self.part.map_or(0, |[first, _]| first).into()),
            ("TOKENS", tokens.into()),
            ("ROW", row.into()),
            ("EPILOGUE", self.epilogue.code()),
        ]
    }

    /// Rows and columns of what is added.
    fn residual(&self) -> [u32; 2] {
        if self.epilogue == Epilogue::Add { [self.tokens, self.rows] } else { [1, 1] }
    }

    fn width(&self) -> u32 {
        if self.epilogue == Epilogue::Gate { self.rows / 2 } else { self.rows }
    }
}

impl Kernel for Matmul {
    fn name(&self) -> &'static str {
        self.sharing.name()
    }

    /// tokens x rows x columns, and the format of W.
    fn shape(&self) -> String {
        format!("{} {}", spelled(&[self.tokens, self.rows, self.columns]), self.format.name())
    }

    /// One row is a matter of reading W.
    fn unit(&self) -> Unit {
        if self.tokens == 1 { Unit::Byte } else { Unit::Flop }
    }

    /// 2 tokens rows columns; what unpacking takes is not counted.
    fn flop(&self) -> u64 {
        2 * u64::from(self.tokens) * u64::from(self.rows) * u64::from(self.columns)
    }

    /// W as it is held, x in, y out.
    fn bytes(&self) -> u64 {
        let [tokens, rows, columns] = [self.tokens, self.rows, self.columns].map(u64::from);
        let block = BLOCK as u64;
        let residual = self.residual().map(u64::from);
        let added = if self.epilogue == Epilogue::Add { residual[0] * residual[1] } else { 0 };
        let weights = rows * columns.div_ceil(block) * self.format.block_bytes();
        weights + 4 * (tokens * (columns + u64::from(self.width())) + added)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let [tokens, rows, columns] = [self.tokens, self.rows, self.columns].map(|size| size as usize);
        vec![
            uniform(seed, 0, tokens * columns, -1.0, 1.0),
            uniform(seed, 1, rows * columns, -1.0, 1.0),
            uniform(seed, 2, self.residual().iter().product::<u32>() as usize, -1.0, 1.0),
        ]
    }

    fn output_len(&self) -> usize {
        self.tokens as usize * self.width() as usize
    }

    /// On the weights as the format holds them.
    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [x, weights, residual] = inputs else { return };
        let [rows, columns] = [self.rows, self.columns].map(|size| size as usize);
        let held = Weights::encode(rows, columns, self.format, weights).decode();
        let sum = |x: &[f32], row: usize| dot(&held[row * columns..(row + 1) * columns], x);
        let width = self.width() as usize;
        let lines = output.par_chunks_exact_mut(width).zip(x.par_chunks_exact(columns)).enumerate();
        lines.for_each(|(token, (y, x))| {
            for (i, y) in y.iter_mut().enumerate() {
                *y = match self.epilogue {
                    Epilogue::Store => sum(x, i),
                    Epilogue::Add => residual[token * width + i] + sum(x, i),
                    Epilogue::Gate => {
                        let row = i / 2 * 4 + i % 2;
                        let gate = sum(x, row);
                        gate / (1.0 + (-gate).exp()) * sum(x, row + 2)
                    }
                };
            }
        });
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let program = self.program(facts);
        let blocks = self.columns.div_ceil(BLOCK as u32);
        let tokens = self.tokens.next_multiple_of(program.tokens);
        let [x, y] = program.workgroups;
        let [residual_rows, residual_columns] = self.residual();
        let padded_width = if self.epilogue == Epilogue::Gate { GROUP as u32 / 2 } else { GROUP as u32 };
        Plan {
            source: program.source,
            constants: program.constants,
            inputs: vec![
                Packing::padded(self.tokens, self.columns, program.tokens, BLOCK as u32),
                Packing::weights(self.rows, self.columns, self.format).held_in(self.sharing.memory()),
                Packing::padded(residual_rows, residual_columns, program.tokens, GROUP as u32),
            ],
            output: Packing::padded(self.tokens, self.width(), program.tokens, padded_width),
            workgroups: [x, y, tokens / program.tokens],
            workgroup_bytes: program.workgroup_bytes,
            iterations: program.iterations.max(blocks),
            ..Plan::default()
        }
    }
}
