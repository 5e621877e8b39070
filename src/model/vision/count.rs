//! The arithmetic and the traffic of classified images.
//!
//! Counted are the matrix products, one multiplication and one addition for each of their terms, without what padding
//! adds. For an image of n rows, its class token included, and a shape [`Shape`]:
//!
//! ```text
//! patches     2 (n - 1) h C P^2
//! layers      2 L n (4 h^2 + 2 h f)
//! attention   4 L n^2 h                    scores and mixing, every row with every row
//! head        2 h K                        of the class token alone
//! ```
//!
//! Norms, GELU, softmax and sums are left out, as is usual: together about 1 % here.

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
    /// Floating-point operations of one image.
    pub fn flop_per_image(&self) -> u64 {
        let Shape { layers, hidden, feed_forward, classes, .. } = self.shape;
        let [layers, h, f, classes, n, pixels] =
            [layers, hidden, feed_forward, classes, self.shape.tokens(), self.shape.patch_pixels()]
                .map(|size| size as u64);
        2 * (n - 1) * h * pixels + layers * (2 * n * (4 * h * h + 2 * h * f) + 4 * n * n * h) + 2 * h * classes
    }

    /// Bytes of all weights, which a batch of any size reads once.
    pub fn weight_bytes(&self) -> u64 {
        WEIGHT_BYTES * self.shape.parameters()
    }

    /// Bytes that a batch of so many images must read and write at least: the weights once, the pixels, the logits.
    pub fn bytes(&self, images: u64) -> u64 {
        self.weight_bytes() + WEIGHT_BYTES * images * (self.shape.pixels() + self.shape.classes) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Profile;

    fn vit_b_16() -> Shape {
        Profile::named("vit-b-16").and_then(|profile| profile.vit()).expect("a profile")
    }

    #[test]
    fn vit_b_16_has_the_parameters_that_are_published() {
        assert_eq!(vit_b_16().parameters(), 86_567_656, "with a head of a thousand classes");
        let counts = Counts { shape: vit_b_16() };
        assert_eq!(counts.weight_bytes(), 4 * 86_567_656, "in f32");
        let multiplications = counts.flop_per_image() / 2;
        assert_eq!(multiplications / 10_000_000, 1756, "17.6 billion multiplications: {multiplications}");
    }

    #[test]
    fn a_batch_reads_the_weights_once() {
        let counts = Counts { shape: vit_b_16() };
        assert_eq!(counts.bytes(3) - counts.bytes(2), 4 * (224 * 224 * 3 + 1000), "an image and its logits");
    }
}
