//! Rotary positions: each pair (x_2i, x_2i+1) of a head turns by the angle p base^(-2i/d) at position p.
//!
//! Su et al. 2021 (arXiv 2104.09864). The files of this architecture keep the two of a pair next to each other
//! (the converter permutes the rows of query and key for it), so the pairs are interleaved here.

use super::norm::contiguous;
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// Heads are shared out between threads from this many elements.
const PARALLEL_MIN: usize = 1 << 16;

/// Cosine and sine for the positions asked for so far.
#[derive(Clone, Debug)]
pub(super) struct Rotary {
    base: f64,
    head_size: usize,
    cosine: Tensor,
    sine: Tensor,
}

impl Rotary {
    pub(super) fn new(base: f64, head_size: usize, device: &Device) -> Result<Self> {
        let (cosine, sine) = tables(base, head_size, 64, device)?;
        Ok(Self { base, head_size, cosine, sine })
    }

    /// Makes the tables long enough for this many positions.
    pub(super) fn reserve(&mut self, positions: usize) -> Result<()> {
        if positions > self.cosine.dim(0)? {
            let device = self.cosine.device().clone();
            (self.cosine, self.sine) = tables(self.base, self.head_size, positions.next_power_of_two(), &device)?;
        }
        Ok(())
    }

    /// Splits `x[t, heads * d]` into heads `[heads, t, d]` and turns each row by its position, the first at `from`.
    pub(super) fn heads(&self, x: &Tensor, from: usize) -> Result<Tensor> {
        let t = x.dim(0)?;
        let (cosine, sine) = (self.cosine.narrow(0, from, t)?, self.sine.narrow(0, from, t)?);
        match x.device().is_cpu() {
            true => x.apply_op3_no_bwd(&cosine, &sine, &Turn { head_size: self.head_size }),
            false => on_gpu(x, &cosine, &sine, self.head_size),
        }
    }
}

fn on_gpu(x: &Tensor, cosine: &Tensor, sine: &Tensor, head_size: usize) -> Result<Tensor> {
    let (t, width) = x.dims2()?;
    let split = x.reshape((1, t, width / head_size, head_size))?.transpose(1, 2)?.contiguous()?;
    candle_nn::rotary_emb::rope_i(&split, cosine, sine)?.squeeze(0)
}

/// Angles in f64, so that a position of a million still has its angle to 1e-10.
fn tables(base: f64, head_size: usize, positions: usize, device: &Device) -> Result<(Tensor, Tensor)> {
    let half = head_size / 2;
    let angle = |index: usize| {
        let (position, pair) = (index / half, index % half);
        position as f64 * base.powf(-2.0 * pair as f64 / head_size as f64)
    };
    let cosine: Vec<f32> = (0..positions * half).map(|i| angle(i).cos() as f32).collect();
    let sine: Vec<f32> = (0..positions * half).map(|i| angle(i).sin() as f32).collect();
    Ok((Tensor::from_vec(cosine, (positions, half), device)?, Tensor::from_vec(sine, (positions, half), device)?))
}

struct Turn {
    head_size: usize,
}

impl CustomOp3 for Turn {
    fn name(&self) -> &'static str {
        "rotary-heads"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        cosine: &CpuStorage,
        cl: &Layout,
        sine: &CpuStorage,
        sl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (t, width) = xl.shape().dims2()?;
        let (x, cosine, sine) = (contiguous(x, xl)?, contiguous(cosine, cl)?, contiguous(sine, sl)?);
        let size = self.head_size;
        let half = size / 2;
        let mut turned = vec![0_f32; t * width];
        let one = |(head, out): (usize, &mut [f32])| {
            for (position, out) in out.chunks_exact_mut(size).enumerate() {
                let row = &x[position * width + head * size..][..size];
                let angles = cosine[position * half..].iter().zip(&sine[position * half..]);
                let (pairs, _) = row.as_chunks::<2>();
                let (outs, _) = out.as_chunks_mut::<2>();
                for (([a, b], out), (cosine, sine)) in pairs.iter().zip(outs).zip(angles) {
                    *out = [a * cosine - b * sine, a * sine + b * cosine];
                }
            }
        };
        if t * width < PARALLEL_MIN {
            turned.chunks_exact_mut(t * size).enumerate().for_each(one);
        } else {
            turned.par_chunks_exact_mut(t * size).enumerate().for_each(one);
        }
        Ok((CpuStorage::F32(turned), (width / size, t, size).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_turn_as_in_candle_from_any_first_position() {
        let mut rotary = Rotary::new(1e5, 64, &Device::Cpu).expect("tables");
        rotary.reserve(300).expect("longer tables");
        let x = Tensor::randn(0_f32, 1.0, (150, 9 * 64), &Device::Cpu).expect("normal values");
        let found = rotary.heads(&x, 120).expect("our heads");
        let split = x.reshape((1, 150, 9, 64)).and_then(|x| x.transpose(1, 2)?.contiguous()).expect("heads");
        let narrow = |table: &Tensor| table.narrow(0, 120, 150).expect("positions 120 to 269");
        let expected = candle_nn::rotary_emb::rope_i_slow(&split, &narrow(&rotary.cosine), &narrow(&rotary.sine))
            .and_then(|x| x.squeeze(0))
            .expect("candle's heads");
        let gpu = on_gpu(&x, &narrow(&rotary.cosine), &narrow(&rotary.sine), 64).expect("the heads of a GPU");
        for found in [found, gpu] {
            let error = (found - &expected).and_then(|d| d.abs()?.max_all()?.to_scalar::<f32>()).expect("a difference");
            assert!(error < 1e-6, "largest difference {error}");
        }
    }
}
