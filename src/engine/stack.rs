//! The matrices of all experts of a layer, expert after expert, and their product with those rows that chose them.
//!
//! A stack lies in as many parts as the largest binding asks for. No part cuts an expert: a product runs once for each
//! part, and each time leaves the experts of the others alone.

use super::EngineError;
use super::matrix::settle;
use super::programs::Programs;
use super::repack::widest;
use super::weights::Rows;
use crate::gpu::{Buffer, Device, Pipeline, Recording};
use crate::kernel::{Direction, Format, MatmulExperts, Weights};
use crate::model::Tensors;
use rayon::prelude::*;

/// Matrices of `rows` x `columns`, one for each expert.
#[derive(Debug)]
pub(super) struct Stack {
    experts: usize,
    rows: usize,
    columns: usize,
    format: Format,
    parts: Vec<Part>,
    pub(super) bytes: u64,
}

/// Some of the experts.
#[derive(Debug)]
struct Part {
    first: usize,
    count: usize,
    quants: Buffer,
    scales: Buffer,
}

impl Stack {
    /// Loads the matrices of so many experts; `of` names the tensors of one.
    pub(super) fn load(
        device: &Device,
        tensors: &mut Tensors,
        experts: usize,
        columns: usize,
        of: impl Fn(usize) -> Vec<Rows>,
    ) -> Result<Stack, EngineError> {
        let all: Vec<Vec<Rows>> = (0..experts).map(of).collect();
        let rows = all.first().map_or(0, |expert| expert.iter().map(|part| part.rows).sum());
        let format = widest(all.iter().flatten().map(|part| part.format(tensors, columns)));
        let stride = MatmulExperts::stride(rows);
        let [quants, scales] = Weights::words(stride, columns, format);
        let most = device.facts().limits.storage_binding_bytes;
        // One at least, which the device then refuses by name.
        let step = ((most / (4 * quants.max(scales)).max(1)) as usize).clamp(1, experts.max(1));
        let (mut parts, mut bytes) = (Vec::with_capacity(experts.div_ceil(step)), 0);
        for (index, some) in all.chunks(step).enumerate() {
            let matrices = matrices(tensors, some, [stride, columns], format)?;
            let quants: Vec<&[u32]> = matrices.iter().map(|matrix| &matrix.quants[..]).collect();
            let mut scales: Vec<&[u32]> = matrices.iter().map(|matrix| &matrix.scales[..]).collect();
            // One vector for all where the format has none.
            scales.truncate(if format.is_quantised() { some.len() } else { 1 });
            let (quants, scales) = (quants.concat(), scales.concat());
            let name = some.first().and_then(|expert| expert.first()).map_or("experts", |part| part.name.as_str());
            bytes += 4 * (quants.len() + scales.len()) as u64;
            let (quants, scales) = (device.upload(name, &quants)?, device.upload(name, &scales)?);
            parts.push(Part { first: index * step, count: some.len(), quants, scales });
            settle(device)?;
        }
        Ok(Stack { experts, rows, columns, format, parts, bytes })
    }
}

/// The matrices of some experts, of so many rows and columns each. Seeded ones are drawn on all cores.
fn matrices(
    tensors: &mut Tensors,
    experts: &[Vec<Rows>],
    [stride, columns]: [usize; 2],
    format: Format,
) -> Result<Vec<Weights>, EngineError> {
    let matrix = |tensors: &mut Tensors, expert: &Vec<Rows>| {
        let mut weights = Weights::zeros(stride, columns, format);
        expert.iter().try_for_each(|part| part.read(tensors, &mut weights))?;
        Ok(weights)
    };
    match tensors {
        // A seed can be read in many places at once, which a file cannot.
        Tensors::Seed(seed) => {
            let seed = *seed;
            experts.par_iter().map(|expert| matrix(&mut Tensors::Seed(seed), expert)).collect()
        }
        Tensors::File { .. } => experts.iter().map(|expert| matrix(tensors, expert)).collect(),
    }
}

/// A stack between two buffers.
#[derive(Debug)]
pub(super) struct ExpertProduct {
    shape: MatmulExperts,
    parts: Vec<Pipeline>,
}

impl ExpertProduct {
    /// Programs for any number of rows, each in `slots` experts; `buffers` are x, the choice, the residual and y.
    pub(super) fn new(
        programs: &mut Programs,
        stack: &Stack,
        slots: usize,
        direction: Direction,
        buffers: [&Buffer; 4],
    ) -> Result<ExpertProduct, EngineError> {
        let device = programs.device().clone();
        let [x, choice, residual, y] = buffers;
        let sizes = [1, slots as u32, stack.experts as u32];
        let shape = MatmulExperts::new(sizes, [stack.rows as u32, stack.columns as u32], stack.format, direction)?;
        let mut parts = Vec::with_capacity(stack.parts.len());
        for part in &stack.parts {
            let constants = shape.part(part.first as u32, part.count as u32).constants(device.facts());
            let program = programs.get(MatmulExperts::SOURCE, &constants)?;
            let buffers = [x, &part.quants, &part.scales, choice, residual, y];
            parts.push(Pipeline::of(&device, &program, &buffers, [1, 1, 1])?);
        }
        Ok(ExpertProduct { shape, parts })
    }

    /// Records the product of `rows` rows: the first experts come first.
    pub(super) fn record(&self, recording: &mut Recording, programs: &Programs, rows: u32) {
        let workgroups = self.shape.workgroups(programs.device().facts(), rows);
        for part in &self.parts {
            recording.run_with(part, workgroups, &[]);
        }
    }
}
