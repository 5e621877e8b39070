//! The arithmetic and the traffic of a forward pass, as functions of the position.
//!
//! Counted are the matrix products, one multiplication and one addition for each of their terms, without the zeros
//! that padding adds. For a token at position p (from 0) of a network with shape [`Config`]:
//!
//! ```text
//! layers      2 L (2 h d (H + G) + 3 h f)      a mixture of E experts: 2 L (2 h d (H + G) + h E + 3 h f k)
//! attention   4 L H d (p + 1)              scores and mixing over the positions 0..=p
//! head        2 V h                        only where logits are asked for
//! ```
//!
//! Norms, rotary angles, softmax and gate are left out, as is usual: together under 1 % of a model of 135 M weights at
//! its first positions, and a few per cent at position 8000, where the softmax has grown.

use super::config::Config;
use serde::{Deserialize, Serialize};

/// Bytes of one key or value in the cache: f32.
const CACHE_BYTES: u64 = 4;

/// Counts for one model as it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// The shape.
    pub shape: Config,
    /// Bytes of weights that one decoded token reads, with padding; of experts only those that it goes to.
    pub weight_bytes: u64,
}

impl Counts {
    /// Floating-point operations of one token at `position`, without logits.
    fn token_flop(&self, position: u64) -> u64 {
        let shape = &self.shape;
        let width = (shape.heads * shape.head_size) as u64;
        shape.layers as u64 * (2 * shape.layer_weights_used() + 4 * width * (position + 1))
    }

    /// Floating-point operations of one row of logits.
    pub fn logits_flop(&self) -> u64 {
        2 * (self.shape.vocabulary * self.shape.hidden) as u64
    }

    /// Floating-point operations of a prompt of `tokens` from `position` on, with logits for its last token.
    pub fn prefill_flop(&self, position: u64, tokens: u64) -> u64 {
        if tokens == 0 {
            return 0;
        }
        // The tokens of an arithmetic series cost as many times the mean of the first and the last.
        let ends = self.token_flop(position) + self.token_flop(position + tokens - 1);
        tokens * ends / 2 + self.logits_flop()
    }

    /// Floating-point operations of one decoded token at `position`, logits included.
    pub fn decode_flop(&self, position: u64) -> u64 {
        self.token_flop(position) + self.logits_flop()
    }

    /// Bytes that one decoded token at `position` reads: the weights once, and the cache up to its own position.
    pub fn decode_bytes(&self, position: u64) -> u64 {
        let shape = &self.shape;
        let per_position = 2 * (shape.layers * shape.kv_heads * shape.head_size) as u64 * CACHE_BYTES;
        self.weight_bytes + per_position * (position + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Profile;

    fn counts() -> Counts {
        let shape = Profile::named("smollm2-135m").and_then(|profile| profile.llama()).expect("a built-in profile");
        Counts { shape, weight_bytes: 1000 }
    }

    #[test]
    fn a_prompt_costs_what_its_tokens_cost_one_by_one() {
        let counts = counts();
        for (position, tokens) in [(0, 1), (0, 512), (100, 7), (8000, 191)] {
            let apart: u64 = (position..position + tokens).map(|p| counts.decode_flop(p)).sum();
            let logits_saved = (tokens - 1) * counts.logits_flop();
            assert_eq!(counts.prefill_flop(position, tokens), apart - logits_saved, "{tokens} from {position}");
        }
        assert_eq!(counts.prefill_flop(5, 0), 0, "no token, no work");
    }

    #[test]
    fn of_a_mixture_only_the_experts_of_a_token_are_counted() {
        let dense = counts().shape;
        let (h, f, layers) = (576, 1536, 30);
        let mixture = Counts { shape: Config { experts: 8, experts_used: 2, ..dense }, weight_bytes: 1000 };
        // One more network of 3 h f in each layer, and a router of 8 h.
        let more = layers * 2 * (3 * h * f + 8 * h);
        assert_eq!(mixture.decode_flop(5), counts().decode_flop(5) + more, "two networks instead of one");
        let more = layers * (7 * 3 * h * f + 8 * h);
        assert_eq!(mixture.shape.parameters(), dense.parameters() + more, "all eight are there");
    }

    #[test]
    fn grok_1_has_the_parameters_of_its_shape() {
        let shape = Profile::named("grok-1").and_then(|profile| profile.llama()).expect("a built-in profile");
        // 64 (2 x 6144 x 128 x 56 + 8 x 6144 + 8 x 3 x 6144 x 32768) + 131072 x 6144 + 129 x 6144, by hand. Its makers
        // say 314 billion (README of xai-org/grok-1), which is what there is without the table.
        assert_eq!(shape.parameters(), 315_684_034_560, "all experts");
    }

    #[test]
    fn smollm2_135m_has_the_parameters_of_its_name() {
        // 30 (2 x 576 x 64 x 12 + 3 x 576 x 1536) + 49152 x 576 + 61 x 576, by hand.
        assert_eq!(counts().shape.parameters(), 134_515_008, "weights with the table once");
        let matrices = 134_515_008 - 61 * 576;
        assert_eq!(counts().decode_flop(0), 2 * matrices + 4 * 30 * 576, "two per weight, and one position");
    }
}
