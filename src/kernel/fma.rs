//! Chains of fused multiply-adds: the peak rate of the adapter's arithmetic in f32.
//!
//! 12 chains to an invocation, `x <- factor x + addend`. The factor lies between -1 and -1 + 2^-10: see the kernel.

use super::packing::rectangle;
use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, Unit, guard, spelled};
use crate::gpu::Facts;
use rayon::prelude::*;

/// Invocations in a workgroup.
const WIDTH: u32 = 64;

/// Chains that one invocation keeps in registers.
const CHAINS: u32 = 12;

/// Steps in one turn of the kernel's loop.
const UNROLLED: u32 = 32;

/// A second or more on any adapter, and a count of FLOP that 64 bits hold.
const STEPS_MAX: u32 = 1 << 24;

/// So many invocations, each with 12 chains of so many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fma {
    invocations: u32,
    steps: u32,
}

impl Fma {
    /// 12 `invocations` chains of `steps` fused multiply-adds.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large, or the steps are no multiple of 32 up to 2^24.
    pub fn new(invocations: u32, steps: u32) -> Result<Fma, Error> {
        guard("fma", &[invocations, steps], &[&[invocations, CHAINS]])?;
        if !steps.is_multiple_of(UNROLLED) || steps > STEPS_MAX {
            let reason = format!("{steps} steps are no multiple of {UNROLLED} up to {STEPS_MAX}");
            return Err(Error::Shape { kernel: "fma", shape: spelled(&[invocations, steps]), reason });
        }
        Ok(Fma { invocations, steps })
    }

    /// 0.1, 3.2 and 26 GFLOP.
    pub fn standard(size: Size) -> Fma {
        Fma { invocations: size.pick(1 << 14, 1 << 18, 1 << 20), steps: size.pick(256, 512, 1024) }
    }
}

impl Kernel for Fma {
    fn name(&self) -> &'static str {
        "fma"
    }

    fn shape(&self) -> String {
        spelled(&[self.invocations, self.steps])
    }

    fn unit(&self) -> Unit {
        Unit::Flop
    }

    /// Two for each step of each chain.
    fn flop(&self) -> u64 {
        2 * u64::from(CHAINS) * u64::from(self.invocations) * u64::from(self.steps)
    }

    /// 12 starts, a factor and an addend in, 12 ends out, for each invocation.
    fn bytes(&self) -> u64 {
        4 * u64::from(self.invocations) * u64::from(2 * CHAINS + 2)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let invocations = self.invocations as usize;
        vec![
            uniform(seed, 0, invocations * CHAINS as usize, -1.0, 1.0),
            uniform(seed, 1, invocations, -1.0, -1.0 + 1.0 / 1024.0),
            uniform(seed, 2, invocations, -1.0, 1.0),
        ]
    }

    fn output_len(&self) -> usize {
        self.invocations as usize * CHAINS as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [start, factor, addend] = inputs else { return };
        let chains = output.par_chunks_exact_mut(CHAINS as usize).zip(start.par_chunks_exact(CHAINS as usize));
        chains.zip(factor).zip(addend).with_min_len(64).for_each(|(((end, start), &factor), &addend)| {
            let mut x = [0.0; CHAINS as usize];
            x.copy_from_slice(start);
            for _ in 0..self.steps {
                for x in &mut x {
                    // Not `mul_add`: without the instruction for it, that is a call into the C library.
                    *x = factor * *x + addend;
                }
            }
            end.copy_from_slice(&x);
        });
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let workgroups = rectangle(self.invocations.div_ceil(WIDTH), facts.limits.workgroups_per_dimension);
        let chains = Packing::padded(self.invocations, CHAINS, WIDTH * workgroups[1], 1);
        let single = Packing::padded(self.invocations, 1, WIDTH * workgroups[1], 1);
        Plan {
            source: wgsl!("fma"),
            constants: vec![("WIDTH", WIDTH.into()), ("ROW", workgroups[0].into()), ("STEPS", self.steps.into())],
            inputs: vec![chains, single, single],
            output: chains,
            workgroups,
            iterations: self.steps / UNROLLED,
            ..Plan::default()
        }
    }
}
