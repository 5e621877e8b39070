//! Causal attention with grouped queries.
//!
//! For each query head, softmax(Q K^T / sqrt(d)) V over the positions up to the query's own. The H/G query heads that
//! share a key-value head are stacked behind each other and meet its keys in one product; keys and values are never
//! repeated. Queries go in blocks, and a block meets only the keys up to its last query, so that of the square that a
//! causal mask would hide the most part is not computed at all.

use super::softmax::causal_softmax;
use candle_core::{Result, Tensor};

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
