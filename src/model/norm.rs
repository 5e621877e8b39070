//! The RMS norm: y_i = w_i x_i / sqrt(mean(x^2) + epsilon), over each row of `[t, n]`.
//!
//! Zhang and Sennrich 2019 (arXiv 1910.07467). On a CPU one pass per row, which also leaves the zeros that a padded
//! matrix wants behind the row ([`super::linear`]); elsewhere candle's own kernel.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// Rows are shared out between threads from this many elements.
const PARALLEL_MIN: usize = 1 << 15;
/// Sums run in this many lanes, so that the compiler can use vector registers. The order of additions within a row
/// does not depend on the other rows.
const LANES: usize = 16;

/// The norm of each row of `x[t, n]` with weights `[n]`: `[t, width]`, zeros beyond n.
pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, epsilon: f64, width: usize) -> Result<Tensor> {
    match x.device().is_cpu() {
        true => x.apply_op2_no_bwd(weight, &RmsNorm { epsilon: epsilon as f32, width }),
        false => on_gpu(x, weight, epsilon, width),
    }
}

fn on_gpu(x: &Tensor, weight: &Tensor, epsilon: f64, width: usize) -> Result<Tensor> {
    let y = candle_nn::ops::rms_norm(x, weight, epsilon as f32)?;
    y.pad_with_zeros(1, 0, width - x.dim(1)?)
}

struct RmsNorm {
    epsilon: f32,
    width: usize,
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm-padded"
    }

    fn cpu_fwd(&self, x: &CpuStorage, xl: &Layout, w: &CpuStorage, wl: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, columns) = xl.shape().dims2()?;
        let (x, w) = (contiguous(x, xl)?, contiguous(w, wl)?);
        let mut y = vec![0_f32; rows * self.width];
        let one = |(x, y): (&[f32], &mut [f32])| norm_row(x, w, self.epsilon, y);
        if rows * columns < PARALLEL_MIN {
            x.chunks_exact(columns).zip(y.chunks_exact_mut(self.width)).for_each(one);
        } else {
            x.par_chunks_exact(columns).zip(y.par_chunks_exact_mut(self.width)).with_min_len(16).for_each(one);
        }
        Ok((CpuStorage::F32(y), (rows, self.width).into()))
    }
}

/// The elements of a contiguous f32 tensor.
pub(super) fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => candle_core::bail!("a contiguous tensor is needed, this is {layout:?}"),
    }
}

fn norm_row(x: &[f32], weight: &[f32], epsilon: f32, y: &mut [f32]) {
    let mut sums = [0_f32; LANES];
    let (whole, rest) = x.as_chunks::<LANES>();
    for chunk in whole {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value * value;
        }
    }
    let squares: f32 = sums.iter().sum::<f32>() + rest.iter().map(|v| v * v).sum::<f32>();
    let scale = 1.0 / (squares / x.len() as f32 + epsilon).sqrt();
    for ((y, x), weight) in y.iter_mut().zip(x).zip(weight) {
        *y = x * scale * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_row_has_the_norm_that_candle_gives_and_zeros_behind_it() {
        let x = Tensor::randn(0_f32, 3.0, (70, 577), &Device::Cpu).expect("normal values");
        let weight = Tensor::randn(1_f32, 0.2, 577, &Device::Cpu).expect("normal values");
        let expected = candle_nn::ops::rms_norm_slow(&x, &weight, 1e-5).expect("candle's norm");
        for form in [rms_norm, on_gpu] {
            let found = form(&x, &weight, 1e-5, 768).expect("our norm");
            let kept = found.narrow(1, 0, 577).expect("the row");
            let error = (kept - &expected).and_then(|d| d.abs()?.max_all()?.to_scalar::<f32>()).expect("a difference");
            assert!(error < 1e-5, "largest difference {error}");
            let zeros = found.narrow(1, 577, 768 - 577).and_then(|z| z.abs()?.max_all()?.to_scalar::<f32>());
            assert_eq!(zeros.expect("the padding"), 0.0, "the padding stays zero");
        }
    }
}
