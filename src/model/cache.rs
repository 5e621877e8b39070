//! The keys and values of every position so far, in f32, per layer `[key-value heads, capacity, head size]`.
//!
//! The capacity starts small and doubles, so that a long context costs memory only when it is used; what is behind
//! the current length is never read, which makes going back to an earlier position free.

use candle_core::{DType, Device, Result, Tensor};

/// Capacity at the start, positions.
const CAPACITY_MIN: usize = 256;

/// Keys and values of one layer.
#[derive(Debug)]
pub(super) struct LayerCache {
    keys: Tensor,
    values: Tensor,
}

impl LayerCache {
    pub(super) fn new(kv_heads: usize, head_size: usize, device: &Device) -> Result<Self> {
        let empty = || Tensor::zeros((kv_heads, CAPACITY_MIN, head_size), DType::F32, device);
        Ok(Self { keys: empty()?, values: empty()? })
    }

    /// An empty one of the same size, for the same weights at work somewhere else.
    pub(super) fn another(&self) -> Result<Self> {
        Ok(Self { keys: self.keys.zeros_like()?, values: self.values.zeros_like()? })
    }

    /// Makes room for `positions`, keeping the first `kept`.
    pub(super) fn reserve(&mut self, positions: usize, kept: usize) -> Result<()> {
        let (heads, capacity, size) = self.keys.dims3()?;
        if positions <= capacity {
            return Ok(());
        }
        for side in [&mut self.keys, &mut self.values] {
            let wider = Tensor::zeros((heads, positions.next_power_of_two(), size), DType::F32, side.device())?;
            if kept > 0 {
                wider.slice_set(&side.narrow(1, 0, kept)?.contiguous()?, 1, 0)?;
            }
            *side = wider;
        }
        Ok(())
    }

    /// Writes `[heads, t, size]` at the position `from`, and gives all keys and values up to there and through it.
    pub(super) fn append(&mut self, keys: &Tensor, values: &Tensor, from: usize) -> Result<(Tensor, Tensor)> {
        self.keys.slice_set(keys, 1, from)?;
        self.values.slice_set(values, 1, from)?;
        let length = from + keys.dim(1)?;
        Ok((self.keys.narrow(1, 0, length)?, self.values.narrow(1, 0, length)?))
    }
}
