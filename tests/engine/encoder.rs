//! The sentence encoder on kernels against candle: the same embeddings, whatever stands beside a sentence.

use crate::{device, relative_error};
use dawndusk::engine::encoder::Encoder;
use dawndusk::model::encoder::{Checkpoint, Encoder as Reference, Shape};
use dawndusk::model::{self, ModelChoice};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// No two sizes alike, and none a multiple of a tile of 64.
const TINY: Shape = Shape {
    layers: 3,
    hidden: 96,
    heads: 12,
    feed_forward: 44,
    vocabulary: 50,
    positions: 70,
    kinds: 2,
    norm_epsilon: 1e-12,
    length: 32,
};

const SEED: u64 = 9;

/// Sentences of random tokens, from one token up to `longest`.
fn random_sentences(count: usize, longest: usize) -> Vec<Vec<u32>> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let length = |index: usize| if index == 0 { longest } else { 1 + index * 5 % longest };
    (0..count)
        .map(|index| (0..length(index)).map(|_| random.random_range(0..TINY.vocabulary as u32)).collect())
        .collect()
}

fn tiny() -> Checkpoint {
    Checkpoint::from_seed("tiny", TINY, SEED).expect("a checkpoint")
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn a_seeded_network_gives_the_embeddings_of_candle() {
    let Some(device) = device() else { return };
    let reference = Reference::new(tiny(), &model::Device::cpu()).expect("candle has room");
    for [sentences, tokens] in [[1, 1], [3, 32], [5, 33], [2, 70], [16, 7]] {
        let mut encoder = Encoder::new(device, &tiny(), [sentences, tokens]).expect("a small encoder");
        // Whole batches, and one that is not full.
        let texts = random_sentences(2 * sentences + 1, tokens);
        let expected = reference.embed(&texts).expect("candle's embeddings");
        let found = encoder.embed(&texts).expect("embeddings");
        assert_eq!(found.len(), texts.len(), "an embedding for each sentence");
        for ((found, expected), text) in found.iter().zip(&expected).zip(&texts) {
            let error = relative_error(found, expected);
            let case = format!("{} of {tokens} tokens, {sentences} sentences, seed {SEED}", text.len());
            assert!(error < 1e-5, "{case}: relative error {error}");
        }
    }
}

#[test]
fn a_sentence_has_the_same_embedding_in_any_company() {
    let Some(device) = device() else { return };
    let mut encoder = Encoder::new(device, &tiny(), [4, 40]).expect("a small encoder");
    let texts = random_sentences(4, 40);
    let together = encoder.embed(&texts).expect("embeddings");
    for (text, together) in texts.iter().zip(&together).rev() {
        let alone = encoder.embed(std::slice::from_ref(text)).expect("an embedding");
        assert_eq!(alone[0], *together, "{} tokens: the same bits", text.len());
    }
}

#[test]
fn what_has_no_room_is_refused_with_the_range() {
    let Some(device) = device() else { return };
    let mut encoder = Encoder::new(device, &tiny(), [2, 8]).expect("a small encoder");
    let cases = [
        (vec![], "allowed: 1 and more"),
        (vec![1, 50], "token 50; allowed: 0 to 49"),
        (vec![1; 9], "9 positions; allowed: up to 8"),
    ];
    for (tokens, part) in cases {
        let message = encoder.embed(&[vec![1], tokens]).expect_err(part).to_string();
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    let sizes = [
        ([0, 8], "the number of sentences in a batch is 0; this engine takes 1 to 65535"),
        ([2, 71], "the room for tokens is 71; this engine takes 1 up to the positions"),
    ];
    for (batch, part) in sizes {
        let message = Encoder::new(device, &tiny(), batch).expect_err(part).to_string();
        assert!(message.contains(part) && message.contains("tiny"), "{part:?} is not in: {message}");
    }
    let shapes = [
        (Shape { hidden: 36, ..TINY }, "the hidden size is 36; this engine takes multiples of 32"),
        (Shape { heads: 16, ..TINY }, "the size of a head is 6; this engine takes multiples of 4"),
    ];
    for (shape, part) in shapes {
        let odd = Checkpoint::from_seed("odd", shape, SEED).expect("a checkpoint");
        let message = Encoder::new(device, &odd, [1, 8]).expect_err(part).to_string();
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

/// The real weights; `None` only where the environment says that there are none.
fn real() -> Option<Checkpoint> {
    match Checkpoint::open(&ModelChoice::Registered("all-minilm-l6-v2".to_owned())) {
        Ok(checkpoint) => Some(checkpoint),
        Err(_) if std::env::var("DAWNDUSK_NO_WEIGHTS").is_ok_and(|value| value == "1") => {
            #[expect(clippy::print_stderr, reason = "a test that shows nothing says so")]
            {
                eprintln!("DAWNDUSK_NO_WEIGHTS=1: this test of the real weights shows nothing");
            }
            None
        }
        Err(error) => panic!(
            "the real weights are needed: run `make models`, or set DAWNDUSK_NO_WEIGHTS=1 to do without ({error})"
        ),
    }
}

#[test]
fn real_weights_give_the_embeddings_of_candle_over_a_hundred_sentences() {
    let Some(device) = device() else { return };
    let Some(checkpoint) = real() else { return };
    let tokenizer = checkpoint.tokenizer.as_ref().expect("a tokenizer");
    let lines: Vec<&str> = include_str!("sentences.txt").lines().collect();
    assert_eq!(lines.len(), 100, "a hundred sentences");
    let texts: Vec<Vec<u32>> = lines.iter().map(|line| tokenizer.encode(line).expect("tokens")).collect();
    let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
    let mut encoder = Encoder::new(device, &checkpoint, [20, longest]).expect("it fits");
    let found = encoder.embed(&texts).expect("embeddings");
    let reference = Reference::new(checkpoint, &model::Device::cpu()).expect("candle has room");
    let expected = reference.embed(&texts).expect("candle's embeddings");
    for ((found, expected), line) in found.iter().zip(&expected).zip(&lines) {
        let near = cosine(found, expected);
        assert!(near >= 0.9999, "{line:?}: cosine {near}");
        // Far stricter than the cosine: both are f32, and differ by rounding alone.
        let error = relative_error(found, expected);
        assert!(error < 1e-5, "{line:?}: relative error {error}");
    }
}
