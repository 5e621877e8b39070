//! One matrix at work: its product with any number of rows of activations.

use super::EngineError;
use super::choices::Choices;
use super::matrix::Matrix;
use super::programs::Programs;
use crate::gpu::{Buffer, Pipeline, Recording, Resource};
use crate::kernel::{Epilogue, Kernel, Matmul, Sharing, within_iterations};

/// Rows of x for which there is a program of its own; more rows run several workgroups of the last.
pub(super) const TOKENS: [u32; 5] = [1, 2, 4, 8, 64];

/// The pipelines of one matrix between two buffers.
#[derive(Debug)]
pub(super) struct Product {
    variants: Vec<Variant>,
}

/// The pipelines of all parts of a matrix, for so many rows of x in a workgroup.
#[derive(Debug)]
struct Variant {
    tokens: u32,
    /// Each with its workgroups along x and y.
    parts: Vec<(Pipeline, [u32; 2])>,
}

/// Where a product reads and writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    pub(super) x: &'a Buffer,
    pub(super) residual: &'a Buffer,
    pub(super) y: &'a Buffer,
    pub(super) epilogue: Epilogue,
}

impl Product {
    /// Programs for up to `rows` rows of x.
    pub(super) fn new(
        programs: &mut Programs,
        choices: &Choices,
        matrix: &Matrix,
        way: Way<'_>,
        rows: usize,
    ) -> Result<Product, EngineError> {
        let device = programs.device().clone();
        let facts = device.facts();
        let mut variants = Vec::new();
        for (index, tokens) in TOKENS.into_iter().enumerate() {
            // A program for more rows than ever come would be compiled in vain.
            if index > 0 && TOKENS[index - 1] as usize >= rows {
                break;
            }
            let shape = [tokens, matrix.rows as u32, matrix.columns as u32];
            // What was chosen must read from the memory that the weights are in.
            let chosen = choices.sharing(facts, matrix.format, shape);
            let sharing = if chosen.memory() == matrix.memory { chosen } else { Sharing::of(Some(facts), tokens) };
            let whole = Matmul::new(shape, matrix.format, way.epilogue, sharing)?;
            if index > 0 && whole.program(facts).tokens != tokens {
                // This kind of adapter has no program for so many rows at once.
                break;
            }
            let mut parts = Vec::with_capacity(matrix.parts.len());
            for part in &matrix.parts {
                let plan = whole.part(part.first as u32, part.groups as u32).program(facts);
                within_iterations("matmul", &whole.shape(), plan.iterations, facts)?;
                let program = programs.get(plan.source, &plan.constants)?;
                let [x, residual, y] = [way.x, way.residual, way.y].map(Resource::Buffer);
                let [quants, scales] = part.resources();
                let [columns, lines] = plan.workgroups;
                let resources = [x, quants, scales, residual, y];
                let pipeline = Pipeline::with_resources(&device, &program, &resources, [columns, lines, 1])?;
                parts.push((pipeline, plan.workgroups));
            }
            variants.push(Variant { tokens, parts });
        }
        Ok(Product { variants })
    }

    /// Records the product of `rows` rows.
    pub(super) fn record(&self, recording: &mut Recording, rows: u32) {
        let fitting = self.variants.iter().find(|variant| variant.tokens >= rows).or(self.variants.last());
        if let Some(Variant { tokens, parts }) = fitting {
            for (pipeline, [x, y]) in parts {
                recording.run_with(pipeline, [*x, *y, rows.div_ceil(*tokens)], &[]);
            }
        }
    }
}
