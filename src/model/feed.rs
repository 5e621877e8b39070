//! The feed-forward half of a layer: down(silu(gate n) up n), of one network or of several.
//!
//! Of several, the experts, each row goes to those k for which the router n W^T says most; the results count as the
//! softmax of what it says of these k (Jiang et al. 2024, arXiv 2401.04088, section 2.1). Row by row: this is the
//! reference that others are held against, not the fast way.

use super::ModelError;
use super::config::Config;
use super::gate::swiglu;
use super::linear::Linear;
use super::weights::Weights;
use candle_core::{DType, Result, Tensor};

/// One network, or a router and several.
#[derive(Clone, Debug)]
pub(super) enum Feed {
    Dense(Network),
    Experts { router: Linear, experts: Vec<Network>, used: usize },
}

/// gate, up and down.
#[derive(Clone, Debug)]
pub(super) struct Network {
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl Feed {
    pub(super) fn load(
        layer: usize,
        config: &Config,
        weights: &mut Weights<'_>,
    ) -> std::result::Result<Self, ModelError> {
        let Some([count, used]) = config.mixture() else {
            return Ok(Self::Dense(Network::load(layer, "", config, weights)?));
        };
        let router = weights.matrix(&format!("blk.{layer}.ffn_gate_inp.weight"), [count, config.hidden])?;
        let experts = (0..count).map(|expert| Network::load(layer, &format!(".{expert}"), config, weights));
        Ok(Self::Experts { router, experts: experts.collect::<std::result::Result<_, _>>()?, used })
    }

    /// The width of activations that suits all of its matrices.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Dense(network) => Linear::shared_width(&[&network.gate, &network.up]),
            Self::Experts { router, experts, .. } => {
                let pairs = experts.iter().flat_map(|expert| [&expert.gate, &expert.up]);
                Linear::shared_width(&std::iter::once(router).chain(pairs).collect::<Vec<_>>())
            }
        }
    }

    /// `n[t, width]` in, `[t, hidden]` out.
    pub(super) fn forward(&self, n: &Tensor) -> Result<Tensor> {
        let (router, experts, used) = match self {
            Self::Dense(network) => return network.forward(n),
            Self::Experts { router, experts, used } => (router, experts, *used),
        };
        let scores = router.forward(n)?.to_dtype(DType::F32)?.to_vec2::<f32>()?;
        let mut rows = Vec::with_capacity(scores.len());
        for (index, scores) in scores.iter().enumerate() {
            let row = n.narrow(0, index, 1)?.contiguous()?;
            let mut sum: Option<Tensor> = None;
            for (expert, weight) in choose(scores, used) {
                let part = (experts[expert].forward(&row)? * weight)?;
                sum = Some(match sum {
                    None => part,
                    Some(sum) => (sum + part)?,
                });
            }
            rows.extend(sum);
        }
        Tensor::cat(&rows, 0)
    }

    /// Bytes of weights that one token reads; all experts are alike.
    pub(super) fn bytes_per_token(&self) -> u64 {
        match self {
            Self::Dense(network) => network.bytes(),
            Self::Experts { router, experts, used } => {
                router.bytes() + experts.iter().take(*used).map(Network::bytes).sum::<u64>()
            }
        }
    }
}

impl Network {
    /// `number` is that of an expert, after a dot; a dense network has none.
    fn load(
        layer: usize,
        number: &str,
        config: &Config,
        weights: &mut Weights<'_>,
    ) -> std::result::Result<Self, ModelError> {
        let Config { hidden, feed_forward, .. } = *config;
        let name = |part: &str| format!("blk.{layer}.{part}{number}.weight");
        Ok(Self {
            gate: weights.matrix(&name("ffn_gate"), [feed_forward, hidden])?,
            up: weights.matrix(&name("ffn_up"), [feed_forward, hidden])?,
            down: weights.matrix(&name("ffn_down"), [hidden, feed_forward])?,
        })
    }

    fn forward(&self, n: &Tensor) -> Result<Tensor> {
        let [gate, up] = Linear::forward_all([&self.gate, &self.up], n)?;
        self.down.forward(&swiglu(gate, &up)?)
    }

    fn bytes(&self) -> u64 {
        [&self.gate, &self.up, &self.down].map(Linear::bytes).iter().sum()
    }
}

/// The `used` largest scores, the first of equals, with their softmax.
fn choose(scores: &[f32], used: usize) -> Vec<(usize, f64)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order.truncate(used);
    let top = order.first().map_or(0.0, |&expert| f64::from(scores[expert]));
    let powers: Vec<f64> = order.iter().map(|&expert| (f64::from(scores[expert]) - top).exp()).collect();
    let sum: f64 = powers.iter().sum();
    order.into_iter().zip(powers).map(|(expert, power)| (expert, power / sum)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_scores_are_chosen_and_share_one() {
        let chosen = choose(&[0.0, 3.0, -1.0, 3.0], 2);
        assert_eq!(chosen, [(1, 0.5), (3, 0.5)], "two of equal score");
        let chosen = choose(&[0.0, 1.0], 2);
        let share = 1.0 / (1.0 + (-1.0_f64).exp());
        assert!(chosen[0].0 == 1 && (chosen[0].1 - share).abs() < 1e-12, "by hand: {chosen:?}, not {share}");
        assert!((chosen[0].1 + chosen[1].1 - 1.0).abs() < 1e-12, "together 1: {chosen:?}");
    }
}
