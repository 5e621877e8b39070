//! The causal softmax: of scores s, weights exp(c (s_j - max s)) / sum over the positions that a query may see.
//!
//! A query at position p sees the positions 0 to p; those after it get weight 0. The positions are known from the
//! index of the row, so that no mask is built or read on a CPU, and what a query cannot see is never computed.

use super::exponential::exp;
use candle_core::{CpuStorage, DType, InplaceOp1, Layout, Result, Tensor};
use rayon::prelude::*;

/// Rows are shared out between threads from this many scores.
const PARALLEL_MIN: usize = 1 << 14;
const LANES: usize = 16;

/// Turns scores into weights: `scores[heads, queries, keys]`, of which row i of each head is the query at position
/// `first + i % period` (several heads may stand one behind the other in the middle dimension).
pub(super) fn causal_softmax(scores: Tensor, scale: f64, first: usize, period: usize) -> Result<Tensor> {
    if scores.device().is_cpu() {
        scores.inplace_op1(&CausalSoftmax { scale: scale as f32, first, period })?;
        return Ok(scores);
    }
    let (_, queries, keys) = scores.dims3()?;
    let scores = (scores * scale)?;
    if period == 1 && first + 1 >= keys {
        return candle_nn::ops::softmax_last_dim(&scores);
    }
    let hidden = |row: usize, key: usize| if key > first + row % period { f32::NEG_INFINITY } else { 0.0 };
    let mask: Vec<f32> = (0..queries * keys).map(|i| hidden(i / keys, i % keys)).collect();
    let mask = Tensor::from_vec(mask, (1, queries, keys), scores.device())?.to_dtype(DType::F32)?;
    candle_nn::ops::softmax_last_dim(&scores.broadcast_add(&mask)?)
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

fn softmax_row(scores: &mut [f32], scale: f32) {
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
    use candle_core::Device;

    #[test]
    fn weights_are_those_of_a_masked_softmax() {
        let (first, period, keys) = (37, 20, 57);
        let scores = Tensor::randn(0_f32, 20.0, (3, 2 * period, keys), &Device::Cpu).expect("normal values");
        let values = scores.to_vec3::<f32>().expect("values");
        let found = causal_softmax(scores, 0.125, first, period).and_then(|t| t.to_vec3::<f32>()).expect("weights");
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
