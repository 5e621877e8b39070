//! A kernel of a network that runs in batches of one shape: planned and compiled once, bound for each of its calls.

use super::EngineError;
use crate::gpu::{Buffer, Device, Held, Pipeline, Program, Resource};
use crate::kernel::{self, Kernel, Plan};

/// A kernel, planned and compiled once for all its calls.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) file: &'static str,
    pub(super) plan: Plan,
    program: Program,
}

/// What a call is given for one operand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given<'a> {
    /// What another call has made.
    Stream(&'a Buffer),
    /// Weights, one row after the other, which are uploaded as the kernel wants them.
    Weights(&'a [f32]),
}

impl Stage {
    pub(super) fn new(device: &Device, kernel: &dyn Kernel) -> Result<Stage, EngineError> {
        let plan = kernel.plan(device.facts());
        kernel::within_limits(kernel, &plan, device)?;
        let program = Program::new(device, plan.source, &plan.constants)?;
        Ok(Stage { file: plan.source.file, plan, program })
    }

    /// Memory for its result.
    pub(super) fn result(&self, device: &Device) -> Result<Buffer, EngineError> {
        Ok(device.poisoned(self.file, self.plan.output.words().iter().sum::<u64>() as usize)?)
    }

    /// A call on what is in place.
    pub(super) fn call(&self, device: &Device, operands: &[&Buffer]) -> Result<Pipeline, EngineError> {
        Ok(Pipeline::of(device, &self.program, operands, self.plan.workgroups)?)
    }

    /// A call with weights of its own; one operand of f32 after the other, then the result.
    pub(super) fn call_with(
        &self,
        device: &Device,
        operands: &[Given<'_>],
        result: &Buffer,
    ) -> Result<Pipeline, EngineError> {
        let mut uploaded = Vec::new();
        for (operand, given) in operands.iter().enumerate() {
            if let Given::Weights(words) = given {
                let packing = &self.plan.inputs[operand];
                uploaded.push(packing.memory().hold(device, self.file, &packing.pack(words))?);
            }
        }
        let mut weights = uploaded.iter();
        let bound = operands.iter().filter_map(|given| match given {
            Given::Stream(buffer) => Some(Resource::Buffer(buffer)),
            Given::Weights(_) => weights.next().map(Held::resource),
        });
        let resources: Vec<Resource<'_>> = bound.chain([Resource::Buffer(result)]).collect();
        Ok(Pipeline::with_resources(device, &self.program, &resources, self.plan.workgroups)?)
    }
}
