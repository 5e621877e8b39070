//! The causal softmax: of scores s, weights exp(c (s_j - max s)) / sum over the positions that a query may see.
//!
//! A query at position p sees the positions 0 to p; those after it get weight 0. The positions are known from the
//! index of the row, so that no mask is built or read on a CPU, and what a query cannot see is never computed.

use super::exponential::exp;
use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Result, Tensor};
use rayon::prelude::*;

/// Rows are shared out between threads from this many scores.
const PARALLEL_MIN: usize = 1 << 14;
const LANES: usize = 16;

/// Turns scores into weights: `scores[heads, queries, keys]`, of which row i of each head is the query at position
/// `first + i % period` (several heads may stand one behind the other in the middle dimension). On a GPU the mask
/// says what is hidden; without one nothing is.
pub(super) fn causal_softmax(
    scores: Tensor,
    scale: f64,
    first: usize,
    period: usize,
    mask: Option<&Tensor>,
) -> Result<Tensor> {
    if scores.device().is_cpu() {
        scores.inplace_op1(&CausalSoftmax { scale: scale as f32, first, period })?;
        return Ok(scores);
    }
    on_gpu(&scores, scale, period, mask)
}

/// The mask of a GPU for t queries from position `first` on: `[t, first + t]`, minus infinity where a key is hidden.
pub(super) fn mask(t: usize, first: usize, device: &Device) -> Result<Option<Tensor>> {
    if device.is_cpu() || t == 1 {
        return Ok(None);
    }
    mask_on(t, first, device).map(Some)
}

fn mask_on(t: usize, first: usize, device: &Device) -> Result<Tensor> {
    let keys = first + t;
    let hidden = |i: usize| if i % keys > first + i / keys { f32::NEG_INFINITY } else { 0.0 };
    Tensor::from_vec((0..t * keys).map(hidden).collect::<Vec<f32>>(), (t, keys), device)
}

fn on_gpu(scores: &Tensor, scale: f64, period: usize, mask: Option<&Tensor>) -> Result<Tensor> {
    let (heads, queries, keys) = scores.dims3()?;
    let scores = (scores * scale)?.reshape((heads * queries / period, period, keys))?;
    let scores = match mask {
        None => scores,
        Some(mask) => scores.broadcast_add(mask)?,
    };
    candle_nn::ops::softmax_last_dim(&scores)?.reshape((heads, queries, keys))
}

struct CausalSoftmax {
    scale: f32,
    first: usize,
    period: usize,
}

impl InplaceOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal-softmax"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (_, queries, keys) = layout.shape().dims3()?;
        let (CpuStorage::F32(scores), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            candle_core::bail!("the causal softmax works on contiguous f32");
        };
        let one = |(row, scores): (usize, &mut [f32])| {
            let seen = (self.first + row % queries % self.period + 1).min(keys);
            let (seen, hidden) = scores.split_at_mut(seen);
            softmax_row(seen, self.scale);
            hidden.fill(0.0);
        };
        let scores = &mut scores[start..end];
        if scores.len() < PARALLEL_MIN {
            scores.chunks_exact_mut(keys).enumerate().for_each(one);
        } else {
            scores.par_chunks_exact_mut(keys).enumerate().with_min_len(8).for_each(one);
        }
        Ok(())
    }
}

/// Weights in the place of scores, for one query that sees them all.
pub(super) fn softmax_row(scores: &mut [f32], scale: f32) {
    let mut tops = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = scores.as_chunks::<LANES>();
    for chunk in whole {
        for (top, score) in tops.iter_mut().zip(chunk) {
            *top = if *score > *top { *score } else { *top };
        }
    }
    let top = tops.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0_f32; LANES];
    let (whole, rest) = scores.as_chunks_mut::<LANES>();
    for chunk in whole {
        for (sum, score) in sums.iter_mut().zip(chunk) {
            *score = exp((*score - top) * scale);
            *sum += *score;
        }
    }
    let mut sum: f32 = sums.iter().sum();
    for score in rest {
        *score = exp((*score - top) * scale);
        sum += *score;
    }
    let inverse = 1.0 / sum;
    for score in scores {
        *score *= inverse;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_a_masked_softmax() {
        let (first, period, keys) = (37, 20, 57);
        let scores = Tensor::randn(0_f32, 20.0, (3, 2 * period, keys), &Device::Cpu).expect("normal values");
        let values = scores.to_vec3::<f32>().expect("values");
        let mask = mask_on(period, first, &Device::Cpu).expect("a mask");
        let gpu = on_gpu(&scores, 0.125, period, Some(&mask)).expect("the weights of a GPU");
        let cpu = causal_softmax(scores, 0.125, first, period, None).expect("the weights of a CPU");
        for found in [cpu, gpu].map(|weights| weights.to_vec3::<f32>().expect("weights")) {
            for (head, rows) in values.iter().enumerate() {
                for (row, scores) in rows.iter().enumerate() {
                    let seen = first + row % period + 1;
                    let sum: f64 = scores[..seen].iter().map(|s| (f64::from(*s) * 0.125).exp()).sum();
                    for (key, score) in scores.iter().enumerate() {
                        let expected = if key < seen { (f64::from(*score) * 0.125).exp() / sum } else { 0.0 };
                        let error = (f64::from(found[head][row][key]) - expected).abs();
                        assert!(error < 1e-6, "head {head} row {row} key {key}: off by {error}");
                    }
                }
            }
        }
    }
}
