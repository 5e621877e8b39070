//! The gate of the feed-forward layer: silu(g) u, with silu(g) = g / (1 + exp(-g)), element by element.
//!
//! SwiGLU: Shazeer 2020 (arXiv 2002.05202). On a CPU in one pass and in place; elsewhere with candle's own kernels.

use super::exponential::exp;
use super::norm::contiguous;
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor};
use rayon::prelude::*;

/// Elements that one thread takes at a time.
const CHUNK: usize = 1 << 14;

/// silu(gate) up. On a CPU the result takes the place of `gate`.
pub(super) fn swiglu(gate: Tensor, up: &Tensor) -> Result<Tensor> {
    if gate.device().is_cpu() {
        gate.inplace_op2(up, &SwiGlu)?;
        return Ok(gate);
    }
    on_gpu(&gate, up)
}

fn on_gpu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    candle_nn::ops::silu(gate)? * up
}

struct SwiGlu;

impl InplaceOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, gate: &mut CpuStorage, gl: &Layout, up: &CpuStorage, ul: &Layout) -> Result<()> {
        let up = contiguous(up, ul)?;
        let (CpuStorage::F32(gate), Some((start, end))) = (gate, gl.contiguous_offsets()) else {
            candle_core::bail!("swiglu works on contiguous f32");
        };
        let one = |(gate, up): (&mut [f32], &[f32])| {
            for (gate, up) in gate.iter_mut().zip(up) {
                *gate = *gate / (1.0 + exp(-*gate)) * up;
            }
        };
        let gate = &mut gate[start..end];
        if gate.len() <= CHUNK {
            one((gate, up));
        } else {
            gate.par_chunks_mut(CHUNK).zip(up.par_chunks(CHUNK)).for_each(one);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn the_gate_is_the_one_that_candle_computes_in_two_steps() {
        let gate = Tensor::randn(0_f32, 20.0, (9, 5000), &Device::Cpu).expect("normal values");
        let up = Tensor::randn(0_f32, 1.0, (9, 5000), &Device::Cpu).expect("normal values");
        let expected = on_gpu(&gate, &up).expect("a product");
        let found = swiglu(gate.copy().expect("a copy"), &up).expect("our gate");
        let error = (found - expected).and_then(|d| d.abs()?.max_all()?.to_scalar::<f32>()).expect("a difference");
        assert!(error < 3e-5, "largest difference {error} on values up to about 80");
    }
}
