//! The network against plain Rust, and against itself in other pieces.

use crate::gguf_writer::network;
use crate::header::TINY;
use crate::reference;
use candle_core::quantized::GgmlDType;
use dawndusk::model::{BATCH, Config, Device, Model, ModelChoice, ModelError, Precision, Store};
use proptest::prelude::*;

/// Wide enough that padding and the fast kernel come into play: 192 columns become 256, 288 become 512.
const SMALL: Config = Config {
    layers: 3,
    hidden: 192,
    heads: 6,
    kv_heads: 2,
    head_size: 32,
    feed_forward: 288,
    vocabulary: 320,
    context: 2048,
    rope_base: 100_000.0,
    norm_epsilon: 1e-5,
    tied_embedding: true,
    experts: 0,
    experts_used: 0,
};

/// |a - b| / |b| in the Euclidean norm.
pub(crate) fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len(), "as many logits");
    let square = |v: f64| v * v;
    let apart: f64 = found.iter().zip(expected).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    let size: f64 = expected.iter().map(|b| square(f64::from(*b))).sum();
    (apart / size).sqrt()
}

pub(crate) fn tokens(count: usize, vocabulary: usize) -> Vec<u32> {
    (0..count).map(|i| ((i * 7919 + 31) % vocabulary) as u32).collect()
}

fn seeded(shape: Config, precision: Precision) -> Model {
    Model::from_seed("test", shape, 5, &Device::cpu(), precision).expect("a seeded model")
}

/// The largest difference between a model from a file and the plain one, over all logits of a prompt.
fn error_against_plain(shape: &Config, kind: GgmlDType, precision: Precision) -> f64 {
    let (file, values) = network(shape, kind, 11);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.gguf");
    std::fs::write(&path, file.bytes()).expect("written");
    let store = Store::at(folder.path().to_owned());
    let choice = ModelChoice::File(path);
    let mut model = Model::open_in(&store, &choice, &Device::cpu(), precision).expect("a right file");
    let prompt = tokens(19, shape.vocabulary);
    let expected = reference::logits(shape, &values, &prompt);
    let found = model.prefill_all(&prompt).expect("logits");
    let single = |row: &[f64]| row.iter().map(|v| *v as f32).collect::<Vec<f32>>();
    found.iter().zip(&expected).map(|(a, b)| relative_error(a, &single(b))).fold(0.0, f64::max)
}

#[test]
fn f32_weights_give_the_logits_of_plain_rust() {
    let untied = Config { tied_embedding: false, kv_heads: 6, ..SMALL };
    for shape in [TINY, SMALL, untied] {
        let error = error_against_plain(&shape, GgmlDType::F32, Precision::Quantised);
        assert!(error < 1e-5, "{shape:?}: relative error {error}");
    }
}

#[test]
fn half_floats_give_the_logits_of_their_values() {
    let error = error_against_plain(&SMALL, GgmlDType::F16, Precision::Quantised);
    assert!(error < 1e-5, "relative error {error}");
}

#[test]
fn decoded_weights_give_the_logits_of_their_values() {
    for kind in [GgmlDType::Q8_0, GgmlDType::Q4_1] {
        let error = error_against_plain(&SMALL, kind, Precision::F32);
        assert!(error < 1e-5, "{kind:?}: relative error {error}");
    }
}

/// Activations are rounded to 8 bits before every product. Rounding with step s leaves an error of s / sqrt(12); with
/// one scale for 256 normal values s is 3 / 127 of their deviation, so 0.7 % per product, and twice that behind the
/// gate, whose values have a longer tail. Seven products per layer, three layers and the head add up to some 4 %.
/// That a product of what rounding leaves alone is exact is shown beside `Linear`.
#[test]
fn quantised_products_stay_within_the_rounding_of_activations() {
    let blocks = Config { hidden: 256, heads: 8, feed_forward: 512, ..SMALL };
    let cases = [
        (GgmlDType::Q8_0, SMALL),
        (GgmlDType::Q4_1, SMALL),
        (GgmlDType::Q8_0, blocks),
        (GgmlDType::Q4_1, blocks),
        (GgmlDType::Q6K, blocks),
    ];
    for (kind, shape) in cases {
        let error = error_against_plain(&shape, kind, Precision::Quantised);
        assert!(error < 0.06, "{kind:?} {shape:?}: relative error {error}");
    }
}

#[test]
fn a_prompt_longer_than_a_batch_and_a_block_is_one_prompt() {
    let prompt = tokens(BATCH + 300, SMALL.vocabulary);
    let mut model = seeded(SMALL, Precision::F32);
    let whole = model.prefill(&prompt).expect("logits");
    for first in [1, 127, 128, 129, BATCH - 1, BATCH, BATCH + 1] {
        model.reset();
        model.prefill(&prompt[..first]).expect("the first piece");
        let found = model.prefill(&prompt[first..]).expect("the rest");
        let error = relative_error(&found, &whole);
        assert!(error < 1e-5, "split at {first}: relative error {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_prompt_in_any_pieces_gives_the_logits_of_the_whole(cuts in prop::collection::vec(1..60_usize, 1..6)) {
        let prompt = tokens(150, SMALL.vocabulary);
        let mut model = seeded(SMALL, Precision::F32);
        let whole = model.prefill_all(&prompt).expect("logits");
        model.reset();
        let (mut rest, mut pieces) = (prompt.as_slice(), Vec::new());
        for cut in cuts {
            let (piece, left) = rest.split_at(cut.min(rest.len()));
            if !piece.is_empty() {
                pieces.extend(model.prefill_all(piece).expect("logits"));
            }
            rest = left;
        }
        if !rest.is_empty() {
            pieces.extend(model.prefill_all(rest).expect("logits"));
        }
        for (position, (found, expected)) in pieces.iter().zip(&whole).enumerate() {
            let error = relative_error(found, expected);
            prop_assert!(error < 1e-5, "position {position}: relative error {error}");
        }
    }
}

#[test]
fn decoding_token_by_token_gives_the_logits_of_the_prompt() {
    let prompt = tokens(140, SMALL.vocabulary);
    let mut model = seeded(SMALL, Precision::F32);
    let whole = model.prefill_all(&prompt).expect("logits");
    model.reset();
    for (position, (token, expected)) in prompt.iter().zip(&whole).enumerate() {
        let found = model.decode(*token).expect("logits");
        let error = relative_error(&found, expected);
        assert!(error < 1e-5, "position {position}: relative error {error}");
    }
}

/// A last bit that differs between two ways of adding can move an activation to the next of its 255 steps.
#[test]
fn quantised_pieces_agree_up_to_a_step_of_the_activations() {
    let prompt = tokens(200, SMALL.vocabulary);
    let mut model = seeded(SMALL, Precision::Quantised);
    let whole = model.prefill(&prompt).expect("logits");
    for first in [1, 64, 128, 199] {
        model.reset();
        model.prefill(&prompt[..first]).expect("the first piece");
        let error = relative_error(&model.prefill(&prompt[first..]).expect("the rest"), &whole);
        assert!(error < 0.01, "split at {first}: relative error {error}");
    }
}

#[test]
fn going_back_and_on_is_as_if_the_rest_had_never_been() {
    let prompt = tokens(90, SMALL.vocabulary);
    let mut model = seeded(SMALL, Precision::F32);
    let expected = model.prefill(&prompt).expect("logits");
    model.truncate(40);
    assert_eq!(model.position(), 40, "positions kept");
    model.prefill(&tokens(30, 17)).expect("something else");
    model.truncate(40);
    model.truncate(1000);
    assert_eq!(model.position(), 40, "going back never goes forward");
    let found = model.prefill(&prompt[40..]).expect("logits");
    let error = relative_error(&found, &expected);
    assert!(error < 1e-5, "relative error {error}");
}

#[test]
fn a_refused_prompt_changes_nothing() {
    let mut model = seeded(TINY, Precision::Quantised);
    model.prefill(&[1, 2, 3]).expect("logits");
    assert!(matches!(model.prefill(&[]), Err(ModelError::NoTokens)), "no tokens");
    let unknown = model.prefill(&[1, 48]).expect_err("an unknown token").to_string();
    assert_eq!(unknown, "token 48; allowed: 0 to 47", "the range is named");
    let full = model.prefill(&[0; 126]).expect_err("a full context").to_string();
    assert_eq!(full, "129 positions; allowed: up to 128, the context of this model", "the room is named");
    assert!(model.reserve(129).is_err(), "no more room than the context");
    assert_eq!(model.position(), 3, "nothing has moved");
    model.prefill(&[0; 125]).expect("the last free positions");
}

#[test]
fn seeded_weights_depend_on_the_seed_and_are_called_synthetic() {
    let logits = |seed| {
        let mut model =
            Model::from_seed("test", SMALL, seed, &Device::cpu(), Precision::Quantised).expect("a seeded model");
        let shown = serde_json::to_value(model.describe()).expect("a description is plain data");
        assert_eq!(shown["provenance"]["kind"], "synthetic", "never called real");
        assert_eq!(shown["provenance"]["seed"], seed, "the seed is part of the result");
        model.prefill(&[1, 2, 3]).expect("logits")
    };
    assert_eq!(logits(7), logits(7), "the same seed, the same bits");
    assert!(relative_error(&logits(7), &logits(8)) > 0.5, "another seed, other weights");
    assert!(logits(7).iter().all(|logit| logit.is_finite()), "sensible scales");
}

#[test]
fn a_shape_at_odds_with_itself_is_refused() {
    let cases = [
        (Config { kv_heads: 0, ..TINY }, "`shape.kv_heads` = 0"),
        (Config { kv_heads: 3, ..TINY }, "a divisor of shape.heads"),
        (Config { head_size: 9, ..TINY }, "an even size"),
        (Config { layers: 0, ..TINY }, "`shape.layers` = 0"),
        (Config { rope_base: f64::NAN, ..TINY }, "`shape.rope_base` = NaN"),
    ];
    for (shape, part) in cases {
        let refused = Model::from_seed("odd", shape, 1, &Device::cpu(), Precision::Quantised);
        let message = refused.expect_err(part).to_string();
        assert!(message.contains(part) && message.starts_with("odd:"), "{part:?} is not in: {message}");
    }
}

#[test]
fn a_model_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Model>();
    let mut model = seeded(TINY, Precision::Quantised);
    let moved = std::thread::spawn(move || model.decode(1).map(|logits| logits.len()));
    assert_eq!(moved.join().expect("no panic").expect("logits"), TINY.vocabulary, "logits from there");
}
