//! Tiny networks of the llama family on the engine, beside candle with the same weights decoded to f32.

use crate::{device, relative_error};
use dawndusk::engine::{EngineError, Llama, LlamaWeights, Room};
use dawndusk::gpu::{self, Class};
use dawndusk::model::{Config, Device, Model, Opened, Precision, greedy};
use dawndusk::tuner::{CacheFolder, Retune, Tuner};
use std::sync::Arc;

const SEED: u64 = 5;

/// Sizes that are no multiples of a tile where they need not be.
const SMALL: Config = Config {
    layers: 3,
    hidden: 192,
    heads: 6,
    kv_heads: 2,
    head_size: 32,
    feed_forward: 288,
    vocabulary: 331,
    context: 2048,
    rope_base: 100_000.0,
    norm_epsilon: 1e-5,
    tied_embedding: true,
    experts: 0,
    experts_used: 0,
};

/// Columns that are no whole blocks are kept in f32; so this one runs the other format.
const NARROW: Config = Config { hidden: 40, heads: 8, kv_heads: 4, head_size: 4, vocabulary: 50, ..SMALL };

fn tokens(count: usize, vocabulary: usize) -> Vec<u32> {
    (0..count).map(|i| ((i * 7919 + 31) % vocabulary) as u32).collect()
}

fn engine(device: &gpu::Device, shape: Config, room: Room) -> Result<Llama, EngineError> {
    Llama::new(
        &Arc::new(LlamaWeights::load(device, Opened::from_seed("test", shape, SEED).expect("a right shape"))?),
        room,
    )
}

fn on_candle(shape: Config) -> Model {
    Model::from_seed("test", shape, SEED, &Device::cpu(), Precision::F32).expect("a right shape")
}

/// The largest difference of any row of logits.
fn worst(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f64 {
    assert_eq!(found.len(), expected.len(), "as many rows");
    found.iter().zip(expected).map(|(a, b)| relative_error(a, b)).fold(0.0, f64::max)
}

#[test]
fn a_prompt_has_the_logits_that_candle_gives() {
    let Some(device) = device() else { return };
    let untied = Config { tied_embedding: false, kv_heads: 6, ..SMALL };
    for shape in [SMALL, untied, NARROW] {
        let prompt = tokens(75, shape.vocabulary);
        let mut model = engine(device, shape, Room::for_positions(100)).expect("it loads");
        let found = model.prefill_all(&prompt).expect("logits");
        let expected = on_candle(shape).prefill_all(&prompt).expect("logits");
        let error = worst(&found, &expected);
        assert!(error < 1e-5, "{shape:?}, seed {SEED}: relative error {error}");
    }
}

#[test]
fn a_prompt_in_pieces_and_tokens_one_by_one_end_in_the_same_logits() {
    let Some(device) = device() else { return };
    let prompt = tokens(90, SMALL.vocabulary);
    let expected = on_candle(SMALL).prefill_all(&prompt).expect("logits");
    let room = Room { sequences: 1, positions: 90, batch: 33 };
    let mut model = engine(device, SMALL, room).expect("it loads");
    // 70 tokens are three pieces of 33, 33 and 4; the rest come alone.
    let mut found = vec![model.prefill(&prompt[..70]).expect("logits")];
    found.extend(prompt[70..].iter().map(|&token| model.decode(token).expect("logits").remove(0)));
    let error = worst(&found, &expected[69..]);
    assert!(error < 1e-5, "seed {SEED}: relative error {error}");
    assert_eq!(model.position(), 90, "all were read");
}

#[test]
fn what_was_forgotten_leaves_no_trace() {
    let Some(device) = device() else { return };
    let (one, other) = (tokens(40, SMALL.vocabulary), vec![7; 60]);
    let mut model = engine(device, SMALL, Room::for_positions(64)).expect("it loads");
    let expected = model.prefill(&one).expect("logits");
    model.truncate(0);
    model.prefill(&other).expect("logits");
    model.truncate(0);
    assert_eq!(model.prefill(&one).expect("logits"), expected, "the same prompt, bit by bit");
}

#[test]
fn sequences_side_by_side_say_what_one_says_alone() {
    let Some(device) = device() else { return };
    let prompt = tokens(20, SMALL.vocabulary);
    let mut alone = on_candle(SMALL);
    let mut next = greedy(&alone.prefill(&prompt).expect("logits"));
    let expected: Vec<u32> = (0..12)
        .map(|_| {
            next = greedy(&alone.decode(next).expect("logits"));
            next
        })
        .collect();
    for sequences in [1, 3, 9] {
        let room = Room { sequences, positions: 40, batch: 32 };
        let mut model = engine(device, SMALL, room).expect("it loads");
        model.prefill(&prompt).expect("logits");
        let found = model.generate(12).expect("tokens");
        for (step, token) in expected.iter().enumerate() {
            // Seeded logits lie far apart, so that rounding does not decide between two tokens.
            assert_eq!(found[step], vec![*token; sequences], "step {step} of {sequences} sequences, seed {SEED}");
        }
    }
}

#[test]
fn matrices_over_the_largest_binding_are_multiplied_in_parts() {
    let Some(device) = device() else { return };
    let shape = Config { vocabulary: 1000, ..SMALL };
    let prompt = tokens(30, shape.vocabulary);
    let expected = on_candle(shape).prefill_all(&prompt).expect("logits");
    // Activations are up to 98304 bytes; a group of 32 rows of W is 6144, gate and up are 18 such groups, the table 32.
    let small = device.clone().limited(1 << 30, 99_000);
    let mut model = engine(&small, shape, Room { sequences: 1, positions: 32, batch: 32 }).expect("it loads");
    let error = worst(&model.prefill_all(&prompt).expect("logits"), &expected);
    assert!(error < 1e-5, "seed {SEED}: relative error {error}");
}

#[test]
fn a_model_that_does_not_fit_is_refused_with_its_need_and_the_limit() {
    let Some(device) = device() else { return };
    let small = device.clone().limited(100_000, 1 << 30);
    let error = engine(&small, SMALL, Room::for_positions(64)).expect_err("too large");
    let EngineError::Memory { needed, limit, .. } = error else { panic!("not {error}") };
    assert!(limit == 100_000 && needed > limit, "needed {needed} of {limit}");
}

#[test]
fn more_than_there_is_room_for_is_refused_and_changes_nothing() {
    let Some(device) = device() else { return };
    let mut model = engine(device, SMALL, Room::for_positions(32)).expect("it loads");
    model.prefill(&tokens(30, SMALL.vocabulary)).expect("they fit");
    for error in [
        model.prefill(&[1, 2, 3]).expect_err("33 positions"),
        model.generate(3).expect_err("33 positions"),
        model.prefill(&[]).expect_err("no tokens"),
        model.decode(331).expect_err("no such token"),
        engine(device, SMALL, Room::for_positions(4096)).expect_err("over the context"),
        engine(device, Config { head_size: 6, ..SMALL }, Room::for_positions(32)).expect_err("an odd head"),
    ] {
        assert!(!error.to_string().contains('\n'), "one line: {error}");
    }
    assert_eq!(model.position(), 30, "as before");
    model.generate(2).expect("two more fit");
}

#[test]
fn a_closed_device_is_an_error_and_no_panic() {
    if device().is_none() {
        return;
    }
    let adapter = gpu::choose(None).expect("nothing was asked for").expect("there is the one that is open");
    let own = gpu::Device::open(&adapter).expect("it opens twice");
    let mut model = engine(&own, SMALL, Room::for_positions(32)).expect("it loads");
    own.close();
    let error = model.generate(4).expect_err("the device is gone");
    assert!(matches!(error, EngineError::Gpu(gpu::Error::Lost { .. })), "lost, not {error}");
}

#[test]
fn kernels_that_the_tuner_has_chosen_give_the_same_logits() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut tuner = Tuner::open(Some(device), &CacheFolder::at(folder.path().to_owned()), Retune::No);
    let weights = LlamaWeights::load(device, Opened::from_seed("test", SMALL, SEED).expect("a right shape"));
    let weights = weights.and_then(|weights| weights.tuned(&mut tuner)).expect("it loads");
    assert!(!weights.choices().is_empty() && !tuner.choices().is_empty(), "something was chosen");
    let mut model = Llama::new(&Arc::new(weights), Room::for_positions(80)).expect("there is room");
    let prompt = tokens(75, SMALL.vocabulary);
    let expected = on_candle(SMALL).prefill_all(&prompt).expect("logits");
    let error = worst(&model.prefill_all(&prompt).expect("logits"), &expected);
    assert!(error < 1e-5, "{:?}, seed {SEED}: relative error {error}", tuner.choices());
}

#[test]
fn a_cache_longer_than_the_loops_of_a_renderer_is_refused() {
    let Some(device) = device() else { return };
    let long = Config { context: 1 << 17, ..SMALL };
    let outcome = engine(device, long, Room::for_positions(100_000));
    match device.facts().class {
        Class::Software => {
            let error = outcome.expect_err("loops would be left half way").to_string();
            assert!(error.contains("iterations") && error.contains("65535"), "it says what and how many: {error}");
        }
        Class::Hardware => assert!(outcome.is_ok(), "a GPU has no such limit: {:?}", outcome.err()),
    }
}
