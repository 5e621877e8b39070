//! The network: embed, L times (attend, feed forward), norm, logits.
//!
//! ```text
//! x = table[token]
//! per layer:  x += output(attention(rotary(query n), rotary(key n), value n))   with n = norm(x)
//!             x += down(silu(gate n) up n), or so of experts: see `feed`        with n = norm(x)
//! logits = head norm(x)
//! ```
//!
//! A prompt can come in any pieces: each piece knows its first position, and what came before is in the cache.

use super::ModelError;
use super::attention::attention;
use super::cache::LayerCache;
use super::config::Config;
use super::feed::Feed;
use super::linear::Linear;
use super::norm::rms_norm;
use super::rotary::Rotary;
use super::softmax::mask;
use super::weights::Weights;
use candle_core::{Device, Tensor};

/// Weights, cache and the position that comes next.
#[derive(Debug)]
pub(super) struct Llama {
    config: Config,
    device: Device,
    table: Linear,
    layers: Vec<Layer>,
    norm: Tensor,
    /// `None`: the table.
    head: Option<Linear>,
    rotary: Rotary,
    position: usize,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Tensor,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    feed_norm: Tensor,
    feed: Feed,
    cache: LayerCache,
}

/// What every layer needs to know of the tokens that pass through it.
struct Pass<'a> {
    config: &'a Config,
    rotary: &'a Rotary,
    first: usize,
    mask: Option<&'a Tensor>,
}

impl Llama {
    pub(super) fn load(config: Config, weights: &mut Weights<'_>, device: &Device) -> Result<Self, ModelError> {
        let table_shape = [config.vocabulary, config.hidden];
        let head = match config.tied_embedding {
            true => None,
            false => Some(weights.matrix("output.weight", table_shape)?),
        };
        Ok(Self {
            config,
            device: device.clone(),
            table: weights.matrix("token_embd.weight", table_shape)?,
            layers: (0..config.layers).map(|i| Layer::load(i, &config, weights, device)).collect::<Result<_, _>>()?,
            norm: weights.vector("output_norm.weight", config.hidden)?,
            head,
            rotary: Rotary::new(config.rope_base, config.head_size, device)?,
            position: 0,
        })
    }

    /// The same weights, shared, with an empty cache of its own.
    pub(super) fn with_own_cache(&self) -> candle_core::Result<Self> {
        Ok(Self {
            config: self.config,
            device: self.device.clone(),
            table: self.table.clone(),
            layers: self.layers.iter().map(Layer::with_own_cache).collect::<candle_core::Result<_>>()?,
            norm: self.norm.clone(),
            head: self.head.clone(),
            rotary: self.rotary.clone(),
            position: 0,
        })
    }

    /// The position of the next token.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Forgets every position from this one on.
    pub(super) fn truncate(&mut self, position: usize) {
        self.position = self.position.min(position);
    }

    /// Makes room for this many positions.
    pub(super) fn reserve(&mut self, positions: usize) -> candle_core::Result<()> {
        self.rotary.reserve(positions)?;
        let kept = self.position;
        self.layers.iter_mut().try_for_each(|layer| layer.cache.reserve(positions, kept))
    }

    /// Runs the tokens that come next: `[tokens, hidden]`, before the last norm.
    pub(super) fn run(&mut self, tokens: &[u32]) -> candle_core::Result<Tensor> {
        let first = self.position;
        self.reserve(first + tokens.len())?;
        let mut x = self.table.rows(&Tensor::new(tokens, &self.device)?)?;
        let mask = mask(tokens.len(), first, &self.device)?;
        let pass = Pass { config: &self.config, rotary: &self.rotary, first, mask: mask.as_ref() };
        for layer in &mut self.layers {
            x = layer.forward(&x, &pass)?;
        }
        self.position = first + tokens.len();
        Ok(x)
    }

    /// The logits `[rows, vocabulary]` of rows that came out of [`Llama::run`].
    pub(super) fn logits(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let head = self.head.as_ref().unwrap_or(&self.table);
        head.forward(&rms_norm(x, &self.norm, self.config.norm_epsilon, Linear::shared_width(&[head]))?)
    }

    /// Bytes of weights that one token reads: every matrix and norm once, of experts its own, and its row of the table.
    pub(super) fn bytes_per_token(&self) -> u64 {
        let head = self.head.as_ref().unwrap_or(&self.table).bytes();
        let row = self.table.bytes() / self.config.vocabulary as u64;
        let norms = 4 * self.config.hidden * (2 * self.config.layers + 1);
        self.layers.iter().map(Layer::bytes_per_token).sum::<u64>() + head + row + norms as u64
    }
}

impl Layer {
    /// Tensors share their storage when cloned, which is meant for weights and would be wrong for a cache.
    fn with_own_cache(&self) -> candle_core::Result<Self> {
        Ok(Self {
            attention_norm: self.attention_norm.clone(),
            query: self.query.clone(),
            key: self.key.clone(),
            value: self.value.clone(),
            output: self.output.clone(),
            feed_norm: self.feed_norm.clone(),
            feed: self.feed.clone(),
            cache: self.cache.another()?,
        })
    }

    fn load(index: usize, config: &Config, weights: &mut Weights<'_>, device: &Device) -> Result<Self, ModelError> {
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        let Config { hidden, head_size, .. } = *config;
        let (queries, kv) = (config.heads * head_size, config.kv_heads * head_size);
        Ok(Self {
            attention_norm: weights.vector(&name("attn_norm"), hidden)?,
            query: weights.matrix(&name("attn_q"), [queries, hidden])?,
            key: weights.matrix(&name("attn_k"), [kv, hidden])?,
            value: weights.matrix(&name("attn_v"), [kv, hidden])?,
            output: weights.matrix(&name("attn_output"), [hidden, queries])?,
            feed_norm: weights.vector(&name("ffn_norm"), hidden)?,
            feed: Feed::load(index, config, weights)?,
            cache: LayerCache::new(config.kv_heads, head_size, device)?,
        })
    }

    /// `x[t, hidden]` of the positions from `first` on, in and out.
    fn forward(&mut self, x: &Tensor, pass: &Pass<'_>) -> candle_core::Result<Tensor> {
        let Pass { config, rotary, first, mask } = *pass;
        let t = x.dim(0)?;
        let projections = [&self.query, &self.key, &self.value];
        let normed = rms_norm(x, &self.attention_norm, config.norm_epsilon, Linear::shared_width(&projections))?;
        let [query, key, value] = Linear::forward_all(projections, &normed)?;
        let value = value.reshape((t, config.kv_heads, config.head_size))?.transpose(0, 1)?.contiguous()?;
        let (keys, values) = self.cache.append(&rotary.heads(&key, first)?, &value, first)?;
        let mixed = attention(&rotary.heads(&query, first)?, &keys, &values, first, mask)?;
        let x = (x + self.output.forward(&mixed)?)?;

        let normed = rms_norm(&x, &self.feed_norm, config.norm_epsilon, self.feed.width())?;
        &x + self.feed.forward(&normed)?
    }

    fn bytes_per_token(&self) -> u64 {
        let matrices = [&self.query, &self.key, &self.value, &self.output].map(Linear::bytes);
        matrices.iter().sum::<u64>() + self.feed.bytes_per_token()
    }
}
