//! Operands from a seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// `len` words, uniform from `low` up to `high`. Each operand of a kernel takes its own stream of the same seed, so
/// that its words do not depend on the sizes of the others.
pub(super) fn uniform(seed: u64, stream: u64, len: usize, low: f32, high: f32) -> Vec<f32> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    (0..len).map(|_| low + (high - low) * generator.random::<f32>()).collect()
}

/// `len` whole numbers from `least` to `most`, as f32: row numbers and lengths.
pub(super) fn whole_numbers(seed: u64, stream: u64, len: usize, least: u32, most: u32) -> Vec<f32> {
    let span = f64::from(most - least) + 1.0;
    let drawn = uniform(seed, stream, len, 0.0, 1.0).into_iter();
    drawn.map(|share| (least + ((f64::from(share) * span) as u32).min(most - least)) as f32).collect()
}
