//! The arithmetic and the traffic of embeddings.
//!
//! Counted are the matrix products, one multiplication and one addition for each of their terms, without what padding
//! adds. For a sentence of n tokens, its two marks included, and a shape [`Shape`]:
//!
//! ```text
//! layers      2 L n (4 h^2 + 2 h f)
//! attention   4 L n^2 h                    scores and mixing, every token with every token
//! ```
//!
//! Look-up, norms, GELU, softmax and the mean are left out, as is usual: together about 1 % here.

use super::shape::Shape;
use serde::{Deserialize, Serialize};

/// Bytes of a weight: f32.
const WEIGHT_BYTES: u64 = 4;

/// Counts for one shape.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// The shape.
    pub shape: Shape,
}

impl Counts {
    /// Floating-point operations of sentences of so many tokens each.
    pub fn flop(&self, lengths: impl IntoIterator<Item = usize>) -> u64 {
        let [h, f, layers] = [self.shape.hidden, self.shape.feed_forward, self.shape.layers].map(|size| size as u64);
        let sentence = |n: u64| layers * (2 * n * (4 * h * h + 2 * h * f) + 4 * n * n * h);
        lengths.into_iter().map(|length| sentence(length as u64)).sum()
    }

    /// Bytes that a batch of sentences of so many tokens each must read and write at least: the layers and the norm
    /// of the embeddings once, the rows of its tokens and positions, and the embeddings that come out.
    pub fn bytes(&self, lengths: impl IntoIterator<Item = usize>) -> u64 {
        let (sentences, tokens, longest) =
            lengths.into_iter().fold((0, 0, 0), |(sentences, tokens, longest), length| {
                (sentences + 1, tokens + length, length.max(longest))
            });
        let rows = sentences + tokens + longest + 3;
        let layers = self.shape.layers as u64 * self.shape.layer_parameters();
        WEIGHT_BYTES * (layers + (rows * self.shape.hidden) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Profile;

    fn counts() -> Counts {
        Counts { shape: Profile::named("all-minilm-l6-v2").and_then(|profile| profile.bert()).expect("a profile") }
    }

    #[test]
    fn minilm_has_the_parameters_of_its_file() {
        // The file without its header, the numbers of the positions (512 of 8 bytes) and the pooler (384 x 385).
        let file = 90_868_376 - 8 - 11_408 - 4096 - 4 * 384 * 385;
        assert_eq!(WEIGHT_BYTES * counts().shape.parameters(), file, "every weight is counted");
    }

    #[test]
    fn a_sentence_costs_two_operations_a_weight_and_token_and_its_attention() {
        let matrices = 6 * (4 * 384 * 384 + 2 * 384 * 1536);
        assert_eq!(counts().flop([1]), 2 * matrices + 6 * 4 * 384, "one token");
        assert_eq!(counts().flop([7, 7]), 2 * counts().flop([7]), "sentences are apart");
        assert_eq!(counts().flop([]), 0, "no sentence, no work");
    }

    #[test]
    fn a_batch_reads_the_layers_once() {
        let (one, two) = (counts().bytes([9]), counts().bytes([9, 9]));
        assert_eq!(two - one, 4 * 384 * (9 + 1), "the rows of a second sentence and its embedding");
    }
}
