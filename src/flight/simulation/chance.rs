//! Chance by number: the n-th draw of a seed, whoever asks and in whatever order.
//!
//! Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014): the finaliser of SplitMix64.

/// A number from 0 up to 1, evenly spread.
pub(super) fn chance(seed: u64, n: u64) -> f64 {
    let mut bits = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_differ_between_seeds() {
        let of = |seed| (0..10_000).map(move |n| chance(seed, n));
        let mean = (1..=10).flat_map(of).sum::<f64>() / 1e5;
        // Five standard deviations of such a mean.
        assert!((mean - 0.5).abs() < 5.0 / (12.0f64 * 1e5).sqrt(), "mean {mean}");
        assert!((0..100).all(|n| chance(1, n) != chance(2, n)), "seeds differ");
    }
}
