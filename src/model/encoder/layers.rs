//! What layers of transformers are made of, on candle's tensors in f32: where the norms stand is up to the network.

use super::weights;
use candle_core::{Device, Result, Tensor};
use candle_nn::ops::{layer_norm, softmax_last_dim};

/// One layer.
#[derive(Debug)]
pub(in crate::model) struct Layer {
    /// Query, key and value, one behind the other.
    projections: Linear,
    output: Linear,
    pub(in crate::model) attention_norm: Norm,
    up: Linear,
    down: Linear,
    pub(in crate::model) feed_norm: Norm,
}

/// y = x W^T + b.
#[derive(Debug)]
pub(in crate::model) struct Linear {
    weight: Tensor,
    bias: Tensor,
}

/// Layer norm.
#[derive(Debug)]
pub(in crate::model) struct Norm {
    gain: Tensor,
    bias: Tensor,
    epsilon: f32,
}

impl Layer {
    pub(in crate::model) fn new(layer: weights::Layer, norm_epsilon: f64, device: &Device) -> Result<Self> {
        Ok(Self {
            projections: Linear::new(layer.projections(), device)?,
            output: Linear::new(layer.output, device)?,
            attention_norm: Norm::new(layer.attention_norm, norm_epsilon, device)?,
            up: Linear::new(layer.up, device)?,
            down: Linear::new(layer.down, device)?,
            feed_norm: Norm::new(layer.feed_norm, norm_epsilon, device)?,
        })
    }

    /// output(attention(query x, key x, value x)): `x[sequences * length, h]`, in and out. Each row sees all rows of its
    /// sequence, but for those that `hiding` hides: `[sequences, 1, 1, length]`, added to the scores.
    pub(in crate::model) fn attend(
        &self,
        x: &Tensor,
        [sequences, length, heads]: [usize; 3],
        hiding: Option<&Tensor>,
    ) -> Result<Tensor> {
        let hidden = x.dim(1)?;
        let head = hidden / heads;
        let parts = self.projections.forward(x)?.reshape((sequences, length, 3, heads, head))?;
        let of = |part| parts.narrow(2, part, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
        let (query, key, value) = (of(0)?, of(1)?, of(2)?);
        let scores = (query.matmul(&key.t()?)? * (1.0 / (head as f64).sqrt()))?;
        let scores = match hiding {
            Some(hiding) => scores.broadcast_add(hiding)?,
            None => scores,
        };
        let mixed = softmax_last_dim(&scores)?.matmul(&value)?;
        let mixed = mixed.transpose(1, 2)?.contiguous()?.reshape((sequences * length, hidden))?;
        self.output.forward(&mixed)
    }

    /// down(gelu(up x)), gelu(x) = x (1 + erf(x / sqrt 2)) / 2.
    pub(in crate::model) fn feed(&self, x: &Tensor) -> Result<Tensor> {
        self.down.forward(&self.up.forward(x)?.gelu_erf()?)
    }
}

impl Linear {
    pub(in crate::model) fn new(linear: weights::Linear, device: &Device) -> Result<Self> {
        let outputs = linear.bias.len();
        let inputs = linear.weight.len() / outputs;
        let weight = Tensor::from_vec(linear.weight, (outputs, inputs), device)?;
        Ok(Self { weight, bias: Tensor::from_vec(linear.bias, outputs, device)? })
    }

    /// `[rows, inputs]` to `[rows, outputs]`.
    pub(in crate::model) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
    }
}

impl Norm {
    pub(in crate::model) fn new(norm: weights::Norm, epsilon: f64, device: &Device) -> Result<Self> {
        let vector = |values: Vec<f32>| Tensor::new(values, device);
        Ok(Self { gain: vector(norm.gain)?, bias: vector(norm.bias)?, epsilon: epsilon as f32 })
    }

    /// Each row by itself.
    pub(in crate::model) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        layer_norm(x, &self.gain, &self.bias, self.epsilon)
    }
}
