//! Causal attention with grouped queries.
//!
//! For each query head, softmax(Q K^T / sqrt(d)) V over the positions up to the query's own. The H/G query heads that
//! share a key-value head are stacked behind each other and meet its keys in one product; keys and values are never
//! repeated. Queries go in blocks, and a block meets only the keys up to its last query, so that of the square that a
//! causal mask would hide the most part is not computed at all.
//!
//! A single query on a CPU is too little work for a matrix product with its packing and threads: it runs over the
//! cache in one step of its own.

use super::norm::contiguous;
use super::softmax::{causal_softmax, softmax_row};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// Queries in a block on a CPU. A GPU takes all at once, behind a mask.
const BLOCK: usize = 128;

/// `query[heads, t, d]` of the positions `first..first + t` on `keys` and `values[kv_heads, first + t, d]`: the mixed
/// values as `[t, heads * d]`. The mask is that of [`super::softmax::mask`].
pub(super) fn attention(
    query: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    first: usize,
    mask: Option<&Tensor>,
) -> Result<Tensor> {
    let (heads, t, size) = query.dims3()?;
    if t == 1 && query.device().is_cpu() {
        return query.apply_op3_no_bwd(keys, values, &OneQuery)?.reshape((1, heads * size));
    }
    if t <= BLOCK || !query.device().is_cpu() {
        return block(query, keys, values, first, mask)?.transpose(0, 1)?.reshape((t, heads * size));
    }
    let mut blocks = Vec::with_capacity(t.div_ceil(BLOCK));
    for start in (0..t).step_by(BLOCK) {
        let rows = BLOCK.min(t - start);
        let seen = first + start + rows;
        let query = query.narrow(1, start, rows)?.contiguous()?;
        let mixed = block(&query, &keys.narrow(1, 0, seen)?, &values.narrow(1, 0, seen)?, first + start, None)?;
        blocks.push(mixed.transpose(0, 1)?);
    }
    Tensor::cat(&blocks, 0)?.reshape((t, heads * size))
}

/// One block, `[heads, rows, d]` in and out.
fn block(query: &Tensor, keys: &Tensor, values: &Tensor, first: usize, mask: Option<&Tensor>) -> Result<Tensor> {
    let (heads, rows, size) = query.dims3()?;
    let kv_heads = keys.dim(0)?;
    let stacked = query.reshape((kv_heads, heads / kv_heads * rows, size))?;
    let scores = stacked.matmul(&keys.t()?)?;
    let weights = causal_softmax(scores, 1.0 / (size as f64).sqrt(), first, rows, mask)?;
    weights.matmul(values)?.reshape((heads, rows, size))
}

/// Attention of one query, `[heads, 1, d]` in and out.
struct OneQuery;

/// Key-value heads are shared out between threads from this many multiplications.
const PARALLEL_MIN: usize = 1 << 21;
/// Products are added in this many lanes, so that the compiler can use vector registers.
const LANES: usize = 16;

impl CustomOp3 for OneQuery {
    fn name(&self) -> &'static str {
        "attention-of-one-query"
    }

    fn cpu_fwd(
        &self,
        query: &CpuStorage,
        ql: &Layout,
        keys: &CpuStorage,
        kl: &Layout,
        values: &CpuStorage,
        vl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (heads, _, size) = ql.shape().dims3()?;
        let (kv_heads, seen, _) = kl.shape().dims3()?;
        let query = contiguous(query, ql)?;
        let (keys, values) = (per_head(keys, kl)?, per_head(values, vl)?);
        let group = heads / kv_heads;
        let mut mixed = vec![0_f32; heads * size];
        let one = |(head, out): (usize, &mut [f32])| {
            let mut weights = vec![0_f32; seen];
            let queries = query[head * group * size..].chunks_exact(size);
            for (query, out) in queries.zip(out.chunks_exact_mut(size)) {
                for (weight, key) in weights.iter_mut().zip(keys(head).chunks_exact(size)) {
                    *weight = dot(query, key);
                }
                softmax_row(&mut weights, 1.0 / (size as f32).sqrt());
                for (weight, value) in weights.iter().zip(values(head).chunks_exact(size)) {
                    out.iter_mut().zip(value).for_each(|(out, value)| *out += weight * value);
                }
            }
        };
        if 2 * heads * seen * size < PARALLEL_MIN {
            mixed.chunks_exact_mut(group * size).enumerate().for_each(one);
        } else {
            mixed.par_chunks_exact_mut(group * size).enumerate().for_each(one);
        }
        Ok((CpuStorage::F32(mixed), (heads, 1, size).into()))
    }
}

/// The rows of each head of a cache `[kv_heads, seen, d]`, one behind the other within a head.
fn per_head<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<impl Fn(usize) -> &'a [f32]> {
    let (_, seen, size) = layout.shape().dims3()?;
    let &[stride, row, 1] = layout.stride() else {
        candle_core::bail!("rows of a cache are contiguous, these are {layout:?}");
    };
    if row != size {
        candle_core::bail!("rows of a cache follow each other, these are {layout:?}");
    }
    let all = &storage.as_slice::<f32>()?[layout.start_offset()..];
    Ok(move |head: usize| &all[head * stride..][..seen * size])
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0_f32; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn one_query_meets_a_cache_as_a_block_of_queries_does() {
        let normal = |shape| Tensor::randn(0_f32, 1.0, shape, &Device::Cpu).expect("normal values");
        // The last is long enough to be shared out between threads.
        for seen in [1, 2, 37, 300, 2500] {
            let (cache_of_keys, cache_of_values) = (normal((3, 4096, 64)), normal((3, 4096, 64)));
            let keys = cache_of_keys.narrow(1, 0, seen).expect("the positions so far");
            let values = cache_of_values.narrow(1, 0, seen).expect("the positions so far");
            let query = normal((9, 1, 64));
            let expected = block(&query, &keys, &values, seen - 1, None).and_then(|t| t.reshape((1, 576)));
            let found = attention(&query, &keys, &values, seen - 1, None).expect("our mix");
            let error = (found - expected.expect("the mix of a block"))
                .and_then(|d| d.abs()?.max_all()?.to_scalar::<f32>())
                .expect("a difference");
            assert!(error < 1e-5, "{seen} positions: largest difference {error}");
        }
    }

    #[test]
    fn a_cache_of_another_layout_is_refused() {
        let keys = Tensor::zeros((3, 64, 5), candle_core::DType::F32, &Device::Cpu).expect("zeros");
        let turned = keys.transpose(1, 2).expect("another layout");
        let query = Tensor::zeros((9, 1, 64), candle_core::DType::F32, &Device::Cpu).expect("zeros");
        let message = attention(&query, &turned, &turned, 4, None).expect_err("rows apart").to_string();
        assert!(message.contains("rows of a cache"), "{message}");
    }
}
